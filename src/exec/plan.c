#include "exec/plan.h"
#include "core/size.h"
#include <string.h>

typedef struct slot {
    size_t bytes;
    int last_use; /* step after which it is free */
} slot;

struct weld_plan {
    weld_context *ctx;
    const weld_shapes *shapes;
    const weld_graph *graph;
    int *steps; /* [step_count] node indices: those whose outputs are not known beforehand */
    int step_count;
    int *slot_of;  /* [value_count] buffer of a computed value, -1 = none */
    int *last_use; /* [value_count] last step that reads it */
    slot *slots;
    int slot_count;
    size_t scratch_bytes;
};

struct weld_run {
    const weld_plan *plan;
    const weld_paramset *params; /* bound */
    void **buffers;              /* [slot_count] */
    void *scratch;
    weld_tensor *values; /* [value_count] */
    float **narrow;      /* [value_count] room for double values that stay readable, else NULL */
};

static bool is_known(const weld_plan *plan, int value)
{
    return plan->shapes->types[value].data != NULL;
}

static size_t value_bytes(const weld_plan *plan, int value)
{
    const weld_type *type = &plan->shapes->types[value];
    return (size_t)weld_shape_numel(&type->shape) * weld_compute_size(type->dtype);
}

static void list_steps(weld_plan *plan)
{
    const weld_graph *g = plan->graph;
    for (int n = 0; n < g->node_count; n++) {
        bool needed = false;
        for (int k = 0; k < g->nodes[n].output_count; k++) {
            int v = g->nodes[n].outputs[k];
            needed = needed || (v >= 0 && !is_known(plan, v));
        }
        if (needed)
            plan->steps[plan->step_count++] = n;
    }
}

static void find_last_uses(weld_plan *plan, const int *taps, int tap_count)
{
    const weld_graph *g = plan->graph;
    for (int v = 0; v < g->value_count; v++)
        plan->last_use[v] = -1;
    for (int s = 0; s < plan->step_count; s++) {
        const weld_node *node = &g->nodes[plan->steps[s]];
        for (int k = 0; k < node->input_count; k++)
            if (node->inputs[k] >= 0)
                plan->last_use[node->inputs[k]] = s;
        for (int k = 0; k < node->output_count; k++)
            if (node->outputs[k] >= 0 && plan->last_use[node->outputs[k]] < s)
                plan->last_use[node->outputs[k]] = s;
    }
    for (int k = 0; k < tap_count; k++)
        plan->last_use[taps[k]] = plan->step_count;
    for (int k = 0; k < g->output_count; k++)
        plan->last_use[g->outputs[k]] = plan->step_count;
}

/* The free slot that fits best: the smallest that is large enough, else the largest. */
static int pick_slot(const weld_plan *plan, int step, size_t bytes)
{
    int best = -1;
    for (int s = 0; s < plan->slot_count; s++) {
        if (plan->slots[s].last_use >= step)
            continue;
        size_t have = plan->slots[s].bytes, held = best < 0 ? 0 : plan->slots[best].bytes;
        bool better = best < 0 ||
                      (have >= bytes ? held < bytes || have < held : held < bytes && have > held);
        if (better)
            best = s;
    }
    return best;
}

static weld_status assign_slots(weld_plan *plan, weld_error *err)
{
    weld_status st = WELD_OK;
    size_t cap = 0;
    for (int s = 0; s < plan->step_count; s++) {
        const weld_node *node = &plan->graph->nodes[plan->steps[s]];
        for (int k = 0; k < node->output_count; k++) {
            int v = node->outputs[k];
            if (v < 0)
                continue;
            size_t bytes = value_bytes(plan, v);
            int choice = pick_slot(plan, s, bytes);
            if (choice < 0) {
                WELD_GROW(plan->slots, cap, plan->ctx, plan->slot_count + 1);
                choice = plan->slot_count++;
                plan->slots[choice] = (slot){0, -1};
            }
            if (plan->slots[choice].bytes < bytes)
                plan->slots[choice].bytes = bytes;
            plan->slots[choice].last_use = plan->last_use[v];
            plan->slot_of[v] = choice;
        }
    }
done:
    return st;
}

static void shape_args(const weld_plan *plan, const weld_node *node, weld_tensor *storage,
                       const weld_tensor **in, weld_tensor **out)
{
    for (int k = 0; k < node->input_count + node->output_count; k++) {
        bool is_in = k < node->input_count;
        int v = is_in ? node->inputs[k] : node->outputs[k - node->input_count];
        weld_tensor *t = v < 0 ? NULL : &storage[k];
        if (t)
            *t = (weld_tensor){.dtype = plan->shapes->types[v].dtype,
                               .shape = plan->shapes->types[v].shape};
        if (is_in)
            in[k] = t;
        else
            out[k - node->input_count] = t;
    }
}

static weld_status find_scratch(weld_plan *plan, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_tensor *storage = NULL, **out = NULL;
    const weld_tensor **in = NULL;
    size_t cap_storage = 0, cap_in = 0, cap_out = 0;
    for (int s = 0; s < plan->step_count; s++) {
        const weld_node *node = &plan->graph->nodes[plan->steps[s]];
        if (!node->op->scratch_bytes)
            continue; /* of most */
        WELD_GROW(storage, cap_storage, plan->ctx, node->input_count + node->output_count);
        WELD_GROW(in, cap_in, plan->ctx, node->input_count);
        WELD_GROW(out, cap_out, plan->ctx, node->output_count);
        shape_args(plan, node, storage, in, out);
        weld_kernel_args args = {plan->ctx, in, out, NULL};
        size_t bytes = weld_op_scratch(node, &args);
        if (bytes > plan->scratch_bytes)
            plan->scratch_bytes = bytes;
    }
done:
    weld_free(plan->ctx, storage);
    weld_free(plan->ctx, in);
    weld_free(plan->ctx, out);
    return st;
}

weld_status weld_plan_create(weld_plan **out, weld_context *ctx, const weld_shapes *shapes,
                             const int *taps, int tap_count, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *graph = shapes->graph;
    weld_plan *plan = NULL;
    *out = NULL;
    WELD_NEW(plan, ctx, 1);
    plan->ctx = ctx;
    plan->shapes = shapes;
    plan->graph = graph;
    WELD_NEW(plan->steps, ctx, graph->node_count);
    WELD_NEW(plan->slot_of, ctx, graph->value_count);
    WELD_NEW(plan->last_use, ctx, graph->value_count);
    for (int v = 0; v < graph->value_count; v++)
        plan->slot_of[v] = -1;
    list_steps(plan);
    find_last_uses(plan, taps, tap_count);
    WELD_TRY(assign_slots(plan, err));
    WELD_TRY(find_scratch(plan, err));
    *out = plan;
    plan = NULL;
done:
    weld_plan_free(plan);
    return st;
}

void weld_plan_free(weld_plan *plan)
{
    if (!plan)
        return;
    weld_free(plan->ctx, plan->steps);
    weld_free(plan->ctx, plan->slot_of);
    weld_free(plan->ctx, plan->last_use);
    weld_free(plan->ctx, plan->slots);
    weld_free(plan->ctx, plan);
}

int weld_plan_steps(const weld_plan *plan)
{
    return plan->step_count;
}

size_t weld_plan_bytes(const weld_plan *plan)
{
    size_t bytes = plan->scratch_bytes;
    for (int s = 0; s < plan->slot_count; s++)
        bytes += plan->slots[s].bytes;
    return bytes;
}

int weld_plan_first_use(const weld_plan *plan, int value)
{
    for (int s = 0; s < plan->step_count; s++) {
        const weld_node *node = &plan->graph->nodes[plan->steps[s]];
        for (int k = 0; k < node->input_count; k++)
            if (node->inputs[k] == value)
                return s;
    }
    return plan->step_count;
}

int weld_plan_step_of(const weld_plan *plan, int node)
{
    int step = 0;
    while (step < plan->step_count && plan->steps[step] < node)
        step++;
    return step;
}

int weld_plan_live(int *values, const weld_plan *plan, int step)
{
    const weld_graph *g = plan->graph;
    const int node = step < plan->step_count ? plan->steps[step] : g->node_count;
    int count = 0;
    for (int v = 0; v < g->value_count; v++) {
        const weld_value *value = &g->values[v];
        const bool made = value->kind == WELD_VALUE_NODE && value->producer < node;
        if (plan->last_use[v] >= step && !is_known(plan, v) &&
            (made || value->kind == WELD_VALUE_INPUT))
            values[count++] = v;
    }
    return count;
}

static void place_values(weld_run *run)
{
    const weld_plan *plan = run->plan;
    for (int v = 0; v < plan->graph->value_count; v++) {
        const weld_type *type = &plan->shapes->types[v];
        weld_tensor *t = &run->values[v];
        *t = (weld_tensor){.dtype = type->dtype, .shape = type->shape};
        if (type->data)
            t->data = type->data->data;
        else if (plan->slot_of[v] >= 0)
            t->data = run->buffers[plan->slot_of[v]];
    }
}

weld_status weld_run_create(weld_run **out, const weld_plan *plan, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_run *run = NULL;
    *out = NULL;
    WELD_NEW(run, plan->ctx, 1);
    run->plan = plan;
    WELD_NEW(run->buffers, plan->ctx, plan->slot_count);
    for (int s = 0; s < plan->slot_count; s++)
        WELD_REQUIRE((run->buffers[s] = weld_alloc(plan->ctx, plan->slots[s].bytes, 1)),
                     WELD_E_LIMIT, "no memory for activations (%zu bytes)", plan->slots[s].bytes);
    WELD_REQUIRE((run->scratch = weld_alloc(plan->ctx, plan->scratch_bytes, 1)), WELD_E_LIMIT,
                 "no memory for scratch (%zu bytes)", plan->scratch_bytes);
    WELD_NEW(run->values, plan->ctx, plan->graph->value_count);
    WELD_NEW(run->narrow, plan->ctx, plan->graph->value_count);
    place_values(run);
    for (int v = 0; v < plan->graph->value_count; v++)
        if (run->values[v].dtype == WELD_DOUBLE && plan->last_use[v] == plan->step_count)
            WELD_NEW(run->narrow[v], plan->ctx, weld_shape_numel(&run->values[v].shape));
    *out = run;
    run = NULL;
done:
    weld_run_free(run);
    return st;
}

void weld_run_free(weld_run *run)
{
    if (!run)
        return;
    weld_context *ctx = run->plan->ctx;
    for (int s = 0; run->buffers && s < run->plan->slot_count; s++)
        weld_free(ctx, run->buffers[s]);
    weld_free(ctx, run->buffers);
    weld_free(ctx, run->scratch);
    for (int v = 0; run->narrow && v < run->plan->graph->value_count; v++)
        weld_free(ctx, run->narrow[v]);
    weld_free(ctx, run->narrow);
    weld_free(ctx, run->values);
    weld_free(ctx, run);
}

void weld_run_bind(weld_run *run, const weld_paramset *params, const weld_tensor *const *inputs)
{
    const weld_graph *g = run->plan->graph;
    run->params = params;
    for (int p = 0; p < g->param_count; p++)
        run->values[g->params[p].value].data = params->arrays[p];
    for (int k = 0; k < g->input_count; k++)
        run->values[g->inputs[k]].data = inputs[k]->data;
}

/* A parameter that is not held is there for the step only. */
static weld_status take_param(const weld_run *run, weld_tensor *t, int p, weld_error *err)
{
    const size_t n = weld_param_numel(run->plan->graph, p), size = weld_compute_size(t->dtype);
    t->data = weld_alloc(run->plan->ctx, n, size);
    return t->data ? weld_paramset_read(t->data, run->params, p, WELD_CANONICAL, 0, n, err)
                   : weld_fail_memory(run->plan->ctx, err, n, size);
}

static weld_status take_params(weld_run *run, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int k = 0; k < node->input_count && st == WELD_OK; k++) {
        const int v = node->inputs[k], p = v < 0 ? -1 : run->plan->graph->values[v].param;
        if (p >= 0 && !run->values[v].data)
            st = take_param(run, &run->values[v], p, err);
    }
    return st;
}

static void drop_params(weld_run *run, const weld_node *node)
{
    for (int k = 0; k < node->input_count; k++) {
        const int v = node->inputs[k], p = v < 0 ? -1 : run->plan->graph->values[v].param;
        if (p >= 0 && !run->params->arrays[p])
            weld_tensor_free(run->plan->ctx, &run->values[v]);
    }
}

static weld_status run_step(weld_run *run, const weld_node *node, weld_error *err)
{
    enum { INLINE_ARGS = 16 };
    const weld_tensor *in_small[INLINE_ARGS], **in = in_small;
    weld_tensor *out_small[INLINE_ARGS];
    weld_context *ctx = run->plan->ctx;
    weld_status st = WELD_OK;
    WELD_REQUIRE(node->output_count <= INLINE_ARGS, WELD_E_LIMIT, "has %d outputs, allowed %d",
                 node->output_count, INLINE_ARGS);
    if (node->input_count > INLINE_ARGS)
        WELD_NEW(in, ctx, node->input_count);
    WELD_TRY(take_params(run, node, err));
    for (int k = 0; k < node->input_count; k++)
        in[k] = node->inputs[k] < 0 ? NULL : &run->values[node->inputs[k]];
    for (int k = 0; k < node->output_count; k++)
        out_small[k] = node->outputs[k] < 0 ? NULL : &run->values[node->outputs[k]];
    weld_kernel_args args = {ctx, in, out_small, run->scratch};
    st = weld_op_run(node, &args, err);
done:
    drop_params(run, node);
    if (in != in_small)
        weld_free(ctx, in);
    if (st != WELD_OK)
        weld_error_wrap(err, "node '%s' (%s)", node->name, node->op->name);
    return st;
}

void weld_run_restore(weld_run *run, int value, const void *data)
{
    memcpy(run->values[value].data, data, value_bytes(run->plan, value));
}

weld_status weld_run_steps(weld_run *run, int from, int to, weld_error *err)
{
    for (int s = from; s < to; s++) {
        weld_status st = run_step(run, &run->plan->graph->nodes[run->plan->steps[s]], err);
        if (st != WELD_OK)
            return st;
    }
    return WELD_OK;
}

weld_status weld_run_all(weld_run *run, const weld_paramset *params,
                         const weld_tensor *const *inputs, weld_error *err)
{
    weld_run_bind(run, params, inputs);
    return weld_run_steps(run, 0, run->plan->step_count, err);
}

const weld_tensor *weld_run_value(const weld_run *run, int value)
{
    return &run->values[value];
}

const float *weld_run_floats(weld_run *run, int value)
{
    const weld_tensor *t = &run->values[value];
    if (!run->narrow[value])
        return t->f;
    weld_convert_reals(run->narrow[value], WELD_FLOAT, t->d, WELD_DOUBLE,
                       (size_t)weld_shape_numel(&t->shape));
    return run->narrow[value];
}
