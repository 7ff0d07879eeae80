#include "eval/bootstrap.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "eval/spread.h"
#include "tensor/blas.h"
#include <math.h>

enum { BLOCK = 20, CHUNK = 2048 }; /* resamples and samples that are weighted at a time */

/* A point of a curve. */
typedef struct column {
    bool holes;       /* some samples are left out */
    double low, high; /* range of y; NaN = sums, which have none */
    double full;      /* the figure with equal weights */
} column;

typedef struct workspace {
    double *weights; /* [BLOCK, CHUNK] */
    double *groups;  /* [BLOCK, groups] weights of the groups */
    double *sums;    /* [BLOCK, most columns of a curve] */
    double *figures; /* [most points of a curve] */
    double *sorted;  /* [2, resamples] */
} workspace;

typedef struct job {
    const weld_bootstrap_input *in;
    int columns, longest, widest; /* points of all curves; most points, most sums of one */
    int64_t groups;
    int *first;           /* [curve_count] the first point of each curve */
    column *column;       /* [columns] */
    double *value;        /* [resamples, columns] the figures */
    double *total, *more; /* [resamples] all weights; that of the one more sample */
    double *lean;         /* [resamples] more / (total + more) */
    double **mass;        /* [columns][resamples] weights of the samples that count; NULL = all */
    workspace *rooms;     /* [slot] */
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

/* ---- resamples --------------------------------------------------------------------------------- */

/* Weighted sums over the n samples from `at`: of a point where some are left out, with their weights. */
static void sum_point(job *j, const weld_curve *c, int k, const workspace *r, int first, int rows,
                      int64_t at, int64_t n)
{
    const int place = j->first[c - j->in->curves] + k;
    const double *y = c->y + k * c->stride + at;
    for (int b = 0; b < rows; b++) {
        double sum = 0, mass = 0;
        for (int64_t i = 0; i < n; i++) {
            const double w = isnan(y[i]) ? 0 : r->weights[b * CHUNK + i];
            sum += w > 0 ? w * y[i] : 0;
            mass += w;
        }
        j->value[(int64_t)(first + b) * j->columns + place] += sum;
        j->mass[place][first + b] += mass;
    }
}

static void sum_curve(job *j, const weld_curve *c, const workspace *r, int first, int rows,
                      int64_t at, int64_t n)
{
    const int place = j->first[c - j->in->curves];
    bool holes = false;
    for (int k = 0; k < c->count; k++)
        holes = holes || j->column[place + k].holes;
    const weld_gemm_shape shape = {false, true,  rows,      holes ? 1 : c->count,
                                   n,     CHUNK, c->stride, j->columns};
    double *sums = j->value + (int64_t)first * j->columns + place;
    for (int k = 0; k < c->count; k += (int)shape.n)
        if (j->column[place + k].holes)
            sum_point(j, c, k, r, first, rows, at, n);
        else
            weld_dgemm(&shape, 1, r->weights, c->y + k * c->stride + at, 1, sums + k);
}

/* Weights of the n samples from `at`, and of the groups that begin there. */
static void draw(job *j, const workspace *r, weld_rng *rng, int first, int rows, int64_t at,
                 int64_t n)
{
    const int64_t size = j->in->group;
    for (int b = 0; b < rows; b++) {
        double *w = r->weights + b * CHUNK;
        for (int64_t i = 0; i < n; i++) {
            w[i] = -log(uniform(&rng[b]));
            j->total[first + b] += w[i];
        }
        for (int64_t g = (at + size - 1) / size; g * size < at + n; g++)
            r->groups[b * j->groups + g] = w[g * size - at];
    }
}

static void make_figures(job *j, const weld_curve *c, const workspace *r, int first, int rows)
{
    const int place = j->first[c - j->in->curves];
    const weld_gemm_shape shape = {false,     false,     rows,      c->columns,
                                   j->groups, j->groups, c->stride, c->columns};
    weld_dgemm(&shape, 1, r->groups, c->y, 0, r->sums);
    for (int b = 0; b < rows; b++)
        c->figures(j->value + (int64_t)(first + b) * j->columns + place, c->count,
                   r->sums + (int64_t)b * c->columns);
}

/* Sums of a mean become the mean. */
static void divide(job *j, const weld_curve *c, int first, int rows)
{
    const int place = j->first[c - j->in->curves];
    for (int b = first; b < first + rows; b++)
        for (int k = place; k < place + c->count; k++)
            j->value[(int64_t)b * j->columns + k] /= j->mass[k] ? j->mass[k][b] : j->total[b];
}

/* Some resamples of all curves. Each has a stream of random numbers of its own. */
static weld_status resample(void *user, int64_t item, int slot, weld_error *err)
{
    job *j = user;
    const weld_bootstrap_input *in = j->in;
    const workspace *room = &j->rooms[slot];
    const int first = (int)item * BLOCK;
    const int rows = in->resamples - first < BLOCK ? in->resamples - first : BLOCK;
    weld_rng rng[BLOCK];
    for (int b = 0; b < rows; b++) {
        weld_rng_seed(&rng[b], in->seed, (uint64_t)(first + b));
        j->more[first + b] = -log(uniform(&rng[b]));
    }
    for (int64_t at = 0; at < in->samples; at += CHUNK) {
        const int64_t n = in->samples - at < CHUNK ? in->samples - at : CHUNK;
        draw(j, room, rng, first, rows, at, n);
        for (int c = 0; c < in->curve_count; c++)
            if (!in->curves[c].figures)
                sum_curve(j, &in->curves[c], room, first, rows, at, n);
    }
    for (int c = 0; c < in->curve_count; c++)
        if (in->curves[c].figures)
            make_figures(j, &in->curves[c], room, first, rows);
        else
            divide(j, &in->curves[c], first, rows);
    for (int b = first; b < first + rows; b++)
        j->lean[b] = j->more[b] / (j->total[b] + j->more[b]);
    return weld_progress(in->ctx, "resample", (double)first / in->resamples, err);
}

/* ---- bounds ------------------------------------------------------------------------------------ */

static const double *drawn(const job *j, int place, int resample)
{
    return j->value + (int64_t)resample * j->columns + place;
}

/* One of the resamples' figures with one more sample at `end`; NaN = without. */
static double leant(double value, double lean, double end)
{
    return isnan(end) ? value : value + lean * (end - value);
}

static double with_one_more(const job *j, int place, int resample, double end)
{
    const column *c = &j->column[place];
    const double mass = c->holes ? j->mass[place][resample] : 0, more = j->more[resample];
    return leant(*drawn(j, place, resample), c->holes ? more / (mass + more) : j->lean[resample],
                 end);
}

/* Sorted, in room[resamples]; false where one of them is not finite. */
static bool sort_drawn(double *out, const job *j, int place, double end)
{
    for (int r = 0; r < j->in->resamples; r++) {
        out[r] = with_one_more(j, place, r, end);
        if (!isfinite(out[r]))
            return false;
    }
    weld_sort_ascending(out, j->in->resamples);
    return true;
}

static const weld_bounds unknown = {{NAN, NAN}, NAN};

static weld_bounds point_bounds(const job *j, const weld_curve *c, int k, double *room)
{
    const int R = j->in->resamples, place = j->first[c - j->in->curves] + k;
    const column *at = &j->column[place];
    const double tail = c->kind == WELD_CURVE_DROPS ? 0.025 / c->count : 0.025;
    weld_bounds out;
    if (!isfinite(at->full) || !sort_drawn(room, j, place, at->low))
        return unknown;
    out.ci95.low = fmax(at->low, weld_quantile(room, R, 0.025)); /* sums are rounded */
    if (!sort_drawn(room, j, place, at->high))
        return unknown;
    out.ci95.high = fmin(at->high, weld_quantile(room, R, 1 - tail));
    out.upper95 = fmin(at->high, weld_quantile(room, R, 1 - 2 * tail));
    return out;
}

static double gap_at(const gap *g, const double *y, int64_t stride)
{
    return g->sign * (y[g->k * stride] - g->b * y[0] - g->a * y[g->last * stride]);
}

/* The largest gap that a sample can have; NaN: the figures are no means. */
static double largest_gap(const job *j, const weld_curve *c, const gap *g)
{
    double top = -INFINITY;
    if (c->figures)
        return NAN;
    if (c->kind == WELD_CURVE_SHARE)
        return g->k == 0 ? g->a : g->k == g->last ? g->b : 1;
    for (int64_t i = 0; i < j->in->samples; i++)
        top = fmax(top, gap_at(g, c->y + i, c->stride));
    return top;
}

/* Puts the bounds of one gap into those of the barrier. */
static void raise_bounds(weld_bounds *out, const job *j, const weld_curve *c, const gap *g,
                         double *room)
{
    const int R = j->in->resamples, place = j->first[c - j->in->curves];
    const double top = largest_gap(j, c, g);
    for (int r = 0; r < R; r++)
        room[r] = leant(gap_at(g, drawn(j, place, r), 1), j->lean[r], top);
    weld_sort_ascending(room, R);
    out->upper95 = fmax(out->upper95, fmin(top, weld_quantile(room, R, 0.95)));
    out->ci95.high = fmax(out->ci95.high, fmin(top, weld_quantile(room, R, 0.975)));
}

/* The deviation of one gap over the resamples; `worst` [resamples]: of all gaps, how many deviations
 * the resample lies above what was measured. */
static double deviation(double *worst, const job *j, int place, const gap *g, double mean)
{
    const int R = j->in->resamples;
    double sum = 0;
    for (int r = 0; r < R; r++) {
        const double d = gap_at(g, drawn(j, place, r), 1) - mean;
        sum += d * d;
    }
    const double sd = sqrt(sum / R);
    for (int r = 0; r < R && sd > 0; r++) {
        const double d = gap_at(g, drawn(j, place, r), 1) - mean;
        worst[r] = fmax(worst[r], d / sd);
    }
    return sd;
}

static gap gap_of(const weld_curve *c, int k, bool midpoint)
{
    const int last = c->count - 1;
    const double span = c->alpha[last] - c->alpha[0];
    const double a = midpoint ? 0.5 : span > 0 ? (c->alpha[k] - c->alpha[0]) / span : 0;
    return (gap){k, last, a, 1 - a, c->kind == WELD_CURVE_SHARE ? -1 : 1};
}

static bool all_finite(const job *j, const weld_curve *c)
{
    const int place = j->first[c - j->in->curves];
    for (int k = 0; k < c->count; k++) {
        if (!isfinite(j->column[place + k].full))
            return false;
        for (int r = 0; r < j->in->resamples; r++)
            if (!isfinite(*drawn(j, place + k, r)))
                return false;
    }
    return true;
}

static weld_status bound_barrier(weld_bounds *out, const job *j, const weld_curve *c, bool midpoint,
                                 double *room, weld_error *err)
{
    weld_status st = WELD_OK;
    const int R = j->in->resamples, count = c->count, place = j->first[c - j->in->curves];
    double *worst = room + R, *mean = NULL, *sd = NULL;
    WELD_NEW(mean, j->in->ctx, count);
    WELD_NEW(sd, j->in->ctx, count);
    *out = unknown;
    if (!all_finite(j, c))
        goto done;
    *out = (weld_bounds){{0, 0}, 0};
    for (int r = 0; r < R; r++)
        worst[r] = -INFINITY;
    for (int k = 0; k < count; k++)
        mean[k] = j->column[place + k].full;
    for (int k = 0; k < count; k++) {
        const gap g = gap_of(c, k, midpoint);
        raise_bounds(out, j, c, &g, room);
        sd[k] = deviation(worst, j, place, &g, gap_at(&g, mean, 1));
    }
    weld_sort_ascending(worst, R);
    const double within = weld_quantile(worst, R, 0.975);
    for (int k = 0; k < count; k++) {
        const gap g = gap_of(c, k, midpoint);
        if (sd[k] > 0)
            out->ci95.low = fmax(out->ci95.low, gap_at(&g, mean, 1) - within * sd[k]);
    }
    out->ci95.low = fmin(out->ci95.low, out->upper95);
done:
    weld_free(j->in->ctx, mean);
    weld_free(j->in->ctx, sd);
    return st;
}

static weld_status bound_curve(void *user, int64_t item, int slot, weld_error *err)
{
    weld_status st = WELD_OK;
    const job *j = user;
    const weld_curve *c = &j->in->curves[item];
    double *room = j->rooms[slot].sorted;
    for (int k = 0; k < c->count; k++)
        c->out->at[k] = point_bounds(j, c, k, room);
    if (c->alpha) {
        WELD_TRY(bound_barrier(&c->out->chord, j, c, false, room, err));
        WELD_TRY(bound_barrier(&c->out->midpoint, j, c, true, room, err));
    }
done:
    return st;
}

/* ---- the job ----------------------------------------------------------------------------------- */

/* Range and mean of a point. */
static void look(column *out, const weld_curve *c, int k, int64_t samples)
{
    const double *y = c->y + k * c->stride;
    double sum = 0;
    int64_t count = 0;
    *out = (column){.low = INFINITY, .high = -INFINITY};
    for (int64_t i = 0; i < samples; i++) {
        if (c->kind == WELD_CURVE_SPREAD && isnan(y[i])) {
            out->holes = true;
            continue;
        }
        out->low = y[i] < out->low ? y[i] : out->low;
        out->high = y[i] > out->high ? y[i] : out->high;
        sum += y[i];
        count++;
    }
    out->full = sum / (double)count;
    if (c->kind == WELD_CURVE_SHARE || c->kind == WELD_CURVE_DROPS)
        out->low = c->kind == WELD_CURVE_SHARE ? 0 : -1, out->high = 1;
}

/* The figures of a curve as they are. */
static void look_at_sums(job *j, const weld_curve *c)
{
    double *sums = j->rooms[0].sums, *figures = j->rooms[0].figures;
    const int place = j->first[c - j->in->curves];
    for (int k = 0; k < c->columns; k++)
        sums[k] = 0;
    for (int64_t g = 0; g < j->groups; g++)
        for (int k = 0; k < c->columns; k++)
            sums[k] += c->y[g * c->stride + k];
    c->figures(figures, c->count, sums);
    for (int k = 0; k < c->count; k++)
        j->column[place + k] = (column){.low = NAN, .high = NAN, .full = figures[k]};
}

static weld_status look_at_all(job *j, weld_arena *arena, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_bootstrap_input *in = j->in;
    WELD_ARENA_NEW(j->column, arena, j->columns);
    WELD_ARENA_NEW(j->mass, arena, j->columns);
    for (int n = 0; n < in->curve_count; n++) {
        const weld_curve *c = &in->curves[n];
        column *at = &j->column[j->first[n]];
        if (c->figures)
            look_at_sums(j, c);
        for (int k = 0; k < c->count && !c->figures; k++) {
            look(&at[k], c, k, in->samples);
            if (at[k].holes)
                WELD_ARENA_NEW(j->mass[j->first[n] + k], arena, in->resamples);
        }
    }
done:
    return st;
}

static weld_status alloc(job *j, weld_arena *arena, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_bootstrap_input *in = j->in;
    const size_t R = (size_t)in->resamples;
    const int slots = weld_parallel_slots(in->ctx);
    WELD_ARENA_NEW(j->first, arena, in->curve_count);
    j->groups = (in->samples + in->group - 1) / in->group;
    for (int c = 0; c < in->curve_count; c++) {
        j->first[c] = j->columns;
        j->columns += in->curves[c].count;
        j->longest = in->curves[c].count > j->longest ? in->curves[c].count : j->longest;
        j->widest = in->curves[c].columns > j->widest ? in->curves[c].columns : j->widest;
    }
    WELD_ARENA_NEW(j->value, arena, R * (size_t)j->columns);
    WELD_ARENA_NEW(j->total, arena, R);
    WELD_ARENA_NEW(j->more, arena, R);
    WELD_ARENA_NEW(j->lean, arena, R);
    WELD_ARENA_NEW(j->rooms, arena, slots);
    for (int s = 0; s < slots; s++) {
        WELD_ARENA_NEW(j->rooms[s].weights, arena, BLOCK * CHUNK);
        WELD_ARENA_NEW(j->rooms[s].groups, arena, BLOCK * j->groups);
        WELD_ARENA_NEW(j->rooms[s].sums, arena, BLOCK * j->widest);
        WELD_ARENA_NEW(j->rooms[s].figures, arena, j->longest);
        WELD_ARENA_NEW(j->rooms[s].sorted, arena, 2 * R);
    }
done:
    return st;
}

weld_status weld_bootstrap_check(int resamples, weld_error *err)
{
    if (resamples == 0 || (resamples >= 100 && resamples <= 100000))
        return WELD_OK;
    return weld_fail(err, WELD_E_ARGUMENT, "bootstrap of %d resamples, allowed 0 or 100 to 100000",
                     resamples);
}

weld_status weld_bootstrap(weld_arena *arena, const weld_bootstrap_input *input, weld_error *err)
{
    weld_status st = WELD_OK;
    job j = {.in = input};
    weld_arena room;
    weld_arena_init(&room, input->ctx);
    for (int c = 0; c < input->curve_count; c++)
        WELD_ARENA_NEW(input->curves[c].out->at, arena, input->curves[c].count);
    WELD_TRY(alloc(&j, &room, err));
    WELD_TRY(look_at_all(&j, &room, err));
    WELD_TRY(
        weld_parallel_for(input->ctx, (input->resamples + BLOCK - 1) / BLOCK, resample, &j, err));
    WELD_TRY(weld_parallel_for(input->ctx, input->curve_count, bound_curve, &j, err));
done:
    weld_arena_free(&room);
    return st;
}

/* ---- what follows without resamples ------------------------------------------------------------ */

weld_bounds weld_least(const weld_bounds *of, int count)
{
    weld_bounds out = of[0];
    for (int k = 1; k < count; k++) {
        out.ci95.low = fmin(out.ci95.low, of[k].ci95.low);
        out.ci95.high = fmin(out.ci95.high, of[k].ci95.high);
        out.upper95 = fmin(out.upper95, of[k].upper95);
    }
    return out;
}

/* How likely at least `hits` of n are, where each has the probability p < hits / n. */
static double upper_tail(int64_t hits, int64_t n, double p)
{
    const double k = (double)hits, m = (double)n;
    double term = exp(lgamma(m + 1) - lgamma(k + 1) - lgamma(m - k + 1) + k * log(p) +
                      (m - k) * log1p(-p)),
           sum = term;
    for (int64_t j = hits; j < n && term > 1e-16 * sum; j++) {
        term *= (double)(n - j) / (double)(j + 1) * p / (1 - p);
        sum += term;
    }
    return sum;
}

/* The probability at which at least `hits` of n come with the probability 2.5 %. */
static double lower_limit(int64_t hits, int64_t n)
{
    double low = 0, high = (double)hits / (double)n;
    for (int k = 0; k < 50 && hits; k++) {
        const double middle = (low + high) / 2;
        *(upper_tail(hits, n, middle) < 0.025 ? &low : &high) = middle;
    }
    return low;
}

weld_interval weld_share_interval(int64_t hits, int64_t samples)
{
    if (samples <= 0)
        return (weld_interval){NAN, NAN};
    return (weld_interval){lower_limit(hits, samples), 1 - lower_limit(samples - hits, samples)};
}
