#include "api/figures.h"
#include <math.h>

/* ---- the path ---------------------------------------------------------------------------------- */

static void fill_bounded(weld_report_bounded *out, int v, double value, weld_bounds bounds)
{
    out->value[v] = value;
    out->upper95[v] = bounds.upper95;
    out->ci95[v] = bounds.ci95;
}

static void fill_barrier(weld_report_barrier *out, int v, weld_barrier value,
                         const weld_curve_bounds *bounds)
{
    fill_bounded(&out->chord, v, value.chord, bounds->chord);
    fill_bounded(&out->midpoint, v, value.midpoint, bounds->midpoint);
}

/* The intervals alone; NULL where there are no bounds. */
static weld_status intervals_of(const weld_interval **out, const weld_bounds *at, int n,
                                weld_arena *arena, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_interval *made = NULL;
    if (at)
        WELD_ARENA_NEW(made, arena, n);
    for (int k = 0; at && k < n; k++)
        made[k] = at[k].ci95;
    *out = made;
done:
    return st;
}

static weld_status fill_calibrated(weld_report_curve *out, const weld_calibrated *f, int n,
                                   weld_arena *arena, weld_error *err)
{
    weld_status st = WELD_OK;
    double *y;
    if (!f)
        return WELD_OK;
    WELD_ARENA_NEW(y, arena, 3 * n);
    for (int k = 0; k < n; k++) {
        y[k] = f[k].loss;
        y[n + k] = f[k].temperature[0];
        y[2 * n + k] = f[k].temperature[1];
    }
    out->calibrated.y = y;
    out->temperature[0] = y + n;
    out->temperature[1] = y + 2 * n;
done:
    return st;
}

static weld_status fill_curve(weld_report_curve *out, const weld_path_figures *f, int n,
                              weld_arena *arena, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_series *const to[WELD_SCORES] = {
        [WELD_SCORE_LOSS] = &out->loss,       [WELD_SCORE_CORRECT] = &out->accuracy,
        [WELD_SCORE_TOP5] = &out->top5,       [WELD_SCORE_AGREE_A] = &out->agree_a,
        [WELD_SCORE_AGREE_B] = &out->agree_b, [WELD_SCORE_MSE_A] = &out->mse_a,
        [WELD_SCORE_MSE_B] = &out->mse_b};
    for (int s = 0; s < WELD_SCORES; s++) {
        to[s]->y = f->score[s];
        WELD_TRY(intervals_of(&to[s]->ci95, f->bounds[s].at, n, arena, err));
    }
    WELD_TRY(fill_calibrated(out, f->calibrated, n, arena, err));
    WELD_TRY(intervals_of(&out->calibrated.ci95, f->calibrated_bounds.at, n, arena, err));
done:
    return st;
}

/* The error is 1 - accuracy, NULL = there is none. */
static weld_status error_barrier(weld_barrier *out, const weld_pair_input *in,
                                 const double *accuracy, weld_arena *arena, weld_error *err)
{
    weld_status st = WELD_OK;
    double *y;
    *out = (weld_barrier){NAN, NAN};
    if (!accuracy)
        return WELD_OK;
    WELD_ARENA_NEW(y, arena, in->alpha_count);
    for (int k = 0; k < in->alpha_count; k++)
        y[k] = 1 - accuracy[k];
    *out = weld_barrier_of(in->alpha, y, in->alpha_count);
done:
    return st;
}

static void fill_classes(weld_report_by_class *out, const weld_measures *m,
                         const weld_pair_input *in)
{
    const weld_class_figures *f = &m->by_class;
    if (!f->samples)
        return;
    out->count = (size_t)m->classes;
    out->samples = f->samples;
    for (int k = 0; k < WELD_CLASS_POINTS; k++) {
        out->alpha[k] = in->alpha[f->place[k]];
        for (int v = 0; v < WELD_VARIANTS; v++) {
            out->accuracy[v][k] = f->accuracy[v][k];
            out->ci95[v][k] = f->interval[v][k];
        }
    }
}

/* From B to A. */
static bool is_whole(const weld_pair_input *in)
{
    return !(in->alpha[0] > 0) && !(in->alpha[in->alpha_count - 1] < 1);
}

/* Only where the whole path and the logits' LLFC were looked at. */
static void fill_lemma(weld_report_lemma *out, const weld_measures *m, const weld_pair_input *in)
{
    const int n = in->alpha_count, logits = m->rows.count - 1;
    const double *naive = m->path[WELD_NAIVE].score[WELD_SCORE_CORRECT];
    if (!naive || !in->llfc_alpha_count || !is_whole(in))
        return;
    const double b = 1 - naive[0], a = 1 - naive[n - 1];
    *out = (weld_report_lemma){.present = true, .twice = 2 * fmax(a, b), .sum = a + b};
    for (int v = 0; v < WELD_VARIANTS; v++) {
        const weld_row_figures *f = &m->row[v][logits];
        out->positive[v] = 1;
        for (int k = 0; k < n; k++)
            out->worst[v] = fmax(out->worst[v], 1 - m->path[v].score[WELD_SCORE_CORRECT][k]);
        for (int k = 0; k < in->llfc_alpha_count; k++)
            out->positive[v] = fmin(out->positive[v], f->at[k].positive);
    }
}

static weld_status fill_path(weld_report_lmc *out, int v, const weld_measures *m,
                             const weld_pair_input *in, weld_arena *arena, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_path_figures *f = &m->path[v];
    const weld_curve_bounds *accuracy = &f->bounds[WELD_SCORE_CORRECT];
    weld_report_curve *curve = &out->curve[v];
    weld_barrier error, calibrated = {NAN, NAN};
    WELD_TRY(fill_curve(curve, f, in->alpha_count, arena, err));
    WELD_TRY(error_barrier(&error, in, curve->accuracy.y, arena, err));
    if (curve->calibrated.y)
        calibrated = weld_barrier_of(in->alpha, curve->calibrated.y, in->alpha_count);
    fill_barrier(&out->loss, v, weld_barrier_of(in->alpha, curve->loss.y, in->alpha_count),
                 &f->bounds[WELD_SCORE_LOSS]);
    fill_barrier(&out->error, v, error, accuracy);
    fill_barrier(&out->calibrated, v, calibrated, &f->calibrated_bounds);
    fill_bounded(&out->drop, v, f->drop.value, f->drop.bounds);
    out->judged = in->resamples && is_whole(in) && (curve->accuracy.y || m->target_variance > 0);
    out->connected[v] = out->judged &&
                        (curve->accuracy.y ? accuracy->chord.upper95 <= out->delta
                                           : f->bounds[WELD_SCORE_LOSS].chord.upper95 <=
                                                 out->delta * m->target_variance);
done:
    return st;
}

weld_status weld_figures_lmc(weld_report *r, const weld_measures *m, const weld_pair_input *in,
                             double delta, weld_error *err)
{
    weld_status st = WELD_OK;
    const int n = in->alpha_count;
    weld_arena arena;
    weld_report_lmc lmc = {.metric = weld_score_set_loss(&m->set),
                           .alpha = in->alpha,
                           .alpha_count = (size_t)n,
                           .resamples = in->resamples,
                           .seed = in->seed,
                           .target_variance = m->target_variance,
                           .delta = delta};
    weld_arena_init(&arena, r->ctx);
    for (int v = 0; v < WELD_VARIANTS; v++)
        WELD_TRY(fill_path(&lmc, v, m, in, &arena, err));
    lmc.dropped = isfinite(lmc.drop.value[WELD_ALIGNED]);
    lmc.drop_alpha = in->alpha[m->by_class.place[1]];
    fill_classes(&lmc.by_class, m, in);
    fill_lemma(&lmc.lemma, m, in);
    WELD_TRY(weld_report_put_lmc(r, &lmc, err));
done:
    weld_arena_free(&arena);
    return st;
}

/* ---- layers ------------------------------------------------------------------------------------ */

static weld_report_spread spread_of(weld_spread x)
{
    return (weld_report_spread){x.mean, x.std, x.q05, x.q50, x.q95};
}

/* Figures of the samples and of all of them together, as the bootstrap has them side by side. */
static weld_status fill_intervals(weld_report_figures *out, const weld_row_figures *f, int n,
                                  weld_arena *arena, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_bounds *bounds;
    weld_interval *ci95; /* [5, n] */
    const weld_bounds *at = f->bounds.at, *matrix = f->matrix_bounds.at;
    if (!f->ends_bounds.at)
        return WELD_OK;
    WELD_ARENA_NEW(bounds, arena, n);
    WELD_ARENA_NEW(ci95, arena, 5 * n);
    for (int k = 0; k < n; k++, at += WELD_LLFC_FIGURES, matrix += WELD_LLFC_FIGURES) {
        bounds[k] = at[0];
        ci95[k] = at[1].ci95;
        ci95[n + k] = at[2].ci95;
        for (int j = 0; j < WELD_LLFC_FIGURES; j++)
            ci95[(2 + j) * n + k] = matrix[j].ci95;
    }
    out->bounds = bounds;
    out->bounds_ab = *f->ends_bounds.at;
    out->coef_ci95 = ci95;
    out->coef_authors_ci95 = ci95 + n;
    out->matrix_one_minus_cos_ci95 = ci95 + 2 * n;
    out->matrix_coef_ci95 = ci95 + 3 * n;
    out->matrix_coef_authors_ci95 = ci95 + 4 * n;
    out->matrix_one_minus_cos_ab_ci95 = matrix->ci95;
done:
    return st;
}

static weld_status fill_figures(weld_report_figures *out, const weld_row_figures *f, int n,
                                weld_arena *arena, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_spread *spread;
    double *matrix;
    WELD_ARENA_NEW(spread, arena, 3 * n);
    WELD_ARENA_NEW(matrix, arena, 3 * n);
    *out = (weld_report_figures){.one_minus_cos = spread,
                                 .coef = spread + n,
                                 .coef_authors = spread + 2 * n,
                                 .matrix_one_minus_cos = matrix,
                                 .matrix_coef = matrix + n,
                                 .matrix_coef_authors = matrix + 2 * n,
                                 .one_minus_cos_ab = spread_of(f->ends.one_minus_cos),
                                 .matrix_one_minus_cos_ab = f->ends.matrix_one_minus_cos,
                                 .zero_features = f->ends.zeros};
    for (int k = 0; k < n; k++) {
        const weld_llfc_point *at = &f->at[k];
        spread[k] = spread_of(at->one_minus_cos);
        spread[n + k] = spread_of(at->coef);
        spread[2 * n + k] = spread_of(at->coef_authors);
        matrix[k] = at->matrix_one_minus_cos;
        matrix[n + k] = at->matrix_coef;
        matrix[2 * n + k] = at->matrix_coef_authors;
        out->zero_features = at->zeros > out->zero_features ? at->zeros : out->zero_features;
    }
    WELD_TRY(fill_intervals(out, f, n, arena, err));
done:
    return st;
}

weld_status weld_figures_llfc(weld_report *r, const weld_measures *m, const weld_pair_input *in,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    const int n = in->llfc_alpha_count;
    weld_arena arena;
    weld_arena_init(&arena, r->ctx);
    WELD_TRY(weld_report_put_llfc(r, in->llfc_alpha, (size_t)n, err));
    for (int k = 0; k < m->rows.count; k++) {
        weld_report_row row = {.name = m->rows.names[k]};
        for (int v = 0; v < WELD_VARIANTS; v++)
            WELD_TRY(fill_figures(&row.variant[v], &m->row[v][k], n, &arena, err));
        WELD_TRY(weld_report_put_row(r, &row, err));
    }
done:
    weld_arena_free(&arena);
    return st;
}

weld_status weld_figures_conditions(weld_report *r, const weld_measures *m,
                                    const weld_pair_input *in, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = in->shapes->graph;
    const int64_t batch = in->shapes->batch;
    weld_report_condition *items = NULL;
    WELD_NEW(items, r->ctx, m->watch_count);
    for (int k = 0; k < m->watch_count; k++) {
        const weld_watch *w = &m->watches[k];
        const weld_node *node = &g->nodes[w->node];
        items[k] =
            (weld_report_condition){.name = node->name, .op = node->op->name, .linear = w->linear};
        for (int v = 0; v < WELD_VARIANTS; v++) {
            items[k].dist_com[v] = w->layer[v].dist_com;
            items[k].dist_w[v] = w->layer[v].dist_w;
            items[k].dist_h[v] = w->layer[v].dist_h;
            items[k].defect[v] = w->layer[v].defect;
            items[k].predicted[v] = w->layer[v].predicted;
            items[k].measured[v] = w->layer[v].measured;
            items[k].additivity[v] = w->additivity[v];
            const weld_bounds *at = w->bounds[v].at;
            if (at && w->linear) {
                items[k].com_ci95[v] = at[0].ci95;
                items[k].h_ci95[v] = at[1].ci95;
                items[k].defect_ci95[v] = at[2].ci95;
            } else if (at) {
                items[k].additivity_ci95[v] = at[0].ci95;
            }
        }
    }
    const weld_report_conditions section = {
        items, (size_t)m->watch_count, m->samples < batch ? m->samples : batch, in->resamples > 0};
    WELD_TRY(weld_report_put_conditions(r, &section, err));
done:
    weld_free(r->ctx, items);
    return st;
}
