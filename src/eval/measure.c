#include "eval/measure.h"
#include "core/parallel.h"
#include "eval/loss.h"
#include "eval/pass.h"
#include <math.h>

enum {
    GROUPS_MAX = 512
}; /* sums are kept of each group of samples: their memory does not grow with the data */

/* ---- one batch --------------------------------------------------------------------------------- */

/* Where the scores of a network go: out[kind] + sample. */
typedef struct destination {
    double *score[WELD_SCORES];
    weld_heat *heat; /* [group, heats, 2], NULL = not wanted */
    double alpha;
} destination;

static void score_batch(const weld_pass *p, const destination *to, weld_run *run,
                        weld_run *const ends[2], int slot, int64_t first, int64_t n)
{
    const int logits = p->out->rows.logits;
    const int64_t size = p->out->classes, heats = WELD_VARIANTS * p->in->alpha_count;
    const int64_t *labels = p->out->set.labels ? p->in->data->labels : NULL;
    const double *targets = p->in->data->targets;
    const float *z = weld_run_floats(run, logits), *a = weld_run_floats(ends[0], logits),
                *b = weld_run_floats(ends[1], logits);
    for (int64_t i = first; i < first + n; i++, z += size, a += size, b += size) {
        const weld_outputs_of of = {
            z, a, b, size, labels ? labels[i] : 0, targets ? targets + i * size : NULL, to->alpha};
        double scores[WELD_SCORES];
        weld_score_outputs(scores, &p->out->set, &of);
        for (int k = 0; k < WELD_SCORES; k++)
            if (to->score[k])
                to->score[k][i] = scores[k];
        if (to->heat)
            weld_heat_add(&to->heat[i / p->group * heats * 2 + i % 2], z, size, of.label,
                          p->room[slot]);
    }
}

static destination path_point(const weld_pass *p, int variant, int k)
{
    const int count = p->in->alpha_count;
    const int64_t at = variant * count + p->alpha_of[k];
    destination out = {.alpha = p->mix[k]};
    for (int s = 0; s < WELD_SCORES; s++)
        out.score[s] = p->s.score[s] ? p->s.score[s] + at * p->in->data->count : NULL;
    out.heat = p->s.heat ? p->s.heat + at * 2 : NULL;
    return out;
}

/* The network at a point of the path: the ends have run already. */
static weld_status run_mixed(weld_run **out, weld_pass *p, weld_run **runs, int v, int k,
                             const weld_tensor *const *inputs, weld_error *err)
{
    const weld_paramset *params = p->mixed[v * p->mix_count + k];
    *out = params ? runs[3] : p->mix[k] > 0 ? runs[0] : runs[1 + v];
    return params ? weld_run_all(runs[3], params, inputs, err) : WELD_OK;
}

/* The path between A and one of the B's. */
static weld_status measure_variant(weld_pass *p, weld_run **runs, int v, int slot, int64_t first,
                                   int64_t n, const weld_tensor *const *inputs, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_rows *rows = &p->out->rows;
    const int64_t total = p->in->data->count, points = p->in->llfc_alpha_count;
    weld_run *const ends[2] = {runs[0], runs[1 + v]};
    weld_llfc_ends(p->s.ends + v * rows->count * total + first, rows, p->in->shapes, ends[0],
                   ends[1], total, n);
    for (int k = 0; k < p->mix_count; k++) {
        weld_run *mixed;
        WELD_TRY(run_mixed(&mixed, p, runs, v, k, inputs, err));
        if (p->alpha_of[k] >= 0) {
            const destination to = path_point(p, v, k);
            score_batch(p, &to, mixed, ends, slot, first, n);
        }
        if (p->llfc_of[k] >= 0)
            weld_llfc_mixed(p->s.mixed + (v * rows->count * points + p->llfc_of[k]) * total + first,
                            rows, p->in->shapes, ends, mixed, points * total, n);
    }
done:
    return st;
}

static weld_status measure_extra(weld_pass *p, weld_run **runs, int e, int slot, int64_t first,
                                 int64_t n, const weld_tensor *const *inputs, weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t total = p->in->data->count;
    weld_run *const ends[2] = {runs[0], runs[1 + WELD_ALIGNED]};
    destination to = {.alpha = p->in->extra[e].alpha};
    to.score[WELD_SCORE_LOSS] = p->s.extra_loss + e * total;
    to.score[WELD_SCORE_CORRECT] = p->s.extra_correct + e * total;
    WELD_TRY(weld_run_all(runs[3], p->in->extra[e].params, inputs, err));
    score_batch(p, &to, runs[3], ends, slot, first, n);
    weld_llfc_mixed(p->s.extra_mixed + e * p->out->rows.count * total + first, &p->out->rows,
                    p->in->shapes, ends, runs[3], total, n);
done:
    return st;
}

static weld_status measure_batch(weld_pass *p, int slot, int64_t first, int64_t n, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_run **runs = p->runs + 4 * slot;
    const weld_tensor *const *inputs = p->feed[slot].inputs;
    WELD_TRY(weld_feed_load(&p->feed[slot], first, n, err));
    weld_run_bind(runs[0], p->in->a, inputs);
    for (int v = 0; v < WELD_VARIANTS; v++)
        weld_run_bind(runs[1 + v], p->in->b[v], inputs);
    WELD_TRY(weld_conditions_run(p->out->conditions, runs, slot, first, n, err));
    for (int v = 0; v < WELD_VARIANTS; v++)
        WELD_TRY(measure_variant(p, runs, v, slot, first, n, inputs, err));
    for (int e = 0; e < p->in->extra_count; e++)
        WELD_TRY(measure_extra(p, runs, e, slot, first, n, inputs, err));
done:
    return st;
}

static weld_status measure_share(void *user, int64_t share, int slot, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_pass *p = user;
    const int64_t total = p->in->data->count;
    const int64_t end = (share + 1) * p->per_share < total ? (share + 1) * p->per_share : total;
    for (int64_t first = share * p->per_share; first < end; first += p->micro)
        WELD_TRY(
            measure_batch(p, slot, first, end - first < p->micro ? end - first : p->micro, err));
    if (share % 8 == 0)
        st = weld_progress(p->in->ctx, "measure", (double)share / (double)p->shares, err);
done:
    return st;
}

/* ---- the pass ---------------------------------------------------------------------------------- */

static void collect_alphas(weld_pass *p)
{
    const weld_pair_input *in = p->in;
    for (int k = 0; k < in->alpha_count + in->llfc_alpha_count; k++) {
        bool from_grid = k < in->alpha_count;
        double alpha = from_grid ? in->alpha[k] : in->llfc_alpha[k - in->alpha_count];
        int m = 0;
        while (m < p->mix_count && p->mix[m] != alpha)
            m++;
        if (m == p->mix_count) {
            p->mix[m] = alpha;
            p->alpha_of[m] = p->llfc_of[m] = -1;
            p->mix_count++;
        }
        if (from_grid)
            p->alpha_of[m] = k;
        else
            p->llfc_of[m] = k - in->alpha_count;
    }
}

static weld_status alloc_samples(weld_pass *p, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_pair_input *in = p->in;
    weld_arena *arena = &p->out->arena;
    const size_t n = (size_t)in->data->count, rows = (size_t)p->out->rows.count;
    const size_t extra = (size_t)in->extra_count;
    const size_t path = WELD_VARIANTS * (size_t)in->alpha_count;
    for (int k = 0; k < WELD_SCORES; k++)
        if (p->out->set.has[k])
            WELD_ARENA_NEW(p->s.score[k], arena, path * n);
    WELD_ARENA_NEW(p->s.ends, arena, WELD_VARIANTS * rows * n);
    WELD_ARENA_NEW(p->s.mixed, arena, WELD_VARIANTS * rows * (size_t)in->llfc_alpha_count * n);
    WELD_ARENA_NEW(p->s.extra_loss, arena, extra * n);
    WELD_ARENA_NEW(p->s.extra_correct, arena, extra * n);
    WELD_ARENA_NEW(p->s.extra_mixed, arena, extra * rows * n);
    if (p->out->set.loss == WELD_LOSS_CE)
        WELD_ARENA_NEW(p->s.heat, arena, (size_t)p->groups * path * 2);
done:
    return st;
}

static weld_status mix_all(weld_pass *p, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_pair_input *in = p->in;
    const int all = in->alpha_count + in->llfc_alpha_count;
    WELD_ARENA_NEW(p->mix, &p->out->arena, all);
    WELD_ARENA_NEW(p->alpha_of, &p->out->arena, all);
    WELD_ARENA_NEW(p->llfc_of, &p->out->arena, all);
    collect_alphas(p);
    WELD_ARENA_NEW(p->mixed, &p->out->arena, WELD_VARIANTS * p->mix_count);
    for (int k = 0; k < WELD_VARIANTS * p->mix_count; k++) {
        const double alpha = p->mix[k % p->mix_count];
        if (!(alpha > 0 && alpha < 1))
            continue;
        WELD_TRY(weld_paramset_create(&p->mixed[k], in->ctx, in->shapes->graph, err));
        weld_paramset_lerp(p->mixed[k], in->a, in->b[k / p->mix_count], alpha);
    }
done:
    return st;
}

static weld_status alloc_pass(weld_pass *p, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_pair_input *in = p->in;
    weld_arena *arena = &p->out->arena;
    const int slots = weld_parallel_slots(in->ctx);
    WELD_TRY(alloc_samples(p, err));
    WELD_TRY(mix_all(p, err));
    WELD_ARENA_NEW(p->runs, arena, 4 * slots);
    WELD_ARENA_NEW(p->feed, arena, slots);
    WELD_ARENA_NEW(p->room, arena, slots);
    for (int s = 0; s < slots; s++) {
        WELD_ARENA_NEW(p->room[s], arena, 2 * p->out->classes);
        WELD_TRY(weld_feed_create(&p->feed[s], in->data, in->shapes, err));
    }
    WELD_TRY(weld_plan_create(&p->plan, in->ctx, in->shapes, p->out->rows.values,
                              p->out->rows.count, err));
    for (int s = 0; s < 4 * slots; s++)
        WELD_TRY(weld_run_create(&p->runs[s], p->plan, err));
    WELD_TRY(weld_conditions_create(&p->out->conditions, in->ctx, in->shapes, p->plan, in->a, in->b,
                                    p->group, p->groups, err));
done:
    return st;
}

static void free_pass(weld_pass *p)
{
    for (int k = 0; p->mixed && k < WELD_VARIANTS * p->mix_count; k++)
        weld_paramset_free(p->mixed[k]);
    for (int s = 0; p->runs && s < 4 * weld_parallel_slots(p->in->ctx); s++)
        weld_run_free(p->runs[s]);
    for (int s = 0; p->feed && s < weld_parallel_slots(p->in->ctx); s++)
        weld_feed_free(&p->feed[s]);
    weld_plan_free(p->plan);
}

/* Samples that have sums in common: the fewest that divide a batch, else those of a share. */
static int64_t group_size(int64_t samples, int64_t micro, int64_t share)
{
    for (int64_t size = 1; size <= micro; size++)
        if (micro % size == 0 && (samples + size - 1) / size <= GROUPS_MAX)
            return size;
    return share;
}

/* Which rows and scores there are. */
static weld_status find_rows(weld_measures *out, const weld_pair_input *in, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_TRY(weld_rows_find(&out->rows, in->ctx, in->shapes, err));
    const weld_type *logits = &in->shapes->types[out->rows.logits];
    WELD_REQUIRE(weld_dtype_is_float(logits->dtype), WELD_E_UNSUPPORTED,
                 "the output that the loss is of is %s: it can't be measured",
                 weld_dtype_name(logits->dtype));
    out->classes = (int)(weld_shape_numel(&logits->shape) / in->shapes->batch);
    const weld_truth truth = in->data->labels    ? WELD_TRUTH_LABELS
                             : in->data->targets ? WELD_TRUTH_TARGETS
                                                 : WELD_TRUTH_NONE;
    WELD_TRY(weld_score_set_read(&out->set, in->metric, truth, &logits->shape, err));
    if (out->set.labels || truth == WELD_TRUTH_TARGETS)
        WELD_TRY(weld_check_truth(in->data, out->classes, err));
done:
    return st;
}

weld_status weld_measure_check(const weld_pair_input *input, weld_error *err)
{
    weld_measures found = {.ctx = input->ctx};
    const weld_status st = find_rows(&found, input, err);
    weld_rows_free(&found.rows);
    return st;
}

weld_status weld_measure_resampled(weld_resampled *out, const weld_pair_input *in, int extra,
                                   weld_error *err)
{
    weld_measures found = {.ctx = in->ctx};
    const double points = WELD_VARIANTS * in->alpha_count, mixes = in->llfc_alpha_count;
    const weld_status st = find_rows(&found, in, err);
    const double rows = WELD_VARIANTS * found.rows.count;
    int scores = 0;
    for (int s = 0; s < WELD_SCORES; s++)
        scores += found.set.has[s];
    *out = (weld_resampled){.means = points * scores + 2.0 * extra +
                                     rows * (WELD_LLFC_FIGURES * mixes + 1),
                            .sums = rows * WELD_LLFC_FIGURES * (mixes + 1) + extra * rows,
                            .fits = found.set.loss == WELD_LOSS_CE ? points : 0,
                            .groups = fmin((double)in->data->count, GROUPS_MAX)};
    weld_rows_free(&found.rows);
    return st;
}

/* How the samples are shared out. */
static void share_samples(weld_pass *p)
{
    const weld_pair_input *in = p->in;
    const int64_t batches = (in->data->count + in->shapes->batch - 1) / in->shapes->batch;
    p->micro = in->shapes->batch;
    p->per_share = (batches + GROUPS_MAX - 1) / GROUPS_MAX * p->micro;
    p->shares = (in->data->count + p->per_share - 1) / p->per_share;
    p->group = group_size(in->data->count, p->micro, p->per_share);
    p->groups = (in->data->count + p->group - 1) / p->group;
}

weld_status weld_measure(weld_measures **out, const weld_pair_input *input, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_pass p = {.in = input};
    weld_context *ctx = input->ctx;
    *out = NULL;
    WELD_NEW(p.out, ctx, 1);
    p.out->ctx = ctx;
    weld_arena_init(&p.out->arena, ctx);
    p.out->samples = input->data->count;
    WELD_TRY(find_rows(p.out, input, err));
    share_samples(&p);
    WELD_TRY(alloc_pass(&p, err));
    WELD_TRY(weld_parallel_for(ctx, p.shares, measure_share, &p, err));
    WELD_TRY(weld_pass_reduce(&p, err));
    *out = p.out;
    p.out = NULL;
done:
    free_pass(&p);
    weld_measures_free(p.out);
    return st;
}

void weld_measures_free(weld_measures *measures)
{
    if (!measures)
        return;
    weld_rows_free(&measures->rows);
    weld_conditions_free(measures->conditions);
    weld_arena_free(&measures->arena);
    weld_free(measures->ctx, measures);
}
