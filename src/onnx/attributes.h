/* Attributes of a node, read by the operator's field table. */
#ifndef WELD_ONNX_ATTRIBUTES_H
#define WELD_ONNX_ATTRIBUTES_H
#include "onnx/skeleton.h"
#include "ops/op.h"

/* *out is allocated in `arena`, padded with zeros: equal attributes have equal bytes. */
weld_status weld_read_attributes(void **out, weld_arena *arena, const weld_op *op,
                                 const Weld__Onnx__Node *proto, const weld_onnx_file *file,
                                 weld_error *err);
/* A tensor of the file, its data in `arena`. */
weld_status weld_arena_tensor(const weld_tensor **out, weld_arena *arena,
                              const weld_onnx_file *file, int tensor, weld_error *err);
#endif
