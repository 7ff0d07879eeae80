/* How fast this machine does the parts of a run: measured with made-up weights, so that nothing is read of
 * the files, on a few samples, in a fraction of a second. */
#ifndef WELD_API_RATES_H
#define WELD_API_RATES_H
#include "api/figures.h"

/* Seconds, with all threads at work; NaN = it can't be measured, 0 = it wasn't asked for. */
typedef struct weld_rates {
    double pass;  /* one sample through one network */
    double learn; /* what matching learns of one sample, with both networks */
    double
        measure; /* one sample through A and both B's, the conditions, `mixes` networks of the path */
    int mixes;
    double product; /* one FLOP of a matrix product in double */
    double cube;    /* n^3 of an assignment */
    double byte;    /* one byte hashed, as all that is written is */
    /* The bootstrap: one sample's weight in a resample; its product with a sample of one curve; the bounds
     * of one curve, for each resample */
    double draw, weigh, bound;
    double fit;           /* one calibrated loss */
    size_t weight_bytes;  /* of one network */
    size_t run_bytes;     /* that a run of one batch holds, the features of all layers in it */
    size_t moments_bytes; /* of what matching learns */
    size_t own_bytes;     /* that the process has besides what the library counts */
    double descent_flops; /* of one sweep of matching by commutativity */
} weld_rates;

/* kinds: of moments, see match/moments.h. match_data, and `wish` with evaluation data: NULL = without
 * them. What can't be run here can't be run later either: that is an error. */
weld_status weld_rates_measure(weld_rates *out, const weld_alignment *alignment, unsigned kinds,
                               const weld_dataset *match_data, const weld_pair_input *wish,
                               weld_error *err);
#endif
