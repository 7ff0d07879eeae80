/* Formats of data sets. To add one: a descriptor in a file of its own and a line in readers.def. */
#ifndef WELD_DATA_READERS_H
#define WELD_DATA_READERS_H
#include "data/dataset.h"
#include "io/npy.h"

/* What is to be read: a whole file, unpacked when it was gzip; a folder; or files without a header. */
typedef struct weld_data_file {
    const unsigned char *bytes; /* NULL unless it is a file */
    size_t size;
    const char *path;
    char **members; /* [member_count] names of the files in an archive, in its order */
    size_t member_count;
    bool folder;
    const weld_dataset_options *options;
    const char *labels_key; /* or NULL: the user named none, or a file */
    bool labels_elsewhere;  /* they come from a file of their own */
} weld_data_file;

typedef struct weld_reader {
    const char *name;   /* as messages call it */
    bool named;         /* arrays have keys, which --input can say */
    const char *labels; /* keys that labels can have, for messages; NULL = labels have none */
    /* How sure we are that this is ours: 0 = no, 100 = certain. */
    int (*bid)(const weld_data_file *file);
    /* Adds arrays, and labels if the file has some. The caller frees the dataset on failure too. */
    weld_status (*read)(weld_dataset *out, const weld_data_file *file, weld_error *err);
} weld_reader;

#define WELD_READER(name) extern const weld_reader weld_reader_##name;
#include "data/readers.def"
#undef WELD_READER

/* One more array of `total` samples, of which samples_max are kept, to be filled; all arrays of a set
 * have as many. */
weld_status weld_dataset_add(weld_samples **out, weld_dataset *dataset, const weld_data_file *file,
                             const char *key, weld_dtype dtype, const weld_shape *sample,
                             int64_t total, weld_error *err);
/* Does the user want this array? */
bool weld_dataset_wants(const weld_data_file *file, const char *key);
/* An array [N, ...] becomes samples. */
weld_status weld_dataset_add_npy(weld_dataset *out, const weld_data_file *file, const char *key,
                                 const weld_npy *npy, weld_error *err);
/* An array [N] or [N, 1] of integers becomes labels, one [N, ...] of floats targets. */
weld_status weld_dataset_add_labels(weld_dataset *out, const weld_npy *npy, int64_t *count,
                                    weld_error *err);
#endif
