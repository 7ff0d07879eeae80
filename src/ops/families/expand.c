/* Operators that repeat elements: Expand, Tile. An axis of size 1 that is repeated ties nothing, as
 * under broadcasting. */
#include "core/size.h"
#include "ops/move.h"
#include <inttypes.h>
#include <string.h>

/* ---- Expand: input and target broadcast to each other ------------------------------- */

static weld_status infer_expand(weld_infer *inf, const weld_node *node, weld_error *err)
{
    (void)node;
    weld_status st = WELD_OK;
    const weld_tensor *target;
    weld_shape shape;
    WELD_TRY(weld_operand_integers(&target, inf, 1, err));
    const int64_t count = weld_shape_numel(&target->shape);
    WELD_REQUIRE(target->shape.rank == 1 && count <= WELD_RANK_MAX, WELD_E_FORMAT,
                 "the target shape has %" PRId64 " dims, allowed a vector of up to %d", count,
                 WELD_RANK_MAX);
    const weld_shape wanted = weld_shape_make((int)count, target->i);
    WELD_TRY(weld_shape_broadcast(&shape, weld_infer_shape(inf, 0), &wanted, err));
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &shape, err));
done:
    return st;
}

static weld_status run_expand(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)node, (void)err;
    const weld_tensor *x = args->in[0];
    const int shift = args->out[0]->shape.rank - x->shape.rank;
    int64_t strides[WELD_RANK_MAX], step[WELD_RANK_MAX] = {0};
    weld_strides(strides, &x->shape);
    for (int a = 0; a < x->shape.rank; a++)
        step[a + shift] = x->shape.dims[a] == 1 ? 0 : strides[a];
    weld_copy_strided(args->out[0], x, 0, step);
    return WELD_OK;
}

static weld_status tie_expand(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index, (void)err;
    const int x = node->inputs[0], y = node->outputs[0], rank = weld_tie_shape(ties, x)->rank;
    const int shift = weld_tie_shape(ties, y)->rank - rank;
    for (int a = 0; a < rank + shift; a++)
        if (a >= shift && weld_tie_shape(ties, x)->dims[a - shift] != 1)
            weld_tie_axes(ties, x, a - shift, y, a);
        else if (weld_tie_shape(ties, y)->dims[a] != 1)
            weld_tie_copies(ties, y, a);
        else if (a >= shift)
            weld_tie_axes(ties, x, a - shift, y, a);
    return WELD_OK;
}

WELD_MOVE_OP(Expand, 8, 2, 2, .static_inputs = 2, .fields = weld_no_fields, .infer = infer_expand,
             .run = run_expand, .tie = tie_expand);

/* ---- Tile: one axis before opset 6, all axes from then on ---------------------------- */

/* Opset 1: inputs 1 and 2 are a number of tiles and an axis. */
static weld_status tile_one(weld_shape *shape, const weld_infer *inf, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor *tiles, *given;
    int axis;
    WELD_TRY(weld_infer_need(&tiles, inf, 1, err));
    WELD_TRY(weld_infer_need(&given, inf, 2, err));
    WELD_REQUIRE(weld_shape_numel(&tiles->shape) == 1 && weld_shape_numel(&given->shape) == 1,
                 WELD_E_FORMAT, "tiles and axis must be one number each");
    const int64_t count = weld_int_from_double(weld_tensor_number(tiles, 0));
    WELD_TRY(weld_operand_axis(&axis, weld_int_from_double(weld_tensor_number(given, 0)),
                               shape->rank, err));
    WELD_REQUIRE(weld_mul_i64(shape->dims[axis], count, &shape->dims[axis]), WELD_E_LIMIT,
                 "axis %d is repeated %" PRId64 " times", axis, count);
done:
    return st;
}

static weld_status infer_tile(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor *repeats;
    weld_shape shape = *weld_infer_shape(inf, 0);
    WELD_REQUIRE(node->input_count == (node->opset < 6 ? 3 : 2), WELD_E_FORMAT,
                 "has %d inputs, opset %d has %d", node->input_count, node->opset,
                 node->opset < 6 ? 3 : 2);
    if (node->opset < 6) {
        WELD_TRY(tile_one(&shape, inf, err));
    } else {
        WELD_TRY(weld_operand_integers(&repeats, inf, 1, err));
        WELD_REQUIRE(weld_shape_numel(&repeats->shape) == shape.rank, WELD_E_FORMAT,
                     "%" PRId64 " repeats for rank %d", weld_shape_numel(&repeats->shape),
                     shape.rank);
        for (int a = 0; a < shape.rank; a++)
            WELD_REQUIRE(weld_mul_i64(shape.dims[a], repeats->i[a], &shape.dims[a]), WELD_E_LIMIT,
                         "axis %d is repeated %" PRId64 " times", a, repeats->i[a]);
    }
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &shape, err));
done:
    return st;
}

/* Every line along the last axis of y is a line of x, some times over. */
static weld_status run_tile(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)node, (void)err;
    const weld_tensor *x = args->in[0];
    const weld_shape *xs = &x->shape, *ys = &args->out[0]->shape;
    const int last = xs->rank - 1;
    const int64_t count = last >= 0 ? xs->dims[last] : 1, total = weld_shape_numel(ys);
    const size_t run = (size_t)count * weld_compute_size(x->dtype);
    const int64_t repeats = last >= 0 && count > 0 ? ys->dims[last] / count : 1;
    int64_t at[WELD_RANK_MAX] = {0};
    char *to = args->out[0]->data;
    for (int64_t k = 0; k < total; k += count * repeats) {
        int64_t row = 0;
        for (int a = 0; a < last; a++)
            row = row * xs->dims[a] + at[a] % xs->dims[a];
        for (int64_t r = 0; r < repeats; r++, to += run)
            memcpy(to, (const char *)x->data + (size_t)row * run, run);
        weld_next_index(at, ys->dims, last);
    }
    return WELD_OK;
}

static weld_status tie_tile(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index, (void)err;
    const int x = node->inputs[0], y = node->outputs[0];
    const weld_shape *xs = weld_tie_shape(ties, x), *ys = weld_tie_shape(ties, y);
    for (int a = 0; a < xs->rank; a++) {
        if (xs->dims[a] == 1 && ys->dims[a] != 1)
            weld_tie_copies(ties, y, a);
        for (int64_t k = 0; (xs->dims[a] > 1 || ys->dims[a] == 1) && k < ys->dims[a]; k++)
            weld_tie_unit(ties, x, a, k % xs->dims[a], y, a, k);
    }
    return WELD_OK;
}

WELD_MOVE_OP(Tile, 1, 2, 3, .static_inputs = 6, .fields = weld_no_fields, .infer = infer_tile,
             .run = run_tile, .tie = tie_tile);
