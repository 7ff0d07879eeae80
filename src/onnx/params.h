/* Values of parameters, between their homes in a file and their canonical form. */
#ifndef WELD_ONNX_PARAMS_H
#define WELD_ONNX_PARAMS_H
#include "ir/paramset.h"
#include "onnx/file.h"

/* Elements of a parameter in its compute type, as an origin gives them (see ir/paramset.h). */
weld_status weld_onnx_read_param(void *out, const weld_onnx_file *file, const weld_param *param,
                                 const weld_home *home, weld_order order, size_t first,
                                 size_t count, weld_error *err);
/* Can they be read in parts? */
bool weld_onnx_param_in_parts(const weld_onnx_file *file, const weld_param *param,
                              const weld_home *home, weld_order order);
/* Does the way from the tensor to the parameter move elements, or change their values? */
bool weld_home_moves(const weld_home *home);
bool weld_home_folds(const weld_home *home);
/* Elements that come to the same places of both parameters stand in the same places of both tensors,
 * and their values are what the files hold. */
bool weld_homes_alike(const weld_home *a, const weld_home *b);
/* What parameter p of `values` becomes in the tensor of its home: *out [numel] in the compute type of
 * the tensor, freed with weld_free. *same: the values are those of the file,
 * and so is *out. */
weld_status weld_onnx_stored_values(void **out, bool *same, const weld_onnx_file *file,
                                    const weld_paramset *values, int p, const weld_home *home,
                                    weld_error *err);
#endif
