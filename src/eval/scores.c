#include "eval/scores.h"
#include "eval/loss.h"
#include <string.h>

static const struct {
    const char *name;
    bool labels;
    weld_score first, last;
} metrics[] = {{"ce", true, WELD_SCORE_LOSS, WELD_SCORE_LOSS},
               {"top1", true, WELD_SCORE_CORRECT, WELD_SCORE_CORRECT},
               {"top5", true, WELD_SCORE_TOP5, WELD_SCORE_TOP5},
               {"mse", false, WELD_SCORE_MSE_A, WELD_SCORE_MSE_B},
               {"agree", false, WELD_SCORE_AGREE_A, WELD_SCORE_AGREE_B}};
enum { METRICS = sizeof metrics / sizeof metrics[0] };

static weld_status add_metric(weld_score_set *set, const char *name, size_t length,
                              weld_truth truth, const weld_shape *logits, weld_error *err)
{
    for (int k = 0; k < METRICS; k++) {
        if (strlen(metrics[k].name) != length || memcmp(metrics[k].name, name, length) != 0)
            continue;
        if (metrics[k].labels && truth != WELD_TRUTH_LABELS)
            return weld_fail(err, WELD_E_ARGUMENT, "metric %s needs labels%s", metrics[k].name,
                             truth == WELD_TRUTH_TARGETS ? " that are class numbers, integers"
                                                         : "");
        if (metrics[k].first == WELD_SCORE_AGREE_A && !weld_is_class_scores(logits))
            return weld_fail(
                err, WELD_E_ARGUMENT,
                "metric agree needs class scores, and the output that the loss is of has none");
        for (weld_score s = metrics[k].first; s <= metrics[k].last; s++)
            set->has[s] = true;
        set->labels = set->labels || metrics[k].labels;
        if (metrics[k].first == WELD_SCORE_LOSS)
            set->loss = WELD_LOSS_CE;
        return WELD_OK;
    }
    return weld_fail(err, WELD_E_ARGUMENT, "metric '%.*s', allowed ce, top1, top5, mse, agree",
                     length < 40 ? (int)length : 40, name);
}

weld_status weld_score_set_read(weld_score_set *out, const char *metric, weld_truth truth,
                                const weld_shape *logits, weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t size = weld_shape_numel(logits) / (logits->rank ? logits->dims[0] : 1);
    if (!metric)
        metric = truth == WELD_TRUTH_LABELS ? size > 10 ? "ce,top1,top5" : "ce,top1"
                 : truth == WELD_TRUTH_NONE && weld_is_class_scores(logits) ? "mse,agree"
                                                                            : "mse";
    *out = (weld_score_set){.loss = truth == WELD_TRUTH_TARGETS ? WELD_LOSS_TARGET : WELD_LOSS_MIX};
    for (const char *at = metric;;) {
        const size_t n = strcspn(at, ",");
        WELD_TRY(add_metric(out, at, n, truth, logits, err));
        if (!at[n])
            break;
        at += n + 1;
    }
    WELD_REQUIRE(out->loss == WELD_LOSS_CE || out->has[WELD_SCORE_MSE_A], WELD_E_ARGUMENT,
                 "metric '%.60s' has no loss for the path, ce or mse", metric);
    out->has[WELD_SCORE_LOSS] = true;
done:
    return st;
}

const char *weld_score_set_loss(const weld_score_set *set)
{
    static const char *const names[] = {"ce", "mse_target", "mse"};
    return names[set->loss];
}

/* Mean square of z - (share a + (1 - share) b). */
static double mean_square(const float *z, const float *a, const float *b, double share,
                          int64_t size)
{
    double sum = 0;
    for (int64_t k = 0; k < size; k++) {
        const double d = (double)z[k] - (share * (double)a[k] + (1 - share) * (double)b[k]);
        sum += d * d;
    }
    return sum / (double)size;
}

/* Of equal scores the one of the lower index comes first. */
static bool is_among_five(const float *z, int64_t classes, int64_t label)
{
    int before = 0;
    for (int64_t c = 0; c < classes; c++)
        before += z[c] > z[label] || (c < label && z[c] == z[label]);
    return before < 5;
}

void weld_score_outputs(double out[WELD_SCORES], const weld_score_set *set,
                        const weld_outputs_of *of)
{
    const int64_t n = of->size;
    if (set->loss == WELD_LOSS_CE)
        weld_score_sample(&out[WELD_SCORE_LOSS], &out[WELD_SCORE_CORRECT], of->z, n, of->label);
    else if (set->loss == WELD_LOSS_TARGET)
        out[WELD_SCORE_LOSS] = weld_square_error(of->z, of->target, n);
    else
        out[WELD_SCORE_LOSS] = mean_square(of->z, of->a, of->b, of->alpha, n);
    if (set->has[WELD_SCORE_TOP5])
        out[WELD_SCORE_TOP5] = is_among_five(of->z, n, of->label);
    if (set->has[WELD_SCORE_CORRECT] && set->loss != WELD_LOSS_CE)
        out[WELD_SCORE_CORRECT] = weld_largest(of->z, n) == of->label;
    if (set->has[WELD_SCORE_AGREE_A]) {
        const int64_t best = weld_largest(of->z, n);
        out[WELD_SCORE_AGREE_A] = best == weld_largest(of->a, n);
        out[WELD_SCORE_AGREE_B] = best == weld_largest(of->b, n);
    }
    if (set->has[WELD_SCORE_MSE_A]) {
        out[WELD_SCORE_MSE_A] = mean_square(of->z, of->a, of->b, 1, n);
        out[WELD_SCORE_MSE_B] = mean_square(of->z, of->a, of->b, 0, n);
    }
}
