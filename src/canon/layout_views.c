/* Reshapes behind a layout Transpose: moved before it, or taken into the weight that follows. */
#include "canon/edit.h"
#include "canon/layout.h"
#include "ops/broadcast.h"
#include <string.h>

/* Axes [t, t_end) of T(u) hold the same elements as axes [f, f_end) of the new shape. */
typedef struct axis_group {
    int t, t_end, f, f_end;
} axis_group;

/* Splits both shapes into the smallest groups of equal size. Unknown sizes only fit each other, one
 * to one. Returns the number of groups, 0 when it can't be told. Axes of size 1 join the group before
 * them. */
static int find_groups(axis_group *groups, const weld_value *t, const weld_value *f)
{
    int count = 0, i = 0, j = 0;
    while (i < t->rank && j < f->rank) {
        axis_group g = {i, i + 1, j, j + 1};
        int64_t a = t->dims[i++], b = f->dims[j++];
        while (a != b) {
            if (a < 0 || b < 0 || (a < b ? i : j) == (a < b ? t->rank : f->rank))
                return 0;
            if (a < b)
                a *= t->dims[i++];
            else
                b *= f->dims[j++];
            if (a == 0 || b == 0)
                return 0;
        }
        while (i < t->rank && t->dims[i] == 1)
            i++;
        while (j < f->rank && f->dims[j] == 1)
            j++;
        g.t_end = i;
        g.f_end = j;
        groups[count++] = g;
    }
    return i == t->rank && j == f->rank ? count : 0;
}

/* The axes of the group lie side by side in u, in their order. */
static bool is_run(const axis_group *g, const weld_layout *l)
{
    for (int k = g->t + 1; k < g->t_end; k++)
        if (l->perm[k] != l->perm[k - 1] + 1)
            return false;
    return true;
}

/* The new shape with its groups in the order of u: dims of a Reshape of u, and where each of its axes
 * goes afterwards. */
static void order_groups(const axis_group *groups, int count, const weld_layout *l,
                         const weld_value *f, weld_shape *shape, int *perm)
{
    *shape = (weld_shape){0};
    for (int axis = 0; axis < l->rank; axis++)
        for (int g = 0; g < count; g++) {
            if (l->perm[groups[g].t] != axis)
                continue;
            for (int k = groups[g].f; k < groups[g].f_end; k++) {
                perm[k] = shape->rank;
                shape->dims[shape->rank++] = f->dims[k];
            }
        }
}

/* A Reshape target for the dims: an unknown one is copied from the same place (0) where the input has
 * it there too, or left to be found (-1), once. */
static bool target_of(int64_t *target, const weld_shape *shape, const weld_value *from)
{
    int open = 0;
    for (int k = 0; k < shape->rank; k++) {
        target[k] = shape->dims[k];
        if (shape->dims[k] > 0)
            continue;
        const bool copied = k < from->rank && from->dims[k] == shape->dims[k] && k == 0;
        target[k] = copied ? 0 : -1;
        open += !copied;
    }
    return open <= 1;
}

static weld_status make_reshape(int *out, weld_draft *draft, int from, const weld_shape *shape,
                                const int64_t *target, const char *name, weld_error *err)
{
    weld_status st = WELD_OK;
    int list;
    WELD_TRY(weld_make_integers(&list, draft, target, shape->rank, err));
    WELD_TRY(weld_value_like(out, draft, from, err));
    draft->values[*out].rank = shape->rank;
    memcpy(draft->values[*out].dims, shape->dims, sizeof shape->dims);
    WELD_TRY(
        weld_make_node(NULL, draft, &weld_op_Reshape, name, (int[]){from, list}, 2, *out, err));
done:
    return st;
}

weld_status weld_move_view(bool *moved, weld_draft *draft, int n, const weld_layout *l,
                           weld_error *err)
{
    weld_status st = WELD_OK;
    axis_group groups[WELD_RANK_MAX];
    weld_shape shape;
    int64_t target[WELD_RANK_MAX];
    int perm[WELD_RANK_MAX], reshaped;
    const int output = draft->nodes[n].outputs[0];
    const weld_value *t = &draft->values[weld_draft_in(draft, n, 0)], *f = &draft->values[output];
    const char *name = draft->nodes[n].name;
    const int count = f->rank > 0 && t->rank > 0 ? find_groups(groups, t, f) : 0;
    for (int g = 0; g < count; g++)
        if (!is_run(&groups[g], l))
            return WELD_OK;
    if (count == 0)
        return WELD_OK;
    order_groups(groups, count, l, f, &shape, perm);
    if (shape.rank != f->rank || !target_of(target, &shape, &draft->values[l->from]))
        return WELD_OK;
    WELD_TRY(make_reshape(&reshaped, draft, l->from, &shape, target, name, err));
    WELD_TRY(weld_make_transpose(draft, reshaped, perm, output, name, err));
    *moved = true;
done:
    return st;
}

/* ---- flattened features ----------------------------------------------------------------- */

/* The view of a Transpose that the features come from, through elementwise operators that nobody else
 * reads; -1 if there is none. *below: the operator behind the view, -1 = the Dense itself. */
static int view_below(int *below, const weld_draft *draft, int dense)
{
    int n = weld_draft_producer(draft, weld_draft_in(draft, dense, 0));
    int value = weld_draft_in(draft, dense, 0);
    *below = -1;
    while (n >= 0 && weld_draft_uses(draft, value) == 1 && draft->nodes[n].input_count == 1 &&
           weld_op_is_elementwise(draft->nodes[n].op)) {
        *below = n;
        value = weld_draft_in(draft, n, 0);
        n = weld_draft_producer(draft, value);
    }
    return n >= 0 && weld_draft_uses(draft, value) == 1 && draft->nodes[n].op->flags & WELD_OP_VIEW
               ? n
               : -1;
}

/* The view keeps the samples and flattens the rest of T(u), whose sizes are known. */
static bool is_flatten(const weld_draft *draft, int view, const weld_layout *l)
{
    const weld_value *f = &draft->values[draft->nodes[view].outputs[0]];
    const weld_value *t = &draft->values[weld_draft_in(draft, view, 0)];
    int64_t product = 1;
    for (int k = 1; k < t->rank; k++) {
        if (t->dims[k] < 1)
            return false;
        product *= t->dims[k];
    }
    return l->perm[0] == 0 && f->rank == 2 && f->dims[0] == t->dims[0] && f->dims[1] == product;
}

/* W[out, flattened T(u)] -> W[out, flattened u]; *out = -1 when the home is full. */
static weld_status turn_columns(int *out, weld_draft *draft, int weight, const weld_value *t,
                                const weld_layout *l, weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t units = draft->values[weight].dims[0];
    weld_shape apart = {l->rank, {units}}, flat = {2, {units, draft->values[weight].dims[1]}};
    int inverse[WELD_RANK_MAX];
    for (int k = 1; k < l->rank; k++)
        apart.dims[k] = t->dims[k];
    weld_invert_perm(inverse, l->perm, l->rank);
    WELD_TRY(weld_reshaped_param(out, draft, weight, &apart, err));
    if (*out >= 0)
        WELD_TRY(weld_transposed_param(out, draft, *out, inverse, err));
    if (*out >= 0)
        WELD_TRY(weld_reshaped_param(out, draft, *out, &flat, err));
done:
    return st;
}

weld_status weld_turn_features(bool *moved, weld_draft *draft, int n, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_layout l;
    int below, turned, reshaped;
    const int view = view_below(&below, draft, n), weight = weld_draft_in(draft, n, 1);
    if (view < 0 || !weld_layout_of(&l, draft, weld_draft_in(draft, view, 0)) ||
        !is_flatten(draft, view, &l) || !weld_is_param(draft, weight, 2) ||
        weld_draft_uses(draft, weight) != 1)
        return WELD_OK;
    const weld_value t = draft->values[weld_draft_in(draft, view, 0)];
    const weld_value *f = &draft->values[draft->nodes[view].outputs[0]];
    const weld_shape shape = weld_shape_make(2, f->dims);
    WELD_TRY(turn_columns(&turned, draft, weight, &t, &l, err));
    if (turned < 0)
        goto done;
    WELD_TRY(make_reshape(&reshaped, draft, l.from, &shape, (int64_t[]){0, shape.dims[1]},
                          draft->nodes[view].name, err));
    weld_draft_set_in(draft, n, 1, turned);
    weld_draft_set_in(draft, below < 0 ? n : below, 0, reshaped);
    *moved = true;
done:
    return st;
}
