#include "canon/pair.h"
#include "ops/op.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct pairer {
    weld_pairing *out;
    const weld_graph *g[2];
    uint64_t *hash[2]; /* structure below each value */
    int *value_of;     /* [a->value_count] B's value, -1 = not met yet */
    int *queue;        /* [a->value_count] values of A to look into */
    int head, tail;
    int64_t literal[2];
} pairer;

static weld_status differ(pairer *p, weld_error *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static weld_status differ(pairer *p, weld_error *err, const char *fmt, ...)
{
    char line[512];
    va_list ap;
    if (p->out->difference_count == WELD_DIFFERENCES_MAX)
        return WELD_OK;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    char *copy = weld_strdup(p->out->ctx, line);
    if (!copy)
        return weld_fail_memory(p->out->ctx, err, strlen(line), 1);
    p->out->differences[p->out->difference_count++] = copy;
    return WELD_OK;
}

static uint64_t mix(uint64_t h, uint64_t x)
{
    h = (h ^ x) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 31;
}

static uint64_t leaf_hash(const weld_graph *g, int v)
{
    const weld_value *value = &g->values[v];
    uint64_t h = mix(1, (uint64_t)value->kind);
    if (value->kind == WELD_VALUE_INPUT)
        for (int k = 0; k < g->input_count; k++)
            h = g->inputs[k] == v ? mix(h, (uint64_t)k) : h;
    if (value->kind == WELD_VALUE_PARAM)
        for (int k = 0; k < value->rank; k++)
            h = mix(h, (uint64_t)value->dims[k] + 7);
    return h;
}

/* Of the structure only; operands that commute are added, so that their order does not count. */
static void hash_values(uint64_t *hash, const weld_graph *g)
{
    for (int v = 0; v < g->value_count; v++)
        hash[v] = leaf_hash(g, v);
    for (int n = 0; n < g->node_count; n++) {
        const weld_node *node = &g->nodes[n];
        bool commutes = node->op->flags & WELD_OP_COMMUTES;
        uint64_t h = mix(3, (uint64_t)(uintptr_t)node->op), sum = 0;
        for (int k = 0; k < node->input_count; k++) {
            uint64_t below = node->inputs[k] < 0 ? 5 : hash[node->inputs[k]];
            sum += mix(11, below);
            h = commutes ? h : mix(h, below);
        }
        h = commutes ? mix(h, sum) : h;
        for (int k = 0; k < node->output_count; k++)
            if (node->outputs[k] >= 0)
                hash[node->outputs[k]] = mix(h, (uint64_t)k);
    }
}

static weld_status meet(pairer *p, int a, int b, const weld_node *at, weld_error *err)
{
    if (a < 0 && b < 0)
        return WELD_OK;
    if (a < 0 || b < 0)
        return differ(p, err, "%s: an input is given in %s only", at ? at->name : "output",
                      a < 0 ? "B" : "A");
    if (p->value_of[a] < 0) {
        p->value_of[a] = b;
        p->queue[p->tail++] = a;
        return WELD_OK;
    }
    if (p->value_of[a] == b)
        return WELD_OK;
    return differ(p, err, "A '%s' is used twice where B has '%s' and '%s'", p->g[0]->values[a].name,
                  p->g[1]->values[p->value_of[a]].name, p->g[1]->values[b].name);
}

static const char *dims_text(const weld_value *v, char text[128])
{
    weld_shape shape = weld_shape_make(v->rank < 0 ? 0 : v->rank, v->dims);
    return weld_shape_text(&shape, text);
}

static weld_status compare_inputs(pairer *p, const weld_value *a, const weld_value *b,
                                  weld_error *err)
{
    char ta[128], tb[128];
    bool same = a->rank == b->rank && a->dtype == b->dtype;
    for (int k = 1; same && k < a->rank; k++)
        same = a->dims[k] == b->dims[k] || a->dims[k] < 0 || b->dims[k] < 0;
    if (same)
        return WELD_OK;
    return differ(p, err, "graph input: A '%s' %s %s, B '%s' %s %s", a->name,
                  weld_dtype_name(a->dtype), dims_text(a, ta), b->name, weld_dtype_name(b->dtype),
                  dims_text(b, tb));
}

static weld_status compare_params(pairer *p, const weld_value *a, const weld_value *b,
                                  weld_error *err)
{
    char ta[128], tb[128];
    if (a->rank == b->rank && memcmp(a->dims, b->dims, sizeof(int64_t) * (size_t)a->rank) == 0) {
        p->out->param_of[a->param] = b->param;
        return WELD_OK;
    }
    return differ(p, err, "parameter: A '%s' %s, B '%s' %s: different shapes", a->name,
                  dims_text(a, ta), b->name, dims_text(b, tb));
}

static weld_status compare_constants(pairer *p, const weld_value *a, const weld_value *b,
                                     weld_error *err)
{
    const weld_tensor *x = a->data, *y = b->data;
    bool same = weld_shape_equal(&x->shape, &y->shape) &&
                weld_dtype_is_float(x->dtype) == weld_dtype_is_float(y->dtype);
    int64_t n = same ? weld_shape_numel(&x->shape) : 0;
    for (int64_t k = 0; same && k < n; k++) {
        if (weld_dtype_is_float(x->dtype))
            same = weld_tensor_number(x, k) == weld_tensor_number(y, k);
        else
            same = x->i[k] == y->i[k] || (k == 0 && p->literal[0] > 0 && x->i[k] == p->literal[0] &&
                                          y->i[k] == p->literal[1]);
    }
    return same ? WELD_OK : differ(p, err, "constant: A '%s' and B '%s' differ", a->name, b->name);
}

/* Which order of B's operands fits A's: by the structure below them. */
static bool is_swapped(const pairer *p, const weld_node *a, const weld_node *b)
{
    if (!(a->op->flags & WELD_OP_COMMUTES) || a->input_count != 2 || b->input_count != 2)
        return false;
    uint64_t a0 = p->hash[0][a->inputs[0]], b0 = p->hash[1][b->inputs[0]],
             b1 = p->hash[1][b->inputs[1]];
    return a0 != b0 && a0 == b1;
}

static weld_status compare_nodes(pairer *p, int va, int vb, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_node *a = &p->g[0]->nodes[p->g[0]->values[va].producer];
    const weld_node *b = &p->g[1]->nodes[p->g[1]->values[vb].producer];
    char text[256];
    if (a->op != b->op)
        return differ(p, err, "A '%s' is %s, B '%s' is %s", a->name, a->op->name, b->name,
                      b->op->name);
    if (!weld_attrs_equal(a->op, a->attrs, b->attrs)) {
        weld_attrs_difference(a->op, a->attrs, b->attrs, text, sizeof text);
        WELD_TRY(differ(p, err, "%s: A '%s', B '%s': %s", a->op->name, a->name, b->name, text));
    }
    bool swapped = is_swapped(p, a, b);
    int count = a->input_count > b->input_count ? a->input_count : b->input_count;
    for (int k = 0; k < count; k++)
        WELD_TRY(meet(p, weld_node_input(a, k), weld_node_input(b, swapped ? 1 - k : k), a, err));
done:
    return st;
}

static weld_status compare_values(pairer *p, int va, int vb, weld_error *err)
{
    const weld_value *a = &p->g[0]->values[va], *b = &p->g[1]->values[vb];
    static const char *const kinds[] = {"a graph input", "a parameter", "a constant",
                                        "made by a node"};
    if (a->kind != b->kind)
        return differ(p, err, "A '%s' is %s, B '%s' is %s", a->name, kinds[a->kind], b->name,
                      kinds[b->kind]);
    switch (a->kind) {
    case WELD_VALUE_INPUT: return compare_inputs(p, a, b, err);
    case WELD_VALUE_PARAM: return compare_params(p, a, b, err);
    case WELD_VALUE_CONST: return compare_constants(p, a, b, err);
    case WELD_VALUE_NODE: return compare_nodes(p, va, vb, err);
    }
    return WELD_OK;
}

static weld_status walk(pairer *p, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int k = 0; k < 2; k++)
        hash_values(p->hash[k], p->g[k]);
    if (p->g[0]->output_count != p->g[1]->output_count)
        WELD_TRY(differ(p, err, "A has %d outputs, B has %d", p->g[0]->output_count,
                        p->g[1]->output_count));
    if (p->g[0]->input_count != p->g[1]->input_count)
        WELD_TRY(differ(p, err, "A has %d inputs, B has %d", p->g[0]->input_count,
                        p->g[1]->input_count));
    for (int k = 0; k < p->g[0]->output_count && k < p->g[1]->output_count; k++)
        WELD_TRY(meet(p, p->g[0]->outputs[k], p->g[1]->outputs[k], NULL, err));
    while (p->head < p->tail) {
        int a = p->queue[p->head++];
        WELD_TRY(compare_values(p, a, p->value_of[a], err));
    }
done:
    return st;
}

weld_status weld_pair_graphs(weld_pairing **out, weld_context *ctx, const weld_graph *a,
                             const weld_graph *b, const int64_t literal_batch[2], weld_error *err)
{
    weld_status st = WELD_OK;
    pairer p = {.g = {a, b}, .literal = {literal_batch[0], literal_batch[1]}};
    *out = NULL;
    WELD_NEW(p.out, ctx, 1);
    p.out->ctx = ctx;
    WELD_NEW(p.out->param_of, ctx, a->param_count);
    WELD_NEW(p.hash[0], ctx, a->value_count);
    WELD_NEW(p.hash[1], ctx, b->value_count);
    WELD_NEW(p.value_of, ctx, a->value_count);
    WELD_NEW(p.queue, ctx, a->value_count);
    memset(p.value_of, -1, sizeof(int) * (size_t)a->value_count);
    memset(p.out->param_of, -1, sizeof(int) * (size_t)a->param_count);
    WELD_TRY(walk(&p, err));
    for (int k = 0; k < a->param_count; k++)
        if (p.out->param_of[k] < 0 && p.out->difference_count == 0)
            WELD_TRY(differ(&p, err, "A '%s' has no counterpart in B", a->params[k].name));
    *out = p.out;
    p.out = NULL;
done:
    weld_pairing_free(p.out);
    weld_free(ctx, p.hash[0]);
    weld_free(ctx, p.hash[1]);
    weld_free(ctx, p.value_of);
    weld_free(ctx, p.queue);
    return st;
}

void weld_pairing_free(weld_pairing *pairing)
{
    if (!pairing)
        return;
    for (int k = 0; k < pairing->difference_count; k++)
        weld_free(pairing->ctx, pairing->differences[k]);
    weld_free(pairing->ctx, pairing->param_of);
    weld_free(pairing->ctx, pairing);
}
