#include "data/dataset.h"
#include "data/readers.h"
#include "io/gzip.h"
#include "io/npy.h"
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static const weld_reader *const readers[] = {
#define WELD_READER(name) &weld_reader_##name,
#include "data/readers.def"
#undef WELD_READER
};

/* The whole file, unpacked when it is gzip; the hash is of the file as it is. */
static weld_status load_file(void **out, size_t *size, weld_context *ctx, const char *path,
                             char sha256[WELD_SHA256_TEXT], weld_error *err)
{
    weld_status st = WELD_OK;
    weld_source *source = NULL;
    void *bytes = NULL;
    *out = NULL;
    WELD_TRY(weld_source_open(&source, ctx, path, err));
    WELD_TRY(weld_source_read_all(&bytes, size, source, err));
    WELD_TRY(weld_source_unchanged(source, err));
    WELD_TRY(weld_sha256_memory(sha256, ctx, bytes, *size, err));
    if (weld_is_gzip(bytes, *size)) {
        weld_gzip_input input = {bytes, *size, (size_t)ctx->limits.file_bytes_max, path};
        WELD_TRY(weld_gunzip(out, size, ctx, &input, err));
    } else {
        *out = bytes;
        bytes = NULL;
    }
done:
    weld_free(ctx, bytes);
    weld_source_free(source);
    return st;
}

static weld_status pick_reader(const weld_reader **out, const weld_data_file *file, weld_error *err)
{
    int best = 0;
    *out = NULL;
    for (size_t k = 0; k < sizeof readers / sizeof *readers; k++) {
        int bid = readers[k]->bid(file->bytes, file->size, file->path);
        if (bid > best) {
            best = bid;
            *out = readers[k];
        }
    }
    static const char lfs[] = "version https://git-lfs";
    if (file->size >= sizeof lfs - 1 && memcmp(file->bytes, lfs, sizeof lfs - 1) == 0)
        return weld_fail(err, WELD_E_FORMAT, "%s: is a Git LFS pointer; run git lfs pull",
                         file->path);
    if (!file->size)
        return weld_fail(err, WELD_E_FORMAT, "%s: is empty", file->path);
    if (!*out)
        return weld_fail(err, WELD_E_FORMAT,
                         "%s: unknown format, expected .npz, .npy, idx or CIFAR-10 binary",
                         file->path);
    return WELD_OK;
}

weld_status weld_dataset_make_room(weld_dataset *out, const weld_data_file *file, int64_t total,
                                   weld_error *err)
{
    weld_status st = WELD_OK;
    size_t size = out->stored == WELD_UINT8 ? 1 : weld_compute_size(out->stored);
    int64_t each = weld_shape_numel(&out->sample);
    WELD_REQUIRE(total > 0 && each > 0, WELD_E_FORMAT,
                 "%s: holds nothing: %" PRId64 " samples of %" PRId64 " values", file->path, total,
                 each);
    out->total = total;
    out->count = file->samples_max && file->samples_max < total ? file->samples_max : total;
    out->raw = weld_alloc(out->ctx, (size_t)out->count, (size_t)each * size);
    if (!out->raw)
        st = weld_fail_memory(out->ctx, err, (size_t)out->count, (size_t)each * size);
done:
    return st;
}

/* "t10k-images-idx3-ubyte.gz" -> "t10k-labels-idx1-ubyte.gz"; NULL when it is not such a name. */
static char *sibling_of(weld_context *ctx, const char *path)
{
    static const char from[] = "images-idx3", to[] = "labels-idx1";
    const char *base = strrchr(path, '/');
    const char *at = strstr(base ? base : path, from);
    char *copy = at ? weld_strdup(ctx, path) : NULL;
    if (copy)
        memcpy(copy + (at - path), to, sizeof to - 1);
    return copy;
}

static weld_status load_labels(weld_dataset *dataset, const char *path, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = dataset->ctx;
    void *bytes = NULL;
    size_t size = 0;
    int64_t count = 0;
    weld_free(ctx, dataset->labels);
    dataset->labels = NULL;
    WELD_TRY(load_file(&bytes, &size, ctx, path, dataset->labels_sha256, err));
    weld_data_file file = {.bytes = bytes, .size = size, .path = path};
    if (weld_is_npy(bytes, size))
        WELD_TRY(weld_npy_labels(dataset, &count, &file, err));
    else
        WELD_TRY(weld_idx_labels(dataset, &count, &file, err));
    WELD_REQUIRE(count == dataset->total, WELD_E_FORMAT,
                 "%s: %" PRId64 " labels, but %s has %" PRId64 " samples", path, count,
                 dataset->path, dataset->total);
done:
    weld_free(ctx, bytes);
    return st;
}

static weld_status check_labels(const weld_dataset *dataset, weld_error *err)
{
    for (int64_t k = 0; dataset->labels && k < dataset->total; k++)
        if (dataset->labels[k] < 0 || dataset->labels[k] > INT32_MAX)
            return weld_fail(err, WELD_E_FORMAT,
                             "%s: label %" PRId64 " is %" PRId64 ", must be >= 0 and < 2^31",
                             dataset->path, k, dataset->labels[k]);
    return WELD_OK;
}

static weld_status check_options(const weld_dataset_options *o, const char *path, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_REQUIRE(path && *path, WELD_E_ARGUMENT, "the path of the data set is empty");
    WELD_REQUIRE(o->struct_size == sizeof *o, WELD_E_ARGUMENT,
                 "data set options of %u bytes, expected %zu", o->struct_size, sizeof *o);
    WELD_REQUIRE(o->samples_max >= 0, WELD_E_ARGUMENT, "samples_max is %" PRId64 ", must be >= 0",
                 o->samples_max);
    WELD_REQUIRE(!o->preset || weld_preset_find(o->preset), WELD_E_ARGUMENT,
                 "preset '%s', allowed none, unit, imagenet, cifar10, mnist, tf, caffe", o->preset);
done:
    return st;
}

static weld_status fill(weld_dataset *dataset, const weld_dataset_options *o, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = dataset->ctx;
    const weld_reader *reader = NULL;
    void *bytes = NULL;
    size_t size = 0;
    char *sibling = NULL;
    bool is_file = o->labels && access(o->labels, F_OK) == 0;
    WELD_TRY(load_file(&bytes, &size, ctx, dataset->path, dataset->sha256, err));
    weld_data_file file = {
        bytes,   size,          dataset->path, o->input_name, is_file ? NULL : o->labels,
        is_file, o->samples_max};
    WELD_TRY(pick_reader(&reader, &file, err));
    WELD_REQUIRE(!o->labels || is_file || reader->has_keys, WELD_E_ARGUMENT,
                 "%s: there is no file '%s' of labels, and %s has no keys", dataset->path,
                 o->labels, reader->name);
    WELD_TRY(reader->read(dataset, &file, err));
    weld_free(ctx, bytes);
    bytes = NULL;
    if (!o->labels && !dataset->labels)
        sibling = sibling_of(ctx, dataset->path);
    if (is_file)
        WELD_TRY(load_labels(dataset, o->labels, err));
    else if (sibling && access(sibling, F_OK) == 0)
        WELD_TRY(load_labels(dataset, sibling, err));
    WELD_TRY(check_labels(dataset, err));
    WELD_TRY(weld_dataset_preprocess(dataset, o, err));
done:
    weld_free(ctx, sibling);
    weld_free(ctx, bytes);
    return st;
}

weld_status weld_dataset_open(weld_dataset **out, weld_context *ctx, const char *path,
                              const weld_dataset_options *options, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_dataset_options defaults = WELD_DATASET_OPTIONS_INIT;
    const weld_dataset_options *o = options ? options : &defaults;
    weld_dataset *dataset = NULL;
    *out = NULL;
    WELD_TRY(check_options(o, path, err));
    WELD_NEW(dataset, ctx, 1);
    dataset->ctx = ctx;
    dataset->channel_axis = -1;
    WELD_NEW(dataset->path, ctx, strlen(path) + 1);
    memcpy(dataset->path, path, strlen(path) + 1);
    WELD_TRY(fill(dataset, o, err));
    *out = dataset;
    dataset = NULL;
done:
    weld_dataset_free(dataset);
    return st;
}

int64_t weld_dataset_size(const weld_dataset *dataset)
{
    return dataset->count;
}

bool weld_dataset_has_labels(const weld_dataset *dataset)
{
    return dataset->labels != NULL;
}

void weld_dataset_free(weld_dataset *dataset)
{
    if (!dataset)
        return;
    weld_free(dataset->ctx, dataset->whole ? NULL : dataset->raw);
    weld_free(dataset->ctx, dataset->place);
    weld_free(dataset->ctx, dataset->labels);
    weld_free(dataset->ctx, dataset->mean);
    weld_free(dataset->ctx, dataset->std);
    weld_free(dataset->ctx, dataset->path);
    weld_free(dataset->ctx, dataset);
}

static weld_status check_batch(const weld_dataset *d, int64_t first, int64_t n, weld_error *err)
{
    if (first < 0 || n < 0 || n > d->count || first > d->count - n)
        return weld_fail(err, WELD_E_ARGUMENT,
                         "%s: samples %" PRId64 " + %" PRId64 " asked for, it has %" PRId64,
                         d->path, first, n, d->count);
    return WELD_OK;
}

static double raw_at(const weld_dataset *d, int64_t index)
{
    if (d->stored == WELD_UINT8)
        return d->raw_u8[index];
    return d->stored == WELD_FLOAT ? (double)d->raw_f[index] : (double)d->raw_i[index];
}

/* Where sample k begins among the stored numbers. */
static int64_t sample_base(const weld_dataset *d, int64_t k)
{
    return (d->place ? d->place[k] : k) * weld_shape_numel(&d->sample);
}

static void sample_reals(weld_tensor *out, int64_t to, const weld_dataset *d, int64_t base)
{
    int axis = d->channel_axis;
    int64_t each = weld_shape_numel(&d->sample);
    int64_t depth = axis < 0 ? 1 : d->sample.dims[axis];
    int64_t inner = axis < 0 ? each : weld_shape_span(&d->sample, axis + 1, d->sample.rank);
    int64_t blocks = inner ? each / inner : 0;
    for (int64_t b = 0; b < blocks; b++) {
        int64_t c = b % depth, from = d->bgr ? b - c + depth - 1 - c : b;
        int64_t k = d->channels > 1 ? c : 0;
        double mean = d->channels ? d->mean[k] : 0.0, std = d->channels ? d->std[k] : 1.0;
        for (int64_t i = 0; i < inner; i++)
            weld_tensor_set_number(out, to + b * inner + i,
                                   (raw_at(d, base + from * inner + i) * d->scale - mean) / std);
    }
}

weld_status weld_dataset_batch(weld_tensor *out, const weld_dataset *dataset, int64_t first,
                               int64_t n, weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t each = weld_shape_numel(&dataset->sample);
    const bool real = weld_dtype_is_float(out->dtype);
    WELD_TRY(check_batch(dataset, first, n, err));
    WELD_REQUIRE(real || dataset->integer, WELD_E_ARGUMENT, "%s: samples are not integers",
                 dataset->path);
    for (int64_t k = 0; k < n; k++) {
        const int64_t base = sample_base(dataset, first + k);
        if (real)
            sample_reals(out, k * each, dataset, base);
        else
            memcpy(out->i + k * each, dataset->raw_i + base, (size_t)each * sizeof *out->i);
    }
done:
    return st;
}
