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

/* Where each element of a parameter comes from: every axis has its old position either by itself or from
 * a joint that it is part of, the first one where there are several: they agree on what they share. */
typedef struct origins {
    const weld_element *e;
    int param;
    const weld_shape *shape;
    int64_t strides[WELD_RANK_MAX];
    int32_t *index[WELD_RANK_MAX];                 /* old position on the axis */
    const weld_joint_member *joint[WELD_RANK_MAX]; /* [joint_count] one of those on its axes */
    int32_t *from[WELD_RANK_MAX]; /* [product of its axes] old place in the joint */
    int joint_count;
    int owner[WELD_RANK_MAX]; /* the axis' joint, -1 = none */
} origins;

static bool same_axes(const weld_joint_member *a, const weld_joint_member *b)
{
    return a->axis_count == b->axis_count &&
           memcmp(a->axes, b->axes, sizeof a->axes[0] * (size_t)a->axis_count) == 0;
}

/* Lists a joint that has an axis which none of those before it has. */
static void list_joint(origins *o, const weld_joint_member *joint)
{
    bool news = false;
    for (int k = 0; k < joint->axis_count; k++)
        if (o->owner[joint->axes[k]] < 0) {
            o->owner[joint->axes[k]] = o->joint_count;
            news = true;
        }
    if (news)
        o->joint[o->joint_count++] = joint;
}

static int64_t joint_size(const origins *o, const weld_joint_member *joint)
{
    int64_t size = 1;
    for (int k = 0; k < joint->axis_count; k++)
        size *= o->shape->dims[joint->axes[k]];
    return size;
}

/* Coordinate of place `at` of the joint on one of its axes. */
static int64_t joint_coordinate(const origins *o, const weld_joint_member *joint, int64_t at,
                                int axis)
{
    for (int k = joint->axis_count - 1; joint->axes[k] != axis; k--)
        at /= o->shape->dims[joint->axes[k]];
    return at % o->shape->dims[axis];
}

/* The n-th place of unit u is taken by a place of unit v: in the row that comes there, or the n-th. */
static int32_t old_place(const origins *o, const weld_joint_member *m, int32_t u, int32_t v,
                         int32_t n)
{
    const int32_t *to = m->positions + u * m->multiplicity,
                  *old = m->positions + v * m->multiplicity;
    const int64_t row = m->rows < 0 ? 0 : o->index[m->rows][joint_coordinate(o, m, to[n], m->rows)];
    for (int32_t k = 0; m->rows >= 0 && k < m->multiplicity; k++)
        if (joint_coordinate(o, m, old[k], m->rows) == row)
            return old[k];
    return old[n];
}

static void fill_joint(origins *o, int which)
{
    const weld_symmetry *s = o->e->symmetry;
    int32_t *from = o->from[which];
    for (int32_t k = 0; k < joint_size(o, o->joint[which]); k++)
        from[k] = k;
    for (int c = 0; c < s->free_count; c++)
        for (int j = 0; j < s->classes[c].joint_count; j++) {
            const weld_joint_member *m = &s->classes[c].joints[j];
            if (m->param != o->param || !same_axes(m, o->joint[which]))
                continue;
            for (int32_t u = 0; u < s->classes[c].size; u++)
                for (int32_t n = 0; n < m->multiplicity; n++)
                    from[m->positions[u * m->multiplicity + n]] =
                        old_place(o, m, u, o->e->perms[c][u], n);
        }
}

static int64_t old_offset(const origins *o, const int64_t *at)
{
    int64_t offset = 0, place[WELD_RANK_MAX] = {0};
    for (int j = 0; j < o->joint_count; j++) {
        const weld_joint_member *joint = o->joint[j];
        for (int k = 0; k < joint->axis_count; k++)
            place[j] = place[j] * o->shape->dims[joint->axes[k]] + at[joint->axes[k]];
        place[j] = o->from[j][place[j]];
    }
    for (int a = 0; a < o->shape->rank; a++) {
        const int j = o->owner[a];
        offset += o->strides[a] *
                  (j < 0 ? o->index[a][at[a]] : joint_coordinate(o, o->joint[j], place[j], a));
    }
    return offset;
}

/* All joints of the parameter; false where it has none. */
static bool list_joints(origins *o)
{
    const weld_symmetry *s = o->e->symmetry;
    for (int a = 0; a < WELD_RANK_MAX; a++)
        o->owner[a] = -1;
    for (int c = 0; c < s->free_count; c++)
        for (int j = 0; j < s->classes[c].joint_count; j++)
            if (s->classes[c].joints[j].param == o->param)
                list_joint(o, &s->classes[c].joints[j]);
    return o->joint_count > 0;
}

static weld_status permute_joined(void *out, origins *o, const void *in, size_t element_size,
                                  weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = o->e->ctx;
    int64_t at[WELD_RANK_MAX] = {0};
    weld_strides(o->strides, o->shape);
    for (int a = 0; a < o->shape->rank; a++) {
        WELD_NEW(o->index[a], ctx, o->shape->dims[a]);
        weld_element_axis_index(o->index[a], o->e, o->param, a);
    }
    for (int j = 0; j < o->joint_count; j++) {
        WELD_NEW(o->from[j], ctx, joint_size(o, o->joint[j]));
        fill_joint(o, j);
    }
    for (int64_t k = 0; k < weld_shape_numel(o->shape); k++) {
        memcpy((char *)out + (size_t)k * element_size,
               (const char *)in + (size_t)old_offset(o, at) * element_size, element_size);
        for (int a = o->shape->rank - 1; a >= 0 && ++at[a] == o->shape->dims[a]; a--)
            at[a] = 0;
    }
done:
    for (int a = 0; a < WELD_RANK_MAX; a++) {
        weld_free(ctx, o->index[a]);
        weld_free(ctx, o->from[a]);
    }
    return st;
}

weld_status weld_element_permute(void *out, const weld_element *e, int param, const void *in,
                                 size_t element_size, weld_error *err)
{
    origins o = {.e = e, .param = param, .shape = &e->symmetry->graph->params[param].shape};
    return list_joints(&o) ? permute_joined(out, &o, in, element_size, err)
                           : permute_axes(out, e, param, in, element_size, err);
}

weld_status weld_element_apply(weld_paramset *out, const weld_element *e, const weld_paramset *in,
                               weld_error *err)
{
    const weld_graph *g = e->symmetry->graph;
    for (int p = 0; p < g->param_count; p++) {
        weld_status st = weld_element_permute(out->arrays[p], e, p, in->arrays[p],
                                              weld_compute_size(g->params[p].dtype), err);
        if (st != WELD_OK)
            return st;
    }
    return WELD_OK;
}
