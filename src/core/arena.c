#include "core/arena.h"
#include "core/size.h"
#include <string.h>

enum { CHUNK_BYTES = 16384 };

struct weld_arena_chunk {
    struct weld_arena_chunk *next;
    size_t used, size;
    _Alignas(16) char data[];
};

void weld_arena_init(weld_arena *arena, weld_context *ctx)
{
    arena->ctx = ctx;
    arena->chunks = NULL;
}

void *weld_arena_alloc(weld_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (!weld_mul_size(count, size, &bytes) || bytes > SIZE_MAX / 2)
        return NULL;
    bytes = (bytes + 15) & ~(size_t)15;
    struct weld_arena_chunk *chunk = arena->chunks;
    if (!chunk || bytes > chunk->size - chunk->used) {
        size_t room = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
        chunk = weld_alloc(arena->ctx, 1, sizeof *chunk + room);
        if (!chunk)
            return NULL;
        chunk->size = room;
        chunk->next = arena->chunks;
        arena->chunks = chunk;
    }
    void *block = chunk->data + chunk->used;
    chunk->used += bytes;
    return block;
}

char *weld_arena_strdup(weld_arena *arena, const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = weld_arena_alloc(arena, n, 1);
    if (copy)
        memcpy(copy, text, n);
    return copy;
}

void weld_arena_adopt(weld_arena *arena, weld_arena *from)
{
    struct weld_arena_chunk **tail = &arena->chunks;
    while (*tail)
        tail = &(*tail)->next;
    *tail = from->chunks;
    from->chunks = NULL;
}

void weld_arena_free(weld_arena *arena)
{
    while (arena->chunks) {
        struct weld_arena_chunk *next = arena->chunks->next;
        weld_free(arena->ctx, arena->chunks);
        arena->chunks = next;
    }
}
