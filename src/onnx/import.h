/* From an ONNX file to a draft of the canonical graph. */
#ifndef WELD_ONNX_IMPORT_H
#define WELD_ONNX_IMPORT_H
#include "core/strmap.h"
#include "ir/graph.h"
#include "onnx/copies.h"

typedef struct weld_import_options {
    const weld_strmap *branches; /* which branch an If takes, by its first output: 1 then, 0 else */
    const weld_copies *copies;   /* that readers of shared tensors get; NULL = none */
    bool freeze;                 /* operators that we do not have are Opaque nodes */
} weld_import_options;

/* Fills an initialised draft. WELD_E_UNSUPPORTED names every operator that we do not have, without
 * `freeze`; Loop, Scan and open Ifs are always Opaque. */
weld_status weld_onnx_import(weld_draft *draft, const weld_onnx_file *file,
                             const weld_import_options *options, weld_error *err);
/* Fills the draft with what the condition of the `number`-th If that `branches` does not decide is made
 * of; that is its one output. *name (freed with weld_free): the name for `branches`; NULL when there
 * is no such If. */
weld_status weld_onnx_import_condition(char **name, weld_draft *draft, const weld_onnx_file *file,
                                       const weld_strmap *branches, int number, weld_error *err);
#endif
