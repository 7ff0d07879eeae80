/* What became of several models: ends, pairs, the result, and whether pairs alone would agree. */
#include "api/many.h"
#include "eval/midpoint.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CYCLE_MODELS_MAX = 8 };

typedef struct figures {
    weld_report_many many;
    weld_report_end *ends;
    weld_report_duo *pairs;
} figures;

static weld_status measure_one(double *loss, double *accuracy, const weld_many *m,
                               const weld_paramset *params, weld_error *err)
{
    const char *metric;
    const weld_paramset *const list[] = {params};
    const weld_midpoint_input in = {.ctx = m->ctx,
                                    .shapes = m->frame->shapes,
                                    .ends = list,
                                    .end_count = 1,
                                    .merged = list,
                                    .count = 1,
                                    .data = m->options->data,
                                    .accuracies = accuracy};
    return weld_midpoint_losses(loss, &metric, &in, err);
}

static weld_status measure_pair(weld_report_duo *duo, const weld_many *m, const figures *f,
                                const weld_paramset *a, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_paramset *b = NULL, *middle = NULL;
    WELD_TRY(weld_many_params(&b, m, (int)duo->b, true, err));
    WELD_TRY(weld_paramset_copy(&middle, a, err));
    weld_paramset_lerp(middle, a, b, 0.5);
    WELD_TRY(measure_one(&duo->loss, &duo->accuracy, m, middle, err));
    duo->barrier = duo->loss - (f->ends[duo->a].loss + f->ends[duo->b].loss) / 2;
done:
    weld_paramset_free(b);
    weld_paramset_free(middle);
    return st;
}

static weld_status measure(figures *f, const weld_many *m, const weld_paramset *merged,
                           weld_error *err)
{
    weld_status st = WELD_OK;
    weld_paramset *a = NULL;
    WELD_NEW(f->pairs, m->ctx, m->count * (m->count - 1) / 2);
    WELD_TRY(weld_alignment_takes(m->frame, m->options->data, "measuring", err));
    WELD_TRY(measure_one(&f->many.loss, &f->many.accuracy, m, merged, err));
    for (int k = m->count - 1; k >= 0; k--) { /* pairs with later ones, whose ends are known then */
        WELD_TRY(weld_many_params(&a, m, k, true, err));
        WELD_TRY(measure_one(&f->ends[k].loss, &f->ends[k].accuracy, m, a, err));
        for (int l = k + 1; l < m->count; l++) {
            weld_report_duo *duo = &f->pairs[f->many.pair_count++];
            *duo = (weld_report_duo){.a = k, .b = l};
            WELD_TRY(measure_pair(duo, m, f, a, err));
        }
        weld_paramset_free(a);
        a = NULL;
    }
done:
    weld_paramset_free(a);
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
        char role[16];
        snprintf(role, sizeof role, "%c%.0d", 'A' + k % 26, k / 26);
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
    figures f = {.many = {.present = true,
                          .start = m->start,
                          .rounds = m->rounds,
                          .universe = m->universe,
                          .objective = {m->objective[0], m->objective[1]},
                          .matching_loss = {m->loss[0], m->loss[1]},
                          .metric = m->metric,
                          .end_count = (size_t)m->count,
                          .loss = NAN,
                          .accuracy = NAN,
                          .cycle_distance = NAN}};
    WELD_NEW(f.ends, m->ctx, m->count);
    for (int k = 0; k < m->count; k++)
        f.ends[k] = (weld_report_end){m->ones[k].weight, NAN, NAN};
    WELD_TRY(add_models(report, m, err));
    if (data && weld_dataset_has_truth(data))
        WELD_TRY(measure(&f, m, merged, err));
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
    return st;
}
