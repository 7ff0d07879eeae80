/* The stages of a run, what they take and hold. */
#include "api/preview.h"
#include "api/recipe.h"
#include "core/parallel.h"
#include "match/qap.h"
#include "merge/frontier.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What descents were measured to take on the pairs of docs/planning.md. */
enum { SWEEPS = 4, FRANK_WOLFE_STEPS = 30, ROUNDS = 3 };
/* Networks at a layer that is corrected: the merge and the models; where variances are compared, the average,
 * too. */
enum { CORRECTED = 3, COMPARED = 4 };

/* ---- steps ---------------------------------------------------------------------------------------- */

static weld_status add_step(weld_foreseen *p, const char *stage, double passes, double seconds,
                            size_t bytes, weld_error *err, const char *format, ...)
    WELD_PRINTF(7, 8);
static weld_status add_step(weld_foreseen *p, const char *stage, double passes, double seconds,
                            size_t bytes, weld_error *err, const char *format, ...)
{
    char what[256];
    va_list ap;
    va_start(ap, format);
    vsnprintf(what, sizeof what, format, ap);
    va_end(ap);
    if (p->times > 1) {
        const size_t n = strlen(what);
        snprintf(what + n, sizeof what - n, ", %d times", p->times);
    }
    const weld_report_step step = {stage, what, passes * p->times, seconds * p->times};
    p->report->plan.seconds += step.seconds;
    p->most = bytes > p->most ? bytes : p->most;
    return weld_report_put_step(p->report, &step, err);
}

static bool has_running_statistics(const weld_graph *g)
{
    for (int n = 0; n < g->node_count; n++)
        if (g->nodes[n].op->statistic_inputs)
            return true;
    return false;
}

/* Networks that run over the data for one merge with this statistic; with auto for all that are tried, and
 * for judging each of them. */
static int networks_of(const weld_merge_options *o, const weld_graph *g, bool judging)
{
    const char *name = weld_statistic_wanted(o);
    const weld_merger *merger = weld_merger_find(weld_method_wanted(o));
    const bool norms = has_running_statistics(g);
    int networks = 0;
    if (merger->needs_data)
        return 3; /* features: A, B and the merge */
    if (strcmp(name, "auto") != 0)
        return weld_statistic_find(name)->networks;
    if (judging || !o->data)
        return judging && norms ? weld_statistic_reset.networks : 0;
    for (int k = 0; weld_statistics()[k]; k++) {
        const weld_statistic *s = weld_statistics()[k];
        if (s != &weld_statistic_reset || norms)
            networks += (s->networks + 1) * (s->takes_logits && !o->repair_logits ? 2 : 1);
    }
    return networks + (o->data->labels ? 0 : 2);
}

/* Of one sweep of quadratic assignments: the products of the layers; in each class about as many exchanges as
 * units were measured, each of some 40 n^2; and an assignment for each step of a walk, which only narrow
 * classes take. */
static double quadratic_seconds(const weld_foreseen *p)
{
    const weld_symmetry *s = p->al->symmetry;
    double flops = p->rates.descent_flops, cubes = 0;
    for (int c = 0; c < s->free_count; c++) {
        const double n = s->classes[c].size;
        flops += 40 * n * n * n;
        cubes += n <= WELD_QAP_WALKED ? WELD_QAP_STEPS * n * n * n : 0;
    }
    return flops * p->rates.product + cubes * p->rates.cube;
}

/* Seconds of matching with one matcher, but for what it learns of the data. */
static double matcher_seconds(const weld_foreseen *p, const weld_matcher *matcher, int descents)
{
    const weld_symmetry *s = p->al->symmetry;
    double cubes = 0, scores = 0; /* n^3; FLOPs of all score matrices */
    for (int c = 0; c < s->free_count; c++) {
        const double n = s->classes[c].size;
        cubes += n * n * n;
        for (int m = 0; m < s->classes[c].member_count; m++)
            scores += 2 * n * (double)weld_param_numel(s->graph, s->classes[c].members[m].param);
    }
    const double once = scores * p->rates.product + cubes * p->rates.cube;
    switch (matcher->effort) {
    case WELD_EFFORT_NONE: return 0;
    case WELD_EFFORT_ASSIGNMENT: return once;
    case WELD_EFFORT_DESCENT: return SWEEPS * descents * once;
    case WELD_EFFORT_RELAXED: return FRANK_WOLFE_STEPS * descents * once;
    case WELD_EFFORT_QUADRATIC: return SWEEPS * (descents * once + quadratic_seconds(p));
    }
    return 0;
}

/* Bytes that a pass over data adds: runs of so many networks in each thread. */
static size_t run_bytes(const weld_foreseen *p, int networks)
{
    return (size_t)networks * (size_t)weld_parallel_slots(p->al->ctx) * p->rates.run_bytes;
}

/* ---- stages --------------------------------------------------------------------------------------- */

/* A, B and the permuted B */
static size_t three(const weld_foreseen *p)
{
    return 3 * p->rates.weight_bytes;
}

/* Adds what `nets` networks hold that are corrected layer by layer, for all samples (merge/frontier.h). */
static weld_status add_frontier(size_t *bytes, const weld_foreseen *p, const weld_dataset *data,
                                int nets, weld_error *err)
{
    size_t each = 0;
    const weld_status st =
        data ? weld_frontier_bytes(&each, p->al->ctx, p->al->shapes, data->count, nets, err)
             : WELD_OK;
    *bytes += (size_t)nets * each;
    return st;
}

static weld_status plan_one_matcher(weld_foreseen *p, weld_error *err)
{
    const weld_matcher *m = p->way.matcher;
    const double n = m->needs_data ? (double)p->align->data->count : 0;
    const int descents = p->align->restarts > 1 ? p->align->restarts : 1;
    const double learn = n > 0 ? n * p->rates.learn : 0;
    const size_t bytes = p->way.streams ? 0 : three(p) + p->rates.moments_bytes;
    return add_step(p, "align", 2 * n, learn + matcher_seconds(p, m, descents),
                    bytes + (n > 0 ? run_bytes(p, 2) : 0), err, "%s", p->al->method);
}

static weld_status plan_auto(weld_foreseen *p, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_merge_options plain = WELD_MERGE_OPTIONS_INIT;
    const weld_merge_options *how = p->align->merge ? p->align->merge : &plain;
    const double n = (double)p->align->data->count;
    const int tried = p->way.candidates + 1; /* and none */
    const int networks = networks_of(how, p->al->a->structure->graph, true) + 1;
    double seconds = n * p->rates.learn;
    for (int k = 0; k < p->way.candidates; k++) {
        const weld_candidate *c = &weld_candidates()[k];
        seconds += matcher_seconds(p, c->matcher, c->restarts > 1 ? c->restarts : 1);
        WELD_TRY(weld_report_line(p->report, &p->report->plan.candidates, err, "%s", c->name));
    }
    WELD_TRY(add_step(p, "align", 2 * n, seconds,
                      three(p) + p->rates.moments_bytes + run_bytes(p, 2), err,
                      "auto, %d candidates and none on %.0f samples", p->way.candidates, n));
    const double passes = n * tried * networks + (p->align->data->labels ? 0 : 2 * n);
    size_t bytes = three(p) + (size_t)tried * p->rates.weight_bytes + run_bytes(p, networks);
    WELD_TRY(add_frontier(&bytes, p, networks > 1 ? p->align->data : NULL, CORRECTED, err));
    WELD_TRY(add_step(p, "align", passes, passes * p->rates.pass, bytes, err,
                      "the merge of each at 1/2 by %s, judged on them", weld_method_wanted(how)));
done:
    return st;
}

static weld_status plan_match(weld_foreseen *p, weld_error *err)
{
    weld_status st = p->way.matcher ? plan_one_matcher(p, err) : plan_auto(p, err);
    if (st == WELD_OK && p->align->polish_seconds > 0 && !p->o->permutation)
        st = add_step(p, "align", NAN, p->align->polish_seconds, three(p) + run_bytes(p, 1), err,
                      "swaps of units, at most %g s", p->align->polish_seconds);
    return st;
}

/* Three and more: each again to the mean of the others, judged with every step where data are looked at; and
 * two by two, for what cycles do not bring back. */
static weld_status plan_rounds(weld_foreseen *p, weld_error *err)
{
    const weld_matcher *m = p->way.matcher ? p->way.matcher : &weld_matcher_both;
    const double n = m->needs_data ? (double)p->align->data->count : 0;
    const int steps = ROUNDS * (p->models - 1), pairs = p->models * (p->models - 1) / 2;
    const double judged = n * (p->align->data && p->align->data->labels ? 1 : 1 + p->models);
    if (m == &weld_matcher_none)
        return WELD_OK;
    return add_step(
        p, "align", steps * (2 * n + judged),
        steps * (n * p->rates.learn + judged * p->rates.pass + matcher_seconds(p, m, 1)) +
            pairs * matcher_seconds(p, &weld_matcher_weights, 1),
        (size_t)p->models * p->rates.weight_bytes + p->rates.moments_bytes + run_bytes(p, 2), err,
        "each to the mean of the others, and two by two");
}

static weld_status plan_proof(weld_foreseen *p, weld_error *err)
{
    const int64_t most = p->models > 2 ? WELD_MANY_PROOF_SAMPLES : WELD_PROOF_SAMPLES;
    const double n = (double)(p->o->data && p->o->data->count < most ? p->o->data->count : most);
    return add_step(p, "verify", 2 * n, 2 * n * p->rates.pass, three(p) + run_bytes(p, 2), err,
                    "B and the permuted B on %.0f %s", n, p->o->data ? "samples" : "random inputs");
}

static weld_status plan_search(weld_foreseen *p, weld_error *err)
{
    const weld_graph *g = p->al->a->structure->graph;
    const int networks = networks_of(&p->o->merges[0], g, true) + 1 +
                         (p->o->search->labels ? 0 : 2);
    const double passes = (double)p->o->search->count * WELD_SEARCH_POINTS * networks;
    size_t bytes = three(p) + run_bytes(p, networks);
    const weld_status st =
        add_frontier(&bytes, p, networks > 1 ? p->o->search : NULL, CORRECTED, err);
    if (st != WELD_OK)
        return st;
    return add_step(p, "merge", passes, passes * p->rates.pass, bytes, err,
                    "%d values of alpha on %lld samples", WELD_SEARCH_POINTS,
                    (long long)p->o->search->count);
}

static weld_status plan_merges(weld_foreseen *p, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_dataset *data = NULL; /* that something is corrected by */
    double passes = 0, learnt = 0;
    for (size_t k = 0; k < p->o->merge_count; k++) {
        const weld_merge_options *o = &p->o->merges[k];
        const int networks = networks_of(o, p->al->a->structure->graph, false);
        const double n = networks ? (double)o->data->count : 0;
        passes += n * networks;
        data = networks ? o->data : data;
        learnt += weld_merger_find(weld_method_wanted(o))->needs_data ? n : 0;
        if (p->o->search)
            WELD_TRY(weld_report_line(p->report, &p->report->plan.merges, err, "best: %s, %s",
                                      weld_method_wanted(o), weld_statistic_wanted(o)));
        else
            WELD_TRY(weld_report_line(p->report, &p->report->plan.merges, err, "%g: %s, %s",
                                      o->alpha, weld_method_wanted(o), weld_statistic_wanted(o)));
    }
    size_t bytes = (3 + p->o->merge_count) * p->rates.weight_bytes + run_bytes(p, CORRECTED);
    WELD_TRY(add_frontier(&bytes, p, data, CORRECTED, err));
    if (p->o->merge_count)
        st = add_step(p, "merge", passes, passes * p->rates.pass + learnt * p->rates.learn, bytes,
                      err, "%zu merge%s, the first by %s with statistics %s", p->o->merge_count,
                      p->o->merge_count == 1 ? "" : "s", weld_method_wanted(&p->o->merges[0]),
                      weld_statistic_wanted(&p->o->merges[0]));
done:
    return st;
}

/* Three and more: each, every pair's mean, and all of them together. */
static weld_status plan_measuring_all(weld_foreseen *p, weld_error *err)
{
    const int pairs = p->models * (p->models - 1) / 2, networks = p->models + pairs + 1;
    const double n = (double)p->wish.data->count, resamples = p->wish.resamples;
    const double curves = 2.0 * (p->models + 1) + 3.0 * pairs + p->models;
    return add_step(
        p, "merge", n * networks,
        n * networks * p->rates.pass + resamples * ((p->models + 1) * n * p->rates.draw +
                                                    curves * (n * p->rates.weigh + p->rates.bound)),
        4 * p->rates.weight_bytes + run_bytes(p, 1) +
            (size_t)(sizeof(double) * (curves * (n + resamples))),
        err, "%d models, the means of %d pairs and the merge on %.0f samples", p->models, pairs, n);
}

/* Networks of the path that are no end: each alpha of both grids once. */
static int count_mixes(const weld_pair_input *w)
{
    int count = 0;
    for (int k = 0; k < w->alpha_count + w->llfc_alpha_count; k++) {
        const double alpha = k < w->alpha_count ? w->alpha[k] : w->llfc_alpha[k - w->alpha_count];
        bool known = !(alpha > 0 && alpha < 1);
        for (int t = 0; k >= w->alpha_count && t < w->alpha_count; t++)
            known = known || w->alpha[t] == alpha;
        count += !known;
    }
    return count;
}

static weld_status plan_measuring(weld_foreseen *p, weld_error *err)
{
    const int mixes = WELD_VARIANTS * count_mixes(&p->wish);
    const int extra = (int)p->o->merge_count;
    const double n = (double)p->wish.data->count;
    /* for each that is written, four networks run for the variances of its layers */
    const double more = mixes - p->rates.mixes + extra + 4.0 * (double)p->o->written;
    const size_t networks = 3 + (size_t)mixes + p->o->merge_count;
    size_t bytes = networks * p->rates.weight_bytes + run_bytes(p, 4);
    const weld_status st =
        add_frontier(&bytes, p, p->o->written ? p->wish.data : NULL, COMPARED, err);
    if (st != WELD_OK)
        return st;
    return add_step(p, "measure", n * (3 + mixes + extra + 4.0 * (double)p->o->written),
                    n * (p->rates.measure + more * p->rates.pass), bytes, err,
                    "%d networks of the path and %d merges on %.0f samples", mixes + 3, extra, n);
}

static weld_status plan_resampling(weld_foreseen *p, weld_error *err)
{
    const double n = (double)p->wish.data->count, resamples = p->wish.resamples;
    weld_resampled r;
    const weld_status st = weld_measure_resampled(&r, &p->wish, (int)p->o->merge_count, err);
    if (st != WELD_OK)
        return st;
    const double figures = r.means + r.sums + r.fits, cells = r.means * n + r.sums * r.groups;
    return add_step(p, "measure", 0,
                    resamples * (n * p->rates.draw + cells * p->rates.weigh +
                                 r.fits * p->rates.fit + figures * p->rates.bound),
                    (size_t)(sizeof(double) * (figures * resamples + cells)), err,
                    "%.0f resamples for the intervals of %.0f figures", resamples, figures);
}

weld_status weld_preview_stages(weld_foreseen *p, weld_error *err)
{
    weld_status st = WELD_OK;
    p->times = p->models - 1;
    WELD_TRY(plan_match(p, err));
    WELD_TRY(plan_proof(p, err));
    p->times = 1;
    if (p->models > 2)
        WELD_TRY(plan_rounds(p, err));
    if (p->o->search)
        WELD_TRY(plan_search(p, err));
    WELD_TRY(plan_merges(p, err));
    if (p->wish.data && p->models > 2)
        WELD_TRY(plan_measuring_all(p, err));
    else if (p->wish.data)
        WELD_TRY(plan_measuring(p, err));
    if (p->wish.data && p->models == 2 && p->wish.resamples)
        WELD_TRY(plan_resampling(p, err));
    const double bytes = (double)p->o->written * (double)p->rates.weight_bytes;
    if (p->o->written)
        WELD_TRY(add_step(p, "write", 0, bytes * p->rates.byte, three(p), err, "%zu model%s",
                          p->o->written, p->o->written == 1 ? "" : "s"));
done:
    return st;
}
