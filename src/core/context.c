#include "core/context.h"
#include "core/size.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Stands before every block, so that the budget knows its size; 16 keeps malloc's alignment. */
typedef struct block_header {
    size_t size_bytes;
    size_t unused;
} block_header;

static void *libc_resize(void *block, size_t size_bytes, void *user)
{
    (void)user;
    if (size_bytes == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, size_bytes);
}

static size_t machine_budget(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages <= 0 || page <= 0)
        return SIZE_MAX / 4;
    return (size_t)pages / 4 * 3 * (size_t)page;
}

static void fill_limits(weld_limits *limits)
{
    if (!limits->file_bytes_max)
        limits->file_bytes_max = INT32_MAX;
    if (!limits->tensor_bytes_max)
        limits->tensor_bytes_max = UINT64_C(1) << 34;
    if (!limits->nodes_max)
        limits->nodes_max = 100000;
    if (!limits->tensors_max)
        limits->tensors_max = 100000;
    if (!limits->depth_max)
        limits->depth_max = 64;
    if (!limits->name_bytes_max)
        limits->name_bytes_max = 4096;
}

weld_status weld_context_create(weld_context **out, const weld_context_options *options,
                                weld_error *err)
{
    const weld_context_options defaults = WELD_CONTEXT_OPTIONS_INIT;
    const weld_context_options *o = options ? options : &defaults;
    *out = NULL;
    if (o->struct_size != sizeof *o)
        return weld_fail(err, WELD_E_ARGUMENT, "context options of %u bytes, expected %zu",
                         o->struct_size, sizeof *o);
    if (o->threads < 0 || o->threads > 1024)
        return weld_fail(err, WELD_E_ARGUMENT, "%d threads, allowed 0 to 1024", o->threads);
    weld_allocator allocator = o->allocator;
    if (!allocator.resize)
        allocator.resize = libc_resize;
    weld_context *ctx = allocator.resize(NULL, sizeof *ctx, allocator.user);
    if (!ctx)
        return weld_fail(err, WELD_E_NOMEM, "out of memory");
    memset(ctx, 0, sizeof *ctx);
    ctx->allocator = allocator;
    ctx->limits = o->limits;
    fill_limits(&ctx->limits);
    ctx->budget_bytes = o->memory_bytes_max ? (size_t)o->memory_bytes_max : machine_budget();
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    ctx->threads = o->threads ? o->threads : processors > 0 ? (int)processors : 1;
    ctx->progress = o->progress;
    ctx->user = o->user;
    *out = ctx;
    return WELD_OK;
}

void weld_context_free(weld_context *ctx)
{
    if (ctx)
        ctx->allocator.resize(ctx, 0, ctx->allocator.user);
}

static bool reserve(weld_context *ctx, size_t bytes)
{
    size_t before = atomic_fetch_add(&ctx->in_use_bytes, bytes);
    if (before + bytes <= ctx->budget_bytes && before + bytes >= before)
        return true;
    atomic_fetch_sub(&ctx->in_use_bytes, bytes);
    return false;
}

void *weld_resize(weld_context *ctx, void *block, size_t count, size_t size)
{
    size_t bytes, total;
    if (!weld_mul_size(count ? count : 1, size, &bytes) ||
        !weld_add_size(bytes, sizeof(block_header), &total))
        return NULL;
    block_header *old = block ? (block_header *)block - 1 : NULL;
    size_t old_total = old ? old->size_bytes : 0;
    if (!reserve(ctx, total))
        return NULL;
    block_header *fresh = ctx->allocator.resize(old, total, ctx->allocator.user);
    atomic_fetch_sub(&ctx->in_use_bytes, fresh ? old_total : total);
    if (!fresh)
        return NULL;
    fresh->size_bytes = total;
    return fresh + 1;
}

void *weld_alloc(weld_context *ctx, size_t count, size_t size)
{
    void *block = weld_resize(ctx, NULL, count, size);
    if (block)
        memset(block, 0, (count ? count : 1) * size);
    return block;
}

void weld_free(weld_context *ctx, void *block)
{
    if (!block)
        return;
    block_header *header = (block_header *)block - 1;
    atomic_fetch_sub(&ctx->in_use_bytes, header->size_bytes);
    ctx->allocator.resize(header, 0, ctx->allocator.user);
}

bool weld_ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

char *weld_strdup(weld_context *ctx, const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = weld_alloc(ctx, n, 1);
    if (copy)
        memcpy(copy, text, n);
    return copy;
}

weld_status weld_fail_memory(weld_context *ctx, weld_error *err, size_t count, size_t size)
{
    size_t bytes;
    if (!weld_mul_size(count, size, &bytes))
        return weld_fail(err, WELD_E_LIMIT, "%zu elements of %zu bytes overflow", count, size);
    if (bytes > ctx->budget_bytes - atomic_load(&ctx->in_use_bytes))
        return weld_fail(err, WELD_E_LIMIT, "%zu bytes more would pass the memory budget of %zu",
                         bytes, ctx->budget_bytes);
    return weld_fail(err, WELD_E_NOMEM, "out of memory (%zu bytes)", bytes);
}

weld_status weld_progress(weld_context *ctx, const char *stage, double fraction, weld_error *err)
{
    if (ctx->progress && !ctx->progress(stage, fraction, ctx->user))
        return weld_fail(err, WELD_E_CANCELLED, "cancelled during %s", stage);
    return WELD_OK;
}

const char *weld_version(void)
{
    return "0.1.0";
}
