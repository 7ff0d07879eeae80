#include "io/wire.h"
#include <inttypes.h>

bool weld_wire_varint(uint64_t *out, const unsigned char *bytes, uint64_t *at, uint64_t end)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (*at >= end)
            return false;
        unsigned char byte = bytes[(*at)++];
        if (shift == 63 && byte > 1)
            return false;
        value |= (uint64_t)(byte & 127u) << shift;
        if (byte < 128) {
            *out = value;
            return true;
        }
    }
    return false;
}

weld_status weld_wire_next(weld_wire_field *out, const unsigned char *bytes, uint64_t *at,
                           uint64_t end, weld_error *err)
{
    uint64_t tag, value = 0;
    out->start = *at;
    if (!weld_wire_varint(&tag, bytes, at, end) || tag >> 3 == 0 || tag >> 3 > 536870911)
        return weld_fail(err, WELD_E_FORMAT, "byte %" PRIu64 " is not a field tag", out->start);
    out->number = (uint32_t)(tag >> 3);
    out->wire_type = (int)(tag & 7);
    out->length_at = out->payload = *at;
    switch (out->wire_type) {
    case WELD_WIRE_VARINT:
        if (!weld_wire_varint(&value, bytes, at, end))
            return weld_fail(err, WELD_E_FORMAT, "bad varint at byte %" PRIu64, out->payload);
        out->size = *at - out->payload;
        return WELD_OK;
    case WELD_WIRE_FIXED64: out->size = 8; break;
    case WELD_WIRE_FIXED32: out->size = 4; break;
    case WELD_WIRE_BYTES:
        if (!weld_wire_varint(&value, bytes, at, end))
            return weld_fail(err, WELD_E_FORMAT, "bad length at byte %" PRIu64, out->length_at);
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

void weld_wire_put_bytes(weld_buffer *buffer, uint32_t number, const void *bytes, size_t size)
{
    unsigned char head[10];
    weld_buffer_append(buffer, head, weld_wire_put_varint(head, (uint64_t)number << 3 | 2));
    weld_buffer_append(buffer, head, weld_wire_put_varint(head, size));
    weld_buffer_append(buffer, bytes, size);
}
