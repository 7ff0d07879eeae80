/* ReverseSequence: the first sequence_lens[b] steps of every sequence b in reverse. */
#include "ops/move.h"
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

typedef struct reverse_attrs {
    int64_t batch_axis, time_axis;
} reverse_attrs;

static const weld_field reverse_fields[] = {
    {"batch_axis", WELD_FIELD_INT, offsetof(reverse_attrs, batch_axis), 1.0, NULL, false},
    {"time_axis", WELD_FIELD_INT, offsetof(reverse_attrs, time_axis), 0.0, NULL, false},
    {0}};

static weld_status check_reverse(const weld_node *node, weld_error *err)
{
    const reverse_attrs *attrs = node->attrs;
    if ((attrs->batch_axis == 0 && attrs->time_axis == 1) ||
        (attrs->batch_axis == 1 && attrs->time_axis == 0))
        return WELD_OK;
    return weld_fail(err, WELD_E_FORMAT,
                     "batch_axis is %" PRId64 ", time_axis is %" PRId64 ", must be 0 and 1",
                     attrs->batch_axis, attrs->time_axis);
}

static weld_status infer_reverse(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_shape *x = weld_infer_shape(inf, 0), *lengths = weld_infer_shape(inf, 1);
    const int64_t batch = ((const reverse_attrs *)node->attrs)->batch_axis;
    char text[128];
    WELD_TRY(weld_operand_type(inf, 1, WELD_TYPES_INTEGER, err));
    WELD_REQUIRE(x->rank >= 2, WELD_E_FORMAT, "input has rank %d, must be 2 or more", x->rank);
    WELD_REQUIRE(lengths->rank == 1 && lengths->dims[0] == x->dims[batch], WELD_E_FORMAT,
                 "sequence_lens has shape %s, must be [%" PRId64 "]",
                 weld_shape_text(lengths, text), x->dims[batch]);
    WELD_TRY(weld_infer_same(inf, node, err));
done:
    return st;
}

/* x, y: [first, second, inner], one of the first two is the batch, the other the time. */
static weld_status run_reverse(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    const weld_tensor *x = args->in[0], *lengths = args->in[1];
    const bool batch_first = ((const reverse_attrs *)node->attrs)->batch_axis == 0;
    const int64_t batches = x->shape.dims[batch_first ? 0 : 1];
    const int64_t steps = x->shape.dims[batch_first ? 1 : 0];
    const size_t run = (size_t)weld_shape_span(&x->shape, 2, x->shape.rank) *
                       weld_compute_size(x->dtype);
    for (int64_t b = 0; b < batches; b++) {
        const int64_t length = lengths->i[b];
        if (length < 0 || length > steps)
            return weld_fail(err, WELD_E_FORMAT,
                             "sequence_lens[%" PRId64 "] is %" PRId64 ", allowed 0 to %" PRId64, b,
                             length, steps);
        for (int64_t t = 0; t < steps; t++) {
            const int64_t from = t < length ? length - 1 - t : t;
            const int64_t to_row = batch_first ? b * steps + t : t * batches + b;
            const int64_t from_row = batch_first ? b * steps + from : from * batches + b;
            memcpy((char *)args->out[0]->data + (size_t)to_row * run,
                   (const char *)x->data + (size_t)from_row * run, run);
        }
    }
    return WELD_OK;
}

static weld_status tie_reverse(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)err;
    const reverse_attrs *attrs = node->attrs;
    const int x = node->inputs[0], y = node->outputs[0], time = (int)attrs->time_axis;
    weld_tie_other_axes(ties, x, y, time);
    weld_tie_axes(ties, node->inputs[1], 0, y, (int)attrs->batch_axis);
    weld_tie_pin(ties, index, x, time, "steps in reverse");
    weld_tie_pin(ties, index, y, time, "steps in reverse");
    return WELD_OK;
}

WELD_MOVE_OP(ReverseSequence, 10, 2, 2, .fields = reverse_fields,
             .attrs_size = sizeof(reverse_attrs), .check = check_reverse, .infer = infer_reverse,
             .run = run_reverse, .tie = tie_reverse);
