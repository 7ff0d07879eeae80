/* A file that is one TensorProto: the input_K.pb and output_K.pb of ONNX's test folders. */
#ifndef WELD_ONNX_TENSOR_FILE_H
#define WELD_ONNX_TENSOR_FILE_H
#include "core/buffer.h"
#include "io/source.h"
#include "tensor/tensor.h"

/* The same of bytes; `label` is for messages. */
weld_status weld_tensor_parse(weld_tensor *out, char **name, weld_context *ctx, const void *bytes,
                              size_t size, const char *label, weld_error *err);
/* Appends `tensor` as a TensorProto, in its own type. */
weld_status weld_tensor_file_write(weld_buffer *out, const char *name, const weld_tensor *tensor,
                                   weld_error *err);
/* *name (freed with weld_free) is "" when the file names none. */
weld_status weld_tensor_file_read(weld_tensor *out, char **name, weld_context *ctx,
                                  const char *path, weld_error *err);
#endif
