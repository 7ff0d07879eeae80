#include "core/rng.h"
#include "symmetry/group.h"
#include <string.h>

weld_status weld_element_identity(weld_element **out, const weld_symmetry *s, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_element *e = NULL;
    *out = NULL;
    WELD_NEW(e, s->ctx, 1);
    e->ctx = s->ctx;
    e->symmetry = s;
    WELD_NEW(e->perms, s->ctx, s->free_count);
    for (int c = 0; c < s->free_count; c++) {
        WELD_NEW(e->perms[c], s->ctx, s->classes[c].size);
        for (int32_t i = 0; i < s->classes[c].size; i++)
            e->perms[c][i] = i;
    }
    *out = e;
    e = NULL;
done:
    weld_element_free(e);
    return st;
}

/* Any permutation at the root of a tree; below, any within each block. */
static void shuffle_class(weld_element *e, int c, weld_rng *rng)
{
    const weld_class *k = &e->symmetry->classes[c];
    int32_t *perm = e->perms[c];
    if (k->parent < 0) {
        weld_rng_shuffle(rng, perm, k->size);
        return;
    }
    for (int32_t i = 0; i < k->size; i++)
        perm[i] = e->perms[k->parent][i / k->block] * k->block + i % k->block;
    for (int32_t from = 0; from < k->size; from += k->block)
        weld_rng_shuffle(rng, perm + from, k->block);
}

weld_status weld_element_random(weld_element **out, const weld_symmetry *s, uint64_t seed,
                                weld_error *err)
{
    weld_rng rng;
    weld_status st = weld_element_identity(out, s, err);
    if (st != WELD_OK)
        return st;
    weld_rng_seed(&rng, seed, 1);
    for (int c = 0; c < s->free_count; c++)
        shuffle_class(*out, c, &rng);
    return WELD_OK;
}

bool weld_element_is_valid(const weld_element *e, int *bad)
{
    const weld_symmetry *s = e->symmetry;
    for (*bad = 0; *bad < s->free_count; ++*bad) {
        const weld_class *k = &s->classes[*bad];
        for (int32_t i = 0; k->parent >= 0 && i < k->size; i++)
            if (e->perms[*bad][i] / k->block != e->perms[k->parent][i / k->block])
                return false;
    }
    return true;
}

int weld_class_root(const weld_symmetry *s, int c)
{
    while (s->classes[c].parent >= 0)
        c = s->classes[c].parent;
    return c;
}

void weld_element_copy(weld_element *to, const weld_element *from)
{
    for (int c = 0; c < from->symmetry->free_count; c++)
        memcpy(to->perms[c], from->perms[c],
               (size_t)from->symmetry->classes[c].size * sizeof(int32_t));
}

void weld_element_free(weld_element *e)
{
    if (!e)
        return;
    for (int c = 0; e->perms && c < e->symmetry->free_count; c++)
        weld_free(e->ctx, e->perms[c]);
    weld_free(e->ctx, e->perms);
    weld_free(e->ctx, e);
}

void weld_element_axis_index(int32_t *index, const weld_element *e, int param, int axis)
{
    const weld_symmetry *s = e->symmetry;
    int64_t size = s->graph->params[param].shape.dims[axis];
    for (int32_t k = 0; k < size; k++)
        index[k] = k;
    for (int c = 0; c < s->free_count; c++)
        for (int m = 0; m < s->classes[c].member_count; m++) {
            const weld_member *member = &s->classes[c].members[m];
            if (member->param != param || member->axis != axis)
                continue;
            for (int32_t i = 0; i < s->classes[c].size; i++)
                for (int32_t k = 0; k < member->multiplicity; k++)
                    index[member->positions[i * member->multiplicity + k]] =
                        member->positions[e->perms[c][i] * member->multiplicity + k];
        }
}

static bool is_identity(const int32_t *index, int64_t size)
{
    for (int32_t k = 0; k < size; k++)
        if (index[k] != k)
            return false;
    return true;
}

/* Axis by axis, where units stand on single axes only. */
static weld_status permute_axes(void *out, const weld_element *e, int param, const void *in,
                                size_t element_size, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_shape *shape = &e->symmetry->graph->params[param].shape;
    const size_t bytes = (size_t)weld_shape_numel(shape) * element_size;
    int32_t *index = NULL;
    void *copy = weld_alloc(e->ctx, bytes, 1);
    WELD_REQUIRE(copy, WELD_E_NOMEM, "no memory for %zu bytes", bytes);
    memcpy(out, in, bytes);
    for (int axis = 0; axis < shape->rank; axis++) {
        weld_free(e->ctx, index);
        index = NULL;
        WELD_NEW(index, e->ctx, shape->dims[axis]);
        weld_element_axis_index(index, e, param, axis);
        if (is_identity(index, shape->dims[axis]))
            continue;
        memcpy(copy, out, bytes);
        weld_gather_axis(out, copy, shape, axis, index, shape->dims[axis], element_size);
    }
done:
    weld_free(e->ctx, index);
    weld_free(e->ctx, copy);
    return st;
}

/* ---- joints ------------------------------------------------------------------------------ */

/* After the single axes have been moved, the places of a joint: in the frame that they have then. */
typedef struct joint_move {
    const weld_element *e;
    const weld_shape *shape;
    const weld_joint_member *joint; /* one of those on these axes */
    int32_t *old[WELD_RANK_MAX];    /* position on the axis before the single axes moved */
    int32_t *now[WELD_RANK_MAX];    /* the inverse */
    int64_t size;                   /* product of its axes */
    int32_t *from;                  /* [size] */
} joint_move;

/* Coordinate of place `at` of the joint on one of its axes. */
static int64_t joint_coordinate(const joint_move *o, int64_t at, int axis)
{
    for (int k = o->joint->axis_count - 1; o->joint->axes[k] != axis; k--)
        at /= o->shape->dims[o->joint->axes[k]];
    return at % o->shape->dims[axis];
}

/* The place in the moved frame that holds what was at `old`. */
static int32_t moved_place(const joint_move *o, int32_t old)
{
    int64_t place = 0;
    for (int k = 0; k < o->joint->axis_count; k++) {
        const int axis = o->joint->axes[k];
        place = place * o->shape->dims[axis] + o->now[axis][joint_coordinate(o, old, axis)];
    }
    return (int32_t)place;
}

/* The n-th place of unit u is taken by a place of unit v: in the row that comes there, or the n-th. */
static int32_t old_place(const joint_move *o, const weld_joint_member *m, int32_t u, int32_t v,
                         int32_t n)
{
    const int32_t *to = m->positions + u * m->multiplicity,
                  *old = m->positions + v * m->multiplicity;
    const int64_t row = m->rows < 0 ? 0 : o->old[m->rows][joint_coordinate(o, to[n], m->rows)];
    for (int32_t k = n; m->rows >= 0 && k < n + m->multiplicity; k++)
        if (joint_coordinate(o, old[k % m->multiplicity], m->rows) == row)
            return old[k % m->multiplicity];
    return old[n];
}

static weld_status open_move(joint_move *o, const weld_element *e, int param,
                             const weld_joint_member *joint, weld_error *err)
{
    weld_status st = WELD_OK;
    *o = (joint_move){
        .e = e, .shape = &e->symmetry->graph->params[param].shape, .joint = joint, .size = 1};
    for (int k = 0; k < joint->axis_count; k++) {
        const int axis = joint->axes[k];
        o->size *= o->shape->dims[axis];
        WELD_NEW(o->old[axis], e->ctx, o->shape->dims[axis]);
        WELD_NEW(o->now[axis], e->ctx, o->shape->dims[axis]);
        weld_element_axis_index(o->old[axis], e, param, axis);
        weld_invert_perm(o->now[axis], o->old[axis], (int)o->shape->dims[axis]);
    }
    WELD_NEW(o->from, e->ctx, o->size);
done:
    return st;
}

static void close_move(joint_move *o)
{
    for (int a = 0; a < WELD_RANK_MAX; a++) {
        weld_free(o->e->ctx, o->old[a]);
        weld_free(o->e->ctx, o->now[a]);
    }
    weld_free(o->e->ctx, o->from);
}

/* All classes with units on these axes. */
static void fill_move(joint_move *o, int param)
{
    const weld_symmetry *s = o->e->symmetry;
    for (int32_t k = 0; k < o->size; k++)
        o->from[k] = k;
    for (int c = 0; c < s->free_count; c++)
        for (int j = 0; j < s->classes[c].joint_count; j++) {
            const weld_joint_member *m = &s->classes[c].joints[j];
            if (m->param != param || memcmp(m->axes, o->joint->axes, sizeof m->axes) != 0)
                continue;
            for (int32_t u = 0; u < s->classes[c].size; u++)
                for (int32_t n = 0; n < m->multiplicity; n++)
                    o->from[m->positions[u * m->multiplicity + n]] =
                        moved_place(o, old_place(o, m, u, o->e->perms[c][u], n));
        }
}

static void gather_places(void *out, const void *in, const joint_move *o, size_t element_size)
{
    int64_t strides[WELD_RANK_MAX], at[WELD_RANK_MAX] = {0};
    weld_strides(strides, o->shape);
    for (int64_t k = 0; k < weld_shape_numel(o->shape); k++) {
        int64_t from = k, place = 0;
        for (int a = 0; a < o->joint->axis_count; a++) {
            const int axis = o->joint->axes[a];
            place = place * o->shape->dims[axis] + at[axis];
            from -= at[axis] * strides[axis];
        }
        for (int a = 0; a < o->joint->axis_count; a++)
            from += joint_coordinate(o, o->from[place], o->joint->axes[a]) *
                    strides[o->joint->axes[a]];
        memcpy((char *)out + (size_t)k * element_size,
               (const char *)in + (size_t)from * element_size, element_size);
        for (int a = o->shape->rank - 1; a >= 0 && ++at[a] == o->shape->dims[a]; a--)
            at[a] = 0;
    }
}

/* Was there a member on the same axes of the parameter before member j of class c? */
static bool is_first(const weld_symmetry *s, int c, int j)
{
    const weld_joint_member *m = &s->classes[c].joints[j];
    for (int k = 0; k <= c; k++)
        for (int i = 0; i < (k == c ? j : s->classes[k].joint_count); i++)
            if (s->classes[k].joints[i].param == m->param &&
                memcmp(s->classes[k].joints[i].axes, m->axes, sizeof m->axes) == 0)
                return false;
    return true;
}

static weld_status permute_joints(void *data, const weld_element *e, int param, size_t element_size,
                                  weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_symmetry *s = e->symmetry;
    const size_t bytes = (size_t)weld_shape_numel(&s->graph->params[param].shape) * element_size;
    joint_move move = {.e = e};
    void *copy = NULL;
    for (int c = 0; c < s->free_count; c++)
        for (int j = 0; j < s->classes[c].joint_count; j++) {
            const weld_joint_member *m = &s->classes[c].joints[j];
            if (m->param != param || !is_first(s, c, j))
                continue;
            weld_free(e->ctx, copy);
            WELD_REQUIRE((copy = weld_alloc(e->ctx, bytes, 1)), WELD_E_NOMEM,
                         "no memory for %zu bytes", bytes);
            memcpy(copy, data, bytes);
            close_move(&move);
            WELD_TRY(open_move(&move, e, param, m, err));
            fill_move(&move, param);
            gather_places(data, copy, &move, element_size);
        }
done:
    close_move(&move);
    weld_free(e->ctx, copy);
    return st;
}

weld_status weld_element_permute(void *out, const weld_element *e, int param, const void *in,
                                 size_t element_size, weld_error *err)
{
    const weld_status st = permute_axes(out, e, param, in, element_size, err);
    return st == WELD_OK ? permute_joints(out, e, param, element_size, err) : st;
}

static bool stands_on(const weld_class *k, int param)
{
    for (int m = 0; m < k->member_count; m++)
        if (k->members[m].param == param)
            return true;
    for (int j = 0; j < k->joint_count; j++)
        if (k->joints[j].param == param)
            return true;
    return false;
}

void weld_element_moves(bool *moves, const weld_element *e)
{
    const weld_symmetry *s = e->symmetry;
    for (int p = 0; p < s->graph->param_count; p++)
        moves[p] = false;
    for (int c = 0; c < s->free_count; c++)
        for (int p = 0; p < s->graph->param_count && !is_identity(e->perms[c], s->classes[c].size);
             p++)
            moves[p] = moves[p] || stands_on(&s->classes[c], p);
}

weld_status weld_element_apply(weld_paramset *out, const weld_element *e, const weld_paramset *in,
                               weld_error *err)
{
    const weld_graph *g = e->symmetry->graph;
    weld_status st = weld_paramset_hold(in, err);
    if (st == WELD_OK)
        st = weld_paramset_hold(out, err);
    for (int p = 0; p < g->param_count && st == WELD_OK; p++)
        st = weld_element_permute(out->arrays[p], e, p, in->arrays[p],
                                  weld_compute_size(g->params[p].dtype), err);
    return st;
}
