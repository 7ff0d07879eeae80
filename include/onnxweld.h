/**
 * @file onnxweld.h
 * The whole public API of libonnxweld: load ONNX models, align B to A by
 * permuting hidden units, merge, write ONNX back, and measure linear mode
 * connectivity (LMC) and layerwise linear feature connectivity (LLFC).
 *
 * Conventions (hold for every function unless its comment says otherwise)
 *  - Status   : functions that can fail return weld_status; 0 is success.
 *  - Outputs  : come first and are named `out`; on failure `*out` is NULL.
 *  - Errors   : last parameter `weld_error *err`, may be NULL; written only on
 *               failure: one line that names file, place, value, what was allowed.
 *  - Ownership: `weld_x **out` is owned by the caller, freed by weld_x_free().
 *               A returned `const` pointer is borrowed from its parent.
 *               Inputs are never consumed; weld_x_free(NULL) is a no-op.
 *               The context outlives everything that was made with it.
 *  - Alpha    : the weight of A; theta = alpha A + (1 - alpha) B.
 *  - Threads  : distinct contexts may be used from distinct threads. Objects of
 *               one context: by one thread at a time. The number of threads
 *               that the library itself uses never changes a result.
 */
#ifndef ONNXWELD_H
#define ONNXWELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define WELD_API __attribute__((visibility("default")))
#else
#define WELD_API
#endif

#define WELD_VERSION_MAJOR 0
#define WELD_VERSION_MINOR 1
#define WELD_VERSION_PATCH 0
WELD_API const char *weld_version(void);
/** One fact about the library as it was built: "compiler", "gcc 12.2.0". Static storage. */
typedef struct weld_build_fact {
    const char *name, *value;
} weld_build_fact;
/** From 0; the name is NULL after the last. */
WELD_API weld_build_fact weld_build_fact_at(size_t index);

typedef enum weld_status {
    WELD_OK = 0,
    WELD_E_NOMEM = -1,       /**< allocation failed */
    WELD_E_IO = -2,          /**< open, read, write, rename failed */
    WELD_E_FORMAT = -3,      /**< bytes are not a valid model or data set */
    WELD_E_LIMIT = -4,       /**< input exceeds a limit or the memory budget */
    WELD_E_UNSUPPORTED = -5, /**< valid ONNX, but an operator, type or opset we lack */
    WELD_E_MISMATCH = -6,    /**< models A and B are not the same architecture */
    WELD_E_ARGUMENT = -7,    /**< the caller passed an invalid argument or option */
    WELD_E_NEGATIVE = -8,    /**< the work was done and its result is negative (not verified) */
    WELD_E_CANCELLED = -9,   /**< the progress callback asked to stop */
    WELD_E_INTERNAL = -10    /**< a bug in onnxweld */
} weld_status;

/** Filled by the innermost failing call; outer calls prepend context. */
typedef struct weld_error {
    weld_status status;
    int line;         /**< source line that raised it */
    const char *file; /**< static string */
    char message[1024];
} weld_error;

#define WELD_ERROR_INIT                                                                            \
    {                                                                                              \
        WELD_OK, 0, "", ""                                                                         \
    }
WELD_API const char *weld_status_name(weld_status status);

/* ---- context ---------------------------------------------------------------- */

/** `resize` behaves as realloc; size 0 frees and returns NULL. Must be thread-safe. */
typedef struct weld_allocator {
    void *(*resize)(void *block, size_t size_bytes, void *user);
    void *user;
} weld_allocator;

/** Hard limits, applied before anything is allocated from untrusted sizes. 0 = default. */
typedef struct weld_limits {
    uint64_t file_bytes_max;   /**< 2 GiB - 1, what a protobuf can have; not of external data */
    uint64_t tensor_bytes_max; /**< 16 GiB, in elements of 4 bytes: stored or computed */
    uint32_t nodes_max;        /**< 100 000 */
    uint32_t tensors_max;      /**< 100 000 */
    uint32_t depth_max;        /**< nested messages, 64 */
    uint32_t name_bytes_max;   /**< 4096 */
} weld_limits;

/** Return false to cancel. `fraction` is in [0, 1]. */
typedef bool (*weld_progress_fn)(const char *stage, double fraction, void *user);

typedef struct weld_context_options {
    uint32_t struct_size;
    weld_allocator allocator;  /**< NULL resize = the C library's */
    uint64_t memory_bytes_max; /**< budget over all objects; 0 = three quarters of the machine */
    weld_limits limits;
    int threads; /**< 0 = all processors; never changes a result */
    weld_progress_fn progress;
    void *user;
} weld_context_options;
#define WELD_CONTEXT_OPTIONS_INIT                                                                  \
    {                                                                                              \
        (uint32_t)sizeof(weld_context_options), {NULL, NULL}, 0, {0, 0, 0, 0, 0, 0}, 0, NULL, NULL \
    }

typedef struct weld_context weld_context;
WELD_API weld_status weld_context_create(weld_context **out, const weld_context_options *options,
                                         weld_error *err);
WELD_API void weld_context_free(weld_context *ctx);

typedef struct weld_model weld_model;
typedef struct weld_dataset weld_dataset;
typedef struct weld_alignment weld_alignment;
typedef struct weld_report weld_report;

/* ---- models ----------------------------------------------------------------- */

WELD_API weld_status weld_model_load(weld_model **out, weld_context *ctx, const char *path,
                                     weld_error *err);
typedef struct weld_load_options {
    uint32_t struct_size;
    /** Operators that we lack do not stop the model from being aligned: nothing that they touch
     *  moves. It can't be run then, and equality is proved by structure only. */
    bool freeze_unknown;
    const char
        *output_name; /**< that losses are of; NULL = the first output. Of a pair, A's counts */
} weld_load_options;
#define WELD_LOAD_OPTIONS_INIT                                                                     \
    {                                                                                              \
        (uint32_t)sizeof(weld_load_options), false, NULL                                           \
    }
WELD_API weld_status weld_model_load_as(weld_model **out, weld_context *ctx, const char *path,
                                        const weld_load_options *options, weld_error *err);
WELD_API weld_status weld_model_load_memory(weld_model **out, weld_context *ctx, const void *bytes,
                                            size_t size_bytes, weld_error *err);
/** Written atomically: complete or not at all. Refuses an existing path unless `replace`. */
WELD_API weld_status weld_model_save(const weld_model *model, const char *path, bool replace,
                                     weld_error *err);
/** The bytes that weld_model_save would write; free with weld_bytes_free(). */
WELD_API weld_status weld_model_save_memory(void **out, size_t *out_size_bytes,
                                            const weld_model *model, weld_error *err);
WELD_API void weld_bytes_free(weld_context *ctx, void *bytes);
WELD_API void weld_model_free(weld_model *model);
/** Inputs, outputs, layers, classes of units, what is pinned and why. */
WELD_API weld_status weld_model_inspect(weld_report **out, const weld_model *model,
                                        weld_error *err);
/** The same, and a proof: a random element of every class, applied to random weights, leaves the
 *  outputs as they are to 1e-5 of their scale. WELD_E_NEGATIVE names the class at fault; the report
 *  is made then, too. */
WELD_API weld_status weld_model_prove_symmetry(weld_report **out, const weld_model *model,
                                               uint64_t seed, weld_error *err);
typedef struct weld_inspect_options {
    uint32_t struct_size;
    bool prove; /**< as weld_model_prove_symmetry, with this seed */
    uint64_t seed;
    const char *const *freeze; /**< [freeze_count]: see weld_align_options */
    size_t freeze_count;
    const char *spec; /**< see weld_align_options */
} weld_inspect_options;
#define WELD_INSPECT_OPTIONS_INIT                                                                  \
    {                                                                                              \
        (uint32_t)sizeof(weld_inspect_options), false, 0, NULL, 0, NULL                            \
    }
WELD_API weld_status weld_model_inspect_as(weld_report **out, const weld_model *model,
                                           const weld_inspect_options *options, weld_error *err);
typedef struct weld_shapes_options {
    uint32_t struct_size;
    int64_t batch;                 /**< axis 0 of the first input; 0 = as the file has it */
    const char *const *size_names; /**< [size_count] open sizes: the file's name, or INPUT:AXIS */
    const int64_t *sizes;          /**< [size_count] */
    size_t size_count;
} weld_shapes_options;
#define WELD_SHAPES_OPTIONS_INIT                                                                   \
    {                                                                                              \
        (uint32_t)sizeof(weld_shapes_options), 0, NULL, NULL, 0                                    \
    }

/** Type and shape of every value of the file's own graph (what no output needs is left out). An
 *  axis that follows one open size has its name, others that are not fixed are "?"; sizes that are
 *  given are numbers. */
WELD_API weld_status weld_model_shapes(weld_report **out, const weld_model *model,
                                       const weld_shapes_options *options, weld_error *err);
/** Every obstacle to welding b to a, numbered; WELD_E_MISMATCH if there is one (*out is made then
 *  as well: the one exception to the rule of outputs). */
WELD_API weld_status weld_check(weld_report **out, const weld_model *a, const weld_model *b,
                                weld_error *err);

/* ---- data ------------------------------------------------------------------- */

/** The array `key` of a file is for the model's input `input`. */
typedef struct weld_input_key {
    const char *input, *key;
} weld_input_key;

typedef struct weld_dataset_options {
    uint32_t struct_size;
    const char *preset; /**< none, unit, imagenet, cifar10, mnist, tf, caffe; NULL = none */
    /** A key of the file ("fine" or "coarse" of CIFAR-100), or a file; NULL = "labels", "fine". Integers are
     *  class numbers [N]; floats [N, ...] are targets, what the outputs should be: the loss is the mean
     *  square of the difference then */
    const char *labels;
    /** [input_count] all inputs of the model, nothing else is read then; NULL = the file's arrays have
     *  the names of the inputs, or there is one of each */
    const weld_input_key *inputs;
    size_t input_count;
    /** [raw_count] files of nothing but elements (little-endian), INPUT=TYPE:DIMSxDIMS:FILE with the shape
     *  of one sample: "x=f32:3x224x224:x.raw". TYPE: f16, bf16, f32, f64, i8 to i64, u8 to u64. The path of
     *  the data set is NULL then */
    const char *const *raw;
    size_t raw_count;
    const double *mean;  /**< [channels], in units of the scaled data, or NULL */
    const double *std;   /**< [channels] or NULL */
    size_t channels;     /**< length of mean and std */
    double scale;        /**< x is multiplied by it before mean and std; 0 = the preset's */
    int64_t samples_max; /**< 0 = all */
    /** "nchw" or "nhwc": what images the model gets; turned where the file has the other order.
     *  NULL = as in the file */
    const char *layout;
    bool
        bgr; /**< channels are reversed first (with caffe, which reverses them itself: they stay) */
} weld_dataset_options;
#define WELD_DATASET_OPTIONS_INIT                                                                  \
    {                                                                                              \
        (uint32_t)sizeof(weld_dataset_options), NULL, NULL, NULL, 0, NULL, 0, NULL, NULL, 0, 0.0,  \
            0, NULL, false                                                                         \
    }

/** By content: .npz, .npy, idx of MNIST, CIFAR-10 and CIFAR-100 binary, ONNX test data (a folder
 *  test_data_set_N or one of several, whose samples follow each other; no labels); plain, as .gz, in a
 *  .zip or .tar.gz; ARCHIVE#MEMBER; "-" for standard input. */
WELD_API weld_status weld_dataset_open(weld_dataset **out, weld_context *ctx, const char *path,
                                       const weld_dataset_options *options, weld_error *err);
/** The same samples with other preprocessing: preset, mean, std, scale, layout and bgr of the options
 *  count. WELD_E_ARGUMENT for a part of a split; on failure it is to be freed only. */
WELD_API weld_status weld_dataset_preset(weld_dataset *dataset, const weld_dataset_options *options,
                                         weld_error *err);
WELD_API int64_t weld_dataset_size(const weld_dataset *dataset);
/** Class numbers or targets. */
WELD_API bool weld_dataset_has_labels(const weld_dataset *dataset);
/** The class numbers of all samples, borrowed; NULL = there are none. */
WELD_API const int64_t *weld_dataset_labels(const weld_dataset *dataset);
/** Two disjoint parts, drawn at random, that borrow `dataset`'s samples and keep their order: out[0] has
 *  `match_samples` (0 = half, at most 10 000), out[1] all others. The same seed, the same parts. */
WELD_API weld_status weld_dataset_split(weld_dataset *out[2], const weld_dataset *dataset,
                                        int64_t match_samples, uint64_t seed, weld_error *err);
WELD_API void weld_dataset_free(weld_dataset *dataset);

/* ---- run -------------------------------------------------------------------- */

/** One array of a set, borrowed from it; elements in C order. */
typedef struct weld_array {
    const char *name;
    int dtype; /**< as TensorProto.DataType in ONNX: 1 = float, 7 = int64, ... */
    int rank;
    const int64_t *dims; /**< [rank] */
    const float *f;      /**< of float, float16, bfloat16, else NULL */
    const double *d;     /**< of double, else NULL */
    const int64_t *i;    /**< of integers and bool, else NULL */
} weld_array;

/** Named arrays in order: what goes into a model and what comes out. */
typedef struct weld_values weld_values;
/** A file .npz, .npy (name "") or .pb (one TensorProto). */
WELD_API weld_status weld_values_load(weld_values **out, weld_context *ctx, const char *path,
                                      weld_error *err);
/** PREFIX_0.pb, PREFIX_1.pb, ... of an ONNX test folder. */
WELD_API weld_status weld_values_load_folder(weld_values **out, weld_context *ctx,
                                             const char *folder, const char *prefix,
                                             weld_error *err);
/** PREFIX_0.pb, ... of set number `set` of a folder or an archive with test_data_set_0, ...: "input" or
 *  "output"; empty if there is no such set. */
WELD_API weld_status weld_values_load_set(weld_values **out, weld_context *ctx, const char *path,
                                          int set, const char *prefix, weld_error *err);
WELD_API size_t weld_values_count(const weld_values *values);
WELD_API weld_array weld_values_at(const weld_values *values, size_t index);
/** WELD_E_NEGATIVE with the first element for which |got - want| > atol + rtol |want| does not
 *  hold, or the first shape or type that differs. Compared in order; NaN equals NaN; rtol is at
 *  least the rounding of the type stored in `want`. */
WELD_API weld_status weld_values_compare(const weld_values *got, const weld_values *want,
                                         double rtol, double atol, weld_error *err);
WELD_API void weld_values_free(weld_values *values);

typedef struct weld_run_options {
    uint32_t struct_size;
    const char *tap; /**< POSIX extended regular expression: values to return too; NULL = none */
    int64_t batch;   /**< samples per pass where samples are independent; 0 = chosen */
} weld_run_options;
#define WELD_RUN_OPTIONS_INIT                                                                      \
    {                                                                                              \
        (uint32_t)sizeof(weld_run_options), NULL, 0                                                \
    }

/** The outputs (then the taps) of a model on inputs matched by name, or by order where no input
 *  has the name of one. Run in parts along axis 0 where the file has a fixed batch size, or where
 *  samples are proved independent. */
WELD_API weld_status weld_model_run(weld_values **out, const weld_model *model,
                                    const weld_values *inputs, const weld_run_options *options,
                                    weld_error *err);
/** Samples [first, first + n) of a data set: its arrays under their keys ("input" where there is none),
 *  preprocessed as floats where that was asked for, else as they are stored; then "labels". */
WELD_API weld_status weld_dataset_values(weld_values **out, const weld_dataset *dataset,
                                         int64_t first, int64_t n, weld_error *err);
/** The batch size that the file fixes, in which weld_model_run runs whatever it gets; 0 = it leaves the
 *  batch open. */
WELD_API int64_t weld_model_batch(const weld_model *model);
/** The same on the samples of a data set, which has an array for every input. */
WELD_API weld_status weld_model_run_data(weld_values **out, const weld_model *model,
                                         const weld_dataset *data, const weld_run_options *options,
                                         weld_error *err);

/** Mean cross-entropy and accuracy of a model on a data set with labels. WELD_E_ARGUMENT where the samples
 *  do not fit its inputs. */
WELD_API weld_status weld_model_score(double *loss, double *accuracy, const weld_model *model,
                                      const weld_dataset *data, weld_error *err);
/** What accuracy has to be above to be other than chance, by three standard deviations; NaN if the model's
 *  output has no classes. */
WELD_API double weld_model_chance(const weld_model *model, const weld_dataset *data);

/* ---- align, verify, merge --------------------------------------------------- */

/** Weight of A in the parameters of layers whose name, or in parameters whose own name, matches a POSIX
 *  extended regular expression. */
typedef struct weld_layer_alpha {
    const char *pattern;
    double alpha; /**< 0 to 1 */
} weld_layer_alpha;

typedef struct weld_merge_options {
    uint32_t struct_size;
    double alpha;       /**< weight of A, 0 to 1 */
    const char *method; /**< of weld_merge_methods(); NULL = the first */
    /** Of weld_statistics_names(): what is corrected after averaging. auto takes what does best at the
     *  merge's loss (see weld_align) on `data`, and is never worse there than none. NULL = auto with data,
     *  none without */
    const char *statistics;
    /** What method and statistics learn from; labels only serve auto. Never judge by these samples. */
    const weld_dataset *data;
    /** Of features: towards the average, relative to the mean variance of a layer's inputs. 0 = of 1e-3, 1e-2
     *  and 1e-1, for each layer, what does best on a quarter of the data that is held back */
    double ridge;
    bool repair_logits; /**< rescale, repair and closed-form correct the last layer, too */
    const weld_layer_alpha *layer_alpha; /**< [layer_alpha_count], a later one counts more */
    size_t layer_alpha_count;
    /** Only what matches one of `only` is merged, and nothing that matches one of `skip`: the rest is A's.
     *  Patterns as in weld_layer_alpha */
    const char *const *only; /**< [only_count] */
    size_t only_count;
    const char *const *skip; /**< [skip_count] */
    size_t skip_count;
    /** The model that all come from, for methods with a base only; of A's structure, else WELD_E_MISMATCH. It
     *  is not permuted: its units are in A's order (of more models: in that of the one that keeps its own) */
    const weld_model *base;
    double
        density; /**< the part of each task vector that is kept, above 0 to 1; 1 for methods without */
    double lambda; /**< factor of what is added to the base; 1 for methods without a base */
    uint64_t seed; /**< of dare: what is drawn depends on it and on nothing else */
} weld_merge_options;
#define WELD_MERGE_OPTIONS_INIT                                                                    \
    {                                                                                              \
        (uint32_t)sizeof(weld_merge_options), 0.5, NULL, NULL, NULL, 0.0, false, NULL, 0, NULL, 0, \
            NULL, 0, NULL, 1.0, 1.0, 0                                                             \
    }

typedef struct weld_align_options {
    uint32_t struct_size;
    const char *method; /**< of weld_align_methods(); NULL = auto with data, weights without */
    /** To match on, never to judge by; labels are used by auto only, where there are some. Its shapes
     *  fill sizes that the files leave open, with any method. */
    const weld_dataset *data;
    int64_t batch; /**< samples per forward pass; 0 = chosen */
    /** Descents of weight matching, the best objective kept: the first from the identity, the second
     *  from an anchored forward sweep, the third from sorted weights, others from the identity; 0 = one,
     *  from the anchored sweep */
    int restarts;
    uint64_t seed;
    bool graph_order; /**< the first descent visits the classes in graph order, not at random */
    int candidates;   /**< of auto, besides none; 0 = 10 */
    /** Afterwards, with labelled data: units of classes of at most 64 change places in pairs as long as
     *  that lowers the loss of the merge at 1/2 on up to 2000 samples, in at most 3 sweeps. The result
     *  depends on the clock only if the time was not enough (the report says so). 0 = not at all */
    double polish_seconds;
    /** POSIX extended regular expressions: a class whose name, or the name of one of whose parameters,
     *  matches one stays as it is, and so does what moves along with it */
    const char *const *freeze; /**< [freeze_count] */
    size_t freeze_count;
    /** Of tensors in weight matching: "none" (NULL), "layer" (each counts the same), "neuron" (each
     *  unit's incoming weights count the same) */
    const char *normalize;
    /** A file onnxweld.spec/1 (tests/schema/spec.schema.json) that names the classes of units instead of
     *  those that are derived; what it does not name stays. NULL = none */
    const char *spec;
    /** How the merges are made that auto judges, but for alpha; its statistics "auto" are reset where there
     *  is BatchNormalization, else none. NULL = the average as it is */
    const weld_merge_options *merge;
} weld_align_options;
#define WELD_ALIGN_OPTIONS_INIT                                                                    \
    {                                                                                              \
        (uint32_t)sizeof(weld_align_options), NULL, NULL, 0, 0, 0, false, 0, 0.0, NULL, 0, NULL,   \
            NULL, NULL                                                                             \
    }

/** Permutations that bring `b` to `a`. Both are borrowed and must outlive the alignment.
 *  auto: none and a table of candidates are merged at alpha = 1/2 and run on `data`; the least loss
 *  wins, the earliest of equals. With labels the loss is the cross-entropy, with targets the squared
 *  difference from them. Without: for a model whose
 *  first output is [N, C], C >= 2, the Kullback-Leibler divergence of its softmax from the mean of the
 *  ends' softmax, else the mean square of its difference from the mean of the ends' outputs. A
 *  candidate that fails is reported and left out. */
WELD_API weld_status weld_align(weld_alignment **out, const weld_model *a, const weld_model *b,
                                const weld_align_options *options, weld_error *err);
/** A permutation file (weld_outputs_add_alignment); refused unless it fits the pair. */
WELD_API weld_status weld_alignment_load(weld_alignment **out, const weld_model *a,
                                         const weld_model *b, const char *path, weld_error *err);
WELD_API size_t weld_alignment_class_count(const weld_alignment *alignment);
/** perm[i] = j: unit i of the result is unit j of b. Borrowed; *out_size receives n. */
WELD_API const int32_t *weld_alignment_class(const weld_alignment *alignment, size_t index,
                                             size_t *out_size);
/** Samples that the program verifies on, each model of three and more on the second number; weld_preview
 *  foresees so many. */
enum { WELD_PROOF_SAMPLES = 256, WELD_MANY_PROOF_SAMPLES = 64 };
/** Compares b with the permuted b on `data` (NULL = random input), at most `samples` samples.
 *  WELD_E_NEGATIVE with the class at fault when they differ by more than tolerance * scale. */
WELD_API weld_status weld_alignment_verify(weld_alignment *alignment, const weld_dataset *data,
                                           int64_t samples, double tolerance, weld_error *err);
WELD_API void weld_alignment_free(weld_alignment *alignment);

/** A's file with merged parameters; those that are bit-equal in A and the permuted B are copied.
 *  options NULL = the average. Without statistics, the values of an average are made when the model is
 *  written: memory is needed for the largest tensor at most, and the files of A and B must stay as they
 *  are until then (WELD_E_IO otherwise). The methods' formulas: docs/methods.md. */
WELD_API weld_status weld_merge(weld_model **out, const weld_alignment *alignment,
                                const weld_merge_options *options, weld_error *err);

/** The weight of A in a merge; NaN for other models. */
WELD_API double weld_model_alpha(const weld_model *model);

typedef struct weld_many_options {
    uint32_t struct_size;
    const double *weights; /**< [count], not negative, of which the shares count; NULL = equal */
    /** How each model is brought to the start. With a method that looks at weights only, each is then
     *  matched to the mean of all others, until nothing is gained. NULL = defaults */
    const weld_align_options *align;
    const weld_merge_options *merge; /**< alpha is not used; NULL = the weighted mean */
    int start; /**< number of the model whose units keep their order; -1 = by contents, so that the result
                    does not depend on the order in which the models are given */
    const weld_dataset
        *data; /**< with labels: to measure ends, pairs and the result on; NULL = not at all */
    const char *output_name; /**< see weld_load_options; all models have it */
    int resamples;           /**< as in weld_measure_options */
    uint64_t seed;           /**< of the resamples */
} weld_many_options;
#define WELD_MANY_OPTIONS_INIT                                                                     \
    {                                                                                              \
        (uint32_t)sizeof(weld_many_options), NULL, NULL, NULL, -1, NULL, NULL, 1000, 0             \
    }

/** 2 to 64 models in one: the first one's file with merged parameters. The weighted mean alone holds the
 *  mean and two models in memory at a time, other methods and statistics all of them. *report (may be NULL)
 *  receives what was done and what the result, its ends and all pairs reach. */
WELD_API weld_status weld_merge_many(weld_model **out, weld_report **report, weld_context *ctx,
                                     const char *const *paths, size_t count,
                                     const weld_many_options *options, weld_error *err);

/** B's file with B's units in the order of A's: computes the same as B. */
WELD_API weld_status weld_permuted(weld_model **out, const weld_alignment *alignment,
                                   weld_error *err);

/** Structure and weights of a and b compared, with options (not NULL) after alignment.
 *  WELD_E_NEGATIVE when they differ; *out is made then as well. */
WELD_API weld_status weld_diff(weld_report **out, const weld_model *a, const weld_model *b,
                               const weld_align_options *options, weld_error *err);

/* ---- measure and report ----------------------------------------------------- */

typedef struct weld_measure_options {
    uint32_t struct_size;
    const double *alpha; /**< [alpha_count], ascending in [0, 1]; NULL = 0, .1, ..., 1 */
    size_t alpha_count;
    const double *llfc_alpha; /**< [llfc_alpha_count]; NULL = .25, .5, .75 */
    size_t llfc_alpha_count;
    int64_t batch;
    /** [merged_count] merges of the alignment: loss, accuracy and LLFC of each beside those of the path, and
     *  what variance its layers have kept */
    const weld_model *const *merged;
    size_t merged_count;
    const weld_model *const *compared; /**< [compared_count] others: loss, accuracy and LLFC */
    size_t compared_count;
    /** names with commas between: ce, top1, top5 (with labels), mse, agree (class scores) with the outputs
     *  of A and B. The loss of the path is ce, else mse from the mix of the ends' outputs. NULL = ce, top1
     *  and from 11 classes top5 with labels; mse with targets; mse and, for class scores, agree without
     *  either */
    const char *metric;
    int resamples; /**< of the bootstrap that gives intervals and the verdict; 0 = none of them, else 100
                        to 100 000 */
    uint64_t seed; /**< of the resamples */
    double
        delta; /**< from 0: the verdict is "linearly connected" where the error barrier (chord) is at
                        most this, by its upper 95 % bound */
} weld_measure_options;
#define WELD_MEASURE_OPTIONS_INIT                                                                  \
    {                                                                                              \
        (uint32_t)sizeof(weld_measure_options), NULL, 0, NULL, 0, 0, NULL, 0, NULL, 0, NULL, 1000, \
            0, 0.01                                                                                \
    }

/** A report of the alignment (models, matching, verification). */
WELD_API weld_status weld_report_create(weld_report **out, const weld_alignment *alignment,
                                        weld_error *err);
/** Adds LMC, LLFC and the conditions for it of the naive and the aligned pair on `data`. */
WELD_API weld_status weld_report_measure(weld_report *report, const weld_alignment *alignment,
                                         const weld_dataset *data,
                                         const weld_measure_options *options, weld_error *err);
/** *out: the alpha of 0, 0.05, ..., 1 whose merge has the least loss on `data` (as in weld_align; the one
 *  next to 1/2 of equals), with the options' method, and their statistics as weld_align judges with them.
 *  The report (may be NULL) gets all of them. */
WELD_API weld_status weld_best_alpha(double *out, weld_report *report,
                                     const weld_alignment *alignment,
                                     const weld_merge_options *options, const weld_dataset *data,
                                     weld_error *err);
/** Adds how a merge was made, without figures. */
WELD_API weld_status weld_report_add_merge(weld_report *report, const weld_model *merged,
                                           weld_error *err);
WELD_API weld_status weld_report_add_output(weld_report *report, const char *path,
                                            const char *sha256, double alpha, weld_error *err);
/** What the models are called on a hub ("OWNER/NAME"), in their order: model cards name them so. */
WELD_API weld_status weld_report_name_models(weld_report *report, const char *const *ids,
                                             size_t count, weld_error *err);
WELD_API weld_status weld_report_add_warning(weld_report *report, const char *code,
                                             const char *text, weld_error *err);
/** Leaves out what may differ between equal runs: command line, seconds, threads; not the paths. */
WELD_API void weld_report_omit_run(weld_report *report);
/** All that may differ between equal runs: command line, seconds. */
WELD_API weld_status weld_report_set_run(weld_report *report, int argc, char *const *argv,
                                         double seconds, weld_error *err);
/** `format`: a name of weld_report_formats(); free the text with weld_bytes_free(). */
WELD_API weld_status weld_report_text(char **out, const weld_report *report, const char *format,
                                      weld_error *err);
WELD_API void weld_report_free(weld_report *report);

/* ---- before a run ------------------------------------------------------------ */

typedef struct weld_preview_options {
    uint32_t struct_size;
    const weld_align_options *align; /**< NULL = defaults */
    const char *permutation;         /**< a permutation file is used instead; NULL = none */
    /** [merge_count] those that would be written, then those that are only measured */
    const weld_merge_options *merges;
    size_t merge_count;
    size_t written; /**< models that would be written: of the merges, or 1 for the permuted B */
    const weld_dataset *search; /**< that weld_best_alpha would get; NULL = no search */
    const weld_dataset *data;   /**< to verify and measure on; NULL = none */
    const weld_measure_options
        *measure; /**< its merged and compared don't count; NULL = no measuring */
    /** [other_count] of three models and more, those besides a and b: what weld_merge_many would do */
    const weld_model *const *others;
    size_t other_count;
} weld_preview_options;
#define WELD_PREVIEW_OPTIONS_INIT                                                                  \
    {                                                                                              \
        (uint32_t)sizeof(weld_preview_options), NULL, NULL, NULL, 0, 0, NULL, NULL, NULL, NULL, 0  \
    }

/** What weld_align, weld_alignment_verify, weld_merge and weld_report_measure would do with these options,
 *  without doing it: the report's plan has layers and classes, what is tried and merged, and about how much
 *  time and memory it takes (docs/planning.md: how good that is). What they would refuse before any work is
 *  refused in the same way. Nothing is read of the weights; for the time, a few samples run with made-up
 *  ones. */
WELD_API weld_status weld_preview(weld_report **out, const weld_model *a, const weld_model *b,
                                  const weld_preview_options *options, weld_error *err);
/** Names a data set in the plan. role: "data", "match_data", "tune_data" */
WELD_API weld_status weld_preview_read(weld_report *preview, const char *role,
                                       const weld_dataset *data, weld_error *err);
/** Names an output in the plan. bytes: -1 = not known */
WELD_API weld_status weld_preview_write(weld_report *preview, const char *role, const char *path,
                                        int64_t bytes, weld_error *err);

/* ---- gates ------------------------------------------------------------------ */

typedef enum weld_gate_level {
    WELD_GATE_OFF,
    WELD_GATE_WARN, /**< the report says so */
    WELD_GATE_ERROR /**< and its verdict is "fail" */
} weld_gate_level;

typedef enum weld_gate_on {
    WELD_GATE_ON_CONFIGURED, /**< as the configuration says, else the figure itself */
    WELD_GATE_ON_POINT,      /**< the figure itself */
    WELD_GATE_ON_UPPER       /**< the 95 % bound on its bad side, where it can have one */
} weld_gate_on;

typedef struct weld_gate_limit {
    const char *id; /**< barrier.loss, barrier.acc, acc.drop, llfc.min, llfc.mean, equiv.max_abs,
                        pinned.fraction: docs/gates.md */
    double limit;
} weld_gate_limit;

typedef struct weld_gate_options {
    uint32_t struct_size;
    /** JSON: {"preset": "recommended", "gates": {"barrier.loss": ["error", {"max": 0.1, "on": "upper"}]}}, see
     *  docs/gates.md; NULL = the preset recommended */
    const char *config;
    const weld_gate_limit
        *limits; /**< [limit_count], of level error; they count more than config */
    size_t limit_count;
    weld_gate_on on;
    bool warn_only; /**< no gate is an error */
    /** An older report: no figure may be worse than there by more than `worse` (negative: than the end of its
     *  95 % interval where it has one, else at all). NULL = none */
    const char *baseline;
    double worse;
} weld_gate_options;
#define WELD_GATE_OPTIONS_INIT                                                                     \
    {                                                                                              \
        (uint32_t)sizeof(weld_gate_options), NULL, NULL, 0, WELD_GATE_ON_CONFIGURED, false, NULL,  \
            -1.0                                                                                   \
    }

/** Whether the files that the options name can be read and say what they may. */
WELD_API weld_status weld_gate_check(weld_context *ctx, const weld_gate_options *options,
                                     weld_error *err);
/** Judges the figures of a report; each gate and its figure become a part of it. WELD_E_NEGATIVE names the
 *  first that failed as an error (the report has all of them then as well), WELD_E_ARGUMENT one whose figure
 *  was not measured. options NULL = the preset recommended. */
WELD_API weld_status weld_report_judge(weld_report *report, const weld_gate_options *options,
                                       weld_error *err);
/** The same for a report in JSON. *out says what was judged and how; with WELD_E_NEGATIVE it is made as well. */
WELD_API weld_status weld_gate_saved(weld_report **out, weld_context *ctx, const char *path,
                                     const weld_gate_options *options, weld_error *err);

/* ---- outputs ---------------------------------------------------------------- */

/** Files that appear together: with weld_outputs_commit all of them, before it and on failure
 *  none, and what they replace stays. A path "-" is standard output. */
typedef struct weld_outputs weld_outputs;
/** Refuses existing paths unless `replace`. */
WELD_API weld_status weld_outputs_create(weld_outputs **out, weld_context *ctx, bool replace,
                                         weld_error *err);
/** From now on all outputs are members of one archive (.zip, .tar.gz, .tgz), under their plain names: the
 *  same outputs give the same bytes. mtime: of all members, seconds since 1970; 0 = 1980-01-01. */
WELD_API weld_status weld_outputs_bundle(weld_outputs *outputs, const char *path, int64_t mtime,
                                         weld_error *err);
/** Where the data of large initializers go: */
typedef enum weld_external {
    WELD_EXTERNAL_AUTO, /**< to PATH.data what A keeps in external files, and all of them where the model
                             would pass 2 GiB, protobuf's limit; else into the model */
    WELD_EXTERNAL_NEVER, /**< into the model; WELD_E_LIMIT where it would pass 2 GiB */
    WELD_EXTERNAL_ALWAYS /**< to PATH.data */
} weld_external;
/** sha256 (may be NULL) receives the hash of the model's bytes as hexadecimal text. On standard output
 *  ("-") a model is one file. */
WELD_API weld_status weld_outputs_add_model(weld_outputs *outputs, const weld_model *model,
                                            const char *path, weld_external external,
                                            char sha256[65], weld_error *err);
/** JSON, onnxweld.permutation/1: see tests/schema/permutation.schema.json. */
WELD_API weld_status weld_outputs_add_alignment(weld_outputs *outputs,
                                                const weld_alignment *alignment, const char *path,
                                                weld_error *err);
/** `format`: a name of weld_report_formats(). */
WELD_API weld_status weld_outputs_add_report(weld_outputs *outputs, const weld_report *report,
                                             const char *format, const char *path, weld_error *err);
/** .npz; equal values give equal bytes. */
WELD_API weld_status weld_outputs_add_values(weld_outputs *outputs, const weld_values *values,
                                             const char *path, weld_error *err);
/** One of them, in the format that the path's end says: .pb (TensorProto), .npy, else idx. In idx grey
 *  pictures [N, 1, H, W] are [N, H, W]. */
WELD_API weld_status weld_outputs_add_array(weld_outputs *outputs, const weld_values *values,
                                            size_t index, const char *path, weld_error *err);
/** A folder, in which outputs are to appear; made at once, and gone without a commit. One that exists is
 *  taken. */
WELD_API weld_status weld_outputs_add_folder(weld_outputs *outputs, const char *path,
                                             weld_error *err);
/** What adding an output of this path would refuse, such as a file that exists. Nothing is left there. */
WELD_API weld_status weld_outputs_expect(weld_outputs *outputs, const char *path, weld_error *err);
/** The same for a model like this one with other values; sizes (may be NULL) receives the bytes of the
 *  model, but for its metadata, and of PATH.data (0 = there will be none). */
WELD_API weld_status weld_outputs_expect_model(weld_outputs *outputs, const weld_model *like,
                                               const char *path, weld_external external,
                                               int64_t sizes[2], weld_error *err);
WELD_API weld_status weld_outputs_commit(weld_outputs *outputs, weld_error *err);
WELD_API void weld_outputs_free(weld_outputs *outputs);

/* ---- names, NULL-terminated, static storage ---------------------------------- */

WELD_API const char *const *weld_op_names(void);
WELD_API const char *const *weld_align_methods(void);
/** false for a method that looks at the weights only, or that there is not; NULL counts as auto */
WELD_API bool weld_align_uses_data(const char *method);
WELD_API const char *const *weld_merge_methods(void);
/** One of them, "_" for "-" allowed, or "average", which is lerp. */
WELD_API bool weld_merge_has_method(const char *name);
/** true for a method or statistic that learns from data; NULL counts as the default */
WELD_API bool weld_merge_uses_data(const char *method, const char *statistics);
/** true for a method that needs a base; NULL counts as the default */
WELD_API bool weld_merge_uses_base(const char *method);
/** true for a method that keeps a part of the differences from the base; NULL counts as the default */
WELD_API bool weld_merge_uses_density(const char *method);
/** Names for weld_merge_options.statistics; "auto" is the first. */
WELD_API const char *const *weld_statistics_names(void);
/** json, html, md, csv, junit, card (of a model, for Hugging Face), github (annotations), text */
WELD_API const char *const *weld_report_formats(void);
/** The gate that a command line option ("--max-barrier") sets; NULL = none */
WELD_API const char *weld_gate_of_option(const char *flag);
WELD_API const char *const *weld_dataset_presets(void);

#ifdef __cplusplus
}
#endif
#endif
