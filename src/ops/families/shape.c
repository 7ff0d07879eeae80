/* What is known of a value from its shape: Shape, Size. */
#include "ops/move.h"
#include <stddef.h>

/* Both are known as soon as shapes are. */
static weld_status run_known(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)args;
    return weld_fail(err, WELD_E_INTERNAL, "%s was not folded", node->op->name);
}

/* ---- Shape -------------------------------------------------------------------------- */

typedef struct shape_attrs {
    int64_t start, end;
} shape_attrs;

static int64_t clip_axis(int64_t axis, int rank)
{
    axis = axis < 0 ? axis + rank : axis;
    return axis < 0 ? 0 : axis > rank ? rank : axis;
}

static weld_status infer_shape(weld_infer *inf, const weld_node *node, weld_error *err)
{
    const shape_attrs *attrs = node->attrs;
    const weld_shape *x = weld_infer_shape(inf, 0);
    const int64_t start = clip_axis(attrs->start, x->rank), end = clip_axis(attrs->end, x->rank);
    const weld_shape shape = {.rank = 1, .dims = {end > start ? end - start : 0}};
    return weld_infer_set_data(inf, 0, &shape, x->dims + start, err);
}

static const weld_field shape_fields[] = {
    {"start", WELD_FIELD_INT, offsetof(shape_attrs, start), 0.0, NULL, false},
    {"end", WELD_FIELD_INT, offsetof(shape_attrs, end), WELD_RANK_MAX, NULL, false},
    {0}};

WELD_MOVE_OP(Shape, 1, 1, 1, .fields = shape_fields, .attrs_size = sizeof(shape_attrs),
             .infer = infer_shape, .run = run_known, .tie = weld_tie_nothing);

/* ---- Size --------------------------------------------------------------------------- */

static weld_status infer_size(weld_infer *inf, const weld_node *node, weld_error *err)
{
    (void)node;
    const int64_t count = weld_shape_numel(weld_infer_shape(inf, 0));
    return weld_infer_set_data(inf, 0, &(weld_shape){0}, &count, err);
}

WELD_MOVE_OP(Size, 1, 1, 1, .fields = weld_no_fields, .infer = infer_size, .run = run_known,
             .tie = weld_tie_nothing);
