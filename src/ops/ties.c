#include "ops/ties.h"
#include <string.h>

typedef struct reshape_group {
    int node, x, y;
    int x_from, x_to, y_from, y_to; /* axes [from, to) of both sides, equal products */
    int64_t product;
    int32_t virtual_base; /* units of the merged axis */
    bool solved;
} reshape_group;

struct weld_ties {
    weld_context *ctx;
    const weld_graph *graph;
    const weld_shapes *shapes;
    int32_t *base; /* [value_count, WELD_RANK_MAX] first unit of each axis, -1 = no ties */
    int32_t *parent;
    weld_unit_info *info; /* of roots */
    size_t parent_cap, info_cap;
    int32_t unit_count;
    reshape_group *groups;
    size_t group_count, group_cap;
    weld_status failed; /* tie functions return nothing: the first failure is kept */
    weld_error error;
};

enum { GROUP_PRODUCT_MAX = 1 << 22, UNITS_MAX = 1 << 28 };

static int32_t find(const weld_ties *t, int32_t u)
{
    while (t->parent[u] != u) {
        t->parent[u] = t->parent[t->parent[u]]; /* halve the path */
        u = t->parent[u];
    }
    return u;
}

/* Which reason is shown where several hold. */
static int reason_rank(const char *why)
{
    return !why ? 0 : strcmp(why, "graph input") == 0 ? 3 : strcmp(why, "graph output") == 0 ? 2 : 1;
}

static void unite(weld_ties *t, int32_t a, int32_t b)
{
    a = find(t, a);
    b = find(t, b);
    if (a == b)
        return;
    int32_t root = a < b ? a : b, child = a < b ? b : a;
    weld_unit_info *r = &t->info[root], *c = &t->info[child];
    t->parent[child] = root;
    if (reason_rank(c->pinned) > reason_rank(r->pinned)) {
        r->pinned = c->pinned;
        r->pin_node = c->pin_node;
    }
    r->position = r->position || c->position;
    r->mixed = r->mixed || c->mixed;
}

static void pin(weld_ties *t, int32_t unit, int node, const char *why)
{
    weld_unit_info *info = &t->info[find(t, unit)];
    if (reason_rank(why) > reason_rank(info->pinned)) {
        info->pinned = why;
        info->pin_node = node;
    }
}

static weld_status new_units(int32_t *first, weld_ties *t, int64_t count, weld_error *err)
{
    weld_status st = WELD_OK;
    size_t need = (size_t)t->unit_count + (size_t)count;
    WELD_REQUIRE(need < UNITS_MAX, WELD_E_LIMIT, "more than %d units on all axes", UNITS_MAX);
    WELD_GROW(t->parent, t->parent_cap, t->ctx, need);
    WELD_GROW(t->info, t->info_cap, t->ctx, need);
    *first = t->unit_count;
    for (; (size_t)t->unit_count < need; t->unit_count++) {
        t->parent[t->unit_count] = t->unit_count;
        t->info[t->unit_count] = (weld_unit_info){NULL, -1, false, false};
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

static int32_t base_of(const weld_ties *t, int value, int axis)
{
    if (value < 0 || axis < 0 || axis >= weld_tie_shape(t, value)->rank)
        return -1;
    return t->base[value * WELD_RANK_MAX + axis];
}

void weld_tie_unit(weld_ties *ties, int x, int a, int64_t i, int y, int b, int64_t j)
{
    int32_t u = base_of(ties, x, a), v = base_of(ties, y, b);
    if (u >= 0 && v >= 0)
        unite(ties, u + (int32_t)i, v + (int32_t)j);
}

void weld_tie_axes(weld_ties *ties, int x, int a, int y, int b)
{
    if (base_of(ties, x, a) < 0 || base_of(ties, y, b) < 0)
        return;
    int64_t n = weld_tie_shape(ties, x)->dims[a];
    if (n != weld_tie_shape(ties, y)->dims[b])
        return; /* broadcast: an axis of size 1 ties nothing */
    for (int64_t i = 0; i < n; i++)
        weld_tie_unit(ties, x, a, i, y, b, i);
}

void weld_tie_pin_unit(weld_ties *ties, int node, int x, int a, int64_t i, const char *why)
{
    int32_t u = base_of(ties, x, a);
    if (u >= 0)
        pin(ties, u + (int32_t)i, node, why);
}

void weld_tie_pin(weld_ties *ties, int node, int x, int a, const char *why)
{
    for (int64_t i = 0; base_of(ties, x, a) >= 0 && i < weld_tie_shape(ties, x)->dims[a]; i++)
        weld_tie_pin_unit(ties, node, x, a, i, why);
}

void weld_tie_position(weld_ties *ties, int x, int a)
{
    int32_t u = base_of(ties, x, a);
    for (int64_t i = 0; u >= 0 && i < weld_tie_shape(ties, x)->dims[a]; i++)
        ties->info[find(ties, u + (int32_t)i)].position = true;
}

void weld_tie_mix(weld_ties *ties, int x, int a)
{
    int32_t u = base_of(ties, x, a);
    for (int64_t i = 0; u >= 0 && i < weld_tie_shape(ties, x)->dims[a]; i++)
        ties->info[find(ties, u + (int32_t)i)].mixed = true;
}

/* Ties axis `from_end` (1 = last) of two values where both have it in the same size. */
static void tie_aligned(weld_ties *t, int x, int y, int from_end)
{
    int a = weld_tie_shape(t, x)->rank - from_end, b = weld_tie_shape(t, y)->rank - from_end;
    if (a >= 0 && b >= 0)
        weld_tie_axes(t, x, a, y, b);
}

weld_status weld_tie_elementwise(weld_ties *ties, int index, const weld_node *node,
                                 weld_error *err)
{
    (void)index;
    (void)err;
    int out = node->outputs[0];
    for (int k = 0; k < node->input_count; k++)
        for (int e = 1; node->inputs[k] >= 0 && e <= weld_tie_shape(ties, out)->rank; e++) {
            int axis = weld_tie_shape(ties, out)->rank - e;
            /* In an output axis of size 1 all operands have size 1: one and the same unit. */
            if (base_of(ties, out, axis) >= 0)
                tie_aligned(ties, node->inputs[k], out, e);
        }
    return WELD_OK;
}

static void add_group(weld_ties *t, const reshape_group *g)
{
    weld_error *err = &t->error;
    weld_status st = WELD_OK;
    if (g->x_to - g->x_from == 1 && g->y_to - g->y_from == 1) {
        weld_tie_axes(t, g->x, g->x_from, g->y, g->y_from);
        return;
    }
    WELD_GROW(t->groups, t->group_cap, t->ctx, t->group_count + 1);
    reshape_group *kept = &t->groups[t->group_count];
    *kept = *g;
    if (g->product > GROUP_PRODUCT_MAX)
        kept->virtual_base = -1;
    else
        WELD_TRY(new_units(&kept->virtual_base, t, g->product, err));
    t->group_count++;
done:
    if (st != WELD_OK)
        t->failed = st;
}

void weld_tie_reshape(weld_ties *ties, int node, int x, int y)
{
    if (base_of(ties, x, 0) < 0 || base_of(ties, y, 0) < 0)
        return;
    const weld_shape *p = weld_tie_shape(ties, x), *q = weld_tie_shape(ties, y);
    int i = 0, j = 0;
    if (weld_shape_numel(p) == 0)
        return;
    while (i < p->rank || j < q->rank) {
        reshape_group g = {.node = node, .x = x, .y = y};
        while (i < p->rank && p->dims[i] == 1)
            i++;
        while (j < q->rank && q->dims[j] == 1)
            j++;
        if (i >= p->rank || j >= q->rank)
            return;
        g.x_from = i;
        g.y_from = j;
        int64_t a = p->dims[i++], b = q->dims[j++];
        while (a != b) {
            if (a < b)
                a *= p->dims[i++];
            else
                b *= q->dims[j++];
        }
        g.x_to = i;
        g.y_to = j;
        g.product = a;
        add_group(ties, &g);
    }
}

static bool is_settled(const weld_ties *t, int32_t unit)
{
    const weld_unit_info *info = &t->info[find(t, unit)];
    return info->pinned || info->position;
}

static bool axis_settled(const weld_ties *t, int value, int axis)
{
    int32_t base = base_of(t, value, axis);
    for (int64_t i = 0; i < weld_tie_shape(t, value)->dims[axis]; i++)
        if (!is_settled(t, base + (int32_t)i))
            return false;
    return true;
}

/* Coordinate of virtual index k on `axis` of a side's axes [from, to). */
static int64_t coordinate(const weld_shape *s, int axis, int to, int64_t k)
{
    return k / weld_shape_span(s, axis + 1, to) % s->dims[axis];
}

/* Virtual unit k is the unit at its coordinate on `axis`. True if that was news. */
static bool label_by(weld_ties *t, const reshape_group *g, int value, int axis, int to)
{
    const weld_shape *s = weld_tie_shape(t, value);
    int32_t base = base_of(t, value, axis);
    bool news = false;
    for (int64_t k = 0; k < g->product; k++) {
        int32_t u = base + (int32_t)coordinate(s, axis, to, k), v = g->virtual_base + (int32_t)k;
        news = news || find(t, u) != find(t, v);
        unite(t, u, v);
    }
    return news;
}

/* Settled axes merge to a settled axis: only what they are is passed on, no units are tied. */
static bool settle_virtual(weld_ties *t, const reshape_group *g, int value, int from)
{
    bool news = false;
    weld_unit_info info = t->info[find(t, base_of(t, value, from))];
    for (int64_t k = 0; k < g->product; k++) {
        int32_t v = g->virtual_base + (int32_t)k;
        news = news || !is_settled(t, v);
        if (info.pinned)
            pin(t, v, info.pin_node, info.pinned);
        else
            t->info[find(t, v)].position = true;
    }
    return news;
}

/* The side merges: at most one of its axes may move, and that one labels the merged axis. */
static bool merge_side(bool *known, weld_ties *t, const reshape_group *g, int value, int from,
                       int to)
{
    int moving = -1, count = 0;
    for (int a = from; a < to; a++)
        if (!axis_settled(t, value, a)) {
            moving = a;
            count++;
        }
    *known = count <= 1;
    if (count > 1)
        return false;
    if (count == 1)
        return label_by(t, g, value, moving, to);
    return settle_virtual(t, g, value, from);
}

/* True if the virtual labels depend on the coordinate of `axis` alone, and tell it apart. */
static bool depends_on(const weld_ties *t, const reshape_group *g, int value, int axis, int to)
{
    const weld_shape *s = weld_tie_shape(t, value);
    int64_t inner = weld_shape_span(s, axis + 1, to);
    for (int64_t k = 0; k < g->product; k++) {
        int64_t first = coordinate(s, axis, to, k) * inner;
        if (find(t, g->virtual_base + (int32_t)k) != find(t, g->virtual_base + (int32_t)first))
            return false;
    }
    return s->dims[axis] < 2 ||
           find(t, g->virtual_base) != find(t, g->virtual_base + (int32_t)inner);
}

/* The merged axis is known: which axis of the side carries its labels? The others are places. */
static bool split_side(weld_ties *t, const reshape_group *g, int value, int from, int to)
{
    bool settled = true, news = false;
    int carrier = -1;
    for (int64_t k = 0; settled && k < g->product; k++)
        settled = is_settled(t, g->virtual_base + (int32_t)k);
    for (int a = from; !settled && a < to && carrier < 0; a++)
        if (depends_on(t, g, value, a, to))
            carrier = a;
    if (!settled && carrier < 0)
        return false;
    for (int a = from; a < to; a++) {
        if (a == carrier) {
            news = label_by(t, g, value, a, to) || news;
        } else if (!axis_settled(t, value, a)) {
            weld_unit_info info = t->info[find(t, g->virtual_base)];
            if (settled && info.pinned)
                weld_tie_pin(t, info.pin_node, value, a, info.pinned);
            else
                weld_tie_position(t, value, a);
            news = true;
        }
    }
    return news;
}

static bool solve_side(weld_ties *t, const reshape_group *g, int value, int from, int to)
{
    bool known;
    bool news = merge_side(&known, t, g, value, from, to);
    return known ? news : split_side(t, g, value, from, to);
}

static void solve_groups(weld_ties *t)
{
    bool again = true;
    while (again) {
        again = false;
        for (size_t k = 0; k < t->group_count; k++) {
            reshape_group *g = &t->groups[k];
            if (g->virtual_base < 0)
                continue;
            again = solve_side(t, g, g->x, g->x_from, g->x_to) || again;
            again = solve_side(t, g, g->y, g->y_from, g->y_to) || again;
        }
    }
}

/* Groups with a side that still has two moving axes can't be read: nothing of them moves. */
static bool pin_unsolved(weld_ties *t)
{
    static const char why[] = "Reshape splits or merges moving axes";
    bool any = false;
    for (size_t k = 0; k < t->group_count; k++) {
        reshape_group *g = &t->groups[k];
        int moving_x = 0, moving_y = 0;
        for (int a = g->x_from; a < g->x_to; a++)
            moving_x += !axis_settled(t, g->x, a);
        for (int a = g->y_from; a < g->y_to; a++)
            moving_y += !axis_settled(t, g->y, a);
        if (g->solved || (moving_x < 2 && moving_y < 2 && g->virtual_base >= 0))
            continue;
        g->solved = any = true;
        for (int a = g->x_from; a < g->x_to; a++)
            weld_tie_pin(t, g->node, g->x, a, why);
        for (int a = g->y_from; a < g->y_to; a++)
            weld_tie_pin(t, g->node, g->y, a, why);
    }
    return any;
}

static weld_status make_units(weld_ties *t, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = t->graph;
    WELD_NEW(t->base, t->ctx, (size_t)g->value_count * WELD_RANK_MAX);
    for (int v = 0; v < g->value_count; v++)
        for (int a = 0; a < WELD_RANK_MAX; a++) {
            const weld_type *type = &t->shapes->types[v];
            int32_t *base = &t->base[v * WELD_RANK_MAX + a];
            *base = -1;
            if (a < type->shape.rank && !type->data)
                WELD_TRY(new_units(base, t, type->shape.dims[a], err));
        }
done:
    return st;
}

static weld_status tie_node(weld_ties *t, int n, weld_error *err)
{
    const weld_node *node = &t->graph->nodes[n];
    bool known = true;
    for (int k = 0; k < node->output_count; k++)
        known = known && (node->outputs[k] < 0 || t->shapes->types[node->outputs[k]].data);
    if (known)
        return WELD_OK;
    if (node->op->tie)
        return node->op->tie(t, n, node, err);
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
        WELD_TRY(tie_node(t, n, err));
    do
        solve_groups(t);
    while (pin_unsolved(t));
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
    weld_free(ties->ctx, ties);
}

int32_t weld_ties_root(const weld_ties *ties, int value, int axis, int64_t index)
{
    return find(ties, ties->base[value * WELD_RANK_MAX + axis] + (int32_t)index);
}

int32_t weld_ties_unit_count(const weld_ties *ties)
{
    return ties->unit_count;
}

weld_unit_info weld_ties_info(const weld_ties *ties, int32_t root)
{
    return ties->info[root];
}
