/* The protobuf wire format: tags and varints, bounds checked. */
#ifndef WELD_IO_WIRE_H
#define WELD_IO_WIRE_H
#include "io/cursor.h"

enum { WELD_WIRE_VARINT = 0, WELD_WIRE_FIXED64 = 1, WELD_WIRE_BYTES = 2, WELD_WIRE_FIXED32 = 5 };

typedef struct weld_wire_field {
    uint32_t number;
    int wire_type;
    uint64_t start;     /* offset of the tag */
    uint64_t length_at; /* BYTES: offset of the length prefix */
    uint64_t payload;   /* offset of the contents (after the length, if any) */
    uint64_t size;      /* bytes of the contents */
} weld_wire_field;

/* Reads the field at *at, which ends at `end` at the latest; *at moves behind it. WELD_E_FORMAT says
 * where. */
weld_status weld_wire_next(weld_wire_field *out, weld_cursor *in, uint64_t *at, uint64_t end,
                           weld_error *err);
/* At most 10 bytes, value in 64 bits. `what` it is, for the message. */
weld_status weld_wire_varint(uint64_t *out, weld_cursor *in, uint64_t *at, uint64_t end,
                             const char *what, weld_error *err);
size_t weld_wire_put_varint(unsigned char out[10], uint64_t value);
/* Appends tag and length of a field of that size. */
void weld_wire_put_head(weld_buffer *buffer, uint32_t number, uint64_t size);
/* Appends a length-delimited field. */
void weld_wire_put_bytes(weld_buffer *buffer, uint32_t number, const void *bytes, size_t size);
#endif
