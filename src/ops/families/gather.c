/* Entries picked along an axis: Gather by indices, Compress by a mask. */
#include "ops/move.h"
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

typedef struct axis_attrs {
    int64_t axis; /* Compress: INT64_MIN = absent (exact as a double) */
} axis_attrs;

static int64_t axis_of(const weld_node *node)
{
    return ((const axis_attrs *)node->attrs)->axis;
}

/* ---- Gather: x [outer, n, inner], indices [...] -> y [outer, ..., inner] ----------- */

static weld_status infer_gather(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_shape *x = weld_infer_shape(inf, 0), *i = weld_infer_shape(inf, 1);
    const weld_tensor *known = weld_infer_data(inf, 1);
    weld_shape shape = {0};
    int axis;
    WELD_TRY(weld_operand_axis(&axis, axis_of(node), x->rank, err));
    WELD_TRY(weld_operand_type(inf, 1, WELD_TYPES_INTEGER, err));
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
    int axis;
    const weld_status st = weld_operand_axis(&axis, axis_of(node), x->shape.rank, err);
    if (st != WELD_OK || weld_shape_numel(&args->out[0]->shape) == 0)
        return st;
    const weld_lines lines = weld_lines_of(&x->shape, axis, axis + 1);
    const int64_t count = weld_shape_numel(&index->shape);
    const size_t run = (size_t)lines.step * weld_compute_size(x->dtype);
    char *to = args->out[0]->data;
    for (int64_t o = 0; o < lines.outer; o++)
        for (int64_t k = 0; k < count; k++, to += run) {
            const int64_t i = index->i[k];
            if (i < -lines.count || i >= lines.count)
                return weld_fail(err, WELD_E_FORMAT,
                                 "index %" PRId64 ", allowed %" PRId64 " to %" PRId64, i,
                                 -lines.count, lines.count - 1);
            const int64_t row = o * lines.count + (i < 0 ? i + lines.count : i);
            memcpy(to, (const char *)x->data + (size_t)row * run, run);
        }
    return WELD_OK;
}

static weld_status tie_gather(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    const int x = node->inputs[0], i = node->inputs[1], y = node->outputs[0];
    const weld_shape *xs = weld_tie_shape(ties, x), *is = weld_tie_shape(ties, i);
    const weld_tensor *known = weld_tie_data(ties, i);
    int axis;
    const weld_status st = weld_operand_axis(&axis, axis_of(node), xs->rank, err);
    if (st != WELD_OK)
        return st;
    for (int a = 0; a < xs->rank; a++)
        if (a != axis)
            weld_tie_axes(ties, x, a, y, a < axis ? a : a + is->rank - 1);
    for (int a = 0; !known && a < is->rank; a++)
        weld_tie_axes(ties, i, a, y, axis + a);
    const bool looked_up = !known || is->rank > 1;
    if (looked_up && weld_tie_is_weight(ties, x)) /* a table: its rows stand for words or places */
        weld_tie_position(ties, x, axis);
    else if (looked_up)
        weld_tie_pin(ties, index, x, axis, "looked up by index");
    if (looked_up) {
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
    {"axis", WELD_FIELD_INT, offsetof(axis_attrs, axis), 0.0, NULL, false}, {0}};

WELD_MOVE_OP(Gather, 1, 2, 2, .fields = gather_fields, .attrs_size = sizeof(axis_attrs),
             .infer = infer_gather, .run = run_gather, .tie = tie_gather);

/* ---- Compress: along an axis, or of all elements as one vector ----------------------- */

/* x as [outer, n, inner]; without an axis n is the number of all elements. */
static weld_status compress_lines(weld_lines *out, int *axis, const weld_node *node,
                                  const weld_shape *x, weld_error *err)
{
    *axis = -1;
    if (axis_of(node) == INT64_MIN) {
        *out = weld_lines_of(x, 0, x->rank);
        return WELD_OK;
    }
    const weld_status st = weld_operand_axis(axis, axis_of(node), x->rank, err);
    if (st == WELD_OK)
        *out = weld_lines_of(x, *axis, *axis + 1);
    return st;
}

static weld_status infer_compress(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_shape shape = *weld_infer_shape(inf, 0);
    const weld_tensor *mask;
    weld_lines lines;
    int64_t picked = 0;
    int axis;
    WELD_TRY(weld_operand_type(inf, 1, WELD_TYPES_BOOL, err));
    WELD_TRY(weld_operand_integers(&mask, inf, 1, err));
    WELD_TRY(compress_lines(&lines, &axis, node, &shape, err));
    const int64_t count = weld_shape_numel(&mask->shape);
    WELD_REQUIRE(count <= lines.count, WELD_E_FORMAT,
                 "the condition has %" PRId64 " entries, allowed up to %" PRId64, count,
                 lines.count);
    for (int64_t k = 0; k < count; k++)
        picked += mask->i[k] != 0;
    if (axis < 0)
        shape = weld_shape_make(1, &picked);
    else
        shape.dims[axis] = picked;
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &shape, err));
done:
    return st;
}

static weld_status run_compress(const weld_kernel_args *args, const weld_node *node,
                                weld_error *err)
{
    const weld_tensor *x = args->in[0], *mask = args->in[1];
    weld_lines lines;
    int axis;
    const weld_status st = compress_lines(&lines, &axis, node, &x->shape, err);
    if (st != WELD_OK || weld_shape_numel(&args->out[0]->shape) == 0)
        return st;
    const int64_t count = weld_shape_numel(&mask->shape);
    const size_t run = (size_t)lines.step * weld_compute_size(x->dtype);
    char *to = args->out[0]->data;
    for (int64_t o = 0; o < lines.outer; o++)
        for (int64_t k = 0; k < count; k++) {
            if (!mask->i[k])
                continue;
            memcpy(to, (const char *)x->data + (size_t)(o * lines.count + k) * run, run);
            to += run;
        }
    return WELD_OK;
}

static weld_status tie_compress(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    const int x = node->inputs[0], y = node->outputs[0];
    const weld_shape *xs = weld_tie_shape(ties, x);
    const weld_tensor *mask = weld_tie_data(ties, node->inputs[1]);
    weld_lines lines;
    int axis;
    const weld_status st = compress_lines(&lines, &axis, node, xs, err);
    if (st != WELD_OK)
        return st;
    if (!mask || (axis < 0 && xs->rank != 1)) {
        for (int a = 0; a < xs->rank; a++)
            weld_tie_pin(ties, index, x, a, "picked by a condition");
        weld_tie_pin(ties, index, y, axis < 0 ? 0 : axis, "picked by a condition");
        return WELD_OK;
    }
    axis = axis < 0 ? 0 : axis;
    weld_tie_other_axes(ties, x, y, axis);
    for (int64_t k = 0, to = 0; k < weld_shape_numel(&mask->shape); k++)
        if (mask->i[k])
            weld_tie_unit(ties, x, axis, k, y, axis, to++);
    return WELD_OK;
}

static const weld_field compress_fields[] = {
    {"axis", WELD_FIELD_INT, offsetof(axis_attrs, axis), (double)INT64_MIN, NULL, false}, {0}};

WELD_MOVE_OP(Compress, 9, 2, 2, .static_inputs = 2, .fields = compress_fields,
             .attrs_size = sizeof(axis_attrs), .infer = infer_compress, .run = run_compress,
             .tie = tie_compress);
