#include "onnx/scan.h"
#include "io/wire.h"
#include <inttypes.h>
#include <string.h>

/* What a length-delimited field holds. */
typedef enum content { C_SKIP, C_NAME, C_BYTES, C_PACKED, C_PAYLOAD, C_MESSAGE } content;

typedef enum message {
    M_MODEL,
    M_GRAPH,
    M_NODE,
    M_ATTRIBUTE,
    M_TENSOR,
    M_SPARSE,
    M_VALUE_INFO,
    M_TYPE,
    M_TENSOR_TYPE,
    M_SHAPE,
    M_DIMENSION,
    M_ENTRY,
    M_OPSET,
    M_FUNCTION
} message;

typedef struct rule {
    message in;
    uint32_t field;
    content content;
    message child;
    bool single; /* may stand once only: merging of repeated singular messages is not for us */
} rule;

/* Every length-delimited field that we read; others are unknown and left out of the skeleton. */
static const rule rules[] = {
    {M_MODEL, 2, C_NAME, 0, false},
    {M_MODEL, 3, C_NAME, 0, false},
    {M_MODEL, 7, C_MESSAGE, M_GRAPH, true},
    {M_MODEL, 8, C_MESSAGE, M_OPSET, false},
    {M_MODEL, 14, C_MESSAGE, M_ENTRY, false},
    {M_MODEL, 25, C_MESSAGE, M_FUNCTION, false},
    {M_GRAPH, 1, C_MESSAGE, M_NODE, false},
    {M_GRAPH, 2, C_NAME, 0, false},
    {M_GRAPH, 5, C_MESSAGE, M_TENSOR, false},
    {M_GRAPH, 11, C_MESSAGE, M_VALUE_INFO, false},
    {M_GRAPH, 12, C_MESSAGE, M_VALUE_INFO, false},
    {M_GRAPH, 13, C_MESSAGE, M_VALUE_INFO, false},
    {M_GRAPH, 15, C_MESSAGE, M_SPARSE, false},
    {M_NODE, 1, C_NAME, 0, false},
    {M_NODE, 2, C_NAME, 0, false},
    {M_NODE, 3, C_NAME, 0, false},
    {M_NODE, 4, C_NAME, 0, false},
    {M_NODE, 5, C_MESSAGE, M_ATTRIBUTE, false},
    {M_NODE, 7, C_NAME, 0, false},
    {M_ATTRIBUTE, 1, C_NAME, 0, false},
    {M_ATTRIBUTE, 4, C_BYTES, 0, false},
    {M_ATTRIBUTE, 5, C_MESSAGE, M_TENSOR, true},
    {M_ATTRIBUTE, 6, C_MESSAGE, M_GRAPH, true},
    {M_ATTRIBUTE, 7, C_PACKED, 0, false},
    {M_ATTRIBUTE, 8, C_PACKED, 0, false},
    {M_ATTRIBUTE, 9, C_BYTES, 0, false},
    {M_ATTRIBUTE, 10, C_MESSAGE, M_TENSOR, false},
    {M_ATTRIBUTE, 11, C_MESSAGE, M_GRAPH, false},
    {M_ATTRIBUTE, 21, C_NAME, 0, false},
    {M_ATTRIBUTE, 22, C_MESSAGE, M_SPARSE, true},
    {M_TENSOR, 1, C_PACKED, 0, false},
    {M_TENSOR, 4, C_PAYLOAD, 0, false},
    {M_TENSOR, 5, C_PAYLOAD, 0, false},
    {M_TENSOR, 6, C_PAYLOAD, 0, false},
    {M_TENSOR, 7, C_PAYLOAD, 0, false},
    {M_TENSOR, 8, C_NAME, 0, false},
    {M_TENSOR, 9, C_PAYLOAD, 0, false},
    {M_TENSOR, 10, C_PAYLOAD, 0, false},
    {M_TENSOR, 11, C_PAYLOAD, 0, false},
    {M_TENSOR, 13, C_MESSAGE, M_ENTRY, false},
    {M_SPARSE, 1, C_MESSAGE, M_TENSOR, true},
    {M_SPARSE, 2, C_MESSAGE, M_TENSOR, true},
    {M_SPARSE, 3, C_PACKED, 0, false},
    {M_VALUE_INFO, 1, C_NAME, 0, false},
    {M_VALUE_INFO, 2, C_MESSAGE, M_TYPE, true},
    {M_TYPE, 1, C_MESSAGE, M_TENSOR_TYPE, true},
    {M_TENSOR_TYPE, 2, C_MESSAGE, M_SHAPE, true},
    {M_SHAPE, 1, C_MESSAGE, M_DIMENSION, false},
    {M_DIMENSION, 2, C_NAME, 0, false},
    {M_ENTRY, 1, C_NAME, 0, false},
    {M_ENTRY, 2, C_NAME, 0, false},
    {M_OPSET, 1, C_NAME, 0, false},
    {M_FUNCTION, 1, C_NAME, 0, false},
    {M_FUNCTION, 4, C_NAME, 0, false},
    {M_FUNCTION, 5, C_NAME, 0, false},
    {M_FUNCTION, 6, C_NAME, 0, false},
    {M_FUNCTION, 7, C_MESSAGE, M_NODE, false},
    {M_FUNCTION, 9, C_MESSAGE, M_OPSET, false},
    {M_FUNCTION, 10, C_NAME, 0, false},
    {M_FUNCTION, 11, C_MESSAGE, M_ATTRIBUTE, false},
    {M_FUNCTION, 13, C_NAME, 0, false},
    {M_NODE, 8, C_NAME, 0, false},
};

static const rule *rule_for(message in, uint32_t field)
{
    for (size_t k = 0; k < sizeof rules / sizeof rules[0]; k++)
        if (rules[k].in == in && rules[k].field == field)
            return &rules[k];
    return NULL;
}

/* Scalar fields of the messages, which the skeleton keeps. */
static bool keeps_scalar(message in, const weld_wire_field *f)
{
    static const struct {
        message in;
        uint32_t field;
        int wire_type;
    } kept[] = {{M_MODEL, 1, 0},     {M_ATTRIBUTE, 2, 5},   {M_ATTRIBUTE, 3, 0},
                {M_ATTRIBUTE, 7, 5}, {M_ATTRIBUTE, 8, 0},   {M_ATTRIBUTE, 20, 0},
                {M_TENSOR, 1, 0},    {M_TENSOR, 2, 0},      {M_TENSOR, 14, 0},
                {M_SPARSE, 3, 0},    {M_TENSOR_TYPE, 1, 0}, {M_DIMENSION, 1, 0},
                {M_OPSET, 2, 0}};
    for (size_t k = 0; k < sizeof kept / sizeof kept[0]; k++)
        if (kept[k].in == in && kept[k].field == f->number && kept[k].wire_type == f->wire_type)
            return true;
    return false;
}

typedef struct frame {
    message in;
    uint64_t length_at, payload, end;
    size_t skeleton_at; /* where the contents of this message start in the skeleton */
    uint32_t seen;      /* bit per rule.single field below 32 */
    uint32_t field;     /* its number in the parent */
    int tensor;         /* TENSOR: index in the table */
} frame;

enum { DEPTH_MAX = 256 };

typedef struct scanner {
    weld_scan *scan;
    weld_cursor in;
    frame stack[DEPTH_MAX];
    int depth; /* of the innermost open message */
    size_t tensor_cap, meta_cap;
    size_t *piece_cap;
    size_t piece_cap_cap;
} scanner;

static bool is_utf8(const unsigned char *p, uint64_t n)
{
    for (uint64_t k = 0; k < n;) {
        unsigned c = p[k], extra = c < 0x80       ? 0
                                   : c >> 5 == 6  ? 1
                                   : c >> 4 == 14 ? 2
                                   : c >> 3 == 30 ? 3
                                                  : 9;
        uint32_t code = extra == 0 ? c : c & (0x3fu >> extra);
        if (extra == 9 || n - k <= extra || c == 0)
            return false;
        for (unsigned e = 1; e <= extra; e++) {
            if (p[k + e] >> 6 != 2)
                return false;
            code = code << 6 | (p[k + e] & 0x3fu);
        }
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if (code < least[extra] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return false;
        k += extra + 1;
    }
    return true;
}

static weld_status check_name(scanner *s, const weld_wire_field *f, weld_error *err)
{
    uint32_t most = s->scan->ctx->limits.name_bytes_max;
    if (s->stack[s->depth].in == M_ENTRY) /* values of metadata may be long texts */
        most = most < UINT32_MAX / 256 ? most * 256 : UINT32_MAX;
    if (f->size > most)
        return weld_fail(err, WELD_E_LIMIT,
                         "string at byte %" PRIu64 " has %" PRIu64 " bytes, allowed %u", f->payload,
                         f->size, most);
    const unsigned char *text = f->size ? weld_cursor_at(&s->in, f->payload, (size_t)f->size)
                                        : NULL;
    if (f->size && !text)
        return weld_cursor_check(&s->in, err);
    if (!is_utf8(text, f->size))
        return weld_fail(err, WELD_E_FORMAT,
                         "string at byte %" PRIu64 " is not UTF-8 or holds a NUL", f->payload);
    return WELD_OK;
}

static weld_status copy_field(scanner *s, const weld_wire_field *f, weld_error *err)
{
    return weld_cursor_copy(&s->scan->skeleton, &s->in, f->start, f->payload + f->size - f->start,
                            err);
}

/* The messages around the innermost one, which is a tensor: an export may change their lengths. */
static weld_status note_around(scanner *s, weld_tensor_entry *t, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_NEW(t->around, s->scan->ctx, s->depth);
    for (int d = s->depth; d > 0; d--) {
        const frame *at = &s->stack[d];
        t->around[t->around_count++] =
            (weld_enclosure){at->length_at, at->payload, at->end - at->payload};
    }
done:
    return st;
}

static weld_status open_message(scanner *s, const weld_wire_field *f, const rule *r,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    weld_scan *scan = s->scan;
    const weld_limits *limits = &scan->ctx->limits;
    frame *parent = &s->stack[s->depth];
    WELD_REQUIRE(s->depth + 1 < (int)limits->depth_max && s->depth + 1 < DEPTH_MAX, WELD_E_LIMIT,
                 "messages nest deeper than %u at byte %" PRIu64, limits->depth_max, f->start);
    if (r->single) {
        WELD_REQUIRE(!(parent->seen >> f->number & 1u), WELD_E_FORMAT,
                     "field %u at byte %" PRIu64 " stands twice", f->number, f->start);
        parent->seen |= 1u << f->number;
    }
    frame *child = &s->stack[++s->depth];
    *child = (frame){.in = r->child,
                     .length_at = f->length_at,
                     .payload = f->payload,
                     .end = f->payload + f->size,
                     .skeleton_at = scan->skeleton.size,
                     .field = f->number,
                     .tensor = -1};
    if (r->child == M_NODE)
        WELD_REQUIRE(++scan->node_count <= limits->nodes_max, WELD_E_LIMIT, "more than %u nodes",
                     limits->nodes_max);
    if (r->child == M_TENSOR) {
        WELD_REQUIRE((uint32_t)scan->tensor_count < limits->tensors_max, WELD_E_LIMIT,
                     "more than %u tensors", limits->tensors_max);
        WELD_GROW(scan->tensors, s->tensor_cap, scan->ctx, scan->tensor_count + 1);
        WELD_GROW(s->piece_cap, s->piece_cap_cap, scan->ctx, scan->tensor_count + 1);
        s->piece_cap[scan->tensor_count] = 0;
        memset(&scan->tensors[scan->tensor_count], 0, sizeof scan->tensors[0]);
        child->tensor = scan->tensor_count++;
        WELD_TRY(note_around(s, &scan->tensors[child->tensor], err));
    }
done:
    return st;
}

/* The message's contents are in the skeleton from skeleton_at on: put tag and length before. */
static weld_status close_message(scanner *s, weld_error *err)
{
    weld_buffer *b = &s->scan->skeleton;
    frame *f = &s->stack[s->depth--];
    unsigned char head[20];
    if (f->in == M_TENSOR) {
        unsigned char id[4];
        for (int k = 0; k < 4; k++)
            id[k] = (unsigned char)((unsigned)f->tensor >> 8 * k);
        weld_wire_put_bytes(b, 9, id, sizeof id);
    }
    size_t size = b->size - f->skeleton_at;
    size_t n = weld_wire_put_varint(head, (uint64_t)f->field << 3 | 2);
    n += weld_wire_put_varint(head + n, size);
    weld_buffer_append(b, head, n); /* makes room; the bytes go to their place below */
    if (b->failed)
        return weld_buffer_check(b, err);
    memmove(b->data + f->skeleton_at + n, b->data + f->skeleton_at, size);
    memcpy(b->data + f->skeleton_at, head, n);
    return WELD_OK;
}

/* A field that holds a tensor's data, or says that they lie elsewhere. */
static weld_status note_location(scanner *s, const weld_wire_field *f, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_tensor_entry *t = &s->scan->tensors[s->stack[s->depth].tensor];
    size_t cap = (size_t)t->location_count;
    WELD_GROW(t->location, cap, s->scan->ctx, t->location_count + 1);
    t->location[t->location_count++] = (weld_span){f->start, f->payload + f->size - f->start};
done:
    return st;
}

static weld_status add_piece(scanner *s, const weld_wire_field *f, weld_error *err)
{
    weld_status st = WELD_OK;
    int index = s->stack[s->depth].tensor;
    weld_tensor_entry *t = &s->scan->tensors[index];
    size_t cap = s->piece_cap[index];
    if (t->payload_field && t->payload_field != (int)f->number)
        t->payload_field = -1;
    else
        t->payload_field = (int)f->number;
    WELD_GROW(t->pieces, cap, s->scan->ctx, t->piece_count + 1);
    s->piece_cap[index] = cap;
    bool packed = f->wire_type == WELD_WIRE_BYTES;
    t->pieces[t->piece_count++] =
        (weld_enclosure){packed ? f->length_at : f->payload, f->payload, f->size};
    t->payload_bytes += f->size;
    WELD_TRY(note_location(s, f, err));
done:
    return st;
}

static weld_status is_own_metadata(bool *own, scanner *s, const weld_wire_field *f, weld_error *err)
{
    weld_status st = WELD_OK;
    uint64_t at = f->payload;
    weld_wire_field key;
    *own = false;
    while (at < f->payload + f->size) {
        WELD_TRY(weld_wire_next(&key, &s->in, &at, f->payload + f->size, err));
        if (key.number != 1 || key.wire_type != WELD_WIRE_BYTES)
            continue;
        const unsigned char *text = key.size > 9 ? weld_cursor_at(&s->in, key.payload, 9) : NULL;
        *own = text && memcmp(text, "onnxweld.", 9) == 0;
        return weld_cursor_check(&s->in, err);
    }
done:
    return st;
}

static weld_status note_own_metadata(scanner *s, const weld_wire_field *f, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_scan *scan = s->scan;
    bool own;
    if (s->depth != 0 || f->number != 14)
        return WELD_OK;
    WELD_TRY(is_own_metadata(&own, s, f, err));
    if (!own)
        return WELD_OK;
    WELD_GROW(scan->own_metadata, s->meta_cap, scan->ctx, scan->own_metadata_count + 1);
    scan->own_metadata[scan->own_metadata_count++] =
        (weld_span){f->start, f->payload + f->size - f->start};
done:
    return st;
}

static weld_status take_field(scanner *s, const weld_wire_field *f, weld_error *err)
{
    message in = s->stack[s->depth].in;
    const rule *r = rule_for(in, f->number);
    bool is_payload = in == M_TENSOR && r && r->content == C_PAYLOAD;
    if (f->wire_type != WELD_WIRE_BYTES) {
        if (is_payload) /* one element that was not packed */
            return add_piece(s, f, err);
        if (in == M_TENSOR && f->number == 14 && f->wire_type == WELD_WIRE_VARINT) {
            weld_status st = note_location(s, f, err);
            const unsigned char *where = weld_cursor_at(&s->in, f->payload, 1);
            if (st != WELD_OK || !where)
                return st != WELD_OK ? st : weld_cursor_check(&s->in, err);
            s->scan->tensors[s->stack[s->depth].tensor].external = *where == 1;
        }
        if (r && !keeps_scalar(in, f))
            return weld_fail(err, WELD_E_FORMAT, "field %u at byte %" PRIu64 " has wire type %d",
                             f->number, f->start, f->wire_type);
        return keeps_scalar(in, f) ? copy_field(s, f, err) : WELD_OK;
    }
    if (!r) { /* unknown, or a scalar in the wrong wire type */
        weld_wire_field scalar = *f;
        for (scalar.wire_type = 0; scalar.wire_type < 6; scalar.wire_type++)
            if (keeps_scalar(in, &scalar))
                return weld_fail(err, WELD_E_FORMAT,
                                 "field %u at byte %" PRIu64 " has wire type %d", f->number,
                                 f->start, f->wire_type);
        return WELD_OK;
    }
    weld_status st = r->content == C_NAME ? check_name(s, f, err) : WELD_OK;
    if (st == WELD_OK && in == M_TENSOR && f->number == 13)
        st = note_location(s, f, err);
    if (st == WELD_OK)
        st = note_own_metadata(s, f, err);
    if (st != WELD_OK)
        return st;
    if (r->content == C_PAYLOAD)
        return add_piece(s, f, err);
    if (r->content == C_MESSAGE)
        return open_message(s, f, r, err);
    return copy_field(s, f, err);
}

static weld_status walk(scanner *s, uint64_t size, weld_error *err)
{
    uint64_t at = 0;
    weld_wire_field f;
    s->stack[0] = (frame){.in = M_MODEL, .end = size, .tensor = -1};
    for (;;) {
        weld_status st = WELD_OK;
        while (s->depth > 0 && at == s->stack[s->depth].end && st == WELD_OK)
            st = close_message(s, err);
        if (st != WELD_OK)
            return st;
        if (at == size)
            return WELD_OK;
        int depth = s->depth;
        st = weld_wire_next(&f, &s->in, &at, s->stack[depth].end, err);
        if (st == WELD_OK)
            st = take_field(s, &f, err);
        if (st != WELD_OK)
            return st;
        if (s->depth > depth) /* go into the message instead of over it */
            at = f.payload;
    }
}

weld_status weld_scan_model(weld_scan **out, weld_context *ctx, const weld_source *source,
                            weld_error *err)
{
    const uint64_t size = weld_source_size(source);
    weld_status st = WELD_OK;
    weld_scan *scan = NULL;
    scanner *s = NULL;
    *out = NULL;
    WELD_NEW(s, ctx, 1);
    weld_cursor_init(&s->in, ctx, source);
    WELD_NEW(scan, ctx, 1);
    scan->ctx = ctx;
    weld_buffer_init(&scan->skeleton, ctx);
    WELD_REQUIRE(size > 0, WELD_E_FORMAT, "the file is empty");
    s->scan = scan;
    WELD_TRY(walk(s, size, err));
    WELD_TRY(weld_buffer_check(&scan->skeleton, err));
    *out = scan;
    scan = NULL;
done:
    if (s) {
        weld_free(ctx, s->piece_cap);
        weld_cursor_free(&s->in);
    }
    weld_free(ctx, s);
    weld_scan_free(scan);
    return st;
}

void weld_scan_free(weld_scan *scan)
{
    if (!scan)
        return;
    for (int t = 0; t < scan->tensor_count; t++) {
        weld_free(scan->ctx, scan->tensors[t].pieces);
        weld_free(scan->ctx, scan->tensors[t].around);
        weld_free(scan->ctx, scan->tensors[t].location);
    }
    weld_free(scan->ctx, scan->tensors);
    weld_free(scan->ctx, scan->own_metadata);
    weld_buffer_free(&scan->skeleton);
    weld_free(scan->ctx, scan);
}
