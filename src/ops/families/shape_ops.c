/* Operators that change the shape and move no element, and Transpose. */
#include "core/size.h"
#include "ops/operand.h"
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

static weld_status copy_elements(const weld_kernel_args *args, const weld_node *node,
                                 weld_error *err)
{
    (void)node;
    (void)err;
    const weld_tensor *x = args->in[0];
    memcpy(args->out[0]->data, x->data,
           (size_t)weld_shape_numel(&x->shape) * weld_compute_size(x->dtype));
    return WELD_OK;
}

static weld_status tie_as_reshape(weld_ties *ties, int index, const weld_node *node,
                                  weld_error *err)
{
    (void)err;
    weld_tie_reshape(ties, index, node->inputs[0], node->outputs[0]);
    return WELD_OK;
}

/* A constant vector (or one number) of integers. */
static weld_status need_integers(const weld_tensor **out, const weld_infer *inf, int i,
                                 weld_error *err)
{
    weld_status st = weld_infer_need(out, inf, i, err);
    if (st == WELD_OK && (weld_dtype_is_float((*out)->dtype) || (*out)->shape.rank > 1))
        st = weld_fail(err, WELD_E_FORMAT,
                       "input %d is of type %s and rank %d, allowed: integers "
                       "of rank 0 or 1",
                       i, weld_dtype_name((*out)->dtype), (*out)->shape.rank);
    return st;
}

/* ---- Reshape -------------------------------------------------------------------- */

typedef struct reshape_attrs {
    int64_t allowzero;
} reshape_attrs;

static weld_status reshape_target(weld_shape *out, const weld_infer *inf, const weld_tensor *t,
                                  bool allowzero, weld_error *err)
{
    const weld_shape *x = weld_infer_shape(inf, 0);
    int64_t count = weld_shape_numel(&t->shape), known = 1, actual;
    int hole = -1;
    if (t->shape.rank != 1 || count > WELD_RANK_MAX)
        return weld_fail(err, WELD_E_FORMAT, "the target shape has %" PRId64 " dims, allowed %d",
                         count, WELD_RANK_MAX);
    *out = weld_shape_make((int)count, t->i);
    for (int k = 0; k < out->rank; k++) {
        int64_t *dim = &out->dims[k];
        if (k == 0 && x->rank > 0 && weld_infer_rebatch(inf, *dim, x->dims[0], &actual))
            *dim = actual;
        if (*dim == 0 && !allowzero) {
            if (k >= x->rank)
                return weld_fail(err, WELD_E_FORMAT, "dim %d of the target copies no dim", k);
            *dim = x->dims[k];
        }
        if (*dim < -1 || (*dim == -1 && hole >= 0))
            return weld_fail(err, WELD_E_FORMAT, "dim %d of the target is %" PRId64, k, *dim);
        if (*dim == -1)
            hole = k;
        else if (!weld_mul_i64(known, *dim, &known))
            return weld_fail(err, WELD_E_FORMAT, "the target shape overflows");
    }
    int64_t total = weld_shape_numel(x);
    if (hole >= 0)
        out->dims[hole] = known ? total / known : 0;
    if (known * (hole >= 0 ? out->dims[hole] : 1) != total)
        return weld_fail(err, WELD_E_FORMAT, "%" PRId64 " elements do not fit the target shape",
                         total);
    return WELD_OK;
}

static weld_status infer_reshape(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor *target;
    weld_shape shape;
    WELD_TRY(need_integers(&target, inf, 1, err));
    bool allowzero = ((const reshape_attrs *)node->attrs)->allowzero != 0;
    WELD_TRY(reshape_target(&shape, inf, target, allowzero, err));
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &shape, err));
done:
    return st;
}

static const weld_field reshape_fields[] = {
    {.name = "allowzero", .kind = WELD_FIELD_INT, .offset = offsetof(reshape_attrs, allowzero)},
    {0}};
WELD_DEFINE_OP(Reshape) = {.name = "Reshape",
                           .domain = "",
                           .opset_min = 5,
                           .opset_max = WELD_OPSET_MAX,
                           .inputs_min = 2,
                           .inputs_max = 2,
                           .outputs_min = 1,
                           .outputs_max = 1,
                           .flags = WELD_OP_VIEW,
                           .static_inputs = 2,
                           .fields = reshape_fields,
                           .attrs_size = sizeof(reshape_attrs),
                           .infer = infer_reshape,
                           .run = copy_elements,
                           .tie = tie_as_reshape};

/* ---- Flatten -------------------------------------------------------------------- */

typedef struct axis_attrs {
    int64_t axis;
} axis_attrs;

static weld_status infer_flatten(weld_infer *inf, const weld_node *node, weld_error *err)
{
    const weld_shape *x = weld_infer_shape(inf, 0);
    int64_t axis = ((const axis_attrs *)node->attrs)->axis;
    if (axis < -x->rank || axis > x->rank)
        return weld_fail(err, WELD_E_FORMAT, "axis %" PRId64 ", allowed %d to %d", axis, -x->rank,
                         x->rank);
    int at = (int)(axis < 0 ? axis + x->rank : axis);
    weld_shape shape = {.rank = 2,
                        .dims = {weld_shape_span(x, 0, at), weld_shape_span(x, at, x->rank)}};
    return weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &shape, err);
}

static const weld_field flatten_fields[] = {
    {.name = "axis", .kind = WELD_FIELD_INT, .offset = offsetof(axis_attrs, axis), .fallback = 1},
    {0}};
WELD_DEFINE_OP(Flatten) = {.name = "Flatten",
                           .domain = "",
                           .opset_min = 1,
                           .opset_max = WELD_OPSET_MAX,
                           .inputs_min = 1,
                           .inputs_max = 1,
                           .outputs_min = 1,
                           .outputs_max = 1,
                           .flags = WELD_OP_VIEW,
                           .fields = flatten_fields,
                           .attrs_size = sizeof(axis_attrs),
                           .infer = infer_flatten,
                           .run = copy_elements,
                           .tie = tie_as_reshape};

/* ---- Squeeze, Unsqueeze ---------------------------------------------------------- */

typedef struct axes_attrs {
    weld_ints axes;
} axes_attrs;

/* The axes as a mask, from the attribute (before opset 13) or from input 1; false = not given. */
static weld_status read_axes(bool *given, bool mask[WELD_RANK_MAX], const weld_infer *inf,
                             const weld_node *node, int rank, weld_error *err)
{
    const weld_ints *attr = &((const axes_attrs *)node->attrs)->axes;
    const weld_tensor *input = NULL;
    memset(mask, 0, sizeof(bool) * WELD_RANK_MAX);
    if (weld_node_input(node, 1) >= 0) {
        weld_status st = need_integers(&input, inf, 1, err);
        if (st != WELD_OK)
            return st;
    }
    int64_t count = input ? weld_shape_numel(&input->shape) : attr->count;
    *given = count >= 0;
    for (int64_t k = 0; k < count; k++) {
        int64_t axis = input ? input->i[k] : attr->at[k];
        if (axis < -rank || axis >= rank || mask[axis < 0 ? axis + rank : axis])
            return weld_fail(err, WELD_E_FORMAT, "axis %" PRId64 ", allowed %d to %d, each once",
                             axis, -rank, rank - 1);
        mask[axis < 0 ? axis + rank : axis] = true;
    }
    return WELD_OK;
}

static weld_status infer_squeeze(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_shape *x = weld_infer_shape(inf, 0);
    weld_shape shape = {0};
    bool mask[WELD_RANK_MAX], given;
    WELD_TRY(read_axes(&given, mask, inf, node, x->rank, err));
    for (int k = 0; k < x->rank; k++) {
        bool drop = given ? mask[k] : x->dims[k] == 1;
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
    const weld_tensor *input = weld_infer_data(inf, 1);
    int64_t added = input ? weld_shape_numel(&input->shape)
                          : ((const axes_attrs *)node->attrs)->axes.count;
    weld_shape shape = {0};
    bool mask[WELD_RANK_MAX], given;
    if (weld_node_input(node, 1) >= 0)
        WELD_TRY(need_integers(&input, inf, 1, err));
    WELD_REQUIRE(added >= 0 && added + x->rank <= WELD_RANK_MAX, WELD_E_FORMAT,
                 "%" PRId64 " axes added to rank %d, allowed 0 or more, up to rank %d", added,
                 x->rank, WELD_RANK_MAX);
    shape.rank = x->rank + (int)added;
    WELD_TRY(read_axes(&given, mask, inf, node, shape.rank, err));
    for (int k = 0, from = 0; k < shape.rank; k++)
        shape.dims[k] = mask[k] ? 1 : x->dims[from++];
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &shape, err));
done:
    return st;
}

static const weld_field axes_fields[] = {
    {.name = "axes", .kind = WELD_FIELD_INTS, .offset = offsetof(axes_attrs, axes)}, {0}};
WELD_DEFINE_OP(Squeeze) = {.name = "Squeeze",
                           .domain = "",
                           .opset_min = 1,
                           .opset_max = WELD_OPSET_MAX,
                           .inputs_min = 1,
                           .inputs_max = 2,
                           .outputs_min = 1,
                           .outputs_max = 1,
                           .flags = WELD_OP_VIEW,
                           .static_inputs = 2,
                           .fields = axes_fields,
                           .attrs_size = sizeof(axes_attrs),
                           .infer = infer_squeeze,
                           .run = copy_elements,
                           .tie = tie_as_reshape};
WELD_DEFINE_OP(Unsqueeze) = {.name = "Unsqueeze",
                             .domain = "",
                             .opset_min = 1,
                             .opset_max = WELD_OPSET_MAX,
                             .inputs_min = 1,
                             .inputs_max = 2,
                             .outputs_min = 1,
                             .outputs_max = 1,
                             .flags = WELD_OP_VIEW,
                             .static_inputs = 2,
                             .fields = axes_fields,
                             .attrs_size = sizeof(axes_attrs),
                             .infer = infer_unsqueeze,
                             .run = copy_elements,
                             .tie = tie_as_reshape};

/* ---- Identity, Dropout ------------------------------------------------------------ */

static weld_status infer_same(weld_infer *inf, const weld_node *node, weld_error *err)
{
    (void)node;
    return weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), weld_infer_shape(inf, 0), err);
}

typedef struct dropout_attrs {
    float ratio;
} dropout_attrs;

static weld_status infer_dropout(weld_infer *inf, const weld_node *node, weld_error *err)
{
    const weld_tensor *training = weld_infer_data(inf, 2);
    if (node->output_count > 1 && node->outputs[1] >= 0)
        return weld_fail(err, WELD_E_UNSUPPORTED, "the mask of Dropout");
    if (training &&
        (weld_dtype_is_float(training->dtype) || weld_shape_numel(&training->shape) != 1))
        return weld_fail(err, WELD_E_FORMAT, "training_mode must be one bool");
    if (weld_node_input(node, 2) >= 0 && (!training || training->i[0] != 0))
        return weld_fail(err, WELD_E_UNSUPPORTED, "Dropout in training mode");
    return infer_same(inf, node, err);
}

static const weld_field dropout_fields[] = {{.name = "ratio", .kind = WELD_FIELD_IGNORED},
                                            {.name = "seed", .kind = WELD_FIELD_IGNORED},
                                            {0}};
WELD_DEFINE_OP(Identity) = {.name = "Identity",
                            .domain = "",
                            .opset_min = 1,
                            .opset_max = WELD_OPSET_MAX,
                            .inputs_min = 1,
                            .inputs_max = 1,
                            .outputs_min = 1,
                            .outputs_max = 1,
                            .flags = WELD_OP_VIEW,
                            .infer = infer_same,
                            .run = copy_elements,
                            .tie = weld_tie_elementwise};
WELD_DEFINE_OP(Dropout) = {.name = "Dropout",
                           .domain = "",
                           .opset_min = 7,
                           .opset_max = WELD_OPSET_MAX,
                           .inputs_min = 1,
                           .inputs_max = 3,
                           .outputs_min = 1,
                           .outputs_max = 2,
                           .flags = WELD_OP_VIEW,
                           .static_inputs = 6,
                           .fields = dropout_fields,
                           .attrs_size = sizeof(dropout_attrs),
                           .infer = infer_dropout,
                           .run = copy_elements,
                           .tie = tie_as_reshape};

/* ---- Transpose -------------------------------------------------------------------- */

typedef struct transpose_attrs {
    weld_ints perm;
} transpose_attrs;

static void full_perm(int perm[WELD_RANK_MAX], const weld_node *node, int rank)
{
    const weld_ints *given = &((const transpose_attrs *)node->attrs)->perm;
    for (int k = 0; k < rank; k++)
        perm[k] = given->count >= 0 ? (int)given->at[k] : rank - 1 - k;
}

static weld_status infer_transpose(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_ints *given = &((const transpose_attrs *)node->attrs)->perm;
    const weld_shape *x = weld_infer_shape(inf, 0);
    weld_shape shape = {.rank = x->rank};
    unsigned seen = 0;
    int perm[WELD_RANK_MAX];
    WELD_REQUIRE(given->count < 0 || given->count == x->rank, WELD_E_FORMAT,
                 "perm has %" PRId64 " entries, the input has rank %d", given->count, x->rank);
    for (int64_t k = 0; k < given->count; k++) {
        WELD_REQUIRE(given->at[k] >= 0 && given->at[k] < x->rank && !(seen >> given->at[k] & 1u),
                     WELD_E_FORMAT, "perm is not a permutation of 0 to %d", x->rank - 1);
        seen |= 1u << given->at[k];
    }
    full_perm(perm, node, x->rank);
    for (int k = 0; k < x->rank; k++)
        shape.dims[k] = x->dims[perm[k]];
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &shape, err));
done:
    return st;
}

static weld_status run_transpose(const weld_kernel_args *args, const weld_node *node,
                                 weld_error *err)
{
    (void)err;
    const weld_tensor *x = args->in[0];
    int perm[WELD_RANK_MAX];
    full_perm(perm, node, x->shape.rank);
    weld_transpose(args->out[0]->data, x->data, &x->shape, perm, weld_compute_size(x->dtype));
    return WELD_OK;
}

static weld_status tie_transpose(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index;
    (void)err;
    int perm[WELD_RANK_MAX], rank = weld_tie_shape(ties, node->inputs[0])->rank;
    full_perm(perm, node, rank);
    for (int k = 0; k < rank; k++)
        weld_tie_axes(ties, node->outputs[0], k, node->inputs[0], perm[k]);
    return WELD_OK;
}

static const weld_field transpose_fields[] = {
    {.name = "perm", .kind = WELD_FIELD_INTS, .offset = offsetof(transpose_attrs, perm)}, {0}};
WELD_DEFINE_OP(Transpose) = {.name = "Transpose",
                             .domain = "",
                             .opset_min = 1,
                             .opset_max = WELD_OPSET_MAX,
                             .inputs_min = 1,
                             .inputs_max = 1,
                             .outputs_min = 1,
                             .outputs_max = 1,
                             .fields = transpose_fields,
                             .attrs_size = sizeof(transpose_attrs),
                             .infer = infer_transpose,
                             .run = run_transpose,
                             .tie = tie_transpose};
