/* Tensors whose data lie in files of their own, beside the model. */
#ifndef WELD_ONNX_EXTERNAL_H
#define WELD_ONNX_EXTERNAL_H
#include "onnx/file.h"
#include "onnx/skeleton.h"

/* Opens the file that the tensor names (once for all tensors that name it), below the model's
 * folder, and checks that the tensor's bytes are there. */
weld_status weld_external_locate(weld_onnx_file *file, const Weld__Onnx__Tensor *tensor, int index,
                                 weld_error *err);
#endif
