#include "match/normalise.h"
#include "match/dot.h"
#include "ops/norm_fold.h"
#include "ops/op.h"
#include <math.h>
#include <string.h>

bool weld_normalise_find(weld_normalise *out, const char *name)
{
    static const char *const names[] = {"none", "layer", "neuron"};
    *out = WELD_NORMALISE_NONE;
    for (int k = 0; name && k < 3; k++)
        if (strcmp(name, names[k]) == 0) {
            *out = (weld_normalise)k;
            return true;
        }
    return !name;
}

static double inverse(double sum)
{
    return sum > 0 ? 1 / sqrt(sum) : 0;
}

static void scale_all(float *x, int64_t count)
{
    const double factor = inverse(weld_dot(x, x, count));
    for (int64_t k = 0; k < count; k++)
        x[k] = (float)(x[k] * factor);
}

static int tensor_of(const weld_scores *scores, int param)
{
    for (int k = 0; k < scores->count; k++)
        if (scores->tensors[k].param == param)
            return k;
    return -1;
}

static int param_of(const weld_graph *g, const weld_node *node, int slot)
{
    const int value = weld_node_input(node, slot);
    return value >= 0 && g->values[value].kind == WELD_VALUE_PARAM ? g->values[value].param : -1;
}

/* One side of a layer: weight [out, ..], bias [out] or NULL. */
static void scale_rows(float *weight, float *bias, const weld_shape *shape)
{
    const int64_t run = weld_shape_span(shape, 1, shape->rank);
    for (int64_t u = 0; u < shape->dims[0]; u++) {
        float *row = weight + u * run;
        const double own = bias ? (double)bias[u] * bias[u] : 0;
        const double factor = inverse(weld_dot(row, row, run) + own);
        for (int64_t k = 0; k < run; k++)
            row[k] = (float)(row[k] * factor);
        if (bias)
            bias[u] = (float)(bias[u] * factor);
    }
}

static void scale_neurons(weld_scores *scores, bool *done_with)
{
    const weld_graph *g = scores->symmetry->graph;
    for (int n = 0; n < g->node_count; n++) {
        if (!(g->nodes[n].op->flags & WELD_OP_LINEAR))
            continue;
        const weld_norm_fold fold = weld_find_norm_fold(g, n);
        const int w = tensor_of(scores, param_of(g, &g->nodes[n], 1));
        const int bias = fold.norm_node >= 0 ? fold.shift : param_of(g, &g->nodes[n], 2);
        const int b = bias < 0 ? -1 : tensor_of(scores, bias);
        if (w < 0 || done_with[w] || (b >= 0 && done_with[b]))
            continue; /* shared with another layer */
        weld_score_tensor *tw = &scores->tensors[w], *tb = b < 0 ? NULL : &scores->tensors[b];
        if (tb && weld_shape_numel(&tb->shape) != tw->shape.dims[0])
            continue;
        for (int side = 0; side < 2; side++)
            scale_rows(tw->owned[side], tb ? tb->owned[side] : NULL, &tw->shape);
        done_with[w] = true;
        if (b >= 0)
            done_with[b] = true;
    }
}

weld_status weld_scores_normalise(weld_scores *scores, weld_normalise how, weld_error *err)
{
    weld_status st = WELD_OK;
    bool *done_with = NULL; /* [count] */
    if (how == WELD_NORMALISE_NONE)
        return WELD_OK;
    WELD_TRY(weld_score_keep(scores, err)); /* they are changed in place */
    WELD_NEW(done_with, scores->ctx, scores->count);
    for (int k = 0; k < scores->count; k++)
        WELD_TRY(weld_score_own(scores, &scores->tensors[k], err));
    if (how == WELD_NORMALISE_NEURON)
        scale_neurons(scores, done_with);
    for (int k = 0; k < scores->count; k++) {
        weld_score_tensor *t = &scores->tensors[k];
        const int64_t count = weld_shape_numel(&t->shape);
        if (!done_with[k]) {
            scale_all(t->owned[0], count);
            scale_all(t->owned[1], count);
        }
        t->scale = sqrt(weld_dot(t->a, t->a, count)) * sqrt(weld_dot(t->b, t->b, count));
    }
done:
    weld_free(scores->ctx, done_with);
    return st;
}
