#include "io/wire.h"
#include <inttypes.h>

weld_status weld_wire_varint(uint64_t *out, weld_cursor *in, uint64_t *at, uint64_t end,
                             const char *what, weld_error *err)
{
    enum { VARINT_BYTES = 10 };
    const size_t n = *at >= end ? 0 : end - *at < VARINT_BYTES ? (size_t)(end - *at) : VARINT_BYTES;
    const unsigned char *bytes = n ? weld_cursor_at(in, *at, n) : NULL;
    uint64_t value = 0;
    if (n && !bytes)
        return weld_cursor_check(in, err);
    for (size_t k = 0; k < n; k++) {
        if (k == VARINT_BYTES - 1 && bytes[k] > 1)
            break;
        value |= (uint64_t)(bytes[k] & 127u) << 7 * k;
        if (bytes[k] < 128) {
            *out = value;
            *at += k + 1;
            return WELD_OK;
        }
    }
    return weld_fail(err, WELD_E_FORMAT, "bad %s at byte %" PRIu64, what, *at);
}

weld_status weld_wire_next(weld_wire_field *out, weld_cursor *in, uint64_t *at, uint64_t end,
                           weld_error *err)
{
    uint64_t tag, value = 0;
    out->start = *at;
    weld_status st = weld_wire_varint(&tag, in, at, end, "field tag", err);
    if (st != WELD_OK)
        return st;
    if (tag >> 3 == 0 || tag >> 3 > 536870911)
        return weld_fail(err, WELD_E_FORMAT, "byte %" PRIu64 " is not a field tag", out->start);
    out->number = (uint32_t)(tag >> 3);
    out->wire_type = (int)(tag & 7);
    out->length_at = out->payload = *at;
    switch (out->wire_type) {
    case WELD_WIRE_VARINT:
        st = weld_wire_varint(&value, in, at, end, "varint", err);
        out->size = *at - out->payload;
        return st;
    case WELD_WIRE_FIXED64: out->size = 8; break;
    case WELD_WIRE_FIXED32: out->size = 4; break;
    case WELD_WIRE_BYTES:
        st = weld_wire_varint(&value, in, at, end, "length", err);
        if (st != WELD_OK)
            return st;
        out->payload = *at;
        out->size = value;
        break;
    default:
        return weld_fail(err, WELD_E_FORMAT, "wire type %d of field %u at byte %" PRIu64,
                         out->wire_type, out->number, out->start);
    }
    if (out->size > end - *at)
        return weld_fail(err, WELD_E_FORMAT,
                         "field %u at byte %" PRIu64 " has %" PRIu64 " bytes, only %" PRIu64
                         " are left",
                         out->number, out->start, out->size, end - *at);
    *at += out->size;
    return WELD_OK;
}

size_t weld_wire_put_varint(unsigned char out[10], uint64_t value)
{
    size_t n = 0;
    for (; value > 127; value >>= 7)
        out[n++] = (unsigned char)(value | 128u);
    out[n++] = (unsigned char)value;
    return n;
}

void weld_wire_put_head(weld_buffer *buffer, uint32_t number, uint64_t size)
{
    unsigned char head[10];
    weld_buffer_append(buffer, head, weld_wire_put_varint(head, (uint64_t)number << 3 | 2));
    weld_buffer_append(buffer, head, weld_wire_put_varint(head, size));
}

void weld_wire_put_bytes(weld_buffer *buffer, uint32_t number, const void *bytes, size_t size)
{
    weld_wire_put_head(buffer, number, size);
    weld_buffer_append(buffer, bytes, size);
}
