/* The bounds of what was measured: all figures are resampled together. */
#include "eval/pass.h"
#include <math.h>

typedef struct list {
    weld_pass *p;
    weld_arena arena;
    weld_curve *curves; /* [count] of room */
    int count;
} list;

static void add(list *l, weld_curve curve)
{
    l->curves[l->count++] = curve;
}

/* ---- the path ---------------------------------------------------------------------------------- */

static weld_curve_kind kind_of(weld_score score)
{
    const bool distance = score == WELD_SCORE_LOSS || score == WELD_SCORE_MSE_A ||
                          score == WELD_SCORE_MSE_B;
    return distance ? WELD_CURVE_LOSS : WELD_CURVE_SHARE;
}

/* From the sums of weld_heat [alpha, 2]. */
static void calibrate_path(double *out, int count, const double *sums)
{
    const weld_heat *heat = (const weld_heat *)sums;
    for (int k = 0; k < count; k++)
        out[k] = weld_calibrate(heat + 2 * k).loss;
}

static void add_path(list *l, int v)
{
    enum { NUMBERS = sizeof(weld_heat) / sizeof(double) };
    const weld_pair_input *in = l->p->in;
    weld_path_figures *f = &l->p->out->path[v];
    const int count = in->alpha_count;
    for (int s = 0; s < WELD_SCORES; s++)
        if (l->p->s.score[s])
            add(l, (weld_curve){.kind = kind_of(s),
                                .alpha = in->alpha,
                                .count = count,
                                .y = l->p->s.score[s] + v * count * in->data->count,
                                .stride = in->data->count,
                                .out = &f->bounds[s]});
    if (l->p->s.heat)
        add(l, (weld_curve){.alpha = in->alpha,
                            .count = count,
                            .y = (const double *)(l->p->s.heat + v * count * 2),
                            .stride = WELD_VARIANTS * count * 2 * NUMBERS,
                            .figures = calibrate_path,
                            .columns = count * 2 * NUMBERS,
                            .out = &f->calibrated_bounds});
}

/* ---- drops of the accuracy --------------------------------------------------------------------- */

/* Where the bounds of A less the merge and B less the merge go before the lesser one counts. */
typedef struct drop {
    weld_drop *of;
    weld_curve_bounds both;
} drop;

static weld_status add_drop(list *l, drop *d, weld_drop *of, const double *merged, weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t n = l->p->in->data->count;
    const double *b = l->p->s.score[WELD_SCORE_CORRECT];
    const double *a = b + (l->p->in->alpha_count - 1) * n;
    double *y;
    d->of = of;
    WELD_ARENA_NEW(y, &l->arena, 2 * n);
    for (int64_t i = 0; i < n; i++) {
        y[i] = a[i] - merged[i];
        y[n + i] = b[i] - merged[i];
    }
    add(l,
        (weld_curve){.kind = WELD_CURVE_DROPS, .count = 2, .y = y, .stride = n, .out = &d->both});
done:
    return st;
}

static weld_status add_drops(list *l, drop *drops, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_pair_input *in = l->p->in;
    weld_measures *out = l->p->out;
    const int64_t n = in->data->count;
    for (int v = 0; v < WELD_VARIANTS; v++)
        WELD_TRY(add_drop(l, &drops[v], &out->path[v].drop,
                          l->p->s.score[WELD_SCORE_CORRECT] +
                              (v * in->alpha_count + out->by_class.place[1]) * n,
                          err));
    for (int e = 0; e < in->extra_count; e++)
        WELD_TRY(add_drop(l, &drops[WELD_VARIANTS + e], &out->extra[e].drop,
                          l->p->s.extra_correct + e * n, err));
done:
    return st;
}

/* ---- merges, layers ---------------------------------------------------------------------------- */

/* How far its features are from the mean of the ends', over all layers. */
static weld_status add_distance(list *l, int e, weld_error *err)
{
    weld_status st = WELD_OK;
    const int rows = l->p->out->rows.count;
    double *sums; /* [groups, row, 2] */
    WELD_ARENA_NEW(sums, &l->arena, l->p->groups * 2 * rows);
    weld_pass_distances(sums, l->p, e, l->p->group);
    add(l, (weld_curve){.count = rows + 1,
                        .y = sums,
                        .stride = 2 * rows,
                        .figures = weld_llfc_row_means,
                        .columns = 2 * rows,
                        .out = &l->p->out->extra[e].cosine_bounds});
done:
    return st;
}

static weld_status add_merges(list *l, weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t n = l->p->in->data->count;
    for (int e = 0; e < l->p->in->extra_count; e++) {
        weld_mix_figures *f = &l->p->out->extra[e];
        add(l, (weld_curve){.kind = WELD_CURVE_LOSS,
                            .count = 1,
                            .y = l->p->s.extra_loss + e * n,
                            .stride = n,
                            .out = &f->loss_bounds});
        if (l->p->s.score[WELD_SCORE_CORRECT])
            add(l, (weld_curve){.kind = WELD_CURVE_SHARE,
                                .count = 1,
                                .y = l->p->s.extra_correct + e * n,
                                .stride = n,
                                .out = &f->accuracy_bounds});
        WELD_TRY(add_distance(l, e, err));
    }
done:
    return st;
}

/* Of all samples as one vector, made of sums over groups; after the points comes A to B. */
static weld_status add_matrix(list *l, weld_row_figures *f, const weld_mix_dots *mixed,
                              const weld_end_dots *ends, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_pair_input *in = l->p->in;
    const int points = in->llfc_alpha_count, columns = WELD_LLFC_FIGURES * (points + 1);
    const int64_t n = in->data->count;
    double *sums; /* [groups, columns] */
    WELD_ARENA_NEW(sums, &l->arena, l->p->groups * columns);
    for (int k = 0; k < points; k++)
        weld_llfc_sums(sums + WELD_LLFC_FIGURES * k, columns, mixed + k * n, ends,
                       in->llfc_alpha[k], n, l->p->group);
    weld_llfc_end_sums(sums + columns - WELD_LLFC_FIGURES, columns, ends, n, l->p->group);
    add(l, (weld_curve){.count = columns - WELD_LLFC_FIGURES + 1,
                        .y = sums,
                        .stride = columns,
                        .figures = weld_llfc_matrix,
                        .columns = columns,
                        .out = &f->matrix_bounds});
done:
    return st;
}

/* `room`: of WELD_LLFC_FIGURES numbers for each sample. */
static weld_status add_row(list *l, int v, int row, double *room, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_pair_input *in = l->p->in;
    weld_row_figures *f = &l->p->out->row[v][row];
    const int points = in->llfc_alpha_count;
    const int64_t n = in->data->count, at = v * l->p->out->rows.count + row;
    weld_end_dots *ends = l->p->s.ends + at * n;
    weld_mix_dots *mixed = l->p->s.mixed + at * points * n;
    WELD_TRY(add_matrix(l, f, mixed, ends, err));
    for (int k = 0; k < points; k++)
        weld_llfc_samples(mixed + k * n, ends, in->llfc_alpha[k], n, room);
    if (points)
        add(l, (weld_curve){.kind = WELD_CURVE_SPREAD,
                            .count = WELD_LLFC_FIGURES * points,
                            .y = (const double *)mixed,
                            .stride = n,
                            .out = &f->bounds});
    add(l, (weld_curve){.kind = WELD_CURVE_SPREAD,
                        .count = 1,
                        .y = weld_llfc_end_samples(ends, n),
                        .stride = n,
                        .out = &f->ends_bounds});
done:
    return st;
}

/* ---- all of it --------------------------------------------------------------------------------- */

weld_status weld_pass_bound(weld_pass *p, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_pair_input *in = p->in;
    const int drops_max = WELD_VARIANTS + in->extra_count;
    const int rows = WELD_VARIANTS * p->out->rows.count, watches = p->out->watch_count;
    const bool drop_known = isfinite(p->out->path[WELD_ALIGNED].drop.value);
    list l = {.p = p};
    drop *drops;
    double *room;
    weld_arena_init(&l.arena, in->ctx);
    WELD_ARENA_NEW(l.curves, &l.arena,
                   WELD_VARIANTS * (WELD_SCORES + 1 + watches) + drops_max + 3 * in->extra_count +
                       3 * rows);
    WELD_ARENA_NEW(drops, &l.arena, drops_max);
    for (int v = 0; v < WELD_VARIANTS; v++)
        add_path(&l, v);
    if (drop_known)
        WELD_TRY(add_drops(&l, drops, err));
    WELD_TRY(add_merges(&l, err));
    WELD_ARENA_NEW(room, &l.arena, WELD_LLFC_FIGURES * in->data->count);
    for (int r = 0; r < rows; r++)
        WELD_TRY(add_row(&l, r / p->out->rows.count, r % p->out->rows.count, room, err));
    for (int w = 0; w < WELD_VARIANTS * watches; w++)
        add(&l, weld_conditions_curve(p->out->conditions, w / WELD_VARIANTS, w % WELD_VARIANTS));
    const weld_bootstrap_input wanted = {.ctx = in->ctx,
                                         .samples = in->data->count,
                                         .group = p->group,
                                         .curves = l.curves,
                                         .curve_count = l.count,
                                         .resamples = in->resamples,
                                         .seed = in->seed};
    WELD_TRY(weld_bootstrap(&p->out->arena, &wanted, err));
    for (int d = 0; d < drops_max && drop_known; d++)
        drops[d].of->bounds = weld_least(drops[d].both.at, 2);
done:
    weld_arena_free(&l.arena);
    return st;
}
