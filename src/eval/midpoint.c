#include "eval/midpoint.h"
#include "core/parallel.h"
#include "eval/loss.h"
#include "eval/rows.h"
#include "eval/spread.h"
#include <math.h>

typedef enum judge { TRUTH, KL, MSE } judge;

typedef struct pass {
    const weld_midpoint_input *in;
    judge judge;
    int output;
    int64_t size, micro; /* elements of the output per sample; samples per pass */
    weld_plan *plan;
    weld_run **runs;        /* [slot] */
    weld_feed *feed;        /* [slot] */
    double **target;        /* [slot][micro, size]: what the ends say together */
    double *loss, *correct; /* [count, N]; the input's if it wants them */
} pass;

/* p += share softmax z */
static void add_softmax(double *p, const float *z, int64_t classes, double share)
{
    const double all = weld_log_sum_exp(z, classes);
    for (int64_t c = 0; c < classes; c++)
        p[c] += share * exp((double)z[c] - all);
}

static double divergence(const double *p, const float *z, int64_t classes)
{
    const double all = weld_log_sum_exp(z, classes);
    double sum = 0;
    for (int64_t c = 0; c < classes; c++)
        sum += p[c] > 0 ? p[c] * (log(p[c]) - ((double)z[c] - all)) : 0;
    return sum;
}

/* What one of the ends says. */
static void add_to_target(const pass *p, double *target, const float *z, int64_t n)
{
    const double share = 1.0 / p->in->end_count;
    for (int64_t i = 0; i < n && p->judge == KL; i++)
        add_softmax(target + i * p->size, z + i * p->size, p->size, share);
    for (int64_t k = 0; k < n * p->size && p->judge == MSE; k++)
        target[k] += share * (double)z[k];
}

static void judge_batch(pass *p, int candidate, int slot, int64_t first, int64_t n)
{
    const float *z = weld_run_floats(p->runs[slot], p->output);
    const double *target = p->target[slot];
    double *loss = p->loss + candidate * p->in->data->count + first;
    double *correct = p->correct + candidate * p->in->data->count + first;
    for (int64_t i = 0; i < n; i++) {
        const float *zi = z + i * p->size;
        if (p->judge == TRUTH)
            weld_judge_sample(&loss[i], &correct[i], p->in->data, first + i, zi, p->size);
        else if (p->judge == KL)
            loss[i] = divergence(target + i * p->size, zi, p->size);
        else
            loss[i] = weld_square_error(zi, target + i * p->size, p->size);
    }
}

static weld_status run_batch(void *user, int64_t item, int slot, weld_error *err)
{
    weld_status st = WELD_OK;
    pass *p = user;
    const weld_dataset *data = p->in->data;
    weld_run *run = p->runs[slot];
    const int64_t first = item * p->micro;
    const int64_t n = data->count - first < p->micro ? data->count - first : p->micro;
    weld_feed *feed = &p->feed[slot];
    WELD_TRY(weld_feed_load(feed, first, n, err));
    for (int64_t k = 0; p->judge != TRUTH && k < p->micro * p->size; k++)
        p->target[slot][k] = 0;
    for (int end = 0; p->judge != TRUTH && end < p->in->end_count; end++) {
        WELD_TRY(weld_run_all(run, p->in->ends[end], feed->inputs, err));
        add_to_target(p, p->target[slot], weld_run_floats(run, p->output), n);
    }
    for (int k = 0; k < p->in->count; k++) {
        WELD_TRY(weld_run_all(run, p->in->merged[k], feed->inputs, err));
        judge_batch(p, k, slot, first, n);
    }
    if (item % 8 == 0)
        st = weld_progress(p->in->ctx, "choose", (double)first / (double)data->count, err);
done:
    return st;
}

/* By labels, or by what kind of output there is. */
static weld_status find_judge(pass *p, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_shapes *shapes = p->in->shapes;
    weld_rows rows = {0};
    WELD_TRY(weld_rows_find(&rows, p->in->ctx, shapes, err));
    p->output = rows.logits;
    const weld_type *type = &shapes->types[p->output];
    WELD_REQUIRE(weld_dtype_is_float(type->dtype), WELD_E_UNSUPPORTED,
                 "the output that the loss is of is %s: merged models can't be compared by it",
                 weld_dtype_name(type->dtype));
    p->size = weld_shape_numel(&type->shape) / (type->shape.rank ? type->shape.dims[0] : 1);
    p->judge = weld_dataset_has_truth(p->in->data)  ? TRUTH
               : weld_is_class_scores(&type->shape) ? KL
                                                    : MSE;
    if (p->judge == TRUTH)
        WELD_TRY(weld_check_truth(p->in->data, p->size, err));
done:
    weld_rows_free(&rows);
    return st;
}

static weld_status alloc_pass(pass *p, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_midpoint_input *in = p->in;
    const int slots = weld_parallel_slots(in->ctx);
    p->micro = in->shapes->batch;
    p->loss = in->each_loss;
    p->correct = in->each_correct;
    if (!p->loss)
        WELD_NEW(p->loss, in->ctx, (size_t)in->count * (size_t)in->data->count);
    if (!p->correct)
        WELD_NEW(p->correct, in->ctx, (size_t)in->count * (size_t)in->data->count);
    WELD_NEW(p->runs, in->ctx, slots);
    WELD_NEW(p->feed, in->ctx, slots);
    WELD_NEW(p->target, in->ctx, slots);
    WELD_TRY(weld_plan_create(&p->plan, in->ctx, in->shapes, &p->output, 1, err));
    for (int s = 0; s < slots; s++) {
        WELD_TRY(weld_feed_create(&p->feed[s], in->data, in->shapes, err));
        WELD_NEW(p->target[s], in->ctx, p->judge == TRUTH ? 0 : p->micro * p->size);
    }
    for (int s = 0; s < slots; s++)
        WELD_TRY(weld_run_create(&p->runs[s], p->plan, err));
done:
    return st;
}

static void free_pass(pass *p)
{
    weld_context *ctx = p->in->ctx;
    const int slots = weld_parallel_slots(ctx);
    for (int s = 0; p->runs && s < slots; s++)
        weld_run_free(p->runs[s]);
    for (int s = 0; p->feed && s < slots; s++)
        weld_feed_free(&p->feed[s]);
    for (int s = 0; p->target && s < slots; s++)
        weld_free(ctx, p->target[s]);
    weld_plan_free(p->plan);
    weld_free(ctx, p->runs);
    weld_free(ctx, p->feed);
    weld_free(ctx, p->target);
    if (p->loss != p->in->each_loss)
        weld_free(ctx, p->loss);
    if (p->correct != p->in->each_correct)
        weld_free(ctx, p->correct);
}

weld_status weld_midpoint_losses(double *losses, const char **metric,
                                 const weld_midpoint_input *input, weld_error *err)
{
    weld_status st = WELD_OK;
    pass p = {.in = input};
    const int64_t n = input->data->count;
    WELD_TRY(find_judge(&p, err));
    WELD_TRY(alloc_pass(&p, err));
    WELD_TRY(weld_parallel_for(input->ctx, (n + p.micro - 1) / p.micro, run_batch, &p, err));
    for (int k = 0; k < input->count; k++) {
        losses[k] = weld_mean(p.loss + k * n, n);
        if (input->accuracies)
            input->accuracies[k] = p.judge == TRUTH ? weld_mean(p.correct + k * n, n) : NAN;
    }
    *metric = p.judge == TRUTH ? weld_truth_metric(input->data) : p.judge == KL ? "kl" : "mse";
done:
    free_pass(&p);
    return st;
}
