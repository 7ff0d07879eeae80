/* check, diff and inspect: what the files say. */
#include "cli.h"
#include <stdio.h>

/* Both files are read before the first complaint, so that the user sees all there is to mend. */
static weld_status load_both(weld_model *models[2], const session *s, weld_error *err)
{
    weld_error each[2] = {WELD_ERROR_INIT, WELD_ERROR_INIT};
    weld_status st[2];
    begin_stage(s->talk, "load");
    for (int k = 0; k < 2; k++)
        st[k] = load_model(&models[k], s, s->o->files[k], &each[k]);
    if (st[0] == WELD_OK || st[1] == WELD_OK) {
        *err = each[st[0] == WELD_OK];
        return st[st[0] == WELD_OK];
    }
    *err = each[0];
    snprintf(err->message, sizeof err->message, "1. %.500s; 2. %.500s", each[0].message,
             each[1].message);
    return st[0];
}

weld_status run_check(const session *s, weld_error *err)
{
    weld_model *models[2] = {NULL, NULL};
    weld_report *report = NULL;
    weld_status st = load_both(models, s, err);
    begin_stage(s->talk, "check");
    if (st == WELD_OK)
        st = weld_check(&report, models[0], models[1], err);
    st = report_on(report, st, s, err);
    weld_report_free(report);
    weld_model_free(models[0]);
    weld_model_free(models[1]);
    return st;
}

static weld_status compare(weld_report **report, weld_model *const models[2], const session *s,
                           weld_error *err)
{
    weld_align_options how = WELD_ALIGN_OPTIONS_INIT;
    weld_dataset *data = NULL;
    weld_status st = WELD_OK;
    how.method = s->o->method;
    how.restarts = (int)(s->o->restarts > 1000000 ? 1000000 : s->o->restarts);
    how.seed = (uint64_t)s->o->seed;
    how.graph_order = s->o->graph_order;
    how.candidates = (int)(s->o->candidates > 1000000 ? 1000000 : s->o->candidates);
    how.freeze = s->o->freeze.at;
    how.freeze_count = s->o->freeze.count;
    how.normalize = s->o->normalize;
    how.spec = s->o->spec;
    begin_stage(s->talk, "check");
    if (s->o->match_data)
        st = open_match_data(&data, s, err);
    how.data = data;
    if (st == WELD_OK)
        st = weld_diff(report, models[0], models[1], how.method ? &how : NULL, err);
    weld_dataset_free(data);
    return st;
}

weld_status run_diff(const session *s, weld_error *err)
{
    weld_model *models[2] = {NULL, NULL};
    weld_report *report = NULL;
    weld_status st = load_both(models, s, err);
    if (st == WELD_OK)
        st = compare(&report, models, s, err);
    st = report_on(report, st, s, err);
    weld_report_free(report);
    weld_model_free(models[0]);
    weld_model_free(models[1]);
    return st;
}

static weld_status read_shapes(weld_report **out, const weld_model *model, const session *s,
                               weld_error *err)
{
    weld_shapes_options how = WELD_SHAPES_OPTIONS_INIT;
    how.batch = s->o->shapes_batch;
    how.size_names = s->o->sizes.names;
    how.sizes = s->o->sizes.at;
    how.size_count = s->o->sizes.count;
    return weld_model_shapes(out, model, &how, err);
}

weld_status run_inspect(const session *s, weld_error *err)
{
    weld_model *model = NULL;
    weld_report *report = NULL;
    weld_inspect_options how = WELD_INSPECT_OPTIONS_INIT;
    how.prove = s->o->symmetry;
    how.seed = (uint64_t)s->o->seed;
    how.freeze = s->o->freeze.at;
    how.freeze_count = s->o->freeze.count;
    how.spec = s->o->spec;
    begin_stage(s->talk, "load");
    weld_status st = load_model(&model, s, s->o->files[0], err);
    begin_stage(s->talk, "inspect");
    if (st == WELD_OK)
        st = s->o->shapes ? read_shapes(&report, model, s, err)
                          : weld_model_inspect_as(&report, model, &how, err);
    st = report_on(report, st, s, err);
    weld_report_free(report);
    weld_model_free(model);
    return st;
}
