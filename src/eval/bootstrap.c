#include "eval/bootstrap.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "eval/spread.h"
#include "tensor/blas.h"
#include <math.h>

enum { BLOCK = 20, CHUNK = 2048 }; /* resamples and samples that are weighted at a time */

typedef struct job {
    const weld_bootstrap_input *in;
    weld_curve_bounds *out;
    double *sums;         /* [resamples, curve_count, count] weighted */
    double *total, *more; /* [resamples] all weights; that of the one more sample */
    double **weights;     /* [slot][BLOCK, CHUNK] */
    double **room;        /* [slot][2, resamples] */
} job;

/* y[k] less the line b y[0] + a y[last], times sign. */
typedef struct gap {
    int k, last;
    double a, b, sign;
} gap;

static double uniform(weld_rng *rng)
{
    return (weld_rng_next(rng) + 1.0) / 4294967296.0;
}

/* Some resamples of all curves. Each has a stream of random numbers of its own. */
static weld_status resample(void *user, int64_t item, int slot, weld_error *err)
{
    job *j = user;
    const weld_bootstrap_input *in = j->in;
    const int first = (int)item * BLOCK, columns = in->curve_count * in->count;
    const int rows = in->resamples - first < BLOCK ? in->resamples - first : BLOCK;
    weld_rng rng[BLOCK];
    for (int r = 0; r < rows; r++) {
        weld_rng_seed(&rng[r], in->seed, (uint64_t)(first + r));
        j->more[first + r] = -log(uniform(&rng[r]));
    }
    for (int64_t at = 0; at < in->samples; at += CHUNK) {
        const int64_t n = in->samples - at < CHUNK ? in->samples - at : CHUNK;
        for (int r = 0; r < rows; r++)
            for (int64_t i = 0; i < n; i++) {
                const double w = -log(uniform(&rng[r]));
                j->weights[slot][r * CHUNK + i] = w;
                j->total[first + r] += w;
            }
        const weld_gemm_shape shape = {false, true,  rows,        in->count,
                                       n,     CHUNK, in->samples, columns};
        for (int c = 0; c < in->curve_count; c++)
            weld_dgemm(&shape, 1, j->weights[slot], in->curves[c].y + at, 1,
                       j->sums + (int64_t)first * columns + c * in->count);
    }
    return weld_progress(in->ctx, "resample", (double)first / in->resamples, err);
}

static const double *sums_of(const job *j, int curve, int resample)
{
    return j->sums + ((int64_t)resample * j->in->curve_count + curve) * j->in->count;
}

static double gap_at(const gap *g, const double *y, int64_t stride)
{
    return g->sign * (y[g->k * stride] - g->b * y[0] - g->a * y[g->last * stride]);
}

/* Sorted means of y[k] with one more sample at `end`. */
static void sorted_means(double *out, const job *j, int curve, int k, double end)
{
    for (int r = 0; r < j->in->resamples; r++)
        out[r] = (sums_of(j, curve, r)[k] + j->more[r] * end) / (j->total[r] + j->more[r]);
    weld_sort_ascending(out, j->in->resamples);
}

static weld_interval mean_interval(const job *j, int curve, int k, double *room)
{
    const weld_curve *c = &j->in->curves[curve];
    const double *y = c->y + k * j->in->samples;
    const int R = j->in->resamples;
    double low = c->share ? 0 : y[0], high = c->share ? 1 : y[0], sum = 0;
    for (int64_t i = 0; i < j->in->samples; i++) {
        low = y[i] < low ? y[i] : low;
        high = y[i] > high ? y[i] : high;
        sum += y[i];
    }
    if (!isfinite(sum))
        return (weld_interval){NAN, NAN};
    weld_interval out;
    sorted_means(room, j, curve, k, low);
    out.low = fmax(low, weld_quantile(room, R, 0.025)); /* sums are rounded */
    sorted_means(room, j, curve, k, high);
    out.high = fmin(high, weld_quantile(room, R, 0.975));
    return out;
}

/* The largest gap that a sample can have, and the mean of those that they have. */
static double gap_range(double *mean, const job *j, int curve, const gap *g)
{
    const weld_curve *c = &j->in->curves[curve];
    double top = -INFINITY, sum = 0;
    for (int64_t i = 0; i < j->in->samples; i++) {
        const double x = gap_at(g, c->y + i, j->in->samples);
        top = x > top ? x : top;
        sum += x;
    }
    *mean = sum / (double)j->in->samples;
    if (!c->share)
        return top;
    return g->k == 0 ? g->a : g->k == g->last ? g->b : 1;
}

/* Puts the bounds of one gap into those of the barrier. */
static void raise_bounds(weld_barrier_bounds *out, const job *j, int curve, const gap *g,
                         double top, double *room)
{
    const int R = j->in->resamples;
    for (int r = 0; r < R; r++)
        room[r] = (gap_at(g, sums_of(j, curve, r), 1) + j->more[r] * top) /
                  (j->total[r] + j->more[r]);
    weld_sort_ascending(room, R);
    out->upper95 = fmax(out->upper95, fmin(top, weld_quantile(room, R, 0.95)));
    out->ci95.high = fmax(out->ci95.high, fmin(top, weld_quantile(room, R, 0.975)));
}

/* The deviation of one gap over the resamples; `worst` [resamples]: of all gaps, how many deviations
 * the resample lies above what was measured. */
static double deviation(double *worst, const job *j, int curve, const gap *g, double mean)
{
    const int R = j->in->resamples;
    double sum = 0;
    for (int r = 0; r < R; r++) {
        const double d = gap_at(g, sums_of(j, curve, r), 1) / j->total[r] - mean;
        sum += d * d;
    }
    const double sd = sqrt(sum / R);
    for (int r = 0; r < R && sd > 0; r++) {
        const double d = gap_at(g, sums_of(j, curve, r), 1) / j->total[r] - mean;
        worst[r] = fmax(worst[r], d / sd);
    }
    return sd;
}

static gap gap_of(const job *j, int curve, int k, bool midpoint)
{
    const double *alpha = j->in->alpha;
    const int last = j->in->count - 1;
    const double span = alpha[last] - alpha[0];
    const double a = midpoint ? 0.5 : span > 0 ? (alpha[k] - alpha[0]) / span : 0;
    return (gap){k, last, a, 1 - a, j->in->curves[curve].share ? -1 : 1};
}

static weld_status bound_barrier(weld_barrier_bounds *out, const job *j, int curve, bool midpoint,
                                 double *room, weld_error *err)
{
    weld_status st = WELD_OK;
    const int R = j->in->resamples, count = j->in->count;
    double *worst = room + R, *mean = NULL, *sd = NULL;
    WELD_NEW(mean, j->in->ctx, count);
    WELD_NEW(sd, j->in->ctx, count);
    *out = (weld_barrier_bounds){{0, 0}, 0};
    for (int r = 0; r < R; r++)
        worst[r] = -INFINITY;
    for (int k = 0; k < count; k++) {
        const gap g = gap_of(j, curve, k, midpoint);
        const double top = gap_range(&mean[k], j, curve, &g);
        if (!isfinite(mean[k])) {
            *out = (weld_barrier_bounds){{NAN, NAN}, NAN};
            goto done; /* not known */
        }
        raise_bounds(out, j, curve, &g, top, room);
        sd[k] = deviation(worst, j, curve, &g, mean[k]);
    }
    weld_sort_ascending(worst, R);
    const double within = weld_quantile(worst, R, 0.975);
    for (int k = 0; k < count; k++)
        if (sd[k] > 0)
            out->ci95.low = fmax(out->ci95.low, mean[k] - within * sd[k]);
done:
    weld_free(j->in->ctx, mean);
    weld_free(j->in->ctx, sd);
    return st;
}

static weld_status bound_curve(void *user, int64_t item, int slot, weld_error *err)
{
    weld_status st = WELD_OK;
    job *j = user;
    const int curve = (int)item;
    weld_curve_bounds *out = &j->out[curve];
    for (int k = 0; k < j->in->count; k++)
        out->mean[k] = mean_interval(j, curve, k, j->room[slot]);
    WELD_TRY(bound_barrier(&out->chord, j, curve, false, j->room[slot], err));
    WELD_TRY(bound_barrier(&out->midpoint, j, curve, true, j->room[slot], err));
done:
    return st;
}

weld_status weld_bootstrap(weld_curve_bounds *out, weld_arena *arena,
                           const weld_bootstrap_input *input, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = input->ctx;
    const int slots = weld_parallel_slots(ctx);
    const size_t R = (size_t)input->resamples;
    job j = {.in = input, .out = out};
    weld_arena room;
    weld_arena_init(&room, ctx);
    for (int c = 0; c < input->curve_count; c++)
        WELD_ARENA_NEW(out[c].mean, arena, input->count);
    WELD_ARENA_NEW(j.sums, &room, R * (size_t)(input->curve_count * input->count));
    WELD_ARENA_NEW(j.total, &room, R);
    WELD_ARENA_NEW(j.more, &room, R);
    WELD_ARENA_NEW(j.weights, &room, slots);
    WELD_ARENA_NEW(j.room, &room, slots);
    for (int s = 0; s < slots; s++) {
        WELD_ARENA_NEW(j.weights[s], &room, BLOCK * CHUNK);
        WELD_ARENA_NEW(j.room[s], &room, 2 * R);
    }
    WELD_TRY(weld_parallel_for(ctx, ((int64_t)R + BLOCK - 1) / BLOCK, resample, &j, err));
    WELD_TRY(weld_parallel_for(ctx, input->curve_count, bound_curve, &j, err));
done:
    weld_arena_free(&room);
    return st;
}
