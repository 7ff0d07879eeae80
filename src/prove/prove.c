#include "prove/prove.h"
#include "core/rng.h"
#include <math.h>
#include <string.h>

typedef struct prover {
    weld_context *ctx;
    const weld_side *sides;
    const weld_ports *ports;
    weld_plan *plan[2];
    weld_run *run[2];
    weld_tensor *inputs[2];       /* [input_count] of each side */
    const weld_tensor **bound[2]; /* the same as pointers */
    int *arrays;                  /* [input_count] of the data set; NULL = inputs are drawn */
    weld_tensor turned;           /* an output of sides[1] in the layout of sides[0] */
    weld_rng rng;
} prover;

static const weld_graph *graph_of(const prover *p, int side)
{
    return p->sides[side].shapes->graph;
}

static weld_status make_inputs(prover *p, int side, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = graph_of(p, side);
    WELD_NEW(p->inputs[side], p->ctx, g->input_count);
    WELD_NEW(p->bound[side], p->ctx, g->input_count);
    for (int k = 0; k < g->input_count; k++) {
        const weld_type *type = &p->sides[side].shapes->types[g->inputs[k]];
        WELD_TRY(weld_tensor_create(&p->inputs[side][k], p->ctx, type->dtype, &type->shape, err));
        p->bound[side][k] = &p->inputs[side][k];
    }
done:
    return st;
}

/* ---- inputs ------------------------------------------------------------------------ */

/* Integers below this number are rows of every table that the input indexes. */
static int64_t index_limit(const prover *p, int value)
{
    const weld_graph *g = graph_of(p, 0);
    int64_t limit = INT64_MAX;
    for (int c = 0; c < g->consumer_count[value]; c++) {
        const weld_node *node = &g->nodes[g->consumers[value][c]];
        if (node->op == &weld_op_Cast && node->outputs[0] >= 0) {
            const int64_t below = index_limit(p, node->outputs[0]);
            limit = below < limit ? below : limit;
        }
        if (node->op != &weld_op_Gather || weld_node_input(node, 1) != value)
            continue;
        const weld_shape *table = &p->sides[0].shapes->types[node->inputs[0]].shape;
        int64_t axis = (int64_t)weld_attr_number(node, "axis");
        axis = axis < 0 ? axis + table->rank : axis;
        limit = table->dims[axis] < limit ? table->dims[axis] : limit;
    }
    return limit;
}

static void draw_input(prover *p, int k)
{
    weld_tensor *t = &p->inputs[0][k];
    const int64_t count = weld_shape_numel(&t->shape);
    int64_t limit = index_limit(p, graph_of(p, 0)->inputs[k]);
    if (limit == INT64_MAX || t->dtype == WELD_BOOL)
        limit = 2; /* masks, kinds of tokens */
    for (int64_t i = 0; i < count; i++) {
        if (weld_dtype_is_float(t->dtype))
            weld_tensor_set_number(t, i, weld_rng_normal(&p->rng));
        else
            t->i[i] = limit > 0 ? (int64_t)weld_rng_below(
                                      &p->rng, (uint32_t)(limit < INT32_MAX ? limit : INT32_MAX))
                                : 0;
    }
}

/* to = from in another layout and element type; both hold as many elements. */
static weld_status carry(weld_tensor *to, prover *p, const weld_tensor *from, const weld_port *port,
                         weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t count = (size_t)weld_shape_numel(&from->shape);
    const size_t size = weld_compute_size(from->dtype);
    void *moved = NULL;
    WELD_REQUIRE(weld_shape_numel(&to->shape) == (int64_t)count, WELD_E_MISMATCH,
                 "an input or output has %zu elements in one model, %lld in the other", count,
                 (long long)weld_shape_numel(&to->shape));
    WELD_REQUIRE((moved = weld_alloc(p->ctx, count, size)), WELD_E_NOMEM, "out of memory");
    if (port && port->turned)
        weld_transpose(moved, from->data, &from->shape, port->perm, size);
    else if (count)
        memcpy(moved, from->data, count * size);
    if (weld_dtype_is_float(from->dtype))
        weld_convert_reals(to->data, to->dtype, moved, from->dtype, count);
    else if (count)
        memcpy(to->data, moved, count * size);
done:
    weld_free(p->ctx, moved);
    return st;
}

static weld_status fill_inputs(prover *p, const weld_dataset *data, int64_t first, int64_t n,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    const int count = graph_of(p, 0)->input_count;
    for (int k = 0; k < count; k++) {
        if (data)
            WELD_TRY(weld_dataset_batch(&p->inputs[0][k], data, p->arrays[k], first, n, err));
        else
            draw_input(p, k);
        const weld_port *port = p->ports ? &p->ports->inputs[k] : NULL;
        const int to = port ? port->index : k;
        if (to >= 0)
            WELD_TRY(carry(&p->inputs[1][to], p, &p->inputs[0][k], port, err));
    }
done:
    return st;
}

/* ---- outputs ----------------------------------------------------------------------- */

typedef struct tally {
    double scale;
    int64_t agree;
} tally;

/* The first n samples of an output; `counts`: its argmax is compared. */
static void compare_outputs(weld_proof *out, tally *t, const weld_tensor *x, const weld_tensor *y,
                            int64_t n, bool counts)
{
    int64_t batch = x->shape.rank ? x->shape.dims[0] : 1;
    int64_t size = weld_shape_numel(&x->shape) / (batch ? batch : 1);
    n = n < batch ? n : batch;
    for (int64_t i = 0; i < n; i++) {
        int64_t top_x = 0, top_y = 0;
        double best_x = -INFINITY, best_y = -INFINITY;
        for (int64_t k = 0; k < size; k++) {
            const double a = weld_tensor_number(x, i * size + k);
            const double b = weld_tensor_number(y, i * size + k);
            if (!(fabs(a - b) <= out->max_abs)) /* NaN counts as different */
                out->max_abs = fabs(a - b);
            t->scale = fabs(a) > t->scale ? fabs(a) : t->scale;
            top_x = a > best_x ? k : top_x;
            top_y = b > best_y ? k : top_y;
            best_x = a > best_x ? a : best_x;
            best_y = b > best_y ? b : best_y;
        }
        t->agree += counts && top_x == top_y;
    }
}

/* Output k of sides[0] against its counterpart, brought into the same layout. */
static weld_status compare_output(weld_proof *out, tally *t, prover *p, int k, int64_t n,
                                  weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_port *port = p->ports ? &p->ports->outputs[k] : NULL;
    const weld_tensor *x = weld_run_value(p->run[0], graph_of(p, 0)->outputs[k]);
    const int other = port ? port->index : k;
    if (other < 0)
        return WELD_OK;
    const weld_tensor *y = weld_run_value(p->run[1], graph_of(p, 1)->outputs[other]);
    weld_port back = {.turned = port && port->turned};
    for (int a = 0; back.turned && a < y->shape.rank; a++)
        back.perm[port->perm[a]] = a;
    WELD_TRY(weld_tensor_create(&p->turned, p->ctx, x->dtype, &x->shape, err));
    WELD_TRY(carry(&p->turned, p, y, &back, err));
    compare_outputs(out, t, x, &p->turned, n, k == graph_of(p, 0)->loss_output);
done:
    weld_tensor_free(p->ctx, &p->turned);
    return st;
}

static weld_status run_both(weld_proof *out, prover *p, const weld_dataset *data, int64_t samples,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t batch = p->sides[0].shapes->batch;
    tally t = {0, 0};
    if (data && data->count < samples)
        samples = data->count;
    for (int64_t first = 0; first < samples; first += batch) {
        int64_t n = samples - first < batch ? samples - first : batch;
        WELD_TRY(fill_inputs(p, data, first, n, err));
        for (int s = 0; s < 2; s++)
            WELD_TRY(weld_run_all(p->run[s], p->sides[s].params, p->bound[s], err));
        for (int k = 0; k < graph_of(p, 0)->output_count; k++)
            WELD_TRY(compare_output(out, &t, p, k, n, err));
        out->n += n;
    }
    out->scale = t.scale > 0 ? t.scale : 1;
    out->max_rel = out->max_abs / out->scale;
    out->argmax_agree = out->n ? (double)t.agree / (double)out->n : 1;
done:
    return st;
}

weld_status weld_prove(weld_proof *out, weld_context *ctx, const weld_side sides[2],
                       const weld_ports *ports, const weld_dataset *data, int64_t samples,
                       weld_error *err)
{
    weld_status st = WELD_OK;
    prover p = {.ctx = ctx, .sides = sides, .ports = ports};
    *out = (weld_proof){0};
    weld_rng_seed(&p.rng, 20261124, 7);
    for (int s = 0; s < 2; s++) {
        WELD_TRY(make_inputs(&p, s, err));
        WELD_TRY(weld_plan_create(&p.plan[s], ctx, sides[s].shapes, NULL, 0, err));
        WELD_TRY(weld_run_create(&p.run[s], p.plan[s], err));
    }
    if (data) {
        WELD_NEW(p.arrays, ctx, graph_of(&p, 0)->input_count);
        WELD_TRY(weld_feed_bind(p.arrays, data, graph_of(&p, 0), err));
    }
    WELD_TRY(run_both(out, &p, data, samples, err));
done:
    weld_free(ctx, p.arrays);
    for (int s = 0; s < 2; s++) {
        for (int k = 0; p.inputs[s] && k < graph_of(&p, s)->input_count; k++)
            weld_tensor_free(ctx, &p.inputs[s][k]);
        weld_free(ctx, p.inputs[s]);
        weld_free(ctx, p.bound[s]);
        weld_run_free(p.run[s]);
        weld_plan_free(p.plan[s]);
    }
    return st;
}
