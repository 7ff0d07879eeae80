#include "api/recipe.h"
#include "ops/opaque.h"
#include "prove/orbit.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const *weld_align_methods(void)
{
    return weld_matcher_names();
}

static bool is_auto(const char *method, bool has_data)
{
    return method ? strcmp(method, "auto") == 0 : has_data;
}

bool weld_align_uses_data(const char *method)
{
    const weld_matcher *matcher = weld_matcher_find(method);
    return is_auto(method, true) || (matcher && matcher->needs_data);
}

weld_status weld_refuse_pairing(const weld_pairing *pairing, const char *what, weld_error *err)
{
    char list[700];
    size_t n = 0;
    for (int k = 0; k < pairing->difference_count && n + 120 < sizeof list; k++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%d. %.100s", k ? "; " : "", k + 1,
                              pairing->differences[k]);
    return weld_fail(err, WELD_E_MISMATCH, "cannot %s (%d obstacle%s): %s", what,
                     pairing->difference_count, pairing->difference_count == 1 ? "" : "s", list);
}

static void adopt_size(weld_graph *g, int input, const weld_shape *sample)
{
    const weld_value *value = &g->values[g->inputs[input]];
    for (int k = 1; value->rank == sample->rank + 1 && k < value->rank; k++)
        if (value->dims[k] < 0)
            g->symbols[value->symbol[k]].size = sample->dims[k - 1];
}

weld_status weld_adopt_sizes(const weld_model *model, const weld_dataset *data, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_graph *g = model->structure->graph;
    weld_error other = WELD_ERROR_INIT;
    int *arrays = NULL;
    if (!data)
        return WELD_OK;
    WELD_NEW(arrays, model->ctx, g->input_count);
    st = weld_feed_bind(arrays, data, g, &other);
    for (int k = 0; st == WELD_OK && k < g->input_count; k++) {
        weld_graph_join_batch(g, k, true); /* all have as many samples */
        adopt_size(g, k, &data->arrays[arrays[k]].sample);
    }
    if (st != WELD_E_NOMEM)
        st = WELD_OK; /* whoever runs the model on the data says what does not fit */
    else if (err)
        *err = other;
done:
    weld_free(model->ctx, arrays);
    return st;
}

/* A size that one file leaves open and the other one fixes is that, and a batch is one in both. */
static void share_sizes(const weld_alignment *al)
{
    weld_graph *a = al->a->structure->graph, *b = al->b->structure->graph;
    for (int k = 0; k < a->input_count; k++) {
        const weld_port *port = &al->pairing->inputs[k];
        const weld_value *va = &a->values[a->inputs[k]];
        const weld_value *vb = port->index < 0 ? NULL : &b->values[b->inputs[port->index]];
        if (vb && va->rank > 0 && va->dims[0] < 0 && a->symbols[va->symbol[0]].batch)
            weld_graph_join_batch(b, port->index, true);
        for (int axis = 1; vb && va->rank == vb->rank && axis < vb->rank; axis++) {
            const int from = port->turned ? port->perm[axis] : axis;
            if (from == 0)
                continue;
            const int64_t known = va->dims[from] >= 0 ? va->dims[from]
                                                      : a->symbols[va->symbol[from]].size;
            if (vb->dims[axis] < 0)
                b->symbols[vb->symbol[axis]].size = known;
            else if (va->dims[from] < 0)
                a->symbols[va->symbol[from]].size = vb->dims[axis];
        }
    }
}

static weld_status refuse_pair(const weld_pairing *pairing, const weld_model *a,
                               const weld_model *b, weld_error *err)
{
    char what[300];
    snprintf(what, sizeof what, "weld %.130s and %.130s", a->structure->file->name,
             b->structure->file->name);
    return weld_refuse_pairing(pairing, what, err);
}

weld_status weld_pair_alike(weld_pairing **out, weld_model *reread[2], const weld_model *a,
                            const weld_model *b, weld_error *err)
{
    weld_status st = weld_pair_models(out, reread, a, b, err);
    if (st != WELD_OK || !(*out)->difference_count)
        return st;
    st = refuse_pair(*out, a, b, err);
    weld_pairing_free(*out);
    *out = NULL;
    return st;
}

/* All that is foreign is what --skip keeps. */
static weld_status is_skipped(bool *out, const weld_pairing *pairing, const weld_graph *g,
                              const weld_merge_options *merge, weld_error *err)
{
    weld_status st = WELD_OK;
    bool *skipped = NULL;
    *out = true;
    WELD_NEW(skipped, pairing->ctx, g->param_count);
    for (size_t k = 0; merge && k < merge->skip_count; k++)
        WELD_TRY(weld_match_names(skipped, g, merge->skip[k], err));
    for (int p = 0; p < g->param_count; p++)
        *out = *out && (skipped[p] || !pairing->foreign[p]);
done:
    weld_free(pairing->ctx, skipped);
    return st;
}

/* Two that differ share their body at least, and --skip names the rest; or they are refused, with the
 * pattern that would do. *pairing, whose differences are known, may become another. */
static weld_status settle_for_body(weld_pairing **pairing, weld_alignment *al,
                                   const weld_align_options *o, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_pairing *shared = NULL;
    bool skipped = false;
    char pattern[300];
    WELD_TRY(weld_pair_shared(&shared, al->a, al->b, err));
    if (shared)
        WELD_TRY(is_skipped(&skipped, shared, al->a->structure->graph, o->merge, err));
    if (skipped) {
        weld_pairing_free(*pairing);
        *pairing = shared;
        shared = NULL;
        for (int p = 0; p < al->a->structure->graph->param_count; p++)
            al->foreign += (*pairing)->foreign[p];
        goto done;
    }
    st = refuse_pair(*pairing, al->a, al->b, err);
    if (shared && err && weld_pattern_of_foreign(pattern, sizeof pattern, shared, al->a)) {
        const size_t used = strlen(err->message);
        snprintf(err->message + used, sizeof err->message - used,
                 "; with --skip '%s' the rest is merged", pattern);
    }
done:
    weld_pairing_free(shared);
    return st;
}

static weld_status prepare(weld_alignment *al, const weld_align_options *o, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_pairing *pairing = NULL;
    WELD_TRY(weld_pair_models(&pairing, al->reread, al->a, al->b, err));
    if (pairing->difference_count)
        WELD_TRY(settle_for_body(&pairing, al, o, err));
    if (al->reread[0])
        al->a = al->reread[0];
    if (al->reread[1])
        al->b = al->reread[1];
    WELD_TRY(weld_adopt_sizes(al->a, o->data, err));
    WELD_TRY(weld_adopt_sizes(al->b, o->data, err));
    WELD_TRY(weld_params_in_frame(&al->naive, al->a->structure, al->b->params,
                                  al->b->structure->homes, pairing->param_of,
                                  al->foreign ? al->a->params : NULL, err));
    al->pairing = pairing;
    pairing = NULL;
    share_sizes(al);
    WELD_TRY(weld_structure_shapes(&al->shapes, al->a->structure, WELD_MICRO_BATCH, err));
    const weld_symmetry_wish wish = {o->spec, o->freeze, o->freeze_count};
    WELD_TRY(weld_find_symmetry(&al->symmetry, al->a->structure, al->shapes, &wish, err));
done:
    weld_pairing_free(pairing);
    return st;
}

weld_status weld_alignment_takes(const weld_alignment *al, const weld_dataset *data,
                                 const char *what, weld_error *err)
{
    if (!data)
        return weld_fail(err, WELD_E_ARGUMENT, "%s needs data", what);
    return weld_feed_check(data, al->shapes, err);
}

/* The report says what was matched on. */
static weld_status note_data(weld_alignment *al, const weld_dataset *data, weld_error *err)
{
    weld_status st = WELD_OK;
    al->data = weld_describe_data(data);
    al->data_path = weld_strdup(al->ctx, data->path);
    WELD_REQUIRE(al->data_path, WELD_E_NOMEM, "out of memory");
    memcpy(al->data_sha256, data->sha256, sizeof al->data_sha256);
    memcpy(al->data_preprocess, data->preprocess, sizeof al->data_preprocess);
    al->data.path = al->data_path;
    al->data.preprocess = al->data_preprocess;
    al->data.sha256 = al->data_sha256;
done:
    return st;
}

static weld_status choose_candidate(weld_match_result **out, weld_alignment *al,
                                    const weld_match_input *input, int count,
                                    const weld_merge_options *merge, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_recipe recipe = {0};
    weld_merge_options plain = WELD_MERGE_OPTIONS_INIT;
    plain.statistics = "none";
    WELD_TRY(weld_recipe_init(&recipe, al, merge ? merge : &plain, err));
    WELD_TRY(weld_choose(out, al, input, weld_candidates(), (size_t)count, &recipe, err));
done:
    weld_recipe_free(&recipe);
    return st;
}

/* What is foreign comes from `others`, the rest from `set`, both over A's graph. */
static weld_status with_others(weld_paramset **out, const weld_alignment *al, weld_paramset *set,
                               weld_paramset *others, weld_error *err)
{
    weld_status st = WELD_OK;
    const int count = al->a->structure->graph->param_count;
    int *map = NULL;
    WELD_NEW(map, al->ctx, count);
    for (int p = 0; p < count; p++)
        map[p] = al->pairing->foreign[p] ? -1 : p;
    WELD_TRY(weld_params_in_frame(out, al->a->structure, set, al->a->structure->homes, map, others,
                                  err));
done:
    weld_free(al->ctx, map);
    return st;
}

weld_status weld_alignment_settle(weld_alignment *al, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_paramset *moved = NULL;
    weld_paramset_free(al->aligned);
    al->aligned = NULL;
    WELD_TRY(
        weld_params_permuted(&moved, al->a->structure, al->naive, al->symmetry, al->element, err));
    if (al->foreign) {
        WELD_TRY(with_others(&al->aligned, al, moved, al->a->params, err));
    } else {
        al->aligned = moved;
        moved = NULL;
    }
done:
    weld_paramset_free(moved);
    return st;
}

weld_status weld_way_find(weld_way *out, weld_alignment *al, const weld_align_options *o,
                          weld_error *err)
{
    weld_status st = WELD_OK;
    const bool choose = is_auto(o->method, o->data != NULL);
    const weld_matcher *matcher = choose ? NULL : weld_matcher_find(o->method);
    const int wanted = o->candidates;
    WELD_REQUIRE(choose || matcher, WELD_E_ARGUMENT, "no match method '%s'", o->method);
    *out = (weld_way){.matcher = matcher};
    if (choose)
        out->candidates = wanted > 0 && wanted < WELD_CANDIDATES ? wanted : WELD_CANDIDATES;
    al->method = choose ? "auto" : matcher->name;
    if (choose || matcher->needs_data || (o->data && o->polish_seconds > 0)) {
        char what[64];
        snprintf(what, sizeof what, "match method '%.40s'", al->method);
        WELD_TRY(weld_alignment_takes(al, o->data, what, err));
        WELD_TRY(note_data(al, o->data, err));
    }
    WELD_REQUIRE(weld_normalise_find(&out->normalise, o->normalize), WELD_E_ARGUMENT,
                 "normalize is '%s', must be none, layer or neuron", o->normalize);
    out->streams = matcher && matcher->streams_from > 0 &&
                   weld_params_bytes(al->naive->graph) >= matcher->streams_from;
done:
    return st;
}

static weld_status match(weld_alignment *al, const weld_align_options *o, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_match_result *result = NULL;
    weld_paramset *body = NULL; /* of B: what is foreign is no reason for any order */
    weld_way way;
    WELD_TRY(weld_way_find(&way, al, o, err));
    weld_match_input input = {.symmetry = al->symmetry,
                              .shapes = al->shapes,
                              .a = al->a->params,
                              .b = al->naive,
                              .data = o->data,
                              .restarts = al->restarts,
                              .seed = al->seed,
                              .graph_order = o->graph_order,
                              .normalise = way.normalise};
    const bool hold = !way.streams || o->data || o->polish_seconds > 0;
    if (hold) {
        WELD_TRY(weld_paramset_hold(al->a->params, err));
        WELD_TRY(weld_paramset_hold(al->naive, err));
    }
    if (al->foreign) {
        WELD_TRY(with_others(&body, al, al->naive, NULL, err));
        WELD_TRY(weld_paramset_hold(body, err));
        input.b = body;
    }
    if (way.matcher)
        WELD_TRY(way.matcher->run(&result, &input, err));
    else
        WELD_TRY(choose_candidate(&result, al, &input, way.candidates, o->merge, err));
    al->element = result->element;
    result->element = NULL;
    al->objective[0] = result->objective_start;
    al->objective[1] = result->objective_end;
    al->sweeps = result->sweeps;
    memcpy(al->note, result->note, sizeof al->note);
    al->distances = result->distances;
    WELD_TRY(weld_alignment_settle(al, err));
    if (hold)
        WELD_TRY(weld_paramset_hold(al->aligned, err));
    if (o->polish_seconds > 0)
        WELD_TRY(weld_polish_alignment(al, o->data, o->polish_seconds, err));
done:
    weld_match_result_free(result);
    weld_paramset_free(body);
    return st;
}

weld_status weld_alignment_prepare(weld_alignment **out, const weld_model *a, const weld_model *b,
                                   const weld_align_options *o, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_alignment *al = NULL;
    *out = NULL;
    WELD_REQUIRE(o->struct_size == sizeof *o, WELD_E_ARGUMENT, "align options of %u bytes",
                 o->struct_size);
    WELD_NEW(al, a->ctx, 1);
    al->ctx = a->ctx;
    al->a = a;
    al->b = b;
    al->restarts = o->restarts > 0 ? o->restarts : 0;
    al->seed = o->seed;
    WELD_TRY(prepare(al, o, err));
    *out = al;
    al = NULL;
done:
    weld_alignment_free(al);
    return st;
}

weld_status weld_align(weld_alignment **out, const weld_model *a, const weld_model *b,
                       const weld_align_options *options, weld_error *err)
{
    const weld_align_options defaults = WELD_ALIGN_OPTIONS_INIT;
    const weld_align_options *o = options ? options : &defaults;
    weld_status st = weld_alignment_prepare(out, a, b, o, err);
    if (st == WELD_OK)
        st = match(*out, o, err);
    if (st != WELD_OK) {
        weld_alignment_free(*out);
        *out = NULL;
    }
    return st;
}

size_t weld_alignment_class_count(const weld_alignment *alignment)
{
    return (size_t)alignment->symmetry->free_count;
}

const int32_t *weld_alignment_class(const weld_alignment *alignment, size_t index, size_t *out_size)
{
    *out_size = (size_t)alignment->symmetry->classes[index].size;
    return alignment->element->perms[index];
}

/* More than this is not held for a proof. */
enum { PROVED_BYTES_MAX = 32 << 20 };

/* Where nothing moves, the pairing says node by node that both compute the same. */
static weld_status nothing_moves(bool *out, const weld_alignment *al, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = al->a->structure->graph;
    bool *moves = NULL;
    *out = true;
    WELD_NEW(moves, al->ctx, g->param_count);
    weld_element_moves(moves, al->element);
    for (int p = 0; p < g->param_count; p++)
        *out = *out && !moves[p];
done:
    weld_free(al->ctx, moves);
    return st;
}

/* Is a parameter an output as it is? */
static bool gives_params(const weld_graph *g)
{
    for (int k = 0; k < g->output_count; k++)
        if (g->values[g->outputs[k]].param >= 0)
            return true;
    return false;
}

static weld_status fail_proof(weld_alignment *al, const weld_dataset *data, int64_t samples,
                              double tolerance, weld_error *err)
{
    const char *culprit;
    if (isnan(al->proof.max_rel))
        return weld_fail(err, WELD_E_NEGATIVE,
                         "the permuted B can't be compared with B: outputs are not finite on %s",
                         data ? "the data" : "random inputs");
    weld_status st = weld_paramset_hold(al->naive, err);
    if (st == WELD_OK)
        st = weld_find_culprit(&culprit, al->element, al->shapes, al->naive, data, samples,
                               tolerance, err);
    return st != WELD_OK
               ? st
               : weld_fail(err, WELD_E_NEGATIVE,
                           "the permuted B is not the same function: outputs differ by %g "
                           "(relative), allowed %g; class at fault: %s",
                           al->proof.max_rel, tolerance, culprit ? culprit : "no single class");
}

weld_status weld_alignment_verify(weld_alignment *al, const weld_dataset *data, int64_t samples,
                                  double tolerance, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_shapes *a_shapes = NULL, *b_shapes = NULL; /* of the same number of samples */
    weld_paramset *moved = NULL;
    al->opaque = weld_find_opaque(al->a->structure->graph);
    if (al->opaque) /* the structure is all that there is to prove it by */
        return WELD_OK;
    const bool large = weld_params_bytes(al->a->structure->graph) > PROVED_BYTES_MAX;
    if (large && !data)
        WELD_TRY(nothing_moves(&al->by_structure, al, err));
    if (al->by_structure)
        return WELD_OK;
    if (data)
        WELD_TRY(weld_alignment_takes(al, data, "verification", err));
    WELD_TRY(weld_structure_shapes(&b_shapes, al->b->structure, al->shapes->batch, err));
    WELD_TRY(weld_structure_shapes(&a_shapes, al->a->structure, b_shapes->batch, err));
    WELD_REQUIRE(a_shapes->batch == b_shapes->batch, WELD_E_UNSUPPORTED,
                 "A runs in batches of %d only, B in batches of %d only", (int)a_shapes->batch,
                 (int)b_shapes->batch);
    if (al->foreign) /* B's own outputs are others: what moves is B's body with A's head */
        WELD_TRY(weld_params_permuted(&moved, al->a->structure, al->naive, al->symmetry,
                                      al->element, err));
    const weld_ports ports = {al->pairing->inputs, al->pairing->outputs};
    const weld_side sides[2] = {{a_shapes, moved ? moved : al->aligned},
                                {moved ? a_shapes : b_shapes, moved ? al->naive : al->b->params}};
    if (large && !data && !gives_params(al->a->structure->graph)) {
        samples = a_shapes->batch; /* all parameters are read for every batch */
    } else {
        WELD_TRY(weld_paramset_hold(sides[0].params, err));
        WELD_TRY(weld_paramset_hold(sides[1].params, err));
    }
    WELD_TRY(weld_prove(&al->proof, al->ctx, sides, moved ? NULL : &ports, data, samples, err));
    al->proof.tolerance = tolerance;
    al->proved = al->proof.max_rel <= tolerance;
    if (!al->proved)
        st = fail_proof(al, data, samples, tolerance, err);
done:
    weld_paramset_free(moved);
    weld_shapes_free(b_shapes);
    weld_shapes_free(a_shapes);
    return st;
}

void weld_alignment_free(weld_alignment *al)
{
    if (!al)
        return;
    weld_paramset_free(al->naive);
    weld_paramset_free(al->aligned);
    weld_element_free(al->element);
    weld_free(al->ctx, al->data_path);
    weld_free(al->ctx, al->trials);
    weld_symmetry_free(al->symmetry);
    weld_shapes_free(al->shapes);
    weld_pairing_free(al->pairing);
    weld_model_free(al->reread[0]);
    weld_model_free(al->reread[1]);
    weld_free(al->ctx, al);
}
