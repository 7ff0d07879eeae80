/* The unpacked skeleton; only src/onnx sees protobuf-c. */
#ifndef WELD_ONNX_SKELETON_H
#define WELD_ONNX_SKELETON_H
#include "onnx.pb-c.h"
#include "onnx/file.h"

/* Unpacks the skeleton with the context's allocator, so that the budget holds. */
weld_status weld_skeleton_unpack(Weld__Onnx__Model **out, const weld_onnx_file *file,
                                 weld_error *err);
void weld_skeleton_free(const weld_onnx_file *file, Weld__Onnx__Model *model);
/* Index of a skeleton tensor in the table, -1 = none. */
int weld_skeleton_index(const weld_onnx_file *file, const Weld__Onnx__Tensor *tensor);
const char *weld_protobuf_library(void);
#endif
