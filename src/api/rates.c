#include "api/rates.h"
#include "core/parallel.h"
#include "exec/plan.h"
#include "io/hash.h"
#include "match/lap.h"
#include "match/qap.h"
#include "ops/opaque.h"
#include "tensor/blas.h"
#include <math.h>
#include <string.h>
#include <sys/resource.h>

enum {
    EDGE = 192,            /* of the matrices for products and assignments */
    HASHED_BYTES = 1 << 20 /* for the rate of hashing */
};
static const double batch_seconds = 0.03; /* that a batch of one thread should take at most */

/* The least time of some runs of a thing, as others may use the machine at the same time: up to RUNS of them,
 * while they are short. */
enum { RUNS = 4 };
typedef struct stopwatch {
    double began, least, spent;
    int runs;
} stopwatch;

static bool goes_on(stopwatch *w)
{
    const double now = weld_clock(), took = now - w->began;
    if (w->runs > 0) {
        w->least = w->runs == 1 || took < w->least ? took : w->least;
        w->spent += took;
    }
    w->began = now;
    return w->runs++ == 0 || (w->runs <= RUNS && w->spent < 4 * batch_seconds);
}

/* ---- weights ------------------------------------------------------------------------------------ */

/* Numbers in [-1, 1) that depend on k only. */
static double made_up(size_t k)
{
    return (double)((uint32_t)k * 2654435761u >> 8) / (1 << 23) - 1;
}

/* Values of the size that trained ones have, so that nothing overflows: He's range for matrices; vectors,
 * which may be variances, are positive. */
static void fill_param(const weld_paramset *set, int p)
{
    weld_tensor t = weld_paramset_tensor(set, p);
    const size_t count = weld_param_numel(set->graph, p);
    const double fan = t.shape.rank > 1 ? (double)count / (double)t.shape.dims[0] : 0;
    for (size_t k = 0; k < count; k++)
        weld_tensor_set_number(&t, (int64_t)k,
                               fan > 0 ? sqrt(6 / fan) * made_up(k) : 1 + made_up(k) / 2);
}

static weld_status make_weights(weld_paramset **out, const weld_graph *g, weld_context *ctx,
                                weld_error *err)
{
    const weld_status st = weld_paramset_create(out, ctx, g, err);
    for (int p = 0; st == WELD_OK && p < g->param_count; p++)
        fill_param(*out, p);
    return st;
}

/* ---- passes ------------------------------------------------------------------------------------- */

/* One batch in every slot, on inputs of zeros. */
typedef struct crowd {
    weld_run **runs;
    const weld_paramset *params;
    const weld_tensor **inputs;
} crowd;

static weld_status run_one(void *user, int64_t item, int slot, weld_error *err)
{
    const crowd *c = user;
    (void)slot;
    return weld_run_all(c->runs[item], c->params, c->inputs, err);
}

/* *out: seconds of a sample, with a batch in each of `count` lanes at the same time. */
static weld_status time_passes(double *out, const weld_shapes *shapes, const weld_paramset *params,
                               int count, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = params->ctx;
    const weld_graph *g = shapes->graph;
    weld_plan *plan = NULL;
    weld_tensor *inputs = NULL;
    crowd c = {.params = params};
    stopwatch watch = {0};
    WELD_NEW(c.runs, ctx, count);
    WELD_NEW(c.inputs, ctx, g->input_count);
    WELD_NEW(inputs, ctx, g->input_count);
    for (int k = 0; k < g->input_count; k++) {
        const weld_type *type = &shapes->types[g->inputs[k]];
        WELD_TRY(weld_tensor_create(&inputs[k], ctx, type->dtype, &type->shape, err));
        c.inputs[k] = &inputs[k];
    }
    WELD_TRY(weld_plan_create(&plan, ctx, shapes, NULL, 0, err));
    for (int k = 0; k < count; k++)
        WELD_TRY(weld_run_create(&c.runs[k], plan, err));
    WELD_TRY(run_one(&c, 0, 0, err)); /* so that memory and BLAS are warm */
    while (goes_on(&watch))
        WELD_TRY(weld_parallel_for(ctx, count, run_one, &c, err));
    *out = watch.least / (double)(count * shapes->batch);
done:
    for (int k = 0; c.runs && k < count; k++)
        weld_run_free(c.runs[k]);
    for (int k = 0; inputs && k < g->input_count; k++)
        weld_tensor_free(ctx, &inputs[k]);
    weld_free(ctx, inputs);
    weld_free(ctx, c.inputs);
    weld_free(ctx, c.runs);
    weld_plan_free(plan);
    return st;
}

/* Shapes of a batch that is as large as in a run, or as fast as is wanted. */
static weld_status choose_batch(weld_shapes **out, const weld_alignment *al,
                                const weld_paramset *params, weld_error *err)
{
    weld_status st = WELD_OK;
    double seconds = 0;
    WELD_TRY(weld_structure_shapes(out, al->a->structure, 1, err));
    WELD_TRY(time_passes(&seconds, *out, params, 1, err));
    if (seconds * (double)al->shapes->batch <= batch_seconds) {
        weld_shapes_free(*out);
        *out = NULL;
        WELD_TRY(weld_structure_shapes(out, al->a->structure, WELD_MICRO_BATCH, err));
    }
done:
    return st;
}

/* The first samples of the data, as many as fill `batches`; it borrows all of it. */
static weld_dataset first_of(const weld_dataset *data, const weld_shapes *shapes, int batches)
{
    weld_dataset view = *data;
    const int64_t wanted = shapes->batch * batches;
    view.count = wanted < data->count ? wanted : data->count;
    return view;
}

/* ---- matching ------------------------------------------------------------------------------------ */

/* What a sweep over the layers costs. With K inputs a layer's local form takes seven products of [K, K]
 * (match/local.c); a gradient at a permutation, of which exchanges need one and a walk one for each step, four. */
static double descent_flops(const weld_moments *m)
{
    enum { FORM = 7, GRADIENT = 4 };
    double flops = 0;
    for (int k = 0; k < m->input_count; k++) {
        const double n = m->inputs[k].columns;
        const int gradients = n <= WELD_QAP_WALKED ? 2 + WELD_QAP_STEPS : 1;
        flops += 2 * n * n * n * (FORM + GRADIENT * gradients);
    }
    return flops;
}

static weld_status time_learning(weld_rates *r, const weld_alignment *al, unsigned kinds,
                                 const weld_dataset *data, const weld_shapes *shapes,
                                 const weld_paramset *params, weld_error *err)
{
    weld_moments *moments = NULL;
    const weld_dataset few = first_of(data, shapes, 4); /* as many as run at a time */
    const weld_moments_input what = {.symmetry = al->symmetry,
                                     .shapes = shapes,
                                     .a = params,
                                     .b = params,
                                     .data = &few,
                                     .kinds = kinds};
    const size_t before = al->ctx->in_use_bytes;
    stopwatch watch = {0};
    weld_status st = WELD_OK;
    while (goes_on(&watch)) {
        weld_moments_free(moments);
        WELD_TRY(weld_moments_create(&moments, &what, err));
    }
    r->learn = watch.least / (double)few.count;
    r->moments_bytes = al->ctx->in_use_bytes - before;
    r->descent_flops = descent_flops(moments);
done:
    weld_moments_free(moments);
    return st;
}

static weld_status time_measuring(weld_rates *r, const weld_pair_input *wish,
                                  const weld_shapes *shapes, const weld_paramset *params,
                                  weld_error *err)
{
    static const double ends[] = {0, 1}, half[] = {.5};
    weld_measures *measures = NULL;
    const weld_dataset few = first_of(wish->data, shapes, weld_parallel_slots(wish->ctx));
    const weld_pair_input in = {.ctx = wish->ctx,
                                .shapes = shapes,
                                .a = params,
                                .b = {params, params},
                                .data = &few,
                                .alpha = ends,
                                .alpha_count = 2,
                                .llfc_alpha = half,
                                .llfc_alpha_count = 1,
                                .metric = wish->metric};
    stopwatch watch = {0};
    weld_status st = WELD_OK;
    while (goes_on(&watch)) {
        WELD_TRY(weld_measure(&measures, &in, err));
        weld_measures_free(measures);
    }
    r->measure = watch.least / (double)few.count;
    r->mixes = 2;
done:
    return st;
}

/* ---- the machine ---------------------------------------------------------------------------------- */

static weld_status time_machine(weld_rates *r, weld_context *ctx, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_gemm_shape shape = {false, false, EDGE, EDGE, EDGE, EDGE, EDGE, EDGE};
    stopwatch products = {0}, assignments = {0}, hashes = {0};
    double *x = NULL, *y = NULL, gain;
    int32_t *perm = NULL;
    char *bytes = NULL, hex[WELD_SHA256_TEXT];
    WELD_NEW(x, ctx, EDGE * EDGE);
    WELD_NEW(y, ctx, EDGE * EDGE);
    WELD_NEW(perm, ctx, EDGE);
    WELD_NEW(bytes, ctx, HASHED_BYTES);
    for (size_t k = 0; k < EDGE * EDGE; k++)
        x[k] = made_up(k);
    while (goes_on(&products))
        weld_dgemm(&shape, 1.0, x, x, 0.0, y);
    r->product = products.least / (2.0 * EDGE * EDGE * EDGE);
    while (goes_on(&assignments)) {
        for (int32_t k = 0; k < EDGE; k++)
            perm[k] = k;
        WELD_TRY(weld_lap_max(perm, ctx, x, EDGE, &gain, err));
    }
    r->cube = assignments.least / ((double)EDGE * EDGE * EDGE);
    while (goes_on(&hashes))
        WELD_TRY(weld_sha256_memory(hex, ctx, bytes, HASHED_BYTES, err));
    r->byte = hashes.least / HASHED_BYTES;
done:
    weld_free(ctx, x);
    weld_free(ctx, y);
    weld_free(ctx, perm);
    weld_free(ctx, bytes);
    return st;
}

/* Seconds of a bootstrap of so many curves. */
static weld_status time_curves(double *out, weld_context *ctx, int64_t samples, int resamples,
                               int count, const double *y, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_arena arena;
    weld_curve_bounds bounds;
    stopwatch watch = {0};
    const weld_curve curve = {.count = count, .y = y, .stride = samples, .out = &bounds};
    const weld_bootstrap_input in = {.ctx = ctx,
                                     .samples = samples,
                                     .group = samples,
                                     .curves = &curve,
                                     .curve_count = 1,
                                     .resamples = resamples};
    weld_arena_init(&arena, ctx);
    while (goes_on(&watch))
        WELD_TRY(weld_bootstrap(&arena, &in, err));
    *out = watch.least;
done:
    weld_arena_free(&arena);
    return st;
}

/* With losses that have a least one within the range. */
static void time_fit(weld_rates *r)
{
    weld_heat halves[2] = {0};
    stopwatch watch = {0};
    double room[4];
    for (int k = 0; k < 64; k++) {
        const float z[2] = {(float)made_up((size_t)k), 0.5f};
        weld_heat_add(&halves[k % 2], z, 2, z[0] + made_up((size_t)k + 1000) > 0 ? 0 : 1, room);
    }
    while (goes_on(&watch))
        weld_calibrate(halves);
    r->fit = watch.least;
}

static double rate(double seconds, double of)
{
    return seconds > 0 ? seconds / of : 0;
}

/* One curve and many, of many samples and few, tell apart what the parts take. */
static weld_status time_resampling(weld_rates *r, weld_context *ctx, weld_error *err)
{
    enum { CURVES = 33, MANY = 2048, FEW = 16, RESAMPLES = 200 };
    weld_status st = WELD_OK;
    const double more = (CURVES - 1) * RESAMPLES;
    double *y = NULL, one, many, narrow[2];
    WELD_NEW(y, ctx, CURVES * MANY);
    for (size_t k = 0; k < CURVES * MANY; k++)
        y[k] = made_up(k);
    WELD_TRY(time_curves(&one, ctx, MANY, RESAMPLES, 1, y, err));
    WELD_TRY(time_curves(&many, ctx, MANY, RESAMPLES, CURVES, y, err));
    WELD_TRY(time_curves(&narrow[0], ctx, FEW, RESAMPLES, 1, y, err));
    WELD_TRY(time_curves(&narrow[1], ctx, FEW, RESAMPLES, CURVES, y, err));
    time_fit(r);
    r->draw = rate(one, (double)RESAMPLES * MANY);
    r->bound = rate(narrow[1] - narrow[0], more);
    r->weigh = rate(many - one - more * r->bound, more * MANY);
done:
    weld_free(ctx, y);
    return st;
}

static weld_status find_run_bytes(weld_rates *r, const weld_alignment *al, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_rows rows = {0};
    weld_plan *plan = NULL;
    WELD_TRY(weld_rows_find(&rows, al->ctx, al->shapes, err));
    WELD_TRY(weld_plan_create(&plan, al->ctx, al->shapes, rows.values, rows.count, err));
    r->run_bytes = weld_plan_bytes(plan);
done:
    weld_plan_free(plan);
    weld_rows_free(&rows);
    return st;
}

/* Code, and what other libraries took, at most so far. */
static size_t own_bytes(const weld_context *ctx)
{
    struct rusage usage;
    const size_t counted = ctx->in_use_bytes;
    const size_t all = getrusage(RUSAGE_SELF, &usage) == 0 ? (size_t)usage.ru_maxrss * 1024 : 0;
    return all > counted ? all - counted : 0;
}

weld_status weld_rates_measure(weld_rates *out, const weld_alignment *al, unsigned kinds,
                               const weld_dataset *match_data, const weld_pair_input *wish,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = al->a->structure->graph;
    weld_paramset *params = NULL;
    weld_shapes *shapes = NULL;
    *out = (weld_rates){
        .pass = NAN, .weight_bytes = weld_params_bytes(g), .own_bytes = own_bytes(al->ctx)};
    WELD_TRY(time_machine(out, al->ctx, err));
    if (weld_find_opaque(g))
        return WELD_OK;
    WELD_TRY(find_run_bytes(out, al, err));
    WELD_TRY(make_weights(&params, g, al->ctx, err));
    WELD_TRY(choose_batch(&shapes, al, params, err));
    WELD_TRY(time_passes(&out->pass, shapes, params, weld_parallel_slots(al->ctx), err));
    if (match_data)
        WELD_TRY(time_learning(out, al, kinds, match_data, shapes, params, err));
    if (wish)
        WELD_TRY(time_measuring(out, wish, shapes, params, err));
    if (wish && wish->resamples)
        WELD_TRY(time_resampling(out, al->ctx, err));
done:
    weld_shapes_free(shapes);
    weld_paramset_free(params);
    return st;
}
