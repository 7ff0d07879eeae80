/* Operators that make values: Constant, ConstantOfShape, Range. */
#include "ops/move.h"
#include <inttypes.h>
#include <tgmath.h>
#include <stddef.h>
#include <string.h>

/* ---- Constant (the importer turns tensors into values; here the other forms) ---------- */

typedef struct constant_attrs {
    const weld_tensor *value;
    float value_float; /* NaN = absent */
    int64_t value_int; /* INT64_MIN = absent (exact as a double) */
    weld_floats value_floats;
    weld_ints value_ints;
} constant_attrs;

static weld_status infer_constant(weld_infer *inf, const weld_node *node, weld_error *err)
{
    const constant_attrs *attrs = node->attrs;
    const bool is_float = !isnan(attrs->value_float), is_int = attrs->value_int != INT64_MIN;
    const bool is_floats = attrs->value_floats.count >= 0, is_ints = attrs->value_ints.count >= 0;
    weld_shape shape = {0};
    if ((attrs->value != NULL) + is_float + is_int + is_floats + is_ints != 1 || attrs->value)
        return weld_fail(err, WELD_E_FORMAT,
                         "must have one of 'value', 'value_float' (no NaN), 'value_floats', "
                         "'value_int', 'value_ints'");
    if (is_int)
        return weld_infer_set_data(inf, 0, &shape, &attrs->value_int, err);
    if (is_float)
        return weld_infer_set(inf, 0, WELD_FLOAT, &shape, err);
    shape.rank = 1;
    shape.dims[0] = is_ints ? attrs->value_ints.count : attrs->value_floats.count;
    if (is_ints)
        return weld_infer_set_data(inf, 0, &shape, attrs->value_ints.at, err);
    return weld_infer_set(inf, 0, WELD_FLOAT, &shape, err);
}

/* Only floats are left to the kernel: the driver runs it when shapes are inferred. */
static weld_status run_constant(const weld_kernel_args *args, const weld_node *node,
                                weld_error *err)
{
    (void)err;
    const constant_attrs *attrs = node->attrs;
    const int64_t count = weld_shape_numel(&args->out[0]->shape);
    for (int64_t k = 0; k < count; k++)
        args->out[0]->f[k] = attrs->value_floats.count >= 0 ? attrs->value_floats.at[k]
                                                            : attrs->value_float;
    return WELD_OK;
}

static const weld_field constant_fields[] = {
    {"value", WELD_FIELD_TENSOR, offsetof(constant_attrs, value), 0.0, NULL, false},
    {"value_float", WELD_FIELD_FLOAT, offsetof(constant_attrs, value_float), (double)NAN, NULL,
     false},
    {"value_floats", WELD_FIELD_FLOATS, offsetof(constant_attrs, value_floats), 0.0, NULL, false},
    {"value_int", WELD_FIELD_INT, offsetof(constant_attrs, value_int), (double)INT64_MIN, NULL,
     false},
    {"value_ints", WELD_FIELD_INTS, offsetof(constant_attrs, value_ints), 0.0, NULL, false},
    {0}};

WELD_MOVE_OP(Constant, 1, 0, 0, .fields = constant_fields, .attrs_size = sizeof(constant_attrs),
             .infer = infer_constant, .run = run_constant, .tie = weld_tie_nothing);

/* ---- ConstantOfShape ------------------------------------------------------------------ */

typedef struct fill_attrs {
    const weld_tensor *value; /* one element; NULL = a float 0 */
} fill_attrs;

static weld_status infer_fill(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const fill_attrs *attrs = node->attrs;
    const weld_tensor *dims;
    WELD_TRY(weld_operand_integers(&dims, inf, 0, err));
    WELD_REQUIRE(dims->shape.rank == 1 && dims->shape.dims[0] <= WELD_RANK_MAX, WELD_E_FORMAT,
                 "the shape must be a vector of at most %d integers", WELD_RANK_MAX);
    WELD_REQUIRE(!attrs->value || weld_shape_numel(&attrs->value->shape) == 1, WELD_E_FORMAT,
                 "value has %" PRId64 " elements, must have 1",
                 weld_shape_numel(&attrs->value->shape));
    const weld_shape shape = weld_shape_make((int)dims->shape.dims[0], dims->i);
    WELD_TRY(weld_infer_set(inf, 0, attrs->value ? attrs->value->dtype : WELD_FLOAT, &shape, err));
done:
    return st;
}

static weld_status run_fill(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)err;
    const weld_tensor *value = ((const fill_attrs *)node->attrs)->value;
    const int64_t count = weld_shape_numel(&args->out[0]->shape);
    const size_t size = weld_compute_size(args->out[0]->dtype);
    const float zero = 0.0f;
    for (int64_t k = 0; k < count; k++)
        memcpy((char *)args->out[0]->data + (size_t)k * size, value ? value->data : &zero, size);
    return WELD_OK;
}

static weld_status tie_fill(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index, (void)err;
    for (int a = 0; a < weld_tie_shape(ties, node->outputs[0])->rank; a++)
        weld_tie_copies(ties, node->outputs[0], a);
    return WELD_OK;
}

static const weld_field fill_fields[] = {
    {"value", WELD_FIELD_TENSOR, offsetof(fill_attrs, value), 0.0, NULL, false}, {0}};

WELD_MOVE_OP(ConstantOfShape, 9, 1, 1, .static_inputs = 1, .fields = fill_fields,
             .attrs_size = sizeof(fill_attrs), .infer = infer_fill, .run = run_fill,
             .tie = tie_fill);

/* ---- Range: start, start + delta, ... before limit -------------------------------------- */

/* Entries of an integer range, by steps of more than 0. */
static uint64_t count_up(int64_t from, int64_t to, uint64_t stride)
{
    return from < to ? ((uint64_t)to - (uint64_t)from - 1) / stride + 1 : 0;
}

static weld_status infer_range(weld_infer *inf, const weld_node *node, weld_error *err)
{
    (void)node;
    weld_status st = WELD_OK;
    const weld_tensor *in[3]; /* start, limit, delta */
    const weld_dtype dtype = weld_infer_dtype(inf, 0);
    WELD_TRY(weld_operand_type(inf, 0, WELD_TYPES_FLOAT | WELD_TYPES_SIGNED, err));
    for (int k = 0; k < 3; k++) {
        WELD_TRY(weld_operand_agree(inf, 0, k, err));
        WELD_TRY(weld_infer_need(&in[k], inf, k, err));
        WELD_REQUIRE(weld_shape_numel(&in[k]->shape) == 1 && in[k]->shape.rank <= 1, WELD_E_FORMAT,
                     "input %d must be one number", k);
    }
    const double start = weld_tensor_number(in[0], 0), limit = weld_tensor_number(in[1], 0);
    const double delta = weld_tensor_number(in[2], 0);
    WELD_REQUIRE(delta != 0.0, WELD_E_FORMAT, "delta is 0, must be another number");
    double count = ceil((limit - start) / delta);
    if (!weld_dtype_is_float(dtype))
        count = (double)(in[2]->i[0] > 0
                             ? count_up(in[0]->i[0], in[1]->i[0], (uint64_t)in[2]->i[0])
                             : count_up(in[1]->i[0], in[0]->i[0], 0 - (uint64_t)in[2]->i[0]));
    WELD_REQUIRE(count <= (double)INT32_MAX, WELD_E_LIMIT,
                 "a range from %g to %g by %g, allowed up to %d entries", start, limit, delta,
                 INT32_MAX);
    const weld_shape shape = {.rank = 1, .dims = {count > 0.0 ? (int64_t)count : 0}};
    WELD_TRY(weld_infer_set(inf, 0, dtype, &shape, err));
done:
    return st;
}

static weld_status run_range(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)node, (void)err;
    const weld_tensor *start = args->in[0], *delta = args->in[2];
    weld_tensor *y = args->out[0];
    const int64_t count = weld_shape_numel(&y->shape);
    for (int64_t k = 0; k < count; k++) {
        if (weld_dtype_is_float(y->dtype))
            weld_reals(y)[k] = weld_reals(start)[0] + (weld_real)k * weld_reals(delta)[0];
        else
            y->i[k] = start->i[0] + k * delta->i[0];
    }
    return WELD_OK;
}

/* A range too long to be known beforehand: no two of its entries are alike. */
static weld_status tie_range(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)err;
    weld_tie_pin(ties, index, node->outputs[0], 0, "constant");
    return WELD_OK;
}

WELD_MOVE_OP(Range, 11, 3, 3, .static_inputs = 7, .fields = weld_no_fields, .infer = infer_range,
             .run = run_range, .tie = tie_range);
