/* NumPy's .npz (a zip of .npy, one per key) and a single .npy. */
#include "core/buffer.h"
#include "data/readers.h"
#include "io/archive.h"
#include "io/npy.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { KEYS_SHOWN = 16 };

typedef struct npz_keys {
    char *input;  /* key to read, owned */
    char *labels; /* or NULL, owned */
    char *only;   /* the last array that is not labels, owned */
    int others;   /* how many of those there are */
    int total;
    weld_buffer list; /* for messages */
} npz_keys;

static int bid_npz(const unsigned char *bytes, size_t size, const char *path)
{
    (void)path;
    return weld_is_zip(bytes, size) ? 100 : 0;
}

static int bid_npy(const unsigned char *bytes, size_t size, const char *path)
{
    (void)path;
    return weld_is_npy(bytes, size) ? 100 : 0;
}

static weld_status store_u8(weld_dataset *out, const weld_npy *npy, int64_t n, weld_error *err)
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

static weld_status store_float(weld_dataset *out, const weld_npy *npy, int64_t n, weld_error *err)
{
    weld_status st = WELD_OK;
    int64_t each = weld_shape_numel(&out->sample);
    WELD_TRY(weld_npy_to_float(out->raw_f, npy, 0, n, err));
    for (int64_t k = 0; k < n; k++)
        WELD_REQUIRE(isfinite(out->raw_f[k]), WELD_E_FORMAT,
                     "%s: element %" PRId64 " of sample %" PRId64 " is %f, expected finite values",
                     npy->name, k % each, k / each, (double)out->raw_f[k]);
done:
    return st;
}

static weld_status store_samples(weld_dataset *out, const weld_data_file *file, const weld_npy *npy,
                                 weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_REQUIRE(npy->shape.rank >= 1, WELD_E_FORMAT,
                 "%s: is a single number, expected an array of samples [N, ...]", npy->name);
    out->sample = weld_shape_make(npy->shape.rank - 1, npy->shape.dims + 1);
    bool bytes = npy->dtype == WELD_UINT8 || npy->dtype == WELD_BOOL;
    out->stored = bytes ? WELD_UINT8 : weld_dtype_is_float(npy->dtype) ? WELD_FLOAT : WELD_INT64;
    WELD_TRY(weld_dataset_make_room(out, file, npy->shape.dims[0], err));
    int64_t n = out->count * weld_shape_numel(&out->sample);
    if (out->stored == WELD_UINT8)
        st = store_u8(out, npy, n, err);
    else if (out->stored == WELD_FLOAT)
        st = store_float(out, npy, n, err);
    else
        st = weld_npy_to_int64(out->raw_i, npy, 0, n, err);
done:
    return st;
}

static weld_status store_labels(weld_dataset *out, int64_t *count, const weld_npy *npy,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    char text[128];
    WELD_REQUIRE(npy->shape.rank == 1, WELD_E_FORMAT,
                 "%s: labels have shape %s, expected one dimension (class numbers)", npy->name,
                 weld_shape_text(&npy->shape, text));
    WELD_REQUIRE(!weld_dtype_is_float(npy->dtype), WELD_E_FORMAT,
                 "%s: labels are %s, expected integers", npy->name, weld_dtype_name(npy->dtype));
    WELD_NEW(out->labels, out->ctx, npy->count);
    WELD_TRY(weld_npy_to_int64(out->labels, npy, 0, npy->count, err));
    *count = npy->count;
done:
    return st;
}

static weld_status read_npy(weld_dataset *out, const weld_data_file *file, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_npy npy;
    WELD_TRY(weld_npy_parse(&npy, out->ctx, file->bytes, file->size, file->path, err));
    WELD_TRY(store_samples(out, file, &npy, err));
done:
    return st;
}

weld_status weld_npy_labels(weld_dataset *out, int64_t *count, const weld_data_file *file,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    weld_npy npy;
    WELD_TRY(weld_npy_parse(&npy, out->ctx, file->bytes, file->size, file->path, err));
    WELD_TRY(store_labels(out, count, &npy, err));
done:
    return st;
}

static weld_status set_text(char **slot, weld_context *ctx, const char *text, size_t n,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    weld_free(ctx, *slot);
    *slot = NULL;
    WELD_NEW(*slot, ctx, n + 1);
    memcpy(*slot, text, n);
done:
    return st;
}

static bool is_key(const char *member, size_t n, const char *key)
{
    return key && strlen(key) == n && memcmp(member, key, n) == 0;
}

static weld_status note_key(npz_keys *keys, const weld_data_file *file, weld_context *ctx,
                            const char *member, weld_error *err)
{
    size_t n = strlen(member);
    const char *labels = file->labels_key ? file->labels_key : "labels";
    if (n > 4 && strcmp(member + n - 4, ".npy") == 0)
        n -= 4;
    if (keys->total++ < KEYS_SHOWN)
        weld_buffer_printf(&keys->list, "%s%.*s", keys->total > 1 ? ", " : "",
                           (int)(n < 64 ? n : 64), member);
    else if (keys->total == KEYS_SHOWN + 1)
        weld_buffer_printf(&keys->list, ", ...");
    if (is_key(member, n, file->input_name))
        return set_text(&keys->input, ctx, member, strlen(member), err);
    if (is_key(member, n, labels))
        return set_text(&keys->labels, ctx, member, strlen(member), err);
    keys->others++;
    return set_text(&keys->only, ctx, member, strlen(member), err);
}

static weld_status choose_keys(npz_keys *keys, const weld_data_file *file, weld_context *ctx,
                               weld_archive *zip, weld_error *err)
{
    weld_status st = WELD_OK;
    const char *member;
    for (;;) {
        WELD_TRY(weld_archive_next(&member, zip, err));
        if (!member)
            break;
        WELD_TRY(note_key(keys, file, ctx, member, err));
    }
    WELD_TRY(weld_buffer_check(&keys->list, err));
    WELD_REQUIRE(keys->total, WELD_E_FORMAT, "%s: has no arrays", file->path);
    const char *list = keys->list.data;
    WELD_REQUIRE(!file->input_name || keys->input, WELD_E_ARGUMENT,
                 "%s: has no array '%s' for the model's input; it has: %s", file->path,
                 file->input_name, list);
    WELD_REQUIRE(file->input_name || keys->others == 1, WELD_E_ARGUMENT,
                 "%s: expected one array besides labels, it has: %s", file->path, list);
    WELD_REQUIRE(!file->labels_key || keys->labels, WELD_E_ARGUMENT,
                 "%s: labels '%s' are neither a file nor an array; it has: %s", file->path,
                 file->labels_key, list);
    if (!keys->input) {
        keys->input = keys->only;
        keys->only = NULL;
    }
done:
    return st;
}

/* One array of the zip: samples, or labels when `labels` is not NULL. */
static weld_status read_array(weld_dataset *out, const weld_data_file *file, weld_archive *zip,
                              const char *member, int64_t *labels, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_npy npy;
    void *bytes = NULL;
    size_t size = 0, cap = (size_t)out->ctx->limits.file_bytes_max;
    WELD_TRY(weld_archive_member(&bytes, &size, zip, member, cap, err));
    WELD_REQUIRE(bytes, WELD_E_INTERNAL, "%s: member %s is gone", file->path, member);
    st = weld_npy_parse(&npy, out->ctx, bytes, size, member, err);
    if (st == WELD_OK)
        st = labels ? store_labels(out, labels, &npy, err) : store_samples(out, file, &npy, err);
    if (st != WELD_OK)
        weld_error_wrap(err, "%s", file->path);
done:
    weld_free(out->ctx, bytes);
    return st;
}

static weld_status read_npz(weld_dataset *out, const weld_data_file *file, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_archive *zip = NULL;
    npz_keys keys = {0};
    int64_t labels = 0;
    weld_buffer_init(&keys.list, out->ctx);
    WELD_TRY(weld_archive_open(&zip, out->ctx, file->bytes, file->size, file->path, err));
    WELD_TRY(choose_keys(&keys, file, out->ctx, zip, err));
    WELD_TRY(read_array(out, file, zip, keys.input, NULL, err));
    if (!keys.labels || file->labels_elsewhere)
        goto done;
    WELD_TRY(read_array(out, file, zip, keys.labels, &labels, err));
    WELD_REQUIRE(labels == out->total, WELD_E_FORMAT,
                 "%s: %" PRId64 " labels for %" PRId64 " samples", file->path, labels, out->total);
done:
    weld_archive_free(zip);
    weld_free(out->ctx, keys.input);
    weld_free(out->ctx, keys.labels);
    weld_free(out->ctx, keys.only);
    weld_buffer_free(&keys.list);
    return st;
}

const weld_reader weld_reader_npz = {"npz", true, bid_npz, read_npz};
const weld_reader weld_reader_npy = {"npy", false, bid_npy, read_npy};
