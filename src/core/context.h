/* The context: allocator with a budget, limits, threads, callbacks. No globals anywhere else. */
#ifndef WELD_CORE_CONTEXT_H
#define WELD_CORE_CONTEXT_H
#include "core/error.h"
#include <stdatomic.h>

struct weld_context {
    weld_allocator allocator;
    weld_limits limits; /* defaults filled in */
    size_t budget_bytes;
    atomic_size_t in_use_bytes;
    int threads; /* >= 1 */
    weld_progress_fn progress;
    void *user;
};

/* Zeroed array of count * size bytes (count 0 gives a valid block), NULL when it can't be had. */
void *weld_alloc(weld_context *ctx, size_t count, size_t size);
/* As realloc; new bytes are not zeroed; on failure NULL and the old block stays. */
void *weld_resize(weld_context *ctx, void *block, size_t count, size_t size);
void weld_free(weld_context *ctx, void *block);
char *weld_strdup(weld_context *ctx, const char *text);
/* With something before it. */
bool weld_ends_with(const char *text, const char *end);
/* The error for a failed weld_alloc: out of memory, or over the budget. */
weld_status weld_fail_memory(weld_context *ctx, weld_error *err, size_t count, size_t size);
/* WELD_E_CANCELLED when the progress callback asks to stop. */
weld_status weld_progress(weld_context *ctx, const char *stage, double fraction, weld_error *err);

/* ptr = zeroed array of `count` elements, or goto done. */
#define WELD_NEW(ptr, ctx, count)                                                                  \
    do {                                                                                           \
        (ptr) = weld_alloc((ctx), (size_t)(count), sizeof *(ptr));                                 \
        if (!(ptr)) {                                                                              \
            st = weld_fail_memory((ctx), err, (size_t)(count), sizeof *(ptr));                     \
            goto done;                                                                             \
        }                                                                                          \
    } while (0)
/* Room for `need` elements in a growing array {ptr, cap}, or goto done. */
#define WELD_GROW(ptr, cap, ctx, need)                                                             \
    do {                                                                                           \
        if ((size_t)(need) > (size_t)(cap)) {                                                      \
            size_t grown_ = (size_t)(cap) + (size_t)(cap) / 2 + 16;                                \
            if (grown_ < (size_t)(need))                                                           \
                grown_ = (size_t)(need);                                                           \
            void *block_ = weld_resize((ctx), (ptr), grown_, sizeof *(ptr));                       \
            if (!block_) {                                                                         \
                st = weld_fail_memory((ctx), err, grown_, sizeof *(ptr));                          \
                goto done;                                                                         \
            }                                                                                      \
            (ptr) = block_;                                                                        \
            (cap) = grown_;                                                                        \
        }                                                                                          \
    } while (0)
#endif
