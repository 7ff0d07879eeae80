#include "ops/operand.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

const weld_field weld_no_fields[] = {{0}};
const weld_field weld_in_place_fields[] = {
    {"consumed_inputs", WELD_FIELD_IGNORED, 0, 0.0, NULL, false}, {0}};

static const char *type_name(weld_dtype dtype)
{
    const char *name = weld_dtype_name((int)dtype);
    return name ? name : "unknown";
}

weld_status weld_operand_type(const weld_infer *inf, int i, unsigned types, weld_error *err)
{
    if (!weld_infer_shape(inf, i))
        return weld_fail(err, WELD_E_FORMAT, "input %d is missing", i);
    const weld_dtype dtype = weld_infer_dtype(inf, i);
    if (dtype < WELD_DTYPE_COUNT && types >> dtype & 1u)
        return WELD_OK;
    char list[200] = "";
    size_t used = 0;
    for (int t = 0; t < WELD_DTYPE_COUNT; t++)
        if (types >> t & 1u && used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "",
                                     weld_dtype_name(t));
    return weld_fail(err, WELD_E_UNSUPPORTED, "input %d has element type %s, supported: %s", i,
                     type_name(dtype), list);
}

weld_status weld_operand_agree(const weld_infer *inf, int i, int j, weld_error *err)
{
    const weld_dtype a = weld_infer_dtype(inf, i), b = weld_infer_dtype(inf, j);
    if (a == b)
        return WELD_OK;
    return weld_fail(err, WELD_E_FORMAT,
                     "input %d has element type %s, input %d has %s; they must agree", j,
                     type_name(b), i, type_name(a));
}

weld_status weld_operand_axis(int *out, int64_t axis, int rank, weld_error *err)
{
    if (axis < -rank || axis >= rank)
        return weld_fail(err, WELD_E_FORMAT, "axis %" PRId64 " of an input of rank %d", axis, rank);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return WELD_OK;
}

weld_status weld_unary_infer(weld_infer *inf, unsigned types, weld_dtype result, weld_error *err)
{
    const weld_status st = weld_operand_type(inf, 0, types, err);
    if (st != WELD_OK)
        return st;
    const weld_dtype dtype = result == WELD_UNDEFINED ? weld_infer_dtype(inf, 0) : result;
    return weld_infer_set(inf, 0, dtype, weld_infer_shape(inf, 0), err);
}

weld_lines weld_lines_of(const weld_shape *shape, int from, int to)
{
    return (weld_lines){weld_shape_span(shape, 0, from), weld_shape_span(shape, from, to),
                        weld_shape_span(shape, to, shape->rank)};
}

bool weld_entry_less(const weld_tensor *t, int64_t i, int64_t j)
{
    if (!weld_dtype_is_float(t->dtype))
        return weld_int_key(t->dtype, t->i[i]) < weld_int_key(t->dtype, t->i[j]);
    const double a = weld_tensor_number(t, i), b = weld_tensor_number(t, j);
    return a < b || (isnan(b) && !isnan(a));
}

int64_t weld_int_wrap(weld_dtype dtype, int64_t value)
{
    switch ((int)dtype) {
    case WELD_BOOL: return value != 0;
    case WELD_INT8: return (int8_t)value;
    case WELD_INT16: return (int16_t)value;
    case WELD_INT32: return (int32_t)value;
    case WELD_UINT8: return (uint8_t)value;
    case WELD_UINT16: return (uint16_t)value;
    case WELD_UINT32: return (uint32_t)value;
    default: return value;
    }
}

void weld_int_wrap_all(weld_tensor *t)
{
    if (weld_dtype_is_float(t->dtype) || weld_dtype_size(t->dtype) == sizeof(int64_t))
        return;
    const int64_t count = weld_shape_numel(&t->shape);
    for (int64_t k = 0; k < count; k++)
        t->i[k] = weld_int_wrap(t->dtype, t->i[k]);
}

double weld_int_to_double(weld_dtype dtype, int64_t value)
{
    return dtype == WELD_UINT64 ? (double)(uint64_t)value : (double)value;
}

int64_t weld_int_from_double(double value)
{
    if (!(value >= -0x1p63 && value < 0x1p63))
        return INT64_MIN;
    return (int64_t)value;
}

weld_status weld_operand_integers(const weld_tensor **out, const weld_infer *inf, int i,
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
