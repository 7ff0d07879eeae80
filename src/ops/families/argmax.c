/* Where the extreme entry of a line is: ArgMax, ArgMin, Hardmax. */
#include "ops/operand.h"
#include <inttypes.h>
#include <stddef.h>

typedef struct arg_rule {
    bool largest, last; /* among equal entries, the last one wins */
} arg_rule;

/* Index in the line that starts at `at`; NaN counts as larger than all numbers. */
static int64_t extreme(const weld_tensor *x, int64_t at, const weld_lines *lines, arg_rule rule)
{
    int64_t best = 0;
    for (int64_t k = 1; k < lines->count; k++) {
        const int64_t a = at + best * lines->step, b = at + k * lines->step;
        const bool above = rule.largest ? weld_entry_less(x, a, b) : weld_entry_less(x, b, a);
        const bool below = rule.largest ? weld_entry_less(x, b, a) : weld_entry_less(x, a, b);
        if (above || (rule.last && !below))
            best = k;
    }
    return best;
}

/* ---- ArgMax, ArgMin -------------------------------------------------------------- */

typedef struct arg_attrs {
    int64_t axis, keepdims, select_last_index;
} arg_attrs;

static const weld_field arg_fields[] = {
    {"axis", WELD_FIELD_INT, offsetof(arg_attrs, axis), 0.0, NULL, false},
    {"keepdims", WELD_FIELD_INT, offsetof(arg_attrs, keepdims), 1.0, NULL, false},
    {"select_last_index", WELD_FIELD_INT, offsetof(arg_attrs, select_last_index), 0.0, NULL, false},
    {0}};

static weld_status arg_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const arg_attrs *attrs = node->attrs;
    weld_shape y = {0};
    int axis;
    WELD_TRY(weld_operand_type(inf, 0, WELD_TYPES_NUMBER, err));
    const weld_shape *x = weld_infer_shape(inf, 0);
    WELD_TRY(weld_operand_axis(&axis, attrs->axis, x->rank, err));
    WELD_REQUIRE(x->dims[axis] > 0, WELD_E_FORMAT, "axis %d has size 0, must have an entry", axis);
    for (int k = 0; k < x->rank; k++)
        if (k != axis || attrs->keepdims)
            y.dims[y.rank++] = k == axis ? 1 : x->dims[k];
    WELD_TRY(weld_infer_set(inf, 0, WELD_INT64, &y, err));
done:
    return st;
}

static weld_status arg_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    const weld_tensor *x = args->in[0];
    const arg_attrs *attrs = node->attrs;
    int axis;
    const weld_status st = weld_operand_axis(&axis, attrs->axis, x->shape.rank, err);
    if (st != WELD_OK)
        return st;
    const arg_rule rule = {node->op == &weld_op_ArgMax, attrs->select_last_index != 0};
    const weld_lines lines = weld_lines_of(&x->shape, axis, axis + 1);
    int64_t *y = args->out[0]->i; /* [outer, step] */
    for (int64_t o = 0; o < lines.outer; o++)
        for (int64_t i = 0; i < lines.step; i++)
            *y++ = extreme(x, weld_line_start(&lines, o, i), &lines, rule);
    return WELD_OK;
}

static weld_status arg_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    const arg_attrs *attrs = node->attrs;
    const int x = node->inputs[0], y = node->outputs[0];
    const int rank = weld_tie_shape(ties, x)->rank;
    int axis;
    const weld_status st = weld_operand_axis(&axis, attrs->axis, rank, err);
    if (st != WELD_OK)
        return st;
    for (int k = 0, to = 0; k < rank; k++) {
        if (k != axis)
            weld_tie_axes(ties, x, k, y, to);
        to += k != axis || attrs->keepdims;
    }
    weld_tie_pin(ties, index, x, axis, "its positions are the result");
    return WELD_OK;
}

#define ARG_OP(op)                                                                                 \
    WELD_DEFINE_OP(op) = {.name = #op,                                                             \
                          .domain = "",                                                            \
                          .opset_min = 1,                                                          \
                          .opset_max = WELD_OPSET_MAX,                                             \
                          .inputs_min = 1,                                                         \
                          .inputs_max = 1,                                                         \
                          .outputs_min = 1,                                                        \
                          .outputs_max = 1,                                                        \
                          .fields = arg_fields,                                                    \
                          .attrs_size = sizeof(arg_attrs),                                         \
                          .infer = arg_infer,                                                      \
                          .run = arg_run,                                                          \
                          .tie = arg_tie}

ARG_OP(ArgMax);
ARG_OP(ArgMin);

/* ---- Hardmax: 1 at the first maximum, 0 elsewhere ----------------------------------- */

typedef struct hardmax_attrs {
    int64_t axis;
} hardmax_attrs;

/* The default depends on the opset; INT64_MIN = absent (exact as a double). */
static const weld_field hardmax_fields[] = {
    {"axis", WELD_FIELD_INT, offsetof(hardmax_attrs, axis), (double)INT64_MIN, NULL, false}, {0}};

/* Lines run over [*from, *to): one axis from opset 13 on, all trailing axes before. */
static weld_status hardmax_axes(int *from, int *to, const weld_node *node, int rank,
                                weld_error *err)
{
    int64_t axis = ((const hardmax_attrs *)node->attrs)->axis;
    if (axis == INT64_MIN)
        axis = node->opset < 13 ? 1 : -1;
    const weld_status st = weld_operand_axis(from, axis, rank, err);
    if (st == WELD_OK)
        *to = node->opset < 13 ? rank : *from + 1;
    return st;
}

static weld_status hardmax_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    int from, to;
    WELD_TRY(weld_unary_infer(inf, WELD_TYPES_FLOAT, WELD_UNDEFINED, err));
    WELD_TRY(hardmax_axes(&from, &to, node, weld_infer_shape(inf, 0)->rank, err));
done:
    return st;
}

static weld_status hardmax_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    const weld_tensor *x = args->in[0];
    int from, to;
    const weld_status st = hardmax_axes(&from, &to, node, x->shape.rank, err);
    if (st != WELD_OK || weld_shape_numel(&x->shape) == 0)
        return st;
    const weld_lines lines = weld_lines_of(&x->shape, from, to);
    for (int64_t o = 0; o < lines.outer; o++)
        for (int64_t i = 0; i < lines.step; i++) {
            const int64_t at = weld_line_start(&lines, o, i);
            const int64_t top = extreme(x, at, &lines, (arg_rule){true, false});
            for (int64_t k = 0; k < lines.count; k++)
                weld_reals(args->out[0])[at + k * lines.step] = k == top ? 1.0f : 0.0f;
        }
    return WELD_OK;
}

static weld_status hardmax_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    const int x = node->inputs[0], y = node->outputs[0];
    const int rank = weld_tie_shape(ties, x)->rank;
    int from, to;
    const weld_status st = hardmax_axes(&from, &to, node, rank, err);
    for (int k = 0; st == WELD_OK && k < rank; k++) {
        weld_tie_axes(ties, x, k, y, k);
        if (k >= from && k < to)
            weld_tie_pin(ties, index, x, k, "the first of equal entries wins");
    }
    return st;
}

WELD_DEFINE_OP(Hardmax) = {.name = "Hardmax",
                           .domain = "",
                           .opset_min = 1,
                           .opset_max = WELD_OPSET_MAX,
                           .inputs_min = 1,
                           .inputs_max = 1,
                           .outputs_min = 1,
                           .outputs_max = 1,
                           .fields = hardmax_fields,
                           .attrs_size = sizeof(hardmax_attrs),
                           .infer = hardmax_infer,
                           .run = hardmax_run,
                           .tie = hardmax_tie};
