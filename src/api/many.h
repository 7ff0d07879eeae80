/* Merging three and more models: the pieces that src/api/many.c is made of. */
#ifndef WELD_API_MANY_H
#define WELD_API_MANY_H
#include "api/recipe.h"

/* One of the models, opened once; nothing holds its parameters for longer than it is worked on. */
typedef struct weld_one {
    const char *path;
    weld_model *model;
    weld_paramset *params; /* in A's frame, drawn from the file; not held */
    weld_element *element; /* brings its units to the common frame */
    double weight;         /* all add up to 1 */
} weld_one;

typedef struct weld_many {
    weld_context *ctx;
    weld_one *ones; /* [count] as given */
    int count;
    int *order;            /* [count] by contents: whatever depends on an order takes this one */
    int start;             /* the one whose units keep their order */
    const weld_model *a;   /* the first as given: its file is what the result is written to */
    weld_alignment *frame; /* A with itself: graph, shapes and symmetry of all */
    const weld_many_options *options;
    int rounds;          /* of matching to the mean of the others */
    double objective[2]; /* |weighted mean|^2, before and after them */
    double loss[2];      /* of the mean on the matching data, before and after; NaN = by weights */
    const char *metric;  /* of this loss */
    bool universe;       /* all permutations at once led to the frame */
} weld_many;

/* The parameters of a model, in A's frame; `moved`: by its element, once it has one. */
weld_status weld_many_params(weld_paramset **out, const weld_many *many, int which, bool moved,
                             weld_error *err);
/* How the user wants models aligned; and the same where nothing moves: with both, classes are the same. */
weld_align_options weld_many_wish(const weld_many *many);
weld_align_options weld_many_still(const weld_many *many);
/* Sets all elements, the start's to the identity. Each model as its element moves it is proved to compute what
 * it did; the frame has the proof, of all the worst. */
weld_status weld_many_align(weld_many *many, weld_error *err);
/* Elements change by what the matcher finds; `rounds`, `objective` and `loss` are set. */
weld_status weld_many_match_means(weld_many *many, const weld_matcher *matcher, weld_error *err);
/* After weld_many_match_means: the frame that all permutations at once lead to, and the means from there, if
 * that is better. */
weld_status weld_many_try_universe(weld_many *many, const weld_matcher *matcher, weld_error *err);
/* The weighted mean of all, in double: sum [param_count][numel], zeroed by the caller. */
weld_status weld_many_sum(double **sum, const weld_many *many, weld_error *err);
weld_status weld_many_sums_new(double ***out, const weld_many *many, weld_error *err);
void weld_many_sums_free(double **sum, const weld_many *many);
void weld_many_add(double **sum, const weld_paramset *params, double weight);
/* out := the sum, rounded. */
void weld_many_round(weld_paramset *out, double *const *sum);
/* What ends, pairs and the result reach on labelled data, and whether pairs that are matched alone agree;
 * goes into the report. */
weld_status weld_many_report(weld_report *report, const weld_many *many,
                             const weld_paramset *merged, weld_error *err);
#endif
