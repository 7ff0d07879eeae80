/* Files that people give instead of a model, known by their contents. */
#ifndef WELD_ONNX_FOREIGN_H
#define WELD_ONNX_FOREIGN_H
#include "io/archive.h"

/* What the file of `size` bytes that begins with head [n] is, and what to do about it; NULL = nothing that
 * we know. */
const char *weld_foreign_file(const unsigned char *head, size_t n, uint64_t size);
/* The same of an archive with a member of this name. */
const char *weld_foreign_member(const char *member);
#endif
