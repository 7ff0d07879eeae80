/* Each of several models is brought to the mean of the others until nothing is gained.
 *
 * By weights, the sum over all pairs of inner products rises with every step, so this is coordinate ascent
 * of a cycle-consistent matching as well as MergeMany (Ainsworth et al. 2023). A matcher that looks at data
 * has no such objective: its step is kept where the mean of all loses less on these data. */
#include "api/many.h"
#include "eval/midpoint.h"
#include <math.h>
#include <string.h>

enum { ROUNDS_MAX = 50 };
static const double gain_min = 1e-9;

typedef struct means {
    weld_many *m;
    const weld_matcher *matcher;
    double **sum;               /* [param_count][numel] the mean of all */
    weld_paramset *mean;        /* the same, rounded; NULL = by weights */
    const weld_paramset **ends; /* [count], not held */
} means;

/* The sum of squares of the mean: what is left when the parts that agree have added up. */
static double square_of(const weld_many *m, double *const *sum)
{
    const weld_graph *g = m->a->structure->graph;
    double total = 0;
    for (int p = 0; p < g->param_count; p++)
        for (size_t i = 0; i < weld_param_numel(g, p); i++)
            total += sum[p][i] * sum[p][i];
    return total;
}

/* The mean of all others: (sum - w current) / (1 - w) */
static weld_status mean_of_others(weld_paramset **out, double *const *sum,
                                  const weld_paramset *current, double weight, weld_error *err)
{
    weld_status st = weld_paramset_copy(out, current, err);
    for (int p = 0; st == WELD_OK && p < current->graph->param_count; p++) {
        weld_tensor t = weld_paramset_tensor(*out, p);
        for (size_t i = 0; i < weld_param_numel(current->graph, p); i++) {
            const double x = weld_paramset_number(current, p, (int64_t)i);
            weld_tensor_set_number(&t, (int64_t)i, (sum[p][i] - weight * x) / (1 - weight));
        }
    }
    return st;
}

/* The element, after that the step, which is used up: unit i is unit element[step[i]]. */
static void compose(weld_element *element, weld_element *step)
{
    const weld_symmetry *s = element->symmetry;
    for (int c = 0; c < s->free_count; c++) {
        int32_t *of_step = step->perms[c], *of_element = element->perms[c];
        for (int32_t i = 0; i < s->classes[c].size; i++)
            of_step[i] = of_element[of_step[i]];
        memcpy(of_element, of_step, (size_t)s->classes[c].size * sizeof *of_step);
    }
}

static weld_status judge(double *loss, const means *r, weld_error *err)
{
    const weld_many *m = r->m;
    const weld_paramset *const merged[] = {r->mean};
    const weld_midpoint_input in = {.ctx = m->ctx,
                                    .shapes = m->frame->shapes,
                                    .ends = r->ends,
                                    .end_count = m->count,
                                    .merged = merged,
                                    .count = 1,
                                    .data = m->options->align->data};
    weld_many_round(r->mean, r->sum);
    return weld_midpoint_losses(loss, &r->m->metric, &in, err);
}

static void replace(const means *r, const weld_paramset *before, const weld_paramset *after,
                    double weight)
{
    weld_many_add(r->sum, before, -weight);
    weld_many_add(r->sum, after, weight);
}

/* The model's units as the result has them; by data only if the mean of all is better for it. */
static weld_status try_step(bool *moved, means *r, weld_one *one, const weld_paramset *current,
                            weld_match_result *result, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_paramset *better = NULL;
    double loss;
    WELD_TRY(weld_paramset_create(&better, r->m->ctx, current->graph, err));
    WELD_TRY(weld_element_apply(better, result->element, current, err));
    replace(r, current, better, one->weight);
    *moved = true;
    if (r->mean) {
        WELD_TRY(judge(&loss, r, err));
        *moved = loss < r->m->loss[1];
        if (*moved)
            r->m->loss[1] = loss;
        else
            replace(r, better, current, one->weight);
    }
    if (*moved)
        compose(one->element, result->element);
done:
    weld_paramset_free(better);
    return st;
}

static bool may_gain(const means *r, const weld_match_result *result)
{
    return r->mean || result->objective_end >
                          result->objective_start + gain_min * (1 + fabs(result->objective_start));
}

static weld_status match_to_others(bool *moved, means *r, int which, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_many *m = r->m;
    weld_one *one = &m->ones[which];
    weld_paramset *current = NULL, *others = NULL;
    weld_match_result *result = NULL;
    const weld_align_options *how = m->options->align;
    *moved = false;
    WELD_TRY(weld_many_params(&current, m, which, true, err));
    WELD_TRY(mean_of_others(&others, r->sum, current, one->weight, err));
    const weld_match_input in = {.symmetry = m->frame->symmetry,
                                 .shapes = m->frame->shapes,
                                 .a = others,
                                 .b = current,
                                 .data = how ? how->data : NULL,
                                 .restarts = 1, /* from where it stands */
                                 .seed = how ? how->seed : 0};
    WELD_TRY(r->matcher->run(&result, &in, err));
    if (may_gain(r, result))
        WELD_TRY(try_step(moved, r, one, current, result, err));
done:
    weld_match_result_free(result);
    weld_paramset_free(current);
    weld_paramset_free(others);
    return st;
}

static weld_status open_means(means *r, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_many *m = r->m;
    WELD_TRY(weld_many_sums_new(&r->sum, m, err));
    WELD_TRY(weld_many_sum(r->sum, m, err));
    m->objective[0] = square_of(m, r->sum);
    if (!r->matcher->needs_data)
        return WELD_OK;
    WELD_TRY(weld_paramset_create(&r->mean, m->ctx, m->a->structure->graph, err));
    WELD_NEW(r->ends, m->ctx, m->count);
    for (int k = 0; k < m->count; k++)
        r->ends[k] = m->ones[k].params;
    WELD_TRY(judge(&m->loss[0], r, err));
    m->loss[1] = m->loss[0];
done:
    return st;
}

weld_status weld_many_match_means(weld_many *m, const weld_matcher *matcher, weld_error *err)
{
    weld_status st = WELD_OK;
    means r = {.m = m, .matcher = matcher};
    bool any = true;
    WELD_TRY(open_means(&r, err));
    for (m->rounds = 0; any && m->rounds < ROUNDS_MAX; m->rounds++) {
        any = false;
        for (int k = 0; k < m->count; k++) {
            const int which = m->order[k];
            bool moved = false;
            if (which != m->start && m->ones[which].weight > 0 && m->ones[which].weight < 1)
                WELD_TRY(match_to_others(&moved, &r, which, err));
            any = any || moved;
        }
    }
    m->objective[1] = square_of(m, r.sum);
done:
    weld_many_sums_free(r.sum, m);
    weld_paramset_free(r.mean);
    weld_free(m->ctx, r.ends);
    return st;
}
