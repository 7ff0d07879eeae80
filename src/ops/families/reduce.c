/* Reductions over axes: sums, means, extremes, norms. */
#include "ops/operand.h"
#include <inttypes.h>
#include <tgmath.h>
#include <stddef.h>

/* A reduction folds its elements, then finishes what came out. */
typedef enum fold_kind {
    FOLD_SUM,
    FOLD_PRODUCT,
    FOLD_MAX,
    FOLD_MIN,
    FOLD_ABS,    /* sum of |x| */
    FOLD_SQUARE, /* sum of x^2 */
    FOLD_EXP     /* sum of exp(x - largest x) */
} fold_kind;
typedef enum finish_kind { FINISH_NONE, FINISH_MEAN, FINISH_ROOT, FINISH_LOG } finish_kind;

typedef struct reduction {
    const weld_op *op;
    fold_kind fold;
    finish_kind finish;
    int axes_opset; /* axes are an attribute before, input 1 from then on */
    unsigned types;
} reduction;

enum {
    REDUCED_TYPES = WELD_TYPES_FLOAT | 1 << WELD_INT32 | 1 << WELD_INT64 | 1 << WELD_UINT32 |
                    1 << WELD_UINT64,
    ORDERED_TYPES = REDUCED_TYPES | 1 << WELD_INT8 | 1 << WELD_UINT8 | WELD_TYPES_BOOL
};

static const reduction reductions[] = {
    {&weld_op_ReduceL1, FOLD_ABS, FINISH_NONE, 18, REDUCED_TYPES},
    {&weld_op_ReduceL2, FOLD_SQUARE, FINISH_ROOT, 18, REDUCED_TYPES},
    {&weld_op_ReduceLogSum, FOLD_SUM, FINISH_LOG, 18, REDUCED_TYPES},
    {&weld_op_ReduceLogSumExp, FOLD_EXP, FINISH_LOG, 18, REDUCED_TYPES},
    {&weld_op_ReduceMax, FOLD_MAX, FINISH_NONE, 18, ORDERED_TYPES},
    {&weld_op_ReduceMean, FOLD_SUM, FINISH_MEAN, 18, REDUCED_TYPES},
    {&weld_op_ReduceMin, FOLD_MIN, FINISH_NONE, 18, ORDERED_TYPES},
    {&weld_op_ReduceProd, FOLD_PRODUCT, FINISH_NONE, 18, REDUCED_TYPES},
    {&weld_op_ReduceSum, FOLD_SUM, FINISH_NONE, 13, REDUCED_TYPES},
    {&weld_op_ReduceSumSquare, FOLD_SQUARE, FINISH_NONE, 18, REDUCED_TYPES},
};

static const reduction *reduction_of(const weld_node *node)
{
    const reduction *r = reductions;
    while (r->op != node->op)
        r++;
    return r;
}

/* ---- which axes ------------------------------------------------------------------- */

typedef struct reduce_attrs {
    weld_ints axes;
    int64_t keepdims, noop_with_empty_axes;
} reduce_attrs;

static const weld_field reduce_fields[] = {
    {"axes", WELD_FIELD_INTS, offsetof(reduce_attrs, axes), 0.0, NULL, false},
    {"keepdims", WELD_FIELD_INT, offsetof(reduce_attrs, keepdims), 1.0, NULL, false},
    {"noop_with_empty_axes", WELD_FIELD_INT, offsetof(reduce_attrs, noop_with_empty_axes), 0.0,
     NULL, false},
    {0}};

typedef struct reduce_axes {
    bool reduced[WELD_RANK_MAX];
} reduce_axes;

/* `given`: the value of input 1, NULL when it is left out. */
static weld_status reduce_resolve(reduce_axes *out, const weld_node *node, int rank,
                                  const weld_tensor *given, weld_error *err)
{
    const reduce_attrs *attrs = node->attrs;
    *out = (reduce_axes){{false}};
    const int64_t *axes = given ? given->i : attrs->axes.at;
    const int64_t count = given ? weld_shape_numel(&given->shape) : attrs->axes.count;
    if (count <= 0) {
        const bool none = node->opset >= reduction_of(node)->axes_opset &&
                          attrs->noop_with_empty_axes != 0;
        for (int k = 0; k < rank; k++)
            out->reduced[k] = !none;
        return WELD_OK;
    }
    for (int64_t i = 0; i < count; i++) {
        int axis;
        const weld_status st = weld_operand_axis(&axis, axes[i], rank, err);
        if (st != WELD_OK)
            return st;
        if (out->reduced[axis])
            return weld_fail(err, WELD_E_FORMAT, "axis %d is given twice", axis);
        out->reduced[axis] = true;
    }
    return WELD_OK;
}

/* Where the axes come from must fit the opset. *given: as for reduce_resolve. */
static weld_status reduce_given(const weld_tensor **given, const weld_infer *inf,
                                const weld_node *node, weld_error *err)
{
    *given = NULL;
    const reduce_attrs *attrs = node->attrs;
    const int since = reduction_of(node)->axes_opset;
    if (attrs->axes.count >= 0 && node->opset >= since)
        return weld_fail(err, WELD_E_FORMAT, "axes is an input from opset %d on, opset is %d",
                         since, node->opset);
    const weld_shape *shape = weld_infer_shape(inf, 1);
    if (!shape)
        return WELD_OK;
    if (node->opset < since)
        return weld_fail(err, WELD_E_FORMAT, "axes is an attribute before opset %d, opset is %d",
                         since, node->opset);
    char text[128];
    if (shape->rank != 1 || weld_infer_dtype(inf, 1) != WELD_INT64)
        return weld_fail(err, WELD_E_FORMAT, "axes has shape %s, must be a vector of int64",
                         weld_shape_text(shape, text));
    return weld_infer_need(given, inf, 1, err);
}

static weld_status reduce_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const reduction *r = reduction_of(node);
    const weld_tensor *given;
    reduce_axes axes;
    WELD_TRY(weld_operand_type(inf, 0, r->types, err));
    const weld_shape *x = weld_infer_shape(inf, 0);
    WELD_TRY(reduce_given(&given, inf, node, err));
    WELD_TRY(reduce_resolve(&axes, node, x->rank, given, err));
    const bool keep = ((const reduce_attrs *)node->attrs)->keepdims != 0;
    weld_shape y = {0};
    for (int k = 0; k < x->rank; k++) {
        WELD_REQUIRE(!axes.reduced[k] || x->dims[k] > 0 || r->finish != FINISH_MEAN, WELD_E_FORMAT,
                     "mean over axis %d of size 0", k);
        if (!axes.reduced[k])
            y.dims[y.rank++] = x->dims[k];
        else if (keep)
            y.dims[y.rank++] = 1;
    }
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &y, err));
done:
    return st;
}

/* ---- folding ------------------------------------------------------------------------ */

/* A walk over some axes of a tensor, the last one fastest; adjacent ones are merged. */
typedef struct axis_walk {
    int rank;
    int64_t dims[WELD_RANK_MAX], step[WELD_RANK_MAX], index[WELD_RANK_MAX], at;
} axis_walk;

static void axis_walk_add(axis_walk *w, int64_t dim, int64_t step)
{
    const bool merge = w->rank > 0 && w->step[w->rank - 1] == step * dim;
    const int at = merge ? w->rank - 1 : w->rank++;
    w->dims[at] = merge ? w->dims[at] * dim : dim;
    w->step[at] = step;
}

/* The next entry of the first `rank` axes; after the last one, the first again. */
static void axis_walk_next(axis_walk *w, int rank)
{
    for (int k = rank - 1; k >= 0; k--) {
        w->at += w->step[k];
        if (++w->index[k] < w->dims[k])
            return;
        w->at -= w->step[k] * w->dims[k];
        w->index[k] = 0;
    }
}

/* The elements of one output, walked as lines along the last of their axes. */
typedef struct cells {
    const weld_tensor *x;
    axis_walk walk;
    int64_t at;           /* of the first element */
    int64_t count, lines; /* elements in all; lines */
    int64_t length, step; /* of one line */
} cells;

static void cells_count(cells *c)
{
    const axis_walk *w = &c->walk;
    c->count = c->length = 1;
    for (int k = 0; k < w->rank; k++)
        c->count *= w->dims[k];
    if (w->rank > 0) {
        c->length = w->dims[w->rank - 1];
        c->step = w->step[w->rank - 1];
    }
    c->lines = c->length > 0 ? c->count / c->length : 0;
}

#define FOLD_LOOP(expr)                                                                            \
    for (int64_t k = 0; k < c->length; k++) {                                                      \
        const int64_t j = at + k * c->step;                                                        \
        const double v = is_float ? (double)weld_reals(x)[j]                                       \
                                  : weld_int_to_double(x->dtype, x->i[j]);                         \
        acc = (expr);                                                                              \
    }                                                                                              \
    break

/* One line; NaN among the elements is the result. `shift`: for FOLD_EXP. */
static double fold_line(const cells *c, fold_kind kind, double acc, double shift)
{
    const weld_tensor *x = c->x;
    const bool is_float = weld_dtype_is_float(x->dtype);
    const int64_t at = c->at + c->walk.at;
    switch (kind) {
    case FOLD_SUM: FOLD_LOOP(acc + v);
    case FOLD_PRODUCT: FOLD_LOOP(acc * v);
    case FOLD_MAX: FOLD_LOOP(v > acc || isnan(v) ? v : acc);
    case FOLD_MIN: FOLD_LOOP(v < acc || isnan(v) ? v : acc);
    case FOLD_ABS: FOLD_LOOP(acc + fabs(v));
    case FOLD_SQUARE: FOLD_LOOP(acc + v * v);
    case FOLD_EXP: FOLD_LOOP(acc + exp(v - shift));
    }
    return acc;
}

static double fold(cells *c, fold_kind kind, double shift)
{
    const double infinity = (double)INFINITY;
    double acc = kind == FOLD_MAX       ? -infinity
                 : kind == FOLD_MIN     ? infinity
                 : kind == FOLD_PRODUCT ? 1.0
                                        : 0.0;
    for (int64_t k = 0; k < c->lines; k++) {
        acc = fold_line(c, kind, acc, shift);
        axis_walk_next(&c->walk, c->walk.rank - 1);
    }
    return acc;
}

static double reduce_real(const reduction *r, cells *c)
{
    const double shift = r->fold == FOLD_EXP ? fold(c, FOLD_MAX, 0.0) : 0.0;
    if (!isfinite(shift))
        return shift; /* all are -inf (or there are none), one is inf, or one is NaN */
    const double folded = fold(c, r->fold, shift);
    switch (r->finish) {
    case FINISH_MEAN: return folded / (double)c->count;
    case FINISH_ROOT: return sqrt(folded);
    case FINISH_LOG: return log(folded) + shift;
    case FINISH_NONE: break;
    }
    return folded;
}

/* The least or the largest value of an integer type, as it is computed. */
static int64_t int_limit(weld_dtype dtype, bool largest)
{
    if (dtype == WELD_BOOL)
        return largest;
    const uint64_t ones = UINT64_MAX >> (64 - 8 * weld_dtype_size(dtype));
    if (WELD_TYPES_UNSIGNED >> dtype & 1)
        return largest ? (int64_t)ones : 0;
    return largest ? (int64_t)(ones >> 1) : -(int64_t)(ones >> 1) - 1;
}

/* Sums wrap; extremes are in the order of the type. */
static uint64_t fold_int_line(const cells *c, fold_kind kind, uint64_t acc)
{
    const weld_dtype dtype = c->x->dtype;
    const int64_t at = c->at + c->walk.at;
    for (int64_t k = 0; k < c->length; k++) {
        const int64_t v = c->x->i[at + k * c->step], key = weld_int_key(dtype, v);
        const uint64_t u = (uint64_t)v;
        switch (kind) {
        case FOLD_SUM: acc += u; break;
        case FOLD_PRODUCT: acc *= u; break;
        case FOLD_MAX: acc = key > weld_int_key(dtype, (int64_t)acc) ? u : acc; break;
        case FOLD_MIN: acc = key < weld_int_key(dtype, (int64_t)acc) ? u : acc; break;
        case FOLD_ABS: acc += v < 0 && dtype != WELD_UINT64 ? 0 - u : u; break;
        case FOLD_SQUARE: acc += u * u; break;
        case FOLD_EXP: break; /* has a logarithm after it: reduce_real */
        }
    }
    return acc;
}

static int64_t reduce_int(const reduction *r, cells *c)
{
    const weld_dtype dtype = c->x->dtype;
    if (r->finish == FINISH_ROOT || r->finish == FINISH_LOG)
        return weld_int_from_double(reduce_real(r, c));
    uint64_t acc = r->fold == FOLD_PRODUCT;
    if (r->fold == FOLD_MAX || r->fold == FOLD_MIN)
        acc = (uint64_t)int_limit(dtype, r->fold == FOLD_MIN);
    for (int64_t k = 0; k < c->lines; k++) {
        acc = fold_int_line(c, r->fold, acc);
        axis_walk_next(&c->walk, c->walk.rank - 1);
    }
    if (r->finish == FINISH_MEAN && dtype == WELD_UINT64)
        return (int64_t)(acc / (uint64_t)c->count);
    return r->finish == FINISH_MEAN ? (int64_t)acc / c->count : (int64_t)acc;
}

static weld_status reduce_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    const weld_tensor *x = args->in[0];
    weld_tensor *y = args->out[0];
    const reduction *r = reduction_of(node);
    reduce_axes axes;
    const weld_tensor *given = weld_node_input(node, 1) >= 0 ? args->in[1] : NULL;
    const weld_status st = reduce_resolve(&axes, node, x->shape.rank, given, err);
    if (st != WELD_OK)
        return st;
    int64_t strides[WELD_RANK_MAX];
    weld_strides(strides, &x->shape);
    axis_walk kept = {0};
    cells c = {.x = x};
    for (int k = 0; k < x->shape.rank; k++)
        axis_walk_add(axes.reduced[k] ? &c.walk : &kept, x->shape.dims[k], strides[k]);
    cells_count(&c);
    const bool is_float = weld_dtype_is_float(y->dtype);
    const int64_t total = weld_shape_numel(&y->shape);
    for (int64_t i = 0; i < total; i++) {
        c.at = kept.at;
        if (is_float)
            weld_reals(y)[i] = (weld_real)reduce_real(r, &c);
        else
            y->i[i] = reduce_int(r, &c);
        axis_walk_next(&kept, kept.rank);
    }
    weld_int_wrap_all(y);
    return WELD_OK;
}

static weld_status reduce_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index;
    const int x = node->inputs[0], y = node->outputs[0], given = weld_node_input(node, 1);
    const int rank = weld_tie_shape(ties, x)->rank;
    const weld_tensor *data = weld_tie_data(ties, given);
    if (given >= 0 && !data)
        return weld_fail(err, WELD_E_UNSUPPORTED, "axes must be constant");
    reduce_axes axes;
    const weld_status st = reduce_resolve(&axes, node, rank, data, err);
    if (st != WELD_OK)
        return st;
    const bool keep = ((const reduce_attrs *)node->attrs)->keepdims != 0;
    for (int k = 0, to = 0; k < rank; k++) {
        if (axes.reduced[k])
            weld_tie_mix(ties, x, k);
        else
            weld_tie_axes(ties, x, k, y, to);
        to += !axes.reduced[k] || keep;
    }
    return WELD_OK;
}

#define REDUCE_OP(op)                                                                              \
    WELD_DEFINE_OP(op) = {.name = #op,                                                             \
                          .domain = "",                                                            \
                          .opset_min = 1,                                                          \
                          .opset_max = WELD_OPSET_MAX,                                             \
                          .inputs_min = 1,                                                         \
                          .inputs_max = 2,                                                         \
                          .outputs_min = 1,                                                        \
                          .outputs_max = 1,                                                        \
                          .static_inputs = 1u << 1,                                                \
                          .fields = reduce_fields,                                                 \
                          .attrs_size = sizeof(reduce_attrs),                                      \
                          .infer = reduce_infer,                                                   \
                          .run = reduce_run,                                                       \
                          .tie = reduce_tie}

REDUCE_OP(ReduceL1);
REDUCE_OP(ReduceL2);
REDUCE_OP(ReduceLogSum);
REDUCE_OP(ReduceLogSumExp);
REDUCE_OP(ReduceMax);
REDUCE_OP(ReduceMean);
REDUCE_OP(ReduceMin);
REDUCE_OP(ReduceProd);
REDUCE_OP(ReduceSum);
REDUCE_OP(ReduceSumSquare);
