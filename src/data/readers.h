/* Formats of data sets. To add one: a descriptor in a file of its own and a line in readers.def. */
#ifndef WELD_DATA_READERS_H
#define WELD_DATA_READERS_H
#include "data/dataset.h"

/* A whole file, already unpacked when it was gzip. */
typedef struct weld_data_file {
    const unsigned char *bytes;
    size_t size;
    const char *path;
    const char *input_name; /* or NULL */
    const char *labels_key; /* or NULL: the user named none, or a file */
    bool labels_elsewhere;  /* they come from a file of their own */
    int64_t samples_max;    /* 0 = all */
} weld_data_file;

typedef struct weld_reader {
    const char *name;
    bool has_keys; /* labels can be named by a key */
    /* How sure we are that this is ours: 0 = no, 100 = certain. */
    int (*bid)(const unsigned char *bytes, size_t size, const char *path);
    /* Fills total, count, sample, stored, raw, and labels if the file has some. The caller frees
     * the dataset on failure too. */
    weld_status (*read)(weld_dataset *out, const weld_data_file *file, weld_error *err);
} weld_reader;

#define WELD_READER(name) extern const weld_reader weld_reader_##name;
#include "data/readers.def"
#undef WELD_READER

/* Sets total and count = min(total, samples_max), allocates raw for `stored` and `sample`. */
weld_status weld_dataset_make_room(weld_dataset *out, const weld_data_file *file, int64_t total,
                                   weld_error *err);
/* Labels of a file of their own: out->labels has *count elements. */
weld_status weld_npy_labels(weld_dataset *out, int64_t *count, const weld_data_file *file,
                            weld_error *err);
weld_status weld_idx_labels(weld_dataset *out, int64_t *count, const weld_data_file *file,
                            weld_error *err);
#endif
