/* Where something is: OneHot, NonZero, Trilu, EyeLike. */
#include "ops/indexed.h"
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

/* ---- OneHot: y[.., d, ..] = values[d == index] ------------------------------------------------ */

typedef struct onehot_attrs {
    int64_t axis;
} onehot_attrs;

static const weld_field onehot_fields[] = {
    {"axis", WELD_FIELD_INT, offsetof(onehot_attrs, axis), -1.0, NULL, false}, {0}};

/* *out: where the new axis stands among rank + 1. */
static weld_status onehot_axis(int *out, const weld_node *node, int rank, weld_error *err)
{
    return weld_operand_axis(out, ((const onehot_attrs *)node->attrs)->axis, rank + 1, err);
}

/* Entry k, truncated; INT64_MIN where int64 can't hold it. */
static int64_t integer_at(const weld_tensor *t, int64_t k)
{
    if (weld_dtype_is_float(t->dtype))
        return weld_int_from_double(weld_tensor_number(t, k));
    return t->dtype == WELD_UINT64 && t->i[k] < 0 ? INT64_MIN : t->i[k];
}

static weld_status onehot_depth(int64_t *depth, const weld_infer *inf, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor *known;
    char text[128];
    WELD_TRY(weld_operand_type(inf, 1, WELD_TYPES_NUMBER, err));
    WELD_TRY(weld_infer_need(&known, inf, 1, err));
    WELD_REQUIRE(known->shape.rank <= 1 && weld_shape_numel(&known->shape) == 1, WELD_E_FORMAT,
                 "depth has shape %s, must be a scalar", weld_shape_text(&known->shape, text));
    *depth = integer_at(known, 0);
    WELD_REQUIRE(*depth >= 0 && *depth <= INT32_MAX, WELD_E_FORMAT, "depth is %g, allowed 0 to %d",
                 weld_tensor_number(known, 0), INT32_MAX);
done:
    return st;
}

static weld_status onehot_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    int axis;
    int64_t depth = 0;
    char text[128];
    weld_shape y = {0};
    WELD_TRY(weld_operand_type(inf, 0, WELD_TYPES_NUMBER, err));
    WELD_TRY(weld_operand_type(inf, 2, WELD_TYPES_ANY, err));
    WELD_TRY(onehot_depth(&depth, inf, err));
    const weld_shape *index = weld_infer_shape(inf, 0), *values = weld_infer_shape(inf, 2);
    WELD_REQUIRE(values->rank == 1 && values->dims[0] == 2, WELD_E_FORMAT,
                 "values have shape %s, must have [2]", weld_shape_text(values, text));
    WELD_REQUIRE(index->rank < WELD_RANK_MAX, WELD_E_LIMIT, "rank %d, allowed %d", index->rank + 1,
                 WELD_RANK_MAX);
    WELD_TRY(onehot_axis(&axis, node, index->rank, err));
    for (int a = 0; a <= index->rank; a++)
        y.dims[y.rank++] = a == axis ? depth : index->dims[a - (a > axis)];
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 2), &y, err));
done:
    return st;
}

static weld_status onehot_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    const weld_tensor *index = args->in[0], *values = args->in[2];
    weld_tensor *y = args->out[0];
    const size_t size = weld_compute_size(y->dtype);
    int axis;
    const weld_status st = onehot_axis(&axis, node, index->shape.rank, err);
    if (st != WELD_OK)
        return st;
    const weld_lines lines = weld_lines_of(&y->shape, axis, axis + 1);
    for (int64_t o = 0; o < lines.outer; o++)
        for (int64_t i = 0; i < lines.step; i++) {
            int64_t hot = integer_at(index, o * lines.step + i);
            hot = hot < 0 ? hot + lines.count : hot;
            for (int64_t d = 0; d < lines.count; d++) {
                const int64_t at = weld_line_start(&lines, o, i) + d * lines.step;
                memcpy((char *)y->data + (size_t)at * size,
                       (const char *)values->data + (d == hot ? size : 0), size);
            }
        }
    return WELD_OK;
}

static weld_status onehot_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    const int i = node->inputs[0], y = node->outputs[0], rank = weld_tie_shape(ties, i)->rank;
    int axis;
    const weld_status st = onehot_axis(&axis, node, rank, err);
    if (st != WELD_OK)
        return st;
    for (int a = 0; a < rank; a++) {
        weld_tie_axes(ties, i, a, y, a + (a >= axis));
    }
    weld_tie_pin(ties, index, y, axis, "one position per number");
    weld_tie_pin(ties, index, node->inputs[2], 0, "off and on");
    return WELD_OK;
}

WELD_DEFINE_OP(OneHot) = {.name = "OneHot",
                          .domain = "",
                          .opset_min = 9,
                          .opset_max = WELD_OPSET_MAX,
                          .inputs_min = 3,
                          .inputs_max = 3,
                          .outputs_min = 1,
                          .outputs_max = 1,
                          .static_inputs = 1u << 1 | 1u << 2,
                          .fields = onehot_fields,
                          .attrs_size = sizeof(onehot_attrs),
                          .infer = onehot_infer,
                          .run = onehot_run,
                          .tie = onehot_tie};

/* ---- NonZero: y [rank, count] = coordinates of the entries that are not 0 ------------------- */

static int64_t count_nonzero(const weld_tensor *x)
{
    const int64_t total = weld_shape_numel(&x->shape);
    int64_t count = 0;
    for (int64_t k = 0; k < total; k++)
        count += weld_tensor_number(x, k) != 0.0; /* NaN counts */
    return count;
}

static weld_status nonzero_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    (void)node;
    weld_status st = WELD_OK;
    const weld_tensor *x;
    WELD_TRY(weld_operand_type(inf, 0, WELD_TYPES_ANY, err));
    WELD_TRY(weld_infer_need(&x, inf, 0, err));
    const weld_shape y = {2, {x->shape.rank, count_nonzero(x)}};
    WELD_TRY(weld_infer_set(inf, 0, WELD_INT64, &y, err));
done:
    return st;
}

static weld_status nonzero_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)node, (void)err;
    const weld_tensor *x = args->in[0];
    weld_tensor *y = args->out[0];
    const int64_t total = weld_shape_numel(&x->shape), count = y->shape.dims[1];
    int64_t strides[WELD_RANK_MAX], at = 0;
    weld_strides(strides, &x->shape);
    for (int64_t k = 0; k < total && at < count; k++) {
        if (weld_tensor_number(x, k) == 0.0)
            continue;
        for (int a = 0; a < x->shape.rank; a++)
            y->i[a * count + at] = k / strides[a] % x->shape.dims[a];
        at++;
    }
    return WELD_OK;
}

static weld_status nonzero_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)err;
    for (int a = 0; a < weld_tie_shape(ties, node->inputs[0])->rank; a++)
        weld_tie_pin(ties, index, node->inputs[0], a, "its positions are the result");
    for (int a = 0; a < 2; a++)
        weld_tie_pin(ties, index, node->outputs[0], a, "positions in order");
    return WELD_OK;
}

WELD_DEFINE_OP(NonZero) = {.name = "NonZero",
                           .domain = "",
                           .opset_min = 9,
                           .opset_max = WELD_OPSET_MAX,
                           .inputs_min = 1,
                           .inputs_max = 1,
                           .outputs_min = 1,
                           .outputs_max = 1,
                           .static_inputs = 1u << 0,
                           .fields = weld_no_fields,
                           .infer = nonzero_infer,
                           .run = nonzero_run,
                           .tie = nonzero_tie};

/* ---- Trilu: y[.., i, j] = x where j - i >= k (upper) or <= k (lower), else 0 ------------------ */

typedef struct trilu_attrs {
    int64_t upper;
} trilu_attrs;

static const weld_field trilu_fields[] = {
    {"upper", WELD_FIELD_INT, offsetof(trilu_attrs, upper), 1.0, NULL, false}, {0}};

static weld_status trilu_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    (void)node;
    weld_status st = WELD_OK;
    char text[128];
    WELD_TRY(weld_operand_type(inf, 0, WELD_TYPES_ANY, err));
    const weld_shape *x = weld_infer_shape(inf, 0), *k = weld_infer_shape(inf, 1);
    WELD_REQUIRE(x->rank >= 2, WELD_E_FORMAT, "input has shape %s, must have rank 2 or more",
                 weld_shape_text(x, text));
    if (k)
        WELD_TRY(weld_operand_type(inf, 1, WELD_TYPES_INTEGER, err));
    WELD_REQUIRE(!k || (k->rank <= 1 && weld_shape_numel(k) == 1), WELD_E_FORMAT,
                 "k has shape %s, must be a scalar", weld_shape_text(k, text));
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), x, err));
done:
    return st;
}

static weld_status trilu_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)err;
    const bool upper = ((const trilu_attrs *)node->attrs)->upper != 0;
    const int64_t k = weld_node_input(node, 1) >= 0 ? args->in[1]->i[0] : 0;
    const weld_tensor *x = args->in[0];
    const int rank = x->shape.rank;
    const int64_t rows = x->shape.dims[rank - 2], columns = x->shape.dims[rank - 1];
    const int64_t total = weld_shape_numel(&x->shape);
    const size_t size = weld_compute_size(x->dtype);
    for (int64_t n = 0; n < total; n++) {
        const int64_t diagonal = n % columns - n / columns % rows;
        char *to = (char *)args->out[0]->data + (size_t)n * size;
        if (upper ? diagonal >= k : diagonal <= k)
            memcpy(to, (const char *)x->data + (size_t)n * size, size);
        else
            memset(to, 0, size);
    }
    return WELD_OK;
}

static weld_status trilu_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)err;
    const int x = node->inputs[0], y = node->outputs[0], rank = weld_tie_shape(ties, x)->rank;
    for (int a = 0; a < rank; a++) {
        weld_tie_axes(ties, x, a, y, a);
        if (a >= rank - 2)
            weld_tie_pin(ties, index, y, a, "triangle");
    }
    return WELD_OK;
}

WELD_DEFINE_OP(Trilu) = {.name = "Trilu",
                         .domain = "",
                         .opset_min = 14,
                         .opset_max = WELD_OPSET_MAX,
                         .inputs_min = 1,
                         .inputs_max = 2,
                         .outputs_min = 1,
                         .outputs_max = 1,
                         .fields = trilu_fields,
                         .attrs_size = sizeof(trilu_attrs),
                         .infer = trilu_infer,
                         .run = trilu_run,
                         .tie = trilu_tie};

/* ---- EyeLike: y[i, j] = 1 where j - i = k, else 0 -------------------------------------------- */

typedef struct eye_attrs {
    int64_t dtype, k;
} eye_attrs;

static const weld_field eye_fields[] = {
    {"dtype", WELD_FIELD_INT, offsetof(eye_attrs, dtype), (double)WELD_UNDEFINED, NULL, false},
    {"k", WELD_FIELD_INT, offsetof(eye_attrs, k), 0.0, NULL, false},
    {0}};

static weld_status eye_check(const weld_node *node, weld_error *err)
{
    const int64_t dtype = ((const eye_attrs *)node->attrs)->dtype;
    if (dtype < 0 || dtype >= WELD_DTYPE_COUNT ||
        !((unsigned)WELD_TYPES_ANY >> dtype & 1u || dtype == 0))
        return weld_fail(err, WELD_E_UNSUPPORTED,
                         "dtype is %" PRId64 ", supported: floating point, integers, bool", dtype);
    return WELD_OK;
}

static weld_status eye_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t dtype = ((const eye_attrs *)node->attrs)->dtype;
    char text[128];
    WELD_TRY(weld_operand_type(inf, 0, WELD_TYPES_ANY, err));
    const weld_shape *x = weld_infer_shape(inf, 0);
    WELD_REQUIRE(x->rank == 2, WELD_E_FORMAT, "input has shape %s, must have rank 2",
                 weld_shape_text(x, text));
    WELD_TRY(weld_infer_set(
        inf, 0, dtype == WELD_UNDEFINED ? weld_infer_dtype(inf, 0) : (weld_dtype)dtype, x, err));
done:
    return st;
}

static weld_status eye_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)err;
    const int64_t k = ((const eye_attrs *)node->attrs)->k;
    weld_tensor *y = args->out[0];
    const int64_t rows = y->shape.dims[0], columns = y->shape.dims[1];
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            weld_tensor_set_number(y, i * columns + j, j - i == k ? 1.0 : 0.0);
    return WELD_OK;
}

/* Only the shape of the input takes part. */
static weld_status eye_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)err;
    for (int a = 0; a < 2; a++)
        weld_tie_pin(ties, index, node->outputs[0], a, "identity matrix");
    return WELD_OK;
}

WELD_DEFINE_OP(EyeLike) = {.name = "EyeLike",
                           .domain = "",
                           .opset_min = 9,
                           .opset_max = WELD_OPSET_MAX,
                           .inputs_min = 1,
                           .inputs_max = 1,
                           .outputs_min = 1,
                           .outputs_max = 1,
                           .fields = eye_fields,
                           .attrs_size = sizeof(eye_attrs),
                           .check = eye_check,
                           .infer = eye_infer,
                           .run = eye_run,
                           .tie = eye_tie};
