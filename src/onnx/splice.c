#include "onnx/splice.h"
#include "io/wire.h"
#include "onnx/edits.h"
#include "onnx/external.h"
#include "onnx/new_tensors.h"
#include "onnx/params.h"
#include "onnx/sparse.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct splicer {
    const weld_onnx_file *file;
    const weld_relocation *relocation;
    weld_edits edits;
    bool *relocated;      /* [tensor_count] */
    bool *shared;         /* [tensor_count] the home of several parameters */
    const void **written; /* [tensor_count + copies] the stored values that a parameter gave, NULL =
                             none yet */
    weld_new_tensors fresh;
} splicer;

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
static weld_status replace_varints(splicer *s, int tensor, const weld_enclosure *piece,
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
        WELD_REQUIRE(weld_wire_varint(&old, s->file->bytes, &at, end), WELD_E_INTERNAL, "changed");
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

static weld_status replace_tensor(splicer *s, int tensor, const void *values, weld_error *err)
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

/* ---- external data ------------------------------------------------------------ */

/* The tensor's place changes: the old location goes, the new one or the data themselves come in at
 * the end of the message. */
static weld_status relocate(splicer *s, int tensor, const void *bytes, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor_entry *t = &s->file->scan->tensors[tensor];
    const weld_tensor_meta *meta = &s->file->tensors[tensor];
    size_t size = (size_t)weld_shape_numel(&meta->shape) * weld_dtype_size(meta->dtype);
    weld_span end = {t->around[0].payload + t->around[0].size, 0};
    unsigned char *kept;
    weld_buffer fields;
    weld_buffer_init(&fields, s->file->ctx);
    for (int k = 0; k < t->location_count; k++)
        WELD_TRY(weld_edits_replace(&s->edits, t->location[k], NULL, 0, err));
    if (s->relocation->location)
        weld_put_outside(&fields, s->relocation, bytes, size);
    else
        weld_wire_put_bytes(&fields, 9, bytes, size);
    WELD_TRY(weld_buffer_check(&fields, err));
    WELD_ARENA_NEW(kept, &s->edits.arena, fields.size);
    memcpy(kept, fields.data, fields.size);
    WELD_TRY(weld_edits_replace(&s->edits, end, kept, fields.size, err));
    WELD_TRY(weld_edits_around(&s->edits, t->around, t->around_count, err));
    s->relocated[tensor] = true;
done:
    weld_buffer_free(&fields);
    return st;
}

static weld_status relocate_values(splicer *s, int tensor, const void *values, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor_meta *meta = &s->file->tensors[tensor];
    size_t count = (size_t)weld_shape_numel(&meta->shape);
    char *bytes = NULL;
    WELD_NEW(bytes, s->file->ctx, count * weld_dtype_size(meta->dtype));
    WELD_TRY(weld_encode(bytes, meta->dtype, values, count, err));
    WELD_TRY(relocate(s, tensor, bytes, err));
done:
    weld_free(s->file->ctx, bytes);
    if (st != WELD_OK)
        weld_error_wrap(err, "tensor '%s'", meta->name);
    return st;
}

/* Runtimes want small tensors (shapes, scalars) in the model itself. */
enum { OUTSIDE_BYTES_MIN = 1024 };

/* Does the tensor's place change? */
static bool moves(const splicer *s, int tensor)
{
    const weld_tensor_meta *meta = &s->file->tensors[tensor];
    if (meta->external)
        return !s->relocation->keep;
    return s->relocation->all && meta->initializer && !meta->sparse &&
           weld_dtype_size(meta->dtype) * (size_t)weld_shape_numel(&meta->shape) >=
               OUTSIDE_BYTES_MIN;
}

/* The stored bytes as raw data, wherever the file has them; free with weld_free. */
static weld_status raw_bytes(void **out, const weld_onnx_file *file, int tensor, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_tensor t = {0};
    if (file->tensors[tensor].external)
        return weld_external_read(out, file, tensor, err);
    WELD_TRY(weld_onnx_read_tensor(&t, file, tensor, err));
    const size_t count = (size_t)weld_shape_numel(&t.shape);
    WELD_REQUIRE((*out = weld_alloc(file->ctx, count, weld_dtype_size(t.dtype))), WELD_E_NOMEM,
                 "no memory for %zu elements", count);
    WELD_TRY(weld_encode(*out, t.dtype, t.data, count, err));
done:
    weld_tensor_free(file->ctx, &t);
    return st;
}

/* Tensors that move and whose values did not change go along as they are. */
static weld_status relocate_others(splicer *s, weld_error *err)
{
    weld_status st = WELD_OK;
    void *bytes = NULL;
    for (int t = 0; t < s->file->scan->tensor_count; t++) {
        if (!moves(s, t) || s->relocated[t])
            continue;
        weld_free(s->file->ctx, bytes);
        bytes = NULL;
        WELD_TRY(raw_bytes(&bytes, s->file, t, err));
        WELD_TRY(relocate(s, t, bytes, err));
    }
done:
    weld_free(s->file->ctx, bytes);
    return st;
}

bool weld_onnx_has_external(const weld_onnx_file *file)
{
    return file->external_count > 0;
}

/* Where the parameter is written: the tensor, or a copy of it. */
static size_t place_of(const splicer *s, const weld_home *home)
{
    return home->copy ? (size_t)(s->file->scan->tensor_count + home->copy - 1)
                      : (size_t)home->tensor;
}

/* Several parameters of one place must agree on what it becomes. `values`: stored elements, kept in the
 * edits' arena. *first: nobody has been there before. */
static weld_status claim(bool *first, splicer *s, const weld_home *home, const void *values,
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
static weld_status write_copy(splicer *s, const weld_home *home, const void *values, size_t bytes,
                              bool same, weld_error *err)
{
    const void *original = s->written[home->tensor];
    if (original ? memcmp(original, values, bytes) == 0 : same)
        return WELD_OK;
    return weld_new_tensors_add(&s->fresh, home->copy, values, err);
}

static weld_status write_tensor(splicer *s, int tensor, void *values, weld_error *err)
{
    weld_status st = WELD_OK;
    if (s->file->tensors[tensor].sparse)
        WELD_TRY(weld_sparse_compress(values, s->file, tensor, err));
    WELD_TRY(moves(s, tensor) ? relocate_values(s, tensor, values, err)
                              : replace_tensor(s, tensor, values, err));
done:
    return st;
}

/* `values` in the canonical layout -> edits, unless they are what the file's values become there. */
static weld_status replace_param(splicer *s, const weld_paramset *values, int p,
                                 const weld_home *home, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = s->file->ctx;
    const weld_param *param = &values->graph->params[p];
    const weld_dtype stored = s->file->tensors[home->tensor].dtype;
    const size_t n = weld_param_numel(values->graph, p), size = weld_compute_size(param->dtype);
    void *work = NULL, *scratch = NULL; /* room for either compute type */
    bool first = true;
    WELD_REQUIRE((work = weld_alloc(ctx, n, sizeof(double))) &&
                     (scratch = weld_alloc(ctx, n, sizeof(double))),
                 WELD_E_NOMEM, "no memory for %zu elements", n);
    WELD_TRY(weld_onnx_read_param(work, s->file, param, home, err));
    const bool same = n == 0 || memcmp(work, values->arrays[p], n * size) == 0;
    if (same && !s->shared[home->tensor])
        goto done; /* external ones go along with the others */
    if (n)
        memcpy(work, values->arrays[p], n * size);
    WELD_TRY(weld_home_backward(home, s->file, work, scratch, param->dtype, err));
    weld_convert_reals(scratch, stored, work, param->dtype, n);
    if (s->shared[home->tensor])
        WELD_TRY(claim(&first, s, home, scratch, n * weld_compute_size(stored), err));
    if (!first)
        goto done;
    if (home->copy)
        WELD_TRY(write_copy(s, home, scratch, n * weld_compute_size(stored), same, err));
    else if (!same)
        WELD_TRY(write_tensor(s, home->tensor, scratch, err));
done:
    weld_free(ctx, work);
    weld_free(ctx, scratch);
    return st;
}

/* Tensors first, then the copies, which are compared with them. */
static weld_status replace_params(splicer *s, const weld_paramset *values, const weld_home *homes,
                                  weld_error *err)
{
    weld_status st = WELD_OK;
    for (int copies = 0; copies < 2; copies++)
        for (int p = 0; p < values->graph->param_count; p++)
            if ((homes[p].copy > 0) == copies)
                WELD_TRY(replace_param(s, values, p, &homes[p], err));
done:
    return st;
}

static weld_status find_shared(splicer *s, const weld_graph *graph, const weld_home *homes,
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

weld_status weld_onnx_splice(weld_buffer *out, const weld_onnx_file *file,
                             const weld_paramset *values, const weld_home *homes,
                             const weld_copies *copies, const weld_metadata *metadata,
                             size_t metadata_count, const weld_relocation *relocation,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t tensors = (size_t)file->scan->tensor_count;
    splicer s = {.file = file, .relocation = relocation};
    weld_edits_init(&s.edits, file->ctx);
    WELD_TRY(weld_new_tensors_init(&s.fresh, file, copies, relocation, err));
    WELD_NEW(s.relocated, file->ctx, tensors);
    WELD_NEW(s.shared, file->ctx, tensors);
    WELD_NEW(s.written, file->ctx, tensors + (copies ? copies->count : 0));
    WELD_TRY(find_shared(&s, values->graph, homes, err));
    WELD_TRY(replace_params(&s, values, homes, err));
    WELD_TRY(relocate_others(&s, err));
    WELD_TRY(weld_new_tensors_insert(&s.edits, &s.fresh, err));
    for (int k = 0; k < file->scan->own_metadata_count && metadata_count > 0; k++)
        WELD_TRY(weld_edits_replace(&s.edits, file->scan->own_metadata[k], NULL, 0, err));
    WELD_TRY(weld_edits_apply(out, &s.edits, file->bytes, file->size, err));
    append_metadata(out, metadata, metadata_count);
    st = weld_buffer_check(out, err);
done:
    weld_free(file->ctx, s.relocated);
    weld_free(file->ctx, s.shared);
    weld_free(file->ctx, s.written);
    weld_new_tensors_free(&s.fresh);
    weld_edits_free(&s.edits);
    return st;
}
