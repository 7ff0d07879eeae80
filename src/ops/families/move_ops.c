/* Operators that move elements along axes: Concat, Slice, Gather, Pad. */
#include "ops/operand.h"
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

typedef struct axis_attrs {
    int64_t axis;
} axis_attrs;

static weld_status read_axis(int *out, const weld_node *node, int rank, weld_error *err)
{
    int64_t axis = ((const axis_attrs *)node->attrs)->axis;
    if (axis < -rank || axis >= rank)
        return weld_fail(err, WELD_E_FORMAT, "axis %" PRId64 ", allowed %d to %d", axis, -rank,
                         rank - 1);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return WELD_OK;
}

static int axis_of(const weld_node *node, int rank)
{
    int64_t axis = ((const axis_attrs *)node->attrs)->axis;
    return (int)(axis < 0 ? axis + rank : axis);
}

/* ---- Concat --------------------------------------------------------------------- */

static weld_status infer_concat(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_shape shape = *weld_infer_shape(inf, 0);
    char text[128];
    int axis;
    WELD_TRY(read_axis(&axis, node, shape.rank, err));
    for (int k = 1; k < node->input_count; k++) {
        const weld_shape *x = weld_infer_shape(inf, k);
        bool fits = x && x->rank == shape.rank;
        for (int a = 0; fits && a < shape.rank; a++)
            fits = a == axis || x->dims[a] == shape.dims[a];
        WELD_REQUIRE(weld_infer_dtype(inf, k) == weld_infer_dtype(inf, 0), WELD_E_FORMAT,
                     "input %d is of type %s, input 0 of %s", k,
                     weld_dtype_name(weld_infer_dtype(inf, k)),
                     weld_dtype_name(weld_infer_dtype(inf, 0)));
        WELD_REQUIRE(fits, WELD_E_FORMAT, "input %d has shape %s, which does not fit input 0", k,
                     x ? weld_shape_text(x, text) : "none");
        shape.dims[axis] += x->dims[axis];
    }
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &shape, err));
done:
    return st;
}

static weld_status run_concat(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)err;
    weld_tensor *y = args->out[0];
    int axis = axis_of(node, y->shape.rank);
    size_t size = weld_compute_size(y->dtype), at = 0;
    size_t outer = (size_t)weld_shape_span(&y->shape, 0, axis);
    size_t inner = (size_t)weld_shape_span(&y->shape, axis + 1, y->shape.rank) * size;
    size_t row = (size_t)y->shape.dims[axis] * inner;
    for (int k = 0; k < node->input_count; k++) {
        const weld_tensor *x = args->in[k];
        size_t run = (size_t)x->shape.dims[axis] * inner;
        for (size_t o = 0; o < outer && run; o++)
            memcpy((char *)y->data + o * row + at, (const char *)x->data + o * run, run);
        at += run;
    }
    return WELD_OK;
}

static weld_status tie_concat(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index;
    (void)err;
    int y = node->outputs[0], rank = weld_tie_shape(ties, y)->rank, axis = axis_of(node, rank);
    int64_t at = 0;
    for (int k = 0; k < node->input_count; k++) {
        int64_t n = weld_tie_shape(ties, node->inputs[k])->dims[axis];
        for (int a = 0; a < rank; a++)
            if (a != axis)
                weld_tie_axes(ties, node->inputs[k], a, y, a);
        for (int64_t i = 0; i < n; i++)
            weld_tie_unit(ties, node->inputs[k], axis, i, y, axis, at + i);
        at += n;
    }
    return WELD_OK;
}

static const weld_field concat_fields[] = {
    {.name = "axis", .kind = WELD_FIELD_INT, .offset = offsetof(axis_attrs, axis), .fallback = 1},
    {0}};
WELD_DEFINE_OP(Concat) = {.name = "Concat",
                          .domain = "",
                          .opset_min = 4,
                          .opset_max = WELD_OPSET_MAX,
                          .inputs_min = 1,
                          .inputs_max = INT32_MAX,
                          .outputs_min = 1,
                          .outputs_max = 1,
                          .fields = concat_fields,
                          .attrs_size = sizeof(axis_attrs),
                          .infer = infer_concat,
                          .run = run_concat,
                          .tie = tie_concat};

/* ---- Slice ---------------------------------------------------------------------- */

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

static weld_status resolve_slice(slice_spec *out, const weld_shape *x, const slice_bounds *b,
                                 weld_error *err)
{
    for (int a = 0; a < x->rank; a++) {
        out->start[a] = 0;
        out->step[a] = 1;
        out->count[a] = x->dims[a];
    }
    for (int64_t k = 0; k < bound_count(b); k++) {
        int64_t axis = b->in[3]                   ? b->in[3]->i[k]
                       : b->attrs->axes.count > k ? b->attrs->axes.at[k]
                                                  : k;
        int64_t start = b->in[1] ? b->in[1]->i[k] : b->attrs->starts.at[k];
        int64_t end = b->in[2] ? b->in[2]->i[k] : b->attrs->ends.at[k];
        int64_t step = b->in[4] ? b->in[4]->i[k] : 1;
        if (axis < -x->rank || axis >= x->rank || step == 0)
            return weld_fail(err, WELD_E_FORMAT, "slice of axis %" PRId64 " by step %" PRId64, axis,
                             step);
        int a = (int)(axis < 0 ? axis + x->rank : axis);
        int64_t n = x->dims[a], least = step > 0 ? 0 : -1, most = step > 0 ? n : n - 1;
        start = clamp(start < 0 ? start + n : start, step > 0 ? 0 : 0, most < 0 ? 0 : most);
        end = clamp(end < -n ? least : end < 0 ? end + n : end, least, n);
        int64_t length = step > 0 ? end - start : start - end;
        int64_t stride = step > 0 ? step : step == INT64_MIN ? INT64_MAX : -step;
        out->start[a] = start;
        out->step[a] = step;
        out->count[a] = length > 0 && n > 0 ? (length - 1) / stride + 1 : 0;
    }
    return WELD_OK;
}

static weld_status infer_slice(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_shape *x = weld_infer_shape(inf, 0);
    slice_bounds b = {.attrs = node->attrs};
    slice_spec spec;
    weld_shape shape = *x;
    for (int k = 1; k < 5; k++)
        if (weld_node_input(node, k) >= 0)
            WELD_TRY(weld_operand_integers(&b.in[k], inf, k, err));
    WELD_REQUIRE(b.in[1]
                     ? b.in[2] != NULL
                     : b.attrs->starts.count >= 0 && b.attrs->ends.count == b.attrs->starts.count,
                 WELD_E_FORMAT, "starts and ends do not fit");
    for (int k = 2; k < 5; k++)
        WELD_REQUIRE(!b.in[k] || weld_shape_numel(&b.in[k]->shape) == bound_count(&b),
                     WELD_E_FORMAT, "input %d has another length than starts", k);
    WELD_TRY(resolve_slice(&spec, x, &b, err));
    for (int a = 0; a < x->rank; a++)
        shape.dims[a] = spec.count[a];
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &shape, err));
done:
    return st;
}

/* Walks the output in order; `from` is the offset of each element in the input. */
static void copy_strided(weld_tensor *y, const weld_tensor *x, const slice_spec *spec)
{
    int64_t strides[WELD_RANK_MAX], at[WELD_RANK_MAX] = {0}, from = 0;
    size_t size = weld_compute_size(y->dtype);
    int64_t total = weld_shape_numel(&y->shape);
    weld_strides(strides, &x->shape);
    for (int a = 0; a < x->shape.rank; a++)
        from += spec->start[a] * strides[a];
    for (int64_t k = 0; k < total; k++) {
        memcpy((char *)y->data + (size_t)k * size, (const char *)x->data + (size_t)from * size,
               size);
        for (int a = x->shape.rank - 1; a >= 0; a--) {
            from += spec->step[a] * strides[a];
            if (++at[a] < y->shape.dims[a])
                break;
            from -= at[a] * spec->step[a] * strides[a];
            at[a] = 0;
        }
    }
}

static weld_status run_slice(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    slice_bounds b = {.attrs = node->attrs};
    slice_spec spec;
    for (int k = 1; k < node->input_count && k < 5; k++)
        b.in[k] = args->in[k];
    weld_status st = resolve_slice(&spec, &args->in[0]->shape, &b, err);
    if (st == WELD_OK)
        copy_strided(args->out[0], args->in[0], &spec);
    return st;
}

static weld_status tie_slice(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index;
    slice_bounds b = {.attrs = node->attrs};
    slice_spec spec;
    int x = node->inputs[0], y = node->outputs[0];
    const weld_shape *shape = weld_tie_shape(ties, x);
    for (int k = 1; k < node->input_count && k < 5; k++)
        b.in[k] = weld_tie_data(ties, node->inputs[k]);
    weld_status st = resolve_slice(&spec, shape, &b, err);
    for (int a = 0; st == WELD_OK && a < shape->rank; a++)
        for (int64_t k = 0; k < spec.count[a]; k++)
            weld_tie_unit(ties, x, a, spec.start[a] + k * spec.step[a], y, a, k);
    return st;
}

static const weld_field slice_fields[] = {
    {.name = "starts", .kind = WELD_FIELD_INTS, .offset = offsetof(slice_attrs, starts)},
    {.name = "ends", .kind = WELD_FIELD_INTS, .offset = offsetof(slice_attrs, ends)},
    {.name = "axes", .kind = WELD_FIELD_INTS, .offset = offsetof(slice_attrs, axes)},
    {0}};
WELD_DEFINE_OP(Slice) = {.name = "Slice",
                         .domain = "",
                         .opset_min = 1,
                         .opset_max = WELD_OPSET_MAX,
                         .inputs_min = 1,
                         .inputs_max = 5,
                         .outputs_min = 1,
                         .outputs_max = 1,
                         .static_inputs = 30,
                         .fields = slice_fields,
                         .attrs_size = sizeof(slice_attrs),
                         .infer = infer_slice,
                         .run = run_slice,
                         .tie = tie_slice};

/* ---- Gather --------------------------------------------------------------------- */

static weld_status infer_gather(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_shape *x = weld_infer_shape(inf, 0), *i = weld_infer_shape(inf, 1);
    const weld_tensor *known = weld_infer_data(inf, 1);
    weld_shape shape = {0};
    int axis;
    WELD_TRY(read_axis(&axis, node, x->rank, err));
    WELD_REQUIRE(!weld_dtype_is_float(weld_infer_dtype(inf, 1)), WELD_E_FORMAT,
                 "the indices are of type %s", weld_dtype_name(weld_infer_dtype(inf, 1)));
    for (int64_t k = 0; known && k < weld_shape_numel(&known->shape); k++)
        WELD_REQUIRE(known->i[k] >= -x->dims[axis] && known->i[k] < x->dims[axis], WELD_E_FORMAT,
                     "index %" PRId64 ", allowed %" PRId64 " to %" PRId64, known->i[k],
                     -x->dims[axis], x->dims[axis] - 1);
    WELD_REQUIRE(x->rank + i->rank - 1 <= WELD_RANK_MAX, WELD_E_LIMIT, "rank %d, allowed %d",
                 x->rank + i->rank - 1, WELD_RANK_MAX);
    for (int a = 0; a < axis; a++)
        shape.dims[shape.rank++] = x->dims[a];
    for (int a = 0; a < i->rank; a++)
        shape.dims[shape.rank++] = i->dims[a];
    for (int a = axis + 1; a < x->rank; a++)
        shape.dims[shape.rank++] = x->dims[a];
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &shape, err));
done:
    return st;
}

static weld_status run_gather(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    const weld_tensor *x = args->in[0], *index = args->in[1];
    int axis = axis_of(node, x->shape.rank);
    int64_t extent = x->shape.dims[axis], count = weld_shape_numel(&index->shape);
    size_t outer = (size_t)weld_shape_span(&x->shape, 0, axis);
    size_t run = (size_t)weld_shape_span(&x->shape, axis + 1, x->shape.rank) *
                 weld_compute_size(x->dtype);
    char *to = args->out[0]->data;
    for (size_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < count; k++, to += run) {
            int64_t i = index->i[k];
            if (i < -extent || i >= extent)
                return weld_fail(err, WELD_E_FORMAT,
                                 "index %" PRId64 ", allowed %" PRId64 " to %" PRId64, i, -extent,
                                 extent - 1);
            size_t row = o * (size_t)extent + (size_t)(i < 0 ? i + extent : i);
            memcpy(to, (const char *)x->data + row * run, run);
        }
    return WELD_OK;
}

static weld_status tie_gather(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)err;
    int x = node->inputs[0], i = node->inputs[1], y = node->outputs[0];
    const weld_shape *xs = weld_tie_shape(ties, x), *is = weld_tie_shape(ties, i);
    const weld_tensor *known = weld_tie_data(ties, i);
    int axis = axis_of(node, xs->rank);
    for (int a = 0; a < xs->rank; a++)
        if (a != axis)
            weld_tie_axes(ties, x, a, y, a < axis ? a : a + is->rank - 1);
    for (int a = 0; a < is->rank; a++)
        weld_tie_axes(ties, i, a, y, axis + a);
    if (!known || is->rank > 1) {
        weld_tie_pin(ties, index, x, axis, "looked up by index");
        for (int a = 0; known && a < is->rank; a++)
            weld_tie_pin(ties, index, y, axis + a, "looked up by index");
        return WELD_OK;
    }
    for (int64_t k = 0; is->rank == 1 && k < is->dims[0]; k++)
        weld_tie_unit(ties, x, axis, known->i[k] < 0 ? known->i[k] + xs->dims[axis] : known->i[k],
                      y, axis, k);
    if (is->rank == 0) /* one unit is singled out */
        weld_tie_pin(ties, index, x, axis, "looked up by index");
    return WELD_OK;
}

static const weld_field gather_fields[] = {
    {.name = "axis", .kind = WELD_FIELD_INT, .offset = offsetof(axis_attrs, axis)}, {0}};
WELD_DEFINE_OP(Gather) = {.name = "Gather",
                          .domain = "",
                          .opset_min = 1,
                          .opset_max = WELD_OPSET_MAX,
                          .inputs_min = 2,
                          .inputs_max = 2,
                          .outputs_min = 1,
                          .outputs_max = 1,
                          .fields = gather_fields,
                          .attrs_size = sizeof(axis_attrs),
                          .infer = infer_gather,
                          .run = run_gather,
                          .tie = tie_gather};
