/* Slice: bounds are attributes before opset 10, inputs from then on. */
#include "ops/move.h"
#include <inttypes.h>
#include <stddef.h>

typedef struct slice_attrs {
    weld_ints starts, ends, axes;
} slice_attrs;

/* Per axis of the data: y[k] = x[start + k step], k < count. */
typedef struct slice_spec {
    int64_t start[WELD_RANK_MAX], step[WELD_RANK_MAX], count[WELD_RANK_MAX];
} slice_spec;

typedef struct slice_bounds {
    const weld_tensor *in[5]; /* starts 1, ends 2, axes 3, steps 4 */
    const slice_attrs *attrs;
} slice_bounds;

static int64_t bound_count(const slice_bounds *b)
{
    return b->in[1] ? weld_shape_numel(&b->in[1]->shape) : b->attrs->starts.count;
}

static int64_t clamp(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

/* ONNX clamps a start to the entries that there are, an end also to one before the first. */
static void resolve_axis(slice_spec *out, int a, int64_t n, int64_t start, int64_t end,
                         int64_t step)
{
    const int64_t least = step > 0 ? 0 : -1, most = step > 0 ? n : n - 1;
    start = clamp(start < 0 ? start + n : start, 0, most < 0 ? 0 : most);
    end = clamp(end < -n ? least : end < 0 ? end + n : end, least, n);
    const int64_t length = step > 0 ? end - start : start - end;
    const int64_t stride = step > 0 ? step : step == INT64_MIN ? INT64_MAX : -step;
    out->start[a] = start;
    out->count[a] = length > 0 && n > 0 ? (length - 1) / stride + 1 : 0;
    out->step[a] = out->count[a] > 1 ? step : 1;
}

static weld_status resolve_slice(slice_spec *out, const weld_shape *x, const slice_bounds *b,
                                 weld_error *err)
{
    bool seen[WELD_RANK_MAX] = {false};
    for (int a = 0; a < x->rank; a++)
        resolve_axis(out, a, x->dims[a], 0, x->dims[a], 1);
    for (int64_t k = 0; k < bound_count(b); k++) {
        const int64_t step = b->in[4] ? b->in[4]->i[k] : 1;
        const int64_t given = b->in[3]                    ? b->in[3]->i[k]
                              : b->attrs->axes.count >= 0 ? b->attrs->axes.at[k]
                                                          : k;
        int a;
        const weld_status st = weld_operand_axis(&a, given, x->rank, err);
        if (st != WELD_OK)
            return st;
        if (seen[a] || step == 0)
            return weld_fail(err, WELD_E_FORMAT, "axis %d %s", a,
                             step == 0 ? "is sliced by step 0" : "is sliced twice");
        seen[a] = true;
        resolve_axis(out, a, x->dims[a], b->in[1] ? b->in[1]->i[k] : b->attrs->starts.at[k],
                     b->in[2] ? b->in[2]->i[k] : b->attrs->ends.at[k], step);
    }
    return WELD_OK;
}

static weld_status read_bounds(slice_bounds *b, const weld_infer *inf, const weld_node *node,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    const slice_attrs *attrs = b->attrs;
    const bool by_input = node->opset >= 10;
    WELD_TRY(weld_check_moved(node, "starts", attrs->starts.count >= 0, 1, 10, err));
    WELD_TRY(weld_check_moved(node, "ends", attrs->ends.count >= 0, 2, 10, err));
    WELD_TRY(weld_check_moved(node, "axes", attrs->axes.count >= 0, 3, 10, err));
    WELD_REQUIRE(by_input ? node->input_count >= 3
                          : attrs->starts.count >= 0 && attrs->ends.count == attrs->starts.count,
                 WELD_E_FORMAT, "needs starts and ends of one length");
    WELD_REQUIRE(by_input || attrs->axes.count < 0 || attrs->axes.count == attrs->starts.count,
                 WELD_E_FORMAT, "%" PRId64 " axes for %" PRId64 " starts", attrs->axes.count,
                 attrs->starts.count);
    for (int k = 1; by_input && k < 5; k++) {
        if (k > 2 && weld_node_input(node, k) < 0)
            continue;
        WELD_TRY(weld_operand_integers(&b->in[k], inf, k, err));
        WELD_REQUIRE(weld_shape_numel(&b->in[k]->shape) == bound_count(b), WELD_E_FORMAT,
                     "input %d has another length than starts", k);
    }
done:
    return st;
}

static weld_status infer_slice(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    slice_bounds b = {.attrs = node->attrs};
    slice_spec spec;
    weld_shape shape = *weld_infer_shape(inf, 0);
    WELD_TRY(read_bounds(&b, inf, node, err));
    WELD_TRY(resolve_slice(&spec, &shape, &b, err));
    for (int a = 0; a < shape.rank; a++)
        shape.dims[a] = spec.count[a];
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &shape, err));
done:
    return st;
}

static weld_status run_slice(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    const weld_tensor *x = args->in[0];
    slice_bounds b = {.attrs = node->attrs};
    slice_spec spec;
    int64_t strides[WELD_RANK_MAX], from = 0;
    for (int k = 1; k < node->input_count && k < 5; k++)
        b.in[k] = args->in[k];
    const weld_status st = resolve_slice(&spec, &x->shape, &b, err);
    if (st != WELD_OK)
        return st;
    weld_strides(strides, &x->shape);
    for (int a = 0; a < x->shape.rank; a++) {
        from += spec.start[a] * strides[a];
        strides[a] *= spec.step[a];
    }
    weld_copy_strided(args->out[0], x, from, strides);
    return WELD_OK;
}

static weld_status tie_slice(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index;
    slice_bounds b = {.attrs = node->attrs};
    slice_spec spec;
    const int x = node->inputs[0], y = node->outputs[0];
    const weld_shape *shape = weld_tie_shape(ties, x);
    for (int k = 1; k < node->input_count && k < 5; k++)
        b.in[k] = weld_tie_data(ties, node->inputs[k]);
    const weld_status st = resolve_slice(&spec, shape, &b, err);
    for (int a = 0; st == WELD_OK && a < shape->rank; a++)
        for (int64_t k = 0; k < spec.count[a]; k++)
            weld_tie_unit(ties, x, a, spec.start[a] + k * spec.step[a], y, a, k);
    return st;
}

static const weld_field slice_fields[] = {
    {"starts", WELD_FIELD_INTS, offsetof(slice_attrs, starts), 0.0, NULL, false},
    {"ends", WELD_FIELD_INTS, offsetof(slice_attrs, ends), 0.0, NULL, false},
    {"axes", WELD_FIELD_INTS, offsetof(slice_attrs, axes), 0.0, NULL, false},
    {0}};

WELD_MOVE_OP(Slice, 1, 1, 5, .static_inputs = 30, .fields = slice_fields,
             .attrs_size = sizeof(slice_attrs), .infer = infer_slice, .run = run_slice,
             .tie = tie_slice);
