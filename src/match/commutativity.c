/* Matching by commutativity: descent on the objective of match/objective.h, class by class. */
#include "core/rng.h"
#include "match/data_match.h"
#include "match/objective.h"
#include <string.h>

enum { SWEEPS_MAX = 20 };

typedef struct descent {
    const weld_objective *objective;
    weld_element *element;
    int32_t *perm; /* [n] of the largest class */
    bool *settled; /* [free_count] visited in vain since anything changed that it depends on */
    double value;
} descent;

static int walks(const weld_qap *qap)
{
    int32_t widest = qap->n;
    for (int k = 0; k < qap->term_count; k++)
        if (qap->terms[k].taps * qap->n > widest)
            widest = qap->terms[k].taps * qap->n;
    return widest <= WELD_QAP_WALKED ? 1 : 0;
}

/* What is best for one of them depends on where the other stands. */
static bool meet(const weld_objective *o, int c, int other)
{
    for (int k = 0; k < o->layer_count; k++) {
        const weld_linear_layer *l = o->layers[k].in->layer;
        if ((weld_stands_have(&l->rows, c) || weld_stands_have(&l->channels, c)) &&
            (weld_stands_have(&l->rows, other) || weld_stands_have(&l->channels, other)))
            return true;
    }
    for (int k = 0; k < o->normalised->count; k++)
        if (weld_score_has_class(&o->normalised->tensors[k], c) &&
            weld_score_has_class(&o->normalised->tensors[k], other))
            return true;
    return false;
}

static void unsettle(descent *d, int c)
{
    d->settled[c] = false;
    for (int other = 0; other < d->element->symmetry->free_count; other++)
        if (d->settled[other] && meet(d->objective, c, other))
            d->settled[other] = false;
}

/* Kept only if the objective over all layers drops. */
static weld_status visit(bool *changed, descent *d, int c, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_qap *qap = NULL;
    int32_t *perm = d->element->perms[c];
    const size_t bytes = (size_t)d->element->symmetry->classes[c].size * sizeof *perm;
    double gain, value;
    d->settled[c] = true;
    memcpy(d->perm, perm, bytes);
    WELD_TRY(weld_objective_local(&qap, d->objective, d->element, c, err));
    WELD_TRY(weld_qap_solve(perm, &gain, qap, walks(qap), err));
    if (!(gain > 0))
        goto done;
    WELD_TRY(weld_objective_value(&value, d->objective, d->element, err));
    if (value < d->value) {
        d->value = value;
        unsettle(d, c);
        *changed = true;
    } else {
        memcpy(perm, d->perm, bytes);
    }
done:
    weld_qap_free(qap);
    return st;
}

static weld_status descend(descent *d, weld_data_match *m, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_symmetry *s = m->in->symmetry;
    const int count = s->free_count;
    int32_t *order = NULL, largest = 0;
    bool changed = true;
    weld_rng rng;
    weld_rng_seed(&rng, m->in->seed, 0);
    WELD_NEW(order, s->ctx, count);
    for (int c = 0; c < count; c++) {
        order[c] = c;
        largest = s->classes[c].size > largest ? s->classes[c].size : largest;
    }
    WELD_NEW(d->perm, s->ctx, largest);
    WELD_NEW(d->settled, s->ctx, count);
    WELD_TRY(weld_objective_value(&d->value, d->objective, d->element, err));
    for (int sweep = 0; changed && sweep < SWEEPS_MAX; sweep++) {
        changed = false;
        m->result->sweeps = sweep + 1;
        if (!m->in->graph_order)
            weld_rng_shuffle(&rng, order, count);
        for (int k = 0; k < count; k++) {
            WELD_TRY(
                weld_progress(s->ctx, "match", 1 - 0.5 / (1 + sweep + (double)k / count), err));
            if (!d->settled[order[k]])
                WELD_TRY(visit(&changed, d, order[k], err));
        }
    }
done:
    weld_free(s->ctx, order);
    weld_free(s->ctx, d->perm);
    weld_free(s->ctx, d->settled);
    return st;
}

/* The element := that of the matcher to start from. */
static weld_status start(weld_data_match *m, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_match_input in = *m->in;
    weld_match_result *result = NULL;
    const weld_matcher *matcher = weld_matcher_find(in.start ? in.start : "both");
    WELD_REQUIRE(matcher && matcher != &weld_matcher_commutativity &&
                     matcher != &weld_matcher_additivity,
                 WELD_E_ARGUMENT, "commutativity can't start from '%s'", in.start);
    in.moments = m->moments;
    WELD_TRY(matcher->run(&result, &in, err));
    weld_element_copy(m->result->element, result->element);
done:
    weld_match_result_free(result);
    return st;
}

static weld_status match_commutativity(weld_data_match *m, double additivity, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_objective *objective = NULL;
    descent d = {.element = m->result->element};
    WELD_TRY(weld_objective_create(&objective, m->scores, m->moments, m->in->a, m->in->b, err));
    objective->weights = objective->features = m->in->alone ? 0 : 1;
    objective->additivity = additivity;
    d.objective = objective;
    WELD_TRY(start(m, err));
    WELD_TRY(descend(&d, m, err));
done:
    weld_objective_free(objective);
    return st;
}

static weld_status run_commutativity(weld_match_result **out, const weld_match_input *in,
                                     weld_error *err)
{
    weld_data_match m;
    weld_status st = weld_data_match_open(&m, in, weld_matcher_commutativity.moments, err);
    if (st == WELD_OK)
        st = match_commutativity(&m, 0, err);
    return weld_data_match_close(out, &m, st, err);
}

static weld_status run_additivity(weld_match_result **out, const weld_match_input *in,
                                  weld_error *err)
{
    weld_data_match m;
    weld_status st = weld_data_match_open(&m, in, weld_matcher_additivity.moments, err);
    if (st == WELD_OK)
        st = match_commutativity(&m, 1, err);
    return weld_data_match_close(out, &m, st, err);
}

const weld_matcher weld_matcher_commutativity = {
    .name = "commutativity",
    .needs_data = true,
    .moments = WELD_MOMENTS_INPUTS,
    .effort = WELD_EFFORT_QUADRATIC,
    .help = "weight times feature differences of every layer, with weights and features",
    .run = run_commutativity};

const weld_matcher weld_matcher_additivity = {
    .name = "additivity",
    .needs_data = true,
    .moments = WELD_MOMENTS_INPUTS | WELD_MOMENTS_ADDITIVITY,
    .effort = WELD_EFFORT_QUADRATIC,
    .help = "commutativity and weak additivity of the activations, with weights and features",
    .run = run_additivity};
