/* What the outputs of a network on the path are worth, sample by sample. */
#ifndef WELD_EVAL_SCORES_H
#define WELD_EVAL_SCORES_H
#include "core/error.h"
#include "tensor/tensor.h"

/* Figures of a sample; of a network at alpha. */
typedef enum weld_score {
    WELD_SCORE_LOSS,    /* cross-entropy, or the mean square of z - (alpha z_A + (1 - alpha) z_B) */
    WELD_SCORE_CORRECT, /* the largest score is the label's */
    WELD_SCORE_TOP5,    /* at most four scores come before the label's */
    WELD_SCORE_AGREE_A, /* the largest score is the one of A, of B */
    WELD_SCORE_AGREE_B,
    WELD_SCORE_MSE_A, /* mean square of z - z_A, z - z_B */
    WELD_SCORE_MSE_B,
    WELD_SCORES
} weld_score;

/* Which of them are wanted. */
typedef struct weld_score_set {
    bool has[WELD_SCORES];
    bool ce;     /* what the loss is */
    bool labels; /* some of them need labels */
} weld_score_set;

/* `metric`: names of ce, top1, top5, mse, agree with commas between; NULL = ce, top1 and from 11 classes
 * top5 with labels; mse and, for class scores, agree without. The path needs a loss, ce or mse; with
 * both it is ce. WELD_E_ARGUMENT for what there is not or what needs labels. */
weld_status weld_score_set_read(weld_score_set *out, const char *metric, bool labels,
                                const weld_shape *logits, weld_error *err);
/* "ce" or "mse" */
const char *weld_score_set_loss(const weld_score_set *set);

/* One sample's outputs [size] of a network, and of the ends. */
typedef struct weld_outputs_of {
    const float *z, *a, *b;
    int64_t size, label; /* label: only where one is needed */
    double alpha;
} weld_outputs_of;
void weld_score_outputs(double out[WELD_SCORES], const weld_score_set *set,
                        const weld_outputs_of *of);
#endif
