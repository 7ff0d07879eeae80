/* Operators that change the shape and move no element: Reshape, Flatten, Squeeze, Unsqueeze. */
#include "core/size.h"
#include "ops/move.h"
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

/* ---- Reshape: the target is an attribute before opset 5, input 1 from then on -------- */

typedef struct reshape_attrs {
    int64_t allowzero;
    weld_ints shape;
} reshape_attrs;

static bool same_count(const weld_shape *a, const weld_shape *b)
{
    int64_t count = 1;
    for (int k = 0; k < a->rank; k++)
        if (!weld_mul_i64(count, a->dims[k], &count))
            return false;
    return count == weld_shape_numel(b);
}

/* The dims of the target become those of the result: 0 copies the input's dim (unless zeros are
 * allowed), -1 takes what the others leave of what is not copied. */
static weld_status resolve_target(weld_shape *out, const weld_infer *inf, bool allowzero,
                                  weld_error *err)
{
    const weld_shape *x = weld_infer_shape(inf, 0);
    int64_t known = 1, left = 1, actual;
    bool copied[WELD_RANK_MAX] = {false};
    int hole = -1;
    for (int k = 0; k < out->rank; k++) {
        int64_t *dim = &out->dims[k];
        if (k == 0 && x->rank > 0 && weld_infer_rebatch(inf, *dim, x->dims[0], &actual))
            *dim = actual;
        if (*dim == 0 && !allowzero) {
            if (k >= x->rank)
                return weld_fail(err, WELD_E_FORMAT, "dim %d of the target copies no dim", k);
            *dim = x->dims[k];
            copied[k] = true;
        } else if (*dim < -1 || (*dim == -1 && hole >= 0)) {
            return weld_fail(err, WELD_E_FORMAT, "dim %d of the target is %" PRId64 "%s", k, *dim,
                             hole >= 0 ? ", allowed once" : ", must be >= -1");
        } else if (*dim == -1) {
            hole = k;
        } else if (!weld_mul_i64(known, *dim, &known)) {
            return weld_fail(err, WELD_E_FORMAT, "the target shape overflows");
        }
    }
    for (int k = 0; k < x->rank; k++)
        left *= copied[k] ? 1 : x->dims[k];
    if (hole >= 0)
        out->dims[hole] = known ? left / known : 0;
    if ((hole >= 0 && known * out->dims[hole] != left) || !same_count(out, x))
        return weld_fail(err, WELD_E_FORMAT, "%" PRId64 " elements do not fit the target shape",
                         weld_shape_numel(x));
    return WELD_OK;
}

static weld_status infer_reshape(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const reshape_attrs *attrs = node->attrs;
    const weld_tensor *input = NULL;
    WELD_TRY(weld_check_moved(node, "shape", attrs->shape.count >= 0, 1, 5, err));
    if (node->opset >= 5) {
        WELD_REQUIRE(node->input_count == 2, WELD_E_FORMAT, "lacks its input 1");
        WELD_TRY(weld_operand_integers(&input, inf, 1, err));
    }
    const int64_t count = input ? weld_shape_numel(&input->shape) : attrs->shape.count;
    WELD_REQUIRE((!input || input->shape.rank == 1) && count >= 0 && count <= WELD_RANK_MAX,
                 WELD_E_FORMAT, "the target shape has %" PRId64 " dims, allowed 0 to %d", count,
                 WELD_RANK_MAX);
    weld_shape shape = weld_shape_make((int)count, input ? input->i : attrs->shape.at);
    WELD_TRY(resolve_target(&shape, inf, attrs->allowzero != 0, err));
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &shape, err));
done:
    return st;
}

static const weld_field reshape_fields[] = {
    {"allowzero", WELD_FIELD_INT, offsetof(reshape_attrs, allowzero), 0.0, NULL, false},
    {"shape", WELD_FIELD_INTS, offsetof(reshape_attrs, shape), 0.0, NULL, false},
    {"consumed_inputs", WELD_FIELD_IGNORED, 0, 0.0, NULL, false},
    {0}};

WELD_MOVE_OP(Reshape, 1, 1, 2, .flags = WELD_OP_VIEW, .static_inputs = 2, .fields = reshape_fields,
             .attrs_size = sizeof(reshape_attrs), .infer = infer_reshape, .run = weld_run_copy,
             .tie = weld_tie_view);

/* ---- Flatten: [..., ...] -> [before the axis, from the axis on] ----------------------- */

typedef struct flatten_attrs {
    int64_t axis;
} flatten_attrs;

static weld_status infer_flatten(weld_infer *inf, const weld_node *node, weld_error *err)
{
    const weld_shape *x = weld_infer_shape(inf, 0);
    const int64_t axis = ((const flatten_attrs *)node->attrs)->axis;
    if (axis < -x->rank || axis > x->rank)
        return weld_fail(err, WELD_E_FORMAT, "axis %" PRId64 ", allowed %d to %d", axis, -x->rank,
                         x->rank);
    const int at = (int)(axis < 0 ? axis + x->rank : axis);
    const weld_shape shape = {.rank = 2,
                              .dims = {weld_shape_span(x, 0, at), weld_shape_span(x, at, x->rank)}};
    return weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &shape, err);
}

static const weld_field flatten_fields[] = {
    {"axis", WELD_FIELD_INT, offsetof(flatten_attrs, axis), 1.0, NULL, false}, {0}};

WELD_MOVE_OP(Flatten, 1, 1, 1, .flags = WELD_OP_VIEW, .fields = flatten_fields,
             .attrs_size = sizeof(flatten_attrs), .infer = infer_flatten, .run = weld_run_copy,
             .tie = weld_tie_view);

/* ---- Squeeze, Unsqueeze: axes are an attribute before opset 13, input 1 from then on --- */

typedef struct axes_attrs {
    weld_ints axes;
} axes_attrs;

/* *axes [*count]; *count = -1 when they are not given. */
static weld_status given_axes(const int64_t **axes, int64_t *count, const weld_infer *inf,
                              const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_ints *attr = &((const axes_attrs *)node->attrs)->axes;
    const weld_tensor *input = NULL;
    WELD_TRY(weld_check_moved(node, "axes", attr->count >= 0, 1, 13, err));
    if (weld_node_input(node, 1) >= 0)
        WELD_TRY(weld_operand_integers(&input, inf, 1, err));
    *axes = input ? input->i : attr->at;
    *count = input ? weld_shape_numel(&input->shape) : attr->count;
done:
    return st;
}

static weld_status mark_axes(bool mask[WELD_RANK_MAX], const int64_t *axes, int64_t count, int rank,
                             weld_error *err)
{
    memset(mask, 0, sizeof(bool) * WELD_RANK_MAX);
    for (int64_t k = 0; k < count; k++) {
        if (axes[k] < -rank || axes[k] >= rank || mask[axes[k] < 0 ? axes[k] + rank : axes[k]])
            return weld_fail(err, WELD_E_FORMAT, "axis %" PRId64 ", allowed %d to %d, each once",
                             axes[k], -rank, rank - 1);
        mask[axes[k] < 0 ? axes[k] + rank : axes[k]] = true;
    }
    return WELD_OK;
}

static weld_status infer_squeeze(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_shape *x = weld_infer_shape(inf, 0);
    weld_shape shape = {0};
    bool mask[WELD_RANK_MAX];
    const int64_t *axes;
    int64_t count;
    WELD_TRY(given_axes(&axes, &count, inf, node, err));
    WELD_TRY(mark_axes(mask, axes, count, x->rank, err));
    for (int k = 0; k < x->rank; k++) {
        const bool drop = count >= 0 ? mask[k] : x->dims[k] == 1;
        WELD_REQUIRE(!drop || x->dims[k] == 1, WELD_E_FORMAT,
                     "axis %d has size %" PRId64 ", only 1 can be squeezed", k, x->dims[k]);
        if (!drop)
            shape.dims[shape.rank++] = x->dims[k];
    }
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &shape, err));
done:
    return st;
}

static weld_status infer_unsqueeze(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_shape *x = weld_infer_shape(inf, 0);
    weld_shape shape = {0};
    bool mask[WELD_RANK_MAX];
    const int64_t *axes;
    int64_t count;
    WELD_TRY(given_axes(&axes, &count, inf, node, err));
    WELD_REQUIRE(count >= 0 && count + x->rank <= WELD_RANK_MAX, WELD_E_FORMAT,
                 "%" PRId64 " axes added to rank %d, allowed 0 or more, up to rank %d", count,
                 x->rank, WELD_RANK_MAX);
    shape.rank = x->rank + (int)count;
    WELD_TRY(mark_axes(mask, axes, count, shape.rank, err));
    for (int k = 0, from = 0; k < shape.rank; k++)
        shape.dims[k] = mask[k] ? 1 : x->dims[from++];
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &shape, err));
done:
    return st;
}

static const weld_field axes_fields[] = {
    {"axes", WELD_FIELD_INTS, offsetof(axes_attrs, axes), 0.0, NULL, false}, {0}};

WELD_MOVE_OP(Squeeze, 1, 1, 2, .flags = WELD_OP_VIEW, .static_inputs = 2, .fields = axes_fields,
             .attrs_size = sizeof(axes_attrs), .infer = infer_squeeze, .run = weld_run_copy,
             .tie = weld_tie_view);
WELD_MOVE_OP(Unsqueeze, 1, 1, 2, .flags = WELD_OP_VIEW, .static_inputs = 2, .fields = axes_fields,
             .attrs_size = sizeof(axes_attrs), .infer = infer_unsqueeze, .run = weld_run_copy,
             .tie = weld_tie_view);
