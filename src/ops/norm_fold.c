#include "ops/norm_fold.h"
#include "ops/norm.h"
#include "ops/op.h"
#include <math.h>

static bool is_vector(const weld_graph *g, int param, int64_t size)
{
    const weld_shape *shape = param >= 0 ? &g->params[param].shape : NULL;
    return shape && shape->rank == 1 && shape->dims[0] == size;
}

weld_norm_fold weld_find_norm_fold(const weld_graph *g, int n)
{
    const weld_norm_fold none = {.norm_node = -1};
    const weld_node *linear = &g->nodes[n];
    if (!(linear->op->flags & WELD_OP_LINEAR))
        return none;
    const int out = linear->outputs[0], weight = weld_param_at(g, linear, 1);
    if (weight < 0 || g->consumer_count[out] != 1 || weld_graph_is_output(g, out))
        return none;
    const weld_node *norm = &g->nodes[g->consumers[out][0]];
    if (!(norm->op->flags & WELD_OP_NORM) || !norm->op->statistic_inputs || norm->inputs[0] != out)
        return none;
    const weld_norm_fold fold = {g->consumers[out][0],        weight,
                                 weld_param_at(g, linear, 2), weld_param_at(g, norm, 1),
                                 weld_param_at(g, norm, 2),   weld_param_at(g, norm, 3),
                                 weld_param_at(g, norm, 4)};
    const int64_t size = g->params[weight].shape.dims[0];
    const bool bias_fits = weld_node_input(linear, 2) < 0 || is_vector(g, fold.bias, size);
    if (!bias_fits || !is_vector(g, fold.scale, size) || !is_vector(g, fold.shift, size) ||
        !is_vector(g, fold.mean, size) || !is_vector(g, fold.variance, size))
        return none;
    return fold;
}

static double factor(const weld_norm_fold *fold, const weld_paramset *set, int64_t unit)
{
    const double variance = weld_paramset_number(set, fold->variance, unit) +
                            weld_attr_number(&set->graph->nodes[fold->norm_node], "epsilon");
    return weld_paramset_number(set, fold->scale, unit) / sqrt(variance);
}

void weld_norm_fold_weight(float *out, const weld_norm_fold *fold, const weld_paramset *set)
{
    const weld_shape *shape = &set->graph->params[fold->weight].shape;
    const int64_t run = weld_shape_span(shape, 1, shape->rank);
    for (int64_t u = 0; u < shape->dims[0]; u++) {
        const double f = factor(fold, set, u);
        for (int64_t k = u * run; k < (u + 1) * run; k++)
            out[k] = (float)(f * weld_paramset_number(set, fold->weight, k));
    }
}

void weld_norm_fold_shift(float *out, const weld_norm_fold *fold, const weld_paramset *set)
{
    const int64_t size = set->graph->params[fold->shift].shape.dims[0];
    for (int64_t u = 0; u < size; u++) {
        const double bias = fold->bias >= 0 ? weld_paramset_number(set, fold->bias, u) : 0.0;
        out[u] = (float)(weld_paramset_number(set, fold->shift, u) +
                         (bias - weld_paramset_number(set, fold->mean, u)) * factor(fold, set, u));
    }
}
