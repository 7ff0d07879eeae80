#include "merge/norm_unit.h"
#include "ops/op.h"
#include <math.h>

enum { SCALE = 1, SHIFT, MEAN, VARIANCE }; /* inputs of the node */

static double number(const weld_paramset *set, int node, int slot, int64_t unit)
{
    return weld_paramset_number(set, weld_param_at(set->graph, &set->graph->nodes[node], slot),
                                unit);
}

static double deviation(const weld_paramset *set, int node, double variance)
{
    return sqrt(variance + weld_attr_number(&set->graph->nodes[node], "epsilon"));
}

double weld_norm_factor(const weld_paramset *set, int node, int64_t unit, double variance)
{
    return number(set, node, SCALE, unit) / deviation(set, node, variance);
}

weld_norm_unit weld_norm_unit_at(const weld_paramset *set, int node, int64_t unit)
{
    const double factor = weld_norm_factor(set, node, unit, number(set, node, VARIANCE, unit));
    return (weld_norm_unit){factor, number(set, node, SHIFT, unit) -
                                        number(set, node, MEAN, unit) * factor};
}

void weld_norm_unit_set(weld_paramset *set, int node, int64_t unit, double mean, double variance,
                        double factor, double goal)
{
    const double values[] = {
        [SCALE] = factor * deviation(set, node, variance), goal, mean, variance};
    for (int slot = SCALE; slot <= VARIANCE; slot++)
        weld_put_number(set, weld_param_at(set->graph, &set->graph->nodes[node], slot), unit,
                        values[slot]);
}

void weld_put_number(weld_paramset *set, int param, int64_t k, double value)
{
    weld_tensor t = weld_paramset_tensor(set, param);
    weld_tensor_set_number(&t, k, value);
}
