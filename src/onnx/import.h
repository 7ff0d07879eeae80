/* From an ONNX file to a draft of the canonical graph. */
#ifndef WELD_ONNX_IMPORT_H
#define WELD_ONNX_IMPORT_H
#include "ir/graph.h"
#include "onnx/file.h"

/* Fills an initialised draft. WELD_E_UNSUPPORTED names every operator that we do not have. */
weld_status weld_onnx_import(weld_draft *draft, const weld_onnx_file *file, weld_error *err);
#endif
