/* From an ONNX file to a draft of the canonical graph, and its parameters' values. */
#ifndef WELD_ONNX_IMPORT_H
#define WELD_ONNX_IMPORT_H
#include "ir/paramset.h"
#include "onnx/file.h"

/* Fills an initialised draft. WELD_E_UNSUPPORTED names every operator that we do not have. */
weld_status weld_onnx_import(weld_draft *draft, const weld_onnx_file *file, weld_error *err);
/* Values of all parameters, read from their homes. */
weld_status weld_onnx_read_params(weld_paramset **out, const weld_onnx_file *file,
                                  const weld_graph *graph, const weld_home *homes, weld_error *err);
#endif
