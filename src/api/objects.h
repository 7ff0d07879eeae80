/* What stands behind the handles of onnxweld.h. */
#ifndef WELD_API_OBJECTS_H
#define WELD_API_OBJECTS_H
#include "api/origins.h"
#include "canon/pair.h"
#include "match/candidates.h"
#include "match/matchers.h"
#include "merge/statistics.h"
#include "onnx/import.h"
#include "onnx/params.h"
#include "onnx/splice.h"
#include "prove/prove.h"
#include "report/report.h"
#include "symmetry/group.h"

/* Samples per forward pass, unless the user or a literal batch says otherwise. */
enum { WELD_MICRO_BATCH = 32 };

/* How a file is read: what decides its graph besides its bytes. */
typedef struct weld_reading {
    bool freeze;         /* operators that we lack are imported as Opaque */
    bool fold_norms;     /* BatchNormalization becomes part of the layer before it */
    weld_copies *copies; /* of tensors that are read apart; NULL = none */
    int loss_output;     /* of the graph */
} weld_reading;

/* The structure of a file, shared by the model and everything that is merged into it. */
typedef struct weld_structure {
    weld_context *ctx;
    int references;
    weld_onnx_file *file;
    weld_graph *graph;
    weld_home *homes;
    int64_t literal_batch; /* written in the file, 0 = symbolic */
    weld_reading reading;  /* owns the copies */
    bool any_batch;        /* proved: samples are independent, any batch size will do */
} weld_structure;

/* A statistic that auto tried. */
typedef struct weld_statistic_try {
    char name[48];
    double loss, seconds; /* NaN where it failed */
    char failure[256];    /* "" = none */
    bool chosen;
} weld_statistic_try;

/* How a merged model was made. */
typedef struct weld_merge_record {
    const char *method;
    char statistic[48];
    double alpha;
    double *weights; /* [param_count, 2] of each parameter; NULL = three models and more */
    weld_merge_log log;
    weld_structure *base;   /* NULL = without one */
    double density, lambda; /* with a base */
    /* Of A from it, and of the model that alignment takes away furthest, as aligned and as it was; 2-norms. */
    double distance_a, distance_b, distance_naive;
    int moved;          /* number of that model */
    const char *metric; /* of the tries; NULL = there were none */
    weld_statistic_try tries[12];
    int try_count;
} weld_merge_record;
typedef struct weld_recipe weld_recipe;

struct weld_model {
    weld_context *ctx;
    weld_structure *structure;
    weld_paramset *params;
    weld_merge_record *merge; /* NULL = it is no merge */
    char *metadata[8][2];     /* key, value; of a merged model */
    int metadata_count;
};

/* What became of a candidate of --match auto. */
typedef struct weld_trial {
    const weld_candidate *candidate;
    double loss, objective, seconds; /* of the merge at 1/2; of the weights; of matching */
    char failure[256];               /* "" = none */
} weld_trial;

/* What polishing did: see src/api/polish.c. */
typedef struct weld_polish {
    bool present, out_of_time;
    double seconds;               /* that it was given */
    double loss[2];               /* of the merge at 1/2 on the samples, before and after */
    int64_t samples, tried, kept; /* swaps */
    int sweeps, wide;             /* wide: classes with too many units */
} weld_polish;

struct weld_alignment {
    weld_context *ctx;
    const weld_model *a, *b; /* borrowed */
    weld_model *reread[2];   /* what a and b are then; owned, NULL = none */
    weld_pairing *pairing;
    weld_shapes *shapes; /* of A's graph, for the symmetry */
    weld_symmetry *symmetry;
    weld_element *element;
    weld_paramset *naive;   /* B in A's frame */
    weld_paramset *aligned; /* permuted by the element */
    int foreign;            /* parameters that have another shape in B: A's in both of these */
    const char *method;
    weld_report_data data; /* that was matched on; its strings are these */
    char *data_path, data_sha256[WELD_SHA256_TEXT], data_preprocess[80];
    weld_trial *trials; /* [trial_count] of auto, in the order of trying; else NULL */
    int trial_count, chosen;
    const char *metric; /* of the trials' losses: see eval/midpoint.h */
    char judged_by[96]; /* method and statistic of the merges that were judged; "" = none were */
    weld_polish polish;
    double objective[2]; /* before, after; <A, pi(B)> over the scored tensors */
    int sweeps, restarts;
    uint64_t seed;
    char note[320]; /* of the matcher, about data and layers; "" = none */
    /* [2] other files that its permutation file names as A and B; "" = these */
    char made_for[2][WELD_SHA256_TEXT];
    weld_match_distances distances;
    weld_proof proof;
    bool proved;
    bool by_structure;       /* nothing moves, and the model is too large to be run for that */
    const weld_node *opaque; /* a node that can't be run: the proof is partial; NULL = none */
};

/* WELD_E_MISMATCH: "cannot WHAT", and the pairing's differences. */
weld_status weld_refuse_pairing(const weld_pairing *pairing, const char *what, weld_error *err);
/* The model's file, ready to be written. `relocation->location` NULL: external data go into it (of a
 * merged model) or stay where they are; else to a file of that name beside it. The model and `relocation`
 * are borrowed. */
weld_status weld_model_splice(weld_splice **out, const weld_model *model,
                              weld_relocation *relocation, weld_error *err);
/* al->aligned becomes al->naive, permuted by al->element as it is now. */
weld_status weld_alignment_settle(weld_alignment *al, weld_error *err);
/* The permutation file of an alignment. */
weld_status weld_alignment_text(weld_buffer *out, const weld_alignment *alignment, weld_error *err);
/* The file's graph as it stands, its Ifs replaced by the branch that they take. */
weld_status weld_import_file(weld_draft *draft, weld_onnx_file *file, const weld_reading *reading,
                             weld_error *err);
/* The model of an open file; it takes a reference of the file, and copies what the reading holds. */
weld_status weld_model_read(weld_model **out, weld_onnx_file *file, const weld_reading *reading,
                            weld_error *err);
/* Pairs a with b. Where they differ, their files are read in other ways, until they fit or none is
 * left: tensors that A shares by accident apart, BatchNormalization folded. What was read anew is in
 * reread[] then, and the caller's to free; else that is NULL. */
weld_status weld_pair_models(weld_pairing **out, weld_model *reread[2], const weld_model *a,
                             const weld_model *b, weld_error *err);
/* The same; two that differ are refused, with all their differences. */
weld_status weld_pair_alike(weld_pairing **out, weld_model *reread[2], const weld_model *a,
                            const weld_model *b, weld_error *err);
/* Two that share all but some parameters, less than half of A's elements: a pairing with these marked as
 * foreign; NULL where the models differ otherwise, or not at all. */
weld_status weld_pair_shared(weld_pairing **out, const weld_model *a, const weld_model *b,
                             weld_error *err);
/* The pattern for --skip that names what is foreign; false if it has no room. */
bool weld_pattern_of_foreign(char *text, size_t size, const weld_pairing *pairing,
                             const weld_model *a);
/* What a report calls model k of several: A to Z, then A1, ... */
enum { WELD_ROLE_ROOM = 16 };
void weld_model_role(char role[WELD_ROLE_ROOM], int k);
/* What the proof of the alignment says, and why it may be partial. */
weld_status weld_report_tell_proof(weld_report *report, const weld_alignment *alignment,
                                   weld_error *err);
/* A warning for each file that al->made_for names. */
weld_status weld_report_made_for(weld_report *report, const weld_alignment *alignment,
                                 weld_error *err);
/* Warnings about what was read anew. */
weld_status weld_report_rereading(weld_report *report, weld_model *const reread[2],
                                  weld_error *err);
/* A report that knows the library and the machine. */
weld_status weld_report_open(weld_report **out, weld_context *ctx, weld_error *err);
/* A model of the structure, without values, whose metadata say what it comes from: hashes of files,
 * separated by commas. */
weld_status weld_model_made(weld_model **out, weld_structure *structure, const char *parents,
                            const char *method, weld_error *err);
/* A model of the structure of `like`, without parameters so far, and metadata that say what it comes
 * from. */
weld_status weld_model_from(weld_model **out, const weld_alignment *al, const weld_model *like,
                            const char *method, weld_error *err);
/* One more pair of metadata. */
weld_status weld_model_note(weld_model *model, const char *key, const char *value, weld_error *err);
/* The alignment can be run on the data; `what` needs them. */
weld_status weld_alignment_takes(const weld_alignment *al, const weld_dataset *data,
                                 const char *what, weld_error *err);
/* The pair and its classes; nothing is read of the weights, and nothing matched so far. */
weld_status weld_alignment_prepare(weld_alignment **out, const weld_model *a, const weld_model *b,
                                   const weld_align_options *options, weld_error *err);
/* How the options have a prepared alignment matched, which notes method and data. */
typedef struct weld_way {
    const weld_matcher *matcher; /* NULL = auto */
    int candidates;              /* of auto, besides none */
    weld_normalise normalise;
    bool streams; /* the weights are not held */
} weld_way;
weld_status weld_way_find(weld_way *out, weld_alignment *al, const weld_align_options *options,
                          weld_error *err);
/* al->element, which there is, becomes that of a permutation file; al->made_for notes whose it is. */
weld_status weld_alignment_read(weld_alignment *al, const char *path, weld_error *err);
/* Tries "none" and the candidates of the table, merged by the recipe; the winner's result. al->trials tell of all. */
weld_status weld_choose(weld_match_result **out, weld_alignment *al, const weld_match_input *input,
                        const weld_candidate *table, size_t count, const weld_recipe *recipe,
                        weld_error *err);
/* Swaps units of al->element while that lowers the loss, for so many seconds. */
weld_status weld_polish_alignment(weld_alignment *al, const weld_dataset *data, double seconds,
                                  weld_error *err);
/* What the user wants of the classes: a file that names them instead (NULL = none), and patterns of those
 * that stay where they are. */
typedef struct weld_symmetry_wish {
    const char *spec;
    const char *const *freeze; /* [freeze_count] */
    size_t freeze_count;
} weld_symmetry_wish;
/* The symmetry as it is derived, or as the user says. */
weld_status weld_find_symmetry(weld_symmetry **out, const weld_structure *structure,
                               const weld_shapes *shapes, const weld_symmetry_wish *wish,
                               weld_error *err);
/* A failure that another candidate would meet as well. */
bool weld_ends_the_run(weld_status st);
/* Seconds of a clock that only goes forward. */
double weld_clock(void);
/* Accuracies below are within three standard deviations of chance. */
double weld_chance_limit(int64_t classes, int64_t samples);
/* Sizes that the file leaves open are those of the data (NULL = none), where they fit. */
weld_status weld_adopt_sizes(const weld_model *model, const weld_dataset *data, weld_error *err);
/* What a report says of the data; the strings are the data set's. */
weld_report_data weld_describe_data(const weld_dataset *data);
/* Adds what the file says of the model: producer, opsets, number of parameters. */
weld_status weld_report_add_model(weld_report *report, const char *role, const weld_model *model,
                                  weld_error *err);
/* `list`: of the match, the inspection or the plan; element NULL = not matched. */
weld_status weld_report_add_classes(weld_report *report, weld_report_classes *list,
                                    const weld_symmetry *symmetry, const weld_element *element,
                                    weld_error *err);
/* Hidden units that can't move / hidden units. */
double weld_pinned_fraction(const weld_symmetry *symmetry);
weld_structure *weld_structure_retain(weld_structure *structure);
void weld_structure_release(weld_structure *structure);
/* Shapes for a micro-batch of about `wanted` samples: the literal batch where that is fixed. */
weld_status weld_structure_shapes(weld_shapes **out, const weld_structure *structure,
                                  int64_t wanted, weld_error *err);
#endif
