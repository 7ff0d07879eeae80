#include "api/figures.h"
#include <math.h>

/* ---- the path ---------------------------------------------------------------------------------- */

static weld_report_interval interval_of(weld_interval x)
{
    return (weld_report_interval){x.low, x.high};
}

static void fill_bounded(weld_report_bounded *out, int v, double value,
                         const weld_barrier_bounds *bounds)
{
    out->value[v] = value;
    out->upper95[v] = bounds->upper95;
    out->ci95[v] = interval_of(bounds->ci95);
}

static void fill_barrier(weld_report_barrier *out, int v, weld_barrier value,
                         const weld_curve_bounds *bounds)
{
    fill_bounded(&out->chord, v, value.chord, &bounds->chord);
    fill_bounded(&out->midpoint, v, value.midpoint, &bounds->midpoint);
}

/* Arrays of a curve that are made for the report: [alpha_count] each. */
typedef struct curve_room {
    weld_report_interval *loss, *accuracy;
    double *error, *calibrated, *temperature[2];
} curve_room;

static weld_status take_room(curve_room *out, weld_arena *arena, int n, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_ARENA_NEW(out->loss, arena, n);
    WELD_ARENA_NEW(out->accuracy, arena, n);
    WELD_ARENA_NEW(out->error, arena, n);
    WELD_ARENA_NEW(out->calibrated, arena, n);
    WELD_ARENA_NEW(out->temperature[0], arena, n);
    WELD_ARENA_NEW(out->temperature[1], arena, n);
done:
    return st;
}

static void fill_curve(weld_report_curve *out, const weld_path_figures *f, curve_room *room, int n)
{
    *out = (weld_report_curve){.loss = f->score[WELD_SCORE_LOSS],
                               .accuracy = f->score[WELD_SCORE_CORRECT],
                               .top5 = f->score[WELD_SCORE_TOP5],
                               .agree_a = f->score[WELD_SCORE_AGREE_A],
                               .agree_b = f->score[WELD_SCORE_AGREE_B],
                               .mse_a = f->score[WELD_SCORE_MSE_A],
                               .mse_b = f->score[WELD_SCORE_MSE_B]};
    for (int k = 0; k < n; k++) {
        room->error[k] = out->accuracy ? 1 - out->accuracy[k] : NAN;
        if (f->loss.mean)
            room->loss[k] = interval_of(f->loss.mean[k]);
        if (f->accuracy.mean)
            room->accuracy[k] = interval_of(f->accuracy.mean[k]);
        room->calibrated[k] = f->calibrated ? f->calibrated[k].loss : NAN;
        for (int h = 0; h < 2; h++)
            room->temperature[h][k] = f->calibrated ? f->calibrated[k].temperature[h] : NAN;
    }
    out->loss_ci95 = f->loss.mean ? room->loss : NULL;
    out->accuracy_ci95 = f->accuracy.mean ? room->accuracy : NULL;
    out->calibrated_loss = f->calibrated ? room->calibrated : NULL;
    out->temperature[0] = f->calibrated ? room->temperature[0] : NULL;
    out->temperature[1] = f->calibrated ? room->temperature[1] : NULL;
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
        for (int v = 0; v < WELD_VARIANTS; v++)
            out->accuracy[v][k] = f->accuracy[v][k];
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

weld_status weld_figures_lmc(weld_report *r, const weld_measures *m, const weld_pair_input *in,
                             double delta, weld_error *err)
{
    static const weld_barrier unknown = {NAN, NAN};
    static const weld_curve_bounds unbounded = {0};
    weld_status st = WELD_OK;
    const int n = in->alpha_count;
    weld_arena arena;
    weld_report_lmc lmc = {.metric = weld_score_set_loss(&m->set),
                           .alpha = in->alpha,
                           .alpha_count = (size_t)n,
                           .resamples = in->resamples,
                           .seed = in->seed,
                           .delta = delta};
    weld_arena_init(&arena, r->ctx);
    for (int v = 0; v < WELD_VARIANTS; v++) {
        const weld_path_figures *f = &m->path[v];
        curve_room room = {0};
        WELD_TRY(take_room(&room, &arena, n, err));
        fill_curve(&lmc.curve[v], f, &room, n);
        const bool correct = lmc.curve[v].accuracy, hot = lmc.curve[v].calibrated_loss;
        fill_barrier(&lmc.loss, v, weld_barrier_of(in->alpha, lmc.curve[v].loss, n), &f->loss);
        fill_barrier(&lmc.error, v, correct ? weld_barrier_of(in->alpha, room.error, n) : unknown,
                     &f->accuracy);
        fill_barrier(&lmc.calibrated, v,
                     hot ? weld_barrier_of(in->alpha, room.calibrated, n) : unknown, &unbounded);
        lmc.judged = in->resamples && correct && is_whole(in);
        lmc.connected[v] = lmc.judged && f->accuracy.chord.upper95 <= delta;
    }
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
            items[k].predicted[v] = w->layer[v].predicted;
            items[k].measured[v] = w->layer[v].measured;
            items[k].additivity[v] = w->additivity[v];
        }
    }
    const weld_report_conditions section = {items, (size_t)m->watch_count,
                                            m->samples < batch ? m->samples : batch};
    WELD_TRY(weld_report_put_conditions(r, &section, err));
done:
    weld_free(r->ctx, items);
    return st;
}
