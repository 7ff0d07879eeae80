#include "eval/conditions.h"
#include "core/parallel.h"
#include "eval/squares.h"
#include "ops/patches.h"
#include <math.h>
#include <string.h>

enum { PAIRS = WELD_CONDITION_PAIRS, INPUTS_MAX = 8 };

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
    weld_tensor mean[INPUTS_MAX]; /* of the parameters among the inputs; data NULL = it is none */
    weld_tensor difference;       /* W_A - W_B of a linear one */
    double *bias;                 /* [units] b_A + b_B, NULL = none */
    double aa, bb, dd;            /* |W_A|^2, |W_B|^2, |W_A - W_B|^2 */
    double first[3]; /* of the first batch: PRODUCT, STRAIGHT, the measured defect squared */
} pair;

typedef struct watched {
    weld_node plain; /* the node without its bias */
    int x, y;        /* values that it reads and makes */
    bool linear;
    weld_layer_form form; /* of a linear one */
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
    double *sums; /* [group, item, pair, SUMS] */
    int64_t group, groups;
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
        if (node->inputs[k] >= 0 && g->values[node->inputs[k]].kind != WELD_VALUE_CONST &&
            weld_param_at(g, node, k) < 0)
            return false;
    return node->op->flags & WELD_OP_ACTIVATION && node->input_count <= INPUTS_MAX;
}

/* ---- what is known before the data ------------------------------------------------------------- */

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

/* The mean of what A and B have at an input. */
static weld_status prepare_mean(weld_tensor *out, weld_conditions *c, const weld_node *node,
                                int input, const weld_paramset *b, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = c->shapes->graph;
    const int param = weld_param_at(g, node, input);
    const weld_tensor x = weld_paramset_tensor(c->a, param), y = weld_paramset_tensor(b, param);
    char *bytes;
    WELD_ARENA_NEW(bytes, &c->arena, weld_param_bytes(g, param));
    *out = x;
    out->data = bytes;
    weld_lerp(bytes, x.data, y.data, x.dtype, weld_param_numel(g, param), 0.5);
done:
    return st;
}

static weld_status prepare_activation(watched *item, weld_conditions *c, const weld_node *node,
                                      weld_error *err)
{
    weld_status st = WELD_OK;
    for (int k = 0; k < PAIRS; k++)
        for (int i = 1; i < node->input_count; i++)
            if (weld_param_at(c->shapes->graph, node, i) >= 0)
                WELD_TRY(prepare_mean(&item->pairs[k].mean[i], c, node, i, c->b[k], err));
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
    char *bytes;
    WELD_TRY(prepare_mean(&out->mean[1], c, node, 1, b, err));
    WELD_ARENA_NEW(bytes, &c->arena, weld_param_bytes(g, weight));
    out->difference = wa;
    out->difference.data = bytes;
    subtract(&out->difference, &wa, &wb);
    out->aa = weld_squared_length(&wa);
    out->bb = weld_squared_length(&wb);
    out->dd = weld_squared_length(&out->difference);
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
    item->linear = true;
    WELD_TRY(weld_layer_form_make(&item->form, &c->arena, &patches, err));
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
        else
            WELD_TRY(prepare_activation(item, c, node, err));
        c->out[c->count] = (weld_watch){.node = n, .linear = item->linear};
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

/* One item's operator on the slot's input, with these parameters [INPUTS_MAX] and its constants. */
static weld_status apply(const weld_conditions *c, const watched *item, room *r,
                         const weld_tensor *params, const weld_run *run, weld_error *err)
{
    const weld_tensor *in[INPUTS_MAX];
    weld_tensor x = tensor_of(c, item->x, r->x), y = tensor_of(c, item->y, r->y), *out = &y;
    in[0] = &x;
    for (int k = 1; k < item->plain.input_count && k < INPUTS_MAX; k++) {
        const int value = item->plain.inputs[k];
        in[k] = params[k].data ? &params[k] : value < 0 ? NULL : weld_run_value(run, value);
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
        const weld_tensor in[2] = {tensor_of(c, item->x, NULL), item->pairs[0].mean[1]};
        weld_tensor made = tensor_of(c, item->y, NULL), *out = &made;
        const weld_tensor *inputs[2] = {&in[0], &in[1]};
        const weld_kernel_args args = {c->ctx, inputs, &out, NULL};
        const size_t need = item->linear ? weld_op_scratch(&item->plain, &args) : 0;
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
                                   int64_t group, int64_t groups, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_conditions *c = NULL;
    *out = NULL;
    WELD_NEW(c, ctx, 1);
    *c = (weld_conditions){.ctx = ctx,
                           .shapes = shapes,
                           .plan = plan,
                           .a = a,
                           .b = b,
                           .group = group,
                           .groups = groups};
    weld_arena_init(&c->arena, ctx);
    WELD_TRY(list_items(c, err));
    WELD_TRY(alloc_rooms(c, err));
    WELD_ARENA_NEW(c->sums, &c->arena, (size_t)groups * (size_t)(c->count * PAIRS * SUMS));
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

/* Samples [first, first + count) of the data, which are those from `at` on of the batch. */
typedef struct samples {
    int64_t first, at, count;
} samples;

/* Those of the next group; `of`: all of the batch. False where there are none left. */
static bool next_group(samples *s, const weld_conditions *c, samples of)
{
    *s =
        (samples){s->first + s->count, s->at + s->count, of.first + of.count - s->first - s->count};
    s->count = s->count < c->group ? s->count : c->group;
    return s->count > 0;
}

static double *sums_of(const weld_conditions *c, const watched *item, int variant, int64_t sample)
{
    return c->sums + ((sample / c->group * c->count + (item - c->items)) * PAIRS + variant) * SUMS;
}

static weld_stretch stretch_of(const weld_conditions *c, int value, samples s)
{
    const int64_t each = weld_shape_numel(&c->shapes->types[value].shape) / c->shapes->batch;
    return (weld_stretch){s.at * each, s.count * each};
}

/* Both networks at an item, and where its samples' sums go. */
typedef struct view {
    const weld_run *a, *b;
    const weld_tensor *xa, *xb, *ya, *yb; /* what they read and made there */
    room *room;
    int variant;
    samples batch;
} view;

/* What the mean weight makes of the mean input, on the first samples of all. */
static weld_status see_first(weld_conditions *c, watched *item, const view *v, weld_error *err)
{
    weld_status st = WELD_OK;
    pair *p = &item->pairs[v->variant];
    const weld_tensor x = tensor_of(c, item->x, v->room->x), y = tensor_of(c, item->y, v->room->y);
    samples s = {v->batch.first, 0, 0};
    while (next_group(&s, c, v->batch))
        for (int k = 0; k < 2; k++)
            p->first[k] += sums_of(c, item, v->variant, s.first)[k ? STRAIGHT : PRODUCT];
    weld_lerp(x.data, v->xa->data, v->xb->data, x.dtype, (size_t)weld_shape_numel(&x.shape), 0.5);
    WELD_TRY(apply(c, item, v->room, p->mean, v->a, err));
    p->first[2] =
        weld_defect_of(&item->form, p->bias, v->ya, v->yb, &y, stretch_of(c, item->y, v->batch));
done:
    return st;
}

static weld_status see_layer(weld_conditions *c, watched *item, const view *v, weld_error *err)
{
    weld_status st = WELD_OK;
    const pair *p = &item->pairs[v->variant];
    const weld_tensor x = tensor_of(c, item->x, v->room->x), y = tensor_of(c, item->y, v->room->y);
    samples s = {v->batch.first, 0, 0};
    if (memcmp(v->xa->data, v->xb->data, bytes_of(c, item->x)) == 0) {
        memset(y.data, 0, bytes_of(c, item->y)); /* as in layers that read the network's input */
    } else {
        subtract(&x, v->xa, v->xb);
        WELD_TRY(apply(c, item, v->room, (const weld_tensor[INPUTS_MAX]){[1] = p->difference}, v->a,
                       err));
    }
    while (next_group(&s, c, v->batch)) {
        double *sums = sums_of(c, item, v->variant, s.first);
        weld_add_inputs(sums + INPUT_A, &item->form, v->xa, v->xb, stretch_of(c, item->x, s));
        weld_add_outputs(sums + PRODUCT, &item->form, p->bias, v->ya, v->yb, &y,
                         stretch_of(c, item->y, s));
    }
    if (v->batch.first == 0)
        WELD_TRY(see_first(c, item, v, err));
done:
    return st;
}

static weld_status see_activation(weld_conditions *c, const watched *item, const view *v,
                                  weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor made = tensor_of(c, item->y, v->room->y);
    samples s = {v->batch.first, 0, 0};
    weld_lerp(v->room->x, v->xa->data, v->xb->data, v->xa->dtype,
              (size_t)weld_shape_numel(&v->xa->shape), 0.5);
    WELD_TRY(apply(c, item, v->room, item->pairs[v->variant].mean, v->a, err));
    while (next_group(&s, c, v->batch))
        weld_add_activation(sums_of(c, item, v->variant, s.first) + DEFECT, v->ya, v->yb, &made,
                            stretch_of(c, item->y, s));
done:
    return st;
}

weld_status weld_conditions_run(weld_conditions *c, weld_run *const runs[1 + PAIRS], int slot,
                                int64_t first, int64_t n, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int s = 0; s < weld_plan_steps(c->plan); s++) {
        for (int k = 0; k < 1 + PAIRS; k++)
            WELD_TRY(weld_run_steps(runs[k], s, s + 1, err));
        if (c->at[s] < 0)
            continue;
        watched *item = &c->items[c->at[s]];
        for (int k = 0; k < PAIRS; k++) {
            const weld_run *a = runs[0], *b = runs[1 + k];
            const view v = {a,
                            b,
                            weld_run_value(a, item->x),
                            weld_run_value(b, item->x),
                            weld_run_value(a, item->y),
                            weld_run_value(b, item->y),
                            &c->rooms[slot],
                            k,
                            {first, 0, n}};
            WELD_TRY(item->linear ? see_layer(c, item, &v, err) : see_activation(c, item, &v, err));
        }
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

/* From the squared lengths of (W_A - W_B)(H_A - H_B) and of W_A H_A + W_B H_B. */
static double defect(double product, double straight)
{
    return straight > 0 ? sqrt(product / straight) / 2 : NAN;
}

enum { LAYER_FIGURES = 3 }; /* Dist_com, Dist_H, the defect */
static void layer_figures(double *out, int count, const double *sums)
{
    (void)count;
    out[0] = distance(sums[PRODUCT], sums[STRAIGHT], sums[CROSSED]);
    out[1] = distance(sums[INPUT_DIFFERENCE], sums[INPUT_A], sums[INPUT_B]);
    out[2] = defect(sums[PRODUCT], sums[STRAIGHT]);
}

static void activation_figures(double *out, int count, const double *sums)
{
    (void)count;
    out[0] = sums[MEAN] > 0 ? sums[DEFECT] / sums[MEAN] : NAN;
}

static weld_layer_condition condition_of(const double *sums, const pair *p)
{
    const double mean = sqrt(p->first[1]) / 2;
    double figures[LAYER_FIGURES];
    layer_figures(figures, LAYER_FIGURES, sums);
    return (weld_layer_condition){.dist_com = figures[0],
                                  .dist_w = distance(p->dd, p->aa, p->bb),
                                  .dist_h = figures[1],
                                  .defect = figures[2],
                                  .predicted = defect(p->first[0], p->first[1]),
                                  .measured = mean > 0 ? sqrt(p->first[2]) / mean : NAN};
}

weld_watch *weld_conditions_figures(int *count, weld_conditions *c)
{
    for (int k = 0; k < c->count; k++)
        for (int v = 0; v < PAIRS; v++) {
            double sums[SUMS] = {0};
            for (int64_t g = 0; g < c->groups; g++)
                for (int s = 0; s < SUMS; s++)
                    sums[s] += sums_of(c, &c->items[k], v, g * c->group)[s];
            if (c->out[k].linear)
                c->out[k].layer[v] = condition_of(sums, &c->items[k].pairs[v]);
            else
                activation_figures(&c->out[k].additivity[v], 1, sums);
        }
    *count = c->count;
    return c->out;
}

weld_curve weld_conditions_curve(weld_conditions *c, int watch, int v)
{
    const bool linear = c->out[watch].linear;
    return (weld_curve){.count = linear ? LAYER_FIGURES : 1,
                        .y = sums_of(c, &c->items[watch], v, 0),
                        .stride = (int64_t)c->count * PAIRS * SUMS,
                        .figures = linear ? layer_figures : activation_figures,
                        .columns = linear ? LINEAR_SUMS : 2,
                        .out = &c->out[watch].bounds[v]};
}
