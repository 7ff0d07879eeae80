/* What became of several models: ends, pairs, the result, and whether pairs alone would agree. */
#include "api/many.h"
#include "eval/bootstrap.h"
#include "eval/midpoint.h"
#include <math.h>

enum { CYCLE_MODELS_MAX = 8 };

static const weld_report_score unmeasured = {NAN, NAN, {NAN, NAN}, {NAN, NAN}};

/* loss, correct: of each sample; barriers likewise, of the pairs of one model with later ones. */
typedef struct figures {
    const weld_many *m;
    weld_report_many many;
    weld_report_end *ends;
    weld_report_duo *pairs;
    double *loss, *correct;           /* [models and their result, N] */
    double *pair_loss, *pair_correct; /* [models, N] */
    double *pair_barrier;             /* [models, N] */
} figures;

static int64_t samples(const figures *f)
{
    return f->m->options->data->count;
}

/* loss, correct: [N] */
static weld_status measure_one(weld_report_score *score, double *loss, double *correct,
                               const figures *f, const weld_paramset *params, weld_error *err)
{
    const char *metric;
    const weld_paramset *const list[] = {params};
    const weld_midpoint_input in = {.ctx = f->m->ctx,
                                    .shapes = f->m->frame->shapes,
                                    .ends = list,
                                    .end_count = 1,
                                    .merged = list,
                                    .count = 1,
                                    .data = f->m->options->data,
                                    .accuracies = &score->accuracy,
                                    .each_loss = loss,
                                    .each_correct = correct};
    return weld_midpoint_losses(&score->loss, &metric, &in, err);
}

/* ---- intervals -------------------------------------------------------------------------------- */

/* Figures of one kind: their samples, and where their intervals go. */
typedef struct wanted {
    weld_curve_kind kind;
    const double *y; /* [N] */
    weld_interval *ci95;
} wanted;

/* Each call draws the same resamples. */
static weld_status bootstrap(weld_arena *arena, const weld_curve *curves, int count,
                             const figures *f, weld_error *err)
{
    const weld_bootstrap_input in = {.ctx = f->m->ctx,
                                     .samples = samples(f),
                                     .group = samples(f),
                                     .curves = curves,
                                     .curve_count = count,
                                     .resamples = f->m->options->resamples,
                                     .seed = f->m->options->seed};
    return weld_bootstrap(arena, &in, err);
}

static weld_status bound(const wanted *list, int count, const figures *f, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_arena arena;
    weld_curve *curves;
    weld_curve_bounds *bounds;
    weld_arena_init(&arena, f->m->ctx);
    WELD_ARENA_NEW(curves, &arena, count);
    WELD_ARENA_NEW(bounds, &arena, count);
    for (int k = 0; k < count; k++)
        curves[k] = (weld_curve){.kind = list[k].kind,
                                 .count = 1,
                                 .y = list[k].y,
                                 .stride = samples(f),
                                 .out = &bounds[k]};
    WELD_TRY(bootstrap(&arena, curves, count, f, err));
    for (int k = 0; k < count; k++)
        *list[k].ci95 = bounds[k].at->ci95;
done:
    weld_arena_free(&arena);
    return st;
}

static int want_score(wanted *list, weld_report_score *score, const double *loss,
                      const double *correct)
{
    list[0] = (wanted){WELD_CURVE_LOSS, loss, &score->loss_ci95};
    list[1] = (wanted){WELD_CURVE_SHARE, correct, &score->accuracy_ci95};
    return 2;
}

/* Of the models and what they are together. */
static weld_status bound_ends(figures *f, weld_error *err)
{
    weld_status st = WELD_OK;
    wanted *list = NULL;
    int count = 0;
    if (!f->m->options->resamples)
        return WELD_OK;
    WELD_NEW(list, f->m->ctx, 2 * (f->m->count + 1));
    for (int k = 0; k <= f->m->count; k++)
        count += want_score(list + count, k < f->m->count ? &f->ends[k].score : &f->many.score,
                            f->loss + k * samples(f), f->correct + k * samples(f));
    WELD_TRY(bound(list, count, f, err));
done:
    weld_free(f->m->ctx, list);
    return st;
}

/* From the worst of the models. */
static weld_status bound_drop(figures *f, weld_error *err)
{
    weld_status st = WELD_OK;
    const int models = f->m->count;
    const int64_t n = samples(f);
    const double *together = f->correct + models * n;
    weld_curve_bounds bounds;
    weld_arena arena;
    double *y; /* [models, N] */
    weld_arena_init(&arena, f->m->ctx);
    WELD_ARENA_NEW(y, &arena, models * n);
    for (int64_t i = 0; i < models * n; i++)
        y[i] = f->correct[i] - together[i % n];
    const weld_curve curve = {
        .kind = WELD_CURVE_DROPS, .count = models, .y = y, .stride = n, .out = &bounds};
    WELD_TRY(bootstrap(&arena, &curve, 1, f, err));
    f->many.drop.bounds = weld_least(bounds.at, models);
done:
    weld_arena_free(&arena);
    return st;
}

/* Of the last `pairs`, whose samples stand from the first row on. */
static weld_status bound_pairs(figures *f, int pairs, weld_error *err)
{
    weld_status st = WELD_OK;
    wanted *list = NULL;
    int count = 0;
    if (!f->m->options->resamples || !pairs)
        return WELD_OK;
    WELD_NEW(list, f->m->ctx, 3 * pairs);
    for (int k = 0; k < pairs; k++) {
        weld_report_duo *duo = &f->pairs[f->many.pair_count - (size_t)(pairs - k)];
        const int64_t at = k * samples(f);
        count += want_score(list + count, &duo->score, f->pair_loss + at, f->pair_correct + at);
        list[count++] = (wanted){WELD_CURVE_LOSS, f->pair_barrier + at, &duo->barrier_ci95};
    }
    WELD_TRY(bound(list, count, f, err));
done:
    weld_free(f->m->ctx, list);
    return st;
}

/* ---- measuring -------------------------------------------------------------------------------- */

/* a: parameters of the first; the samples' scores go to this row. */
static weld_status measure_pair(weld_report_duo *duo, figures *f, const weld_paramset *a, int row,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    weld_paramset *b = NULL, *middle = NULL;
    const int64_t n = samples(f), at = row * n;
    const double *of_a = f->loss + duo->a * n, *of_b = f->loss + duo->b * n;
    WELD_TRY(weld_many_params(&b, f->m, (int)duo->b, true, err));
    WELD_TRY(weld_paramset_copy(&middle, a, err));
    weld_paramset_lerp(middle, a, b, 0.5);
    WELD_TRY(measure_one(&duo->score, f->pair_loss + at, f->pair_correct + at, f, middle, err));
    duo->barrier = duo->score.loss - (f->ends[duo->a].score.loss + f->ends[duo->b].score.loss) / 2;
    for (int64_t i = 0; i < n; i++)
        f->pair_barrier[at + i] = f->pair_loss[at + i] - (of_a[i] + of_b[i]) / 2;
done:
    weld_paramset_free(b);
    weld_paramset_free(middle);
    return st;
}

/* Model k, and its pairs with later ones, which are known then. */
static weld_status measure_model(figures *f, int k, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_many *m = f->m;
    weld_paramset *a = NULL;
    WELD_TRY(weld_many_params(&a, m, k, true, err));
    WELD_TRY(measure_one(&f->ends[k].score, f->loss + k * samples(f), f->correct + k * samples(f),
                         f, a, err));
    for (int l = k + 1; l < m->count; l++) {
        weld_report_duo *duo = &f->pairs[f->many.pair_count++];
        *duo = (weld_report_duo){.a = k, .b = l, .score = unmeasured, .barrier_ci95 = {NAN, NAN}};
        WELD_TRY(measure_pair(duo, f, a, l - k - 1, err));
    }
    WELD_TRY(bound_pairs(f, m->count - k - 1, err));
done:
    weld_paramset_free(a);
    return st;
}

static weld_status measure(figures *f, const weld_paramset *merged, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_many *m = f->m;
    const size_t n = (size_t)samples(f), count = (size_t)m->count;
    WELD_NEW(f->pairs, m->ctx, count * (count - 1) / 2);
    WELD_NEW(f->loss, m->ctx, (count + 1) * n);
    WELD_NEW(f->correct, m->ctx, (count + 1) * n);
    WELD_NEW(f->pair_loss, m->ctx, count * n);
    WELD_NEW(f->pair_correct, m->ctx, count * n);
    WELD_NEW(f->pair_barrier, m->ctx, count * n);
    WELD_TRY(weld_alignment_takes(m->frame, m->options->data, "measuring", err));
    WELD_TRY(
        measure_one(&f->many.score, f->loss + count * n, f->correct + count * n, f, merged, err));
    for (int k = m->count - 1; k >= 0; k--)
        WELD_TRY(measure_model(f, k, err));
    WELD_TRY(bound_ends(f, err));
    f->many.drop.value = INFINITY;
    for (int k = 0; k < m->count; k++)
        f->many.drop.value =
            fmin(f->many.drop.value, f->ends[k].score.accuracy - f->many.score.accuracy);
    f->many.drop.present = isfinite(f->many.drop.value);
    if (f->many.drop.present && m->options->resamples)
        WELD_TRY(bound_drop(f, err));
    f->many.resamples = m->options->resamples;
    f->many.seed = m->options->seed;
done:
    return st;
}

/* ---- cycles ----------------------------------------------------------------------------------- */

/* The models as they are given, matched by weights alone: elements [n, n] for k < l, l brought to k. */
static weld_status match_pairs(weld_element **elements, const weld_many *m, int n, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_paramset *a = NULL, *b = NULL;
    weld_match_result *result = NULL;
    for (int k = 0; k < n; k++) {
        WELD_TRY(weld_many_params(&a, m, m->order[k], false, err));
        for (int l = k + 1; l < n; l++) {
            WELD_TRY(weld_many_params(&b, m, m->order[l], false, err));
            const weld_match_input in = {
                .symmetry = m->frame->symmetry, .shapes = m->frame->shapes, .a = a, .b = b};
            WELD_TRY(weld_matcher_weights.run(&result, &in, err));
            elements[k * n + l] = result->element;
            result->element = NULL;
            weld_match_result_free(result);
            weld_paramset_free(b);
            result = NULL;
            b = NULL;
        }
        weld_paramset_free(a);
        a = NULL;
    }
done:
    weld_match_result_free(result);
    weld_paramset_free(a);
    weld_paramset_free(b);
    return st;
}

/* Units for which k to l to o is not k to o. */
static void count_cycle(int64_t *lost, int64_t *all, weld_element *const *e, int n, const int at[3])
{
    const weld_element *kl = e[at[0] * n + at[1]], *lo = e[at[1] * n + at[2]],
                       *ko = e[at[0] * n + at[2]];
    for (int c = 0; c < kl->symmetry->free_count; c++)
        for (int32_t i = 0; i < kl->symmetry->classes[c].size; i++) {
            *lost += lo->perms[c][kl->perms[c][i]] != ko->perms[c][i];
            ++*all;
        }
}

static weld_status find_cycles(figures *f, const weld_many *m, weld_error *err)
{
    weld_status st = WELD_OK;
    const int n = m->count < CYCLE_MODELS_MAX ? m->count : CYCLE_MODELS_MAX;
    weld_element **elements = NULL;
    int64_t lost = 0, all = 0;
    WELD_NEW(elements, m->ctx, n * n);
    WELD_TRY(match_pairs(elements, m, n, err));
    for (int k = 0; k < n; k++)
        for (int l = k + 1; l < n; l++)
            for (int o = l + 1; o < n; o++)
                count_cycle(&lost, &all, elements, n, (const int[]){k, l, o});
    f->many.cycle_distance = all ? (double)lost / (double)all : NAN;
    f->many.cycle_models = n;
done:
    for (int k = 0; elements && k < n * n; k++)
        weld_element_free(elements[k]);
    weld_free(m->ctx, elements);
    return st;
}

/* ---- the report ------------------------------------------------------------------------------- */

static weld_status add_models(weld_report *report, const weld_many *m, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int k = 0; k < m->count; k++) {
        char role[WELD_ROLE_ROOM];
        weld_model_role(role, k);
        WELD_TRY(weld_report_add_model(report, role, m->ones[k].model, err));
    }
done:
    return st;
}

weld_status weld_many_report(weld_report *report, const weld_many *m, const weld_paramset *merged,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_dataset *data = m->options->data;
    figures f = {.m = m,
                 .many = {.present = true,
                          .start = m->start,
                          .rounds = m->rounds,
                          .universe = m->universe,
                          .objective = {m->objective[0], m->objective[1]},
                          .matching_loss = {m->loss[0], m->loss[1]},
                          .metric = m->metric,
                          .end_count = (size_t)m->count,
                          .score = unmeasured,
                          .cycle_distance = NAN}};
    WELD_NEW(f.ends, m->ctx, m->count);
    for (int k = 0; k < m->count; k++)
        f.ends[k] = (weld_report_end){m->ones[k].weight, unmeasured};
    WELD_TRY(add_models(report, m, err));
    WELD_TRY(weld_report_tell_proof(report, m->frame, err));
    if (data && weld_dataset_has_truth(data))
        WELD_TRY(measure(&f, merged, err));
    if (m->count > 2)
        WELD_TRY(find_cycles(&f, m, err));
    f.many.ends = f.ends;
    f.many.pairs = f.pairs;
    WELD_TRY(weld_report_put_many(report, &f.many, err));
    if (data) {
        const weld_report_data section = weld_describe_data(data);
        WELD_TRY(weld_report_put_data(report, &section, err));
    }
done:
    weld_free(m->ctx, f.ends);
    weld_free(m->ctx, f.pairs);
    weld_free(m->ctx, f.loss);
    weld_free(m->ctx, f.correct);
    weld_free(m->ctx, f.pair_loss);
    weld_free(m->ctx, f.pair_correct);
    weld_free(m->ctx, f.pair_barrier);
    return st;
}
