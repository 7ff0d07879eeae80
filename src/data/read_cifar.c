/* CIFAR binary: labels, then 3 x 32 x 32 bytes; plain, or in the tar of its authors. */
#include "data/readers.h"
#include "io/archive.h"
#include <string.h>

enum { PIXELS = 3072, PARTS = 5 };

typedef struct kind {
    const char *name;
    size_t labels;            /* bytes before the pixels */
    const char *test;         /* member of the tar */
    const char *train[PARTS]; /* NULL = fewer */
    struct {
        const char *key;
        size_t at; /* of the labels */
        int classes;
    } by[2]; /* the first is the default; key NULL = there is no other */
} kind;

static const kind kinds[] = {
    {"CIFAR-10",
     1,
     "test_batch.bin",
     {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
      "data_batch_5.bin"},
     {{"fine", 0, 10}, {NULL, 0, 0}}},
    {"CIFAR-100", 2, "test.bin", {"train.bin"}, {{"fine", 1, 100}, {"coarse", 0, 20}}},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* One file of records. */
typedef struct part {
    const char *name;
    unsigned char *bytes;
    size_t size;
} part;

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The first kind whose records fill the size, NULL when none does. */
static const kind *kind_of(size_t size)
{
    for (int k = 0; k < KINDS; k++)
        if (size && size % (kinds[k].labels + PIXELS) == 0)
            return &kinds[k];
    return NULL;
}

/* Which kind the member belongs to; *index: 0 = the test set, from 1 on the parts for training. */
static const kind *kind_of_member(int *index, const char *member)
{
    for (int k = 0; k < KINDS; k++) {
        *index = 0;
        if (strcmp(base_of(member), kinds[k].test) == 0)
            return &kinds[k];
        for (int n = 0; n < PARTS && kinds[k].train[n]; n++) {
            *index = n + 1;
            if (strcmp(base_of(member), kinds[k].train[n]) == 0)
                return &kinds[k];
        }
    }
    return NULL;
}

static bool is_pickled(const weld_data_file *file)
{
    bool found = false;
    for (size_t k = 0; k < file->member_count; k++)
        found = found || strstr(file->members[k], "batches-py/") ||
                strstr(file->members[k], "-python/");
    return found;
}

static int bid_cifar(const weld_data_file *file)
{
    int index;
    if (!file->bytes)
        return 0;
    for (size_t k = 0; k < file->member_count; k++)
        if (kind_of_member(&index, file->members[k]))
            return 90;
    if (file->member_count)
        return is_pickled(file) ? 90 : 0;
    const char *base = base_of(file->path);
    if (strstr(base, "_batch") || strstr(base, "cifar"))
        return 60;
    const kind *k = kind_of(file->size);
    return k && file->bytes[k->by[0].at] < k->by[0].classes ? 50 : 0;
}

/* Where the labels are, as the user says. */
static weld_status find_labels(int *out, const kind *k, const weld_data_file *file, weld_error *err)
{
    weld_status st = WELD_OK;
    *out = 0;
    if (!file->labels_key)
        return WELD_OK;
    while (*out < 2 && k->by[*out].key && strcmp(k->by[*out].key, file->labels_key) != 0)
        (*out)++;
    WELD_REQUIRE(*out < 2 && k->by[*out].key, WELD_E_ARGUMENT,
                 "%s: labels '%s' are neither a file nor a key; %s has: fine%s", file->path,
                 file->labels_key, k->name, k->by[1].key ? ", coarse" : "");
done:
    return st;
}

static weld_status append_records(weld_dataset *out, int64_t *at, const part *p, const kind *k,
                                  int by, weld_error *err)
{
    const size_t record = k->labels + PIXELS;
    for (size_t r = 0; r < p->size / record; r++, (*at)++) {
        const unsigned char *bytes = p->bytes + r * record;
        for (int l = 0; l < 2 && k->by[l].key; l++)
            if (bytes[k->by[l].at] >= k->by[l].classes)
                return weld_fail(err, WELD_E_FORMAT, "%s: record %zu has label %d, allowed 0 to %d",
                                 p->name, r, bytes[k->by[l].at], k->by[l].classes - 1);
        out->labels[*at] = bytes[k->by[by].at];
        if (*at < out->count)
            memcpy(out->arrays[0].raw_u8 + (size_t)*at * PIXELS, bytes + k->labels, PIXELS);
    }
    return WELD_OK;
}

static weld_status append_parts(weld_dataset *out, const part *parts, int count, const kind *k,
                                const weld_data_file *file, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_shape sample = weld_shape_make(3, (const int64_t[]){3, 32, 32});
    weld_samples *samples;
    int64_t total = 0, at = 0;
    int by;
    WELD_TRY(find_labels(&by, k, file, err));
    for (int n = 0; n < count; n++) {
        WELD_REQUIRE(parts[n].size && parts[n].size % (k->labels + PIXELS) == 0, WELD_E_FORMAT,
                     "%s: %zu bytes, expected a multiple of %zu (%zu bytes of labels and 3 x 32 x "
                     "32)",
                     parts[n].name, parts[n].size, k->labels + PIXELS, k->labels);
        total += (int64_t)(parts[n].size / (k->labels + PIXELS));
    }
    WELD_TRY(weld_dataset_add(&samples, out, file, "", WELD_UINT8, &sample, total, err));
    WELD_NEW(out->labels, out->ctx, total);
    for (int n = 0; n < count; n++)
        WELD_TRY(append_records(out, &at, &parts[n], k, by, err));
done:
    return st;
}

/* The kind's files into parts [PARTS + 1], by their index. */
static weld_status read_members(part parts[PARTS + 1], const kind *k, const weld_dataset *out,
                                const weld_data_file *file, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_archive *tar = NULL;
    const char *member = NULL;
    int index;
    WELD_TRY(weld_archive_open(&tar, out->ctx, file->bytes, file->size, file->path, err));
    for (;;) {
        WELD_TRY(weld_archive_next(&member, tar, err));
        if (!member)
            break;
        if (kind_of_member(&index, member) != k)
            continue;
        void *bytes = NULL;
        WELD_REQUIRE(!parts[index].bytes, WELD_E_FORMAT, "a second %s", member);
        WELD_TRY(weld_archive_read(&bytes, &parts[index].size, tar, err));
        parts[index].bytes = bytes;
        parts[index].name = index ? k->train[index - 1] : k->test;
    }
done:
    weld_archive_free(tar);
    return st;
}

static weld_status read_tar(weld_dataset *out, const weld_data_file *file, weld_error *err)
{
    weld_status st = WELD_OK;
    part parts[PARTS + 1] = {{0}};
    const kind *k = NULL;
    int index, count = 0;
    for (size_t m = 0; m < file->member_count && !k; m++)
        k = kind_of_member(&index, file->members[m]);
    WELD_REQUIRE(k, WELD_E_FORMAT,
                 "the Python (pickle) version of CIFAR; get the binary one "
                 "(cifar-10-binary.tar.gz)");
    WELD_TRY(read_members(parts, k, out, file, err));
    while (!parts[0].bytes && count < PARTS && k->train[count]) {
        WELD_REQUIRE(parts[count + 1].bytes, WELD_E_FORMAT, "%s is missing", k->train[count]);
        count++;
    }
    WELD_TRY(append_parts(out, parts[0].bytes ? parts : parts + 1, parts[0].bytes ? 1 : count, k,
                          file, err));
done:
    if (st != WELD_OK)
        weld_error_wrap(err, "%s", file->path);
    for (int n = 0; n <= PARTS; n++)
        weld_free(out->ctx, parts[n].bytes);
    return st;
}

static weld_status read_cifar(weld_dataset *out, const weld_data_file *file, weld_error *err)
{
    weld_status st = WELD_OK;
    if (file->member_count)
        return read_tar(out, file, err);
    const kind *k = kind_of(file->size);
    const part whole = {file->path, (unsigned char *)file->bytes, file->size};
    WELD_REQUIRE(k, WELD_E_FORMAT,
                 "%s: %zu bytes, expected a multiple of 3073 (CIFAR-10: a label and 3 x 32 x 32) "
                 "or 3074 (CIFAR-100)",
                 file->path, file->size);
    WELD_TRY(append_parts(out, &whole, 1, k, file, err));
done:
    return st;
}

const weld_reader weld_reader_cifar = {"CIFAR binary", false, "fine or coarse", bid_cifar,
                                       read_cifar};
