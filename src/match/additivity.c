#include "match/additivity.h"
#include "ops/op.h"

enum { MIX = 1 << 16 };                               /* values that are mixed at a time */
static const int64_t mixtures_max = INT64_C(1) << 27; /* of an activation, over all rows */

/* Its result depends on what stands in front of it and on known numbers alone. */
static bool looks_at_one(const weld_node *node)
{
    bool one = node->op->flags & WELD_OP_ACTIVATION && node->output_count == 1;
    for (int k = 1; k < node->input_count && one; k++)
        one = node->inputs[k] < 0 || node->op->static_inputs >> k & 1u;
    return one;
}

static weld_status add_activation(weld_moments *m, const weld_symmetry *s, int c,
                                  const weld_carrier *carrier, int node, int64_t rows, size_t *cap,
                                  weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t n = s->classes[c].size, most = mixtures_max / (n * n);
    WELD_GROW(m->additivity, *cap, m->ctx, (size_t)m->additivity_count + 1);
    weld_additivity_moments *x = &m->additivity[m->additivity_count++];
    *x = (weld_additivity_moments){
        .node = node, .carrier = carrier, .unit_class = c, .n = (int32_t)n, .step = 1};
    if (rows > most)
        x->step = most > 0 ? (rows + most - 1) / most : rows;
    WELD_NEW(x->cost, m->ctx, n * n);
done:
    return st;
}

weld_status weld_additivity_list(weld_moments *m, const weld_symmetry *s, const weld_shapes *shapes,
                                 int64_t samples, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = s->graph;
    size_t cap = 0;
    for (int c = 0; c < s->free_count; c++)
        for (int k = 0; k < s->classes[c].carrier_count; k++) {
            const weld_carrier *carrier = &s->classes[c].carriers[k];
            const int v = carrier->value;
            if (carrier->axis == 0 || g->values[v].kind != WELD_VALUE_NODE)
                continue;
            const weld_shape *shape = &shapes->types[v].shape;
            const int64_t rows = samples * weld_carrier_rows(carrier, shape);
            for (int u = 0; u < g->consumer_count[v]; u++)
                if (looks_at_one(&g->nodes[g->consumers[v][u]]))
                    WELD_TRY(add_activation(m, s, c, carrier, g->consumers[v][u], rows, &cap, err));
        }
done:
    return st;
}

void weld_additivity_free(weld_moments *m)
{
    for (int k = 0; k < m->additivity_count; k++)
        weld_free(m->ctx, m->additivity[k].cost);
    weld_free(m->ctx, m->additivity);
}

/* ---- adding up ------------------------------------------------------------------------------- */

/* Values of the units in one row, in front of the activation and behind it; [n] of A and B. */
typedef struct row {
    double *before[2], *after[2];
} row;

typedef struct adder {
    weld_additivity_moments *out;
    const weld_node *node;
    weld_run *const *runs;
    const weld_tensor **in;  /* [input_count] of the node; the first is `mixed` */
    weld_tensor mixed, bent; /* [n, n] or fewer rows of it */
} adder;

/* Units first, first + 1, ... of A with all of B. */
static weld_status add_block(adder *a, const row *r, weld_context *ctx, int32_t first,
                             int32_t count, weld_error *err)
{
    const int32_t n = a->out->n;
    weld_tensor *bent = &a->bent;
    const weld_kernel_args args = {ctx, a->in, &bent, NULL};
    a->mixed.shape = a->bent.shape = weld_shape_make(1, (int64_t[]){(int64_t)count * n});
    for (int32_t i = 0; i < count; i++)
        for (int32_t j = 0; j < n; j++)
            weld_tensor_set_number(&a->mixed, (int64_t)i * n + j,
                                   0.5 * (r->before[0][first + i] + r->before[1][j]));
    const weld_status st = weld_op_run(a->node, &args, err);
    for (int32_t i = 0; st == WELD_OK && i < count; i++)
        for (int32_t j = 0; j < n; j++) {
            const double apart = weld_tensor_number(&a->bent, (int64_t)i * n + j) -
                                 0.5 * (r->after[0][first + i] + r->after[1][j]);
            a->out->cost[(size_t)(first + i) * (size_t)n + (size_t)j] += apart * apart;
        }
    return st;
}

static weld_status add_row(adder *a, const row *r, weld_context *ctx, int64_t at, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_carrier *carrier = a->out->carrier;
    const int32_t n = a->out->n, block = n < MIX ? MIX / n : 1;
    for (int s = 0; s < 2; s++) {
        weld_carrier_row(r->before[s], carrier, n, weld_run_value(a->runs[s], a->node->inputs[0]),
                         at);
        weld_carrier_row(r->after[s], carrier, n, weld_run_value(a->runs[s], a->node->outputs[0]),
                         at);
        for (int32_t u = 0; u < n; u++)
            a->out->energy += r->after[s][u] * r->after[s][u];
    }
    for (int32_t first = 0; first < n && st == WELD_OK; first += block)
        st = add_block(a, r, ctx, first, n - first < block ? n - first : block, err);
    a->out->rows += 1;
    return st;
}

weld_status weld_additivity_add(weld_additivity_moments *x, weld_context *ctx, const weld_graph *g,
                                weld_run *const runs[2], int64_t first, int64_t entries,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_node *node = &g->nodes[x->node];
    const weld_tensor *value = weld_run_value(runs[0], node->inputs[0]);
    const int64_t per = weld_carrier_rows(x->carrier, &value->shape), before = first * per;
    const int64_t most = (int64_t)x->n * (x->n < MIX ? MIX / x->n : 1);
    const weld_shape shape = weld_shape_make(1, &most);
    adder a = {.out = x, .node = node, .runs = runs};
    row r = {0};
    WELD_NEW(a.in, ctx, node->input_count);
    WELD_TRY(weld_tensor_create(&a.mixed, ctx, value->dtype, &shape, err));
    WELD_TRY(weld_tensor_create(&a.bent, ctx, value->dtype, &shape, err));
    a.in[0] = &a.mixed;
    for (int k = 1; k < node->input_count; k++)
        a.in[k] = node->inputs[k] < 0 ? NULL : weld_run_value(runs[0], node->inputs[k]);
    for (int s = 0; s < 2; s++) {
        WELD_NEW(r.before[s], ctx, x->n);
        WELD_NEW(r.after[s], ctx, x->n);
    }
    for (int64_t at = (x->step - before % x->step) % x->step; at < entries * per; at += x->step)
        WELD_TRY(add_row(&a, &r, ctx, at, err));
done:
    for (int s = 0; s < 2; s++) {
        weld_free(ctx, r.before[s]);
        weld_free(ctx, r.after[s]);
    }
    weld_tensor_free(ctx, &a.mixed);
    weld_tensor_free(ctx, &a.bent);
    weld_free(ctx, a.in);
    return st;
}
