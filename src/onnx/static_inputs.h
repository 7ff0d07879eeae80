/* Float parameters that operators need when shapes are inferred (scales of Resize, bounds of Pad). */
#ifndef WELD_ONNX_STATIC_INPUTS_H
#define WELD_ONNX_STATIC_INPUTS_H
#include "ir/graph.h"
#include "onnx/file.h"

/* They become constants, with all that they are computed from. */
weld_status weld_fix_static_inputs(weld_draft *draft, const weld_onnx_file *file, weld_error *err);
#endif
