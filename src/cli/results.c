/* What a command leaves behind: files that appear together, and the report of them. */
#include "cli.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

weld_status add_model(results *r, const session *s, const weld_model *model, const char *path,
                      double alpha, weld_error *err)
{
    char sha256[65];
    const weld_external external = (weld_external)word_index("--external", s->o->external);
    const weld_status st = weld_outputs_add_model(r->outputs, model, path, external, sha256, err);
    return st == WELD_OK ? weld_report_add_output(r->report, path, sha256, alpha, err) : st;
}

/* ---- a bundle ---------------------------------------------------------------------------------- */

/* SOURCE_DATE_EPOCH; 0 = there is none, or it is no time. */
static int64_t source_date(void)
{
    const char *text = getenv("SOURCE_DATE_EPOCH");
    char *end = NULL;
    const long long seconds = text ? strtoll(text, &end, 10) : 0;
    return text && end != text && !*end && seconds > 0 && seconds < 1LL << 33 ? seconds : 0;
}

weld_status open_outputs(weld_outputs **out, const session *s, weld_error *err)
{
    const weld_status st = weld_outputs_create(out, s->ctx, s->o->force, err);
    return st == WELD_OK && s->o->bundle
               ? weld_outputs_bundle(*out, s->o->bundle, source_date(), err)
               : st;
}

/* ---- reports ---------------------------------------------------------------------------------- */

/* As ids are on the hub. */
static bool is_model_id(const char *text)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const size_t owner = strspn(text, letters);
    const size_t name = text[owner] == '/' ? strspn(text + owner + 1, letters) : 0;
    return owner && name && !text[owner + 1 + name];
}

weld_status check_reports(const options *o, weld_error *err)
{
    for (size_t k = 0; k < o->reports.count; k++)
        if (!report_format(o->reports.at[k]))
            return bad_usage(err,
                             "--report %s: the name ends in none of .json .html .md .csv .txt .xml",
                             o->reports.at[k]);
    for (size_t k = 0; k < o->base_models.count; k++)
        if (!is_model_id(o->base_models.at[k]))
            return bad_usage(err,
                             "--base-model: '%.100s', allowed OWNER/NAME of letters, digits, . _ -",
                             o->base_models.at[k]);
    if (o->base_models.count && o->base_models.count != (size_t)o->file_count)
        return bad_usage(err, "--base-model: given %zu times for %d models", o->base_models.count,
                         o->file_count);
    return WELD_OK;
}

static weld_status add_reports(weld_outputs *outputs, const weld_report *report, const options *o,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    report_file file;
    for (size_t k = 0; st == WELD_OK && report_at(&file, o, k); k++)
        st = weld_outputs_add_report(outputs, report, file.format, file.path, err);
    return st;
}

/* The report in a format, to a stream. */
static weld_status print_as(FILE *to, const weld_report *report, const char *format,
                            const session *s, weld_error *err)
{
    char *text;
    const weld_status st = weld_report_text(&text, report, format, err);
    if (st == WELD_OK) {
        fputs(text, to);
        weld_bytes_free(s->ctx, text);
    }
    return st;
}

/* Annotations where the runner reads them, the report where it shows it. */
static weld_status tell_github(const weld_report *report, const session *s, weld_error *err)
{
    const char *path = getenv("GITHUB_STEP_SUMMARY");
    weld_status st = print_as(stderr, report, "github", s, err);
    if (st != WELD_OK || !path || !*path)
        return st;
    FILE *summary = fopen(path, "a");
    if (summary)
        st = print_as(summary, report, "md", s, err);
    if (!summary || fclose(summary) != 0)
        return failed(err, WELD_E_IO, "$GITHUB_STEP_SUMMARY, %.900s: %s", path, strerror(errno));
    return st;
}

static weld_status say_summary(const weld_report *report, const session *s, weld_error *err)
{
    char *text;
    const weld_status st = weld_report_text(&text, report, "text", err);
    if (st == WELD_OK) {
        say(s->talk, text);
        weld_bytes_free(s->ctx, text);
    }
    return st;
}

/* The reports go with the other files of `outputs`, which then appear; and the summary. */
static weld_status leave(weld_outputs *outputs, weld_report *report, const session *s,
                         weld_error *err)
{
    const options *o = s->o;
    weld_status st = weld_report_set_run(report, s->argc, s->argv, seconds_run(), err);
    if (o->bundle)
        weld_report_omit_run(report);
    if (st == WELD_OK && o->base_models.count)
        st = weld_report_name_models(report, o->base_models.at, o->base_models.count, err);
    if (st == WELD_OK)
        st = add_reports(outputs, report, o, err);
    if (st == WELD_OK)
        st = weld_outputs_commit(outputs, err);
    begin_stage(s->talk, NULL);
    if (st == WELD_OK && o->github)
        st = tell_github(report, s, err);
    if (st == WELD_OK && o->json)
        return print_as(stdout, report, "json", s, err);
    return st == WELD_OK ? say_summary(report, s, err) : st;
}

weld_status finish(results *r, const session *s, weld_error *err)
{
    weld_error late = WELD_ERROR_INIT;
    weld_gate_options gates;
    weld_status judged = read_gates(&gates, s->o, err);
    if (judged == WELD_OK && wants_gates(s->o))
        judged = weld_report_judge(r->report, &gates, err);
    if (judged != WELD_OK && judged != WELD_E_NEGATIVE)
        return judged;
    if (leave(r->outputs, r->report, s, &late) == WELD_OK)
        return judged;
    *err = late;
    return late.status;
}

weld_status report_on(weld_report *report, weld_status found, const session *s, weld_error *err)
{
    weld_error late = WELD_ERROR_INIT;
    weld_outputs *outputs = NULL;
    if (!report)
        return found;
    weld_status st = weld_outputs_create(&outputs, s->ctx, s->o->force, &late);
    if (st == WELD_OK)
        st = leave(outputs, report, s, &late);
    weld_outputs_free(outputs);
    if (st == WELD_OK)
        return found;
    *err = late;
    return st;
}

void close_results(results *r)
{
    weld_outputs_free(r->outputs);
    weld_report_free(r->report);
}

weld_status say_preview(weld_report *preview, const session *s, const datasets *d,
                        const output_files *files, weld_error *err)
{
    const struct {
        const char *role;
        const weld_dataset *data;
    } sets[] = {{"data", d->data}, {"match_data", d->match}, {"tune_data", d->tune}};
    weld_status st = weld_report_set_run(preview, s->argc, s->argv, seconds_run(), err);
    for (size_t k = 0; st == WELD_OK && k < sizeof sets / sizeof sets[0]; k++)
        if (sets[k].data)
            st = weld_preview_read(preview, sets[k].role, sets[k].data, err);
    for (size_t k = 0; st == WELD_OK && k < files->count; k++)
        st = weld_preview_write(preview, files->at[k].role, files->at[k].path, files->at[k].bytes,
                                err);
    begin_stage(s->talk, NULL);
    if (st == WELD_OK && s->o->json)
        return print_as(stdout, preview, "json", s, err);
    return st == WELD_OK ? say_summary(preview, s, err) : st;
}
