/* Matchers: how to choose the permutations that bring B to A. To add one: a descriptor in a file of
 * its own and a line in matchers.def. */
#ifndef WELD_MATCH_MATCHERS_H
#define WELD_MATCH_MATCHERS_H
#include "data/dataset.h"
#include "match/normalise.h"

/* All borrowed. */
typedef struct weld_match_input {
    const weld_symmetry *symmetry;
    const weld_shapes *shapes;  /* of one batch, over the symmetry's graph */
    const weld_paramset *a, *b; /* over that graph, too */
    const weld_dataset *data;   /* NULL unless the matcher needs data */
    int restarts; /* descents of weight matching, best kept; 0 = one, from the anchored sweep */
    uint64_t seed;
    bool graph_order;                   /* the first descent visits the classes in graph order */
    weld_normalise normalise;           /* of weight matching by itself */
    const struct weld_moments *moments; /* of these networks and data; NULL = made when needed */
    const char *start; /* of commutativity: the matcher that it starts from; NULL = both */
    bool alone;        /* commutativity without the terms of weights and activations */
} weld_match_input;

/* How far the aligned pair is from what makes its merge linear; means over the layers that take part
 * (match/layers.h). dist(x, y) = |x - y|^2 / (|x| |y|). */
typedef struct weld_match_distances {
    bool present;
    double commutativity; /* J: sum over layers of E |dW dH|^2 / (E |W_A H_A|^2 + E |W_B H_B|^2) */
    double weights, features; /* dist(W_A, W_B), dist(H_A, H_B); H = input of the layer */
    double products;          /* dist(W_A H_A + W_B H_B, W_A H_B + W_B H_A) */
} weld_match_distances;

typedef struct weld_match_result {
    weld_context *ctx;
    weld_element *element;
    /* <A, permuted B> over the score tensors: for the identity and for the element */
    double objective_start, objective_end;
    int restarts, sweeps, best; /* descents made; sweeps of the best one and which it was */
    double *objectives;         /* [restarts], NULL when there was no descent */
    int64_t samples;            /* of data that were used */
    char note[320];             /* what the user should know of them; "" = nothing */
    weld_match_distances distances;
} weld_match_result;
void weld_match_result_free(weld_match_result *result);

/* What a run is made of, for foretelling how long it takes. */
typedef enum weld_effort {
    WELD_EFFORT_NONE,
    WELD_EFFORT_ASSIGNMENT, /* one for each class */
    WELD_EFFORT_DESCENT,    /* sweeps of them */
    WELD_EFFORT_RELAXED,    /* steps of all classes at once, too */
    WELD_EFFORT_QUADRATIC   /* sweeps of quadratic ones after a descent */
} weld_effort;

typedef struct weld_matcher {
    const char *name;
    bool needs_data;
    unsigned
        moments; /* kinds that it needs besides those of all that need data (match/moments.h) */
    weld_effort effort;
    size_t
        streams_from; /* bytes of parameters from which on it takes sets that are not held; below, and
                            with 0 always, both sets are held */
    const char *help;
    weld_status (*run)(weld_match_result **out, const weld_match_input *input, weld_error *err);
} weld_matcher;

#define WELD_MATCHER(id, name) extern const weld_matcher weld_matcher_##id;
#include "match/matchers.def"
#undef WELD_MATCHER

/* NULL = the first of matchers.def. NULL when there is no matcher of that name. */
const weld_matcher *weld_matcher_find(const char *name);
/* "auto" (candidates.h) and all of them, NULL-terminated. */
const char *const *weld_matcher_names(void);
#endif
