/* Reshape: which units stand where after axes were merged or split. */
#include "ops/ties_state.h"

enum { GROUP_PRODUCT_MAX = 1 << 22 };

static void add_group(weld_ties *t, const reshape_group *g)
{
    weld_error *err = &t->error;
    weld_status st = WELD_OK;
    if (g->x_to - g->x_from == 1 && g->y_to - g->y_from == 1) {
        weld_tie_axes(t, g->x, g->x_from, g->y, g->y_from);
        return;
    }
    if (t->failed != WELD_OK || t->record)
        return; /* the first failure is kept; a joint finds the groups by their node */
    WELD_GROW(t->groups, t->group_cap, t->ctx, t->group_count + 1);
    reshape_group *kept = &t->groups[t->group_count];
    *kept = *g;
    if (g->product > GROUP_PRODUCT_MAX)
        kept->virtual_base = -1;
    else
        WELD_TRY(weld_ties_new_units(&kept->virtual_base, t, g->product, err));
    t->group_count++;
done:
    weld_ties_fail(t, st);
}

/* A constant too large for its reshaped form to be computed beforehand. */
static void pin_reshaped(weld_ties *t, int node, int x, int y)
{
    bool uniform = true;
    for (int a = 0; a < weld_tie_shape(t, x)->rank; a++)
        uniform = uniform && weld_tensor_is_uniform(weld_tie_data(t, x), a);
    for (int b = 0; !uniform && b < weld_tie_shape(t, y)->rank; b++)
        weld_tie_pin(t, node, y, b, "constant");
}

void weld_tie_reshape(weld_ties *ties, int node, int x, int y)
{
    if (x < 0 || y < 0 || weld_tie_data(ties, y))
        return;
    if (weld_tie_data(ties, x)) {
        pin_reshaped(ties, node, x, y);
        return;
    }
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

/* A place, or one of copies that nothing tells apart. */
static bool is_place(const weld_unit_info *info)
{
    return info->position || (info->copy && !info->distinct);
}

static bool is_settled(const weld_ties *t, int32_t unit)
{
    const weld_unit_info *info = &t->info[weld_ties_find(t, unit)];
    return info->pinned || is_place(info);
}

static bool is_single(const weld_ties *t, int value, int axis)
{
    return weld_tie_shape(t, value)->dims[axis] == 1;
}

bool weld_ties_axis_settled(const weld_ties *t, int value, int axis)
{
    int32_t base = weld_ties_base(t, value, axis);
    if (is_single(t, value, axis))
        return true;
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
    int32_t base = weld_ties_base(t, value, axis);
    bool news = false;
    for (int64_t k = 0; k < g->product; k++) {
        int32_t u = base + (int32_t)coordinate(s, axis, to, k), v = g->virtual_base + (int32_t)k;
        news = news || weld_ties_find(t, u) != weld_ties_find(t, v);
        weld_ties_unite(t, u, v);
    }
    return news;
}

/* What settled units are together: a position where all are, the strongest reason of any. */
static void gather_info(weld_unit_info *sum, const weld_ties *t, int32_t base, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        const weld_unit_info *info = &t->info[weld_ties_find(t, base + (int32_t)i)];
        if (weld_ties_reason_rank(info->pinned) > weld_ties_reason_rank(sum->pinned)) {
            sum->pinned = info->pinned;
            sum->pin_node = info->pin_node;
        }
        sum->position = sum->position && is_place(info);
    }
}

/* True if that was news. */
static bool settle(weld_ties *t, int32_t base, int64_t count, const weld_unit_info *sum)
{
    bool news = false;
    for (int64_t i = 0; i < count; i++) {
        int32_t u = base + (int32_t)i;
        news = news || !is_settled(t, u);
        if (sum->pinned)
            weld_ties_pin(t, u, sum->pin_node, sum->pinned);
        if (sum->position)
            t->info[weld_ties_find(t, u)].position = true;
    }
    return news;
}

/* Settled axes merge to a settled axis: only what they are is passed on, no units are tied. */
static bool settle_virtual(weld_ties *t, const reshape_group *g, int value, int from, int to)
{
    weld_unit_info sum = {.pin_node = -1, .position = true};
    for (int a = from; a < to; a++)
        if (!is_single(t, value, a))
            gather_info(&sum, t, weld_ties_base(t, value, a), weld_tie_shape(t, value)->dims[a]);
    return settle(t, g->virtual_base, g->product, &sum);
}

/* The side merges: at most one of its axes may move, and that one labels the merged axis. */
static bool merge_side(bool *known, weld_ties *t, const reshape_group *g, int value, int from,
                       int to)
{
    int moving = -1, count = 0;
    for (int a = from; a < to; a++)
        if (!weld_ties_axis_settled(t, value, a)) {
            moving = a;
            count++;
        }
    *known = count <= 1;
    if (count > 1)
        return false;
    if (count == 1)
        return label_by(t, g, value, moving, to);
    return settle_virtual(t, g, value, from, to);
}

/* True if the virtual labels depend on the coordinate of `axis` alone, and tell it apart. */
static bool depends_on(const weld_ties *t, const reshape_group *g, int value, int axis, int to)
{
    const weld_shape *s = weld_tie_shape(t, value);
    int64_t inner = weld_shape_span(s, axis + 1, to);
    for (int64_t k = 0; k < g->product; k++) {
        int64_t first = coordinate(s, axis, to, k) * inner;
        int32_t u = g->virtual_base + (int32_t)k, v = g->virtual_base + (int32_t)first;
        if (weld_ties_find(t, u) != weld_ties_find(t, v))
            return false;
    }
    int32_t first = g->virtual_base, second = first + (int32_t)inner;
    return s->dims[axis] < 2 || weld_ties_find(t, first) != weld_ties_find(t, second);
}

/* The merged axis is known: which axis of the side carries its labels? The others are places. */
static bool split_side(weld_ties *t, const reshape_group *g, int value, int from, int to)
{
    bool settled = true, news = false;
    int carrier = -1;
    for (int64_t k = 0; settled && k < g->product; k++)
        settled = is_settled(t, g->virtual_base + (int32_t)k);
    for (int a = from; !settled && a < to && carrier < 0; a++)
        if (!is_single(t, value, a) && depends_on(t, g, value, a, to))
            carrier = a;
    if (!settled && carrier < 0)
        return false;
    weld_unit_info sum = {.pin_node = -1, .position = true};
    if (settled)
        gather_info(&sum, t, g->virtual_base, g->product);
    for (int a = from; a < to; a++) {
        int64_t n = weld_tie_shape(t, value)->dims[a];
        if (a == carrier)
            news = label_by(t, g, value, a, to) || news;
        else if (!weld_ties_axis_settled(t, value, a))
            news = settle(t, weld_ties_base(t, value, a), n, &sum) || news;
    }
    return news;
}

static bool solve_side(weld_ties *t, const reshape_group *g, int value, int from, int to)
{
    bool known;
    bool news = merge_side(&known, t, g, value, from, to);
    return known ? news : split_side(t, g, value, from, to);
}

void weld_ties_solve_groups(weld_ties *t)
{
    bool again = true;
    while (again) {
        again = false;
        for (size_t k = 0; k < t->group_count; k++) {
            reshape_group *g = &t->groups[k];
            if (g->virtual_base < 0)
                continue;
            if (!g->joined[0])
                again = solve_side(t, g, g->x, g->x_from, g->x_to) || again;
            if (!g->joined[1])
                again = solve_side(t, g, g->y, g->y_from, g->y_to) || again;
        }
    }
}

/* The axes of [from, to) that may move; returns their number. */
static int moving_axes(int *axes, const weld_ties *t, int value, int from, int to)
{
    int count = 0;
    for (int a = from; a < to; a++)
        if (!weld_ties_axis_settled(t, value, a))
            axes[count++] = a;
    return count;
}

/* A side with several moving axes: those are one joint, which has the labels of the merged axis.
 * False where there is no such joint to be made. */
static bool join_side(weld_ties *t, const reshape_group *g, int value, int from, int to)
{
    int axes[WELD_RANK_MAX];
    const int count = moving_axes(axes, t, value, from, to);
    const int made = count < 2 ? -1 : weld_ties_joint_at(t, value, axes, count);
    for (int64_t k = 0; made >= 0 && k < g->product; k++) {
        const weld_shape *s = weld_tie_shape(t, value);
        int64_t at = 0;
        for (int a = 0; a < count; a++)
            at = at * s->dims[axes[a]] + coordinate(s, axes[a], to, k);
        weld_ties_unite(t, t->joints[made].base + (int32_t)at, g->virtual_base + (int32_t)k);
    }
    return made >= 0;
}

bool weld_ties_join_unsolved(weld_ties *t)
{
    bool any = false;
    for (size_t k = 0; k < t->group_count; k++) {
        reshape_group g = t->groups[k];
        if (g.solved || g.virtual_base < 0)
            continue;
        const bool x = join_side(t, &g, g.x, g.x_from, g.x_to);
        const bool y = join_side(t, &g, g.y, g.y_from, g.y_to);
        t->groups[k].joined[0] = g.joined[0] || x;
        t->groups[k].joined[1] = g.joined[1] || y;
        t->groups[k].solved = x || y;
        any = any || x || y;
    }
    return any;
}

/* Groups with a side that still has two moving axes can't be read: nothing of them moves. */
bool weld_ties_pin_unsolved(weld_ties *t)
{
    static const char why[] = "Reshape splits or merges moving axes";
    bool any = false;
    for (size_t k = 0; k < t->group_count; k++) {
        reshape_group *g = &t->groups[k];
        int axes[WELD_RANK_MAX];
        const int moving_x = moving_axes(axes, t, g->x, g->x_from, g->x_to);
        const int moving_y = moving_axes(axes, t, g->y, g->y_from, g->y_to);
        if (g->solved || (moving_x < 2 && moving_y < 2 && g->virtual_base >= 0))
            continue;
        g->solved = any = true;
        for (int a = g->x_from; a < g->x_to; a++)
            if (!is_single(t, g->x, a))
                weld_tie_pin(t, g->node, g->x, a, why);
        for (int a = g->y_from; a < g->y_to; a++)
            if (!is_single(t, g->y, a))
                weld_tie_pin(t, g->node, g->y, a, why);
    }
    return any;
}
