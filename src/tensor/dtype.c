/* Element types: names, sizes, and the way between stored and computed elements. */
#include "tensor/tensor.h"
#include <math.h>
#include <string.h>

typedef struct dtype_row {
    const char *name;
    size_t size; /* stored bytes; 0 = can't be read */
} dtype_row;

static const dtype_row rows[WELD_DTYPE_COUNT] = {
    [WELD_FLOAT] = {"float", 4},   [WELD_UINT8] = {"uint8", 1},
    [WELD_INT8] = {"int8", 1},     [WELD_UINT16] = {"uint16", 2},
    [WELD_INT16] = {"int16", 2},   [WELD_INT32] = {"int32", 4},
    [WELD_INT64] = {"int64", 8},   [WELD_STRING] = {"string", 0},
    [WELD_BOOL] = {"bool", 1},     [WELD_FLOAT16] = {"float16", 2},
    [WELD_DOUBLE] = {"double", 8}, [WELD_UINT32] = {"uint32", 4},
    [WELD_UINT64] = {"uint64", 8}, [14] = {"complex64", 0},
    [15] = {"complex128", 0},      [WELD_BFLOAT16] = {"bfloat16", 2},
    [17] = {"float8e4m3fn", 0},    [18] = {"float8e4m3fnuz", 0},
    [19] = {"float8e5m2", 0},      [20] = {"float8e5m2fnuz", 0},
    [21] = {"uint4", 0},           [22] = {"int4", 0},
    [23] = {"float4e2m1", 0},
};

static const dtype_row *row_of(int dtype)
{
    static const dtype_row none = {NULL, 0};
    return dtype >= 0 && dtype < WELD_DTYPE_COUNT ? &rows[dtype] : &none;
}

const char *weld_dtype_name(int dtype)
{
    return row_of(dtype)->name;
}

size_t weld_dtype_size(int dtype)
{
    return row_of(dtype)->size;
}

size_t weld_compute_size(int dtype)
{
    return weld_dtype_is_float(dtype) && dtype != WELD_DOUBLE ? sizeof(float) : sizeof(int64_t);
}

void weld_tensor_set_number(weld_tensor *t, int64_t k, double value)
{
    if (t->dtype == WELD_DOUBLE)
        t->d[k] = value;
    else if (weld_dtype_is_float(t->dtype))
        t->f[k] = (float)value;
    else
        t->i[k] = (int64_t)value;
}

void weld_convert_reals(void *out, weld_dtype to, const void *in, weld_dtype from, size_t count)
{
    const bool wide_in = from == WELD_DOUBLE, wide_out = to == WELD_DOUBLE;
    if (wide_in == wide_out) {
        if (count)
            memmove(out, in, count * weld_compute_size(to));
        return;
    }
    for (size_t k = 0; k < count; k++) {
        if (wide_in)
            ((float *)out)[k] = (float)((const double *)in)[k];
        else
            ((double *)out)[k] = (double)((const float *)in)[k];
    }
}

static float bits_to_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t float_to_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t exponent = (half >> 10) & 31u, mantissa = half & 1023u;
    if (exponent == 31)
        return bits_to_float(sign | 0x7f800000u | mantissa << 13);
    if (exponent)
        return bits_to_float(sign | (exponent + 112) << 23 | mantissa << 13);
    float value = (float)mantissa * 0x1p-24f;
    return sign ? -value : value;
}

/* Round to nearest, ties to even. */
static uint16_t float_to_half(float value)
{
    uint32_t bits = float_to_bits(value), magnitude = bits & 0x7fffffffu;
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);
    const uint32_t payload = magnitude >> 13 & 0x3ffu; /* of a NaN: kept, as far as it fits */
    if (magnitude > 0x7f800000u)
        return (uint16_t)(sign | 0x7c00u | (payload ? payload : 0x200u));
    if (magnitude >= 0x477ff000u) /* rounds to 65536 or more */
        return (uint16_t)(sign | 0x7c00u);
    if (magnitude < 0x38800000u) /* subnormal half: units of 2^-24 */
        return (uint16_t)(sign | (uint16_t)lrintf(fabsf(value) * 0x1p24f));
    uint32_t rounded = magnitude + 0xfffu + (magnitude >> 13 & 1u);
    return (uint16_t)(sign | (rounded - 0x38000000u) >> 13);
}

static uint16_t float_to_bfloat(float value)
{
    uint32_t bits = float_to_bits(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(bits >> 16 | (bits >> 16 & 0x7fu ? 0 : 0x40u));
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

static float decode_float(weld_dtype dtype, const unsigned char *p)
{
    uint16_t half;
    float value;
    switch ((int)dtype) {
    case WELD_FLOAT16: memcpy(&half, p, sizeof half); return half_to_float(half);
    case WELD_BFLOAT16: memcpy(&half, p, sizeof half); return bits_to_float((uint32_t)half << 16);
    default: memcpy(&value, p, sizeof value); return value;
    }
}

static int64_t decode_integer(weld_dtype dtype, const unsigned char *p)
{
    uint64_t bits = 0;
    size_t size = weld_dtype_size(dtype);
    for (size_t k = 0; k < size; k++)
        bits |= (uint64_t)p[k] << 8 * k;
    bool is_signed = dtype == WELD_INT8 || dtype == WELD_INT16 || dtype == WELD_INT32;
    if (is_signed && bits >> (8 * size - 1))
        bits |= UINT64_MAX << 8 * size;
    return (int64_t)bits;
}

void weld_decode(void *out, weld_dtype dtype, const void *stored, size_t count)
{
    const unsigned char *p = stored;
    size_t size = weld_dtype_size(dtype);
    if (dtype == WELD_FLOAT || dtype == WELD_DOUBLE || dtype == WELD_INT64) {
        if (count)
            memcpy(out, stored, count * size);
        return;
    }
    for (size_t k = 0; k < count; k++, p += size) {
        if (weld_dtype_is_float(dtype))
            ((float *)out)[k] = decode_float(dtype, p);
        else
            ((int64_t *)out)[k] = decode_integer(dtype, p);
    }
}

static bool became_infinite(weld_dtype dtype, uint16_t half, float value)
{
    uint16_t infinity = dtype == WELD_FLOAT16 ? 0x7c00u : 0x7f80u;
    return (half & 0x7fffu) == infinity && isfinite(value);
}

weld_status weld_encode(void *stored, weld_dtype dtype, const void *values, size_t count,
                        weld_error *err)
{
    unsigned char *p = stored;
    size_t size = weld_dtype_size(dtype);
    const float *f = values;
    for (size_t k = 0; k < count; k++, p += size) {
        if (dtype == WELD_FLOAT16 || dtype == WELD_BFLOAT16) {
            uint16_t half = dtype == WELD_FLOAT16 ? float_to_half(f[k]) : float_to_bfloat(f[k]);
            if (became_infinite(dtype, half, f[k]))
                return weld_fail(err, WELD_E_UNSUPPORTED, "element %zu = %g overflows %s", k,
                                 (double)f[k], weld_dtype_name(dtype));
            memcpy(p, &half, sizeof half);
        } else if (dtype == WELD_DOUBLE) {
            memcpy(p, (const double *)values + k, size);
        } else if (dtype == WELD_FLOAT) {
            memcpy(p, &f[k], sizeof f[k]);
        } else {
            int64_t value = ((const int64_t *)values)[k];
            memcpy(p, &value, size); /* little-endian: the low bytes */
        }
    }
    return WELD_OK;
}
