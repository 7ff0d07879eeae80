/* Joints: axes of a value whose units move together. A Reshape that splits an axis of moving units makes
 * one (channels as heads and head sizes); from there it is passed on through every operator that
 * touches the value. Operators say nothing new for that: each one's ties are asked for once more and
 * written down (the record), and read like the letters of an Einsum. With S the axes of the joint, and
 * T those axes of another operand that are the same as some of S:
 *   T = S       the two joints are one
 *   T part of S the operand is shared by all units with the same place in T: they move only along with
 *               the units of T (a scale per head)
 *   mixed axes  what is combined along them (a sum, a norm) is such an operand, too
 * and an axis that the operator pins, or that it treats entry by entry in another way, moves by itself
 * only: the units move along with its units. */
#include "ops/ties_record.h"
#include <stdlib.h>
#include <string.h>

/* ---- making joints ------------------------------------------------------------------------ */

const weld_joint *weld_ties_joints(const weld_ties *t, size_t *count)
{
    *count = t->joint_count;
    return t->joints;
}

int32_t weld_ties_joint_root(const weld_ties *t, const weld_joint *joint, int64_t k)
{
    return weld_ties_find(t, joint->base + (int32_t)k);
}

const weld_unit_edge *weld_ties_edges(const weld_ties *t, size_t *count)
{
    *count = t->edge_count;
    return t->edges;
}

int32_t weld_ties_find_root(const weld_ties *t, int32_t unit)
{
    return weld_ties_find(t, unit);
}

int weld_ties_joint_at(weld_ties *t, int value, const int *axes, int axis_count)
{
    weld_error *err = &t->error;
    weld_status st = WELD_OK;
    weld_joint joint = {.value = value, .axis_count = axis_count, .rows = -1, .size = 1};
    memcpy(joint.axes, axes, sizeof *axes * (size_t)axis_count);
    for (size_t k = 0; k < t->joint_count; k++)
        if (t->joints[k].value == value && t->joints[k].axis_count == axis_count &&
            memcmp(t->joints[k].axes, axes, sizeof *axes * (size_t)axis_count) == 0)
            return (int)k;
    for (int k = 0; k < axis_count; k++)
        joint.size *= weld_tie_shape(t, value)->dims[axes[k]];
    WELD_GROW(t->joints, t->joint_cap, t->ctx, t->joint_count + 1);
    WELD_TRY(weld_ties_new_units(&joint.base, t, joint.size, err));
    t->joints[t->joint_count] = joint;
    return (int)t->joint_count++;
done:
    weld_ties_fail(t, st);
    return -1;
}

void weld_tie_grouped(weld_ties *t, int w, int rows, int columns, int64_t groups, int x, int a)
{
    const weld_shape *shape = weld_tie_shape(t, w);
    const int32_t units = weld_ties_base(t, x, a);
    const int axes[2] = {rows < columns ? rows : columns, rows < columns ? columns : rows};
    const int64_t height = shape->dims[rows], width = shape->dims[columns];
    if (t->record || units < 0 || width == 1 || weld_ties_base(t, w, rows) < 0)
        return;
    const int joint = weld_ties_joint_at(t, w, axes, 2);
    if (joint >= 0)
        t->joints[joint].rows = rows;
    for (int64_t k = 0; joint >= 0 && k < height * width; k++) {
        const int64_t i = rows < columns ? k / width : k % height;
        const int64_t j = rows < columns ? k % width : k / height;
        const int64_t group = i / (height / groups);
        weld_ties_unite(t, t->joints[joint].base + (int32_t)k,
                        units + (int32_t)(group * width + j));
    }
}

void weld_tie_pair(weld_ties *t, int node, int v, int rows, int columns, int64_t i, int64_t j,
                   int64_t unit, int64_t count)
{
    const int axes[2] = {rows < columns ? rows : columns, rows < columns ? columns : rows};
    if (t->record || v < 0 || weld_ties_base(t, v, columns) < 0)
        return;
    const weld_shape *shape = weld_tie_shape(t, v);
    const int32_t own = weld_ties_own_units(t, node, false, count);
    if (weld_tie_data(t, v)) { /* what differs there can't be permuted */
        if (own >= 0 && !weld_tensor_is_uniform(weld_tie_data(t, v), columns))
            weld_ties_pin(t, own + (int32_t)unit, node, "meets a constant");
        return;
    }
    const int joint = weld_ties_joint_at(t, v, axes, 2);
    const int64_t at = rows < columns ? i * shape->dims[columns] + j : j * shape->dims[rows] + i;
    if (joint < 0 || own < 0)
        return;
    if (weld_tie_is_weight(t, v))
        t->joints[joint].rows = rows;
    weld_ties_unite(t, t->joints[joint].base + (int32_t)at, own + (int32_t)unit);
}

/* ---- the axes of another operand ------------------------------------------------------------ */

/* How the axes of a joint stand in another value of the node. */
typedef struct image {
    int count;                         /* of the joint's axes that stand there */
    int axis[WELD_RANK_MAX];           /* of the other value, by axis of the joint; -1 = none */
    const tie_link *by[WELD_RANK_MAX]; /* NULL = entry by entry the same */
    bool backwards[WELD_RANK_MAX];     /* the link goes from the other value */
    const tie_link
        *cut;     /* the other value has another moving axis, of which only a part stands here (a
                            Slice of it): the joint is only of that part; NULL = none */
    int cut_axis; /* of the other value */
    int64_t cut_entry; /* of the axis here */
    bool cut_backwards;
} image;

typedef struct visitor {
    weld_ties *t;
    const tie_record *r;
    int joint; /* the list may move: by its number */
} visitor;

static const weld_joint *joint_of(const visitor *v)
{
    return &v->t->joints[v->joint];
}

/* Is axis b of w the same as axis a of x, over links of whole axes? `depth` links at most. */
static bool same_axis(const tie_record *r, int x, int a, int w, int b, int depth)
{
    if (x == w && a == b)
        return true;
    for (size_t k = 0; depth > 0 && k < r->link_count; k++) {
        const tie_link *l = &r->links[k];
        if (l->to)
            continue;
        if (l->x == x && l->a == a && same_axis(r, l->y, l->b, w, b, depth - 1))
            return true;
        if (l->y == x && l->b == a && same_axis(r, l->x, l->a, w, b, depth - 1))
            return true;
    }
    return false;
}

static void find_axis(image *out, int k, const visitor *v, int w)
{
    enum { HOPS = 2 }; /* one operand, another one, and what they share */
    const int x = joint_of(v)->value, a = joint_of(v)->axes[k];
    out->axis[k] = -1;
    for (int b = 0; b < weld_tie_shape(v->t, w)->rank && out->axis[k] < 0; b++)
        if (same_axis(v->r, x, a, w, b, HOPS))
            out->axis[k] = b;
    for (size_t n = 0; n < v->r->link_count && out->axis[k] < 0; n++) {
        const tie_link *l = &v->r->links[n];
        const bool forth = l->to && l->x == x && l->a == a && l->y == w;
        const bool back = l->to && l->y == x && l->b == a && l->x == w;
        if (!forth && !back)
            continue;
        out->axis[k] = forth ? l->b : l->a;
        out->by[k] = l;
        out->backwards[k] = back;
    }
    out->count += out->axis[k] >= 0;
}

/* Where entry i stands at the other end of the link; -1 = nowhere. */
static int64_t other_end(const tie_link *link, bool backwards, int64_t i, int64_t extent)
{
    if (!link)
        return i;
    if (!backwards)
        return link->to[i];
    for (int64_t from = 0; from < extent; from++)
        if (link->to[from] == i)
            return from;
    return -1;
}

/* Does an axis outside the joint lead to a part of a moving axis of w? */
static void find_cut(image *out, const visitor *v, int w)
{
    const weld_joint *j = joint_of(v);
    for (size_t n = 0; n < v->r->link_count && !out->cut; n++) {
        const tie_link *l = &v->r->links[n];
        const bool forth = l->to && l->x == j->value && l->y == w;
        const bool back = l->to && l->y == j->value && l->x == w;
        const int here = forth ? l->a : l->b, there = forth ? l->b : l->a;
        bool part = !forth && !back;
        for (int k = 0; k < j->axis_count; k++)
            part = part || j->axes[k] == here;
        if (part || weld_ties_axis_settled(v->t, w, there))
            continue;
        out->cut = l;
        out->cut_axis = there;
        out->cut_backwards = back;
    }
}

/* The unit of w that has the place of entry `flat` of the joint; -1 = none. `joint`: the one of w, -1 =
 * a single axis. */
static int32_t image_unit(const visitor *v, const image *im, int w, int joint, int64_t flat)
{
    const weld_joint *j = joint_of(v);
    const weld_shape *xs = weld_tie_shape(v->t, j->value), *ws = weld_tie_shape(v->t, w);
    int64_t at[WELD_RANK_MAX] = {0};
    for (int k = j->axis_count - 1; k >= 0; k--) {
        const int64_t i = flat % xs->dims[j->axes[k]];
        flat /= xs->dims[j->axes[k]];
        if (im->axis[k] < 0)
            continue;
        at[im->axis[k]] = other_end(im->by[k], im->backwards[k], i, ws->dims[im->axis[k]]);
        if (at[im->axis[k]] < 0)
            return -1;
    }
    if (im->cut)
        at[im->cut_axis] =
            other_end(im->cut, im->cut_backwards, im->cut_entry, ws->dims[im->cut_axis]);
    if (im->cut && at[im->cut_axis] < 0)
        return -1;
    if (joint >= 0) {
        const weld_joint *to = &v->t->joints[joint];
        int64_t index = 0;
        for (int k = 0; k < to->axis_count; k++)
            index = index * ws->dims[to->axes[k]] + at[to->axes[k]];
        return to->base + (int32_t)index;
    }
    for (int k = 0; k < j->axis_count; k++)
        if (im->axis[k] >= 0 && ws->dims[im->axis[k]] > 1)
            return weld_ties_base(v->t, w, im->axis[k]) + (int32_t)at[im->axis[k]];
    return -1;
}

/* The axes of w that move, ascending; returns their number. */
static int image_axes(int *axes, const visitor *v, const image *im, int w)
{
    int count = 0;
    for (int b = 0; b < weld_tie_shape(v->t, w)->rank; b++) {
        bool moves = im->cut && im->cut_axis == b;
        for (int k = 0; k < joint_of(v)->axis_count; k++)
            moves = moves || im->axis[k] == b;
        if (moves && weld_tie_shape(v->t, w)->dims[b] > 1)
            axes[count++] = b;
    }
    return count;
}

/* The units of the joint are those of its image, or (`along`) move only along with them. */
static void meet_image(const visitor *v, const image *im, int w, bool along)
{
    int axes[WELD_RANK_MAX];
    const int count = image_axes(axes, v, im, w);
    const int joint = count > 1 ? weld_ties_joint_at(v->t, w, axes, count) : -1;
    if (count == 0 || (count > 1 && joint < 0))
        return;
    const int32_t family = joint >= 0 ? v->t->joints[joint].base : weld_ties_base(v->t, w, axes[0]);
    for (int64_t k = 0; k < joint_of(v)->size; k++) {
        const int32_t other = image_unit(v, im, w, joint, k);
        if (other < 0)
            continue;
        if (along)
            weld_ties_put_edge(v->t, joint_of(v)->base + (int32_t)k, other, family);
        else
            weld_ties_unite(v->t, joint_of(v)->base + (int32_t)k, other);
    }
}

/* The joint's units move only along with those of these of its axes. */
static void move_along(const visitor *v, const bool *which)
{
    image im = {0};
    const weld_joint j = *joint_of(v);
    for (int k = 0; k < j.axis_count; k++) {
        im.axis[k] = which[k] ? j.axes[k] : -1;
        im.count += which[k];
    }
    if (im.count && weld_ties_base(v->t, j.value, j.axes[0]) >= 0)
        meet_image(v, &im, j.value, true);
}

static void move_along_each(const visitor *v, const bool *which)
{
    for (int k = 0; k < joint_of(v)->axis_count; k++) {
        bool one[WELD_RANK_MAX] = {false};
        one[k] = which[k];
        move_along(v, one);
    }
}

/* ---- operators ------------------------------------------------------------------------------ */

/* A constant with entries that differ pins what meets them. */
static void meet_constant(const visitor *v, const image *im, int w)
{
    for (int k = 0; k < joint_of(v)->axis_count; k++) {
        image one = {0};
        for (int a = 0; a < WELD_RANK_MAX; a++)
            one.axis[a] = a == k ? im->axis[a] : -1;
        if (im->axis[k] >= 0 && weld_ties_base(v->t, w, im->axis[k]) >= 0)
            meet_image(v, &one, w, true);
    }
}

static void meet_each_cut(const visitor *v, image *im, int w)
{
    const bool along = im->count < joint_of(v)->axis_count;
    find_cut(im, v, w);
    const int here = !im->cut ? -1 : im->cut_backwards ? im->cut->b : im->cut->a;
    const int64_t entries = here < 0 ? 1 : weld_tie_shape(v->t, joint_of(v)->value)->dims[here];
    for (im->cut_entry = 0; im->cut_entry < entries; im->cut_entry++)
        meet_image(v, im, w, along);
}

static void meet_operand(const visitor *v, int w)
{
    image im = {0};
    if (w < 0 || w == joint_of(v)->value)
        return;
    for (int k = 0; k < joint_of(v)->axis_count; k++)
        find_axis(&im, k, v, w);
    if (im.count == 0)
        return;
    if (weld_tie_data(v->t, w))
        meet_constant(v, &im, w);
    else
        meet_each_cut(v, &im, w);
}

static void meet_marks(const visitor *v)
{
    const weld_joint j = *joint_of(v);
    bool plain[WELD_RANK_MAX] = {false}, kept[WELD_RANK_MAX] = {false};
    int mixed = 0;
    for (int k = 0; k < j.axis_count; k++) {
        const bool mixes = weld_record_has_mark(v->r, j.value, j.axes[k], TIE_MIXED);
        plain[k] = weld_record_has_mark(v->r, j.value, j.axes[k], TIE_PLAIN);
        kept[k] = !mixes;
        mixed += mixes;
    }
    move_along_each(v, plain);
    if (mixed)
        move_along(v, kept);
}

/* The same axes as a group's moving ones? Then the joint has the labels of the merged axis; else its
 * axes move by themselves. */
static void meet_group(const visitor *v, reshape_group *g, bool *plain)
{
    const weld_joint j = *joint_of(v);
    const bool in_x = g->x == j.value;
    const int from = in_x ? g->x_from : g->y_from, to = in_x ? g->x_to : g->y_to;
    const weld_shape *s = weld_tie_shape(v->t, j.value);
    int inside = 0, moving = 0;
    for (int k = 0; k < j.axis_count; k++)
        inside += j.axes[k] >= from && j.axes[k] < to;
    for (int a = from; a < to; a++) {
        bool is_in = false;
        for (int k = 0; k < j.axis_count; k++)
            is_in = is_in || j.axes[k] == a;
        moving += !is_in && !weld_ties_axis_settled(v->t, j.value, a);
    }
    for (int k = 0; k < j.axis_count; k++)
        if ((inside < j.axis_count || moving || g->virtual_base < 0) && j.axes[k] >= from &&
            j.axes[k] < to)
            plain[k] = true;
    if (inside < j.axis_count || moving || g->virtual_base < 0)
        return;
    g->joined[in_x ? 0 : 1] = true;
    for (int64_t k = 0; k < g->product; k++) {
        int64_t at = 0;
        for (int a = 0; a < j.axis_count; a++)
            at = at * s->dims[j.axes[a]] +
                 k / weld_shape_span(s, j.axes[a] + 1, to) % s->dims[j.axes[a]];
        weld_ties_unite(v->t, j.base + (int32_t)at, g->virtual_base + (int32_t)k);
    }
}

static void meet_groups(const visitor *v, int node)
{
    bool plain[WELD_RANK_MAX] = {false};
    for (size_t k = 0; k < v->t->group_count; k++) {
        reshape_group *g = &v->t->groups[k];
        const int value = joint_of(v)->value;
        if (g->node == node && (g->x == value || g->y == value))
            meet_group(v, g, plain);
    }
    move_along_each(v, plain);
}

/* A node that says more than that (a Concat of hundreds) is not read: the axes move by themselves. */
enum { LINKS_MAX = 2048 };

static void visit(weld_ties *t, int joint, int node)
{
    const weld_node *n = &t->graph->nodes[node];
    tie_record record = {.ctx = t->ctx};
    const visitor v = {t, &record, joint};
    t->record = &record;
    const weld_status st = weld_ties_tie_node(t, node, &t->error);
    weld_ties_fail(t, st);
    t->record = NULL;
    if (record.link_count > LINKS_MAX) {
        bool all[WELD_RANK_MAX];
        memset(all, true, sizeof all);
        move_along_each(&v, all);
        weld_record_clear(&record);
        return;
    }
    for (int k = 0; k < n->input_count + n->output_count && t->failed == WELD_OK; k++)
        meet_operand(&v, k < n->input_count ? n->inputs[k] : n->outputs[k - n->input_count]);
    meet_marks(&v);
    meet_groups(&v, node);
    weld_record_clear(&record);
}

/* The ends of the graph are given: their axes move by themselves, and not at all. */
static void meet_ends(weld_ties *t, int joint)
{
    const visitor v = {t, NULL, joint};
    const int value = t->joints[joint].value;
    bool all[WELD_RANK_MAX];
    memset(all, true, sizeof all);
    if (weld_graph_is_output(t->graph, value) || t->graph->values[value].kind == WELD_VALUE_INPUT)
        move_along_each(&v, all);
}

void weld_ties_spread_joints(weld_ties *t)
{
    while (t->joints_done < t->joint_count && t->failed == WELD_OK) {
        const int joint = (int)t->joints_done++, value = t->joints[joint].value;
        const int producer = t->graph->values[value].producer;
        if (t->joints[joint].rows >= 0)
            continue; /* weights: nobody else sees them */
        meet_ends(t, joint);
        if (producer >= 0)
            visit(t, joint, producer);
        for (int k = 0; k < t->graph->consumer_count[value]; k++)
            visit(t, joint, t->graph->consumers[value][k]);
    }
}

/* ---- repeats -------------------------------------------------------------------------------- */

static int by_family(const void *a, const void *b)
{
    const weld_unit_edge *x = a, *y = b;
    return x->family != y->family ? (x->family > y->family) - (x->family < y->family)
                                  : (x->parent > y->parent) - (x->parent < y->parent);
}

/* Edges [from, to) of one family, by parent. met [unit_count]: 0; how often a unit has come up. */
static void place_family(weld_ties *t, size_t from, size_t to, int32_t *met)
{
    weld_error *err = &t->error;
    weld_status st = WELD_OK;
    int32_t most = 0, places, *place = NULL; /* [to - from] */
    const size_t count = to - from;
    WELD_NEW(place, t->ctx, count);
    for (size_t k = from; k < to; k++) {
        const int32_t root = weld_ties_find(t, t->edges[k].parent);
        const bool again = k > from && t->edges[k].parent == t->edges[k - 1].parent;
        place[k - from] = again ? place[k - from - 1] : met[root]++;
        most = place[k - from] > most ? place[k - from] : most;
    }
    for (size_t k = from; k < to; k++)
        met[weld_ties_find(t, t->edges[k].parent)] = 0;
    if (most == 0)
        goto done;
    WELD_TRY(weld_ties_new_units(&places, t, most + 1, err));
    for (int32_t k = 0; k <= most; k++)
        weld_ties_pin(t, places + k, -1, "copies of one unit have an order");
    for (size_t k = 0; k < count; k++)
        weld_ties_put_edge(t, t->edges[from + k].child, places + place[k], -1);
done:
    weld_free(t->ctx, place);
    weld_ties_fail(t, st);
}

void weld_ties_place_repeats(weld_ties *t)
{
    weld_error *err = &t->error;
    weld_status st = WELD_OK;
    int32_t *met = NULL;
    const size_t count = t->edge_count;
    WELD_NEW(met, t->ctx, t->unit_count);
    if (count)
        qsort(t->edges, count, sizeof t->edges[0], by_family);
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from; to < count && t->edges[to].family == t->edges[from].family;)
            to++;
        if (t->edges[from].family >= 0)
            place_family(t, from, to, met);
    }
done:
    weld_free(t->ctx, met);
    weld_ties_fail(t, st);
}
