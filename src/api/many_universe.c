/* Another way to a common frame: the permutations of all models at once (match/universe.h), then each to the
 * mean of the others. Kept where the mean of all is better for it. */
#include "api/many.h"
#include "match/universe.h"
#include <string.h>

typedef struct kept {
    weld_element **elements; /* [count], in the order of contents */
    weld_many figures;       /* rounds, objective and loss as they were */
} kept;

static void free_kept(kept *k, const weld_many *m)
{
    for (int i = 0; k->elements && i < m->count; i++)
        weld_element_free(k->elements[i]);
    weld_free(m->ctx, k->elements);
}

static weld_status keep(kept *k, const weld_many *m, weld_error *err)
{
    weld_status st = WELD_OK;
    k->figures = *m;
    WELD_NEW(k->elements, m->ctx, m->count);
    for (int i = 0; i < m->count; i++) {
        WELD_TRY(weld_element_identity(&k->elements[i], m->frame->symmetry, err));
        weld_element_copy(k->elements[i], m->ones[m->order[i]].element);
    }
done:
    return st;
}

static void put_back(weld_many *m, const kept *k)
{
    for (int i = 0; i < m->count; i++)
        weld_element_copy(m->ones[m->order[i]].element, k->elements[i]);
    m->rounds = k->figures.rounds;
    m->objective[1] = k->figures.objective[1];
    m->loss[1] = k->figures.loss[1];
}

static weld_status open_stored(weld_paramset **out, void *user, int which, weld_error *err)
{
    const weld_many *m = user;
    return weld_many_params(out, m, m->order[which], false, err);
}

static weld_status walk(weld_many *m, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_universe_input in = {
        .symmetry = m->frame->symmetry, .count = m->count, .open = open_stored, .user = m};
    weld_element **elements = NULL;
    double *weights = NULL;
    WELD_NEW(elements, m->ctx, m->count);
    WELD_NEW(weights, m->ctx, m->count);
    for (int i = 0; i < m->count; i++) {
        elements[i] = m->ones[m->order[i]].element;
        weights[i] = m->ones[m->order[i]].weight;
        if (m->order[i] == m->start)
            in.fixed = i;
    }
    in.weights = weights;
    WELD_TRY(weld_match_universe(elements, &in, err));
done:
    weld_free(m->ctx, elements);
    weld_free(m->ctx, weights);
    return st;
}

weld_status weld_many_try_universe(weld_many *m, const weld_matcher *matcher, weld_error *err)
{
    weld_status st = WELD_OK;
    kept before = {NULL};
    WELD_TRY(keep(&before, m, err));
    WELD_TRY(walk(m, err));
    WELD_TRY(weld_many_match_means(m, matcher, err));
    m->universe = matcher->needs_data ? m->loss[1] < before.figures.loss[1]
                                      : m->objective[1] > before.figures.objective[1];
    if (!m->universe)
        put_back(m, &before);
    m->objective[0] = before.figures.objective[0];
    m->loss[0] = before.figures.loss[0];
done:
    free_kept(&before, m);
    return st;
}
