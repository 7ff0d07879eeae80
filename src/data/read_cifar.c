/* CIFAR-10 binary: a label, then 3 x 32 x 32 bytes; plain, or in the tar of its authors. */
#include "data/readers.h"
#include "io/archive.h"
#include <stdio.h>
#include <string.h>

enum { RECORD = 3073, RECORD_100 = 3074, PIXELS = 3072, CLASSES = 10, BATCHES = 5 };

typedef struct batch {
    unsigned char *bytes;
    size_t size;
} batch;

static int bid_cifar(const unsigned char *bytes, size_t size, const char *path)
{
    if (weld_is_tar(bytes, size))
        return 90;
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    if (strstr(base, "_batch") || strstr(base, "cifar"))
        return 60;
    return size && size % RECORD == 0 && bytes[0] < CLASSES ? 50 : 0;
}

static weld_status append_records(weld_dataset *out, int64_t *at, const unsigned char *bytes,
                                  size_t size, const char *name, weld_error *err)
{
    for (size_t k = 0; k < size / RECORD; k++, (*at)++) {
        const unsigned char *record = bytes + k * RECORD;
        if (record[0] >= CLASSES)
            return weld_fail(err, WELD_E_FORMAT, "%s: record %zu has label %d, allowed 0 to 9",
                             name, k, record[0]);
        out->labels[*at] = record[0];
        if (*at < out->count)
            memcpy(out->raw_u8 + (size_t)*at * PIXELS, record + 1, PIXELS);
    }
    return WELD_OK;
}

static weld_status check_size(size_t size, const char *name, weld_error *err)
{
    if (size && size % RECORD == 0)
        return WELD_OK;
    if (size && size % RECORD_100 == 0)
        return weld_fail(err, WELD_E_FORMAT,
                         "%s: %zu bytes are records of 3074: CIFAR-100, expected CIFAR-10 (3073)",
                         name, size);
    return weld_fail(err, WELD_E_FORMAT,
                     "%s: %zu bytes, expected a multiple of 3073 (one label and 3 x 32 x 32)", name,
                     size);
}

/* Which of the tar's files this is: 0 = test_batch.bin, 1 to 5 = data_batch_N.bin, else -1. */
static int batch_index(const char *member)
{
    const char *base = strrchr(member, '/');
    base = base ? base + 1 : member;
    int number = 0, end = 0;
    if (strcmp(base, "test_batch.bin") == 0)
        return 0;
    if (sscanf(base, "data_batch_%1d.bin%n", &number, &end) == 1 && end && !base[end] &&
        number >= 1 && number <= BATCHES)
        return number;
    return -1;
}

static weld_status read_members(batch batches[BATCHES + 1], weld_dataset *out,
                                const weld_data_file *file, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_archive *tar = NULL;
    const char *member = NULL;
    bool pickles = false;
    int found = 0;
    size_t cap = (size_t)out->ctx->limits.file_bytes_max;
    WELD_TRY(weld_archive_open(&tar, out->ctx, file->bytes, file->size, file->path, err));
    for (;;) {
        WELD_TRY(weld_archive_next(&member, tar, err));
        if (!member)
            break;
        pickles = pickles || strstr(member, "batches-py/") || strstr(member, "-python/");
        int k = batch_index(member);
        if (k < 0)
            continue;
        WELD_REQUIRE(!batches[k].bytes, WELD_E_FORMAT, "%s: a second %s", file->path, member);
        void *bytes = NULL;
        WELD_TRY(weld_archive_read(&bytes, &batches[k].size, tar, cap, err));
        batches[k].bytes = bytes;
        found++;
        WELD_TRY(check_size(batches[k].size, member, err));
    }
    WELD_REQUIRE(found || !pickles, WELD_E_FORMAT,
                 "%s: the Python (pickle) version of CIFAR; get cifar-10-binary.tar.gz",
                 file->path);
    WELD_REQUIRE(found, WELD_E_FORMAT, "%s: has neither test_batch.bin nor data_batch_1.bin",
                 file->path);
done:
    weld_archive_free(tar);
    return st;
}

static weld_status prepare(weld_dataset *out, const weld_data_file *file, size_t bytes,
                           weld_error *err)
{
    weld_status st = WELD_OK;
    int64_t total = (int64_t)(bytes / RECORD);
    out->sample = weld_shape_make(3, (const int64_t[]){3, 32, 32});
    out->stored = WELD_UINT8;
    WELD_TRY(weld_dataset_make_room(out, file, total, err));
    WELD_NEW(out->labels, out->ctx, total);
done:
    return st;
}

static weld_status read_tar(weld_dataset *out, const weld_data_file *file, weld_error *err)
{
    weld_status st = WELD_OK;
    batch batches[BATCHES + 1] = {{0}};
    size_t bytes = 0;
    int64_t at = 0;
    WELD_TRY(read_members(batches, out, file, err));
    int first = batches[0].bytes ? 0 : 1, last = batches[0].bytes ? 0 : BATCHES;
    for (int k = first; k <= last; k++) {
        WELD_REQUIRE(batches[k].bytes, WELD_E_FORMAT, "%s: data_batch_%d.bin is missing",
                     file->path, k);
        bytes += batches[k].size;
    }
    WELD_TRY(prepare(out, file, bytes, err));
    for (int k = first; k <= last; k++) {
        char name[32] = "test_batch.bin";
        if (k)
            snprintf(name, sizeof name, "data_batch_%d.bin", k);
        st = append_records(out, &at, batches[k].bytes, batches[k].size, name, err);
        if (st != WELD_OK) {
            weld_error_wrap(err, "%s", file->path);
            goto done;
        }
    }
done:
    for (int k = 0; k <= BATCHES; k++)
        weld_free(out->ctx, batches[k].bytes);
    return st;
}

static weld_status read_cifar(weld_dataset *out, const weld_data_file *file, weld_error *err)
{
    weld_status st = WELD_OK;
    int64_t at = 0;
    if (weld_is_tar(file->bytes, file->size))
        return read_tar(out, file, err);
    WELD_TRY(check_size(file->size, file->path, err));
    WELD_TRY(prepare(out, file, file->size, err));
    WELD_TRY(append_records(out, &at, file->bytes, file->size, file->path, err));
done:
    return st;
}

const weld_reader weld_reader_cifar = {"cifar", false, bid_cifar, read_cifar};
