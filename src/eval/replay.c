#include "eval/replay.h"
#include "core/parallel.h"
#include "eval/loss.h"
#include "eval/rows.h"

struct weld_replay {
    weld_context *ctx;
    const weld_shapes *shapes;
    const weld_paramset *params;
    const weld_dataset *data;
    int64_t samples, size; /* size: elements of the logits per sample */
    int chunks, logits, from;
    bool kept; /* every chunk has a run of its own, which keeps all values; else one per slot */
    weld_plan *plan;
    weld_run **runs; /* [run_count] */
    weld_feed *feed; /* [run_count] */
    int run_count;
    double *loss; /* [samples] */
};

/* All values that nodes make. */
static int list_values(int *values, const weld_graph *g)
{
    int count = 0;
    for (int v = 0; v < g->value_count; v++)
        if (g->values[v].kind == WELD_VALUE_NODE)
            values[count++] = v;
    return count;
}

static bool all_fit(const weld_replay *r)
{
    size_t bytes = 0;
    for (int v = 0; v < r->shapes->graph->value_count; v++) {
        const weld_type *type = &r->shapes->types[v];
        if (r->shapes->graph->values[v].kind == WELD_VALUE_NODE)
            bytes += (size_t)weld_shape_numel(&type->shape) * weld_compute_size(type->dtype);
    }
    return bytes <= r->ctx->budget_bytes / 4 / (size_t)r->chunks;
}

static weld_status alloc_runs(weld_replay *r, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = r->shapes->graph;
    int *taps = NULL, tap_count = 1;
    WELD_NEW(taps, r->ctx, g->value_count + 1);
    taps[0] = r->logits;
    r->kept = all_fit(r);
    if (r->kept)
        tap_count = list_values(taps, g);
    WELD_TRY(weld_plan_create(&r->plan, r->ctx, r->shapes, taps, tap_count, err));
    r->run_count = r->kept ? r->chunks : weld_parallel_slots(r->ctx);
    WELD_NEW(r->runs, r->ctx, r->run_count);
    WELD_NEW(r->feed, r->ctx, r->run_count);
    for (int k = 0; k < r->run_count; k++) {
        WELD_TRY(weld_run_create(&r->runs[k], r->plan, err));
        WELD_TRY(weld_feed_create(&r->feed[k], r->data, r->shapes, err));
    }
done:
    weld_free(r->ctx, taps);
    return st;
}

static int64_t chunk_size(const weld_replay *r, int64_t chunk)
{
    const int64_t left = r->samples - chunk * r->shapes->batch;
    return left < r->shapes->batch ? left : r->shapes->batch;
}

static weld_status load_chunk(weld_replay *r, int run, int64_t chunk, weld_error *err)
{
    weld_run_bind(r->runs[run], r->params, r->feed[run].inputs);
    return weld_feed_load(&r->feed[run], chunk * r->shapes->batch, chunk_size(r, chunk), err);
}

weld_status weld_replay_create(weld_replay **out, const weld_shapes *shapes,
                               const weld_paramset *params, const weld_dataset *data,
                               int64_t samples, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_rows rows = {0};
    weld_replay *r = NULL;
    *out = NULL;
    WELD_NEW(r, params->ctx, 1);
    *r = (weld_replay){.ctx = params->ctx,
                       .shapes = shapes,
                       .params = params,
                       .data = data,
                       .samples = samples,
                       .chunks = (int)((samples + shapes->batch - 1) / shapes->batch)};
    WELD_TRY(weld_rows_find(&rows, r->ctx, shapes, err));
    r->logits = rows.logits;
    r->size = weld_shape_numel(&shapes->types[r->logits].shape) / shapes->batch;
    WELD_TRY(weld_check_truth(data, r->size, err));
    WELD_NEW(r->loss, r->ctx, samples);
    WELD_TRY(alloc_runs(r, err));
    for (int k = 0; r->kept && k < r->chunks; k++)
        WELD_TRY(load_chunk(r, k, k, err));
    *out = r;
    r = NULL;
done:
    weld_rows_free(&rows);
    weld_replay_free(r);
    return st;
}

void weld_replay_free(weld_replay *r)
{
    if (!r)
        return;
    for (int k = 0; r->runs && k < r->run_count; k++)
        weld_run_free(r->runs[k]);
    for (int k = 0; r->feed && k < r->run_count; k++)
        weld_feed_free(&r->feed[k]);
    weld_free(r->ctx, r->runs);
    weld_free(r->ctx, r->feed);
    weld_free(r->ctx, r->loss);
    weld_plan_free(r->plan);
    weld_free(r->ctx, r);
}

int weld_replay_steps(const weld_replay *r)
{
    return weld_plan_steps(r->plan);
}

int weld_replay_step_of(const weld_replay *r, int param)
{
    return weld_plan_first_use(r->plan, r->shapes->graph->params[param].value);
}

static weld_status run_chunk(void *user, int64_t chunk, int slot, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_replay *r = user;
    const int k = r->kept ? (int)chunk : slot;
    const int64_t first = chunk * r->shapes->batch;
    double correct;
    if (!r->kept)
        WELD_TRY(load_chunk(r, k, chunk, err));
    WELD_TRY(weld_run_steps(r->runs[k], r->kept ? r->from : 0, weld_plan_steps(r->plan), err));
    const float *z = weld_run_floats(r->runs[k], r->logits);
    for (int64_t i = 0; i < chunk_size(r, chunk); i++)
        weld_judge_sample(&r->loss[first + i], &correct, r->data, first + i, z + i * r->size,
                          r->size);
done:
    return st;
}

weld_status weld_replay_loss(double *out, weld_replay *r, int from, weld_error *err)
{
    double sum = 0;
    r->from = from;
    const weld_status st = weld_parallel_for(r->ctx, r->chunks, run_chunk, r, err);
    for (int64_t i = 0; i < r->samples; i++)
        sum += r->loss[i];
    *out = sum / (double)r->samples;
    return st;
}
