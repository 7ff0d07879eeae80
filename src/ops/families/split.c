/* Split: sizes are an attribute before opset 13, input 1 from then on; opset 18 also has a number
 * of parts, the last of which may be smaller. */
#include "ops/move.h"
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

typedef struct split_attrs {
    int64_t axis, num_outputs; /* num_outputs: 0 = absent */
    weld_ints split;
} split_attrs;

static weld_status check_split(const weld_node *node, weld_error *err)
{
    const split_attrs *attrs = node->attrs;
    if (attrs->num_outputs != 0 && node->opset < 18)
        return weld_fail(err, WELD_E_FORMAT, "num_outputs is defined from opset 18 on, opset is %d",
                         node->opset);
    if (attrs->num_outputs != 0 && attrs->num_outputs != node->output_count)
        return weld_fail(err, WELD_E_FORMAT, "num_outputs is %" PRId64 ", the node has %d outputs",
                         attrs->num_outputs, node->output_count);
    return WELD_OK;
}

/* Parts of equal size; the size of all but the last. */
static weld_status equal_part(int64_t *part, const weld_node *node, int64_t extent, weld_error *err)
{
    const bool numbered = ((const split_attrs *)node->attrs)->num_outputs != 0;
    const int64_t parts = node->output_count;
    if (node->opset >= 18 && !numbered)
        return weld_fail(err, WELD_E_FORMAT, "needs input 1 or the attribute 'num_outputs'");
    *part = extent / parts + (extent % parts != 0);
    if (!numbered && extent % parts != 0)
        return weld_fail(err, WELD_E_FORMAT,
                         "size %" PRId64 " can't be split into %" PRId64 " equal parts", extent,
                         parts);
    if (*part * (parts - 1) > extent)
        return weld_fail(err, WELD_E_FORMAT,
                         "size %" PRId64 " can't be split into %" PRId64 " parts of %" PRId64,
                         extent, parts, *part);
    return WELD_OK;
}

static weld_status infer_split(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const split_attrs *attrs = node->attrs;
    const weld_shape *x = weld_infer_shape(inf, 0);
    const weld_tensor *input = NULL;
    int64_t part = 0, rest;
    int axis;
    WELD_TRY(weld_check_moved(node, "split", attrs->split.count >= 0, 1, 13, err));
    WELD_TRY(weld_operand_axis(&axis, attrs->axis, x->rank, err));
    if (weld_node_input(node, 1) >= 0) {
        WELD_REQUIRE(attrs->num_outputs == 0, WELD_E_FORMAT, "has input 1 and num_outputs");
        WELD_TRY(weld_operand_integers(&input, inf, 1, err));
    }
    const int64_t count = input ? weld_shape_numel(&input->shape) : attrs->split.count;
    const int64_t *sizes = input ? input->i : attrs->split.at;
    WELD_REQUIRE(count < 0 || count == node->output_count, WELD_E_FORMAT,
                 "%" PRId64 " sizes for %d outputs", count, node->output_count);
    rest = x->dims[axis];
    if (count < 0)
        WELD_TRY(equal_part(&part, node, rest, err));
    for (int k = 0; k < node->output_count; k++) {
        weld_shape shape = *x;
        shape.dims[axis] = count >= 0 ? sizes[k] : rest < part ? rest : part;
        WELD_REQUIRE(shape.dims[axis] >= 0 && shape.dims[axis] <= rest, WELD_E_FORMAT,
                     "part %d has size %" PRId64 ", allowed 0 to %" PRId64, k, shape.dims[axis],
                     rest);
        rest -= shape.dims[axis];
        WELD_TRY(weld_infer_set(inf, k, weld_infer_dtype(inf, 0), &shape, err));
    }
    WELD_REQUIRE(rest == 0, WELD_E_FORMAT, "the parts leave %" PRId64 " of %" PRId64, rest,
                 x->dims[axis]);
done:
    return st;
}

/* Where part k lies on the axis; parts that are left out have no shape of their own. */
static int64_t part_size(const weld_node *node, int k, int64_t extent, const weld_tensor *input)
{
    const weld_ints *split = &((const split_attrs *)node->attrs)->split;
    if (input)
        return input->i[k];
    if (split->count >= 0)
        return split->at[k];
    const int64_t parts = node->output_count;
    const int64_t part = extent / parts + (extent % parts != 0);
    return k + 1 < parts ? part : extent - part * (parts - 1);
}

/* x: [outer, n, inner], y_k: [outer, n_k, inner] */
static weld_status run_split(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    const weld_tensor *x = args->in[0];
    const weld_tensor *input = weld_node_input(node, 1) >= 0 ? args->in[1] : NULL;
    int axis;
    const weld_status st =
        weld_operand_axis(&axis, ((const split_attrs *)node->attrs)->axis, x->shape.rank, err);
    if (st != WELD_OK)
        return st;
    const weld_lines lines = weld_lines_of(&x->shape, axis, axis + 1);
    const size_t inner = (size_t)lines.step * weld_compute_size(x->dtype);
    const size_t row = (size_t)lines.count * inner;
    size_t at = 0;
    for (int k = 0; k < node->output_count; k++) {
        const size_t run = (size_t)part_size(node, k, lines.count, input) * inner;
        char *to = args->out[k] ? args->out[k]->data : NULL;
        for (size_t o = 0; to && o < (size_t)lines.outer && run; o++)
            memcpy(to + o * run, (const char *)x->data + o * row + at, run);
        at += run;
    }
    return WELD_OK;
}

static weld_status tie_split(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index;
    const int x = node->inputs[0];
    const weld_shape *shape = weld_tie_shape(ties, x);
    const weld_tensor *input = weld_tie_data(ties, weld_node_input(node, 1));
    int64_t at = 0;
    int axis;
    const weld_status st =
        weld_operand_axis(&axis, ((const split_attrs *)node->attrs)->axis, shape->rank, err);
    for (int k = 0; st == WELD_OK && k < node->output_count; k++) {
        const int64_t n = part_size(node, k, shape->dims[axis], input);
        const int y = node->outputs[k];
        if (y >= 0)
            weld_tie_other_axes(ties, x, y, axis);
        for (int64_t i = 0; y >= 0 && i < n; i++)
            weld_tie_unit(ties, x, axis, at + i, y, axis, i);
        at += n;
    }
    return st;
}

static const weld_field split_fields[] = {
    {"axis", WELD_FIELD_INT, offsetof(split_attrs, axis), 0.0, NULL, false},
    {"num_outputs", WELD_FIELD_INT, offsetof(split_attrs, num_outputs), 0.0, NULL, false},
    {"split", WELD_FIELD_INTS, offsetof(split_attrs, split), 0.0, NULL, false},
    {0}};

WELD_DEFINE_OP(Split) = {.name = "Split",
                         .domain = "",
                         .opset_min = 1,
                         .opset_max = WELD_OPSET_MAX,
                         .inputs_min = 1,
                         .inputs_max = 2,
                         .outputs_min = 1,
                         .outputs_max = INT32_MAX,
                         .static_inputs = 2,
                         .fields = split_fields,
                         .attrs_size = sizeof(split_attrs),
                         .check = check_split,
                         .infer = infer_split,
                         .run = run_split,
                         .tie = tie_split};
