#include "match/blocks.h"
#include "match/dot.h"
#include "core/parallel.h"
#include <math.h>
#include <string.h>

enum { CHUNK = 1 << 16 }; /* floats that are worth an item of parallel work */

/* ptr = room for floats that are all written before they are read. */
#define ROOM(ptr, ctx, count)                                                                      \
    WELD_REQUIRE(((ptr) = weld_resize((ctx), NULL, (count), sizeof *(ptr))), WELD_E_NOMEM,         \
                 "no memory for %zu weights", (count))

/* ---- parts of axes --------------------------------------------------------------------------- */

/* Positions of one class on an axis, or those of none: offsets into the tensor [units, multiplicity]. */
typedef struct part {
    int unit_class; /* -1 = none; then units = 1 */
    int32_t units, multiplicity;
    int64_t *offsets;
} part;

typedef struct parts {
    part *of;
    int count;
} parts;

static void parts_free(weld_context *ctx, parts *p)
{
    for (int k = 0; p->of && k < p->count; k++)
        weld_free(ctx, p->of[k].offsets);
    weld_free(ctx, p->of);
    *p = (parts){NULL, 0};
}

/* Where no class stands; nothing if there is no such position. */
static weld_status add_rest(parts *p, weld_context *ctx, const bool *taken, int64_t extent,
                            int64_t stride, weld_error *err)
{
    weld_status st = WELD_OK;
    part *rest = &p->of[p->count];
    *rest = (part){.unit_class = -1, .units = 1};
    WELD_NEW(rest->offsets, ctx, extent);
    for (int64_t k = 0; k < extent; k++)
        if (!taken[k])
            rest->offsets[rest->multiplicity++] = k * stride;
    if (rest->multiplicity > 0)
        p->count++;
    else
        weld_free(ctx, rest->offsets);
done:
    return st;
}

static weld_status list_parts(parts *p, const weld_scores *scores, const weld_score_tensor *t,
                              int axis, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = scores->ctx;
    bool *taken = NULL;
    int64_t strides[WELD_RANK_MAX];
    weld_strides(strides, &t->shape);
    WELD_NEW(p->of, ctx, t->axis_count + 1);
    WELD_NEW(taken, ctx, t->shape.dims[axis]);
    for (int k = 0; k < t->axis_count; k++) {
        const weld_member *m = t->axes[k].member;
        if (t->axes[k].axis != axis)
            continue;
        part *own = &p->of[p->count];
        own->unit_class = t->axes[k].unit_class;
        own->units = scores->symmetry->classes[own->unit_class].size;
        own->multiplicity = m->multiplicity;
        WELD_NEW(own->offsets, ctx, own->units * m->multiplicity);
        p->count++;
        for (int32_t i = 0; i < own->units * m->multiplicity; i++) {
            own->offsets[i] = m->positions[i] * strides[axis];
            taken[m->positions[i]] = true;
        }
    }
    WELD_TRY(add_rest(p, ctx, taken, t->shape.dims[axis], strides[axis], err));
done:
    weld_free(ctx, taken);
    return st;
}

/* All positions of the axes of the tensor but x and y, as one part. */
static weld_status list_others(part *out, weld_context *ctx, const weld_shape *shape, int x, int y,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    int64_t strides[WELD_RANK_MAX], at[WELD_RANK_MAX] = {0}, count = 1;
    weld_strides(strides, shape);
    for (int a = 0; a < shape->rank; a++)
        count *= a == x || a == y ? 1 : shape->dims[a];
    *out = (part){.unit_class = -1, .units = 1, .multiplicity = (int32_t)count};
    WELD_NEW(out->offsets, ctx, count);
    for (int64_t k = 0; k < count; k++) {
        bool carry = true;
        for (int a = 0; a < shape->rank; a++)
            out->offsets[k] += at[a] * strides[a];
        for (int a = shape->rank - 1; a >= 0 && carry; a--) {
            if (a == x || a == y)
                continue;
            carry = ++at[a] == shape->dims[a];
            at[a] = carry ? 0 : at[a];
        }
    }
done:
    return st;
}

/* ---- filling --------------------------------------------------------------------------------- */

/* out[i, (p, r, q), j] = from[x[px(i), p] + rest[r] + columns[q, j]] */
typedef struct filling {
    float *out;
    const float *from;
    const part *x, *y;
    const int32_t *px, *py; /* NULL = as they come */
    const int64_t *rest;
    int64_t rest_count, rows_per_item; /* rows: of x */
    int64_t *columns;                  /* [y->multiplicity, y->units] y[py(j), q] */
    bool runs;                         /* those of one q lie side by side */
} filling;

static void take_run(float *out, const float *from, const int64_t *columns, int64_t units,
                     bool runs)
{
    if (runs)
        memcpy(out, from + columns[0], (size_t)units * sizeof *out);
    else
        for (int64_t j = 0; j < units; j++)
            out[j] = from[columns[j]];
}

static weld_status fill_rows(void *user, int64_t item, int slot, weld_error *err)
{
    const filling *f = user;
    const int64_t first = item * f->rows_per_item, left = f->x->units - first;
    const int64_t end = first + (left < f->rows_per_item ? left : f->rows_per_item);
    const int64_t nx = f->x->multiplicity, ny = f->y->multiplicity, units = f->y->units;
    float *out = f->out + first * nx * f->rest_count * ny * units;
    (void)slot, (void)err;
    for (int64_t i = first; i < end; i++)
        for (int64_t p = 0; p < nx; p++) {
            const float *from = f->from + f->x->offsets[(f->px ? f->px[i] : i) * nx + p];
            for (int64_t r = 0; r < f->rest_count; r++)
                for (int64_t q = 0; q < ny; q++, out += units)
                    take_run(out, from + f->rest[r], f->columns + q * units, units, f->runs);
        }
    return WELD_OK;
}

static weld_status fill(weld_context *ctx, filling *f, weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t ny = f->y->multiplicity, units = f->y->units;
    const int64_t row = f->x->multiplicity * f->rest_count * ny * units;
    WELD_NEW(f->columns, ctx, ny * units);
    f->runs = true;
    for (int64_t q = 0; q < ny; q++)
        for (int64_t j = 0; j < units; j++) {
            int64_t *column = &f->columns[q * units + j];
            *column = f->y->offsets[(f->py ? f->py[j] : j) * ny + q];
            f->runs = f->runs && (j == 0 || *column == column[-1] + 1);
        }
    f->rows_per_item = row < CHUNK ? CHUNK / (row > 0 ? row : 1) : 1;
    WELD_TRY(weld_parallel_for(ctx, (f->x->units + f->rows_per_item - 1) / f->rows_per_item,
                               fill_rows, f, err));
done:
    weld_free(ctx, f->columns);
    f->columns = NULL;
    return st;
}

/* The block is the tensor as it lies. */
static bool is_in_order(const filling *f)
{
    const int64_t nx = f->x->multiplicity, ny = f->y->multiplicity, units = f->y->units;
    bool same = true;
    for (int64_t k = 0; k < f->x->units * nx && same; k++)
        same = f->x->offsets[k] == k * f->rest_count * ny * units;
    for (int64_t r = 0; r < f->rest_count && same; r++)
        same = f->rest[r] == r * ny * units;
    for (int64_t j = 0; j < units * ny && same; j++)
        same = f->y->offsets[j] == j % ny * units + j / ny;
    return same;
}

/* ---- making the blocks ----------------------------------------------------------------------- */

/* The axes [2] with units, the second -1 if there is one only; false where a class meets itself or
 * stands on a joint, or units are on more axes. */
static bool find_axes(int axes[2], const weld_score_tensor *t)
{
    axes[0] = axes[1] = -1;
    for (int k = 0; k < t->axis_count; k++) {
        const int axis = t->axes[k].axis;
        for (int other = 0; other < k; other++)
            if (t->axes[other].unit_class == t->axes[k].unit_class)
                return false;
        if (axis == axes[0] || axis == axes[1])
            continue;
        if (t->has_joint || axes[1] >= 0)
            return false;
        axes[axes[0] < 0 ? 0 : 1] = axis;
    }
    if (axes[1] >= 0 && axes[1] < axes[0]) {
        const int axis = axes[0];
        axes[0] = axes[1];
        axes[1] = axis;
    }
    return !t->has_joint;
}

static double scale_of(const weld_block *b)
{
    const int64_t count = b->nx * b->k * b->ny;
    return sqrt(weld_dot(b->a, b->a, count)) * sqrt(weld_dot(b->b, b->b, count));
}

/* One block of the source, number `at`: made, or filled again. Other positions: first x second. */
static weld_status put_block(weld_blocks *s, int source, int at, const part *x, const part *y,
                             const part *first, const part *second, weld_error *err)
{
    weld_status st = WELD_OK;
    const int number = s->sources[source].first + at;
    const weld_score_tensor *t = &s->scores->tensors[s->sources[source].tensor];
    weld_block *b = NULL;
    int64_t *rest = NULL;
    const int64_t m = second->multiplicity, rests = first->multiplicity * m;
    const int64_t k = x->multiplicity * rests * y->multiplicity;
    const size_t count = (size_t)(x->units * k * y->units);
    filling f = {.x = x, .y = y, .rest_count = rests};
    WELD_NEW(rest, s->ctx, rests);
    for (int64_t r = 0; r < rests; r++)
        rest[r] = first->offsets[r / m] + second->offsets[r % m];
    f.rest = rest;
    if (number == s->count) {
        WELD_GROW(s->blocks, s->cap, s->ctx, (size_t)s->count + 1);
        s->blocks[s->count++] = (weld_block){.x = x->unit_class,
                                             .y = y->unit_class,
                                             .nx = x->units,
                                             .ny = y->units,
                                             .k = k,
                                             .source = source};
        s->sources[source].count++;
    }
    b = &s->blocks[number];
    ROOM(b->b, s->ctx, count);
    b->a = t->a;
    if (!is_in_order(&f)) {
        ROOM(b->a_own, s->ctx, count);
        b->a = f.out = b->a_own;
        f.from = t->a;
        WELD_TRY(fill(s->ctx, &f, err));
    }
    f.out = b->b;
    f.from = t->b;
    f.px = s->element->perms[x->unit_class];
    f.py = y->unit_class < 0 ? NULL : s->element->perms[y->unit_class];
    WELD_TRY(fill(s->ctx, &f, err));
    b->scale = weld_shape_numel(&t->shape) == (int64_t)count ? t->scale : scale_of(b);
done:
    weld_free(s->ctx, rest);
    return st;
}

/* All blocks of a source whose tensor is open. */
static weld_status put_blocks(weld_blocks *s, int source, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_score_tensor *t = &s->scores->tensors[s->sources[source].tensor];
    int64_t zero = 0;
    int axes[2], at = 0;
    const part nothing = {-1, 1, 1, &zero};
    part others = {.offsets = NULL};
    parts px = {NULL, 0}, py = {NULL, 0};
    find_axes(axes, t);
    WELD_TRY(list_others(&others, s->ctx, &t->shape, axes[0], axes[1], err));
    WELD_TRY(list_parts(&px, s->scores, t, axes[0], err));
    if (axes[1] >= 0)
        WELD_TRY(list_parts(&py, s->scores, t, axes[1], err));
    for (int i = 0; i < px.count; i++)
        for (int j = 0; j < (axes[1] >= 0 ? py.count : 1); j++) {
            const part *x = &px.of[i], *y = axes[1] >= 0 ? &py.of[j] : &nothing;
            if (x->unit_class >= 0 && y->unit_class >= 0)
                WELD_TRY(put_block(s, source, at++, x, y, &others, &nothing, err));
            else if (x->unit_class >= 0)
                WELD_TRY(put_block(s, source, at++, x, &nothing, y, &others, err));
            else if (y->unit_class >= 0)
                WELD_TRY(put_block(s, source, at++, y, &nothing, x, &others, err));
        }
done:
    weld_free(s->ctx, others.offsets);
    parts_free(s->ctx, &px);
    parts_free(s->ctx, &py);
    return st;
}

static void drop_values(weld_blocks *s, const weld_block_source *source)
{
    for (int k = source->first; k < source->first + source->count; k++) {
        weld_block *b = &s->blocks[k];
        weld_free(s->ctx, b->a_own);
        weld_free(s->ctx, b->b);
        b->a_own = b->b = NULL;
        b->a = NULL;
    }
}

/* ---- what is drawn --------------------------------------------------------------------------- */

bool weld_block_is_drawn(const weld_blocks *s, const weld_block *b)
{
    return s->scores->tensors[s->sources[b->source].tensor].drawn;
}

static weld_status draw(weld_blocks *s, int source, weld_error *err)
{
    const int tensor = s->sources[source].tensor;
    weld_status st = weld_score_open(s->scores, tensor, err);
    if (st != WELD_OK)
        return st;
    st = put_blocks(s, source, err);
    if (st != WELD_OK) {
        drop_values(s, &s->sources[source]);
        weld_score_close(s->scores, tensor);
    }
    return st;
}

weld_status weld_block_open(weld_blocks *s, const weld_block *b, weld_error *err)
{
    weld_block_source *source = &s->sources[b->source];
    if (!weld_block_is_drawn(s, b) || source->users > 0) {
        source->users++;
        return WELD_OK;
    }
    const weld_status st = draw(s, b->source, err);
    source->users = st == WELD_OK;
    return st;
}

void weld_block_close(weld_blocks *s, const weld_block *b)
{
    weld_block_source *source = &s->sources[b->source];
    if (--source->users > 0 || !weld_block_is_drawn(s, b))
        return;
    drop_values(s, source);
    weld_score_close(s->scores, source->tensor);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static weld_status add_source(weld_blocks *s, int tensor, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_GROW(s->sources, s->source_cap, s->ctx, (size_t)s->source_count + 1);
    s->sources[s->source_count++] = (weld_block_source){.tensor = tensor, .first = s->count};
    WELD_TRY(draw(s, s->source_count - 1, err));
    if (s->scores->tensors[tensor].drawn)
        drop_values(s, &s->sources[s->source_count - 1]);
    weld_score_close(s->scores, tensor);
done:
    return st;
}

weld_status weld_blocks_create(weld_blocks **out, const weld_scores *scores,
                               const weld_element *element, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_blocks *s = NULL;
    *out = NULL;
    WELD_NEW(s, scores->ctx, 1);
    s->ctx = scores->ctx;
    s->scores = scores;
    s->element = element;
    WELD_NEW(s->whole, s->ctx, scores->symmetry->free_count);
    for (int c = 0; c < scores->symmetry->free_count; c++)
        s->whole[c] = true;
    for (int k = 0; k < scores->count; k++) {
        const weld_score_tensor *t = &scores->tensors[k];
        int axes[2];
        if (find_axes(axes, t)) {
            WELD_TRY(add_source(s, k, err));
            continue;
        }
        for (int a = 0; a < t->axis_count; a++)
            s->whole[t->axes[a].unit_class] = false;
    }
    *out = s;
    s = NULL;
done:
    weld_blocks_free(s);
    return st;
}

void weld_blocks_free(weld_blocks *s)
{
    if (!s)
        return;
    for (int k = 0; k < s->source_count; k++)
        drop_values(s, &s->sources[k]);
    weld_free(s->ctx, s->blocks);
    weld_free(s->ctx, s->sources);
    weld_free(s->ctx, s->whole);
    weld_free(s->ctx, s);
}

/* ---- the objective --------------------------------------------------------------------------- */

/* NULL if the tensor has none. */
static const weld_block_source *source_of(const weld_blocks *s, int tensor)
{
    for (int k = 0; k < s->source_count; k++)
        if (s->sources[k].tensor == tensor)
            return &s->sources[k];
    return NULL;
}

/* *left = how many weights are in no block. */
static weld_status sum_source(double *out, int64_t *left, weld_blocks *s,
                              const weld_block_source *source, weld_error *err)
{
    const weld_status st = weld_block_open(s, &s->blocks[source->first], err);
    if (st != WELD_OK)
        return st;
    for (int k = source->first; k < source->first + source->count; k++) {
        const weld_block *b = &s->blocks[k];
        const int64_t count = b->nx * b->k * b->ny;
        *out += weld_dot(b->a, b->b, count);
        *left -= count;
    }
    weld_block_close(s, &s->blocks[source->first]);
    return WELD_OK;
}

static weld_status inner_by_blocks(double *out, void *user, int tensor, weld_error *err)
{
    weld_blocks *s = user;
    const weld_score_tensor *t = &s->scores->tensors[tensor];
    const weld_block_source *source = source_of(s, tensor);
    int64_t left = weld_shape_numel(&t->shape);
    const weld_status st = source ? sum_source(out, &left, s, source, err) : WELD_OK;
    /* what stands still on both axes is in no block */
    return st != WELD_OK || left == 0 ? st : weld_score_inner(out, t, s->element, err);
}

weld_status weld_blocks_objective(double *out, weld_blocks *s, weld_error *err)
{
    return weld_scores_sum(out, s->scores, -1, inner_by_blocks, s, err);
}

weld_product weld_block_product(const weld_block *b, int unit_class)
{
    const bool rows = b->x == unit_class;
    return (weld_product){b->a, b->b, rows ? b->k * b->ny : b->nx * b->k, !rows, rows};
}
