#include "onnx/payloads.h"
#include "onnx/params.h"
#include <string.h>

enum { PAGE_BYTES = 4096, PART = 1 << 18 }; /* PART: elements */

weld_status weld_payloads_add(int *out, weld_payloads *all, const weld_payload *payload,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_GROW(all->items, all->cap, all->ctx, all->count + 1);
    *out = (int)all->count;
    all->items[all->count++] = *payload;
done:
    return st;
}

void weld_payloads_move_out(weld_payloads *all, int payload)
{
    weld_payload *p = &all->items[payload];
    p->outside = true;
    p->offset = (all->outside_size + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    all->outside_size = p->offset + p->size;
}

void weld_payloads_free(weld_payloads *all)
{
    weld_free(all->ctx, all->items);
}

/* ---- from the file ------------------------------------------------------------------------ */

static weld_status copy_plain(const weld_payload *p, const weld_onnx_file *file,
                              const weld_writer *to, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t size = weld_dtype_size(file->tensors[p->tensor].dtype);
    const size_t count = (size_t)p->size / size;
    unsigned char *part = NULL;
    WELD_NEW(part, file->ctx, PART * size);
    for (size_t at = 0; at < count;) {
        const size_t n = count - at < PART ? count - at : PART;
        WELD_TRY(weld_onnx_read_bytes(part, file, p->tensor, at, n, err));
        WELD_TRY(to->write(to->user, part, n * size, err));
        at += n;
    }
done:
    weld_free(file->ctx, part);
    return st;
}

static weld_status write_encoded(const void *values, weld_dtype dtype, size_t count,
                                 weld_context *ctx, const weld_writer *to, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t size = weld_dtype_size(dtype), step = weld_compute_size(dtype);
    unsigned char *stored = NULL;
    if (dtype == WELD_FLOAT || dtype == WELD_DOUBLE) /* stored as they are computed */
        return to->write(to->user, values, count * size, err);
    WELD_NEW(stored, ctx, PART * size);
    for (size_t at = 0; at < count;) {
        const size_t n = count - at < PART ? count - at : PART;
        WELD_TRY(weld_encode(stored, dtype, (const char *)values + at * step, n, err));
        WELD_TRY(to->write(to->user, stored, n * size, err));
        at += n;
    }
done:
    weld_free(ctx, stored);
    return st;
}

static weld_status copy_stored(const weld_payload *p, const weld_onnx_file *file,
                               const weld_writer *to, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_tensor t = {0};
    if (weld_onnx_is_plain(file, p->tensor))
        return copy_plain(p, file, to, err);
    WELD_TRY(weld_onnx_read_stored(&t, file, p->tensor, err));
    WELD_TRY(
        write_encoded(t.data, t.dtype, (size_t)weld_shape_numel(&t.shape), file->ctx, to, err));
done:
    weld_tensor_free(file->ctx, &t);
    return st;
}

/* ---- from the values ---------------------------------------------------------------------- */

static weld_status write_parts(const weld_payloads *all, const weld_payload *p, weld_order order,
                               const weld_writer *to, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_dtype dtype = all->file->tensors[p->tensor].dtype;
    const size_t count = weld_param_numel(all->values->graph, p->param);
    double *values = NULL; /* room for either compute type */
    WELD_NEW(values, all->ctx, PART);
    for (size_t at = 0; at < count;) {
        const size_t n = count - at < PART ? count - at : PART;
        WELD_TRY(weld_paramset_read(values, all->values, p->param, order, at, n, err));
        WELD_TRY(write_encoded(values, dtype, n, all->ctx, to, err));
        at += n;
    }
done:
    weld_free(all->ctx, values);
    return st;
}

/* A parameter that is turned or folded, or that a permutation moves: as a whole. */
static weld_status write_whole(const weld_payloads *all, const weld_payload *p,
                               const weld_writer *to, weld_error *err)
{
    weld_status st = WELD_OK;
    void *stored = NULL;
    bool same;
    WELD_TRY(weld_onnx_stored_values(&stored, &same, all->file, all->values, p->param,
                                     &all->homes[p->param], err));
    WELD_TRY(write_encoded(stored, all->file->tensors[p->tensor].dtype,
                           weld_param_numel(all->values->graph, p->param), all->ctx, to, err));
done:
    weld_free(all->ctx, stored);
    return st;
}

static weld_status write_values(const weld_payloads *all, const weld_payload *p,
                                const weld_writer *to, weld_error *err)
{
    const weld_home *home = &all->homes[p->param];
    const weld_order order = weld_home_moves(home) ? WELD_STORED : WELD_CANONICAL;
    const weld_dtype from = all->values->graph->params[p->param].dtype;
    const bool fits = weld_compute_size(from) ==
                      weld_compute_size(all->file->tensors[p->tensor].dtype);
    return fits && weld_paramset_in_parts(all->values, p->param, order)
               ? write_parts(all, p, order, to, err)
               : write_whole(all, p, to, err);
}

weld_status weld_payload_write(const weld_payloads *all, int payload, const weld_writer *to,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_payload *p = &all->items[payload];
    if (p->bytes)
        return to->write(to->user, p->bytes, (size_t)p->size, err);
    WELD_TRY(p->param < 0 ? copy_stored(p, all->file, to, err) : write_values(all, p, to, err));
done:
    if (st != WELD_OK && st != WELD_E_IO)
        weld_error_wrap(err, "tensor '%s'", all->file->tensors[p->tensor].name);
    return st;
}

weld_status weld_payloads_write_outside(const weld_payloads *all, const weld_writer *to,
                                        weld_error *err)
{
    static const char zeros[PAGE_BYTES];
    weld_status st = WELD_OK;
    uint64_t at = 0;
    for (size_t k = 0; k < all->count; k++) {
        const weld_payload *p = &all->items[k];
        if (!p->outside)
            continue;
        if (p->offset > at)
            WELD_TRY(to->write(to->user, zeros, (size_t)(p->offset - at), err));
        WELD_TRY(weld_payload_write(all, (int)k, to, err));
        at = p->offset + p->size;
    }
done:
    return st;
}
