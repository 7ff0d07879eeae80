/* Concat. */
#include "ops/move.h"
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

typedef struct concat_attrs {
    int64_t axis; /* INT64_MIN = absent (exact as a double) */
} concat_attrs;

static weld_status concat_axis(int *out, const weld_node *node, int rank, weld_error *err)
{
    const int64_t axis = ((const concat_attrs *)node->attrs)->axis;
    return weld_operand_axis(out, axis == INT64_MIN ? 1 : axis, rank, err);
}

static weld_status check_concat(const weld_node *node, weld_error *err)
{
    if (((const concat_attrs *)node->attrs)->axis == INT64_MIN && node->opset >= 4)
        return weld_fail(err, WELD_E_FORMAT, "lacks the attribute 'axis', optional before opset 4");
    return WELD_OK;
}

static weld_status infer_concat(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_shape shape = *weld_infer_shape(inf, 0);
    char text[128];
    int axis;
    WELD_TRY(concat_axis(&axis, node, shape.rank, err));
    for (int k = 1; k < node->input_count; k++) {
        const weld_shape *x = weld_infer_shape(inf, k);
        WELD_REQUIRE(x, WELD_E_FORMAT, "input %d is missing", k);
        WELD_TRY(weld_operand_agree(inf, 0, k, err));
        bool fits = x->rank == shape.rank;
        for (int a = 0; fits && a < shape.rank; a++)
            fits = a == axis || x->dims[a] == shape.dims[a];
        WELD_REQUIRE(fits, WELD_E_FORMAT, "input %d has shape %s, which does not fit input 0", k,
                     weld_shape_text(x, text));
        shape.dims[axis] += x->dims[axis];
    }
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &shape, err));
done:
    return st;
}

/* x_k: [outer, n_k, inner], y: [outer, sum of n_k, inner] */
static weld_status run_concat(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    const weld_tensor *y = args->out[0];
    int axis;
    const weld_status st = concat_axis(&axis, node, y->shape.rank, err);
    if (st != WELD_OK)
        return st;
    const weld_lines lines = weld_lines_of(&y->shape, axis, axis + 1);
    const size_t inner = (size_t)lines.step * weld_compute_size(y->dtype);
    const size_t row = (size_t)lines.count * inner;
    size_t at = 0;
    for (int k = 0; k < node->input_count; k++) {
        const weld_tensor *x = args->in[k];
        const size_t run = (size_t)x->shape.dims[axis] * inner;
        for (size_t o = 0; o < (size_t)lines.outer && run; o++)
            memcpy((char *)y->data + o * row + at, (const char *)x->data + o * run, run);
        at += run;
    }
    return WELD_OK;
}

/* Entries of known inputs stand nowhere else, so one that is the same all along the axis could be taken
 * for another one: only those of the first move. */
static weld_status tie_concat(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    const int y = node->outputs[0];
    int64_t at = 0;
    int axis, known = 0;
    const weld_status st = concat_axis(&axis, node, weld_tie_shape(ties, y)->rank, err);
    for (int k = 0; st == WELD_OK && k < node->input_count; k++) {
        const int64_t n = weld_tie_shape(ties, node->inputs[k])->dims[axis];
        weld_tie_other_axes(ties, node->inputs[k], y, axis);
        for (int64_t i = 0; i < n; i++)
            weld_tie_unit(ties, node->inputs[k], axis, i, y, axis, at + i);
        known += weld_tie_data(ties, node->inputs[k]) != NULL;
        for (int64_t i = 0; known > 1 && weld_tie_data(ties, node->inputs[k]) && i < n; i++)
            weld_tie_pin_unit(ties, index, y, axis, at + i, "constant");
        at += n;
    }
    return st;
}

static const weld_field concat_fields[] = {
    {"axis", WELD_FIELD_INT, offsetof(concat_attrs, axis), (double)INT64_MIN, NULL, false}, {0}};

WELD_MOVE_OP(Concat, 1, 1, INT32_MAX, .fields = concat_fields, .attrs_size = sizeof(concat_attrs),
             .check = check_concat, .infer = infer_concat, .run = run_concat, .tie = tie_concat);
