/* What matching learns from data: sums over the matching data with both networks, taken in one
 * streaming pass, in double, the same for any number of threads.
 *
 * A row is one sample at one position. Features are the post-activation values that carry the units
 * of a class. The input of a layer is what its weight is multiplied with: for a convolution the
 * patches, of at most 1,024 positions of a sample, evenly spaced.
 *
 * An input of more than 2,048 columns is taken in parts, as if they did not vary together: one part
 * for each place that a unit has among the columns (taps of the kernel, positions behind a Flatten).
 * A layer whose parts hold more than 2^25 cells together is left out, as those of match/layers.h are. */
#ifndef WELD_MATCH_MOMENTS_H
#define WELD_MATCH_MOMENTS_H
#include "data/feed.h"
#include "match/layers.h"

/* Sums of one carrier; [0] of A, [1] of B. */
typedef struct weld_feature_moments {
    const weld_carrier *carrier;
    int unit_class;
    int32_t n;
    double rows;
    double *sum[2], *squares[2]; /* [n] */
    double *cross;               /* [n, n]: unit of A, unit of B */
    double *within[2];           /* [n, n] of one network; NULL unless asked for */
} weld_feature_moments;

/* Sums of the input of a layer, or of one part of it. */
typedef struct weld_input_moments {
    const weld_linear_layer *layer;
    int32_t columns;  /* of this part */
    int32_t *column;  /* [columns] of the weight matrix */
    int32_t *part_of; /* [all columns] the place among this part's, -1 = elsewhere */
    double rows;
    double *aa, *bb, *ab; /* [columns, columns] */
} weld_input_moments;

/* Sums of an activation: match/additivity.h. */
typedef struct weld_additivity_moments {
    int node;
    const weld_carrier *carrier; /* of the value in front of it */
    int unit_class;
    int32_t n;
    int64_t step;        /* each row of so many is taken */
    double rows, energy; /* sum over the rows of |s(a)|^2 + |s(b)|^2 */
    double *cost;        /* [n, n] of (s((a_i + b_j) / 2) - (s(a_i) + s(b_j)) / 2)^2 */
} weld_additivity_moments;

enum {
    WELD_MOMENTS_WITHIN = 1,    /* second moments within each network */
    WELD_MOMENTS_INPUTS = 2,    /* of the layers on whose weights units of a free class stand */
    WELD_MOMENTS_ADDITIVITY = 4 /* of activations */
};

typedef struct weld_moments {
    weld_context *ctx;
    const weld_graph *graph; /* borrowed */
    unsigned kinds;
    int64_t samples;
    weld_feature_moments *features;
    int feature_count;
    weld_input_moments *inputs; /* parts of a layer follow each other */
    int input_count;
    weld_layers *layers; /* that the inputs are of, and what was left out; NULL without inputs */
    weld_additivity_moments *additivity;
    int additivity_count;
    int wide; /* layers that are read in parts */
} weld_moments;

/* Rows of a class's units that a value of this shape has per entry of its first axis. */
int64_t weld_carrier_rows(const weld_carrier *carrier, const weld_shape *shape);
/* out [n]: the units in row `at`. */
void weld_carrier_row(double *out, const weld_carrier *carrier, int32_t n, const weld_tensor *value,
                      int64_t at);

/* All borrowed. */
typedef struct weld_moments_input {
    const weld_symmetry *symmetry;
    const weld_shapes *shapes; /* of one batch */
    const weld_paramset *a, *b;
    const weld_dataset *data;
    unsigned kinds;
} weld_moments_input;

/* The result borrows the symmetry. */
weld_status weld_moments_create(weld_moments **out, const weld_moments_input *input,
                                weld_error *err);
void weld_moments_free(weld_moments *moments);

/* score [n, n] += E[h_A h_B'] over all features of the class. */
void weld_moments_second(double *score, const weld_moments *moments, int unit_class);
/* score [n, n] += the correlation of every carrier, 0 where a unit does not vary; returns how many
 * carriers there are. */
int weld_moments_correlation(double *score, const weld_moments *moments, int unit_class);
/* E |h|^2 of all units of the class, of A (side 0) or B (1). */
double weld_moments_energy(const weld_moments *moments, int unit_class, int side);
/* score [n, n] -= factor times the mean defect of additivity, over the mean energy, of all activations of
 * the class. */
void weld_moments_additivity(double *score, const weld_moments *moments, int unit_class,
                             double factor);
/* What is to be said of few data and of layers that were left out, else "". */
void weld_moments_note(char *text, size_t size, const weld_moments *moments);
#endif
