#include "eval/measure.h"
#include "core/parallel.h"
#include "eval/loss.h"
#include <math.h>
#include <string.h>

/* Per-sample scalars; index order [.., sample]. NaN marks a zero feature. */
typedef struct samples {
    double *loss, *correct;                          /* [variant, alpha, N] */
    double *dist, *coef, *authors;                   /* [variant, row, llfc alpha, N] */
    double *dist_ab;                                 /* [variant, row, N] */
    double *extra_loss, *extra_correct, *extra_dist; /* [extra, N], the last one [extra, row, N] */
} samples;

typedef struct pass {
    const weld_pair_input *in;
    weld_measures *out;
    weld_plan *plan;
    weld_paramset **mixed; /* [variant, mix] parameters on the path */
    double *mix;           /* [mix_count] all distinct alphas */
    int mix_count;
    int *alpha_of, *llfc_of; /* [mix_count] place in alpha, llfc_alpha; -1 = not there */
    weld_run **runs;         /* [slot, 4]: A, naive B, aligned B, mixed */
    weld_feed *feed;         /* [slot] one micro-batch of inputs */
    samples s;
    int64_t micro;
} pass;

static double dot(const float *x, const float *y, int64_t n)
{
    double sum = 0;
    for (int64_t k = 0; k < n;) {
        int64_t end = k + 256 < n ? k + 256 : n;
        float part[8] = {0};
        for (; k + 8 <= end; k += 8)
            for (int j = 0; j < 8; j++)
                part[j] += x[k + j] * y[k + j];
        for (; k < end; k++)
            part[0] += x[k] * y[k];
        for (int j = 0; j < 8; j++)
            sum += (double)part[j];
    }
    return sum;
}

static int64_t per_sample(const pass *p, int value)
{
    const weld_shape *shape = &p->in->shapes->types[value].shape;
    return weld_shape_numel(shape) / (shape->rank ? shape->dims[0] : 1);
}

/* loss, correct: of the whole set */
static void score_batch(pass *p, weld_run *run, double *loss, double *correct, int64_t first,
                        int64_t n)
{
    const int64_t classes = per_sample(p, p->out->rows.logits);
    const float *z = weld_run_floats(run, p->out->rows.logits);
    for (int64_t i = 0; i < n; i++)
        weld_score_sample(&loss[first + i], &correct[first + i], z + i * classes, classes,
                          p->in->data->labels[first + i]);
}

typedef struct feature_triple {
    const float *a, *b, *m;
    int64_t size;
} feature_triple;

/* <m, mix> and |mix|^2 follow from the dot products of a, b and m: the mix is never formed. */
static void compare_sample(double out[3], const feature_triple *f, double alpha)
{
    double aa = dot(f->a, f->a, f->size), bb = dot(f->b, f->b, f->size),
           ab = dot(f->a, f->b, f->size), mm = dot(f->m, f->m, f->size);
    double w = 1 - alpha;
    double inner = alpha * dot(f->m, f->a, f->size) + w * dot(f->m, f->b, f->size);
    double mix = alpha * alpha * aa + 2 * alpha * w * ab + w * w * bb;
    if (mm <= 0 || mix <= 0) {
        out[0] = out[1] = out[2] = NAN;
        return;
    }
    out[0] = 1 - inner / sqrt(mm * mix);
    out[1] = inner / mm;
    out[2] = inner / mix;
}

/* The merged run and the ends that it is of. */
static feature_triple triple_of(const pass *p, weld_run *const *runs, int variant, int row)
{
    const int value = p->out->rows.values[row];
    return (feature_triple){weld_run_floats(runs[0], value),
                            weld_run_floats(runs[1 + variant], value),
                            weld_run_floats(runs[3], value), per_sample(p, value)};
}

static feature_triple sample_of(const feature_triple *all, int64_t i)
{
    const int64_t at = i * all->size;
    return (feature_triple){all->a + at, all->b + at, all->m + at, all->size};
}

static void compare_batch(pass *p, weld_run *const *runs, int variant, int mix, int64_t first,
                          int64_t n)
{
    const int64_t total = p->in->data->count;
    for (int r = 0; r < p->out->rows.count; r++) {
        const feature_triple all = triple_of(p, runs, variant, r);
        const int row = variant * p->out->rows.count + r;
        size_t base = (size_t)((row * p->in->llfc_alpha_count + p->llfc_of[mix]) * total + first);
        for (int64_t i = 0; i < n; i++, base++) {
            const feature_triple f = sample_of(&all, i);
            double figures[3];
            compare_sample(figures, &f, p->mix[mix]);
            p->s.dist[base] = figures[0];
            p->s.coef[base] = figures[1];
            p->s.authors[base] = figures[2];
        }
    }
}

static void compare_extra(pass *p, weld_run *const *runs, int extra, int64_t first, int64_t n)
{
    const int rows = p->out->rows.count;
    for (int r = 0; r < rows; r++) {
        const feature_triple all = triple_of(p, runs, WELD_ALIGNED, r);
        double *dist = p->s.extra_dist + (extra * rows + r) * p->in->data->count + first;
        for (int64_t i = 0; i < n; i++) {
            const feature_triple f = sample_of(&all, i);
            double figures[3];
            compare_sample(figures, &f, p->in->extra[extra].alpha);
            dist[i] = figures[0];
        }
    }
}

static void compare_ends(pass *p, weld_run *const *runs, int variant, int64_t first, int64_t n)
{
    const weld_rows *rows = &p->out->rows;
    for (int r = 0; r < rows->count; r++) {
        int64_t size = per_sample(p, rows->values[r]);
        const float *a = weld_run_floats(runs[0], rows->values[r]);
        const float *b = weld_run_floats(runs[1 + variant], rows->values[r]);
        size_t base = (size_t)((variant * rows->count + r) * p->in->data->count + first);
        for (int64_t i = 0; i < n; i++) {
            const float *x = a + i * size, *y = b + i * size;
            double xx = dot(x, x, size), yy = dot(y, y, size);
            p->s.dist_ab[base + (size_t)i] = xx > 0 && yy > 0 ? 1 - dot(x, y, size) / sqrt(xx * yy)
                                                              : NAN;
        }
    }
}

/* The path between A and one of the B's. */
static weld_status measure_variant(pass *p, weld_run **runs, int v, int64_t first, int64_t n,
                                   const weld_tensor *const *inputs, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_TRY(weld_run_all(runs[1 + v], p->in->b[v], inputs, err));
    compare_ends(p, runs, v, first, n);
    for (int k = 0; k < p->mix_count; k++) {
        const int64_t at = (v * p->in->alpha_count + p->alpha_of[k]) * p->in->data->count;
        WELD_TRY(weld_run_all(runs[3], p->mixed[v * p->mix_count + k], inputs, err));
        if (p->alpha_of[k] >= 0 && p->out->has_loss)
            score_batch(p, runs[3], p->s.loss + at, p->s.correct + at, first, n);
        if (p->llfc_of[k] >= 0)
            compare_batch(p, runs, v, k, first, n);
    }
done:
    return st;
}

static weld_status measure_batch(void *user, int64_t item, int slot, weld_error *err)
{
    weld_status st = WELD_OK;
    pass *p = user;
    const weld_dataset *data = p->in->data;
    weld_run **runs = p->runs + 4 * slot;
    int64_t first = item * p->micro;
    int64_t n = data->count - first < p->micro ? data->count - first : p->micro;
    const weld_tensor *const *inputs = p->feed[slot].inputs;
    WELD_TRY(weld_feed_load(&p->feed[slot], first, n, err));
    WELD_TRY(weld_run_all(runs[0], p->in->a, inputs, err));
    for (int v = 0; v < WELD_VARIANTS; v++)
        WELD_TRY(measure_variant(p, runs, v, first, n, inputs, err));
    for (int e = 0; e < p->in->extra_count; e++) {
        WELD_TRY(weld_run_all(runs[3], p->in->extra[e].params, inputs, err));
        if (p->out->has_loss)
            score_batch(p, runs[3], p->s.extra_loss + e * data->count,
                        p->s.extra_correct + e * data->count, first, n);
        compare_extra(p, runs, e, first, n);
    }
    if (item % 8 == 0)
        st = weld_progress(p->in->ctx, "measure", (double)first / (double)data->count, err);
done:
    return st;
}

static void collect_alphas(pass *p)
{
    const weld_pair_input *in = p->in;
    for (int k = 0; k < in->alpha_count + in->llfc_alpha_count; k++) {
        bool from_grid = k < in->alpha_count;
        double alpha = from_grid ? in->alpha[k] : in->llfc_alpha[k - in->alpha_count];
        int m = 0;
        while (m < p->mix_count && p->mix[m] != alpha)
            m++;
        if (m == p->mix_count) {
            p->mix[m] = alpha;
            p->alpha_of[m] = p->llfc_of[m] = -1;
            p->mix_count++;
        }
        if (from_grid)
            p->alpha_of[m] = k;
        else
            p->llfc_of[m] = k - in->alpha_count;
    }
}

static weld_status alloc_pass(pass *p, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_pair_input *in = p->in;
    weld_context *ctx = in->ctx;
    weld_arena *arena = &p->out->arena;
    int slots = weld_parallel_slots(ctx), all = in->alpha_count + in->llfc_alpha_count;
    size_t n = (size_t)in->data->count, rows = (size_t)p->out->rows.count;
    size_t llfc = WELD_VARIANTS * rows * (size_t)in->llfc_alpha_count * n;
    WELD_ARENA_NEW(p->mix, arena, all);
    WELD_ARENA_NEW(p->alpha_of, arena, all);
    WELD_ARENA_NEW(p->llfc_of, arena, all);
    collect_alphas(p);
    WELD_ARENA_NEW(p->s.loss, arena, WELD_VARIANTS * (size_t)in->alpha_count * n);
    WELD_ARENA_NEW(p->s.correct, arena, WELD_VARIANTS * (size_t)in->alpha_count * n);
    WELD_ARENA_NEW(p->s.dist, arena, llfc);
    WELD_ARENA_NEW(p->s.coef, arena, llfc);
    WELD_ARENA_NEW(p->s.authors, arena, llfc);
    WELD_ARENA_NEW(p->s.dist_ab, arena, WELD_VARIANTS * rows * n);
    WELD_ARENA_NEW(p->s.extra_loss, arena, (size_t)in->extra_count * n);
    WELD_ARENA_NEW(p->s.extra_correct, arena, (size_t)in->extra_count * n);
    WELD_ARENA_NEW(p->s.extra_dist, arena, (size_t)in->extra_count * rows * n);
    WELD_ARENA_NEW(p->mixed, arena, WELD_VARIANTS * p->mix_count);
    WELD_ARENA_NEW(p->runs, arena, 4 * slots);
    WELD_ARENA_NEW(p->feed, arena, slots);
    p->micro = in->shapes->batch;
    for (int s = 0; s < slots; s++)
        WELD_TRY(weld_feed_create(&p->feed[s], in->data, in->shapes, err));
    for (int k = 0; k < WELD_VARIANTS * p->mix_count; k++) {
        WELD_TRY(weld_paramset_create(&p->mixed[k], ctx, in->shapes->graph, err));
        weld_paramset_lerp(p->mixed[k], in->a, in->b[k / p->mix_count], p->mix[k % p->mix_count]);
    }
    WELD_TRY(
        weld_plan_create(&p->plan, ctx, in->shapes, p->out->rows.values, p->out->rows.count, err));
    for (int s = 0; s < 4 * slots; s++)
        WELD_TRY(weld_run_create(&p->runs[s], p->plan, err));
done:
    return st;
}

static void free_pass(pass *p)
{
    for (int k = 0; p->mixed && k < WELD_VARIANTS * p->mix_count; k++)
        weld_paramset_free(p->mixed[k]);
    for (int s = 0; p->runs && s < 4 * weld_parallel_slots(p->in->ctx); s++)
        weld_run_free(p->runs[s]);
    for (int s = 0; p->feed && s < weld_parallel_slots(p->in->ctx); s++)
        weld_feed_free(&p->feed[s]);
    weld_plan_free(p->plan);
}

/* Over the samples that are numbers, in their order. */
static weld_mean_std summarise(const double *x, int64_t n, int64_t *left_out)
{
    double sum = 0, squares = 0;
    int64_t count = 0;
    for (int64_t k = 0; k < n; k++)
        if (!isnan(x[k])) {
            sum += x[k];
            count++;
        }
    double mean = count ? sum / (double)count : NAN;
    for (int64_t k = 0; k < n; k++)
        if (!isnan(x[k]))
            squares += (x[k] - mean) * (x[k] - mean);
    if (left_out && n - count > *left_out)
        *left_out = n - count;
    return (weld_mean_std){mean, count ? sqrt(squares / (double)count) : NAN};
}

static weld_status reduce_rows(pass *p, int v, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_measures *out = p->out;
    int64_t n = p->in->data->count;
    int K = p->in->llfc_alpha_count;
    WELD_ARENA_NEW(out->row[v], &out->arena, out->rows.count);
    for (int r = 0; r < out->rows.count; r++) {
        weld_row_figures *f = &out->row[v][r];
        WELD_ARENA_NEW(f->one_minus_cos, &out->arena, K);
        WELD_ARENA_NEW(f->coef, &out->arena, K);
        WELD_ARENA_NEW(f->coef_authors, &out->arena, K);
        size_t row = (size_t)(v * out->rows.count + r);
        for (int k = 0; k < K; k++) {
            size_t at = (row * (size_t)K + (size_t)k) * (size_t)n;
            f->one_minus_cos[k] = summarise(p->s.dist + at, n, &f->zeros);
            f->coef[k] = summarise(p->s.coef + at, n, NULL);
            f->coef_authors[k] = summarise(p->s.authors + at, n, NULL);
        }
        f->one_minus_cos_ab = summarise(p->s.dist_ab + row * (size_t)n, n, &f->zeros);
    }
done:
    return st;
}

static weld_status reduce_extra(pass *p, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_measures *out = p->out;
    const int64_t n = p->in->data->count;
    WELD_ARENA_NEW(out->extra, &out->arena, p->in->extra_count);
    for (int e = 0; e < p->in->extra_count; e++) {
        weld_mix_figures *f = &out->extra[e];
        f->loss = out->has_loss ? summarise(p->s.extra_loss + e * n, n, NULL).mean : NAN;
        f->accuracy = out->has_loss ? summarise(p->s.extra_correct + e * n, n, NULL).mean : NAN;
        WELD_ARENA_NEW(f->one_minus_cos, &out->arena, out->rows.count);
        for (int r = 0; r < out->rows.count; r++)
            f->one_minus_cos[r] =
                summarise(p->s.extra_dist + (e * out->rows.count + r) * n, n, NULL);
    }
done:
    return st;
}

static weld_status reduce(pass *p, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_measures *out = p->out;
    int64_t n = p->in->data->count;
    for (int v = 0; v < WELD_VARIANTS; v++) {
        WELD_ARENA_NEW(out->loss[v], &out->arena, p->in->alpha_count);
        WELD_ARENA_NEW(out->accuracy[v], &out->arena, p->in->alpha_count);
        for (int k = 0; k < p->in->alpha_count; k++) {
            size_t at = (size_t)((v * p->in->alpha_count + k) * n);
            out->loss[v][k] = summarise(p->s.loss + at, n, NULL).mean;
            out->accuracy[v][k] = summarise(p->s.correct + at, n, NULL).mean;
        }
        WELD_TRY(reduce_rows(p, v, err));
    }
    WELD_TRY(reduce_extra(p, err));
done:
    return st;
}

weld_status weld_measure(weld_measures **out, const weld_pair_input *input, weld_error *err)
{
    weld_status st = WELD_OK;
    pass p = {.in = input};
    weld_context *ctx = input->ctx;
    *out = NULL;
    WELD_NEW(p.out, ctx, 1);
    p.out->ctx = ctx;
    weld_arena_init(&p.out->arena, ctx);
    p.out->samples = input->data->count;
    p.out->has_loss = input->data->labels != NULL;
    WELD_TRY(weld_rows_find(&p.out->rows, ctx, input->shapes, err));
    p.out->classes = (int)per_sample(&p, p.out->rows.logits);
    if (p.out->has_loss)
        WELD_TRY(weld_check_labels(input->data, p.out->classes, err));
    WELD_TRY(alloc_pass(&p, err));
    WELD_TRY(weld_parallel_for(ctx, (input->data->count + p.micro - 1) / p.micro, measure_batch, &p,
                               err));
    WELD_TRY(reduce(&p, err));
    *out = p.out;
    p.out = NULL;
done:
    free_pass(&p);
    weld_measures_free(p.out);
    return st;
}

void weld_measures_free(weld_measures *measures)
{
    if (!measures)
        return;
    if (measures->rows.ctx)
        weld_rows_free(&measures->rows);
    weld_arena_free(&measures->arena);
    weld_free(measures->ctx, measures);
}
