/* Passes over a whole row of an assignment, in SIMD where the processor has it. The value of a
 * column to a row is score - price; it is rounded once, so whichever pass computes it, and however
 * many lanes it has, gets the same number. */
#ifndef WELD_MATCH_LAP_ROWS_H
#define WELD_MATCH_LAP_ROWS_H
#include <stdbool.h>
#include <stdint.h>

enum { WELD_LAP_BLOCK = 16 }; /* columns that share a maximum */

/* sum: rounded, and not finite if a score is not or if it is too large. */
typedef struct weld_lap_extent {
    double low, high, sum;
} weld_lap_extent;

/* The paths' ends during one search, [n] each. */
typedef struct weld_lap_reach {
    double *value;  /* the best value that a path to the column has, -INFINITY = no path or done */
    double *price;  /* INFINITY = done: no path improves it */
    int64_t *from;  /* the row before the column; as wide as a double, for SIMD */
    double *maxima; /* [n / block] of value */
} weld_lap_reach;

/* On scores in double, or all in single precision. */
typedef struct weld_lap_kernels {
    void (*extent)(weld_lap_extent *out, const void *score, int32_t n);
    double (*mean)(const void *score, int32_t n);
    /* The first column from `start` on that has this score; n if none has. */
    int32_t (*seek)(double score_wanted, const void *score, int32_t start, int32_t n);
    /* The two largest values; the second is -INFINITY if n is 1. */
    void (*top)(double top[2], const void *score, const double *price, int32_t n);
    /* The first column from `start` on that has this value; n if none has. */
    int32_t (*find)(double value, const void *score, const double *price, int32_t start, int32_t n);
    /* The largest value of each block. */
    void (*maxima)(double *out, const void *score, const double *price, int32_t n);
    /* Paths through `row` by which all values drop by `drop`; returns the largest of reach->value. */
    double (*relax)(const weld_lap_reach *reach, int64_t row, double drop, const void *score,
                    int32_t n);
} weld_lap_kernels;

const weld_lap_kernels *weld_lap_kernels_here(bool single);
#endif
