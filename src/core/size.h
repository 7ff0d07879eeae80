/* Checked size arithmetic: every size that comes from a file goes through here. */
#ifndef WELD_CORE_SIZE_H
#define WELD_CORE_SIZE_H
#include "core/error.h"

WELD_MUST_CHECK static inline bool weld_mul_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}
WELD_MUST_CHECK static inline bool weld_add_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}
WELD_MUST_CHECK static inline bool weld_mul_i64(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}
WELD_MUST_CHECK static inline bool weld_add_i64(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}
#endif
