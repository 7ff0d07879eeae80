/* Named arrays, behind weld_values. */
#ifndef WELD_API_VALUES_H
#define WELD_API_VALUES_H
#include "core/buffer.h"
#include "tensor/tensor.h"

typedef struct weld_named {
    char *name;
    weld_tensor tensor;
} weld_named;

struct weld_values {
    weld_context *ctx;
    weld_named *items;
    size_t count, cap;
};

weld_status weld_values_new(weld_values **out, weld_context *ctx, weld_error *err);
/* Takes the tensor over, also on failure; the name is copied. */
weld_status weld_values_add(weld_values *values, const char *name, weld_tensor *tensor,
                            weld_error *err);
/* The item of this name, NULL when there is none. */
const weld_tensor *weld_values_find(const weld_values *values, const char *name);
/* Appends them as an .npz; equal values give equal bytes. */
weld_status weld_values_npz(weld_buffer *out, const weld_values *values, weld_error *err);
#endif
