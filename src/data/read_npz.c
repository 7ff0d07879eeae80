/* NumPy's .npz (a zip of .npy, one per key) and a single .npy. */
#include "data/readers.h"
#include "io/archive.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int bid_npz(const weld_data_file *file)
{
    if (!file->bytes || !weld_is_zip(file->bytes, file->size))
        return 0;
    for (size_t k = 0; k < file->member_count; k++)
        if (weld_ends_with(file->members[k], ".npy"))
            return 100;
    return 40; /* what it has instead is said when it is read */
}

static int bid_npy(const weld_data_file *file)
{
    return file->bytes && weld_is_npy(file->bytes, file->size) ? 100 : 0;
}

static weld_status read_npy(weld_dataset *out, const weld_data_file *file, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_npy npy;
    WELD_TRY(weld_npy_parse(&npy, out->ctx, file->bytes, file->size, file->path, err));
    WELD_TRY(weld_dataset_add_npy(out, file, "", &npy, err));
done:
    return st;
}

/* ---- .npz ----------------------------------------------------------------------- */

static void list_keys(char *list, size_t size, const weld_data_file *file)
{
    enum { KEYS_SHOWN = 16 };
    size_t n = 0;
    for (size_t k = 0; k < file->member_count && k < KEYS_SHOWN && n + 80 < size; k++) {
        const char *name = file->members[k];
        const size_t length = strlen(name) - (weld_ends_with(name, ".npy") ? 4 : 0);
        n += (size_t)snprintf(list + n, size - n, "%s%.*s", k ? ", " : "",
                              (int)(length < 64 ? length : 64), name);
    }
    if (file->member_count > KEYS_SHOWN)
        snprintf(list + n, size - n, ", ...");
}

/* The current member: samples, labels, or nothing that is wanted. */
static weld_status read_member(weld_dataset *out, const weld_data_file *file, weld_archive *zip,
                               const char *member, int64_t *labels, weld_error *err)
{
    weld_status st = WELD_OK;
    const char *labels_key = file->labels_key ? file->labels_key : "labels";
    char *key = weld_strdup(out->ctx, member);
    void *bytes = NULL;
    size_t size;
    weld_npy npy;
    WELD_REQUIRE(key, WELD_E_NOMEM, "out of memory");
    if (weld_ends_with(key, ".npy"))
        key[strlen(key) - 4] = '\0';
    const bool is_labels = strcmp(key, labels_key) == 0;
    const bool is_wanted = weld_dataset_wants(file, key) &&
                           (!is_labels || file->options->input_count);
    if (!is_wanted && (!is_labels || file->labels_elsewhere))
        goto done;
    WELD_TRY(weld_archive_read(&bytes, &size, zip, err));
    st = weld_npy_parse(&npy, out->ctx, bytes, size, key, err);
    if (st == WELD_OK && is_labels && !file->labels_elsewhere)
        st = weld_dataset_add_labels(out, &npy, labels, err);
    if (st == WELD_OK && is_wanted)
        st = weld_dataset_add_npy(out, file, key, &npy, err);
    if (st != WELD_OK)
        weld_error_wrap(err, "%s", file->path);
done:
    weld_free(out->ctx, bytes);
    weld_free(out->ctx, key);
    return st;
}

/* All that the user named is there. */
static weld_status check_keys(const weld_dataset *out, const weld_data_file *file, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_dataset_options *o = file->options;
    char list[900] = "";
    list_keys(list, sizeof list, file);
    WELD_REQUIRE(file->member_count, WELD_E_FORMAT, "%s: has no arrays", file->path);
    WELD_REQUIRE(!file->labels_key || weld_dataset_has_truth(out), WELD_E_ARGUMENT,
                 "%s: labels '%s' are neither a file nor an array; it has: %s", file->path,
                 file->labels_key, list);
    for (size_t k = 0; k < o->input_count; k++) {
        bool found = false;
        for (int a = 0; a < out->array_count; a++)
            found = found || strcmp(out->arrays[a].key, o->inputs[k].key) == 0;
        WELD_REQUIRE(found, WELD_E_ARGUMENT, "%s: has no array '%s' for the input '%s'; it has: %s",
                     file->path, o->inputs[k].key, o->inputs[k].input, list);
    }
    WELD_REQUIRE(out->array_count, WELD_E_FORMAT, "%s: has no array of samples; it has: %s",
                 file->path, list);
done:
    return st;
}

static weld_status read_npz(weld_dataset *out, const weld_data_file *file, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_archive *zip = NULL;
    const char *member;
    int64_t labels = 0;
    WELD_TRY(weld_archive_open(&zip, out->ctx, file->bytes, file->size, file->path, err));
    for (;;) {
        WELD_TRY(weld_archive_next(&member, zip, err));
        if (!member)
            break;
        WELD_TRY(read_member(out, file, zip, member, &labels, err));
    }
    WELD_TRY(check_keys(out, file, err));
    WELD_REQUIRE(!weld_dataset_has_truth(out) || labels == out->total, WELD_E_FORMAT,
                 "%s: %" PRId64 " labels for %" PRId64 " samples", file->path, labels, out->total);
done:
    weld_archive_free(zip);
    return st;
}

const weld_reader weld_reader_npz = {".npz", true, "of its arrays", bid_npz, read_npz};
const weld_reader weld_reader_npy = {".npy", false, NULL, bid_npy, read_npy};
