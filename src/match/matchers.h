/* Matchers: how to choose the permutations that bring B to A. To add one: a descriptor in a file of
 * its own and a line in matchers.def. */
#ifndef WELD_MATCH_MATCHERS_H
#define WELD_MATCH_MATCHERS_H
#include "data/dataset.h"
#include "symmetry/group.h"

/* All borrowed. */
typedef struct weld_match_input {
    const weld_symmetry *symmetry;
    const weld_shapes *shapes;  /* of one batch, over the symmetry's graph */
    const weld_paramset *a, *b; /* over that graph, too */
    const weld_dataset *data;   /* NULL unless the matcher needs data */
    int restarts; /* descents of weight matching, best kept; 0 = one, from the anchored sweep */
    uint64_t seed;
    bool graph_order; /* the first descent visits the classes in graph order */
} weld_match_input;

typedef struct weld_match_result {
    weld_context *ctx;
    weld_element *element;
    /* <A, permuted B> over the score tensors: for the identity and for the element */
    double objective_start, objective_end;
    int restarts, sweeps, best; /* descents made; sweeps of the best one and which it was */
    double *objectives;         /* [restarts], NULL when there was no descent */
    int64_t samples;            /* of data that were used */
} weld_match_result;
void weld_match_result_free(weld_match_result *result);

typedef struct weld_matcher {
    const char *name;
    bool needs_data;
    const char *help;
    weld_status (*run)(weld_match_result **out, const weld_match_input *input, weld_error *err);
} weld_matcher;

#define WELD_MATCHER(name) extern const weld_matcher weld_matcher_##name;
#include "match/matchers.def"
#undef WELD_MATCHER

/* NULL = the first of matchers.def. NULL when there is no matcher of that name. */
const weld_matcher *weld_matcher_find(const char *name);
/* "auto" (candidates.h) and all of them, NULL-terminated. */
const char *const *weld_matcher_names(void);
#endif
