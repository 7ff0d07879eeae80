/* Element types, shapes, contiguous tensors. */
#ifndef WELD_TENSOR_TENSOR_H
#define WELD_TENSOR_TENSOR_H
#include "core/context.h"

/* Values are those of ONNX TensorProto.DataType. */
typedef enum weld_dtype {
    WELD_UNDEFINED = 0,
    WELD_FLOAT = 1,
    WELD_UINT8 = 2,
    WELD_INT8 = 3,
    WELD_UINT16 = 4,
    WELD_INT16 = 5,
    WELD_INT32 = 6,
    WELD_INT64 = 7,
    WELD_STRING = 8,
    WELD_BOOL = 9,
    WELD_FLOAT16 = 10,
    WELD_DOUBLE = 11,
    WELD_UINT32 = 12,
    WELD_UINT64 = 13,
    WELD_BFLOAT16 = 16,
    WELD_DTYPE_COUNT = 32
} weld_dtype;

/* NULL for a number that we do not know. */
const char *weld_dtype_name(int dtype);
/* Bytes of an element in raw_data; 0 for types that we can't read. */
size_t weld_dtype_size(int dtype);
static inline bool weld_dtype_is_float(int dtype)
{
    return dtype == WELD_FLOAT || dtype == WELD_FLOAT16 || dtype == WELD_DOUBLE ||
           dtype == WELD_BFLOAT16;
}

enum { WELD_RANK_MAX = 8 };

typedef struct weld_shape {
    int rank;
    int64_t dims[WELD_RANK_MAX]; /* >= 0 */
} weld_shape;

weld_shape weld_shape_make(int rank, const int64_t *dims);
/* Product of all dims; shapes are checked where they enter, so this can't overflow. */
int64_t weld_shape_numel(const weld_shape *shape);
/* Product of dims [from, to). */
int64_t weld_shape_span(const weld_shape *shape, int from, int to);
bool weld_shape_equal(const weld_shape *a, const weld_shape *b);
/* Writes "[2, 3]" into text and returns it. */
const char *weld_shape_text(const weld_shape *shape, char text[128]);
/* WELD_E_LIMIT or _FORMAT for negative dims or too many elements; the name is for the message. */
weld_status weld_shape_check(const weld_context *ctx, const weld_shape *shape, const char *name,
                             weld_error *err);
/* numpy's rule; WELD_E_FORMAT when the two do not broadcast. */
weld_status weld_shape_broadcast(weld_shape *out, const weld_shape *a, const weld_shape *b,
                                 weld_error *err);

/* We compute in three types: double for double, float32 for the other floating types, int64 for
 * integers and bool.
 * `dtype` is the ONNX type of the value (what Cast made it, what it is stored as). */
typedef struct weld_tensor {
    weld_dtype dtype;
    weld_shape shape;
    union {
        void *data;
        float *f;   /* of float, float16, bfloat16 */
        double *d;  /* of double */
        int64_t *i; /* of integers and bool */
    };
} weld_tensor;

/* Bytes of one element in memory: 4 or 8. */
size_t weld_compute_size(int dtype);
/* Element k of a tensor of any type as a number, and back (truncated for integers). */
static inline double weld_tensor_number(const weld_tensor *t, int64_t k)
{
    if (t->dtype == WELD_DOUBLE)
        return t->d[k];
    if (weld_dtype_is_float(t->dtype))
        return (double)t->f[k];
    return t->dtype == WELD_UINT64 ? (double)(uint64_t)t->i[k] : (double)t->i[k];
}
void weld_tensor_set_number(weld_tensor *t, int64_t k, double value);
/* out[k] = in[k] between two compute types of floating dtypes; rounds to nearest even. */
void weld_convert_reals(void *out, weld_dtype to, const void *in, weld_dtype from, size_t count);
/* Allocates data (zeroed) for dtype and shape. */
weld_status weld_tensor_create(weld_tensor *out, weld_context *ctx, weld_dtype dtype,
                               const weld_shape *shape, weld_error *err);
void weld_tensor_free(weld_context *ctx, weld_tensor *tensor);
/* Type, shape and bits; NULL equals NULL. */
bool weld_tensors_equal(const weld_tensor *a, const weld_tensor *b);
/* All slices along the axis are equal. */
bool weld_tensor_is_uniform(const weld_tensor *x, int axis);

/* Little-endian stored elements <-> compute elements; exact wherever the type allows. */
void weld_decode(void *out, weld_dtype dtype, const void *stored, size_t count);
/* Rounds to nearest even. WELD_E_UNSUPPORTED if a finite value becomes infinite. */
weld_status weld_encode(void *stored, weld_dtype dtype, const void *values, size_t count,
                        weld_error *err);

/* Strides in elements of a contiguous tensor. */
/* inverse[perm[k]] = k for k < rank */
void weld_invert_perm(int *inverse, const int *perm, int rank);
void weld_strides(int64_t strides[WELD_RANK_MAX], const weld_shape *shape);
/* out[.., k, ..] = in[.., index[k], ..] along `axis`; count = length of index; elements of
 * `size` bytes. in: shape; out: shape with dims[axis] = count. */
void weld_gather_axis(void *out, const void *in, const weld_shape *shape, int axis,
                      const int32_t *index, int64_t count, size_t size);
/* out = in with axes permuted: out.dims[k] = in.dims[perm[k]]. */
void weld_transpose(void *out, const void *in, const weld_shape *in_shape, const int *perm,
                    size_t size);
#endif
