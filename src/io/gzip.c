#include "io/gzip.h"
#include <string.h>
#include <zlib.h>

typedef struct unpacker {
    weld_context *ctx;
    const weld_gzip_input *input;
    z_stream stream;
    size_t used; /* bytes of the input that were consumed */
    unsigned char *out;
    size_t size, room;
} unpacker;

bool weld_is_gzip(const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    return size >= 3 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8;
}

/* Through our allocator, so that the budget holds. */
static void *z_alloc(void *opaque, unsigned count, unsigned size)
{
    return weld_alloc(opaque, count, size);
}

static void z_free(void *opaque, void *block)
{
    weld_free(opaque, block);
}

/* One call of inflate, with as much input and output room as a uInt can say. */
static weld_status step(unpacker *u, int *code, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t most = 1u << 30;
    size_t cap = u->input->cap;
    if (u->size == u->room) {
        size_t need = u->room < cap ? u->room + 1 : cap + 1;
        WELD_REQUIRE(u->size <= cap, WELD_E_LIMIT, "%s: unpacks to more than %zu bytes",
                     u->input->name, cap);
        WELD_GROW(u->out, u->room, u->ctx, need);
    }
    size_t in = u->input->size - u->used, room = u->room - u->size;
    in = in < most ? in : most;
    room = room < most ? room : most;
    u->stream.next_in = (z_const Bytef *)((const unsigned char *)u->input->bytes + u->used);
    u->stream.avail_in = (uInt)in;
    u->stream.next_out = u->out + u->size;
    u->stream.avail_out = (uInt)room;
    *code = inflate(&u->stream, Z_NO_FLUSH);
    u->used += in - u->stream.avail_in;
    u->size += room - u->stream.avail_out;
    WELD_REQUIRE(u->size <= cap, WELD_E_LIMIT, "%s: unpacks to more than %zu bytes", u->input->name,
                 cap);
done:
    return st;
}

static weld_status unpack_member(unpacker *u, weld_error *err)
{
    weld_status st = WELD_OK;
    int code = Z_OK;
    while (code != Z_STREAM_END) {
        size_t used = u->used, size = u->size;
        WELD_TRY(step(u, &code, err));
        if (code == Z_STREAM_END)
            break;
        WELD_REQUIRE(code != Z_MEM_ERROR, WELD_E_NOMEM, "%s: out of memory in gzip",
                     u->input->name);
        bool stuck = u->used == used && u->size == size && u->size < u->room;
        WELD_REQUIRE(!(stuck && u->used == u->input->size), WELD_E_FORMAT,
                     "%s: gzip data is cut off at byte %zu", u->input->name, u->used);
        WELD_REQUIRE((code == Z_OK || code == Z_BUF_ERROR) && !stuck, WELD_E_FORMAT,
                     "%s: bad gzip data at byte %zu: %s", u->input->name, u->used,
                     u->stream.msg ? u->stream.msg : "unknown error");
    }
done:
    return st;
}

static weld_status check_rest(const unpacker *u, weld_error *err)
{
    const unsigned char *bytes = u->input->bytes;
    for (size_t k = u->used; k < u->input->size; k++)
        if (bytes[k])
            return weld_fail(err, WELD_E_FORMAT,
                             "%s: byte 0x%02x at %zu follows the end of the gzip data",
                             u->input->name, bytes[k], k);
    return WELD_OK;
}

weld_status weld_gunzip(void **out, size_t *out_size, weld_context *ctx,
                        const weld_gzip_input *input, weld_error *err)
{
    weld_status st = WELD_OK;
    unpacker u = {.ctx = ctx, .input = input};
    bool open = false;
    *out = NULL;
    *out_size = 0;
    u.stream.zalloc = z_alloc;
    u.stream.zfree = z_free;
    u.stream.opaque = ctx;
    WELD_REQUIRE(weld_is_gzip(input->bytes, input->size), WELD_E_FORMAT, "%s: is not gzip data",
                 input->name);
    WELD_REQUIRE(inflateInit2(&u.stream, 15 + 16) == Z_OK, WELD_E_NOMEM,
                 "%s: out of memory in gzip", input->name);
    open = true;
    do {
        WELD_TRY(unpack_member(&u, err));
        WELD_REQUIRE(inflateReset(&u.stream) == Z_OK, WELD_E_INTERNAL, "%s: gzip reset",
                     input->name);
    } while (weld_is_gzip((const char *)input->bytes + u.used, input->size - u.used));
    WELD_TRY(check_rest(&u, err));
    if (!u.out)
        WELD_NEW(u.out, ctx, 1);
    *out = u.out;
    *out_size = u.size;
    u.out = NULL;
done:
    if (open)
        inflateEnd(&u.stream);
    weld_free(ctx, u.out);
    return st;
}

const char *weld_gzip_library(void)
{
    return zlibVersion();
}
