/* One frame for all: each model is brought to the start, then to the mean of the others; or all at once. */
#include "api/many.h"
#include <math.h>
#include <string.h>

static const double tolerance = 1e-4;

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
    weld_status st = WELD_OK;
    WELD_REQUIRE(al->symmetry->free_count == s->free_count, WELD_E_INTERNAL,
                 "%s: other classes than the first model has", one->path);
    WELD_TRY(weld_element_identity(&one->element, s, err));
    weld_element_copy(one->element, al->element);
done:
    return st;
}

/* Opened anew: matching and proving it may hold its parameters. */
static weld_status open_one(weld_model **model, weld_alignment **al, const weld_many *m,
                            const weld_model *start, int which, const weld_align_options *how,
                            weld_error *err)
{
    weld_load_options load = WELD_LOAD_OPTIONS_INIT;
    load.output_name = m->options->output_name;
    const weld_status st = weld_model_load_as(model, m->ctx, m->ones[which].path, &load, err);
    return st == WELD_OK ? weld_align(al, start, *model, how, err) : st;
}

static weld_status align_one(const weld_many *m, const weld_model *start, int which,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_align_options how = weld_many_wish(m);
    weld_model *model = NULL;
    weld_alignment *al = NULL;
    WELD_TRY(open_one(&model, &al, m, start, which, &how, err));
    WELD_TRY(take_element(&m->ones[which], m, al, err));
done:
    weld_alignment_free(al);
    weld_model_free(model);
    return st;
}

/* ---- the proof -------------------------------------------------------------------------------- */

/* The frame's proof becomes the worse of it and this one. */
static void add_proof(weld_alignment *frame, const weld_alignment *al, bool first)
{
    weld_proof *worst = &frame->proof;
    const weld_proof *p = &al->proof;
    frame->opaque = al->opaque ? al->opaque : frame->opaque;
    frame->by_structure = frame->by_structure || al->by_structure;
    frame->proved = (first || frame->proved) && al->proved;
    if (first || p->max_rel > worst->max_rel)
        *worst = *p;
}

/* As its element moves it now, not as it was first aligned: the mean of others has moved it since. */
static weld_status prove_one(weld_many *m, const weld_model *start, int which, bool first,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_align_options how = weld_many_still(m);
    weld_model *model = NULL;
    weld_alignment *al = NULL;
    WELD_TRY(open_one(&model, &al, m, start, which, &how, err));
    weld_element_copy(al->element, m->ones[which].element);
    WELD_TRY(weld_alignment_settle(al, err));
    WELD_TRY(weld_alignment_verify(al, m->options->data, WELD_MANY_PROOF_SAMPLES, tolerance, err));
    add_proof(m->frame, al, first);
done:
    weld_alignment_free(al);
    weld_model_free(model);
    return st;
}

static weld_status prove_all(weld_many *m, const weld_model *start, weld_error *err)
{
    weld_status st = WELD_OK;
    bool first = true;
    for (int k = 0; k < m->count && st == WELD_OK; k++)
        if (k != m->start) {
            st = prove_one(m, start, k, first, err);
            first = false;
        }
    return st;
}

/* ---- all of them ------------------------------------------------------------------------------ */

/* After each is aligned alone: what brings them to the mean of the others, and whether all at once is tried. */
static weld_status join(weld_many *m, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_align_options *o = m->options->align;
    const char *method = o ? o->method : NULL;
    const bool chosen = method ? strcmp(method, "auto") == 0 : o && o->data;
    const weld_matcher *asked = chosen ? &weld_matcher_both : weld_matcher_find(method);
    const bool at_once = asked == &weld_matcher_frank_wolfe;
    const weld_matcher *matcher = at_once ? &weld_matcher_weights : asked;
    if (m->count == 2 || asked == &weld_matcher_none)
        return WELD_OK;
    WELD_TRY(weld_many_match_means(m, matcher, err));
    if (chosen || at_once)
        WELD_TRY(weld_many_try_universe(m, matcher, err));
done:
    return st;
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
    m->objective[0] = m->objective[1] = m->loss[0] = m->loss[1] = NAN;
    WELD_TRY(join(m, err));
    WELD_TRY(prove_all(m, &start, err));
done:
    weld_paramset_free(start.params);
    return st;
}
