#include "match/weights.h"
#include "core/rng.h"
#include "match/lap.h"
#include "tensor/blas.h"
#include <math.h>
#include <string.h>

typedef struct descent {
    weld_context *ctx;
    const weld_symmetry *s;
    weld_element *element;
    const weld_paramset *a, *b;
    bool *scored; /* [param_count] running statistics are moved, never scored */
    double *norm; /* [param_count] |A| |B| */
} descent;

/* Running means and variances say nothing of their own about which unit is which. */
static void find_scored(descent *d)
{
    const weld_graph *g = d->s->graph;
    for (int p = 0; p < g->param_count; p++)
        d->scored[p] = true;
    for (int n = 0; n < g->node_count; n++)
        for (int k = 0; k < g->nodes[n].input_count && k < 32; k++) {
            int v = g->nodes[n].inputs[k];
            if (v >= 0 && g->values[v].param >= 0 &&
                (g->nodes[n].op->statistic_inputs >> k & 1u))
                d->scored[g->values[v].param] = false;
        }
}

static void find_norms(descent *d)
{
    const weld_graph *g = d->s->graph;
    for (int p = 0; p < g->param_count; p++) {
        double x = 0, y = 0;
        int64_t n = weld_shape_numel(&g->params[p].shape);
        for (int64_t k = 0; k < n; k++) {
            x += (double)d->a->arrays[p][k] * (double)d->a->arrays[p][k];
            y += (double)d->b->arrays[p][k] * (double)d->b->arrays[p][k];
        }
        d->norm[p] = sqrt(x) * sqrt(y);
    }
}

/* rows[u, m * rest]: the slices of unit u, its m positions one after the other, all other axes
 * moved by `index` (NULL = as they are). */
static void slices(double *rows, const float *data, const weld_shape *shape,
                   const weld_member *member, int32_t units)
{
    int64_t outer = weld_shape_span(shape, 0, member->axis);
    int64_t inner = weld_shape_span(shape, member->axis + 1, shape->rank);
    int64_t extent = shape->dims[member->axis];
    for (int32_t u = 0; u < units; u++)
        for (int32_t m = 0; m < member->multiplicity; m++) {
            int64_t at = member->positions[u * member->multiplicity + m];
            for (int64_t o = 0; o < outer; o++)
                for (int64_t i = 0; i < inner; i++)
                    *rows++ = (double)data[(o * extent + at) * inner + i];
        }
}

/* B's parameter moved by the element on every axis but the member's own. */
static weld_status others_moved(float *out, float *scratch, const weld_element *e,
                                const weld_paramset *b, const weld_member *member, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_shape *shape = &e->symmetry->graph->params[member->param].shape;
    size_t bytes = (size_t)weld_shape_numel(shape) * sizeof(float);
    int32_t *index = NULL;
    memcpy(out, b->arrays[member->param], bytes);
    for (int axis = 0; axis < shape->rank; axis++) {
        if (axis == member->axis)
            continue;
        weld_free(e->ctx, index);
        index = NULL;
        WELD_NEW(index, e->ctx, shape->dims[axis]);
        weld_element_axis_index(index, e, member->param, axis);
        memcpy(scratch, out, bytes);
        weld_gather_axis(out, scratch, shape, axis, index, shape->dims[axis], sizeof(float));
    }
done:
    weld_free(e->ctx, index);
    return st;
}

static weld_status add_member(double *score, const weld_element *e, int c,
                              const weld_member *member, const weld_paramset *const sets[2],
                              weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = e->ctx;
    const weld_shape *shape = &e->symmetry->graph->params[member->param].shape;
    int32_t n = e->symmetry->classes[c].size;
    int64_t count = weld_shape_numel(shape);
    int64_t width = count / shape->dims[member->axis] * member->multiplicity;
    float *moved = NULL, *scratch = NULL;
    double *x = NULL, *y = NULL;
    WELD_NEW(moved, ctx, count);
    WELD_NEW(scratch, ctx, count);
    WELD_NEW(x, ctx, n * width);
    WELD_NEW(y, ctx, n * width);
    WELD_TRY(others_moved(moved, scratch, e, sets[1], member, err));
    slices(x, sets[0]->arrays[member->param], shape, member, n);
    slices(y, moved, shape, member, n);
    weld_gemm_shape gemm = {false, true, n, n, width, width, width, n};
    weld_dgemm(&gemm, 1.0, x, y, 1.0, score);
done:
    weld_free(ctx, moved);
    weld_free(ctx, scratch);
    weld_free(ctx, x);
    weld_free(ctx, y);
    return st;
}

/* All other classes on the parameter are settled already (the anchored sweep). */
static bool may_rely(const weld_element *e, int c, int param, const bool *settled)
{
    for (int k = 0; settled && k < e->symmetry->free_count; k++)
        for (int m = 0; k != c && m < e->symmetry->classes[k].member_count; m++)
            if (e->symmetry->classes[k].members[m].param == param && !settled[k])
                return false;
    return true;
}

static bool is_statistic(const weld_graph *g, int param)
{
    int v = g->params[param].value;
    for (int k = 0; k < g->consumer_count[v]; k++) {
        const weld_node *node = &g->nodes[g->consumers[v][k]];
        for (int i = 0; i < node->input_count && i < 32; i++)
            if (node->inputs[i] == v && (node->op->statistic_inputs >> i & 1u))
                return true;
    }
    return false;
}

weld_status weld_weights_score(double *score, const weld_element *element, int class_index,
                               const weld_paramset *a, const weld_paramset *b,
                               const bool *only_settled, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_class *k = &element->symmetry->classes[class_index];
    const weld_paramset *sets[2] = {a, b};
    memset(score, 0, sizeof *score * (size_t)k->size * (size_t)k->size);
    for (int m = 0; m < k->member_count; m++)
        if (!is_statistic(element->symmetry->graph, k->members[m].param) &&
            may_rely(element, class_index, k->members[m].param, only_settled))
            WELD_TRY(add_member(score, element, class_index, &k->members[m], sets, err));
done:
    return st;
}

/* Sum over scored parameters of <A, pi(B)>. */
static weld_status objective(double *out, const descent *d, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_paramset *moved = NULL;
    const weld_graph *g = d->s->graph;
    WELD_TRY(weld_paramset_create(&moved, d->ctx, g, err));
    WELD_TRY(weld_element_apply(moved, d->element, d->b, err));
    *out = 0;
    for (int p = 0; p < g->param_count; p++) {
        int64_t n = d->scored[p] ? weld_shape_numel(&g->params[p].shape) : 0;
        for (int64_t k = 0; k < n; k++)
            *out += (double)d->a->arrays[p][k] * (double)moved->arrays[p][k];
    }
done:
    weld_paramset_free(moved);
    return st;
}

/* One class solved with the others fixed. Accepted only for a real gain of the true objective: a
 * class on two axes of one tensor makes the score a mere linearisation. */
static weld_status step(bool *changed, descent *d, int c, const bool *settled, double *value,
                        weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_class *k = &d->s->classes[c];
    int32_t *old = NULL, *perm = d->element->perms[c];
    double *score = NULL, gain, after, least = 0;
    size_t bytes = (size_t)k->size * sizeof *perm;
    WELD_NEW(score, d->ctx, (size_t)k->size * (size_t)k->size);
    WELD_NEW(old, d->ctx, k->size);
    memcpy(old, perm, bytes);
    for (int m = 0; m < k->member_count; m++)
        least += d->scored[k->members[m].param] ? 1e-9 * d->norm[k->members[m].param] : 0;
    WELD_TRY(weld_weights_score(score, d->element, c, d->a, d->b, settled, err));
    WELD_TRY(weld_lap_max(perm, d->ctx, score, k->size, &gain, err));
    *changed = false;
    if (gain > 0 && settled) {
        *changed = true; /* the anchored sweep makes a start, it does not descend */
        goto done;
    }
    if (gain > least) {
        WELD_TRY(objective(&after, d, err));
        *changed = after > *value;
        *value = *changed ? after : *value;
    }
    if (!*changed)
        memcpy(perm, old, bytes);
done:
    weld_free(d->ctx, score);
    weld_free(d->ctx, old);
    return st;
}

static weld_status descend(int *sweeps, double *value, descent *d, weld_rng *rng,
                           const int32_t *fixed, weld_error *err)
{
    enum { SWEEPS_MAX = 1000 };
    weld_status st = WELD_OK;
    int32_t *order = NULL;
    bool any = true, changed;
    WELD_NEW(order, d->ctx, d->s->free_count);
    for (int c = 0; c < d->s->free_count; c++)
        order[c] = fixed ? fixed[c] : c;
    WELD_TRY(objective(value, d, err));
    for (*sweeps = 0; any && *sweeps < SWEEPS_MAX; ++*sweeps) {
        any = false;
        if (!fixed)
            weld_rng_shuffle(rng, order, d->s->free_count);
        for (int k = 0; k < d->s->free_count; k++) {
            WELD_TRY(step(&changed, d, order[k], NULL, value, err));
            any = any || changed;
        }
        WELD_TRY(weld_progress(d->ctx, "match", 0.5, err));
    }
done:
    weld_free(d->ctx, order);
    return st;
}

/* Start: classes in graph order, each scored only on parameters whose other classes are done. */
static weld_status anchored_start(descent *d, weld_error *err)
{
    weld_status st = WELD_OK;
    bool *settled = NULL, changed;
    double unused = 0;
    WELD_NEW(settled, d->ctx, d->s->free_count);
    for (int c = 0; c < d->s->free_count; c++) {
        WELD_TRY(step(&changed, d, c, settled, &unused, err));
        settled[c] = true;
    }
done:
    weld_free(d->ctx, settled);
    return st;
}

static void reset(weld_element *e)
{
    for (int c = 0; c < e->symmetry->free_count; c++)
        for (int32_t i = 0; i < e->symmetry->classes[c].size; i++)
            e->perms[c][i] = i;
}

static void copy_element(weld_element *to, const weld_element *from)
{
    for (int c = 0; c < from->symmetry->free_count; c++)
        memcpy(to->perms[c], from->perms[c],
               (size_t)from->symmetry->classes[c].size * sizeof(int32_t));
}

static weld_status restart(descent *d, int index, weld_element *best, weld_weights_result *result,
                           const weld_weights_options *options, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_rng rng;
    double value;
    int sweeps;
    reset(d->element);
    weld_rng_seed(&rng, options->seed, (uint64_t)index + 1);
    if (index == 1)
        WELD_TRY(anchored_start(d, err));
    WELD_TRY(descend(&sweeps, &value, d, &rng, options->order, err));
    if (index > 0 && value <= result->objective[1])
        return WELD_OK;
    result->objective[1] = value;
    result->sweeps = sweeps;
    copy_element(best, d->element);
done:
    return st;
}

weld_status weld_match_weights(weld_element *element, weld_weights_result *result,
                               const weld_paramset *a, const weld_paramset *b,
                               const weld_weights_options *options, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_symmetry *s = element->symmetry;
    descent d = {.ctx = s->ctx, .s = s, .a = a, .b = b};
    WELD_TRY(weld_element_identity(&d.element, s, err));
    WELD_NEW(d.scored, d.ctx, s->graph->param_count);
    WELD_NEW(d.norm, d.ctx, s->graph->param_count);
    find_scored(&d);
    find_norms(&d);
    WELD_TRY(objective(&result->objective[0], &d, err));
    for (int k = 0; k < options->restarts; k++)
        WELD_TRY(restart(&d, k, element, result, options, err));
done:
    weld_free(d.ctx, d.scored);
    weld_free(d.ctx, d.norm);
    weld_element_free(d.element);
    return st;
}
