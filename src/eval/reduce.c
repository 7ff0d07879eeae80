/* What becomes of the samples' scalars. */
#include "core/parallel.h"
#include "eval/pass.h"
#include <math.h>

/* ---- rows -------------------------------------------------------------------------------------- */

typedef struct row_job {
    weld_pass *p;
    double **room; /* [slot][2, N] */
} row_job;

/* One row of one variant. */
static weld_status reduce_row(void *user, int64_t item, int slot, weld_error *err)
{
    const row_job *job = user;
    const weld_pass *p = job->p;
    const int rows = p->out->rows.count, points = p->in->llfc_alpha_count;
    const int64_t n = p->in->data->count;
    weld_row_figures *f = &p->out->row[item / rows][item % rows];
    const weld_end_dots *ends = p->s.ends + item * n;
    (void)err;
    weld_llfc_baseline_of(&f->ends, ends, n, job->room[slot]);
    for (int k = 0; k < points; k++)
        weld_llfc_summarise(&f->at[k], p->s.mixed + (item * points + k) * n, ends,
                            p->in->llfc_alpha[k], n, job->room[slot]);
    return WELD_OK;
}

static weld_status reduce_rows(weld_pass *p, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_measures *out = p->out;
    weld_context *ctx = p->in->ctx;
    const int slots = weld_parallel_slots(ctx);
    row_job job = {.p = p};
    weld_arena room;
    weld_arena_init(&room, ctx);
    WELD_ARENA_NEW(job.room, &room, slots);
    for (int s = 0; s < slots; s++)
        WELD_ARENA_NEW(job.room[s], &room, 2 * p->in->data->count);
    for (int v = 0; v < WELD_VARIANTS; v++) {
        WELD_ARENA_NEW(out->row[v], &out->arena, out->rows.count);
        for (int r = 0; r < out->rows.count; r++)
            WELD_ARENA_NEW(out->row[v][r].at, &out->arena, p->in->llfc_alpha_count);
    }
    WELD_TRY(weld_parallel_for(ctx, WELD_VARIANTS * out->rows.count, reduce_row, &job, err));
done:
    weld_arena_free(&room);
    return st;
}

/* ---- the path ---------------------------------------------------------------------------------- */

static weld_status calibrate(weld_pass *p, int v, weld_error *err)
{
    weld_status st = WELD_OK;
    const int count = p->in->alpha_count;
    WELD_ARENA_NEW(p->out->path[v].calibrated, &p->out->arena, count);
    for (int k = 0; k < count; k++) {
        weld_heat halves[2] = {0};
        for (int64_t g = 0; g < p->groups; g++)
            for (int h = 0; h < 2; h++)
                weld_heat_join(&halves[h],
                               &p->s.heat[((g * WELD_VARIANTS + v) * count + k) * 2 + h]);
        p->out->path[v].calibrated[k] = weld_calibrate(halves);
    }
done:
    return st;
}

static weld_status reduce_path(weld_pass *p, int v, weld_error *err)
{
    weld_status st = WELD_OK;
    const int count = p->in->alpha_count;
    const int64_t n = p->in->data->count;
    for (int s = 0; s < WELD_SCORES; s++) {
        if (!p->s.score[s])
            continue;
        WELD_ARENA_NEW(p->out->path[v].score[s], &p->out->arena, count);
        for (int k = 0; k < count; k++)
            p->out->path[v].score[s][k] = weld_mean(p->s.score[s] + (v * count + k) * n, n);
    }
    if (p->s.heat)
        WELD_TRY(calibrate(p, v, err));
done:
    return st;
}

/* ---- classes and merges ------------------------------------------------------------------------ */

static weld_status class_accuracy(double **out, weld_interval **interval, weld_pass *p,
                                  const double *correct, weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t *labels = p->in->data->labels;
    WELD_ARENA_NEW(*out, &p->out->arena, p->out->classes);
    WELD_ARENA_NEW(*interval, &p->out->arena, p->out->classes);
    for (int64_t i = 0; i < p->in->data->count; i++)
        (*out)[labels[i]] += correct[i];
    for (int c = 0; c < p->out->classes; c++) {
        const int64_t samples = p->out->by_class.samples[c];
        (*interval)[c] = weld_share_interval((int64_t)(*out)[c], samples);
        (*out)[c] = samples ? (*out)[c] / (double)samples : NAN;
    }
done:
    return st;
}

static weld_status reduce_classes(weld_pass *p, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_class_figures *f = &p->out->by_class;
    const weld_pair_input *in = p->in;
    WELD_ARENA_NEW(f->samples, &p->out->arena, p->out->classes);
    for (int64_t i = 0; i < in->data->count; i++)
        f->samples[in->data->labels[i]]++;
    for (int v = 0; v < WELD_VARIANTS; v++)
        for (int k = 0; k < WELD_CLASS_POINTS; k++)
            WELD_TRY(class_accuracy(&f->accuracy[v][k], &f->interval[v][k], p,
                                    p->s.score[WELD_SCORE_CORRECT] +
                                        (v * in->alpha_count + f->place[k]) * in->data->count,
                                    err));
done:
    return st;
}

void weld_pass_distances(double *sums, const weld_pass *p, int e, int64_t group)
{
    const int64_t n = p->in->data->count;
    const int rows = p->out->rows.count;
    for (int r = 0; r < rows; r++)
        weld_llfc_distances(sums + 2 * r, 2 * rows, p->s.extra_mixed + (e * rows + r) * n,
                            p->s.ends + (WELD_ALIGNED * rows + r) * n, p->in->extra[e].alpha, n,
                            group);
}

static weld_status reduce_distance(weld_pass *p, int e, weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t n = p->in->data->count;
    const int rows = p->out->rows.count;
    double *sums = NULL, *means = NULL; /* [rows, 2]; [rows + 1] */
    WELD_NEW(sums, p->in->ctx, 2 * rows);
    WELD_NEW(means, p->in->ctx, rows + 1);
    weld_pass_distances(sums, p, e, n);
    weld_llfc_row_means(means, rows + 1, sums);
    p->out->extra[e].one_minus_cos = means[rows];
done:
    weld_free(p->in->ctx, sums);
    weld_free(p->in->ctx, means);
    return st;
}

/* At the ends of the path and nearest to 1/2. */
static void find_points(weld_pass *p)
{
    int *place = p->out->by_class.place;
    const weld_pair_input *in = p->in;
    place[2] = in->alpha_count - 1;
    for (int k = 0; k < in->alpha_count; k++)
        if (fabs(in->alpha[k] - 0.5) < fabs(in->alpha[place[1]] - 0.5))
            place[1] = k;
}

static double drop_to(const weld_pass *p, double merged)
{
    const double *ends = p->out->path[WELD_ALIGNED].score[WELD_SCORE_CORRECT];
    if (!ends || p->in->alpha[0] > 0 || p->in->alpha[p->in->alpha_count - 1] < 1)
        return NAN;
    return fmin(ends[0], ends[p->in->alpha_count - 1]) - merged;
}

static weld_status reduce_extra(weld_pass *p, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_measures *out = p->out;
    const int64_t n = p->in->data->count;
    const bool correct = p->s.score[WELD_SCORE_CORRECT];
    WELD_ARENA_NEW(out->extra, &out->arena, p->in->extra_count);
    for (int e = 0; e < p->in->extra_count; e++) {
        weld_mix_figures *f = &out->extra[e];
        f->loss = weld_mean(p->s.extra_loss + e * n, n);
        f->accuracy = correct ? weld_mean(p->s.extra_correct + e * n, n) : NAN;
        f->drop.value = drop_to(p, f->accuracy);
        if (out->by_class.samples)
            WELD_TRY(class_accuracy(&f->class_accuracy, &f->class_interval, p,
                                    p->s.extra_correct + e * n, err));
        WELD_TRY(reduce_distance(p, e, err));
    }
done:
    return st;
}

/* The squared error that the targets' means leave. */
static double target_variance(const weld_dataset *data, int64_t size)
{
    double sum = 0;
    for (int64_t k = 0; data->targets && k < size; k++) {
        double mean = 0, squares = 0;
        for (int64_t i = 0; i < data->count; i++)
            mean += data->targets[i * size + k] / (double)data->count;
        for (int64_t i = 0; i < data->count; i++) {
            const double d = data->targets[i * size + k] - mean;
            squares += d * d;
        }
        sum += squares / (double)data->count;
    }
    return sum / (double)size;
}

weld_status weld_pass_reduce(weld_pass *p, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_measures *out = p->out;
    WELD_TRY(reduce_rows(p, err));
    find_points(p);
    out->target_variance = target_variance(p->in->data, out->classes);
    for (int v = 0; v < WELD_VARIANTS; v++)
        WELD_TRY(reduce_path(p, v, err));
    for (int v = 0; v < WELD_VARIANTS; v++) {
        const double *accuracy = out->path[v].score[WELD_SCORE_CORRECT];
        out->path[v].drop.value = drop_to(p, accuracy ? accuracy[out->by_class.place[1]] : NAN);
    }
    if (p->s.score[WELD_SCORE_CORRECT] && out->classes <= WELD_CLASSES_MAX)
        WELD_TRY(reduce_classes(p, err));
    WELD_TRY(reduce_extra(p, err));
    out->watches = weld_conditions_figures(&out->watch_count, out->conditions);
    if (p->in->resamples)
        WELD_TRY(weld_pass_bound(p, err));
done:
    return st;
}
