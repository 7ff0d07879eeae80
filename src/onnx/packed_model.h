/* Models as users name them: a file, a .gz of it, ARCHIVE#MEMBER, or an archive with one .onnx. */
#ifndef WELD_ONNX_PACKED_MODEL_H
#define WELD_ONNX_PACKED_MODEL_H
#include "io/source.h"

/* A file is not read here; members of archives are in memory. What the model has beside it in its archive
 * can be had until weld_source_leave_archive(). */
weld_status weld_packed_model_open(weld_source **out, weld_context *ctx, const char *path,
                                   weld_error *err);
#endif
