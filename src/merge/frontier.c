#include "merge/frontier.h"
#include "core/parallel.h"
#include <string.h>

/* Where one network stands. */
typedef struct stand {
    int cut;   /* steps before it are done */
    int *live; /* [live_count] values that are kept there */
    int live_count;
    void **kept;    /* [chunks] their elements one after the other; NULL = nothing yet */
    int next;       /* the cut of this visit */
    int *next_live; /* [next_count] */
    int next_count;
    size_t next_bytes;
    bool keeps; /* goes on to `next` */
} stand;

struct weld_frontier {
    const weld_merge_job *job;
    const weld_paramset **nets; /* [net_count] */
    int net_count;
    weld_plan *plan;
    int64_t chunks;
    stand *stands;   /* [net_count] */
    weld_run **runs; /* [lane, net] */
    weld_feed *feed; /* [lane] */
    /* this visit: */
    const weld_visitor *visitor;
    int64_t first; /* chunk of lane 0 */
    int step;
    bool moving;
};

/* Of a value that is kept: inputs are read again. */
static size_t kept_bytes(const weld_shapes *shapes, int value)
{
    const weld_type *type = &shapes->types[value];
    const bool input = shapes->graph->values[value].kind == WELD_VALUE_INPUT;
    return input ? 0 : (size_t)weld_shape_numel(&type->shape) * weld_compute_size(type->dtype);
}

static bool is_input(const weld_frontier *f, int value)
{
    return f->job->shapes->graph->values[value].kind == WELD_VALUE_INPUT;
}

/* What one of the networks may keep. */
static size_t room_for(const weld_context *ctx, int nets)
{
    return ctx->budget_bytes / 4 / (size_t)nets;
}

static int64_t chunk_samples(const weld_frontier *f, int64_t chunk)
{
    const int64_t left = f->job->data->count - chunk * f->job->shapes->batch;
    return left < f->job->shapes->batch ? left : f->job->shapes->batch;
}

static void list_nets(weld_frontier *f, const weld_paramset *const *merged, int merged_count)
{
    for (int k = 0; k < f->net_count; k++)
        f->nets[k] = k < merged_count ? merged[k] : f->job->models[k - merged_count];
}

weld_status weld_frontier_create(weld_frontier **out, const weld_merge_job *job,
                                 const weld_paramset *const *merged, int merged_count, bool models,
                                 weld_error *err)
{
    weld_status st = WELD_OK;
    weld_frontier *f = NULL;
    const weld_graph *g = job->shapes->graph;
    *out = NULL;
    WELD_NEW(f, job->ctx, 1);
    f->job = job;
    f->net_count = merged_count + (models ? job->model_count : 0);
    WELD_NEW(f->nets, job->ctx, f->net_count);
    list_nets(f, merged, merged_count);
    f->chunks = (job->data->count + job->shapes->batch - 1) / job->shapes->batch;
    WELD_TRY(weld_plan_create(&f->plan, job->ctx, job->shapes, NULL, 0, err));
    WELD_NEW(f->stands, job->ctx, f->net_count);
    WELD_NEW(f->runs, job->ctx, WELD_LANES * f->net_count);
    WELD_NEW(f->feed, job->ctx, WELD_LANES);
    for (int k = 0; k < WELD_LANES; k++)
        WELD_TRY(weld_feed_create(&f->feed[k], job->data, job->shapes, err));
    for (int k = 0; k < WELD_LANES * f->net_count; k++)
        WELD_TRY(weld_run_create(&f->runs[k], f->plan, err));
    for (int k = 0; k < f->net_count; k++) {
        WELD_NEW(f->stands[k].live, job->ctx, g->value_count);
        WELD_NEW(f->stands[k].next_live, job->ctx, g->value_count);
        WELD_NEW(f->stands[k].kept, job->ctx, f->chunks);
    }
    *out = f;
    f = NULL;
done:
    weld_frontier_free(f);
    return st;
}

void weld_frontier_free(weld_frontier *f)
{
    if (!f)
        return;
    weld_context *ctx = f->job->ctx;
    for (int k = 0; f->stands && k < f->net_count; k++) {
        for (int64_t c = 0; f->stands[k].kept && c < f->chunks; c++)
            weld_free(ctx, f->stands[k].kept[c]);
        weld_free(ctx, f->stands[k].kept);
        weld_free(ctx, f->stands[k].live);
        weld_free(ctx, f->stands[k].next_live);
    }
    for (int k = 0; f->runs && k < WELD_LANES * f->net_count; k++)
        weld_run_free(f->runs[k]);
    for (int k = 0; f->feed && k < WELD_LANES; k++)
        weld_feed_free(&f->feed[k]);
    weld_free(ctx, f->nets);
    weld_free(ctx, f->stands);
    weld_free(ctx, f->runs);
    weld_free(ctx, f->feed);
    weld_plan_free(f->plan);
    weld_free(ctx, f);
}

/* Of all cuts that fit, what the widest keeps of a batch. */
static size_t widest_cut(const weld_shapes *shapes, const weld_plan *plan, int *live, size_t room)
{
    size_t widest = 0;
    for (int step = 0; step <= weld_plan_steps(plan); step++) {
        const int count = weld_plan_live(live, plan, step);
        size_t bytes = 0;
        for (int k = 0; k < count; k++)
            bytes += kept_bytes(shapes, live[k]);
        widest = bytes > widest && bytes <= room ? bytes : widest;
    }
    return widest;
}

weld_status weld_frontier_bytes(size_t *out, weld_context *ctx, const weld_shapes *shapes,
                                int64_t samples, int nets, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_plan *plan = NULL;
    int *live = NULL;
    const size_t chunks = (size_t)((samples + shapes->batch - 1) / shapes->batch);
    WELD_TRY(weld_plan_create(&plan, ctx, shapes, NULL, 0, err));
    WELD_NEW(live, ctx, shapes->graph->value_count);
    *out = WELD_LANES * weld_plan_bytes(plan) +
           chunks * widest_cut(shapes, plan, live, room_for(ctx, nets) / chunks);
done:
    weld_plan_free(plan);
    weld_free(ctx, live);
    return st;
}

const weld_plan *weld_frontier_plan(const weld_frontier *f)
{
    return f->plan;
}

int weld_frontier_nets(const weld_frontier *f)
{
    return f->net_count;
}

/* The cut at which each network will stand, and whether what lives there fits. */
static void choose_cuts(weld_frontier *f)
{
    const size_t room = room_for(f->job->ctx, f->net_count);
    for (int k = 0; k < f->net_count; k++) {
        stand *s = &f->stands[k];
        s->next = f->step + (k > 0);
        s->next_count = weld_plan_live(s->next_live, f->plan, s->next);
        s->next_bytes = 0;
        for (int i = 0; i < s->next_count; i++)
            s->next_bytes += kept_bytes(f->job->shapes, s->next_live[i]);
        s->keeps = s->next_bytes <= room / (size_t)f->chunks;
    }
}

static void restore(weld_frontier *f, const stand *s, weld_run *run, int64_t chunk)
{
    const char *at = s->kept[chunk];
    for (int i = 0; i < s->live_count; i++) {
        if (is_input(f, s->live[i]))
            continue;
        weld_run_restore(run, s->live[i], at);
        at += kept_bytes(f->job->shapes, s->live[i]);
    }
}

static weld_status keep(weld_frontier *f, stand *s, const weld_run *run, int64_t chunk,
                        weld_error *err)
{
    weld_status st = WELD_OK;
    char *at = NULL;
    weld_free(f->job->ctx, s->kept[chunk]);
    s->kept[chunk] = NULL;
    WELD_NEW(at, f->job->ctx, s->next_bytes);
    s->kept[chunk] = at;
    for (int i = 0; i < s->next_count; i++) {
        if (is_input(f, s->next_live[i]))
            continue;
        const size_t bytes = kept_bytes(f->job->shapes, s->next_live[i]);
        memcpy(at, weld_run_value(run, s->next_live[i])->data, bytes);
        at += bytes;
    }
done:
    return st;
}

/* The batch is read again where a step from the cut on looks at the input. */
static bool reads_input(const weld_frontier *f)
{
    for (int k = 0; k < f->net_count; k++) {
        const stand *s = &f->stands[k];
        bool reads = s->cut == 0;
        for (int i = 0; i < s->live_count; i++)
            reads = reads || is_input(f, s->live[i]);
        if (reads)
            return true;
    }
    return false;
}

/* Places behind the first `samples` repeat them. */
static void repeat_samples(weld_tensor *out, int64_t samples, int64_t batch)
{
    const size_t each = (size_t)(weld_shape_numel(&out->shape) / batch) *
                        weld_compute_size(out->dtype);
    char *at = out->data;
    for (int64_t k = samples; k < batch; k++)
        memcpy(at + (size_t)k * each, at + (size_t)(k - samples) * each, each);
}

static weld_status read_batch(const weld_frontier *f, weld_feed *feed, int64_t first,
                              int64_t samples, weld_error *err)
{
    const weld_status st = weld_feed_load(feed, first, samples, err);
    for (int k = 0; st == WELD_OK && k < feed->count; k++)
        repeat_samples(&feed->tensors[k], samples, f->job->shapes->batch);
    return st;
}

static weld_status run_lane(void *user, int64_t lane, int slot, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_frontier *f = user;
    weld_run **runs = f->runs + lane * f->net_count;
    const int64_t chunk = f->first + lane, samples = chunk_samples(f, chunk);
    (void)slot;
    if (reads_input(f))
        WELD_TRY(read_batch(f, &f->feed[lane], chunk * f->job->shapes->batch, samples, err));
    for (int k = 0; k < f->net_count; k++) {
        stand *s = &f->stands[k];
        weld_run_bind(runs[k], f->nets[k], f->feed[lane].inputs);
        restore(f, s, runs[k], chunk);
        WELD_TRY(weld_run_steps(runs[k], s->cut, s->next, err));
        if (s->keeps)
            WELD_TRY(keep(f, s, runs[k], chunk, err));
        if (k == 0 && f->moving)
            WELD_TRY(weld_run_steps(runs[k], f->step, f->step + 1, err));
    }
    st = f->visitor->lane(f->visitor->user, (int)lane, runs, samples, err);
done:
    return st;
}

static void advance(weld_frontier *f)
{
    for (int k = 0; k < f->net_count; k++) {
        stand *s = &f->stands[k];
        if (!s->keeps)
            continue;
        memcpy(s->live, s->next_live, (size_t)s->next_count * sizeof *s->live);
        s->live_count = s->next_count;
        s->cut = s->next;
    }
}

weld_status weld_frontier_visit(weld_frontier *f, int step, bool moving,
                                const weld_visitor *visitor, weld_error *err)
{
    weld_status st = WELD_OK;
    f->step = step;
    f->moving = moving;
    f->visitor = visitor;
    choose_cuts(f);
    for (f->first = 0; f->first < f->chunks; f->first += WELD_LANES) {
        const int64_t left = f->chunks - f->first;
        const int lanes = left < WELD_LANES ? (int)left : WELD_LANES;
        WELD_TRY(weld_progress(f->job->ctx, "merge",
                               (double)step / (double)(weld_plan_steps(f->plan) + 1), err));
        WELD_TRY(weld_parallel_for(f->job->ctx, lanes, run_lane, f, err));
        WELD_TRY(visitor->round(visitor->user, lanes, err));
    }
    advance(f);
done:
    return st;
}
