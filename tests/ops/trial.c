#include "ops/trial.h"
#include "core/rng.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- the graph ------------------------------------------------------------------------------ */

static bool is_static(const weld_graph *g, int value)
{
    for (int n = 0; n < g->node_count; n++)
        for (int k = 0; k < g->nodes[n].input_count && k < 32; k++)
            if (g->nodes[n].inputs[k] == value && g->nodes[n].op->static_inputs >> k & 1)
                return true;
    return false;
}

static void add_param(trial *t, int value, weld_dtype dtype, const weld_shape *shape)
{
    weld_graph *g = &t->graph;
    weld_value *v = &g->values[value];
    v->kind = WELD_VALUE_PARAM;
    v->dtype = dtype;
    v->rank = shape->rank;
    memcpy(v->dims, shape->dims, sizeof v->dims);
    v->producer = -1;
    v->param = g->param_count;
    g->params[g->param_count++] = (weld_param){value, v->name, dtype, *shape};
}

/* A copy, or `filled` by its first number, within reason. */
static weld_status make_constant(weld_tensor *out, trial *t, const weld_tensor *given, bool filled,
                                 weld_error *err)
{
    const int64_t count = weld_shape_numel(&given->shape);
    const weld_status st = weld_tensor_create(out, t->ctx, given->dtype, &given->shape, err);
    if (st != WELD_OK || count == 0)
        return st;
    memcpy(out->data, given->data, (size_t)count * weld_compute_size(given->dtype));
    const double first = weld_tensor_number(given, 0);
    for (int64_t k = 0; filled && k < count; k++)
        weld_tensor_set_number(out, k, fabs(first) < 100 ? first : 1);
    return st;
}

static weld_status turn_inputs(trial *t, trial_kind kind, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *from = t->source.graph;
    WELD_NEW(t->constants, t->ctx, from->input_count);
    for (int k = 0; k < from->input_count; k++) {
        const weld_tensor *given = t->source.inputs[k];
        const int value = from->inputs[k];
        const bool fixed = is_static(from, value);
        if (fixed || (kind.known && !weld_dtype_is_float(given->dtype)) ||
            (kind.only >= 0 && kind.only != k)) {
            t->graph.values[value].kind = WELD_VALUE_CONST;
            t->graph.values[value].data = &t->constants[k];
            WELD_TRY(make_constant(&t->constants[k], t, given,
                                   kind.filled && !fixed && weld_dtype_is_float(given->dtype),
                                   err));
            continue;
        }
        add_param(t, value, given->dtype, &given->shape);
    }
done:
    return st;
}

/* Room for a target and a sum per output. */
static weld_status copy_graph(trial *t, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *from = t->source.graph;
    weld_graph *g = &t->graph;
    const int outputs = from->output_count;
    *g = *from;
    g->values = NULL;
    g->nodes = NULL;
    g->params = NULL;
    g->consumers = NULL;
    g->consumer_count = NULL;
    g->input_count = g->output_count = 0;
    t->node_count = from->node_count;
    WELD_NEW(g->values, t->ctx, from->value_count + 2 * outputs);
    WELD_NEW(g->nodes, t->ctx, from->node_count + outputs);
    WELD_NEW(g->params, t->ctx, from->param_count + from->input_count + outputs);
    memcpy(g->values, from->values, sizeof *g->values * (size_t)from->value_count);
    memcpy(g->nodes, from->nodes, sizeof *g->nodes * (size_t)from->node_count);
    if (from->param_count)
        memcpy(g->params, from->params, sizeof *g->params * (size_t)from->param_count);
    for (int k = 0; k < outputs; k++) {
        weld_node *sum = &g->nodes[from->node_count + k];
        const int target = from->value_count + 2 * k;
        g->values[target] = g->values[target + 1] = (weld_value){.name = "target", .param = -1};
        g->values[target + 1].kind = WELD_VALUE_NODE;
        g->values[target + 1].producer = from->node_count + k;
        *sum = (weld_node){.op = &weld_op_Sum,
                           .opset = WELD_OPSET_MAX,
                           .name = "sum",
                           .input_count = 2,
                           .output_count = 1};
        WELD_NEW(sum->inputs, t->ctx, 3);
        sum->outputs = sum->inputs + 2;
        WELD_NEW(sum->attrs, t->ctx, sum->op->attrs_size);
        weld_attrs_default(sum->op, sum->attrs);
        sum->inputs[0] = from->outputs[k];
        sum->inputs[1] = target;
        sum->outputs[0] = target + 1;
    }
    g->value_count += 2 * outputs;
done:
    return st;
}

/* An output that can move gets its target. */
static void add_targets(trial *t)
{
    const weld_graph *from = t->source.graph;
    for (int k = 0; k < from->output_count; k++) {
        const int target = from->value_count + 2 * k;
        const weld_type *type = &t->shapes->types[from->outputs[k]];
        t->target[k] = type->data ? -1 : t->graph.param_count;
        if (!type->data)
            add_param(t, target, type->dtype, &type->shape);
        t->shapes->types[target] = t->shapes->types[target + 1] = *type;
    }
    t->graph.node_count += from->output_count;
}

/* An input is read twice, as it were, where it is shared. */
static weld_status link_consumers(trial *t, bool shared, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_graph *g = &t->graph;
    WELD_NEW(g->consumers, t->ctx, g->value_count);
    WELD_NEW(g->consumer_count, t->ctx, g->value_count);
    for (int v = 0; v < g->value_count; v++)
        WELD_NEW(g->consumers[v], t->ctx, g->node_count + 1);
    for (int n = 0; n < g->node_count; n++)
        for (int k = 0; k < g->nodes[n].input_count; k++) {
            const int v = g->nodes[n].inputs[k];
            int *count = v < 0 ? NULL : &g->consumer_count[v];
            if (count && (*count == 0 || g->consumers[v][*count - 1] != n))
                g->consumers[v][(*count)++] = n;
        }
    for (int v = 0; shared && v < t->source.graph->value_count; v++)
        if (g->values[v].kind == WELD_VALUE_PARAM && g->consumer_count[v] == 1)
            g->consumers[v][g->consumer_count[v]++] = g->consumers[v][0];
done:
    return st;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Numbers that are all the same show nothing: others of their size and sign. */
static void spread_numbers(const trial *t, int param, weld_rng *rng)
{
    weld_tensor x = weld_paramset_tensor(t->params, param);
    const int64_t count = weld_shape_numel(&x.shape);
    const double first = count ? weld_tensor_number(&x, 0) : 0;
    for (int64_t k = 1; k < count; k++)
        if (weld_tensor_number(&x, k) != first)
            return;
    for (int64_t k = 0; count > 1 && k < count && isfinite(first); k++) {
        const double u = (double)weld_rng_below(rng, 1 << 20) / (1 << 20);
        weld_tensor_set_number(&x, k, first == 0 ? u - 0.5 : first * (1 + 0.5 * u));
    }
}

static weld_status fill_params(trial *t, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *from = t->source.graph;
    weld_rng rng;
    weld_rng_seed(&rng, 5, 1);
    WELD_TRY(weld_paramset_create(&t->params, t->ctx, &t->graph, err));
    for (int p = 0; p < from->param_count; p++)
        memcpy(t->params->arrays[p], t->source.params->arrays[p], weld_param_bytes(from, p));
    for (int k = 0; k < from->input_count; k++) {
        const int p = t->graph.values[from->inputs[k]].param;
        if (t->graph.values[from->inputs[k]].kind == WELD_VALUE_PARAM)
            memcpy(t->params->arrays[p], t->source.inputs[k]->data, weld_param_bytes(&t->graph, p));
    }
    for (int p = 0; p < t->graph.param_count; p++)
        if (weld_dtype_is_float(t->graph.params[p].dtype))
            spread_numbers(t, p, &rng);
done:
    return st;
}

/* The outputs become the targets. */
static weld_status fill_targets(trial *t, weld_error *err)
{
    const weld_status st = weld_run_all(t->run, t->params, NULL, err);
    for (int k = 0; st == WELD_OK && k < t->source.graph->output_count; k++)
        if (t->target[k] >= 0)
            memcpy(t->params->arrays[t->target[k]],
                   weld_run_value(t->run, t->source.graph->outputs[k])->data,
                   weld_param_bytes(&t->graph, t->target[k]));
    return st;
}

weld_status trial_create(trial **out, const trial_source *source, trial_kind kind, weld_error *err)
{
    weld_status st = WELD_OK;
    trial *t = NULL;
    *out = NULL;
    WELD_NEW(t, source->ctx, 1);
    t->ctx = source->ctx;
    t->source = *source;
    WELD_NEW(t->target, t->ctx, source->graph->output_count);
    WELD_TRY(copy_graph(t, err));
    WELD_TRY(turn_inputs(t, kind, err));
    WELD_TRY(weld_shapes_infer(&t->shapes, t->ctx, &t->graph, 1, 0, err));
    WELD_TRY(weld_plan_create(&t->plan, t->ctx, t->shapes, source->graph->outputs,
                              source->graph->output_count, err));
    WELD_TRY(weld_run_create(&t->run, t->plan, err));
    add_targets(t);
    WELD_TRY(link_consumers(t, kind.shared, err));
    WELD_TRY(fill_params(t, err));
    WELD_TRY(fill_targets(t, err));
    WELD_TRY(weld_paramset_copy(&t->moved, t->params, err));
    WELD_TRY(weld_symmetry_derive(&t->symmetry, t->ctx, &t->graph, t->shapes, err));
    *out = t;
    t = NULL;
done:
    trial_free(t);
    return st;
}

void trial_free(trial *t)
{
    if (!t)
        return;
    weld_graph *g = &t->graph;
    for (int k = 0; t->constants && k < t->source.graph->input_count; k++)
        weld_tensor_free(t->ctx, &t->constants[k]);
    weld_free(t->ctx, t->constants);
    weld_symmetry_free(t->symmetry);
    weld_paramset_free(t->params);
    weld_paramset_free(t->moved);
    weld_run_free(t->run);
    weld_plan_free(t->plan);
    weld_shapes_free(t->shapes);
    for (int v = 0; g->consumers && v < g->value_count; v++)
        weld_free(t->ctx, g->consumers[v]);
    for (int k = 0; g->nodes && k < t->source.graph->output_count; k++) {
        weld_free(t->ctx, g->nodes[t->node_count + k].inputs);
        weld_free(t->ctx, g->nodes[t->node_count + k].attrs);
    }
    weld_free(t->ctx, g->consumers);
    weld_free(t->ctx, g->consumer_count);
    weld_free(t->ctx, g->values);
    weld_free(t->ctx, g->nodes);
    weld_free(t->ctx, g->params);
    weld_free(t->ctx, t->target);
    weld_free(t->ctx, t);
}

/* ---- elements of the group -------------------------------------------------------------------- */

static double largest(const weld_tensor *x)
{
    double scale = 0;
    for (int64_t i = 0; i < weld_shape_numel(&x->shape); i++) {
        const double size = fabs(weld_tensor_number(x, i));
        scale = isfinite(size) && size > scale ? size : scale;
    }
    return scale;
}

/* Sums in another order differ by roundings: a part of the largest output, and of doubles so small a
 * part that it may be of the largest number that goes in, which others cancel. */
static double tolerance(const trial *t, const weld_tensor *want)
{
    double scale = largest(want);
    for (int p = 0; want->dtype == WELD_DOUBLE && p < t->graph.param_count; p++) {
        const weld_tensor x = weld_paramset_tensor(t->params, p);
        scale = fmax(scale, largest(&x));
    }
    return scale * (want->dtype == WELD_DOUBLE     ? 1e-12
                    : want->dtype == WELD_FLOAT16  ? 0x1p-10
                    : want->dtype == WELD_BFLOAT16 ? 0x1p-7
                                                   : 1e-5);
}

static bool is_same(const weld_tensor *x, const weld_tensor *y, double allowed, int64_t k)
{
    if (!weld_dtype_is_float(x->dtype))
        return x->i[k] == y->i[k];
    const double a = weld_tensor_number(x, k), b = weld_tensor_number(y, k);
    return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= allowed;
}

static weld_status compare_output(const trial *t, int k, weld_error *err)
{
    const weld_tensor *got = weld_run_value(t->run, t->source.graph->outputs[k]);
    if (t->target[k] < 0)
        return WELD_OK; /* known beforehand, whatever the inputs are */
    const weld_tensor want = weld_paramset_tensor(t->moved, t->target[k]);
    const int64_t count = weld_shape_numel(&want.shape);
    const double allowed = tolerance(t, &want);
    for (int64_t i = 0; i < count; i++)
        if (!is_same(&want, got, allowed, i))
            return weld_fail(err, WELD_E_NEGATIVE, "output %d, element %lld is %.9g, not %.9g", k,
                             (long long)i, weld_tensor_number(got, i),
                             weld_tensor_number(&want, i));
    return WELD_OK;
}

static weld_status apply(trial *t, const weld_element *element, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_TRY(weld_element_apply(t->moved, element, t->params, err));
    WELD_TRY(weld_run_all(t->run, t->moved, NULL, err));
    for (int k = 0; k < t->source.graph->output_count; k++)
        WELD_TRY(compare_output(t, k, err));
done:
    return st;
}

/* Which tree of classes is at fault? Names the axes on which it stands. */
static weld_status name_culprit(trial *t, const weld_element *element, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_symmetry *s = t->symmetry;
    weld_element *one = NULL;
    weld_error tried;
    char text[512] = "";
    size_t used = 0;
    for (int root = 0; root < s->free_count; root++) {
        if (s->classes[root].parent >= 0)
            continue;
        weld_element_free(one);
        WELD_TRY(weld_element_identity(&one, s, err));
        for (int c = root; c < s->free_count; c++)
            if (weld_class_root(s, c) == root)
                memcpy(one->perms[c], element->perms[c],
                       (size_t)s->classes[c].size * sizeof(int32_t));
        if (apply(t, one, &tried) == WELD_OK)
            continue;
        const weld_class *k = &s->classes[root];
        for (int m = 0; m < k->member_count && used < sizeof text - 80; m++)
            used += (size_t)snprintf(text + used, sizeof text - used, " %.40s/%d",
                                     t->graph.params[k->members[m].param].name, k->members[m].axis);
    }
    weld_error_wrap(err, "units that don't move alike on axes%s", text);
done:
    weld_element_free(one);
    return st == WELD_OK ? WELD_E_NEGATIVE : st;
}

weld_status trial_run(trial *t, uint64_t seed, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_element *element = NULL;
    int bad;
    WELD_TRY(weld_element_random(&element, t->symmetry, seed, err));
    WELD_REQUIRE(weld_element_is_valid(element, &bad), WELD_E_NEGATIVE, "blocks torn in class %d",
                 bad);
    st = apply(t, element, err);
    if (st == WELD_E_NEGATIVE)
        st = name_culprit(t, element, err);
done:
    weld_element_free(element);
    return st;
}

bool trial_axis_moves(const trial *t, int param, int axis, const char **why)
{
    const weld_symmetry *s = t->symmetry;
    bool moves = false;
    *why = NULL;
    for (int c = 0; c < s->class_count; c++) {
        const weld_class *k = &s->classes[c];
        bool here = false;
        for (int m = 0; m < k->member_count; m++)
            here = here || (k->members[m].param == param && k->members[m].axis == axis);
        for (int m = 0; m < k->joint_count; m++)
            for (int a = 0; a < k->joints[m].axis_count; a++)
                here = here || (k->joints[m].param == param && k->joints[m].axes[a] == axis);
        if (here && k->pinned)
            *why = k->pinned;
        moves = moves || (here && !k->pinned);
    }
    return moves;
}
