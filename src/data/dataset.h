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

/* One array of samples: what an input of a model gets. */
typedef struct weld_samples {
    char *key;         /* its name in the file, "" = it has none */
    char *input;       /* of the model, as the user says; NULL = the one of the key's name */
    weld_shape sample; /* of one, as it is given out (without N) */
    bool turned;       /* stored with the channels at the other end: [C, H, W] is [H, W, C] */
    bool integer;      /* also for inputs of integers: stored so, and not preprocessed */
    weld_dtype dtype;  /* of the file */
    weld_dtype stored; /* WELD_UINT8, WELD_FLOAT, WELD_DOUBLE or WELD_INT64 */
    union {
        void *raw; /* [count, sample...] */
        uint8_t *raw_u8;
        float *raw_f;
        double *raw_d;
        int64_t *raw_i;
    };
    double scale;
    int channels;     /* length of mean and std; 0 = none */
    int channel_axis; /* of the sample; -1 = none */
    double *mean, *std;
    bool bgr; /* channels are reversed first */
} weld_samples;

struct weld_dataset {
    weld_context *ctx;
    int64_t total;        /* samples in the file */
    int64_t count;        /* samples kept: at most samples_max */
    weld_samples *arrays; /* [array_count], all of `count` samples; of a part: the whole's */
    int array_count;
    bool by_place;   /* arrays whose names mean nothing are for the inputs in their order */
    int64_t *labels; /* [total], the first `count` belong to samples; NULL = none */
    double *targets; /* [total, target...] instead of labels: what outputs should be; NULL = none */
    weld_shape target;                    /* of one sample */
    weld_dtype target_dtype;              /* of the file */
    char sha256[WELD_SHA256_TEXT];        /* of the file as it lies on disk */
    char labels_sha256[WELD_SHA256_TEXT]; /* "" unless labels came from a file of their own */
    char preprocess[80];                  /* the preset's name, and what differs from it */
    char *path;
    /* Of a part (weld_dataset_split), which borrows the samples: */
    const weld_dataset *whole; /* NULL = this is no part */
    int64_t *place;            /* [count] of its samples in the whole, ascending */
    uint64_t split_seed;
};

/* Labels or targets: a loss can be judged by them. */
static inline bool weld_dataset_has_truth(const weld_dataset *dataset)
{
    return dataset->labels || dataset->targets;
}

/* Samples [first, first + n) of an array into the data of `out`, whose dtype decides: preprocessed,
 * (x * scale - mean) / std, for floating types; as stored for integers, where the array is `integer`. */
weld_status weld_dataset_batch(weld_tensor *out, const weld_dataset *dataset, int array,
                               int64_t first, int64_t n, weld_error *err);
/* NULL is the preset none. */
weld_status weld_preset_find(const weld_preset **out, const char *name, weld_error *err);
/* Fills scale, mean, std, channel_axis and bgr of all arrays; their shapes are known by then. Of several
 * arrays only images ([C, H, W] or [H, W, C]) are preprocessed. May be called again. */
weld_status weld_dataset_preprocess(weld_dataset *dataset, const weld_dataset_options *options,
                                    weld_error *err);
/* arrays[k] = the array that the input names[k] gets, [count]. Every input needs one, and every array an
 * input: WELD_E_ARGUMENT lists both sides. */
weld_status weld_dataset_bind(int *arrays, const weld_dataset *dataset, const char *const *names,
                              int count, weld_error *err);
/* A model input of shape `input` [N, ...] takes these samples: the same dims, but for dims of 1, or
 * one of the two sides is flat. Another order of the dims (NHWC) is WELD_E_ARGUMENT. */
weld_status weld_dataset_fits(const weld_dataset *dataset, int array, const weld_shape *input,
                              weld_error *err);
#endif
