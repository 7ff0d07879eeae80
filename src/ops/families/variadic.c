/* Any number of inputs under numpy broadcasting: Sum, Max, Min, Mean. */
#include "ops/broadcast.h"
#include <limits.h>
#include <string.h>

/* NaN in either input is the result. */
WELD_SPAN_OF(max_float, weld_real, weld_real, weld_real, x > y || x != x ? x : y)
WELD_SPAN_OF(min_float, weld_real, weld_real, weld_real, x < y || x != x ? x : y)
WELD_SPAN_OF(sum_float, weld_real, weld_real, weld_real, x + y)
WELD_SPAN_OF(max_int, int64_t, int64_t, int64_t, x > y ? x : y)
WELD_SPAN_OF(min_int, int64_t, int64_t, int64_t, x < y ? x : y)
WELD_SPAN_OF(max_uint64, uint64_t, uint64_t, uint64_t, x > y ? x : y)
WELD_SPAN_OF(min_uint64, uint64_t, uint64_t, uint64_t, x < y ? x : y)

static const weld_span_set max_spans = {max_float, max_int, max_uint64};
static const weld_span_set min_spans = {min_float, min_int, min_uint64};
static const weld_span_set sum_spans = {sum_float, NULL, NULL};

/* out = in[0] op in[1] op ...; the output of one step is the first input of the next. */
static void fold(const weld_span_set *spans, const weld_kernel_args *args, int inputs)
{
    weld_tensor *out = args->out[0];
    const weld_span_fn fn = weld_span_for(spans, out->dtype);
    if (inputs == 1)
        memcpy(out->data, args->in[0]->data,
               (size_t)weld_shape_numel(&out->shape) * weld_compute_size(out->dtype));
    for (int i = 1; i < inputs; i++) {
        const weld_tensor *const pair[] = {i == 1 ? args->in[0] : out, args->in[i]};
        weld_broadcast_run(fn, pair, 2, out);
    }
}

static void divide(weld_tensor *out, int by)
{
    const int64_t count = by > 1 ? weld_shape_numel(&out->shape) : 0;
    for (int64_t k = 0; k < count; k++)
        weld_reals(out)[k] /= (weld_real)by;
}

/* The floating-point result is divided by `divisor`. */
#define VARIADIC_OP(op, types, op_flags, spans, divisor)                                           \
    static weld_status infer_##op(weld_infer *inf, const weld_node *node, weld_error *err)         \
    {                                                                                              \
        return weld_binary_infer(inf, node, (types), WELD_UNDEFINED, err);                         \
    }                                                                                              \
    static weld_status run_##op(const weld_kernel_args *args, const weld_node *node,               \
                                weld_error *err)                                                   \
    {                                                                                              \
        (void)err;                                                                                 \
        fold(&(spans), args, node->input_count);                                                   \
        divide(args->out[0], (divisor));                                                           \
        return WELD_OK;                                                                            \
    }                                                                                              \
    WELD_DEFINE_OP(op) = {.name = #op,                                                             \
                          .domain = "",                                                            \
                          .opset_min = 1,                                                          \
                          .opset_max = WELD_OPSET_MAX,                                             \
                          .inputs_min = 1,                                                         \
                          .inputs_max = INT_MAX,                                                   \
                          .outputs_min = 1,                                                        \
                          .outputs_max = 1,                                                        \
                          .flags = (op_flags),                                                     \
                          .fields = weld_in_place_fields,                                          \
                          .infer = infer_##op,                                                     \
                          .run = run_##op,                                                         \
                          .tie = weld_broadcast_tie}

VARIADIC_OP(Sum, WELD_TYPES_FLOAT, WELD_OP_SUM | WELD_OP_COMMUTES, sum_spans, 1);
VARIADIC_OP(Max, WELD_TYPES_NUMBER, WELD_OP_COMMUTES, max_spans, 1);
VARIADIC_OP(Min, WELD_TYPES_NUMBER, WELD_OP_COMMUTES, min_spans, 1);
VARIADIC_OP(Mean, WELD_TYPES_FLOAT, WELD_OP_COMMUTES, sum_spans, node->input_count);
