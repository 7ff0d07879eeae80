#include "match/grams.h"
#include "core/parallel.h"
#include "match/slices.h"
#include "tensor/blas.h"
#include <string.h>

/* A tensor in single precision; in memory while it is used, where its values are drawn. */
typedef struct gram_tensor {
    const weld_score_tensor *of;
    int number;       /* of the score tensor */
    float *a, *moved; /* moved: B as the element permutes it */
} gram_tensor;

typedef struct class_gram {
    float *score; /* [n, n]: row i of A's units, column j of B's */
    double scale;
    bool valid, possible;
    int updates; /* since it was computed as a whole: rounding adds up */
} class_gram;

/* Memory that is kept from one use to the next: taking it anew costs as much as the work. */
typedef struct room {
    float *at;
    size_t count;
} room;

struct weld_grams {
    weld_context *ctx;
    room a, b, old, gram; /* slices of A, of B, of B before; a product */
    const weld_scores *scores;
    const weld_element *element;
    gram_tensor *tensors; /* [scores->count] */
    class_gram *classes;  /* [free_count] */
};

enum { UPDATES_MAX = 16, BLOCK = 128 };

static int32_t size_of(const weld_grams *g, int c)
{
    return g->element->symmetry->classes[c].size;
}

static weld_status make_room(room *r, weld_grams *g, size_t count, weld_error *err)
{
    if (count <= r->count)
        return WELD_OK;
    weld_free(g->ctx, r->at);
    r->at = weld_alloc(g->ctx, count, sizeof *r->at);
    r->count = r->at ? count : 0;
    return r->at ? WELD_OK : weld_fail(err, WELD_E_NOMEM, "no memory for %zu weights", count);
}

/* ---- B as it stands ------------------------------------------------------------------------- */

static weld_status refresh_moved(const weld_grams *g, gram_tensor *t, weld_error *err)
{
    weld_status st = WELD_OK;
    float *b = NULL;
    WELD_NEW(b, g->ctx, weld_shape_numel(&t->of->shape));
    WELD_TRY(weld_score_floats(b, g->scores, t->number, 1, err));
    WELD_TRY(weld_element_permute(t->moved, g->element, t->of->param, b, sizeof *b, err));
done:
    weld_free(g->ctx, b);
    return st;
}

static void drop_values(const weld_grams *g, gram_tensor *t)
{
    weld_free(g->ctx, t->a);
    weld_free(g->ctx, t->moved);
    t->a = t->moved = NULL;
}

static weld_status take_values(const weld_grams *g, gram_tensor *t, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t count = (size_t)weld_shape_numel(&t->of->shape);
    WELD_NEW(t->a, g->ctx, count);
    WELD_NEW(t->moved, g->ctx, count);
    WELD_TRY(weld_score_floats(t->a, g->scores, t->number, 0, err));
    WELD_TRY(refresh_moved(g, t, err));
done:
    if (st != WELD_OK)
        drop_values(g, t);
    return st;
}

/* Use of a tensor's values begins, and ends. */
static weld_status open_tensor(const weld_grams *g, gram_tensor *t, weld_error *err)
{
    return t->a ? WELD_OK : take_values(g, t, err);
}

static void close_tensor(const weld_grams *g, gram_tensor *t)
{
    if (t->of->drawn)
        drop_values(g, t);
}

/* A class that stands on a joint, or twice on one tensor, is not linear in its permutation. */
static bool is_possible(const weld_scores *scores, int c)
{
    for (int k = 0; k < scores->count; k++) {
        const weld_score_tensor *t = &scores->tensors[k];
        int count = 0;
        for (int a = 0; a < t->axis_count; a++) {
            count += t->axes[a].unit_class == c;
            if (t->axes[a].unit_class == c && t->axes[a].joint)
                return false;
        }
        if (count > 1)
            return false;
    }
    return true;
}

weld_status weld_grams_create(weld_grams **out, const weld_scores *scores,
                              const weld_element *element, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_grams *g = NULL;
    *out = NULL;
    WELD_NEW(g, scores->ctx, 1);
    g->ctx = scores->ctx;
    g->scores = scores;
    g->element = element;
    WELD_NEW(g->classes, g->ctx, element->symmetry->free_count);
    for (int c = 0; c < element->symmetry->free_count; c++)
        g->classes[c].possible = is_possible(scores, c);
    WELD_NEW(g->tensors, g->ctx, scores->count);
    for (int k = 0; k < scores->count; k++) {
        g->tensors[k] = (gram_tensor){.of = &scores->tensors[k], .number = k};
        if (!scores->tensors[k].drawn)
            WELD_TRY(take_values(g, &g->tensors[k], err));
    }
    *out = g;
    g = NULL;
done:
    weld_grams_free(g);
    return st;
}

void weld_grams_free(weld_grams *g)
{
    if (!g)
        return;
    for (int k = 0; g->tensors && k < g->scores->count; k++)
        drop_values(g, &g->tensors[k]);
    for (int c = 0; g->classes && c < g->element->symmetry->free_count; c++)
        weld_free(g->ctx, g->classes[c].score);
    weld_free(g->ctx, g->tensors);
    weld_free(g->ctx, g->classes);
    weld_free(g->ctx, g->a.at);
    weld_free(g->ctx, g->b.at);
    weld_free(g->ctx, g->old.at);
    weld_free(g->ctx, g->gram.at);
    weld_free(g->ctx, g);
}

bool weld_grams_has(const weld_grams *g, int unit_class)
{
    return g->classes[unit_class].possible;
}

/* ---- slices --------------------------------------------------------------------------------- */

typedef struct product {
    const float *a, *b; /* [n, k] */
    float *gram;        /* [n, n] */
    int64_t n, k;
} product;

static weld_status multiply_block(void *user, int64_t item, int slot, weld_error *err)
{
    (void)slot, (void)err;
    const product *p = user;
    const int64_t first = item * BLOCK, left = p->n - first;
    const weld_gemm_shape shape = {.trans_b = true,
                                   .m = left < BLOCK ? left : BLOCK,
                                   .n = p->n,
                                   .k = p->k,
                                   .lda = p->k,
                                   .ldb = p->k,
                                   .ldc = p->n};
    weld_sgemm(&shape, 1.0f, p->a + first * p->k, p->b, 0.0f, p->gram + first * p->n);
    return WELD_OK;
}

/* score[i, unit at j] += <a_i, b_j>; b: in the frame of A. */
static weld_status add_product(weld_grams *g, int c, int64_t k, weld_error *err)
{
    weld_status st = WELD_OK;
    const int32_t n = size_of(g, c), *perm = g->element->perms[c];
    float *score = g->classes[c].score;
    if (k == 0)
        return WELD_OK;
    WELD_TRY(make_room(&g->gram, g, (size_t)n * (size_t)n, err));
    product p = {g->a.at, g->b.at, g->gram.at, n, k};
    WELD_TRY(weld_parallel_for(g->ctx, (n + BLOCK - 1) / BLOCK, multiply_block, &p, err));
    for (int32_t i = 0; i < n; i++)
        for (int32_t j = 0; j < n; j++)
            score[(size_t)i * (size_t)n + (size_t)perm[j]] +=
                g->gram.at[(size_t)i * (size_t)n + (size_t)j];
done:
    return st;
}

/* ---- scores --------------------------------------------------------------------------------- */

/* g->b -= what `before` holds: the tensor with only at_count positions on axis `some`. */
static weld_status take_change(weld_grams *g, const gram_tensor *t, const weld_score_axis *x,
                               int some, int64_t at_count, const float *before, size_t count,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    weld_shape narrow = t->of->shape;
    weld_slice_plan plan = {0};
    narrow.dims[some] = at_count;
    WELD_TRY(make_room(&g->old, g, count, err));
    WELD_TRY(weld_slices_plan(&plan, g->ctx, &narrow, x->axis, -1, NULL, 0, err));
    weld_slices_take(g->old.at, before, &plan, x->member, size_of(g, x->unit_class));
    for (size_t k = 0; k < count; k++)
        g->b.at[k] -= g->old.at[k];
done:
    weld_free(g->ctx, plan.offsets);
    return st;
}

/* What tensor t says of class c on axis x of it. `some` >= 0: only at these positions of that axis, and by
 * the change from `before`, which holds B's slices at them in the place of that axis' positions. */
static weld_status add_tensor(weld_grams *g, const gram_tensor *t, const weld_score_axis *x,
                              int some, const int32_t *at, int64_t at_count, const float *before,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    const int c = x->unit_class;
    const int32_t n = size_of(g, c), places = n * x->member->multiplicity;
    weld_slice_plan plan = {0};
    WELD_TRY(weld_slices_plan(&plan, g->ctx, &t->of->shape, x->axis, some, at, at_count, err));
    const size_t count = (size_t)places * (size_t)plan.count;
    WELD_TRY(make_room(&g->a, g, count, err));
    WELD_TRY(make_room(&g->b, g, count, err));
    weld_slices_take(g->a.at, t->a, &plan, x->member, n);
    weld_slices_take(g->b.at, t->moved, &plan, x->member, n);
    if (before)
        WELD_TRY(take_change(g, t, x, some, at_count, before, count, err));
    WELD_TRY(add_product(g, c, plan.count * x->member->multiplicity, err));
done:
    weld_free(g->ctx, plan.offsets);
    return st;
}

static weld_status compute(weld_grams *g, int c, weld_error *err)
{
    weld_status st = WELD_OK;
    class_gram *k = &g->classes[c];
    const size_t cells = (size_t)size_of(g, c) * (size_t)size_of(g, c);
    if (!k->score)
        WELD_NEW(k->score, g->ctx, cells);
    memset(k->score, 0, cells * sizeof *k->score);
    k->scale = 0;
    for (int n = 0; n < g->scores->count; n++)
        for (int x = 0; x < g->tensors[n].of->axis_count; x++) {
            if (g->tensors[n].of->axes[x].unit_class != c)
                continue;
            WELD_TRY(open_tensor(g, &g->tensors[n], err));
            st = add_tensor(g, &g->tensors[n], &g->tensors[n].of->axes[x], -1, NULL, 0, NULL, err);
            close_tensor(g, &g->tensors[n]);
            WELD_TRY(st);
            k->scale += g->tensors[n].of->scale;
        }
    k->valid = true;
    k->updates = 0;
done:
    return st;
}

weld_status weld_grams_score(double *score, double *scale, weld_grams *g, int unit_class,
                             weld_error *err)
{
    class_gram *k = &g->classes[unit_class];
    const size_t cells = (size_t)size_of(g, unit_class) * (size_t)size_of(g, unit_class);
    const weld_status st = k->valid ? WELD_OK : compute(g, unit_class, err);
    if (st != WELD_OK)
        return st;
    for (size_t i = 0; i < cells; i++)
        score[i] = k->score[i];
    *scale = k->scale;
    return WELD_OK;
}

/* ---- moves ---------------------------------------------------------------------------------- */

/* Positions [*count] on the axis whose unit has changed, and where in the list what comes there was. */
static weld_status list_changed(int32_t **out, int32_t **from, int64_t *count, const weld_grams *g,
                                const weld_score_axis *x, const int32_t *before, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_member *m = x->member;
    const int32_t n = size_of(g, x->unit_class), *now = g->element->perms[x->unit_class];
    int32_t *listed = NULL; /* [n] B's unit: number of its first position in the list */
    *count = 0;
    WELD_NEW(*out, g->ctx, n * m->multiplicity);
    WELD_NEW(*from, g->ctx, n * m->multiplicity);
    WELD_NEW(listed, g->ctx, n);
    for (int32_t i = 0; i < n; i++) {
        listed[before[i]] = (int32_t)*count;
        for (int32_t k = 0; now[i] != before[i] && k < m->multiplicity; k++)
            (*out)[(*count)++] = m->positions[i * m->multiplicity + k];
    }
    for (int32_t i = 0, at = 0; i < n; i++)
        for (int32_t k = 0; now[i] != before[i] && k < m->multiplicity; k++)
            (*from)[at++] = listed[now[i]] + k;
done:
    weld_free(g->ctx, listed);
    return st;
}

static void drop(weld_grams *g, const gram_tensor *t)
{
    for (int x = 0; x < t->of->axis_count; x++)
        g->classes[t->of->axes[x].unit_class].valid = false;
}

/* Of a tensor that is not in memory: the scores of all classes that do not only stand where this one
 * does. */
static void drop_others(weld_grams *g, const gram_tensor *t, int unit_class, int count)
{
    for (int x = 0; x < t->of->axis_count; x++)
        if (count > 1 || t->of->has_joint || t->of->axes[x].unit_class != unit_class)
            g->classes[t->of->axes[x].unit_class].valid = false;
}

/* The scores of the other classes on the tensor, where few slices moved; else they are dropped. */
static weld_status update_neighbours(weld_grams *g, const gram_tensor *t, const weld_score_axis *x,
                                     const float *old, const int32_t *at, int64_t count,
                                     weld_error *err)
{
    weld_status st = WELD_OK;
    for (int y = 0; y < t->of->axis_count; y++) {
        const weld_score_axis *other = &t->of->axes[y];
        class_gram *k = &g->classes[other->unit_class];
        if (!k->valid || other->axis == x->axis)
            continue;
        if (2 * count > t->of->shape.dims[x->axis] || k->updates == UPDATES_MAX) {
            k->valid = false;
            continue;
        }
        k->updates++;
        WELD_TRY(add_tensor(g, t, other, x->axis, at, count, old, err));
    }
done:
    return st;
}

static weld_status move_on(weld_grams *g, gram_tensor *t, const weld_score_axis *x,
                           const int32_t *before, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_shape *shape = &t->of->shape;
    float *old = NULL;
    int32_t *at = NULL, *from = NULL;
    int64_t changed;
    WELD_TRY(list_changed(&at, &from, &changed, g, x, before, err));
    const size_t count = (size_t)(weld_shape_numel(shape) / shape->dims[x->axis] * changed);
    WELD_REQUIRE((old = weld_alloc(g->ctx, count, sizeof *old)), WELD_E_NOMEM,
                 "no memory for %zu weights", count);
    weld_slices_get(old, t->moved, shape, x->axis, at, changed);
    weld_slices_put(t->moved, old, shape, x->axis, at, from, changed);
    WELD_TRY(update_neighbours(g, t, x, old, at, changed, err));
done:
    weld_free(g->ctx, old);
    weld_free(g->ctx, at);
    weld_free(g->ctx, from);
    return st;
}

weld_status weld_grams_moved(weld_grams *g, int unit_class, const int32_t *before, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int k = 0; k < g->scores->count; k++) {
        gram_tensor *t = &g->tensors[k];
        const weld_score_axis *x = NULL;
        int count = 0;
        for (int a = 0; a < t->of->axis_count; a++) {
            if (t->of->axes[a].unit_class != unit_class)
                continue;
            x = &t->of->axes[a];
            count++;
        }
        if (count == 0)
            continue;
        if (t->of->drawn) {
            drop_others(g, t, unit_class, count);
        } else if (count > 1 || t->of->has_joint) {
            WELD_TRY(refresh_moved(g, t, err));
            drop(g, t);
        } else {
            WELD_TRY(move_on(g, t, x, before, err));
        }
    }
done:
    return st;
}

/* ---- gains ---------------------------------------------------------------------------------- */

static double dot(const float *a, const float *b, const weld_slice_plan *plan)
{
    double sum = 0;
    for (int64_t k = 0; k < plan->count; k++)
        sum += (double)a[plan->offsets[k]] * (double)b[plan->offsets[k]];
    return sum;
}

/* What tensor t says of it, on axis x. stands [n]: the place in A's frame of B's unit. */
static weld_status add_gain(double *gain, const weld_grams *g, const gram_tensor *t,
                            const weld_score_axis *x, const int32_t *perm, const int32_t *stands,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_member *m = x->member;
    const int32_t n = size_of(g, x->unit_class), *now = g->element->perms[x->unit_class];
    weld_slice_plan plan = {0};
    WELD_TRY(weld_slices_plan(&plan, g->ctx, &t->of->shape, m->axis, -1, NULL, 0, err));
    for (int32_t i = 0; i < n; i++)
        for (int32_t p = 0; perm[i] != now[i] && p < m->multiplicity; p++) {
            const int64_t at = m->positions[i * m->multiplicity + p];
            const int64_t to = m->positions[stands[perm[i]] * m->multiplicity + p];
            const float *a = t->a + at * plan.stride;
            *gain += dot(a, t->moved + to * plan.stride, &plan) -
                     dot(a, t->moved + at * plan.stride, &plan);
        }
done:
    weld_free(g->ctx, plan.offsets);
    return st;
}

weld_status weld_grams_gain(double *gain, const weld_grams *g, int unit_class, const int32_t *perm,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    const int32_t n = size_of(g, unit_class);
    int32_t *stands = NULL;
    *gain = 0;
    WELD_NEW(stands, g->ctx, n);
    weld_invert_perm(stands, g->element->perms[unit_class], n);
    for (int k = 0; k < g->scores->count; k++)
        for (int x = 0; x < g->tensors[k].of->axis_count; x++) {
            gram_tensor *t = &g->tensors[k];
            if (t->of->axes[x].unit_class != unit_class)
                continue;
            WELD_TRY(open_tensor(g, t, err));
            st = add_gain(gain, g, t, &t->of->axes[x], perm, stands, err);
            close_tensor(g, t);
            WELD_TRY(st);
        }
done:
    weld_free(g->ctx, stands);
    return st;
}
