/* NumPy's .npy, versions 1 to 3: numbers only, never pickles. */
#ifndef WELD_IO_NPY_H
#define WELD_IO_NPY_H
#include "core/buffer.h"
#include "tensor/tensor.h"

typedef struct weld_npy {
    weld_dtype dtype;
    size_t size; /* bytes of an element */
    bool big_endian, fortran;
    weld_shape shape;
    int64_t count;             /* elements */
    const unsigned char *data; /* borrowed from the bytes that were parsed */
    const char *name;          /* borrowed, for messages */
} weld_npy;

bool weld_is_npy(const void *bytes, size_t size);
/* All bytes must be accounted for: neither short nor followed by others. */
weld_status weld_npy_parse(weld_npy *out, const weld_context *ctx, const void *bytes, size_t size,
                           const char *name, weld_error *err);
/* Elements [first, first + n) in C order, whatever the order in the file, in their compute type. */
weld_status weld_npy_decode(void *out, const weld_npy *npy, int64_t first, int64_t n,
                            weld_error *err);
/* The same as float, from any type. */
weld_status weld_npy_to_float(float *out, const weld_npy *npy, int64_t first, int64_t n,
                              weld_error *err);
/* WELD_E_FORMAT for floating arrays. */
weld_status weld_npy_to_int64(int64_t *out, const weld_npy *npy, int64_t first, int64_t n,
                              weld_error *err);

/* Appends `tensor` as an .npy file of version 1, in its own type; float16 and bfloat16 as
 * the float32 that they were computed in. */
weld_status weld_npy_write(weld_buffer *out, const weld_tensor *tensor, weld_error *err);
#endif
