/* Squared lengths that the conditions are made of: of what a layer reads and of what two networks make
 * of it, over a stretch of a batch's elements. Sums in double. */
#ifndef WELD_EVAL_SQUARES_H
#define WELD_EVAL_SQUARES_H
#include "core/arena.h"
#include "ops/patches.h"

enum { WELD_SQUARES_CHUNK = 256 };

/* How a layer's elements lie. */
typedef struct weld_layer_form {
    int64_t units, step; /* of the output, and elements of it between two units */
    int64_t plane;       /* elements of the input that share a channel */
    const double
        *times; /* [plane + CHUNK] how many patches hold an input element, again and again */
} weld_layer_form;

weld_status weld_layer_form_make(weld_layer_form *out, weld_arena *arena,
                                 const weld_patches *patches, weld_error *err);

/* From element `at`, `count` of them. */
typedef struct weld_stretch {
    int64_t at, count;
} weld_stretch;

/* |x|^2, |y|^2, |x - y|^2 of the patches, added to out[3]. */
void weld_add_inputs(double *out, const weld_layer_form *form, const weld_tensor *x,
                     const weld_tensor *y, weld_stretch part);
/* Of d and s = x + y - bias, bias [units] or NULL: |d|^2, |s|^2, |s - d|^2, added to out[3]. */
void weld_add_outputs(double *out, const weld_layer_form *form, const double *bias,
                      const weld_tensor *x, const weld_tensor *y, const weld_tensor *d,
                      weld_stretch part);
/* |m - s / 2|^2 of the same s. */
double weld_defect_of(const weld_layer_form *form, const double *bias, const weld_tensor *x,
                      const weld_tensor *y, const weld_tensor *m, weld_stretch part);
/* Of s = (x + y) / 2: |m - s|^2, |s|^2, added to out[2]. */
void weld_add_activation(double *out, const weld_tensor *x, const weld_tensor *y,
                         const weld_tensor *m, weld_stretch part);
double weld_squared_length(const weld_tensor *x);
#endif
