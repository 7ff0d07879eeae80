#include "eval/conditions.h"
#include "core/parallel.h"
#include "ops/patches.h"
#include <math.h>
#include <string.h>

enum { PAIRS = WELD_CONDITION_PAIRS, CHUNK = 256 };

/* Squared lengths over all samples. */
enum {
    PRODUCT, /* (W_A - W_B)(H_A - H_B) */
    STRAIGHT,
    CROSSED, /* W_A H_A + W_B H_B, W_A H_B + W_B H_A */
    INPUT_A,
    INPUT_B,
    INPUT_DIFFERENCE,
    LINEAR_SUMS,
    DEFECT = 0,
    MEAN, /* of an activation: what it lacks, what its mean is */
    SUMS = LINEAR_SUMS
};

/* What a layer has of a pair: weights as tensors whose data are ours. */
typedef struct pair {
    weld_tensor difference, half; /* W_A - W_B, their mean */
    double *bias;                 /* [units] b_A + b_B, NULL = none */
    double aa, bb, dd;            /* |W_A|^2, |W_B|^2, |W_A - W_B|^2 */
    double first[3]; /* of the first batch: PRODUCT, STRAIGHT, the measured defect squared */
} pair;

typedef struct watched {
    weld_node plain;     /* the node without its bias */
    int x, y;            /* values that it reads and makes */
    int64_t units, step; /* of a linear one: elements of the output between two units */
    double *times;       /* [plane] how many patches hold an input element; NULL = one */
    int64_t plane;       /* elements of the input that share a channel */
    pair pairs[PAIRS];
} watched;

typedef struct room {
    void *x, *y, *scratch;
} room;

struct weld_conditions {
    weld_context *ctx;
    weld_arena arena;
    const weld_shapes *shapes;
    const weld_plan *plan;
    const weld_paramset *a, *const *b;
    watched *items;
    weld_watch *out;
    int count;
    int *at;      /* [steps] which item the step runs, -1 = none */
    double *sums; /* [share, item, pair, SUMS] */
    int64_t shares;
    room *rooms; /* [slot] */
};

/* ---- which nodes ------------------------------------------------------------------------------- */

static bool is_plain_value(const weld_shapes *s, int value)
{
    const weld_type *type = &s->types[value];
    return weld_dtype_is_float(type->dtype) && type->shape.rank > 0 &&
           type->shape.dims[0] == s->batch;
}

static bool is_watched(const weld_shapes *s, const weld_node *node)
{
    const weld_graph *g = s->graph;
    if (s->types[node->outputs[0]].data || node->inputs[0] < 0 ||
        !is_plain_value(s, node->inputs[0]) || !is_plain_value(s, node->outputs[0]) ||
        g->values[node->inputs[0]].kind == WELD_VALUE_PARAM)
        return false;
    if (node->op->flags & WELD_OP_LINEAR)
        return weld_param_at(g, node, 1) >= 0 &&
               (weld_node_input(node, 2) < 0 || weld_param_at(g, node, 2) >= 0);
    for (int k = 1; k < node->input_count; k++)
        if (node->inputs[k] >= 0 && g->values[node->inputs[k]].kind != WELD_VALUE_CONST)
            return false;
    return node->op->flags & WELD_OP_ACTIVATION;
}

/* ---- what is known before the data ------------------------------------------------------------- */

static void load(double *out, const weld_tensor *t, int64_t first, int64_t count)
{
    const char *data = t->data;
    weld_convert_reals(out, WELD_DOUBLE, data + (size_t)first * weld_compute_size(t->dtype),
                       t->dtype, (size_t)count);
}

/* out = x - y, of one floating type */
static void subtract(const weld_tensor *out, const weld_tensor *x, const weld_tensor *y)
{
    const int64_t n = weld_shape_numel(&out->shape);
    if (out->dtype == WELD_DOUBLE)
        for (int64_t k = 0; k < n; k++)
            out->d[k] = x->d[k] - y->d[k];
    else
        for (int64_t k = 0; k < n; k++)
            out->f[k] = x->f[k] - y->f[k];
}

static double squared_length(const weld_tensor *t)
{
    double chunk[CHUNK], sum = 0;
    const int64_t all = weld_shape_numel(&t->shape);
    for (int64_t at = 0; at < all; at += CHUNK) {
        const int64_t n = all - at < CHUNK ? all - at : CHUNK;
        load(chunk, t, at, n);
        for (int64_t k = 0; k < n; k++)
            sum += chunk[k] * chunk[k];
    }
    return sum;
}

/* In how many windows each entry of an axis is. */
static void count_windows(double *out, const weld_window *w)
{
    memset(out, 0, (size_t)w->in * sizeof *out);
    for (int64_t o = 0; o < w->out; o++)
        for (int64_t k = 0; k < w->kernel; k++) {
            const int64_t i = o * w->stride + k * w->dilation - w->pad;
            if (i >= 0 && i < w->in)
                out[i]++;
        }
}

static weld_status count_patches(watched *item, weld_conditions *c, const weld_patches *p,
                                 weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_window *w = p->w.axis;
    double *axis[WELD_SPATIAL_MAX];
    for (int s = 0; s < WELD_SPATIAL_MAX; s++) {
        WELD_ARENA_NEW(axis[s], &c->arena, w[s].in);
        count_windows(axis[s], &w[s]);
    }
    WELD_ARENA_NEW(item->times, &c->arena, p->plane);
    for (int64_t k = 0; k < p->plane; k++)
        item->times[k] = axis[0][k / w[2].in / w[1].in] * axis[1][k / w[2].in % w[1].in] *
                         axis[2][k % w[2].in];
done:
    return st;
}

static weld_status prepare_pair(pair *out, weld_conditions *c, const weld_node *node,
                                const weld_paramset *b, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = c->shapes->graph;
    const int weight = weld_param_at(g, node, 1), bias = weld_param_at(g, node, 2);
    const weld_tensor wa = weld_paramset_tensor(c->a, weight), wb = weld_paramset_tensor(b, weight);
    const size_t numel = weld_param_numel(g, weight);
    char *bytes;
    out->difference = out->half = wa;
    WELD_ARENA_NEW(bytes, &c->arena, weld_param_bytes(g, weight));
    out->difference.data = bytes;
    WELD_ARENA_NEW(bytes, &c->arena, weld_param_bytes(g, weight));
    out->half.data = bytes;
    subtract(&out->difference, &wa, &wb);
    weld_lerp(out->half.data, wa.data, wb.data, wa.dtype, numel, 0.5);
    out->aa = squared_length(&wa);
    out->bb = squared_length(&wb);
    out->dd = squared_length(&out->difference);
    if (bias >= 0) {
        WELD_ARENA_NEW(out->bias, &c->arena, wa.shape.dims[0]);
        for (int64_t u = 0; u < wa.shape.dims[0]; u++)
            out->bias[u] = weld_paramset_number(c->a, bias, u) + weld_paramset_number(b, bias, u);
    }
done:
    return st;
}

static weld_status prepare_layer(watched *item, weld_conditions *c, const weld_node *node,
                                 weld_error *err)
{
    weld_status st = WELD_OK;
    weld_patches patches;
    WELD_TRY(weld_patches_init(&patches, c->shapes->graph, node, &c->shapes->types[item->x].shape,
                               INT64_MAX, err));
    item->plain.input_count = 2;
    item->units = patches.matrix.outputs;
    item->step = patches.windows ? patches.all : 1;
    item->plane = patches.plane;
    if (patches.windows)
        WELD_TRY(count_patches(item, c, &patches, err));
    for (int k = 0; k < PAIRS; k++)
        WELD_TRY(prepare_pair(&item->pairs[k], c, node, c->b[k], err));
done:
    return st;
}

static weld_status list_items(weld_conditions *c, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = c->shapes->graph;
    const int steps = weld_plan_steps(c->plan);
    WELD_ARENA_NEW(c->items, &c->arena, g->node_count);
    WELD_ARENA_NEW(c->out, &c->arena, g->node_count);
    WELD_ARENA_NEW(c->at, &c->arena, steps);
    for (int s = 0; s < steps; s++)
        c->at[s] = -1;
    for (int n = 0; n < g->node_count; n++) {
        const weld_node *node = &g->nodes[n];
        const int step = weld_plan_step_of(c->plan, n);
        if (!is_watched(c->shapes, node))
            continue;
        watched *item = &c->items[c->count];
        *item = (watched){.plain = *node, .x = node->inputs[0], .y = node->outputs[0]};
        if (node->op->flags & WELD_OP_LINEAR)
            WELD_TRY(prepare_layer(item, c, node, err));
        c->out[c->count] = (weld_watch){.node = n, .linear = item->units > 0};
        c->at[step] = c->count++;
    }
done:
    return st;
}

static size_t bytes_of(const weld_conditions *c, int value)
{
    const weld_type *type = &c->shapes->types[value];
    return (size_t)weld_shape_numel(&type->shape) * weld_compute_size(type->dtype);
}

static weld_tensor tensor_of(const weld_conditions *c, int value, void *data)
{
    const weld_type *type = &c->shapes->types[value];
    return (weld_tensor){.dtype = type->dtype, .shape = type->shape, .data = data};
}

/* One item's operator on the slot's input, with a weight or, of an activation, its constants. */
static weld_status apply(const weld_conditions *c, const watched *item, room *r,
                         const weld_tensor *weight, const weld_run *run, weld_error *err)
{
    enum { INPUTS_MAX = 8 };
    const weld_tensor *in[INPUTS_MAX];
    weld_tensor x = tensor_of(c, item->x, r->x), y = tensor_of(c, item->y, r->y), *out = &y;
    in[0] = &x;
    for (int k = 1; k < item->plain.input_count && k < INPUTS_MAX; k++) {
        const int value = item->plain.inputs[k];
        in[k] = weight ? weight : value < 0 ? NULL : weld_run_value(run, value);
    }
    const weld_kernel_args args = {c->ctx, in, &out, r->scratch};
    return weld_op_run(&item->plain, &args, err);
}

static weld_status alloc_rooms(weld_conditions *c, weld_error *err)
{
    weld_status st = WELD_OK;
    const int slots = weld_parallel_slots(c->ctx);
    size_t x = 0, y = 0, scratch = 0;
    for (int k = 0; k < c->count; k++) {
        const watched *item = &c->items[k];
        const weld_tensor in[2] = {tensor_of(c, item->x, NULL), item->pairs[0].half};
        weld_tensor made = tensor_of(c, item->y, NULL), *out = &made;
        const weld_tensor *inputs[2] = {&in[0], &in[1]};
        const weld_kernel_args args = {c->ctx, inputs, &out, NULL};
        const size_t need = item->units ? weld_op_scratch(&item->plain, &args) : 0;
        x = bytes_of(c, item->x) > x ? bytes_of(c, item->x) : x;
        y = bytes_of(c, item->y) > y ? bytes_of(c, item->y) : y;
        scratch = need > scratch ? need : scratch;
    }
    WELD_ARENA_NEW(c->rooms, &c->arena, slots);
    for (int s = 0; s < slots; s++) {
        char *bytes[3];
        WELD_ARENA_NEW(bytes[0], &c->arena, x);
        WELD_ARENA_NEW(bytes[1], &c->arena, y);
        WELD_ARENA_NEW(bytes[2], &c->arena, scratch);
        c->rooms[s] = (room){bytes[0], bytes[1], bytes[2]};
    }
done:
    return st;
}

weld_status weld_conditions_create(weld_conditions **out, weld_context *ctx,
                                   const weld_shapes *shapes, const weld_plan *plan,
                                   const weld_paramset *a, const weld_paramset *const b[PAIRS],
                                   int64_t shares, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_conditions *c = NULL;
    *out = NULL;
    WELD_NEW(c, ctx, 1);
    *c = (weld_conditions){
        .ctx = ctx, .shapes = shapes, .plan = plan, .a = a, .b = b, .shares = shares};
    weld_arena_init(&c->arena, ctx);
    WELD_TRY(list_items(c, err));
    WELD_TRY(alloc_rooms(c, err));
    WELD_ARENA_NEW(c->sums, &c->arena, (size_t)shares * (size_t)(c->count * PAIRS * SUMS));
    *out = c;
    c = NULL;
done:
    weld_conditions_free(c);
    return st;
}

void weld_conditions_free(weld_conditions *c)
{
    if (!c)
        return;
    weld_arena_free(&c->arena);
    weld_free(c->ctx, c);
}

/* ---- one batch --------------------------------------------------------------------------------- */

static int64_t elements(const weld_conditions *c, int value, int64_t n)
{
    return weld_shape_numel(&c->shapes->types[value].shape) / c->shapes->batch * n;
}

/* |H_A|^2, |H_B|^2, |H_A - H_B|^2 of the patches. */
static void sum_inputs(double *sums, const watched *item, const weld_tensor *a,
                       const weld_tensor *b, int64_t all)
{
    double x[CHUNK], y[CHUNK];
    for (int64_t at = 0; at < all; at += CHUNK) {
        const int64_t n = all - at < CHUNK ? all - at : CHUNK;
        int64_t place = at % item->plane;
        load(x, a, at, n);
        load(y, b, at, n);
        for (int64_t k = 0; k < n; k++) {
            const double w = item->times ? item->times[place] : 1;
            place = place + 1 < item->plane ? place + 1 : 0;
            sums[INPUT_A] += w * x[k] * x[k];
            sums[INPUT_B] += w * y[k] * y[k];
            sums[INPUT_DIFFERENCE] += w * (x[k] - y[k]) * (x[k] - y[k]);
        }
    }
}

/* out = W_A H_A + W_B H_B: what the layers made, without their biases. */
static void straight(double *out, const watched *item, const pair *p, const weld_tensor *a,
                     const weld_tensor *b, int64_t at, int64_t n)
{
    double y[CHUNK];
    int64_t unit = at / item->step % item->units, left = item->step - at % item->step;
    load(out, a, at, n);
    load(y, b, at, n);
    for (int64_t k = 0; k < n; k++) {
        out[k] += y[k] - (p->bias ? p->bias[unit] : 0);
        if (--left == 0) {
            left = item->step;
            unit = unit + 1 < item->units ? unit + 1 : 0;
        }
    }
}

static void sum_outputs(double *sums, const watched *item, const pair *p, const weld_tensor *a,
                        const weld_tensor *b, const weld_tensor *product, int64_t all)
{
    double x[CHUNK], d[CHUNK];
    for (int64_t at = 0; at < all; at += CHUNK) {
        const int64_t n = all - at < CHUNK ? all - at : CHUNK;
        straight(x, item, p, a, b, at, n);
        load(d, product, at, n);
        for (int64_t k = 0; k < n; k++) {
            sums[PRODUCT] += d[k] * d[k];
            sums[STRAIGHT] += x[k] * x[k];
            sums[CROSSED] += (x[k] - d[k]) * (x[k] - d[k]);
        }
    }
}

/* |what the mean weight makes of the mean input - 1/2 W_A H_A - 1/2 W_B H_B|^2 */
static double measured_defect(const watched *item, const pair *p, const weld_tensor *a,
                              const weld_tensor *b, const weld_tensor *made, int64_t all)
{
    double x[CHUNK], m[CHUNK], sum = 0;
    for (int64_t at = 0; at < all; at += CHUNK) {
        const int64_t n = all - at < CHUNK ? all - at : CHUNK;
        straight(x, item, p, a, b, at, n);
        load(m, made, at, n);
        for (int64_t k = 0; k < n; k++)
            sum += (m[k] - x[k] / 2) * (m[k] - x[k] / 2);
    }
    return sum;
}

static weld_status see_layer(weld_conditions *c, watched *item, pair *p, double *sums,
                             const weld_run *a, const weld_run *b, room *r, bool first, int64_t n,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor *xa = weld_run_value(a, item->x), *xb = weld_run_value(b, item->x);
    const weld_tensor *ya = weld_run_value(a, item->y), *yb = weld_run_value(b, item->y);
    const weld_tensor x = tensor_of(c, item->x, r->x), y = tensor_of(c, item->y, r->y);
    const int64_t outputs = elements(c, item->y, n);
    sum_inputs(sums, item, xa, xb, elements(c, item->x, n));
    if (memcmp(xa->data, xb->data, bytes_of(c, item->x)) == 0) {
        memset(r->y, 0, bytes_of(c, item->y)); /* as in layers that read the network's input */
    } else {
        subtract(&x, xa, xb);
        WELD_TRY(apply(c, item, r, &p->difference, a, err));
    }
    sum_outputs(sums, item, p, ya, yb, &y, outputs);
    if (!first)
        goto done;
    weld_lerp(x.data, xa->data, xb->data, x.dtype, (size_t)weld_shape_numel(&x.shape), 0.5);
    WELD_TRY(apply(c, item, r, &p->half, a, err));
    p->first[0] = sums[PRODUCT];
    p->first[1] = sums[STRAIGHT];
    p->first[2] = measured_defect(item, p, ya, yb, &y, outputs);
done:
    return st;
}

static weld_status see_activation(weld_conditions *c, const watched *item, double *sums,
                                  const weld_run *a, const weld_run *b, room *r, int64_t n,
                                  weld_error *err)
{
    weld_status st = WELD_OK;
    double x[CHUNK], y[CHUNK], m[CHUNK];
    const weld_tensor *xa = weld_run_value(a, item->x), *xb = weld_run_value(b, item->x);
    const weld_tensor made = tensor_of(c, item->y, r->y);
    const int64_t all = elements(c, item->y, n);
    weld_lerp(r->x, xa->data, xb->data, xa->dtype, (size_t)weld_shape_numel(&xa->shape), 0.5);
    WELD_TRY(apply(c, item, r, NULL, a, err));
    for (int64_t at = 0; at < all; at += CHUNK) {
        const int64_t part = all - at < CHUNK ? all - at : CHUNK;
        load(x, weld_run_value(a, item->y), at, part);
        load(y, weld_run_value(b, item->y), at, part);
        load(m, &made, at, part);
        for (int64_t k = 0; k < part; k++) {
            const double mean = (x[k] + y[k]) / 2;
            sums[DEFECT] += (m[k] - mean) * (m[k] - mean);
            sums[MEAN] += mean * mean;
        }
    }
done:
    return st;
}

weld_status weld_conditions_run(weld_conditions *c, weld_run *const runs[1 + PAIRS], int64_t share,
                                int slot, bool first, int64_t n, weld_error *err)
{
    weld_status st = WELD_OK;
    room *r = &c->rooms[slot];
    for (int s = 0; s < weld_plan_steps(c->plan); s++) {
        for (int k = 0; k < 1 + PAIRS; k++)
            WELD_TRY(weld_run_steps(runs[k], s, s + 1, err));
        if (c->at[s] < 0)
            continue;
        watched *item = &c->items[c->at[s]];
        double *sums = c->sums + (share * c->count + c->at[s]) * PAIRS * SUMS;
        for (int k = 0; k < PAIRS; k++, sums += SUMS)
            WELD_TRY(item->units ? see_layer(c, item, &item->pairs[k], sums, runs[0], runs[1 + k],
                                             r, first, n, err)
                                 : see_activation(c, item, sums, runs[0], runs[1 + k], r, n, err));
    }
done:
    return st;
}

/* ---- the figures ------------------------------------------------------------------------------- */

/* From squared lengths of the difference and of the two sides. */
static double distance(double difference, double x, double y)
{
    return x > 0 && y > 0 ? difference / sqrt(x * y) : NAN;
}

static weld_layer_condition layer_figures(const double *sums, const pair *p)
{
    const double mean = sqrt(p->first[1]) / 2;
    return (weld_layer_condition){
        .dist_com = distance(sums[PRODUCT], sums[STRAIGHT], sums[CROSSED]),
        .dist_w = distance(p->dd, p->aa, p->bb),
        .dist_h = distance(sums[INPUT_DIFFERENCE], sums[INPUT_A], sums[INPUT_B]),
        .predicted = mean > 0 ? sqrt(p->first[0]) / 4 / mean : NAN,
        .measured = mean > 0 ? sqrt(p->first[2]) / mean : NAN};
}

const weld_watch *weld_conditions_figures(int *count, weld_conditions *c)
{
    for (int k = 0; k < c->count; k++)
        for (int v = 0; v < PAIRS; v++) {
            double sums[SUMS] = {0};
            for (int64_t share = 0; share < c->shares; share++)
                for (int s = 0; s < SUMS; s++)
                    sums[s] += c->sums[((share * c->count + k) * PAIRS + v) * SUMS + s];
            if (c->out[k].linear)
                c->out[k].layer[v] = layer_figures(sums, &c->items[k].pairs[v]);
            else
                c->out[k].additivity[v] = sums[MEAN] > 0 ? sums[DEFECT] / sums[MEAN] : NAN;
        }
    *count = c->count;
    return c->out;
}
