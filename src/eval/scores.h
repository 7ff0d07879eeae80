/* What the outputs of a network on the path are worth, sample by sample. */
#ifndef WELD_EVAL_SCORES_H
#define WELD_EVAL_SCORES_H
#include "core/error.h"
#include "tensor/tensor.h"

/* Figures of a sample; of a network at alpha. */
typedef enum weld_score {
    WELD_SCORE_LOSS,    /* see weld_loss_kind */
    WELD_SCORE_CORRECT, /* the largest score is the label's */
    WELD_SCORE_TOP5,    /* at most four scores come before the label's */
    WELD_SCORE_AGREE_A, /* the largest score is the one of A, of B */
    WELD_SCORE_AGREE_B,
    WELD_SCORE_MSE_A, /* mean square of z - z_A, z - z_B */
    WELD_SCORE_MSE_B,
    WELD_SCORES
} weld_score;

typedef enum weld_loss_kind {
    WELD_LOSS_CE,     /* cross-entropy */
    WELD_LOSS_TARGET, /* mean square of z - target */
    WELD_LOSS_MIX     /* mean square of z - (alpha z_A + (1 - alpha) z_B) */
} weld_loss_kind;

/* Which of them are wanted. */
typedef struct weld_score_set {
    bool has[WELD_SCORES];
    weld_loss_kind loss;
    bool labels; /* some of them need labels */
} weld_score_set;

/* What the data say of the outputs. */
typedef enum weld_truth { WELD_TRUTH_NONE, WELD_TRUTH_LABELS, WELD_TRUTH_TARGETS } weld_truth;

/* `metric`: names of ce, top1, top5, mse, agree with commas between; NULL = ce, top1 and from 11 classes
 * top5 with labels; mse with targets; mse and, for class scores, agree without either. The path needs a
 * loss, ce or mse; with both it is ce. WELD_E_ARGUMENT for what there is not or what needs labels. */
weld_status weld_score_set_read(weld_score_set *out, const char *metric, weld_truth truth,
                                const weld_shape *logits, weld_error *err);
/* "ce", "mse_target" or "mse" */
const char *weld_score_set_loss(const weld_score_set *set);

/* One sample's outputs [size] of a network, and of the ends. */
typedef struct weld_outputs_of {
    const float *z, *a, *b;
    int64_t size, label;  /* label: only where one is needed */
    const double *target; /* likewise */
    double alpha;
} weld_outputs_of;
void weld_score_outputs(double out[WELD_SCORES], const weld_score_set *set,
                        const weld_outputs_of *of);
#endif
