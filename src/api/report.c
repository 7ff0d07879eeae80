/* Fills the report from models, alignments and measurements. */
#include "api/objects.h"
#include "core/parallel.h"
#include "ops/opaque.h"
#include "prove/orbit.h"
#include "report/report.h"
#include "tensor/blas.h"
#include <inttypes.h>
#include <math.h>
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

/* "wreath(g, m)": g blocks of m units; deeper ones from the outside. */
static void print_kind(char *text, size_t size, const weld_symmetry *s, const weld_class *k)
{
    int32_t levels[8] = {k->block};
    int count = 1;
    size_t n;
    for (int c = k->parent; c >= 0 && count < 8; c = s->classes[c].parent)
        levels[count++] = s->classes[c].block;
    if (k->pinned || count == 1) {
        snprintf(text, size, "%s", k->pinned ? "pinned" : "free");
        return;
    }
    n = (size_t)snprintf(text, size, "wreath(");
    while (count > 0 && n + 16 < size) {
        count--;
        n += (size_t)snprintf(text + n, size - n, "%d%s", levels[count], count ? ", " : ")");
    }
}

/* "PARAMETER[axis]", and "PARAMETER[axis, axis]" of joints. */
static weld_status list_members(const char ***out, size_t *count, char **text, weld_context *ctx,
                                const weld_graph *g, const weld_class *k, weld_error *err)
{
    weld_status st = WELD_OK;
    enum { LINE = 256 };
    *count = (size_t)(k->member_count + k->joint_count);
    WELD_NEW(*out, ctx, *count);
    WELD_NEW(*text, ctx, *count * LINE);
    for (int m = 0; m < k->member_count + k->joint_count; m++) {
        char *line = *text + LINE * m;
        const weld_joint_member *joint = m < k->member_count ? NULL
                                                             : &k->joints[m - k->member_count];
        const weld_param *param = &g->params[joint ? joint->param : k->members[m].param];
        size_t n = (size_t)snprintf(line, LINE, "%.200s[%d", param->name,
                                    joint ? joint->axes[0] : k->members[m].axis);
        for (int a = 1; joint && a < joint->axis_count && n + 8 < LINE; a++)
            n += (size_t)snprintf(line + n, LINE - n, ", %d", joint->axes[a]);
        snprintf(line + n, LINE - n, "]");
        (*out)[m] = line;
    }
done:
    return st;
}

static weld_status add_class(weld_report *r, weld_report_classes *list, const weld_symmetry *s,
                             int c, const weld_element *element, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_class *k = &s->classes[c];
    char reason[256], kind[128];
    const char **members = NULL;
    char *text = NULL;
    size_t count;
    WELD_TRY(list_members(&members, &count, &text, r->ctx, s->graph, k, err));
    print_kind(kind, sizeof kind, s, k);
    snprintf(reason, sizeof reason, "%s%s%.150s%s", k->pinned ? k->pinned : "",
             k->pin_node < 0 ? "" : " (", k->pin_node < 0 ? "" : s->graph->nodes[k->pin_node].name,
             k->pin_node < 0 ? "" : ")");
    weld_report_class item = {.name = k->name,
                              .kind = kind,
                              .reason = k->pinned ? reason : NULL,
                              .size = k->size,
                              .moved = element ? 0 : -1,
                              .members = members,
                              .member_count = count};
    for (int32_t i = 0; element && !k->pinned && i < k->size; i++)
        item.moved += element->perms[c][i] != i;
    WELD_TRY(weld_report_put_class(r, list, &item, err));
done:
    weld_free(r->ctx, members);
    weld_free(r->ctx, text);
    return st;
}

weld_status weld_report_add_classes(weld_report *r, weld_report_classes *list,
                                    const weld_symmetry *s, const weld_element *element,
                                    weld_error *err)
{
    weld_status st = WELD_OK;
    for (int c = 0; c < s->class_count && st == WELD_OK; c++)
        st = add_class(r, list, s, c, element, err);
    return st;
}

double weld_pinned_fraction(const weld_symmetry *s)
{
    int64_t pinned = 0, units = 0;
    for (int c = 0; c < s->class_count; c++) {
        if (!s->classes[c].member_count && !s->classes[c].joint_count)
            continue; /* blocks: no units of their own */
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
                                             .method = trial->candidate->matcher->name,
                                             .failure = trial->failure[0] ? trial->failure : NULL,
                                             .loss = trial->loss,
                                             .objective = trial->objective,
                                             .seconds = trial->seconds,
                                             .chosen = k == al->chosen};
    return weld_report_put_candidate(r, &candidate, err);
}

static weld_report_verification verification_of(const weld_proof *proof, bool pass)
{
    return (weld_report_verification){.present = proof->n > 0,
                                      .pass = pass,
                                      .n = proof->n,
                                      .max_abs = proof->max_abs,
                                      .max_rel = proof->max_rel,
                                      .allowed = proof->tolerance * proof->scale,
                                      .argmax_agree = proof->argmax_agree};
}

void weld_model_role(char role[WELD_ROLE_ROOM], int k)
{
    snprintf(role, WELD_ROLE_ROOM, "%c%.0d", 'A' + k % 26, k / 26);
}

weld_status weld_report_made_for(weld_report *r, const weld_alignment *al, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_model *models[] = {al->a, al->b};
    for (int k = 0; k < 2; k++) {
        const weld_onnx_file *file = models[k]->structure->file;
        if (al->made_for[k][0])
            WELD_TRY(weld_report_warn(r, err, "W023",
                                      "the permutation file was made for another %c: its sha256 is "
                                      "%.12s, that of %s %.12s",
                                      "AB"[k], al -> made_for[k], file -> name, file -> sha256));
    }
done:
    return st;
}

weld_status weld_report_tell_proof(weld_report *r, const weld_alignment *al, weld_error *err)
{
    weld_status st = WELD_OK;
    r->verification = verification_of(&al->proof, al->proved);
    if (al->opaque)
        WELD_TRY(weld_report_warn(r, err, "W011",
                                  "proof: partial, by structure only: node '%s' can't be run",
                                  al->opaque->name));
    if (al->by_structure)
        WELD_TRY(
            weld_report_warn(r, err, "W015",
                             "proof: by structure: no unit moves, and the networks are too large "
                             "to be run for it without data"));
done:
    return st;
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
                               .pinned_fraction = weld_pinned_fraction(al->symmetry),
                               .objective = {al->objective[0], al->objective[1]},
                               .metric = al->metric,
                               .judged_by = al->trials ? al->judged_by : NULL,
                               .polish = describe_polish(&al->polish),
                               .data = al->data};
    const weld_match_distances *d = &al->distances;
    match.distances =
        (weld_report_distances){d->present, d->commutativity, d->weights, d->features, d->products};
    WELD_TRY(weld_report_put_match(r, &match, err));
    for (int k = 0; k < al->trial_count; k++)
        WELD_TRY(add_trial(r, al, k, err));
    WELD_TRY(weld_report_add_classes(r, &r->match.classes, al->symmetry, al->element, err));
    WELD_TRY(weld_report_tell_proof(r, al, err));
    if (al->foreign)
        WELD_TRY(weld_report_warn(r, err, "W020",
                                  "%d parameters that are skipped have another shape in B: what is "
                                  "said of B is of B's body with A's",
                                  al->foreign));
    if (al->note[0])
        WELD_TRY(weld_report_warn(r, err, "W013", "%s", al->note));
    if (al->polish.present && al->polish.samples < 1000)
        WELD_TRY(weld_report_warn(r, err, "W014",
                                  "polished on %" PRId64 " samples: it may do worse on others, "
                                  "which a thousand would prevent",
                                  al->polish.samples));
    WELD_TRY(weld_report_made_for(r, al, err));
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

weld_status weld_model_inspect_as(weld_report **out, const weld_model *model,
                                  const weld_inspect_options *options, weld_error *err)
{
    const weld_inspect_options defaults = WELD_INSPECT_OPTIONS_INIT;
    const weld_inspect_options *o = options ? options : &defaults;
    weld_status st = WELD_OK, proved = WELD_OK;
    weld_report *r = NULL;
    weld_shapes *shapes = NULL;
    weld_symmetry *symmetry = NULL;
    weld_proof proof = {0};
    *out = NULL;
    WELD_REQUIRE(o->struct_size == sizeof *o, WELD_E_ARGUMENT, "inspect options of %u bytes",
                 o->struct_size);
    WELD_TRY(weld_report_open(&r, model->ctx, err));
    r->inspection.present = true;
    WELD_TRY(weld_report_add_model(r, "M", model, err));
    WELD_TRY(weld_structure_shapes(&shapes, model->structure, 2, err));
    WELD_TRY(add_values(r, model->structure, shapes, err));
    WELD_TRY(add_layers(r, model->structure->graph, err));
    const weld_symmetry_wish wish = {o->spec, o->freeze, o->freeze_count};
    WELD_TRY(weld_find_symmetry(&symmetry, model->structure, shapes, &wish, err));
    r->inspection.pinned_fraction = weld_pinned_fraction(symmetry);
    WELD_TRY(weld_report_add_classes(r, &r->inspection.classes, symmetry, NULL, err));
    const weld_node *opaque = weld_find_opaque(model->structure->graph);
    if (o->prove && opaque)
        WELD_TRY(weld_report_warn(r, err, "W011",
                                  "proof: partial, by structure only: node '%s' can't be run",
                                  opaque->name));
    if (o->prove && !opaque)
        proved = weld_prove_symmetry(&proof, symmetry, shapes, model->params, o->seed, err);
    if (proved != WELD_OK && proved != WELD_E_NEGATIVE)
        st = proved;
    if (st != WELD_OK)
        goto done;
    r->verification = verification_of(&proof, proved == WELD_OK);
    *out = r;
    r = NULL;
    st = proved;
done:
    weld_symmetry_free(symmetry);
    weld_shapes_free(shapes);
    weld_report_free(r);
    return st;
}

weld_status weld_model_inspect(weld_report **out, const weld_model *model, weld_error *err)
{
    return weld_model_inspect_as(out, model, NULL, err);
}

weld_status weld_model_prove_symmetry(weld_report **out, const weld_model *model, uint64_t seed,
                                      weld_error *err)
{
    weld_inspect_options o = WELD_INSPECT_OPTIONS_INIT;
    o.prove = true;
    o.seed = seed;
    return weld_model_inspect_as(out, model, &o, err);
}

static weld_status propose_skip(weld_report *r, const weld_model *a, const weld_model *b,
                                weld_error *err)
{
    weld_pairing *shared = NULL;
    char pattern[300];
    weld_status st = weld_pair_shared(&shared, a, b, err);
    if (shared && weld_pattern_of_foreign(pattern, sizeof pattern, shared, a))
        st = weld_report_warn(r, err, "W021",
                              "all but a few parameters are shared: weld --skip '%s' merges those "
                              "and keeps A's",
                              pattern);
    weld_pairing_free(shared);
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
    if (pairing->difference_count)
        WELD_TRY(propose_skip(r, a, b, err));
    *out = r;
    r = NULL;
    if (pairing->difference_count)
        st = weld_fail(err, WELD_E_MISMATCH, "cannot weld %s and %s: %d obstacle%s",
                       a->structure->file->name, b->structure->file->name,
                       pairing->difference_count, pairing->difference_count == 1 ? "" : "s");
done:
    weld_pairing_free(pairing);
    weld_model_free(reread[0]);
    weld_model_free(reread[1]);
    weld_report_free(r);
    return st;
}

void weld_report_omit_run(weld_report *report)
{
    report->environment.seconds = -1;
    report->environment.threads = 0;
    report->environment.command.count = 0;
}

weld_report_data weld_describe_data(const weld_dataset *data)
{
    return (weld_report_data){.present = true,
                              .sha256 = data->sha256,
                              .path = data->path,
                              .preprocess = data->preprocess,
                              .n = data->count,
                              .labels = weld_dataset_has_truth(data),
                              .split_of = data->whole ? data->whole->count : 0,
                              .split_seed = data->split_seed};
}

weld_status weld_report_add_output(weld_report *report, const char *path, const char *sha256,
                                   double alpha, weld_error *err)
{
    weld_report_output output = {sha256, path, alpha};
    return weld_report_put_output(report, &output, err);
}

weld_status weld_report_name_models(weld_report *report, const char *const *ids, size_t count,
                                    weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_REQUIRE(count == report->model_count, WELD_E_ARGUMENT, "%zu ids for %zu models", count,
                 report->model_count);
    for (size_t k = 0; k < count; k++)
        WELD_REQUIRE((report->models[k].id = weld_arena_strdup(&report->arena, ids[k])),
                     WELD_E_NOMEM, "out of memory");
done:
    return st;
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
