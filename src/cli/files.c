/* Which files a command writes. */
#include "cli.h"
#include <stdlib.h>
#include <string.h>

const char *output_of(const session *s)
{
    const options *o = s->o;
    if (o->output)
        return o->output;
    if (strcmp(s->argv[1], "align") == 0)
        return "aligned.onnx";
    return o->alpha.list.count > 1 ? "merged_{alpha}.onnx" : "merged.onnx";
}

weld_status output_path(char path[PATH_ROOM], const char *pattern, double alpha, weld_error *err)
{
    static const char mark[] = "{alpha}";
    const char *at = strstr(pattern, mark);
    int n = at ? snprintf(path, PATH_ROOM, "%.*s%g%s", (int)(at - pattern), pattern, alpha,
                          at + strlen(mark))
               : snprintf(path, PATH_ROOM, "%s", pattern);
    return n >= 0 && n < PATH_ROOM ? WELD_OK : bad_usage(err, "-o: the path is too long");
}

const char *permutation_of(const options *o)
{
    return o->save_perm ? o->save_perm : o->bundle ? "permutation.json" : NULL;
}

const char *report_format(const char *path)
{
    static const struct {
        const char *end, *format;
    } others[] = {{"txt", "text"}, {"xml", "junit"}};
    const char *dot = strrchr(path, '.');
    const char *const *formats = weld_report_formats();
    for (size_t k = 0; dot && k < 2; k++)
        if (strcmp(dot + 1, others[k].end) == 0)
            return others[k].format;
    for (int k = 0; dot && formats[k]; k++)
        if (strcmp(dot + 1, formats[k]) == 0)
            return formats[k];
    return NULL;
}

bool report_at(report_file *out, const options *o, size_t k)
{
    static const char *const bundled[] = {"report.json", "report.html"};
    const bool plain = o->bundle && !o->reports.count;
    const size_t named = plain ? 2 : o->reports.count;
    const report_file others[] = {{"junit", o->junit}, {"card", o->card}};
    if (k < named) {
        const char *path = plain ? bundled[k] : o->reports.at[k];
        *out = (report_file){report_format(path), path};
        return true;
    }
    for (size_t t = 0, at = named; t < 2; t++)
        if (others[t].path && at++ == k) {
            *out = others[t];
            return true;
        }
    return false;
}

/* ---- before they are written ------------------------------------------------------------------- */

static weld_status add(output_files *list, const char *role, const char *path, int64_t bytes,
                       weld_error *err)
{
    output_file *grown = realloc(list->at, (list->count + 1) * sizeof *grown);
    if (!grown)
        return failed(err, WELD_E_NOMEM, "out of memory");
    list->at = grown;
    output_file *file = &list->at[list->count];
    *file = (output_file){.role = role, .bytes = bytes};
    file->path = strdup(path);
    if (!file->path)
        return failed(err, WELD_E_NOMEM, "out of memory");
    list->count++;
    return WELD_OK;
}

static weld_status add_expected(output_files *list, weld_outputs *outputs, const char *role,
                                const char *path, weld_error *err)
{
    const weld_status st = weld_outputs_expect(outputs, path, err);
    return st == WELD_OK ? add(list, role, path, -1, err) : st;
}

static weld_status add_model_file(output_files *list, weld_outputs *outputs, const session *s,
                                  const weld_model *like, const char *path, weld_error *err)
{
    const weld_external external = (weld_external)word_index("--external", s->o->external);
    int64_t bytes[2];
    char beside[PATH_ROOM + 8];
    weld_status st = weld_outputs_expect_model(outputs, like, path, external, bytes, err);
    if (st == WELD_OK)
        st = add(list, "model", path, bytes[0], err);
    snprintf(beside, sizeof beside, "%.4095s.data", path);
    return st == WELD_OK && bytes[1] ? add(list, "model_data", beside, bytes[1], err) : st;
}

static weld_status add_models(output_files *list, weld_outputs *outputs, const session *s,
                              const merge_list *merges, const weld_model *like, weld_error *err)
{
    char path[PATH_ROOM];
    weld_status st = WELD_OK;
    if (strcmp(s->argv[1], "align") == 0 ||
        s->o->alpha.best) /* the alpha in the name is not known yet */
        return add_model_file(list, outputs, s, like, output_of(s), err);
    for (size_t k = 0; st == WELD_OK && k < merges->written; k++) {
        st = output_path(path, output_of(s), merges->at[k].alpha, err);
        if (st == WELD_OK)
            st = add_model_file(list, outputs, s, like, path, err);
    }
    return st;
}

weld_status list_outputs(output_files *out, weld_outputs *outputs, const session *s,
                         const merge_list *merges, const weld_model *like, weld_error *err)
{
    const options *o = s->o;
    report_file file;
    weld_status st = o->bundle ? add(out, "bundle", o->bundle, -1, err) : WELD_OK;
    if (st == WELD_OK)
        st = add_models(out, outputs, s, merges, like, err);
    if (st == WELD_OK && permutation_of(o))
        st = add_expected(out, outputs, "permutation", permutation_of(o), err);
    for (size_t k = 0; st == WELD_OK && report_at(&file, o, k); k++)
        st = add_expected(out, outputs, "report", file.path, err);
    return st;
}

void free_outputs(output_files *files)
{
    for (size_t k = 0; k < files->count; k++)
        free(files->at[k].path);
    free(files->at);
}
