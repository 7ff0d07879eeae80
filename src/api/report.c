/* Fills the report from models, alignments and measurements. */
#include "api/objects.h"
#include "core/parallel.h"
#include "eval/measure.h"
#include "report/report.h"
#include "tensor/blas.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

weld_status weld_report_add_model(weld_report *r, const char *role, const weld_model *m,
                                  weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_onnx_file *file = m->structure->file;
    const weld_graph *g = m->structure->graph;
    weld_report_opset *opsets = NULL;
    char producer[256];
    snprintf(producer, sizeof producer, "%.120s%s%.120s", file->producer_name,
             file->producer_version[0] ? " " : "", file->producer_version);
    WELD_NEW(opsets, r->ctx, file->opset_count);
    for (int k = 0; k < file->opset_count; k++)
        opsets[k] = (weld_report_opset){file->opsets[k].domain, file->opsets[k].version};
    weld_report_model model = {.role = role,
                               .path = file->name,
                               .sha256 = file->sha256,
                               .producer = producer,
                               .ir = file->ir_version,
                               .opsets = opsets,
                               .opset_count = (size_t)file->opset_count};
    for (int p = 0; p < g->param_count; p++)
        model.parameters += weld_shape_numel(&g->params[p].shape);
    WELD_TRY(weld_report_put_model(r, &model, err));
    for (int k = 0; role[0] != 'M' && k < g->log_count; k++) /* inspect has them in its notes */
        WELD_TRY(weld_report_line(r, &r->canonical, err, "%s: %s", role, g->log[k]));
done:
    weld_free(r->ctx, opsets);
    return st;
}

static weld_status add_class(weld_report *r, weld_report_classes *list, const weld_symmetry *s,
                             int c, const weld_element *element, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_class *k = &s->classes[c];
    char reason[256];
    const char **members = NULL;
    char *text = NULL;
    WELD_NEW(members, r->ctx, k->member_count);
    WELD_NEW(text, r->ctx, (size_t)k->member_count * 256);
    snprintf(reason, sizeof reason, "%s%s%.150s%s", k->pinned ? k->pinned : "",
             k->pin_node < 0 ? "" : " (", k->pin_node < 0 ? "" : s->graph->nodes[k->pin_node].name,
             k->pin_node < 0 ? "" : ")");
    for (int m = 0; m < k->member_count; m++) {
        members[m] = text + 256 * m;
        snprintf(text + 256 * m, 256, "%.200s[%d]", s->graph->params[k->members[m].param].name,
                 k->members[m].axis);
    }
    weld_report_class item = {.name = k->name,
                              .kind = k->pinned ? "pinned" : "free",
                              .reason = k->pinned ? reason : NULL,
                              .size = k->size,
                              .moved = element ? 0 : -1,
                              .members = members,
                              .member_count = (size_t)k->member_count};
    for (int32_t i = 0; element && !k->pinned && i < k->size; i++)
        item.moved += element->perms[c][i] != i;
    WELD_TRY(weld_report_put_class(r, list, &item, err));
done:
    weld_free(r->ctx, members);
    weld_free(r->ctx, text);
    return st;
}

static weld_status add_classes(weld_report *r, weld_report_classes *list, const weld_symmetry *s,
                               const weld_element *element, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int c = 0; c < s->class_count && st == WELD_OK; c++)
        st = add_class(r, list, s, c, element, err);
    return st;
}

/* Hidden units that can't move / hidden units. */
static double pinned_fraction(const weld_symmetry *s)
{
    int64_t pinned = 0, units = 0;
    for (int c = 0; c < s->class_count; c++) {
        units += s->classes[c].size;
        pinned += s->classes[c].pinned ? s->classes[c].size : 0;
    }
    return units ? (double)pinned / (double)units : 0;
}

weld_status weld_report_open(weld_report **out, weld_context *ctx, weld_error *err)
{
    weld_status st = weld_report_new(out, ctx, err);
    if (st == WELD_OK)
        st = weld_report_put_environment(*out, weld_version(), weld_blas_name(),
                                         weld_parallel_slots(ctx), err);
    return st;
}

static weld_report_polish describe_polish(const weld_polish *p)
{
    return (weld_report_polish){.present = p->present,
                                .out_of_time = p->out_of_time,
                                .seconds = p->seconds,
                                .loss = {p->loss[0], p->loss[1]},
                                .samples = p->samples,
                                .tried = p->tried,
                                .kept = p->kept,
                                .sweeps = p->sweeps,
                                .wide = p->wide};
}

static weld_status add_trial(weld_report *r, const weld_alignment *al, int k, weld_error *err)
{
    const weld_trial *trial = &al->trials[k];
    const weld_report_candidate candidate = {.name = trial->candidate->name,
                                             .method = trial->candidate->matcher,
                                             .failure = trial->failure[0] ? trial->failure : NULL,
                                             .loss = trial->loss,
                                             .objective = trial->objective,
                                             .seconds = trial->seconds,
                                             .chosen = k == al->chosen};
    return weld_report_put_candidate(r, &candidate, err);
}

weld_status weld_report_create(weld_report **out, const weld_alignment *al, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report *r = NULL;
    *out = NULL;
    WELD_TRY(weld_report_open(&r, al->ctx, err));
    WELD_TRY(weld_report_add_model(r, "A", al->a, err));
    WELD_TRY(weld_report_add_model(r, "B", al->b, err));
    weld_report_match match = {.method = al->method,
                               .seed = al->seed,
                               .restarts = al->restarts,
                               .sweeps = al->sweeps,
                               .pinned_fraction = pinned_fraction(al->symmetry),
                               .objective = {al->objective[0], al->objective[1]},
                               .metric = al->metric,
                               .polish = describe_polish(&al->polish),
                               .data = al->data};
    WELD_TRY(weld_report_put_match(r, &match, err));
    for (int k = 0; k < al->trial_count; k++)
        WELD_TRY(add_trial(r, al, k, err));
    WELD_TRY(add_classes(r, &r->match.classes, al->symmetry, al->element, err));
    r->verification = (weld_report_verification){.present = al->proof.n > 0,
                                                 .pass = al->proved,
                                                 .n = al->proof.n,
                                                 .max_abs = al->proof.max_abs,
                                                 .max_rel = al->proof.max_rel,
                                                 .argmax_agree = al->proof.argmax_agree};
    if (al->opaque)
        WELD_TRY(weld_report_warn(r, err, "W011",
                                  "proof: partial, by structure only: node '%s' can't be run",
                                  al->opaque->name));
    if (al->polish.present && al->polish.samples < 1000)
        WELD_TRY(weld_report_warn(r, err, "W014",
                                  "polished on %" PRId64 " samples: it may do worse on others, "
                                  "which a thousand would prevent",
                                  al->polish.samples));
    WELD_TRY(weld_report_rereading(r, al->reread, err));
    *out = r;
    r = NULL;
done:
    weld_report_free(r);
    return st;
}

/* "[?, 3, 32, 32]": -1 is a size that the file leaves open. */
static void print_dims(char *text, size_t size, int rank, const int64_t *dims)
{
    size_t n = (size_t)snprintf(text, size, "[");
    for (int a = 0; a < rank && n + 24 < size; a++)
        n += (size_t)(dims[a] < 0
                          ? snprintf(text + n, size - n, "%s?", a ? ", " : "")
                          : snprintf(text + n, size - n, "%s%" PRId64, a ? ", " : "", dims[a]));
    snprintf(text + n, size - n, "]");
}

static weld_status add_values(weld_report *r, const weld_structure *s, const weld_shapes *shapes,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = s->graph;
    char text[256];
    for (int k = 0; k < g->input_count; k++) {
        const weld_value *v = &g->values[g->inputs[k]];
        print_dims(text, sizeof text, v->rank, v->dims);
        weld_report_value value = {v->name, weld_dtype_name(v->dtype), text, NULL};
        WELD_TRY(weld_report_put_value(r, &r->inspection.inputs, &value, err));
    }
    for (int k = 0; k < g->output_count; k++) {
        weld_type type = shapes->types[g->outputs[k]];
        if (s->any_batch)
            type.shape.dims[0] = s->literal_batch ? s->literal_batch : -1;
        print_dims(text, sizeof text, type.shape.rank, type.shape.dims);
        weld_report_value value = {s->file->output_names[k], weld_dtype_name(type.dtype), text,
                                   NULL};
        WELD_TRY(weld_report_put_value(r, &r->inspection.outputs, &value, err));
    }
done:
    return st;
}

/* The nodes that hold weights, each with the shape of the first. */
static weld_status add_layers(weld_report *r, const weld_graph *g, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int n = 0; n < g->node_count; n++) {
        const weld_node *node = &g->nodes[n];
        const weld_param *weight = NULL;
        char text[256];
        for (int k = 0; k < node->input_count && !weight; k++)
            if (node->inputs[k] >= 0 && g->values[node->inputs[k]].kind == WELD_VALUE_PARAM)
                weight = &g->params[g->values[node->inputs[k]].param];
        if (!weight)
            continue;
        print_dims(text, sizeof text, weight->shape.rank, weight->shape.dims);
        weld_report_layer layer = {node->name, node->op->name, text};
        WELD_TRY(weld_report_put_layer(r, &layer, err));
    }
    for (int k = 0; k < g->log_count; k++)
        WELD_TRY(weld_report_line(r, &r->inspection.notes, err, "%s", g->log[k]));
done:
    return st;
}

weld_status weld_model_inspect(weld_report **out, const weld_model *model, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report *r = NULL;
    weld_shapes *shapes = NULL;
    weld_symmetry *symmetry = NULL;
    *out = NULL;
    WELD_TRY(weld_report_open(&r, model->ctx, err));
    r->inspection.present = true;
    WELD_TRY(weld_report_add_model(r, "M", model, err));
    WELD_TRY(weld_structure_shapes(&shapes, model->structure, 2, err));
    WELD_TRY(add_values(r, model->structure, shapes, err));
    WELD_TRY(add_layers(r, model->structure->graph, err));
    WELD_TRY(weld_symmetry_derive(&symmetry, model->ctx, model->structure->graph, shapes, err));
    WELD_TRY(add_classes(r, &r->inspection.classes, symmetry, NULL, err));
    *out = r;
    r = NULL;
done:
    weld_symmetry_free(symmetry);
    weld_shapes_free(shapes);
    weld_report_free(r);
    return st;
}

weld_status weld_check(weld_report **out, const weld_model *a, const weld_model *b, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report *r = NULL;
    weld_pairing *pairing = NULL;
    weld_model *reread[2] = {NULL, NULL};
    *out = NULL;
    WELD_TRY(weld_report_open(&r, a->ctx, err));
    WELD_TRY(weld_report_add_model(r, "A", a, err));
    WELD_TRY(weld_report_add_model(r, "B", b, err));
    WELD_TRY(weld_pair_models(&pairing, reread, a, b, err));
    r->checked = true;
    for (int k = 0; k < pairing->difference_count; k++)
        WELD_TRY(weld_report_line(r, &r->obstacles, err, "%s", pairing->differences[k]));
    *out = r;
    r = NULL;
    if (pairing->difference_count)
        st = weld_fail(err, WELD_E_MISMATCH, "cannot weld %s and %s: %d obstacles",
                       a->structure->file->name, b->structure->file->name,
                       pairing->difference_count);
done:
    weld_pairing_free(pairing);
    weld_model_free(reread[0]);
    weld_model_free(reread[1]);
    weld_report_free(r);
    return st;
}

static weld_status add_lmc(weld_report *r, const weld_measures *m, const weld_pair_input *in,
                           weld_error *err)
{
    weld_status st = WELD_OK;
    int n = in->alpha_count;
    double *error = NULL;
    weld_report_lmc lmc = {.metric = "ce", .alpha = in->alpha, .alpha_count = (size_t)n};
    WELD_NEW(error, r->ctx, n);
    for (int v = 0; v < WELD_VARIANTS; v++) {
        for (int k = 0; k < n; k++)
            error[k] = 1 - m->accuracy[v][k];
        weld_barrier of_loss = weld_barrier_of(in->alpha, m->loss[v], n);
        weld_barrier of_error = weld_barrier_of(in->alpha, error, n);
        lmc.curve[v] = (weld_report_curve){m->loss[v], m->accuracy[v]};
        lmc.loss.chord[v] = of_loss.chord;
        lmc.loss.midpoint[v] = of_loss.midpoint;
        lmc.error.chord[v] = of_error.chord;
        lmc.error.midpoint[v] = of_error.midpoint;
    }
    WELD_TRY(weld_report_put_lmc(r, &lmc, err));
done:
    weld_free(r->ctx, error);
    return st;
}

static void spread(weld_report_spread *out, const weld_mean_std *x, int count)
{
    for (int k = 0; k < count; k++)
        out[k] = (weld_report_spread){x[k].mean, x[k].std};
}

static weld_status add_llfc(weld_report *r, const weld_measures *m, const weld_pair_input *in,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    int n = in->llfc_alpha_count;
    weld_report_spread *room = NULL; /* [variant, 3, n] */
    WELD_NEW(room, r->ctx, WELD_VARIANTS * 3 * n);
    WELD_TRY(weld_report_put_llfc(r, in->llfc_alpha, (size_t)n, err));
    for (int k = 0; k < m->rows.count; k++) {
        weld_report_row row = {.name = m->rows.names[k]};
        for (int v = 0; v < WELD_VARIANTS; v++) {
            const weld_row_figures *f = &m->row[v][k];
            weld_report_spread *at = room + v * 3 * n;
            spread(at, f->one_minus_cos, n);
            spread(at + n, f->coef, n);
            spread(at + 2 * n, f->coef_authors, n);
            row.variant[v] =
                (weld_report_figures){at,
                                      at + n,
                                      at + 2 * n,
                                      {f->one_minus_cos_ab.mean, f->one_minus_cos_ab.std},
                                      f->zeros};
        }
        WELD_TRY(weld_report_put_row(r, &row, err));
    }
done:
    weld_free(r->ctx, room);
    return st;
}

weld_report_data weld_describe_data(const weld_dataset *data)
{
    return (weld_report_data){.present = true,
                              .sha256 = data->sha256,
                              .path = data->path,
                              .preprocess = data->preset,
                              .n = data->count,
                              .labels = data->labels != NULL,
                              .split_of = data->whole ? data->whole->count : 0,
                              .split_seed = data->split_seed};
}

/* Of one file, and not the two parts of one split. */
static bool overlap(const weld_report_data *a, const weld_report_data *b)
{
    const bool parts = a->split_of && a->split_of == b->split_of &&
                       a->split_seed == b->split_seed && a->n + b->n == a->split_of;
    return !parts && strcmp(a->sha256, b->sha256) == 0;
}

static weld_status add_data(weld_report *r, const weld_dataset *data, const weld_measures *m,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_report_data section = weld_describe_data(data);
    WELD_TRY(weld_report_put_data(r, &section, err));
    if (r->match.data.present && overlap(&r->match.data, &section))
        WELD_TRY(weld_report_warn(r, err, "W003",
                                  "matched on samples that the figures are measured on; use "
                                  "--match-data"));
    if (m->rows.removed)
        WELD_TRY(weld_report_warn(r, err, "W001", "the trailing %s is left out for the loss",
                                  m->rows.removed));
    for (int k = 0; k < 2 && r->lmc.present; k++) {
        double accuracy = r->lmc.curve[0].accuracy[k ? 0 : r->lmc.alpha_count - 1];
        if (accuracy < 2.0 / m->classes && m->classes > 2)
            WELD_TRY(weld_report_warn(r, err, "W002",
                                      "accuracy of %s is %.4f, near chance: check preprocessing "
                                      "(--preset, --mean, --std) and the order of the labels",
                                      k ? "B" : "A", accuracy));
    }
done:
    return st;
}

static weld_status check_grid(const double *alpha, size_t count, const char *what, weld_error *err)
{
    for (size_t k = 0; k < count; k++)
        if (!(alpha[k] >= 0 && alpha[k] <= 1) || (k && !(alpha[k] > alpha[k - 1])))
            return weld_fail(err, WELD_E_ARGUMENT,
                             "%s %g at place %zu, allowed ascending in 0 to 1", what, alpha[k], k);
    return WELD_OK;
}

weld_status weld_report_measure(weld_report *report, const weld_alignment *al,
                                const weld_dataset *data, const weld_measure_options *options,
                                weld_error *err)
{
    static const double grid[] = {0, .1, .2, .3, .4, .5, .6, .7, .8, .9, 1};
    static const double llfc[] = {.25, .5, .75};
    const weld_measure_options defaults = WELD_MEASURE_OPTIONS_INIT;
    const weld_measure_options *o = options ? options : &defaults;
    weld_status st = WELD_OK;
    weld_measures *m = NULL;
    weld_shapes *shapes = NULL;
    weld_pair_input in = {
        .ctx = al->ctx, .a = al->a->params, .b = {al->naive, al->aligned}, .data = data};
    in.alpha = o->alpha ? o->alpha : grid;
    in.alpha_count = (int)(o->alpha ? o->alpha_count : sizeof grid / sizeof grid[0]);
    in.llfc_alpha = o->llfc_alpha ? o->llfc_alpha : llfc;
    in.llfc_alpha_count = (int)(o->llfc_alpha ? o->llfc_alpha_count : sizeof llfc / sizeof llfc[0]);
    WELD_TRY(check_grid(in.alpha, (size_t)in.alpha_count, "alpha", err));
    WELD_TRY(check_grid(in.llfc_alpha, (size_t)in.llfc_alpha_count, "LLFC alpha", err));
    WELD_TRY(weld_structure_shapes(&shapes, al->a->structure,
                                   o->batch > 0 ? o->batch : WELD_MICRO_BATCH, err));
    in.shapes = shapes;
    const weld_graph *g = shapes->graph;
    WELD_REQUIRE(g->input_count == 1, WELD_E_UNSUPPORTED, "data for a model with %d inputs",
                 g->input_count);
    WELD_TRY(weld_dataset_fits(data, &shapes->types[g->inputs[0]].shape, err));
    WELD_TRY(weld_measure(&m, &in, err));
    if (m->has_loss)
        WELD_TRY(add_lmc(report, m, &in, err));
    WELD_TRY(add_llfc(report, m, &in, err));
    WELD_TRY(add_data(report, data, m, err));
done:
    weld_measures_free(m);
    weld_shapes_free(shapes);
    return st;
}

weld_status weld_report_add_output(weld_report *report, const char *path, const char *sha256,
                                   double alpha, weld_error *err)
{
    weld_report_output output = {sha256, path, alpha};
    return weld_report_put_output(report, &output, err);
}

weld_status weld_report_add_warning(weld_report *report, const char *code, const char *text,
                                    weld_error *err)
{
    return weld_report_warn(report, err, code, "%s", text);
}

weld_status weld_report_set_run(weld_report *report, int argc, char *const *argv, double seconds,
                                weld_error *err)
{
    return weld_report_put_run(report, argc, argv, seconds, err);
}
