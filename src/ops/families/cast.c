/* Conversion to another element type: Cast, CastLike. */
#include "ops/move.h"
#include <inttypes.h>
#include <math.h>
#include <stddef.h>

typedef struct cast_attrs {
    int64_t to;
} cast_attrs;

static weld_status set_type(weld_infer *inf, int64_t to, weld_error *err)
{
    if (to <= 0 || to >= WELD_DTYPE_COUNT || !weld_dtype_size((int)to))
        return weld_fail(err, WELD_E_UNSUPPORTED, "a cast to data type %" PRId64, to);
    return weld_infer_set(inf, 0, (weld_dtype)to, weld_infer_shape(inf, 0), err);
}

/* Truncates; NaN and what does not fit: as x86 does it. */
static int64_t to_integer(double value, weld_dtype to)
{
    if (to == WELD_UINT64 && value >= 0x1p63 && value < 0x1p64)
        return (int64_t)(uint64_t)value;
    return weld_int_from_double(value);
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
        y->f[k] = copysignf(INFINITY, y->f[k]);
}

static weld_status run_cast(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)node, (void)err;
    const weld_tensor *x = args->in[0];
    weld_tensor *y = args->out[0];
    const bool from_real = weld_dtype_is_float(x->dtype);
    const int64_t count = weld_shape_numel(&x->shape);
    for (int64_t k = 0; k < count; k++) {
        if (weld_dtype_is_float(y->dtype))
            put_real(y, k, x);
        else if (y->dtype == WELD_BOOL)
            y->i[k] = weld_tensor_number(x, k) != 0;
        else
            y->i[k] = from_real ? to_integer(weld_tensor_number(x, k), y->dtype) : x->i[k];
        if (weld_dtype_size(y->dtype) < weld_compute_size(y->dtype))
            narrow(y, k);
    }
    return WELD_OK;
}

/* Input 1 of CastLike is looked at for its type only. */
static weld_status tie_cast_like(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index, (void)err;
    weld_tie_other_axes(ties, node->inputs[0], node->outputs[0], -1);
    return WELD_OK;
}

static weld_status infer_cast(weld_infer *inf, const weld_node *node, weld_error *err)
{
    return set_type(inf, ((const cast_attrs *)node->attrs)->to, err);
}

static weld_status infer_cast_like(weld_infer *inf, const weld_node *node, weld_error *err)
{
    (void)node;
    return set_type(inf, (int64_t)weld_infer_dtype(inf, 1), err);
}

/* canon/views.c reads the first field. */
static const weld_field cast_fields[] = {
    {"to", WELD_FIELD_INT, offsetof(cast_attrs, to), 0.0, NULL, true},
    {"saturate", WELD_FIELD_IGNORED, 0, 0.0, NULL, false},
    {"round_mode", WELD_FIELD_IGNORED, 0, 0.0, NULL, false},
    {0}};

WELD_MOVE_OP(Cast, 6, 1, 1, .fields = cast_fields, .attrs_size = sizeof(cast_attrs),
             .infer = infer_cast, .run = run_cast, .tie = weld_tie_elementwise);
WELD_MOVE_OP(CastLike, 15, 2, 2, .static_inputs = 2, .fields = cast_fields + 1,
             .infer = infer_cast_like, .run = run_cast, .tie = tie_cast_like);
