/* Values of parameters, between their homes in a file and their canonical form. */
#ifndef WELD_ONNX_PARAMS_H
#define WELD_ONNX_PARAMS_H
#include "ir/paramset.h"
#include "onnx/file.h"

/* Values of all parameters, read from their homes. */
weld_status weld_onnx_read_params(weld_paramset **out, const weld_onnx_file *file,
                                  const weld_graph *graph, const weld_home *homes, weld_error *err);
/* One parameter; `out` has room for it in its compute type. */
weld_status weld_onnx_read_param(void *out, const weld_onnx_file *file, const weld_param *param,
                                 const weld_home *home, weld_error *err);
/* `data` [numel], canonical elements of `dtype`, become stored ones in place. `scratch` is as large. */
weld_status weld_home_backward(const weld_home *home, const weld_onnx_file *file, void *data,
                               void *scratch, weld_dtype dtype, weld_error *err);
#endif
