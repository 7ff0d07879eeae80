/* Operators that make or convert values: Shape, Constant, ConstantOfShape, Cast. */
#include "ops/operand.h"
#include <inttypes.h>
#include <tgmath.h>
#include <stddef.h>
#include <string.h>

static weld_status nothing_to_run(const weld_kernel_args *args, const weld_node *node,
                                  weld_error *err)
{
    (void)args;
    return weld_fail(err, WELD_E_INTERNAL, "%s was not folded", node->op->name);
}

static weld_status no_ties(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)ties;
    (void)index;
    (void)node;
    (void)err;
    return WELD_OK;
}

/* ---- Shape ---------------------------------------------------------------------- */

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
    int64_t start = clip_axis(attrs->start, x->rank), end = clip_axis(attrs->end, x->rank);
    weld_shape shape = {.rank = 1, .dims = {end > start ? end - start : 0}};
    return weld_infer_set_data(inf, 0, &shape, x->dims + start, err);
}

static const weld_field shape_fields[] = {
    {.name = "start", .kind = WELD_FIELD_INT, .offset = offsetof(shape_attrs, start)},
    {.name = "end",
     .kind = WELD_FIELD_INT,
     .offset = offsetof(shape_attrs, end),
     .fallback = WELD_RANK_MAX},
    {0}};
WELD_DEFINE_OP(Shape) = {.name = "Shape",
                         .domain = "",
                         .opset_min = 1,
                         .opset_max = WELD_OPSET_MAX,
                         .inputs_min = 1,
                         .inputs_max = 1,
                         .outputs_min = 1,
                         .outputs_max = 1,
                         .fields = shape_fields,
                         .attrs_size = sizeof(shape_attrs),
                         .infer = infer_shape,
                         .run = nothing_to_run,
                         .tie = no_ties};

/* ---- Constant (the importer turns tensors into values; here the scalar forms) ------ */

typedef struct constant_attrs {
    const weld_tensor *value;
    float value_float;
    int64_t value_int;
    weld_ints value_ints;
} constant_attrs;

static weld_status infer_constant(weld_infer *inf, const weld_node *node, weld_error *err)
{
    const constant_attrs *attrs = node->attrs;
    weld_shape shape = {0};
    if (attrs->value)
        return weld_fail(err, WELD_E_FORMAT, "has attribute 'value' and others, allowed one");
    if (!isnan(attrs->value_float))
        return weld_infer_set(inf, 0, WELD_FLOAT, &shape, err);
    if (attrs->value_ints.count < 0)
        return weld_infer_set_data(inf, 0, &shape, &attrs->value_int, err);
    shape.rank = 1;
    shape.dims[0] = attrs->value_ints.count;
    return weld_infer_set_data(inf, 0, &shape, attrs->value_ints.at, err);
}

/* Only value_float is left to the kernel: the driver runs it when shapes are inferred. */
static weld_status run_constant(const weld_kernel_args *args, const weld_node *node,
                                weld_error *err)
{
    (void)err;
    args->out[0]->f[0] = ((const constant_attrs *)node->attrs)->value_float;
    return WELD_OK;
}

static const weld_field constant_fields[] = {
    {.name = "value_float",
     .kind = WELD_FIELD_FLOAT,
     .offset = offsetof(constant_attrs, value_float),
     .fallback = (double)NAN},
    {.name = "value", .kind = WELD_FIELD_TENSOR, .offset = offsetof(constant_attrs, value)},
    {.name = "value_int", .kind = WELD_FIELD_INT, .offset = offsetof(constant_attrs, value_int)},
    {.name = "value_ints", .kind = WELD_FIELD_INTS, .offset = offsetof(constant_attrs, value_ints)},
    {0}};
WELD_DEFINE_OP(Constant) = {.name = "Constant",
                            .domain = "",
                            .opset_min = 1,
                            .opset_max = WELD_OPSET_MAX,
                            .inputs_min = 0,
                            .inputs_max = 0,
                            .outputs_min = 1,
                            .outputs_max = 1,
                            .fields = constant_fields,
                            .attrs_size = sizeof(constant_attrs),
                            .infer = infer_constant,
                            .run = run_constant,
                            .tie = no_ties};

/* ---- ConstantOfShape --------------------------------------------------------------- */

typedef struct fill_attrs {
    const weld_tensor *value;
} fill_attrs;

static weld_status infer_fill(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const fill_attrs *attrs = node->attrs;
    const weld_tensor *dims;
    weld_shape shape;
    WELD_TRY(weld_infer_need(&dims, inf, 0, err));
    WELD_REQUIRE(!weld_dtype_is_float(dims->dtype) && dims->shape.rank == 1 &&
                     dims->shape.dims[0] <= WELD_RANK_MAX,
                 WELD_E_FORMAT, "the shape must be a vector of at most %d integers", WELD_RANK_MAX);
    WELD_REQUIRE(!attrs->value || weld_shape_numel(&attrs->value->shape) == 1, WELD_E_FORMAT,
                 "the value must have one element");
    shape = weld_shape_make((int)dims->shape.dims[0], dims->i);
    WELD_TRY(weld_infer_set(inf, 0, attrs->value ? attrs->value->dtype : WELD_FLOAT, &shape, err));
done:
    return st;
}

static weld_status run_fill(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)err;
    const weld_tensor *value = ((const fill_attrs *)node->attrs)->value;
    weld_tensor *y = args->out[0];
    int64_t n = weld_shape_numel(&y->shape);
    for (int64_t k = 0; k < n; k++) {
        if (weld_dtype_is_float(y->dtype))
            weld_reals(y)[k] = value ? weld_reals(value)[0] : 0;
        else
            y->i[k] = value->i[0];
    }
    return WELD_OK;
}

static const weld_field fill_fields[] = {
    {.name = "value", .kind = WELD_FIELD_TENSOR, .offset = offsetof(fill_attrs, value)}, {0}};
WELD_DEFINE_OP(ConstantOfShape) = {.name = "ConstantOfShape",
                                   .domain = "",
                                   .opset_min = 9,
                                   .opset_max = WELD_OPSET_MAX,
                                   .inputs_min = 1,
                                   .inputs_max = 1,
                                   .outputs_min = 1,
                                   .outputs_max = 1,
                                   .static_inputs = 1,
                                   .fields = fill_fields,
                                   .attrs_size = sizeof(fill_attrs),
                                   .infer = infer_fill,
                                   .run = run_fill,
                                   .tie = no_ties};

/* ---- Cast ------------------------------------------------------------------------ */

typedef struct cast_attrs {
    int64_t to;
} cast_attrs;

static weld_status infer_cast(weld_infer *inf, const weld_node *node, weld_error *err)
{
    int64_t to = ((const cast_attrs *)node->attrs)->to;
    if (to <= 0 || to >= WELD_DTYPE_COUNT || !weld_dtype_size((int)to))
        return weld_fail(err, WELD_E_UNSUPPORTED, "a cast to data type %" PRId64, to);
    return weld_infer_set(inf, 0, (weld_dtype)to, weld_infer_shape(inf, 0), err);
}

/* Truncates; NaN and what does not fit: as x86 does it. */
static int64_t to_integer(double value)
{
    if (!(value >= -0x1p63 && value < 0x1p63))
        return INT64_MIN;
    return (int64_t)value;
}

/* A real number, rounded once to the type of y. */
static void put_real(weld_tensor *y, int64_t k, const weld_tensor *x)
{
    if (y->dtype == WELD_DOUBLE)
        y->d[k] = weld_tensor_number(x, k);
    else if (weld_dtype_is_float(x->dtype))
        y->f[k] = (float)weld_tensor_number(x, k);
    else
        y->f[k] = x->dtype == WELD_UINT64 ? (float)(uint64_t)x->i[k] : (float)x->i[k];
}

/* Through the stored form, so that a narrow type wraps or rounds; a number too large for it becomes
 * infinite. */
static void narrow(weld_tensor *y, int64_t k)
{
    unsigned char stored[8];
    void *at = (char *)y->data + (size_t)k * weld_compute_size(y->dtype);
    if (weld_encode(stored, y->dtype, at, 1, NULL) == WELD_OK)
        weld_decode(at, y->dtype, stored, 1);
    else
        y->f[k] = (float)copysign((double)INFINITY, (double)y->f[k]);
}

static weld_status run_cast(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)node;
    (void)err;
    const weld_tensor *x = args->in[0];
    weld_tensor *y = args->out[0];
    const bool from_real = weld_dtype_is_float(x->dtype);
    const int64_t n = weld_shape_numel(&x->shape);
    for (int64_t k = 0; k < n; k++) {
        if (weld_dtype_is_float(y->dtype))
            put_real(y, k, x);
        else if (y->dtype == WELD_BOOL)
            y->i[k] = weld_tensor_number(x, k) != 0;
        else
            y->i[k] = from_real ? to_integer(weld_tensor_number(x, k)) : x->i[k];
        if (weld_dtype_size(y->dtype) < weld_compute_size(y->dtype))
            narrow(y, k);
    }
    return WELD_OK;
}

static const weld_field cast_fields[] = {
    {.name = "to", .kind = WELD_FIELD_INT, .offset = offsetof(cast_attrs, to), .required = true},
    {.name = "saturate", .kind = WELD_FIELD_IGNORED},
    {.name = "round_mode", .kind = WELD_FIELD_IGNORED},
    {0}};
WELD_DEFINE_OP(Cast) = {.name = "Cast",
                        .domain = "",
                        .opset_min = 6,
                        .opset_max = WELD_OPSET_MAX,
                        .inputs_min = 1,
                        .inputs_max = 1,
                        .outputs_min = 1,
                        .outputs_max = 1,
                        .fields = cast_fields,
                        .attrs_size = sizeof(cast_attrs),
                        .infer = infer_cast,
                        .run = run_cast,
                        .tie = weld_tie_elementwise};
