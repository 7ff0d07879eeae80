/* Samples and labels, kept as stored and preprocessed when a batch is asked for. */
#ifndef WELD_DATA_DATASET_H
#define WELD_DATA_DATASET_H
#include "io/hash.h"
#include "tensor/tensor.h"

typedef struct weld_preset {
    const char *name;
    double scale; /* x is multiplied by it first */
    int channels; /* 0 = no mean and std, 1 = the same for every channel */
    double mean[3], std[3];
    bool bgr; /* channels are reversed before mean and std */
} weld_preset;

struct weld_dataset {
    weld_context *ctx;
    int64_t total;     /* samples in the file */
    int64_t count;     /* samples kept: at most samples_max */
    weld_shape sample; /* without N */
    bool integer;      /* tokens: ask for weld_dataset_batch_int64 */
    int64_t *labels;   /* [total], the first `count` belong to samples; NULL = none */
    weld_dtype stored; /* WELD_UINT8, WELD_FLOAT or WELD_INT64 */
    union {
        void *raw; /* [count, sample...] */
        uint8_t *raw_u8;
        float *raw_f;
        int64_t *raw_i;
    };
    double scale;
    int channels;     /* length of mean and std; 0 = none */
    int channel_axis; /* of the sample; -1 = none */
    double *mean, *std;
    bool bgr;
    char sha256[WELD_SHA256_TEXT];        /* of the file as it lies on disk */
    char labels_sha256[WELD_SHA256_TEXT]; /* "" unless labels came from a file of their own */
    const char *preset;                   /* static string */
    char *path;
    /* Of a part (weld_dataset_split), which borrows the samples: */
    const weld_dataset *whole; /* NULL = this is no part */
    int64_t *place;            /* [count] of its samples in the whole, ascending */
    uint64_t split_seed;
};

/* Samples [first, first + n) into the data of `out`, whose dtype decides: preprocessed, (x * scale -
 * mean) / std, for floating types; as stored for integers, only when dataset->integer. */
weld_status weld_dataset_batch(weld_tensor *out, const weld_dataset *dataset, int64_t first,
                               int64_t n, weld_error *err);
/* NULL when there is no preset of that name. */
const weld_preset *weld_preset_find(const char *name);
/* Fills scale, mean, std, channel_axis and bgr; the shape of a sample is known by then. */
weld_status weld_dataset_preprocess(weld_dataset *dataset, const weld_dataset_options *options,
                                    weld_error *err);
/* A model input of shape `input` [N, ...] takes these samples: the same dims, but for dims of 1, or
 * one of the two sides is flat. Another order of the dims (NHWC) is WELD_E_ARGUMENT. */
weld_status weld_dataset_fits(const weld_dataset *data, const weld_shape *input, weld_error *err);
#endif
