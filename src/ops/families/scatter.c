/* Updates written to indexed places of a copy: ScatterElements (once Scatter), ScatterND. */
#include "ops/indexed.h"
#include <tgmath.h>
#include <stddef.h>
#include <string.h>

typedef struct scatter_attrs {
    int64_t axis, reduction;
} scatter_attrs;

enum { REDUCE_NONE, REDUCE_ADD, REDUCE_MUL, REDUCE_MAX, REDUCE_MIN };
static const char *const reduction_names[] = {"none", "add", "mul", "max", "min", NULL};

#define AXIS_FIELD                                                                                 \
    {                                                                                              \
        "axis", WELD_FIELD_INT, offsetof(scatter_attrs, axis), 0.0, NULL, false                    \
    }
#define REDUCTION_FIELD                                                                            \
    {                                                                                              \
        "reduction", WELD_FIELD_ENUM, offsetof(scatter_attrs, reduction), 0.0, reduction_names,    \
            false                                                                                  \
    }
static const weld_field axis_fields[] = {AXIS_FIELD, {0}};
static const weld_field elements_fields[] = {AXIS_FIELD, REDUCTION_FIELD, {0}};
static const weld_field nd_fields[] = {REDUCTION_FIELD, {0}};

static weld_status check(const weld_node *node, weld_error *err)
{
    const int64_t reduction = ((const scatter_attrs *)node->attrs)->reduction;
    const int first = reduction == REDUCE_NONE ? 1 : reduction <= REDUCE_MUL ? 16 : 18;
    if (node->opset < first)
        return weld_fail(err, WELD_E_FORMAT, "reduction is '%s', allowed from opset %d on",
                         reduction_names[reduction], first);
    return WELD_OK;
}

/* data, indices, updates */
static weld_status infer_operands(const weld_infer *inf, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_TRY(weld_operand_type(inf, 0, WELD_TYPES_ANY, err));
    WELD_TRY(weld_operand_type(inf, 1, WELD_TYPES_INTEGER, err));
    WELD_TRY(weld_operand_type(inf, 2, WELD_TYPES_ANY, err));
    WELD_TRY(weld_operand_agree(inf, 0, 2, err));
done:
    return st;
}

/* ---- writing ------------------------------------------------------------------------------ */

static inline weld_real reduce_real(int64_t reduction, weld_real a, weld_real b)
{
    switch (reduction) {
    case REDUCE_ADD: return a + b;
    case REDUCE_MUL: return a * b;
    case REDUCE_MAX: return isnan(a) || a > b ? a : b;
    case REDUCE_MIN: return isnan(a) || a < b ? a : b;
    default: return b;
    }
}

static inline int64_t reduce_int(int64_t reduction, weld_dtype dtype, int64_t a, int64_t b)
{
    const bool less = weld_int_key(dtype, a) < weld_int_key(dtype, b);
    switch (reduction) {
    case REDUCE_ADD: return weld_int_wrap(dtype, (int64_t)((uint64_t)a + (uint64_t)b));
    case REDUCE_MUL: return weld_int_wrap(dtype, (int64_t)((uint64_t)a * (uint64_t)b));
    case REDUCE_MAX: return less ? b : a;
    case REDUCE_MIN: return less ? a : b;
    default: return b;
    }
}

/* y = data; then each run of the updates [count, run] meets what is at target[k], in order. */
static void write_runs(const weld_kernel_args *args, const weld_node *node, const int64_t *target,
                       int64_t count, int64_t run)
{
    const int64_t reduction = ((const scatter_attrs *)node->attrs)->reduction;
    const weld_tensor *x = args->in[0], *u = args->in[2];
    weld_tensor *y = args->out[0];
    memcpy(y->data, x->data, (size_t)weld_shape_numel(&x->shape) * weld_compute_size(x->dtype));
    for (int64_t k = 0; k < count; k++)
        for (int64_t i = 0; i < run; i++) {
            const int64_t to = target[k] + i, from = k * run + i;
            if (weld_dtype_is_float(y->dtype))
                weld_reals(y)[to] = reduce_real(reduction, weld_reals(y)[to], weld_reals(u)[from]);
            else
                y->i[to] = reduce_int(reduction, y->dtype, y->i[to], u->i[from]);
        }
}

/* ---- ScatterElements: y[index[i][j]][j] = update[i][j] on axis 0, and so on ----------------- */

static weld_status elements_axis(int *out, const weld_node *node, int rank, weld_error *err)
{
    return weld_operand_axis(out, ((const scatter_attrs *)node->attrs)->axis, rank, err);
}

static weld_status elements_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    char ti[128], tu[128];
    int axis;
    WELD_TRY(infer_operands(inf, err));
    const weld_shape *x = weld_infer_shape(inf, 0), *index = weld_infer_shape(inf, 1);
    const weld_shape *updates = weld_infer_shape(inf, 2);
    WELD_TRY(elements_axis(&axis, node, x->rank, err));
    WELD_TRY(weld_check_element_indices(x, index, axis, err));
    WELD_REQUIRE(weld_shape_equal(index, updates), WELD_E_FORMAT,
                 "updates have shape %s, must have that of the indices, %s",
                 weld_shape_text(updates, tu), weld_shape_text(index, ti));
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), x, err));
done:
    return st;
}

static weld_status elements_run(const weld_kernel_args *args, const weld_node *node,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor *x = args->in[0], *index = args->in[1];
    int64_t *target = args->scratch; /* [entries of index] */
    int axis;
    WELD_TRY(elements_axis(&axis, node, x->shape.rank, err));
    WELD_TRY(weld_point_at_elements(target, &x->shape, index, axis, err));
    write_runs(args, node, target, weld_shape_numel(&index->shape), 1);
done:
    return st;
}

static weld_status elements_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    const int x = node->inputs[0], i = node->inputs[1], u = node->inputs[2];
    const int y = node->outputs[0];
    const weld_shape *xs = weld_tie_shape(ties, x), *is = weld_tie_shape(ties, i);
    int axis;
    const weld_status st = elements_axis(&axis, node, xs->rank, err);
    if (st != WELD_OK)
        return st;
    for (int a = 0; a < xs->rank; a++) {
        weld_tie_axes(ties, x, a, y, a);
        weld_tie_axes(ties, i, a, u, a);
        if (a == axis)
            continue;
        weld_tie_axes(ties, i, a, y, a);
        weld_tie_axes(ties, u, a, y, a);
        if (is->dims[a] < xs->dims[a]) {
            weld_tie_pin(ties, index, y, a, "written in part");
            weld_tie_pin(ties, index, i, a, "written in part");
            weld_tie_pin(ties, index, u, a, "written in part");
        }
    }
    weld_tie_pin(ties, index, y, axis, "written by index");
    weld_tie_mix(ties, y, axis);
    weld_tie_mix(ties, u, axis);
    return WELD_OK;
}

WELD_DEFINE_OP(ScatterElements) = {.name = "ScatterElements",
                                   .domain = "",
                                   .opset_min = 11,
                                   .opset_max = WELD_OPSET_MAX,
                                   .inputs_min = 3,
                                   .inputs_max = 3,
                                   .outputs_min = 1,
                                   .outputs_max = 1,
                                   .fields = elements_fields,
                                   .attrs_size = sizeof(scatter_attrs),
                                   .check = check,
                                   .infer = elements_infer,
                                   .run = elements_run,
                                   .tie = elements_tie,
                                   .scratch_bytes = weld_element_targets};

WELD_DEFINE_OP(Scatter) = {.name = "Scatter",
                           .domain = "",
                           .opset_min = 9,
                           .opset_max = 10,
                           .inputs_min = 3,
                           .inputs_max = 3,
                           .outputs_min = 1,
                           .outputs_max = 1,
                           .fields = axis_fields,
                           .attrs_size = sizeof(scatter_attrs),
                           .infer = elements_infer,
                           .run = elements_run,
                           .tie = elements_tie,
                           .scratch_bytes = weld_element_targets};

/* ---- ScatterND: y[index[t..], :] = update[t.., :] -------------------------------------------- */

/* updates: [tuples.., rest..] for indices [tuples.., length] and data [extents.., rest..] */
static bool updates_fit(const weld_shape *updates, const weld_shape *index, const weld_shape *x)
{
    const int tuples = index->rank - 1, length = (int)index->dims[tuples];
    bool fits = updates->rank == tuples + x->rank - length;
    for (int a = 0; fits && a < updates->rank; a++)
        fits = updates->dims[a] == (a < tuples ? index->dims[a] : x->dims[a - tuples + length]);
    return fits;
}

static weld_status nd_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    (void)node;
    weld_status st = WELD_OK;
    char tx[128], ti[128], tu[128];
    WELD_TRY(infer_operands(inf, err));
    const weld_shape *x = weld_infer_shape(inf, 0), *index = weld_infer_shape(inf, 1);
    const weld_shape *updates = weld_infer_shape(inf, 2);
    WELD_REQUIRE(x->rank >= 1 && index->rank >= 1, WELD_E_FORMAT,
                 "data and indices have ranks %d and %d, must have 1 or more", x->rank,
                 index->rank);
    const int64_t length = index->dims[index->rank - 1];
    WELD_REQUIRE(length >= 1 && length <= x->rank, WELD_E_FORMAT,
                 "indices have shape %s, allowed on the last axis: 1 to %d",
                 weld_shape_text(index, ti), x->rank);
    WELD_REQUIRE(updates_fit(updates, index, x), WELD_E_FORMAT,
                 "updates have shape %s, which does not fit indices %s and data %s",
                 weld_shape_text(updates, tu), weld_shape_text(index, ti), weld_shape_text(x, tx));
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), x, err));
done:
    return st;
}

static weld_status nd_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    const weld_shape *x = &args->in[0]->shape;
    const weld_tensor *index = args->in[1];
    const int last = index->shape.rank - 1, length = (int)index->shape.dims[last];
    int64_t *target = args->scratch; /* [tuples of index] */
    const weld_status st = weld_point_at_slices(target, x, index, 0, err);
    if (st != WELD_OK)
        return st;
    write_runs(args, node, target, weld_shape_span(&index->shape, 0, last),
               weld_shape_span(x, length, x->rank));
    return WELD_OK;
}

static weld_status nd_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)err;
    const int x = node->inputs[0], i = node->inputs[1], u = node->inputs[2];
    const int y = node->outputs[0], rank = weld_tie_shape(ties, x)->rank;
    const weld_shape *is = weld_tie_shape(ties, i);
    const int last = is->rank - 1, length = (int)is->dims[last];
    for (int a = 0; a < rank; a++) {
        weld_tie_axes(ties, x, a, y, a);
        if (a < length) {
            weld_tie_pin(ties, index, y, a, "written by index");
            weld_tie_mix(ties, y, a);
        } else {
            weld_tie_axes(ties, u, last + a - length, y, a);
        }
    }
    for (int a = 0; a < last; a++) {
        weld_tie_axes(ties, i, a, u, a);
        weld_tie_mix(ties, u, a);
    }
    weld_tie_pin(ties, index, i, last, "one index per axis");
    return WELD_OK;
}

WELD_DEFINE_OP(ScatterND) = {.name = "ScatterND",
                             .domain = "",
                             .opset_min = 11,
                             .opset_max = WELD_OPSET_MAX,
                             .inputs_min = 3,
                             .inputs_max = 3,
                             .outputs_min = 1,
                             .outputs_max = 1,
                             .fields = nd_fields,
                             .attrs_size = sizeof(scatter_attrs),
                             .check = check,
                             .infer = nd_infer,
                             .run = nd_run,
                             .tie = nd_tie,
                             .scratch_bytes = weld_slice_targets};
