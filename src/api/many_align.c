/* One frame for all: each model is brought to the start, then, by the weights, to the mean of the others
 * until nothing is gained. The sum over all pairs of inner products rises with every step, so this is
 * coordinate ascent of a cycle-consistent matching as well as MergeMany (Ainsworth et al. 2023); with
 * the matcher frank-wolfe each step is that of C2M3 (Crisostomi et al. 2024), for one model at a time. */
#include "api/many.h"
#include <math.h>
#include <string.h>

enum { ROUNDS_MAX = 50, PROOF_SAMPLES = 64 };
static const double gain_min = 1e-9, tolerance = 1e-4;

/* The start's parameters as a model of A's structure: what others are matched to. */
static weld_status make_start(weld_model *start, const weld_many *m, weld_error *err)
{
    *start = (weld_model){.ctx = m->ctx, .structure = m->a->structure};
    return weld_many_params(&start->params, m, m->start, true, err);
}

static weld_status take_element(weld_one *one, const weld_many *m, const weld_alignment *al,
                                weld_error *err)
{
    const weld_symmetry *s = m->frame->symmetry;
    weld_status st = weld_element_identity(&one->element, s, err);
    for (int c = 0; st == WELD_OK && c < s->free_count; c++)
        memcpy(one->element->perms[c], al->element->perms[c],
               (size_t)s->classes[c].size * sizeof(int32_t));
    return st;
}

static weld_status align_one(const weld_many *m, const weld_model *start, int which,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    weld_align_options how = WELD_ALIGN_OPTIONS_INIT;
    weld_model *model = NULL;
    weld_alignment *al = NULL;
    if (m->options->align)
        how = *m->options->align;
    /* opened anew: matching and proving it may hold its parameters */
    WELD_TRY(weld_model_load(&model, m->ctx, m->ones[which].path, err));
    WELD_TRY(weld_align(&al, start, model, &how, err));
    WELD_TRY(weld_alignment_verify(al, m->options->data, PROOF_SAMPLES, tolerance, err));
    WELD_TRY(take_element(&m->ones[which], m, al, err));
done:
    weld_alignment_free(al);
    weld_model_free(model);
    return st;
}

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

static weld_status match_to_others(bool *moved, const weld_many *m, const weld_matcher *matcher,
                                   int which, double **sum, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_one *one = &m->ones[which];
    weld_paramset *current = NULL, *others = NULL, *better = NULL;
    weld_match_result *result = NULL;
    WELD_TRY(weld_many_params(&current, m, which, true, err));
    WELD_TRY(mean_of_others(&others, sum, current, one->weight, err));
    const weld_match_input in = {.symmetry = m->frame->symmetry,
                                 .shapes = m->frame->shapes,
                                 .a = others,
                                 .b = current,
                                 .restarts = 1, /* from where it stands */
                                 .seed = m->options->align ? m->options->align->seed : 0};
    WELD_TRY(matcher->run(&result, &in, err));
    *moved = result->objective_end >
             result->objective_start + gain_min * (1 + fabs(result->objective_start));
    if (!*moved)
        goto done;
    WELD_TRY(weld_paramset_create(&better, m->ctx, current->graph, err));
    WELD_TRY(weld_element_apply(better, result->element, current, err));
    compose(one->element, result->element);
    weld_many_add(sum, current, -one->weight);
    weld_many_add(sum, better, one->weight);
done:
    weld_match_result_free(result);
    weld_paramset_free(current);
    weld_paramset_free(others);
    weld_paramset_free(better);
    return st;
}

static weld_status match_to_means(weld_many *m, const weld_matcher *matcher, weld_error *err)
{
    weld_status st = WELD_OK;
    double **sum = NULL;
    bool any = true;
    WELD_TRY(weld_many_sums_new(&sum, m, err));
    WELD_TRY(weld_many_sum(sum, m, err));
    m->objective[0] = square_of(m, sum);
    for (m->rounds = 0; any && m->rounds < ROUNDS_MAX; m->rounds++) {
        any = false;
        for (int k = 0; k < m->count; k++) {
            const int which = m->order[k];
            bool moved = false;
            if (which != m->start && m->ones[which].weight > 0 && m->ones[which].weight < 1)
                WELD_TRY(match_to_others(&moved, m, matcher, which, sum, err));
            any = any || moved;
        }
    }
    m->objective[1] = square_of(m, sum);
done:
    weld_many_sums_free(sum, m);
    return st;
}

/* What goes on to the mean of the others: a matcher that looks at the weights alone; NULL = nothing does. */
static const weld_matcher *matcher_of_means(const weld_many *m)
{
    const weld_align_options *o = m->options->align;
    if (o && !o->method && o->data)
        return NULL; /* auto */
    const weld_matcher *matcher = weld_matcher_find(o ? o->method : NULL);
    return matcher && !matcher->needs_data && matcher != &weld_matcher_none ? matcher : NULL;
}

weld_status weld_many_align(weld_many *m, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_model start = {0};
    WELD_TRY(make_start(&start, m, err));
    WELD_TRY(weld_element_identity(&m->ones[m->start].element, m->frame->symmetry, err));
    for (int k = 0; k < m->count; k++)
        if (m->order[k] != m->start)
            WELD_TRY(align_one(m, &start, m->order[k], err));
    m->objective[0] = m->objective[1] = NAN;
    const weld_matcher *matcher = matcher_of_means(m);
    if (m->count > 2 && matcher)
        WELD_TRY(match_to_means(m, matcher, err));
done:
    weld_paramset_free(start.params);
    return st;
}
