/* ONNX test data: folders test_data_set_N with a TensorProto input_K.pb for each input; or such a folder
 * alone; on disk or in an archive. The samples of the sets follow each other. */
#include "data/readers.h"
#include "data/test_data.h"
#include "io/archive.h"
#include "onnx/tensor_file.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { NUMBERS_MAX = 100000 };

/* input_K.pb of a set. */
typedef struct entry {
    int set, place;
    char *name;
    weld_tensor tensor;
} entry;

typedef struct entries {
    weld_context *ctx;
    entry *at; /* [count] */
    int count;
    size_t cap;
    weld_sha256 *hash; /* of a folder's files; NULL = the archive has one */
} entries;

static void free_entries(entries *e)
{
    for (int k = 0; k < e->count; k++) {
        weld_free(e->ctx, e->at[k].name);
        weld_tensor_free(e->ctx, &e->at[k].tensor);
    }
    weld_free(e->ctx, e->at);
    weld_sha256_free(e->hash);
}

/* The number between `start` and `end` that the text begins with; how long all of that is, 0 = it does
 * not. */
static size_t numbered(int *number, const char *text, const char *start, const char *end)
{
    const size_t n = strlen(start);
    char *after;
    if (strncmp(text, start, n) != 0 || text[n] < '0' || text[n] > '9')
        return 0;
    const long value = strtol(text + n, &after, 10);
    *number = (int)value;
    return value < NUMBERS_MAX && strncmp(after, end, strlen(end)) == 0
               ? (size_t)(after - text) + strlen(end)
               : 0;
}

bool weld_test_data_name(int *set, int *place, size_t *folder, const char *name, const char *prefix)
{
    const char *file = strrchr(name, '/');
    char start[32];
    file = file ? file + 1 : name;
    snprintf(start, sizeof start, "%s_", prefix);
    const size_t n = numbered(place, file, start, ".pb");
    if (n == 0 || file[n])
        return false;
    const char *parent = file;
    while (parent > name && (parent == file || parent[-1] != '/'))
        parent--;
    *set = 0;
    const bool named = numbered(set, parent, "test_data_set_", "/") == (size_t)(file - parent);
    *folder = (size_t)((named && parent < file ? parent : file) - name);
    return true;
}

static int bid_test_data(const weld_data_file *file)
{
    int set, place;
    size_t folder;
    for (size_t k = 0; k < file->member_count; k++)
        if (weld_test_data_name(&set, &place, &folder, file->members[k], "input"))
            return 80;
    return file->folder ? 100 : 0;
}

/* ---- finding the files ------------------------------------------------------------- */

static weld_status add_entry(entries *e, int set, int place, const void *bytes, size_t size,
                             const char *label, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_GROW(e->at, e->cap, e->ctx, e->count + 1);
    entry *new = &e->at[e->count];
    *new = (entry){.set = set, .place = place};
    WELD_TRY(weld_tensor_parse(&new->tensor, &new->name, e->ctx, bytes, size, label, err));
    e->count++;
    WELD_REQUIRE(new->tensor.shape.rank >= 1, WELD_E_FORMAT,
                 "%s: is a single number, expected an array of samples [N, ...]", label);
done:
    return st;
}

static weld_status read_members(entries *e, const weld_data_file *file, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_archive *archive = NULL;
    const char *member;
    char *parent = NULL; /* the folder of all sets */
    void *bytes = NULL;
    size_t size, folder;
    int set, place;
    WELD_TRY(weld_archive_open(&archive, e->ctx, file->bytes, file->size, file->path, err));
    for (;;) {
        WELD_TRY(weld_archive_next(&member, archive, err));
        if (!member)
            break;
        if (!weld_test_data_name(&set, &place, &folder, member, "input"))
            continue;
        if (!parent) {
            WELD_REQUIRE((parent = weld_strdup(e->ctx, member)), WELD_E_NOMEM, "out of memory");
            parent[folder] = '\0';
        }
        WELD_REQUIRE(strlen(parent) == folder && memcmp(parent, member, folder) == 0, WELD_E_FORMAT,
                     "%s: test data of two models, in '%s' and at %s", file->path, parent, member);
        WELD_TRY(weld_archive_read(&bytes, &size, archive, err));
        WELD_TRY(add_entry(e, set, place, bytes, size, member, err));
        weld_free(e->ctx, bytes);
        bytes = NULL;
    }
done:
    weld_free(e->ctx, bytes);
    weld_free(e->ctx, parent);
    weld_archive_free(archive);
    return st;
}

static bool is_there(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

/* The inputs of one set, until there is no further one; *none = there is no such set. */
static weld_status read_folder(entries *e, const char *folder, int set, bool *none, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_source *source = NULL;
    void *bytes = NULL;
    size_t size;
    char path[4096];
    *none = true;
    for (int place = 0; place < NUMBERS_MAX; place++) {
        snprintf(path, sizeof path, "%.4000s/input_%d.pb", folder, place);
        if (!is_there(path))
            break;
        *none = false;
        WELD_TRY(weld_source_open(&source, e->ctx, path, err));
        WELD_TRY(weld_source_read_all(&bytes, &size, source, err));
        WELD_TRY(weld_sha256_update(e->hash, bytes, size, err));
        WELD_TRY(add_entry(e, set, place, bytes, size, path, err));
        weld_free(e->ctx, bytes);
        bytes = NULL;
        weld_source_free(source);
        source = NULL;
    }
done:
    weld_free(e->ctx, bytes);
    weld_source_free(source);
    return st;
}

static weld_status read_folders(entries *e, const char *path, weld_error *err)
{
    weld_status st = WELD_OK;
    char folder[4096];
    bool none = false;
    WELD_REQUIRE(strlen(path) < 3900, WELD_E_ARGUMENT, "%.100s...: the path is too long", path);
    WELD_TRY(weld_sha256_create(&e->hash, e->ctx, err));
    WELD_TRY(read_folder(e, path, 0, &none, err));
    for (int set = 0; e->count == 0 || set; set++) {
        snprintf(folder, sizeof folder, "%s/test_data_set_%d", path, set);
        WELD_TRY(read_folder(e, folder, set, &none, err));
        if (none || set == NUMBERS_MAX)
            break;
    }
    WELD_REQUIRE(e->count, WELD_E_FORMAT,
                 "%s: a folder without input_0.pb and without test_data_set_0/input_0.pb", path);
done:
    return st;
}

/* ---- samples ----------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    return x->place != y->place ? (x->place > y->place) - (x->place < y->place)
                                : (x->set > y->set) - (x->set < y->set);
}

static void copy_elements(weld_samples *out, int64_t at, const weld_tensor *from, int64_t count)
{
    const size_t size = weld_compute_size(from->dtype);
    if (out->stored != WELD_UINT8)
        memcpy((char *)out->raw + (size_t)at * size, from->data, (size_t)count * size);
    for (int64_t k = 0; out->stored == WELD_UINT8 && k < count; k++)
        out->raw_u8[at + k] = (uint8_t)from->i[k];
}

/* All sets of one input. */
static weld_status add_input(weld_dataset *out, const weld_data_file *file, const entry *sets,
                             int count, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor *first = &sets[0].tensor;
    const weld_shape sample = weld_shape_make(first->shape.rank - 1, first->shape.dims + 1);
    const int64_t each = weld_shape_numel(&sample);
    weld_samples *s;
    char key[64], text[2][128];
    int64_t total = 0, at = 0;
    snprintf(key, sizeof key, "input_%d", sets[0].place);
    const char *name = sets[0].name[0] ? sets[0].name : key;
    if (!weld_dataset_wants(file, name))
        return WELD_OK;
    for (int k = 0; k < count; k++) {
        const weld_tensor *t = &sets[k].tensor;
        weld_shape one = t->shape;
        one.dims[0] = first->shape.dims[0];
        WELD_REQUIRE(
            t->dtype == first->dtype && weld_shape_equal(&one, &first->shape), WELD_E_FORMAT,
            "%s: input_%d.pb is %s %s in set %d, %s %s in set %d", file->path, sets[0].place,
            weld_dtype_name(t->dtype), weld_shape_text(&t->shape, text[0]), sets[k].set,
            weld_dtype_name(first->dtype), weld_shape_text(&first->shape, text[1]), sets[0].set);
        total += t->shape.dims[0];
    }
    WELD_TRY(weld_dataset_add(&s, out, file, name, first->dtype, &sample, total, err));
    for (int k = 0; k < count && at < out->count; k++) {
        const int64_t n = sets[k].tensor.shape.dims[0], left = out->count - at;
        copy_elements(s, at * each, &sets[k].tensor, (n < left ? n : left) * each);
        at += n;
    }
done:
    return st;
}

static weld_status add_inputs(weld_dataset *out, const weld_data_file *file, const entries *e,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    int sets = 0;
    for (int from = 0, to; from < e->count; from = to) {
        for (to = from; to < e->count && e->at[to].place == e->at[from].place; to++)
            WELD_REQUIRE(to == from || e->at[to].set != e->at[to - 1].set, WELD_E_FORMAT,
                         "%s: input_%d.pb is twice in set %d", file->path, e->at[to].place,
                         e->at[to].set);
        WELD_REQUIRE(from == 0 || to - from == sets, WELD_E_FORMAT,
                     "%s: input_%d.pb is in %d sets, input_%d.pb in %d", file->path,
                     e->at[from].place, to - from, e->at[0].place, sets);
        sets = to - from;
        WELD_TRY(add_input(out, file, e->at + from, sets, err));
    }
done:
    return st;
}

static weld_status read_test_data(weld_dataset *out, const weld_data_file *file, weld_error *err)
{
    weld_status st = WELD_OK;
    entries e = {.ctx = out->ctx};
    if (file->folder) {
        WELD_TRY(read_folders(&e, file->path, err));
        WELD_TRY(weld_sha256_finish(out->sha256, e.hash, err));
    } else {
        WELD_TRY(read_members(&e, file, err));
    }
    qsort(e.at, (size_t)e.count, sizeof *e.at, by_place);
    out->by_place = true;
    WELD_TRY(add_inputs(out, file, &e, err));
    WELD_REQUIRE(out->array_count, WELD_E_ARGUMENT,
                 "%s: none of its arrays is named by --input; the first is '%s'", file->path,
                 e.at[0].name);
done:
    free_entries(&e);
    return st;
}

const weld_reader weld_reader_test_data = {"ONNX test data", true, NULL, bid_test_data,
                                           read_test_data};
