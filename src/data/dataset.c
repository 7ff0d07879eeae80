#include "data/dataset.h"
#include "data/idx.h"
#include "data/readers.h"
#include "io/archive.h"
#include "io/gzip.h"
#include "io/packed.h"
#include "io/source.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const weld_reader *const readers[] = {
#define WELD_READER(name) &weld_reader_##name,
#include "data/readers.def"
#undef WELD_READER
};
enum { READERS = sizeof readers / sizeof *readers };

static weld_status refuse_unknown(const weld_data_file *file, weld_error *err)
{
    static const char lfs[] = "version https://git-lfs";
    char list[200] = "";
    size_t n = 0;
    if (file->bytes && !file->size)
        return weld_fail(err, WELD_E_FORMAT, "%s: is empty", file->path);
    if (file->size >= sizeof lfs - 1 && memcmp(file->bytes, lfs, sizeof lfs - 1) == 0)
        return weld_fail(err, WELD_E_FORMAT, "%s: is a Git LFS pointer; run git lfs pull",
                         file->path);
    for (int k = 0; k < READERS && n < sizeof list; k++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", k ? ", " : "", readers[k]->name);
    return weld_fail(err, WELD_E_FORMAT, "%s: unknown format, expected %s", file->path, list);
}

static weld_status pick_reader(const weld_reader **out, const weld_data_file *file, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_dataset_options *o = file->options;
    int best = 0;
    *out = NULL;
    for (int k = 0; k < READERS; k++) {
        int bid = readers[k]->bid(file);
        if (bid > best) {
            best = bid;
            *out = readers[k];
        }
    }
    if (!*out)
        return refuse_unknown(file, err);
    WELD_REQUIRE(!file->labels_key || (*out)->labels, WELD_E_ARGUMENT,
                 "%s: there is no file '%s' of labels, and %s has no keys", file->path,
                 file->labels_key, (*out)->name);
    WELD_REQUIRE(!o->input_count || (*out)->named, WELD_E_ARGUMENT,
                 "%s: input '%s' wants the array '%s', and %s has no keys", file->path,
                 o->inputs[0].input, o->inputs[0].key, (*out)->name);
done:
    return st;
}

/* ---- labels --------------------------------------------------------------------- */

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
    weld_packed packed = {0};
    weld_npy view;
    int64_t count = 0;
    weld_free(ctx, dataset->labels);
    weld_free(ctx, dataset->targets);
    dataset->labels = NULL;
    dataset->targets = NULL;
    WELD_TRY(weld_packed_read(&packed, ctx, path, err));
    memcpy(dataset->labels_sha256, packed.sha256, sizeof packed.sha256);
    if (weld_is_npy(packed.bytes, packed.size))
        WELD_TRY(weld_npy_parse(&view, ctx, packed.bytes, packed.size, path, err));
    else
        WELD_TRY(weld_idx_parse(&view, ctx, packed.bytes, packed.size, path, err));
    WELD_TRY(weld_dataset_add_labels(dataset, &view, &count, err));
    WELD_REQUIRE(count == dataset->total, WELD_E_FORMAT,
                 "%s: %" PRId64 " labels, but %s has %" PRId64 " samples", path, count,
                 dataset->path, dataset->total);
done:
    weld_packed_free(&packed);
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

/* ---- opening -------------------------------------------------------------------- */

static weld_status check_options(const weld_dataset_options *o, const char *path, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_preset *preset;
    WELD_REQUIRE(o->struct_size == sizeof *o, WELD_E_ARGUMENT,
                 "data set options of %u bytes, expected %zu", o->struct_size, sizeof *o);
    WELD_REQUIRE((path && *path) != (o->raw_count > 0), WELD_E_ARGUMENT, "%s",
                 path && *path ? "data from a file and raw data: one of them"
                               : "the path of the data set is empty");
    WELD_TRY(weld_preset_find(&preset, o->preset, err));
    WELD_REQUIRE(o->samples_max >= 0, WELD_E_ARGUMENT, "samples_max is %" PRId64 ", must be >= 0",
                 o->samples_max);
done:
    return st;
}

static void free_members(weld_context *ctx, weld_data_file *file)
{
    for (size_t k = 0; k < file->member_count; k++)
        weld_free(ctx, file->members[k]);
    weld_free(ctx, file->members);
}

static weld_status list_members(weld_data_file *file, weld_context *ctx, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_archive *archive = NULL;
    const char *member;
    size_t cap = 0;
    if (!weld_is_zip(file->bytes, file->size) && !weld_is_tar(file->bytes, file->size))
        return WELD_OK;
    WELD_TRY(weld_archive_open(&archive, ctx, file->bytes, file->size, file->path, err));
    for (;;) {
        WELD_TRY(weld_archive_next(&member, archive, err));
        if (!member)
            break;
        WELD_GROW(file->members, cap, ctx, file->member_count + 1);
        char *name = weld_strdup(ctx, member);
        WELD_REQUIRE(name, WELD_E_NOMEM, "out of memory");
        file->members[file->member_count++] = name;
    }
done:
    weld_archive_free(archive);
    return st;
}

static weld_status read_arrays(weld_dataset *dataset, const weld_data_file *file, weld_error *err)
{
    const weld_reader *reader;
    const weld_status st = pick_reader(&reader, file, err);
    return st == WELD_OK ? reader->read(dataset, file, err) : st;
}

/* Labels are named by a file that is there, or else by a key. */
static bool is_file(const char *name)
{
    return name && access(name, F_OK) == 0 && !weld_is_folder(name);
}

static weld_status fill(weld_dataset *dataset, const weld_dataset_options *o, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = dataset->ctx;
    weld_packed packed = {0};
    char *sibling = NULL;
    const bool elsewhere = is_file(o->labels);
    weld_data_file file = {.path = dataset->path,
                           .options = o,
                           .folder = !o->raw_count && weld_is_folder(dataset->path),
                           .labels_key = elsewhere ? NULL : o->labels,
                           .labels_elsewhere = elsewhere};
    if (!o->raw_count && !file.folder) {
        WELD_TRY(weld_packed_read(&packed, ctx, dataset->path, err));
        memcpy(dataset->sha256, packed.sha256, sizeof packed.sha256);
        file.bytes = packed.bytes;
        file.size = packed.size;
        WELD_TRY(list_members(&file, ctx, err));
    }
    WELD_TRY(read_arrays(dataset, &file, err));
    weld_packed_free(&packed);
    if (!o->labels && !weld_dataset_has_truth(dataset))
        sibling = sibling_of(ctx, dataset->path);
    if (elsewhere)
        WELD_TRY(load_labels(dataset, o->labels, err));
    else if (is_file(sibling))
        WELD_TRY(load_labels(dataset, sibling, err));
    WELD_TRY(check_labels(dataset, err));
    WELD_TRY(weld_dataset_preprocess(dataset, o, err));
done:
    free_members(ctx, &file);
    weld_free(ctx, sibling);
    weld_packed_free(&packed);
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
    dataset->path = weld_strdup(ctx, o->raw_count ? o->raw[0] : path);
    WELD_REQUIRE(dataset->path, WELD_E_NOMEM, "out of memory");
    WELD_TRY(fill(dataset, o, err));
    *out = dataset;
    dataset = NULL;
done:
    weld_dataset_free(dataset);
    return st;
}

weld_status weld_dataset_preset(weld_dataset *dataset, const weld_dataset_options *options,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_REQUIRE(!dataset->whole, WELD_E_ARGUMENT, "%s: a part has the preprocessing of the whole",
                 dataset->path);
    WELD_TRY(weld_dataset_preprocess(dataset, options, err));
done:
    return st;
}

int64_t weld_dataset_size(const weld_dataset *dataset)
{
    return dataset->count;
}

bool weld_dataset_has_labels(const weld_dataset *dataset)
{
    return weld_dataset_has_truth(dataset);
}

void weld_dataset_free(weld_dataset *dataset)
{
    if (!dataset)
        return;
    for (int k = 0; !dataset->whole && k < dataset->array_count; k++) {
        weld_samples *s = &dataset->arrays[k];
        weld_free(dataset->ctx, s->raw);
        weld_free(dataset->ctx, s->key);
        weld_free(dataset->ctx, s->input);
        weld_free(dataset->ctx, s->mean);
        weld_free(dataset->ctx, s->std);
    }
    weld_free(dataset->ctx, dataset->whole ? NULL : dataset->arrays);
    weld_free(dataset->ctx, dataset->place);
    weld_free(dataset->ctx, dataset->labels);
    weld_free(dataset->ctx, dataset->targets);
    weld_free(dataset->ctx, dataset->path);
    weld_free(dataset->ctx, dataset);
}
