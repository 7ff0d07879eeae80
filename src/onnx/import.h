/* From an ONNX file to a draft of the canonical graph. */
#ifndef WELD_ONNX_IMPORT_H
#define WELD_ONNX_IMPORT_H
#include "core/strmap.h"
#include "ir/graph.h"
#include "onnx/file.h"

/* Fills an initialised draft. `branches` says which branch an If takes, by the name of its first
 * output: 1 then, 0 else. WELD_E_UNSUPPORTED names every operator that we do not have; with `freeze`
 * those are Opaque nodes, as Loop, Scan and open Ifs always are. */
weld_status weld_onnx_import(weld_draft *draft, const weld_onnx_file *file,
                             const weld_strmap *branches, bool freeze, weld_error *err);
/* Fills the draft with what the condition of the `number`-th If that `branches` does not decide is made
 * of; that is its one output. *name (freed with weld_free): the name for `branches`; NULL when there
 * is no such If. */
weld_status weld_onnx_import_condition(char **name, weld_draft *draft, const weld_onnx_file *file,
                                       const weld_strmap *branches, int number, weld_error *err);
#endif
