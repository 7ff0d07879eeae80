/* Memory of one long-lived object, freed at once. */
#ifndef WELD_CORE_ARENA_H
#define WELD_CORE_ARENA_H
#include "core/context.h"

typedef struct weld_arena {
    weld_context *ctx;
    struct weld_arena_chunk *chunks;
} weld_arena;

void weld_arena_init(weld_arena *arena, weld_context *ctx);
/* Zeroed, 16-byte aligned; NULL when it can't be had. */
void *weld_arena_alloc(weld_arena *arena, size_t count, size_t size);
char *weld_arena_strdup(weld_arena *arena, const char *text);
/* Everything of `from` belongs to `arena` from now on. */
void weld_arena_adopt(weld_arena *arena, weld_arena *from);
void weld_arena_free(weld_arena *arena);

#define WELD_ARENA_NEW(ptr, arena, count)                                                          \
    do {                                                                                           \
        (ptr) = weld_arena_alloc((arena), (size_t)(count), sizeof *(ptr));                         \
        if (!(ptr)) {                                                                              \
            st = weld_fail_memory((arena)->ctx, err, (size_t)(count), sizeof *(ptr));              \
            goto done;                                                                             \
        }                                                                                          \
    } while (0)
#endif
