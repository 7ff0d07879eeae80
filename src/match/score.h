/* What weight matching compares: pairs of tensors in single precision, with the units that stand on them;
 * sums are in double. */
#ifndef WELD_MATCH_SCORE_H
#define WELD_MATCH_SCORE_H
#include "symmetry/group.h"

/* Units of free class `unit_class` stand on axis member->axis, or on the axes of a joint; one of the two
 * is NULL. */
typedef struct weld_score_axis {
    int unit_class;
    const weld_member *member;
    const weld_joint_member *joint;
    int axis; /* where two are on different axes, each is scored with the other one permuted */
} weld_score_axis;

typedef struct weld_score_tensor {
    int param; /* whose shape and members it has; the values may be folded */
    weld_shape shape;
    const float *a, *b; /* of the sets, or `owned`; in memory while it is open */
    float *owned[2];    /* of a, of b; NULL where borrowed */
    double scale;       /* |a| |b| */
    weld_score_axis *axes;
    int axis_count;
    bool has_joint;
    bool drawn; /* read when it is opened, since the sets are not held */
    int users;  /* that have it open */
} weld_score_tensor;

/* A layer in front of a BatchNormalization counts with the normalisation folded into it; running
 * statistics do not count by themselves. Values that are not finite count as 0. */
typedef struct weld_scores {
    weld_context *ctx;
    const weld_symmetry *symmetry; /* borrowed, as the sets */
    const weld_paramset *a, *b;
    weld_score_tensor *tensors;
    int count;
} weld_scores;

/* a, b: over the symmetry's graph; both outlive the scores, which borrow from them what can be taken as
 * it is. */
weld_status weld_scores_create(weld_scores **out, const weld_symmetry *symmetry,
                               const weld_paramset *a, const weld_paramset *b, weld_error *err);
void weld_scores_free(weld_scores *scores);
/* The tensor's a and b are in memory from here to weld_score_close; always, where the sets are held. The
 * functions on all of `scores` open what they need. By one thread. */
weld_status weld_score_open(const weld_scores *scores, int tensor, weld_error *err);
void weld_score_close(const weld_scores *scores, int tensor);
/* All of them stay open. */
weld_status weld_score_keep(const weld_scores *scores, weld_error *err);
/* Before the values of an open tensor are changed: a and b become its own. */
weld_status weld_score_own(const weld_scores *scores, weld_score_tensor *t, weld_error *err);

/* The slices of each unit on the axis, end to end: *out [size, *row], freed with weld_free. */
weld_status weld_score_rows(double **out, int64_t *row, weld_context *ctx, const float *data,
                            const weld_score_tensor *t, const weld_score_axis *axis, int32_t size,
                            weld_error *err);
int64_t weld_score_row(const weld_score_tensor *t, const weld_score_axis *axis);
/* norm [size] += |slice|^2 of every unit that stands on the axis; data: the tensor's a or b. */
weld_status weld_score_norms(double *norm, weld_context *ctx, const float *data,
                             const weld_score_tensor *t, const weld_score_axis *axis, int32_t size,
                             weld_error *err);
bool weld_score_has_class(const weld_score_tensor *t, int unit_class);

/* *out = <A, permuted B> of an open tensor. */
weld_status weld_score_inner(double *out, const weld_score_tensor *t, const weld_element *e,
                             weld_error *err);
/* What counts of a tensor, which is open. */
typedef weld_status weld_score_fn(double *out, void *user, int tensor, weld_error *err);
/* The sum over the tensors with units of the class, -1 = over all; in parallel where they are held. */
weld_status weld_scores_sum(double *out, const weld_scores *scores, int unit_class,
                            weld_score_fn *fn, void *user, weld_error *err);
/* Of <A, permuted B>. */
weld_status weld_scores_objective(double *out, const weld_scores *scores, const weld_element *e,
                                  int unit_class, weld_error *err);
/* score[i, j]: what unit j of B is worth in the place of unit i of A, everything else permuted by
 * e. *scale: sum of |A||B| of what was counted. `settled` [free_count]: if not NULL, tensors with
 * units of other classes that are not settled are left out. */
weld_status weld_scores_class(double *score, double *scale, const weld_scores *scores,
                              const weld_element *e, int unit_class, const bool *settled,
                              weld_error *err);
#endif
