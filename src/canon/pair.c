#include "canon/pair.h"
#include "ops/broadcast.h"
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
    bool any_shape; /* shapes are not compared, but marked where parameters have others */
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

/* ---- what stands behind reshapes and casts ------------------------------------------ */

static const weld_node *producer_of(const weld_graph *g, int value)
{
    return value >= 0 && g->values[value].kind == WELD_VALUE_NODE
               ? &g->nodes[g->values[value].producer]
               : NULL;
}

static bool is_transparent(const weld_node *node)
{
    if (node->op == &weld_op_Cast)
        return weld_dtype_is_float((int)weld_attr_number(node, "to"));
    return node->op->flags & WELD_OP_VIEW;
}

/* The value whose elements `value` shows, in the same order. */
static int behind(const weld_graph *g, int value)
{
    const weld_node *node = producer_of(g, value);
    while (node && is_transparent(node)) {
        value = node->inputs[0];
        node = producer_of(g, value);
    }
    return value;
}

/* ---- hashes of the structure: which order of operands fits ---------------------------- */

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

/* Operands that commute are added, so that their order does not count. */
static void hash_values(uint64_t *hash, const weld_graph *g)
{
    for (int v = 0; v < g->value_count; v++)
        hash[v] = leaf_hash(g, v);
    for (int n = 0; n < g->node_count; n++) {
        const weld_node *node = &g->nodes[n];
        const bool commutes = node->op->flags & WELD_OP_COMMUTES;
        uint64_t h = mix(3, (uint64_t)(uintptr_t)node->op), sum = 0;
        for (int k = 0; k < node->input_count; k++) {
            uint64_t below = node->inputs[k] < 0 ? 5 : hash[node->inputs[k]];
            sum += mix(11, below);
            h = commutes ? h : mix(h, below);
        }
        h = commutes ? mix(h, sum) : h;
        if (is_transparent(node) && node->inputs[0] >= 0)
            h = hash[node->inputs[0]];
        for (int k = 0; k < node->output_count; k++)
            if (node->outputs[k] >= 0)
                hash[node->outputs[k]] = k ? mix(h, (uint64_t)k) : h;
    }
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

/* ---- shapes ----------------------------------------------------------------------- */

static const char *dims_text(const weld_value *v, char text[128])
{
    weld_shape shape = weld_shape_make(v->rank < 0 ? 0 : v->rank, v->dims);
    return weld_shape_text(&shape, text);
}

static bool dim_fits(int64_t a, int64_t b)
{
    return a == b || a < 0 || b < 0;
}

/* How much of an operand's shape matters to the operator: all axes, the last one, or none. */
typedef enum extent { WHOLE, LAST, NOTHING } extent;

static extent extent_for(const weld_node *node)
{
    if (weld_op_is_elementwise(node->op))
        return NOTHING;
    return node->op == &weld_op_Dense || node->op == &weld_op_LayerNormalization ||
                   node->op == &weld_op_RMSNormalization
               ? LAST
               : WHOLE;
}

static bool shapes_fit(const weld_value *a, const weld_value *b, extent what)
{
    if (a->rank < 0 || b->rank < 0 || what == NOTHING)
        return true;
    if (what == LAST)
        return a->rank > 0 && b->rank > 0 && dim_fits(a->dims[a->rank - 1], b->dims[b->rank - 1]);
    bool fits = a->rank == b->rank;
    /* Axis 0 of an input is the batch, whatever number the file gives as an example. */
    const int from = a->kind == WELD_VALUE_INPUT || b->kind == WELD_VALUE_INPUT ? 1 : 0;
    for (int k = from; fits && k < a->rank; k++)
        fits = dim_fits(a->dims[k], b->dims[k]);
    return fits;
}

/* ---- the walk ---------------------------------------------------------------------- */

/* A's value a has the role of B's b, as input `at` (a node of A, NULL = graph output) gets them. */
static weld_status meet(pairer *p, int a, int b, const weld_node *at, weld_error *err)
{
    char ta[128], tb[128];
    const char *place = at ? at->name : "output";
    if (a < 0 && b < 0)
        return WELD_OK;
    if (a < 0 || b < 0)
        return differ(p, err, "%s: an input is given in %s only", place, a < 0 ? "B" : "A");
    const weld_value *va = &p->g[0]->values[a], *vb = &p->g[1]->values[b];
    if (!p->any_shape && !shapes_fit(va, vb, at ? extent_for(at) : WHOLE))
        return differ(p, err, "%s: A '%s' is %s, B '%s' is %s", place, va->name, dims_text(va, ta),
                      vb->name, dims_text(vb, tb));
    a = behind(p->g[0], a);
    b = behind(p->g[1], b);
    if (p->value_of[a] < 0) {
        p->value_of[a] = b;
        p->queue[p->tail++] = a;
        return WELD_OK;
    }
    if (p->value_of[a] == b)
        return WELD_OK;
    if (p->g[0]->values[a].kind == WELD_VALUE_PARAM)
        p->out->torn[p->g[0]->values[a].param] = true;
    return differ(p, err, "A '%s' is used twice where B has '%s' and '%s'", p->g[0]->values[a].name,
                  p->g[1]->values[p->value_of[a]].name, p->g[1]->values[b].name);
}

static weld_status compare_params(pairer *p, const weld_value *a, const weld_value *b,
                                  weld_error *err)
{
    char ta[128], tb[128];
    if (a->rank == b->rank && memcmp(a->dims, b->dims, sizeof(int64_t) * (size_t)a->rank) == 0) {
        p->out->param_of[a->param] = b->param;
        return WELD_OK;
    }
    p->out->foreign[a->param] = p->any_shape;
    if (p->any_shape)
        return WELD_OK;
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
    for (int64_t k = 0; same && k < n; k++)
        same = weld_tensor_number(x, k) == weld_tensor_number(y, k);
    return same ? WELD_OK : differ(p, err, "constant: A '%s' and B '%s' differ", a->name, b->name);
}

/* The attribute `axis`, counted from the end, where the rank is known; INT64_MIN = no such one. */
static int64_t axis_from_end(const weld_graph *g, const weld_node *node)
{
    const int rank = node->input_count && node->inputs[0] >= 0 ? g->values[node->inputs[0]].rank
                                                               : -1;
    for (const weld_field *f = node->op->fields; f && f->name; f++)
        if (strcmp(f->name, "axis") == 0 && f->kind == WELD_FIELD_INT) {
            const int64_t axis = *(const int64_t *)((const char *)node->attrs + f->offset);
            return axis >= 0 && rank > 0 ? axis - rank : axis;
        }
    return INT64_MIN;
}

static weld_status compare_attributes(pairer *p, const weld_node *a, const weld_node *b,
                                      weld_error *err)
{
    char text[256];
    const int64_t x = axis_from_end(p->g[0], a), y = axis_from_end(p->g[1], b);
    const char *but = x != INT64_MIN && x == y ? "axis" : NULL; /* counted from the two ends */
    if (weld_attrs_equal(a->op, a->attrs, b->attrs, but, text, sizeof text))
        return WELD_OK;
    return differ(p, err, "%s: A '%s', B '%s': %s", a->op->name, a->name, b->name, text);
}

/* Operands that count: the shape that Expand is given shows in what comes out of it, and says no more. */
static int operand_count(const pairer *p, const weld_node *a, const weld_node *b)
{
    const weld_value *x = &p->g[0]->values[a->outputs[0]], *y = &p->g[1]->values[b->outputs[0]];
    if (a->op == &weld_op_Expand && x->rank >= 0 && y->rank >= 0 && shapes_fit(x, y, WHOLE))
        return 1;
    return a->input_count > b->input_count ? a->input_count : b->input_count;
}

static weld_status compare_nodes(pairer *p, int va, int vb, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_node *a = producer_of(p->g[0], va), *b = producer_of(p->g[1], vb);
    if (a->op != b->op)
        return differ(p, err, "A '%s' is %s, B '%s' is %s", a->name, a->op->name, b->name,
                      b->op->name);
    WELD_TRY(compare_attributes(p, a, b, err));
    bool swapped = is_swapped(p, a, b);
    const int count = operand_count(p, a, b);
    for (int k = 0; k < count; k++)
        WELD_TRY(meet(p, weld_node_input(a, k), weld_node_input(b, swapped ? 1 - k : k), a, err));
done:
    return st;
}

/* ---- the ends ----------------------------------------------------------------------- */

static int input_index(const weld_graph *g, int value)
{
    for (int k = 0; k < g->input_count; k++)
        if (g->inputs[k] == value)
            return k;
    return -1;
}

/* The input whose transposition the value is; -1 = it is none. */
static int turned_input(const weld_graph *g, int value)
{
    const weld_node *node = producer_of(g, value);
    return node && node->op == &weld_op_Transpose ? input_index(g, behind(g, node->inputs[0])) : -1;
}

static void perm_of(int *perm, const weld_node *transpose, int rank, bool inverse)
{
    const weld_ints *given = weld_attr_slot(transpose, "perm");
    for (int k = 0; k < rank; k++) {
        const int from = given->count == rank ? (int)given->at[k] : rank - 1 - k;
        perm[inverse ? from : k] = inverse ? k : from;
    }
}

static weld_status join_inputs(pairer *p, int ka, int kb, const weld_port *port, weld_error *err)
{
    weld_port *slot = &p->out->inputs[ka];
    const weld_value *a = &p->g[0]->values[p->g[0]->inputs[ka]];
    const weld_value *b = &p->g[1]->values[p->g[1]->inputs[kb]];
    if (weld_dtype_is_float(a->dtype) != weld_dtype_is_float(b->dtype))
        return differ(p, err, "graph input: A '%s' is %s, B '%s' is %s", a->name,
                      weld_dtype_name(a->dtype), b->name, weld_dtype_name(b->dtype));
    if (slot->index >= 0 && slot->index != kb)
        return differ(p, err, "graph input: A '%s' stands where B has two", a->name);
    *slot = *port;
    slot->index = kb;
    return WELD_OK;
}

/* One side's input is the other's, transposed: T(x_B) = x_A or T(x_A) = x_B. */
static weld_status join_turned(bool *joined, pairer *p, int va, int vb, weld_error *err)
{
    const int ka = input_index(p->g[0], va), kb = input_index(p->g[1], vb);
    const int ta = turned_input(p->g[0], va), tb = turned_input(p->g[1], vb);
    weld_port port = {.turned = true};
    *joined = (ka >= 0 && tb >= 0) || (kb >= 0 && ta >= 0);
    if (ka >= 0 && tb >= 0) {
        perm_of(port.perm, producer_of(p->g[1], vb), p->g[1]->values[vb].rank, true);
        return join_inputs(p, ka, tb, &port, err);
    }
    if (kb >= 0 && ta >= 0) {
        perm_of(port.perm, producer_of(p->g[0], va), p->g[0]->values[va].rank, false);
        return join_inputs(p, ta, kb, &port, err);
    }
    return WELD_OK;
}

/* A network that ends in another layout: its last Transpose is left out of the comparison. */
static weld_status meet_outputs(pairer *p, int k, weld_error *err)
{
    int a = p->g[0]->outputs[k], b = p->g[1]->outputs[k];
    const weld_node *na = producer_of(p->g[0], a), *nb = producer_of(p->g[1], b);
    const bool ta = na && na->op == &weld_op_Transpose, tb = nb && nb->op == &weld_op_Transpose;
    weld_port *port = &p->out->outputs[k];
    port->index = k;
    if (ta != tb) {
        port->turned = true;
        perm_of(port->perm, ta ? na : nb, p->g[ta ? 0 : 1]->values[ta ? a : b].rank, ta);
        a = ta ? na->inputs[0] : a;
        b = tb ? nb->inputs[0] : b;
    }
    return meet(p, a, b, NULL, err);
}

static weld_status compare_values(pairer *p, int va, int vb, weld_error *err)
{
    const weld_value *a = &p->g[0]->values[va], *b = &p->g[1]->values[vb];
    static const char *const kinds[] = {"a graph input", "a parameter", "a constant",
                                        "made by a node"};
    const weld_port straight = {0};
    if (a->kind != b->kind) {
        bool joined;
        weld_status st = join_turned(&joined, p, va, vb, err);
        if (st != WELD_OK || joined)
            return st;
        return differ(p, err, "A '%s' is %s, B '%s' is %s", a->name, kinds[a->kind], b->name,
                      kinds[b->kind]);
    }
    switch (a->kind) {
    case WELD_VALUE_INPUT:
        return join_inputs(p, input_index(p->g[0], va), input_index(p->g[1], vb), &straight, err);
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
        WELD_TRY(meet_outputs(p, k, err));
    while (p->head < p->tail) {
        int a = p->queue[p->head++];
        WELD_TRY(compare_values(p, a, p->value_of[a], err));
    }
done:
    return st;
}

static weld_status new_pairing(weld_pairing **out, weld_context *ctx, const weld_graph *a,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    weld_pairing *pairing = NULL;
    *out = NULL;
    WELD_NEW(pairing, ctx, 1);
    pairing->ctx = ctx;
    WELD_NEW(pairing->param_of, ctx, a->param_count);
    WELD_NEW(pairing->torn, ctx, a->param_count);
    WELD_NEW(pairing->foreign, ctx, a->param_count);
    WELD_NEW(pairing->inputs, ctx, a->input_count);
    WELD_NEW(pairing->outputs, ctx, a->output_count);
    memset(pairing->param_of, -1, sizeof(int) * (size_t)a->param_count);
    for (int k = 0; k < a->input_count; k++)
        pairing->inputs[k].index = -1;
    for (int k = 0; k < a->output_count; k++)
        pairing->outputs[k].index = -1;
    *out = pairing;
    pairing = NULL;
done:
    weld_pairing_free(pairing);
    return st;
}

static weld_status pair(weld_pairing **out, weld_context *ctx, const weld_graph *a,
                        const weld_graph *b, bool any_shape, weld_error *err)
{
    weld_status st = WELD_OK;
    pairer p = {.g = {a, b}, .any_shape = any_shape};
    *out = NULL;
    WELD_TRY(new_pairing(&p.out, ctx, a, err));
    WELD_NEW(p.hash[0], ctx, a->value_count);
    WELD_NEW(p.hash[1], ctx, b->value_count);
    WELD_NEW(p.value_of, ctx, a->value_count);
    WELD_NEW(p.queue, ctx, a->value_count);
    memset(p.value_of, -1, sizeof(int) * (size_t)a->value_count);
    WELD_TRY(walk(&p, err));
    for (int k = 0; k < a->param_count; k++)
        if (p.out->param_of[k] < 0 && !p.out->foreign[k] && p.out->difference_count == 0)
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

weld_status weld_pair_graphs(weld_pairing **out, weld_context *ctx, const weld_graph *a,
                             const weld_graph *b, weld_error *err)
{
    return pair(out, ctx, a, b, false, err);
}

weld_status weld_pair_bodies(weld_pairing **out, weld_context *ctx, const weld_graph *a,
                             const weld_graph *b, weld_error *err)
{
    return pair(out, ctx, a, b, true, err);
}

void weld_pairing_free(weld_pairing *pairing)
{
    if (!pairing)
        return;
    for (int k = 0; k < pairing->difference_count; k++)
        weld_free(pairing->ctx, pairing->differences[k]);
    weld_free(pairing->ctx, pairing->param_of);
    weld_free(pairing->ctx, pairing->torn);
    weld_free(pairing->ctx, pairing->foreign);
    weld_free(pairing->ctx, pairing->inputs);
    weld_free(pairing->ctx, pairing->outputs);
    weld_free(pairing->ctx, pairing);
}
