/* The results of a run in memory. Depends on core only: other modules fill it with the functions
 * below, src/report/formats renders it. To put something in: fill a struct on the stack with
 * borrowed pointers; the report copies all of it. Strings may come from hostile files: on their
 * way in, control characters and bytes that are not UTF-8 become "\xNN". */
#ifndef WELD_REPORT_REPORT_H
#define WELD_REPORT_REPORT_H
#include "core/arena.h"
#include "report/measured.h"

typedef struct weld_report_opset {
    const char *domain; /* "" = ai.onnx */
    int64_t version;
} weld_report_opset;

typedef struct weld_report_model {
    const char *role; /* "A", "B", "M" */
    const char *path; /* goes to `environment`; NULL = from memory */
    const char *id;   /* for model cards: on the hub, "OWNER/NAME"; NULL = not known */
    const char *sha256, *producer;
    int64_t ir, parameters;
    const weld_report_opset *opsets;
    size_t opset_count;
} weld_report_model;

typedef struct weld_report_data {
    bool present;
    const char *sha256, *path, *preprocess; /* each may be NULL */
    int64_t n;
    bool labels;
    int64_t split_of; /* n samples of so many, drawn by split_seed; 0 = these are all */
    uint64_t split_seed;
} weld_report_data;

typedef struct weld_report_class {
    const char *name;
    const char *kind;   /* "free" or "pinned" */
    const char *reason; /* NULL unless pinned */
    int64_t size;
    int64_t moved; /* units that are not in their old place; -1 = not matched */
    const char *const *members;
    size_t member_count;
} weld_report_class;

typedef struct weld_report_classes {
    weld_report_class *items;
    size_t count, cap;
} weld_report_classes;

/* Between aligned units, how linear their merge can be: match/matchers.h. */
typedef struct weld_report_distances {
    bool present;
    double commutativity, weights, features, products;
} weld_report_distances;
/* What --match auto tried. */
typedef struct weld_report_candidate {
    const char *name, *method;
    const char *failure;    /* NULL = none */
    double loss, objective; /* NaN = there is none */
    double seconds;         /* goes to `environment` */
    bool chosen;
} weld_report_candidate;

typedef struct weld_report_polish {
    bool present, out_of_time;
    double seconds, loss[2]; /* given; before, after */
    int64_t samples, tried, kept, sweeps, wide;
} weld_report_polish;

typedef struct weld_report_match {
    bool present;
    const char *method;
    uint64_t seed;
    int64_t restarts, sweeps;
    double objective[2]; /* before, after; NaN = there is none */
    double pinned_fraction;
    weld_report_distances distances;
    weld_report_data data; /* that was matched on; not present = none */
    const char *metric;    /* of the candidates' loss: "ce", "kl", "mse"; NULL = no candidates */
    const char *judged_by; /* how their merges were made; NULL = no candidates */
    weld_report_candidate *candidates; /* filled by weld_report_put_candidate */
    size_t candidate_count, candidate_cap;
    weld_report_polish polish;
    weld_report_classes classes; /* filled by weld_report_put_class */
} weld_report_match;

typedef struct weld_report_verification {
    bool present, pass;
    int64_t n;
    double max_abs, max_rel, argmax_agree; /* the last as a fraction; NaN = no argmax */
    double allowed;                        /* of max_abs */
} weld_report_verification;

/* A statistic that was tried. */
typedef struct weld_report_try {
    const char *name, *failure; /* failure NULL = none */
    double loss, seconds; /* of the merge on the matching data, NaN = none; to `environment` */
    bool chosen;
} weld_report_try;

/* Deviation of a layer's pre-activations in the merge / the weighted mean of the ends' deviations. */
typedef struct weld_report_ratio {
    const char *layer;
    double before, after; /* averaged only; as it is */
} weld_report_ratio;

/* What a merge lacks to the worse of the ends. */
typedef struct weld_report_drop {
    bool present;
    double value;
    weld_bounds bounds;
} weld_report_drop;

/* What task vectors were taken from. */
typedef struct weld_report_base {
    const char *path, *sha256; /* sha256 NULL = there is none */
    double density, lambda;    /* see merge/task.h */
    /* Of A from it, and of B (of three models and more: the one that alignment takes away furthest), as
     * aligned and as it was; 2-norms. */
    double distance_a, distance_b, distance_naive;
} weld_report_base;

typedef struct weld_report_merge {
    const char *method, *statistic;
    weld_report_base base;
    double alpha;
    bool written; /* else it only stands beside those */
    double loss, accuracy,
        one_minus_cos; /* on the evaluation data, the last one the mean over layers at
                                             alpha; NaN = not measured */
    bool bounded;      /* there was a bootstrap: */
    weld_interval loss_ci95, accuracy_ci95, cos_ci95;
    weld_report_drop drop;                                    /* of the accuracy */
    int64_t layers, clipped, without_bias, sampled, too_wide; /* see merge/statistics.h */
    const char *metric; /* of the tries; NULL = there were none */
    const weld_report_try *tries;
    size_t try_count;
    const weld_report_ratio *ratios;
    size_t ratio_count;
    const double *class_accuracy; /* [class_count]; NULL = not measured */
    const weld_interval *class_ci95;
    size_t class_count;
} weld_report_merge;

/* --alpha best */
typedef struct weld_report_search {
    bool present;
    const char *metric;
    const double *alpha, *loss; /* [count]; on `data` */
    size_t count;
    double best;
    weld_report_data data;
} weld_report_search;

/* Three and more models in one. Losses are NaN where there are no labels, intervals where there was no
 * bootstrap. */
typedef struct weld_report_score {
    double loss, accuracy;
    weld_interval loss_ci95, accuracy_ci95;
} weld_report_score;

typedef struct weld_report_end {
    double weight;
    weld_report_score score;
} weld_report_end;

typedef struct weld_report_duo {
    int64_t a, b;            /* numbers of the models */
    weld_report_score score; /* of their mean */
    double barrier;          /* its loss less the mean of theirs */
    weld_interval barrier_ci95;
} weld_report_duo;

typedef struct weld_report_many {
    bool present;
    int64_t start,
        rounds;          /* number of the model whose units stay; rounds of matching to the mean */
    bool universe;       /* from where the permutations of all relaxed at once lead */
    double objective[2]; /* |weighted mean of all|^2, before and after these rounds */
    double matching_loss[2];      /* of the mean on the matching data; NaN = matched by weights */
    const char *metric;           /* of this loss; NULL = none */
    const weld_report_end *ends;  /* [end_count], in the order of the models */
    const weld_report_duo *pairs; /* [pair_count] */
    size_t end_count, pair_count;
    weld_report_score score; /* of the result */
    weld_report_drop drop;   /* of its accuracy; stands in the report with the merge */
    int64_t resamples;       /* of the bootstrap; 0 = there was none */
    uint64_t seed;
    /* Matched two by two alone: the part of the units of `cycle_models` models that A to B to C to A does
     * not bring back; NaN = not looked at. With the permutations that are used it is 0. */
    double cycle_distance;
    int64_t cycle_models;
} weld_report_many;

typedef struct weld_report_output {
    const char *sha256, *path;
    double alpha;
} weld_report_output;

typedef struct weld_report_warning {
    const char *code, *msg;
} weld_report_warning;

typedef struct weld_report_lines {
    const char **items;
    size_t count, cap;
} weld_report_lines;

typedef struct weld_report_value {
    const char *name, *dtype, *dims;
    const char *op; /* of shapes: what makes it; else NULL */
} weld_report_value;

typedef struct weld_report_values {
    weld_report_value *items;
    size_t count, cap;
} weld_report_values;

typedef struct weld_report_layer {
    const char *name, *op, *shape;
} weld_report_layer;

typedef struct weld_report_inspection {
    bool present; /* set it before adding */
    weld_report_values inputs, outputs;
    weld_report_layer *layers;
    size_t layer_count, layer_cap;
    weld_report_classes classes;
    double pinned_fraction;  /* hidden units that can't move / hidden units */
    weld_report_lines notes; /* what canonicalisation did */
} weld_report_inspection;

/* The values of the file's own graph. */
typedef struct weld_report_shapes {
    bool present; /* set it before adding */
    weld_report_values values;
    weld_report_lines notes; /* sizes that had to be chosen */
} weld_report_shapes;

/* A parameter that differs. */
typedef struct weld_report_weight {
    const char *a, *b, *shape; /* names in A and B */
    double max_abs, relative;  /* relative: |A - B| / |A|, 2-norms */
} weld_report_weight;

typedef struct weld_report_diff {
    bool present;
    weld_report_lines structure;
    weld_report_weight *weights;
    size_t weight_count, weight_cap, equal; /* equal: parameters that do not differ */
} weld_report_diff;

/* A dry run: what would be done. */
typedef struct weld_report_step {
    const char *stage, *what; /* stage: as in src/cli/stages.def */
    double passes;            /* of one sample through one network */
    double seconds;           /* goes to `environment`; NaN = not known */
} weld_report_step;

typedef struct weld_report_file {
    const char *role; /* "data", "match_data", "tune_data"; "model", "model_data", "report", ... */
    const char *path; /* goes to `environment` */
    int64_t bytes;    /* -1 = not known */
    int64_t samples;  /* -1 = none */
} weld_report_file;

typedef struct weld_report_file_list {
    weld_report_file *items;
    size_t count, cap;
} weld_report_file_list;

typedef struct weld_report_plan {
    bool present;                 /* set it before adding */
    const char *method;           /* of matching */
    weld_report_lines candidates; /* of auto */
    weld_report_lines merges;     /* "0.5: lerp, auto" */
    int64_t layers;
    double pinned_fraction;
    weld_report_classes classes;
    weld_report_step *steps;
    size_t step_count, step_cap;
    weld_report_file_list reads, writes;
    /* All of these go to `environment`. */
    double seconds; /* the sum of the steps'; NaN = not known */
    int64_t memory_bytes, budget_bytes;
} weld_report_plan;

/* All that may differ between equal runs (paths are kept beside their owners). */
typedef struct weld_report_environment {
    const char *version, *blas;
    int threads;
    double seconds; /* negative = not known */
    weld_report_lines command;
} weld_report_environment;

/* A figure against its limit. */
typedef struct weld_report_gate {
    const char *id, *figure; /* where the value lies in the JSON report */
    bool at_most;            /* else at least */
    bool pass;
    weld_gate_level level;
    double value;           /* NaN = not finite, which never passes */
    double limit, baseline; /* baseline: the value in an older report; NaN = none */
} weld_report_gate;

struct weld_report {
    weld_context *ctx;
    weld_arena arena;
    weld_report_model *models;
    size_t model_count, model_cap;
    weld_report_data data;
    weld_report_match match;
    weld_report_verification verification; /* no pointers: assign it */
    weld_report_lmc lmc;
    weld_report_llfc llfc;
    weld_report_conditions conditions;
    weld_report_many many;
    weld_report_search search;
    weld_report_merge *merges;
    size_t merge_count, merge_cap;
    weld_report_output *outputs;
    size_t output_count, output_cap;
    weld_report_gate *gates;
    size_t gate_count, gate_cap;
    weld_report_warning *warnings;
    size_t warning_count, warning_cap;
    bool checked; /* obstacles were looked for: an empty list means that there is none */
    weld_report_lines obstacles;
    weld_report_lines canonical; /* what canonicalisation did to A and B */
    weld_report_inspection inspection;
    weld_report_shapes shapes;
    weld_report_diff diff;
    weld_report_plan plan;
    weld_report_environment environment;
};

weld_status weld_report_new(weld_report **out, weld_context *ctx, weld_error *err);
/* "pass", "warn" (there are warnings, or a gate that warns did not pass) or "fail" (not verified, models
 * differ, obstacles, a gate failed). */
const char *weld_report_verdict(const weld_report *report);
/* For people: "PASS", "WARN", "FAIL". */
const char *weld_report_verdict_word(const weld_report *report);
/* Gates of the level that did not pass; *first (may be NULL) is the first of them. */
size_t weld_report_failures(const weld_report *report, weld_gate_level level,
                            const weld_report_gate **first);
/* The sentence on linear connectivity, with its bound and delta; "" without a verdict. */
void weld_report_connection(char *text, size_t size, const weld_report_lmc *lmc);

weld_status weld_report_put_model(weld_report *report, const weld_report_model *model,
                                  weld_error *err);
weld_status weld_report_put_data(weld_report *report, const weld_report_data *data,
                                 weld_error *err);
/* Without the candidates and the classes: they follow, weld_report_put_candidate(report, ...) and
 * weld_report_put_class(report, &report->match.classes, ...). */
weld_status weld_report_put_match(weld_report *report, const weld_report_match *match,
                                  weld_error *err);
weld_status weld_report_put_candidate(weld_report *report, const weld_report_candidate *candidate,
                                      weld_error *err);
/* `list`: of report->match or report->inspection. */
weld_status weld_report_put_class(weld_report *report, weld_report_classes *list,
                                  const weld_report_class *item, weld_error *err);
/* The place of the alpha that is nearest to 1/2, the first of two; 0 without any. */
size_t weld_report_middle(const double *alpha, size_t count);
weld_status weld_report_put_lmc(weld_report *report, const weld_report_lmc *lmc, weld_error *err);
/* Starts the section anew; the layers follow. */
weld_status weld_report_put_llfc(weld_report *report, const double *alpha, size_t alpha_count,
                                 weld_error *err);
weld_status weld_report_put_row(weld_report *report, const weld_report_row *row, weld_error *err);
weld_status weld_report_put_conditions(weld_report *report,
                                       const weld_report_conditions *conditions, weld_error *err);
weld_status weld_report_put_many(weld_report *report, const weld_report_many *many,
                                 weld_error *err);
weld_status weld_report_put_search(weld_report *report, const weld_report_search *search,
                                   weld_error *err);
weld_status weld_report_put_merge(weld_report *report, const weld_report_merge *merge,
                                  weld_error *err);
weld_status weld_report_put_output(weld_report *report, const weld_report_output *output,
                                   weld_error *err);
/* `list`: inputs or outputs of report->inspection, or values of report->shapes. */
weld_status weld_report_put_value(weld_report *report, weld_report_values *list,
                                  const weld_report_value *value, weld_error *err);
weld_status weld_report_put_layer(weld_report *report, const weld_report_layer *layer,
                                  weld_error *err);
weld_status weld_report_put_weight(weld_report *report, const weld_report_weight *weight,
                                   weld_error *err);
/* They belong to report->plan; `list`: its reads or writes. */
weld_status weld_report_put_step(weld_report *report, const weld_report_step *step,
                                 weld_error *err);
weld_status weld_report_put_file(weld_report *report, weld_report_file_list *list,
                                 const weld_report_file *file, weld_error *err);
/* version, blas, threads. */
weld_status weld_report_put_environment(weld_report *report, const char *version, const char *blas,
                                        int threads, weld_error *err);
weld_status weld_report_put_run(weld_report *report, int argc, char *const *argv, double seconds,
                                weld_error *err);
/* "barrier.loss is 0.12, allowed at most 0.1" */
void weld_report_gate_text(char *text, size_t size, const weld_report_gate *gate);
/* "off", "warn" or "error". */
const char *weld_gate_level_name(weld_gate_level level);
weld_status weld_report_put_gate(weld_report *report, const weld_report_gate *gate,
                                 weld_error *err);
weld_status weld_report_warn(weld_report *report, weld_error *err, const char *code,
                             const char *fmt, ...) WELD_PRINTF(4, 5);
/* `list`: report->obstacles, structure of report->diff, notes of report->inspection or ->shapes, candidates
 * and merges of report->plan. */
weld_status weld_report_line(weld_report *report, weld_report_lines *list, weld_error *err,
                             const char *fmt, ...) WELD_PRINTF(4, 5);
#endif
