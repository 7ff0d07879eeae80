/* Arrays as files have them become arrays of samples, or labels. */
#include "data/readers.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

static weld_dtype stored_type(weld_dtype dtype)
{
    if (dtype == WELD_UINT8 || dtype == WELD_BOOL)
        return WELD_UINT8;
    if (dtype == WELD_DOUBLE)
        return WELD_DOUBLE;
    return weld_dtype_is_float(dtype) ? WELD_FLOAT : WELD_INT64;
}

static const char *input_of(const weld_data_file *file, const char *key)
{
    const weld_dataset_options *o = file->options;
    for (size_t k = 0; k < o->input_count; k++)
        if (strcmp(o->inputs[k].key, key) == 0)
            return o->inputs[k].input;
    return NULL;
}

bool weld_dataset_wants(const weld_data_file *file, const char *key)
{
    return !file->options->input_count || input_of(file, key);
}

static weld_status set_count(weld_dataset *d, const weld_data_file *file, const char *key,
                             int64_t total, weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t most = file->options->samples_max;
    WELD_REQUIRE(!d->array_count || total == d->total, WELD_E_FORMAT,
                 "%s: '%s' has %" PRId64 " samples, '%s' has %" PRId64, file->path, key, total,
                 d->arrays[0].key, d->total);
    d->total = total;
    d->count = most && most < total ? most : total;
done:
    return st;
}

weld_status weld_dataset_add(weld_samples **out, weld_dataset *d, const weld_data_file *file,
                             const char *key, weld_dtype dtype, const weld_shape *sample,
                             int64_t total, weld_error *err)
{
    weld_status st = WELD_OK;
    const char *input = input_of(file, key);
    const weld_dtype stored = stored_type(dtype);
    const size_t size = stored == WELD_UINT8 ? 1 : weld_compute_size(stored);
    const int64_t each = weld_shape_numel(sample);
    size_t cap = (size_t)d->array_count;
    *out = NULL;
    for (int k = 0; k < d->array_count; k++)
        WELD_REQUIRE(strcmp(d->arrays[k].key, key) != 0, WELD_E_FORMAT,
                     "%s: two arrays are named '%s'", file->path, key);
    WELD_REQUIRE(total > 0 && each > 0, WELD_E_FORMAT,
                 "%s: holds nothing: %" PRId64 " samples of %" PRId64 " values", file->path, total,
                 each);
    WELD_TRY(set_count(d, file, key, total, err));
    WELD_GROW(d->arrays, cap, d->ctx, d->array_count + 1);
    weld_samples *s = &d->arrays[d->array_count++];
    *s = (weld_samples){
        .sample = *sample, .dtype = dtype, .stored = stored, .channel_axis = -1, .scale = 1};
    s->key = weld_strdup(d->ctx, key);
    s->input = input ? weld_strdup(d->ctx, input) : NULL;
    WELD_REQUIRE(s->key && (s->input || !input), WELD_E_NOMEM, "out of memory");
    s->raw = weld_alloc(d->ctx, (size_t)d->count, (size_t)each * size);
    if (!s->raw)
        st = weld_fail_memory(d->ctx, err, (size_t)d->count, (size_t)each * size);
    *out = s;
done:
    return st;
}

static weld_status store_u8(weld_samples *out, const weld_npy *npy, int64_t n, weld_error *err)
{
    weld_status st = WELD_OK;
    int64_t part[256];
    for (int64_t at = 0; at < n; at += 256) {
        int64_t m = n - at < 256 ? n - at : 256;
        WELD_TRY(weld_npy_to_int64(part, npy, at, m, err));
        for (int64_t k = 0; k < m; k++)
            out->raw_u8[at + k] = (uint8_t)part[k];
    }
done:
    return st;
}

/* Of every floating type. */
static weld_status store_reals(weld_samples *out, const weld_npy *npy, int64_t n, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor whole = {.dtype = out->stored, .data = out->raw};
    const int64_t each = weld_shape_numel(&out->sample);
    WELD_TRY(weld_npy_decode(out->raw, npy, 0, n, err));
    for (int64_t k = 0; k < n; k++)
        WELD_REQUIRE(isfinite(weld_tensor_number(&whole, k)), WELD_E_FORMAT,
                     "%s: element %" PRId64 " of sample %" PRId64 " is %f, expected finite values",
                     npy->name, k % each, k / each, weld_tensor_number(&whole, k));
done:
    return st;
}

weld_status weld_dataset_add_npy(weld_dataset *out, const weld_data_file *file, const char *key,
                                 const weld_npy *npy, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_samples *s;
    WELD_REQUIRE(npy->shape.rank >= 1, WELD_E_FORMAT,
                 "%s: is a single number, expected an array of samples [N, ...]", npy->name);
    const weld_shape sample = weld_shape_make(npy->shape.rank - 1, npy->shape.dims + 1);
    WELD_TRY(weld_dataset_add(&s, out, file, key, npy->dtype, &sample, npy->shape.dims[0], err));
    const int64_t n = out->count * weld_shape_numel(&sample);
    if (s->stored == WELD_UINT8)
        st = store_u8(s, npy, n, err);
    else if (s->stored == WELD_INT64)
        st = weld_npy_to_int64(s->raw_i, npy, 0, n, err);
    else
        st = store_reals(s, npy, n, err);
done:
    return st;
}

static weld_status add_targets(weld_dataset *out, const weld_npy *npy, weld_error *err)
{
    weld_status st = WELD_OK;
    out->target = weld_shape_make(npy->shape.rank - 1, npy->shape.dims + 1);
    out->target_dtype = npy->dtype;
    const int64_t each = weld_shape_numel(&out->target);
    void *stored = weld_alloc(out->ctx, (size_t)npy->count, weld_compute_size(npy->dtype));
    if (!stored)
        return weld_fail_memory(out->ctx, err, (size_t)npy->count, weld_compute_size(npy->dtype));
    WELD_NEW(out->targets, out->ctx, npy->count);
    WELD_TRY(weld_npy_decode(stored, npy, 0, npy->count, err));
    weld_convert_reals(out->targets, WELD_DOUBLE, stored, npy->dtype, (size_t)npy->count);
    for (int64_t k = 0; k < npy->count; k++)
        WELD_REQUIRE(isfinite(out->targets[k]), WELD_E_FORMAT,
                     "%s: target %" PRId64 " of sample %" PRId64 " is %f, expected finite values",
                     npy->name, k % each, k / each, out->targets[k]);
done:
    weld_free(out->ctx, stored);
    return st;
}

weld_status weld_dataset_add_labels(weld_dataset *out, const weld_npy *npy, int64_t *count,
                                    weld_error *err)
{
    weld_status st = WELD_OK;
    char text[128];
    const bool column = npy->shape.rank == 2 && npy->shape.dims[1] == 1;
    WELD_REQUIRE(!weld_dataset_has_truth(out), WELD_E_FORMAT, "%s: labels are there twice",
                 npy->name);
    if (weld_dtype_is_float(npy->dtype) && npy->shape.rank > 0) {
        *count = npy->shape.dims[0];
        return add_targets(out, npy, err);
    }
    WELD_REQUIRE(npy->shape.rank == 1 || column, WELD_E_FORMAT,
                 "%s: labels have shape %s, expected one dimension (class numbers)", npy->name,
                 weld_shape_text(&npy->shape, text));
    WELD_NEW(out->labels, out->ctx, npy->count);
    WELD_TRY(weld_npy_to_int64(out->labels, npy, 0, npy->count, err));
    *count = npy->count;
done:
    return st;
}
