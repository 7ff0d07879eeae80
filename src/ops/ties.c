#include "ops/ties_state.h"
#include <string.h>

enum { UNITS_MAX = 1 << 28 };

int weld_ties_reason_rank(const char *why)
{
    if (!why)
        return 0;
    return strcmp(why, "graph input") == 0 ? 3 : strcmp(why, "graph output") == 0 ? 2 : 1;
}

void weld_ties_unite(weld_ties *t, int32_t a, int32_t b)
{
    a = weld_ties_find(t, a);
    b = weld_ties_find(t, b);
    if (a == b)
        return;
    int32_t root = a < b ? a : b, child = a < b ? b : a;
    weld_unit_info *r = &t->info[root], *c = &t->info[child];
    t->parent[child] = root;
    if (weld_ties_reason_rank(c->pinned) > weld_ties_reason_rank(r->pinned)) {
        r->pinned = c->pinned;
        r->pin_node = c->pin_node;
    }
    r->position = r->position || c->position;
    r->mixed = r->mixed || c->mixed;
    r->copy = r->copy || c->copy;
    r->distinct = r->distinct || c->distinct;
}

void weld_ties_pin(weld_ties *t, int32_t unit, int node, const char *why)
{
    weld_unit_info *info = &t->info[weld_ties_find(t, unit)];
    if (weld_ties_reason_rank(why) > weld_ties_reason_rank(info->pinned)) {
        info->pinned = why;
        info->pin_node = node;
    }
}

weld_status weld_ties_new_units(int32_t *first, weld_ties *t, int64_t count, weld_error *err)
{
    weld_status st = WELD_OK;
    size_t need = (size_t)t->unit_count + (size_t)count;
    WELD_REQUIRE(need < UNITS_MAX, WELD_E_LIMIT, "more than %d units on all axes", UNITS_MAX);
    WELD_GROW(t->parent, t->parent_cap, t->ctx, need);
    WELD_GROW(t->info, t->info_cap, t->ctx, need);
    *first = t->unit_count;
    for (; (size_t)t->unit_count < need; t->unit_count++) {
        t->parent[t->unit_count] = t->unit_count;
        t->info[t->unit_count] = (weld_unit_info){.pin_node = -1};
    }
done:
    return st;
}

const weld_shape *weld_tie_shape(const weld_ties *ties, int value)
{
    return &ties->shapes->types[value].shape;
}

const weld_tensor *weld_tie_data(const weld_ties *ties, int value)
{
    return value < 0 ? NULL : ties->shapes->types[value].data;
}

void weld_ties_fail(weld_ties *t, weld_status st)
{
    if (t->failed == WELD_OK)
        t->failed = st;
}

void weld_tie_unit(weld_ties *ties, int x, int a, int64_t i, int y, int b, int64_t j)
{
    if (ties->record) {
        weld_record_unit(ties, x, a, i, y, b, j);
        return;
    }
    int32_t u = weld_ties_base(ties, x, a), v = weld_ties_base(ties, y, b);
    if (u >= 0 && v >= 0)
        weld_ties_unite(ties, u + (int32_t)i, v + (int32_t)j);
}

void weld_tie_axes(weld_ties *ties, int x, int a, int y, int b)
{
    if (weld_ties_base(ties, x, a) < 0 || weld_ties_base(ties, y, b) < 0)
        return;
    int64_t n = weld_tie_shape(ties, x)->dims[a];
    if (n != weld_tie_shape(ties, y)->dims[b])
        return; /* broadcast: an axis of size 1 ties nothing */
    if (ties->record) {
        weld_record_axes(ties, x, a, y, b);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        weld_tie_unit(ties, x, a, i, y, b, i);
}

void weld_tie_pin_unit(weld_ties *ties, int node, int x, int a, int64_t i, const char *why)
{
    int32_t u = weld_ties_base(ties, x, a);
    if (ties->record)
        weld_record_mark(ties, x, a, TIE_PLAIN);
    else if (u >= 0)
        weld_ties_pin(ties, u + (int32_t)i, node, why);
}

void weld_tie_pin(weld_ties *ties, int node, int x, int a, const char *why)
{
    if (weld_ties_base(ties, x, a) < 0)
        return;
    for (int64_t i = 0; i < weld_tie_shape(ties, x)->dims[a]; i++)
        weld_tie_pin_unit(ties, node, x, a, i, why);
}

void weld_tie_position(weld_ties *ties, int x, int a)
{
    int32_t u = weld_ties_base(ties, x, a);
    if (ties->record) {
        weld_record_mark(ties, x, a, TIE_PLAIN);
        return;
    }
    for (int64_t i = 0; u >= 0 && i < weld_tie_shape(ties, x)->dims[a]; i++)
        ties->info[weld_ties_find(ties, u + (int32_t)i)].position = true;
}

void weld_tie_copies(weld_ties *ties, int x, int a)
{
    int32_t u = weld_ties_base(ties, x, a);
    if (ties->record) {
        weld_record_mark(ties, x, a, TIE_PLAIN);
        return;
    }
    for (int64_t i = 0; u >= 0 && i < weld_tie_shape(ties, x)->dims[a]; i++)
        ties->info[weld_ties_find(ties, u + (int32_t)i)].copy = true;
}

void weld_tie_mix(weld_ties *ties, int x, int a)
{
    int32_t u = weld_ties_base(ties, x, a);
    if (ties->record) {
        weld_record_mark(ties, x, a, TIE_MIXED);
        return;
    }
    for (int64_t i = 0; u >= 0 && i < weld_tie_shape(ties, x)->dims[a]; i++)
        ties->info[weld_ties_find(ties, u + (int32_t)i)].mixed = true;
}

bool weld_tie_is_weight(const weld_ties *t, int value)
{
    return t->graph->values[value].kind == WELD_VALUE_PARAM && t->graph->consumer_count[value] == 1;
}

/* ---- blocks ------------------------------------------------------------------------------ */

int32_t weld_ties_own_units(weld_ties *t, int node, bool places, int64_t count)
{
    weld_error *err = &t->error;
    weld_status st = WELD_OK;
    for (size_t k = 0; k < t->block_count; k++)
        if (t->blocks[k].node == node && t->blocks[k].places == places &&
            t->blocks[k].count == count)
            return t->blocks[k].first;
    WELD_GROW(t->blocks, t->block_cap, t->ctx, t->block_count + 1);
    block_set *made = &t->blocks[t->block_count];
    *made = (block_set){node, places, 0, count};
    WELD_TRY(weld_ties_new_units(&made->first, t, count, err));
    t->block_count++;
    return made->first;
done:
    weld_ties_fail(t, st);
    return -1;
}

void weld_ties_put_edge(weld_ties *t, int32_t child, int32_t parent, int32_t family)
{
    weld_error *err = &t->error;
    weld_status st = WELD_OK;
    WELD_GROW(t->edges, t->edge_cap, t->ctx, t->edge_count + 1);
    t->edges[t->edge_count++] = (weld_unit_edge){child, parent, family};
done:
    weld_ties_fail(t, st);
}

void weld_tie_blocks(weld_ties *t, int node, int x, int a, int64_t from, int64_t count,
                     int64_t size)
{
    const int32_t u = weld_ties_base(t, x, a);
    if (t->record)
        weld_record_mark(t, x, a, TIE_PLAIN);
    const int32_t first = u < 0 || t->record ? -1 : weld_ties_own_units(t, node, false, count);
    for (int64_t k = 0; first >= 0 && k < count * size; k++)
        weld_ties_put_edge(t, u + (int32_t)(from + k), first + (int32_t)(k / size), -1);
}

void weld_tie_places(weld_ties *t, int node, int x, int a, int64_t from, int64_t count,
                     int64_t size, const char *why)
{
    const int32_t u = weld_ties_base(t, x, a);
    if (t->record)
        weld_record_mark(t, x, a, TIE_PLAIN);
    const int32_t first = u < 0 || t->record ? -1 : weld_ties_own_units(t, node, true, size);
    for (int64_t k = 0; first >= 0 && k < size; k++)
        weld_ties_pin(t, first + (int32_t)k, node, why);
    for (int64_t k = 0; first >= 0 && k < count * size; k++)
        weld_ties_put_edge(t, u + (int32_t)(from + k), first + (int32_t)(k % size), -1);
}

/* Ties axis `from_end` (1 = last) of two values where both have it in the same size. */
static void tie_aligned(weld_ties *t, int x, int y, int from_end)
{
    int a = weld_tie_shape(t, x)->rank - from_end, b = weld_tie_shape(t, y)->rank - from_end;
    if (a >= 0 && b >= 0)
        weld_tie_axes(t, x, a, y, b);
}

weld_status weld_tie_elementwise(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index;
    (void)err;
    int out = node->outputs[0];
    for (int k = 0; k < node->input_count; k++)
        for (int e = 1; node->inputs[k] >= 0 && e <= weld_tie_shape(ties, out)->rank; e++) {
            int axis = weld_tie_shape(ties, out)->rank - e;
            /* In an output axis of size 1 all operands have size 1: one and the same unit. */
            if (weld_ties_base(ties, out, axis) >= 0)
                tie_aligned(ties, node->inputs[k], out, e);
        }
    return WELD_OK;
}

/* What differs along an axis of a known value can't be permuted. Along others, what meets it may move as
 * it likes, at each node by itself: see lend_units. */
static bool takes_part(const weld_type *type, int axis)
{
    return !type->data || !weld_tensor_is_uniform(type->data, axis);
}

static weld_status make_units(weld_ties *t, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = t->graph;
    int32_t constant;
    /* Unit 0: the root of all that has no ties. */
    WELD_TRY(weld_ties_new_units(&constant, t, 1, err));
    weld_ties_pin(t, constant, -1, "constant");
    WELD_NEW(t->base, t->ctx, (size_t)g->value_count * WELD_RANK_MAX);
    for (int v = 0; v < g->value_count; v++)
        for (int a = 0; a < WELD_RANK_MAX; a++) {
            const weld_type *type = &t->shapes->types[v];
            int32_t *base = &t->base[v * WELD_RANK_MAX + a];
            *base = -1;
            if (a < type->shape.rank && takes_part(type, a)) {
                WELD_TRY(weld_ties_new_units(base, t, type->shape.dims[a], err));
                if (type->data)
                    weld_tie_pin(t, g->values[v].producer, v, a, "constant");
                for (int64_t i = 0; g->values[v].kind != WELD_VALUE_NODE && i < type->shape.dims[a];
                     i++)
                    t->info[*base + i].distinct = true;
            }
        }
    t->lent_from = t->unit_count;
done:
    return st;
}

/* Axes along which a known input is the same have units while its node is tied: operands are tied to one
 * another by way of it. Elsewhere the same value has others, and ties nothing together. */
static weld_status lend_units(weld_ties *t, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int k = 0; k < node->input_count; k++) {
        const int v = node->inputs[k];
        for (int a = 0; v >= 0 && weld_tie_data(t, v) && a < weld_tie_shape(t, v)->rank; a++) {
            int32_t *base = &t->base[v * WELD_RANK_MAX + a];
            if (*base < 0)
                WELD_TRY(weld_ties_new_units(base, t, weld_tie_shape(t, v)->dims[a], err));
        }
    }
done:
    return st;
}

static void return_units(weld_ties *t, const weld_node *node)
{
    for (int k = 0; k < node->input_count; k++)
        for (int a = 0; node->inputs[k] >= 0 && a < WELD_RANK_MAX; a++) {
            int32_t *base = &t->base[node->inputs[k] * WELD_RANK_MAX + a];
            *base = *base < t->lent_from ? *base : -1;
        }
}

static weld_status tie_operator(weld_ties *t, int n, const weld_node *node, weld_error *err)
{
    const int32_t units = t->unit_count;
    weld_status st = lend_units(t, node, err);
    if (st == WELD_OK)
        st = node->op->tie(t, n, node, err);
    return_units(t, node);
    if (t->record)
        t->unit_count = units; /* nothing was tied */
    return st;
}

weld_status weld_ties_tie_node(weld_ties *t, int n, weld_error *err)
{
    const weld_node *node = &t->graph->nodes[n];
    bool known = true;
    for (int k = 0; k < node->output_count; k++)
        known = known && (node->outputs[k] < 0 || t->shapes->types[node->outputs[k]].data);
    if (known)
        return WELD_OK;
    if (node->op->tie)
        return tie_operator(t, n, node, err);
    for (int k = 0; k < node->input_count + node->output_count; k++) {
        int v = k < node->input_count ? node->inputs[k] : node->outputs[k - node->input_count];
        for (int a = 0; v >= 0 && a < weld_tie_shape(t, v)->rank; a++)
            weld_tie_pin(t, n, v, a, "operator without a rule");
    }
    return WELD_OK;
}

static void pin_ends(weld_ties *t, weld_ties_mode mode)
{
    const weld_graph *g = t->graph;
    bool samples = mode == WELD_TIES_SAMPLES;
    for (int k = 0; k < g->input_count; k++)
        for (int a = samples ? 1 : 0; a < weld_tie_shape(t, g->inputs[k])->rank; a++)
            weld_tie_pin(t, -1, g->inputs[k], a, "graph input");
    for (int k = 0; k < g->output_count && !samples; k++)
        for (int a = 0; a < weld_tie_shape(t, g->outputs[k])->rank; a++)
            weld_tie_pin(t, -1, g->outputs[k], a, "graph output");
}

weld_status weld_ties_build(weld_ties **out, weld_context *ctx, const weld_graph *graph,
                            const weld_shapes *shapes, weld_ties_mode mode, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_ties *t = NULL;
    *out = NULL;
    WELD_NEW(t, ctx, 1);
    t->ctx = ctx;
    t->graph = graph;
    t->shapes = shapes;
    WELD_TRY(make_units(t, err));
    pin_ends(t, mode);
    for (int n = 0; n < graph->node_count; n++)
        WELD_TRY(weld_ties_tie_node(t, n, err));
    weld_ties_spread_joints(t); /* that operators made */
    weld_ties_solve_groups(t);
    while (mode == WELD_TIES_UNITS && weld_ties_join_unsolved(t)) {
        weld_ties_spread_joints(t);
        weld_ties_solve_groups(t);
    }
    while (weld_ties_pin_unsolved(t))
        weld_ties_solve_groups(t);
    weld_ties_place_repeats(t);
    if (t->failed != WELD_OK) {
        st = t->failed;
        if (err)
            *err = t->error;
        goto done;
    }
    *out = t;
    t = NULL;
done:
    weld_ties_free(t);
    return st;
}

void weld_ties_free(weld_ties *ties)
{
    if (!ties)
        return;
    weld_free(ties->ctx, ties->base);
    weld_free(ties->ctx, ties->parent);
    weld_free(ties->ctx, ties->info);
    weld_free(ties->ctx, ties->groups);
    weld_free(ties->ctx, ties->joints);
    weld_free(ties->ctx, ties->edges);
    weld_free(ties->ctx, ties->blocks);
    weld_free(ties->ctx, ties);
}

int32_t weld_ties_root(const weld_ties *ties, int value, int axis, int64_t index)
{
    int32_t base = weld_ties_base(ties, value, axis);
    return base < 0 ? 0 : weld_ties_find(ties, base + (int32_t)index);
}

int32_t weld_ties_unit_count(const weld_ties *ties)
{
    return ties->unit_count;
}

weld_unit_info weld_ties_info(const weld_ties *ties, int32_t root)
{
    return ties->info[root];
}
