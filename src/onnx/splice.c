#include "onnx/splice.h"
#include "io/wire.h"
#include "onnx/edits.h"
#include "onnx/new_tensors.h"
#include "onnx/params.h"
#include "onnx/payloads.h"
#include "onnx/sparse.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct weld_splice {
    const weld_onnx_file *file;
    const weld_relocation *relocation;
    weld_payloads payloads;
    weld_edits edits;
    weld_cursor in;
    weld_buffer metadata; /* comes behind the edited file */
    uint64_t size;        /* of it, with the metadata */
    bool *relocated;      /* [tensor_count] */
    bool *shared;         /* [tensor_count] the home of several parameters */
    const void **written; /* [tensor_count + copies] the stored values that a parameter gave, NULL =
                             none yet */
    weld_new_tensors fresh;
};

/* A varint of at least `size` bytes: padded with continuation bits that carry nothing. */
static size_t put_padded(unsigned char *out, uint64_t size, uint64_t value)
{
    size_t n = weld_wire_put_varint(out, value);
    for (; n < size; n++) {
        out[n - 1] |= 128u;
        out[n] = 0;
    }
    return n;
}

/* Halves stored as varints in int32_data: each keeps the length of the one it replaces, or gets
 * longer. `halves` moves on by what the piece holds. */
static weld_status replace_varints(weld_splice *s, int tensor, const weld_enclosure *piece,
                                   const unsigned char **halves, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor_entry *t = &s->file->scan->tensors[tensor];
    uint64_t at = piece->payload, end = at + piece->size, old;
    unsigned char *bytes;
    size_t size = 0;
    WELD_ARENA_NEW(bytes, &s->edits.arena, 3 * piece->size + 10);
    while (at < end) {
        uint64_t start = at;
        uint16_t half;
        WELD_TRY(weld_wire_varint(&old, &s->in, &at, end, "varint", err));
        memcpy(&half, *halves, sizeof half);
        *halves += sizeof half;
        size += put_padded(bytes + size, at - start, half);
    }
    WELD_TRY(
        weld_edits_replace(&s->edits, (weld_span){piece->payload, piece->size}, bytes, size, err));
    if (size == piece->size)
        goto done;
    if (piece->length_at < piece->payload) /* packed: the piece has a length of its own */
        WELD_TRY(weld_edits_around(&s->edits, piece, 1, err));
    WELD_TRY(weld_edits_around(&s->edits, t->around, t->around_count, err));
done:
    return st;
}

/* Values that are in memory, into whatever the file has them in. */
static weld_status replace_tensor(weld_splice *s, int tensor, const void *values, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor_entry *t = &s->file->scan->tensors[tensor];
    const weld_tensor_meta *meta = &s->file->tensors[tensor];
    const size_t count = (size_t)weld_shape_numel(&meta->shape);
    unsigned char *stored;
    WELD_ARENA_NEW(stored, &s->edits.arena, count * weld_dtype_size(meta->dtype));
    WELD_TRY(weld_encode(stored, meta->dtype, values, count, err));
    const unsigned char *next = stored;
    for (int p = 0; p < t->piece_count; p++) {
        const weld_enclosure *piece = &t->pieces[p];
        if (t->payload_field == 5) {
            WELD_TRY(replace_varints(s, tensor, piece, &next, err));
            continue;
        }
        WELD_TRY(weld_edits_replace(&s->edits, (weld_span){piece->payload, piece->size}, next,
                                    piece->size, err));
        next += piece->size;
    }
done:
    if (st != WELD_OK)
        weld_error_wrap(err, "tensor '%s'", meta->name);
    return st;
}

/* Bytes of a tensor's elements as raw data. */
static uint64_t raw_size(const weld_onnx_file *file, int tensor)
{
    const weld_tensor_meta *meta = &file->tensors[tensor];
    return (uint64_t)weld_shape_numel(&meta->shape) * weld_dtype_size(meta->dtype);
}

/* ---- external data ------------------------------------------------------------ */

/* The tensor's place changes: the old location goes, the new one or the data themselves come in at
 * the end of the message. */
static weld_status relocate(weld_splice *s, const weld_payload *payload, weld_error *err)
{
    weld_status st = WELD_OK;
    const int tensor = payload->tensor;
    const weld_tensor_entry *t = &s->file->scan->tensors[tensor];
    weld_edit edit = {.span = {t->around[0].payload + t->around[0].size, 0}, .payload = -1};
    int number;
    unsigned char *kept;
    weld_buffer fields;
    weld_buffer_init(&fields, s->file->ctx);
    for (int k = 0; k < t->location_count; k++)
        WELD_TRY(weld_edits_replace(&s->edits, t->location[k], NULL, 0, err));
    WELD_TRY(weld_payloads_add(&number, &s->payloads, payload, err));
    if (s->relocation->location) {
        weld_put_outside(&fields, s->relocation, &s->payloads, number);
    } else {
        weld_wire_put_head(&fields, 9, payload->size);
        edit.payload = number;
        edit.payload_size = payload->size;
    }
    WELD_TRY(weld_buffer_check(&fields, err));
    WELD_ARENA_NEW(kept, &s->edits.arena, fields.size);
    memcpy(kept, fields.data, fields.size);
    edit.bytes = kept;
    edit.size = fields.size;
    WELD_TRY(weld_edits_payload(&s->edits, &edit, err));
    WELD_TRY(weld_edits_around(&s->edits, t->around, t->around_count, err));
    s->relocated[tensor] = true;
done:
    weld_buffer_free(&fields);
    return st;
}

static weld_status relocate_values(weld_splice *s, int tensor, const void *values, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_dtype dtype = s->file->tensors[tensor].dtype;
    const uint64_t size = raw_size(s->file, tensor);
    unsigned char *bytes;
    WELD_ARENA_NEW(bytes, &s->edits.arena, size + 1);
    WELD_TRY(weld_encode(bytes, dtype, values, (size_t)size / weld_dtype_size(dtype), err));
    const weld_payload payload = {.bytes = bytes, .tensor = tensor, .size = size};
    WELD_TRY(relocate(s, &payload, err));
done:
    if (st != WELD_OK)
        weld_error_wrap(err, "tensor '%s'", s->file->tensors[tensor].name);
    return st;
}

/* Runtimes want small tensors (shapes, scalars) in the model itself. */
enum { OUTSIDE_BYTES_MIN = 1024 };

/* Does the tensor's place change? */
static bool moves(const weld_splice *s, int tensor)
{
    const weld_tensor_meta *meta = &s->file->tensors[tensor];
    if (meta->external)
        return !s->relocation->keep;
    return s->relocation->all && meta->initializer && !meta->sparse &&
           raw_size(s->file, tensor) >= OUTSIDE_BYTES_MIN;
}

/* Tensors that move and whose values did not change go along as they are. */
static weld_status relocate_others(weld_splice *s, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int t = 0; t < s->file->scan->tensor_count; t++) {
        if (!moves(s, t) || s->relocated[t])
            continue;
        const weld_payload payload = {.tensor = t, .param = -1, .size = raw_size(s->file, t)};
        WELD_TRY(relocate(s, &payload, err));
    }
done:
    return st;
}

bool weld_onnx_has_external(const weld_onnx_file *file)
{
    return file->external_count > 0;
}

/* Where the parameter is written: the tensor, or a copy of it. */
static size_t place_of(const weld_splice *s, const weld_home *home)
{
    return home->copy ? (size_t)(s->file->scan->tensor_count + home->copy - 1)
                      : (size_t)home->tensor;
}

/* Several parameters of one place must agree on what it becomes. `values`: stored elements, kept in the
 * edits' arena. *first: nobody has been there before. */
static weld_status claim(bool *first, weld_splice *s, const weld_home *home, const void *values,
                         size_t bytes, weld_error *err)
{
    weld_status st = WELD_OK;
    const void **written = &s->written[place_of(s, home)];
    char *kept;
    *first = *written == NULL;
    if (!*first) {
        WELD_REQUIRE(memcmp(*written, values, bytes) == 0, WELD_E_UNSUPPORTED,
                     "tensor '%s' is shared by layers that differ once they are merged: store it "
                     "once for each of them",
                     s->file->tensors[home->tensor].name);
        return WELD_OK;
    }
    WELD_ARENA_NEW(kept, &s->edits.arena, bytes + 1);
    memcpy(kept, values, bytes);
    *written = kept;
done:
    return st;
}

/* A copy is made only where it differs from the tensor itself: as that was written, or where it was
 * not, as it is in the file (`same`). */
static weld_status write_copy(weld_splice *s, const weld_home *home, const void *values,
                              size_t bytes, bool same, weld_error *err)
{
    const void *original = s->written[home->tensor];
    if (original ? memcmp(original, values, bytes) == 0 : same)
        return WELD_OK;
    return weld_new_tensors_add(&s->fresh, home->copy, values, err);
}

static weld_status write_tensor(weld_splice *s, int tensor, void *values, weld_error *err)
{
    weld_status st = WELD_OK;
    if (s->file->tensors[tensor].sparse)
        WELD_TRY(weld_sparse_compress(values, s->file, tensor, err));
    WELD_TRY(moves(s, tensor) ? relocate_values(s, tensor, values, err)
                              : replace_tensor(s, tensor, values, err));
done:
    return st;
}

/* A parameter that shares its place with others, or whose place needs to know its values: they are
 * made now, and edits unless they are what the file has there. */
static weld_status replace_now(weld_splice *s, int p, const weld_home *home, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_dtype dtype = s->file->tensors[home->tensor].dtype;
    const size_t bytes = weld_param_numel(s->payloads.values->graph, p) * weld_compute_size(dtype);
    void *values = NULL;
    bool first = true, same;
    WELD_TRY(weld_onnx_stored_values(&values, &same, s->file, s->payloads.values, p, home, err));
    if (s->shared[home->tensor])
        WELD_TRY(claim(&first, s, home, values, bytes, err));
    if (first && home->copy)
        WELD_TRY(write_copy(s, home, values, bytes, same, err));
    else if (first && !same) /* external ones go along with the others */
        WELD_TRY(write_tensor(s, home->tensor, values, err));
done:
    weld_free(s->file->ctx, values);
    return st;
}

/* A parameter with a place of its own, and room there that does not depend on its values. */
static weld_status replace_later(weld_splice *s, int p, const weld_home *home, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_payload payload = {
        .tensor = home->tensor, .param = p, .size = raw_size(s->file, home->tensor)};
    int number;
    if (moves(s, home->tensor))
        return relocate(s, &payload, err);
    const weld_enclosure *piece = &s->file->scan->tensors[home->tensor].pieces[0];
    WELD_TRY(weld_payloads_add(&number, &s->payloads, &payload, err));
    const weld_edit edit = {
        .span = {piece->payload, piece->size}, .payload = number, .payload_size = payload.size};
    WELD_TRY(weld_edits_payload(&s->edits, &edit, err));
done:
    return st;
}

static weld_status replace_param(weld_splice *s, int p, const weld_home *home, weld_error *err)
{
    const bool later = weld_onnx_is_plain(s->file, home->tensor) && !s->shared[home->tensor];
    return later ? replace_later(s, p, home, err) : replace_now(s, p, home, err);
}

/* Tensors first, then the copies, which are compared with them. */
static weld_status replace_params(weld_splice *s, const weld_home *homes, weld_error *err)
{
    weld_status st = WELD_OK;
    const int count = s->payloads.values->graph->param_count;
    for (int copies = 0; copies < 2 && !s->relocation->keep; copies++)
        for (int p = 0; p < count; p++)
            if ((homes[p].copy > 0) == copies)
                WELD_TRY(replace_param(s, p, &homes[p], err));
done:
    return st;
}

static weld_status find_shared(weld_splice *s, const weld_graph *graph, const weld_home *homes,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    bool *seen = NULL;
    WELD_NEW(seen, s->file->ctx, s->file->scan->tensor_count);
    for (int p = 0; p < graph->param_count; p++) {
        bool *shared = &s->shared[homes[p].tensor];
        *shared = *shared || seen[homes[p].tensor] || homes[p].copy > 0;
        seen[homes[p].tensor] = true;
    }
done:
    weld_free(s->file->ctx, seen);
    return st;
}

static void append_metadata(weld_buffer *out, const weld_metadata *metadata, size_t count)
{
    weld_buffer entry;
    if (count == 0)
        return;
    weld_wire_put_bytes(out, 2, "onnxweld", 8); /* producer_name: the last one counts */
    for (size_t k = 0; k < count; k++) {
        weld_buffer_init(&entry, out->ctx);
        weld_wire_put_bytes(&entry, 1, metadata[k].key, strlen(metadata[k].key));
        weld_wire_put_bytes(&entry, 2, metadata[k].value, strlen(metadata[k].value));
        weld_wire_put_bytes(out, 14, entry.data, entry.size);
        out->failed = out->failed || entry.failed;
        weld_buffer_free(&entry);
    }
}

/* All that is to be changed, and how long the result is. */
static weld_status plan(weld_splice *s, const weld_home *homes, size_t metadata_count,
                        weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_TRY(find_shared(s, s->payloads.values->graph, homes, err));
    WELD_TRY(replace_params(s, homes, err));
    WELD_TRY(relocate_others(s, err));
    WELD_TRY(weld_new_tensors_insert(&s->edits, &s->fresh, &s->in, err));
    for (int k = 0; k < s->file->scan->own_metadata_count && metadata_count > 0; k++)
        WELD_TRY(weld_edits_replace(&s->edits, s->file->scan->own_metadata[k], NULL, 0, err));
    WELD_TRY(weld_edits_close(&s->size, &s->edits, s->file->size, err));
    s->size += s->metadata.size;
done:
    return st;
}

weld_status weld_splice_create(weld_splice **out, const weld_onnx_file *file,
                               const weld_paramset *values, const weld_home *homes,
                               const weld_copies *copies, const weld_metadata *metadata,
                               size_t metadata_count, const weld_relocation *relocation,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t tensors = (size_t)file->scan->tensor_count;
    weld_splice *s = NULL;
    *out = NULL;
    WELD_NEW(s, file->ctx, 1);
    s->file = file;
    s->relocation = relocation;
    s->payloads = (weld_payloads){.ctx = file->ctx, .file = file, .values = values, .homes = homes};
    weld_edits_init(&s->edits, file->ctx);
    weld_cursor_init(&s->in, file->ctx, file->source);
    weld_buffer_init(&s->metadata, file->ctx);
    WELD_TRY(weld_new_tensors_init(&s->fresh, &s->payloads, copies, relocation, err));
    WELD_NEW(s->relocated, file->ctx, tensors);
    WELD_NEW(s->shared, file->ctx, tensors);
    WELD_NEW(s->written, file->ctx, tensors + (copies ? copies->count : 0));
    append_metadata(&s->metadata, metadata, metadata_count);
    WELD_TRY(weld_buffer_check(&s->metadata, err));
    WELD_TRY(plan(s, homes, metadata_count, err));
    *out = s;
    s = NULL;
done:
    weld_splice_free(s);
    return st;
}

uint64_t weld_splice_size(const weld_splice *s)
{
    return s->size;
}

uint64_t weld_splice_outside_size(const weld_splice *s)
{
    return s->payloads.outside_size;
}

static weld_status write_payload(const void *user, int payload, const weld_writer *to,
                                 weld_error *err)
{
    const weld_splice *s = user;
    return weld_payload_write(&s->payloads, payload, to, err);
}

weld_status weld_splice_write(const weld_splice *s, const weld_writer *to, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_REQUIRE(s->size <= INT32_MAX, WELD_E_LIMIT,
                 "the model would have %" PRIu64
                 " bytes, allowed are 2 GiB in one protobuf: let its "
                 "data be external",
                 s->size);
    WELD_TRY(weld_edits_write(&s->edits, s->file->source, to, write_payload, s, err));
    if (s->metadata.size)
        WELD_TRY(to->write(to->user, s->metadata.data, s->metadata.size, err));
done:
    return st;
}

weld_status weld_splice_write_outside(const weld_splice *s, const weld_writer *to, weld_error *err)
{
    return weld_payloads_write_outside(&s->payloads, to, err);
}

void weld_splice_free(weld_splice *s)
{
    if (!s)
        return;
    weld_context *ctx = s->file->ctx;
    weld_free(ctx, s->relocated);
    weld_free(ctx, s->shared);
    weld_free(ctx, s->written);
    weld_new_tensors_free(&s->fresh);
    weld_edits_free(&s->edits);
    weld_payloads_free(&s->payloads);
    weld_cursor_free(&s->in);
    weld_buffer_free(&s->metadata);
    weld_free(ctx, s);
}
