/* From a draft to a graph: reachable nodes in topological order, parameters numbered by use. */
#include "ir/graph.h"
#include <string.h>

typedef struct finisher {
    weld_draft *draft;
    weld_graph *graph;
    int *producer;        /* [value_count] draft node, -1 */
    bool *reached;        /* [node_count] */
    int *stack, *waiting; /* [node_count] */
    int *order;           /* [node_count] draft node of each position */
    int *heap;            /* [node_count] ready nodes, a binary heap by file order */
    int heap_size, ordered;
    int *value_map; /* draft value -> graph value, -1 = dropped */
    weld_home *homes;
} finisher;

/* Edits left forwards behind: every index becomes that of the value that stands there now. */
static void settle(weld_draft *d)
{
    for (size_t n = 0; n < d->node_count; n++)
        for (int k = 0; k < d->nodes[n].input_count; k++)
            d->nodes[n].inputs[k] = weld_draft_at(d, d->nodes[n].inputs[k]);
    for (size_t k = 0; k < d->output_count; k++)
        d->outputs[k] = weld_draft_at(d, d->outputs[k]);
}

static weld_status find_producers(finisher *f, weld_error *err)
{
    const weld_draft *d = f->draft;
    for (size_t v = 0; v < d->value_count; v++)
        f->producer[v] = -1;
    for (size_t n = 0; n < d->node_count; n++)
        for (int k = 0; k < d->nodes[n].output_count && !d->nodes[n].dead; k++) {
            int v = d->nodes[n].outputs[k];
            if (v < 0 || d->forward[v] >= 0)
                continue;
            if (f->producer[v] >= 0 || d->values[v].kind != WELD_VALUE_NODE)
                return weld_fail(err, WELD_E_FORMAT, "value '%s' is defined twice",
                                 d->values[v].name);
            f->producer[v] = (int)n;
        }
    return WELD_OK;
}

static weld_status reach(finisher *f, int value, int *depth, weld_error *err)
{
    const weld_draft *d = f->draft;
    if (value < 0 || d->values[value].kind != WELD_VALUE_NODE)
        return WELD_OK;
    int node = f->producer[value];
    if (node < 0)
        return weld_fail(err, WELD_E_FORMAT, "value '%s' is used but nothing makes it",
                         d->values[value].name);
    if (!f->reached[node]) {
        f->reached[node] = true;
        f->stack[(*depth)++] = node;
    }
    return WELD_OK;
}

static weld_status reach_all(finisher *f, weld_error *err)
{
    const weld_draft *d = f->draft;
    int depth = 0;
    for (size_t k = 0; k < d->output_count; k++) {
        weld_status st = reach(f, d->outputs[k], &depth, err);
        if (st != WELD_OK)
            return st;
    }
    while (depth > 0) {
        const weld_node *node = &d->nodes[f->stack[--depth]];
        for (int k = 0; k < node->input_count; k++) {
            weld_status st = reach(f, node->inputs[k], &depth, err);
            if (st != WELD_OK)
                return st;
        }
    }
    return WELD_OK;
}

static void heap_push(finisher *f, int node)
{
    int i = f->heap_size++;
    for (; i > 0 && f->heap[(i - 1) / 2] > node; i = (i - 1) / 2)
        f->heap[i] = f->heap[(i - 1) / 2];
    f->heap[i] = node;
}

static int heap_pop(finisher *f)
{
    int top = f->heap[0], last = f->heap[--f->heap_size], i = 0;
    for (;;) {
        int child = 2 * i + 1;
        if (child >= f->heap_size)
            break;
        if (child + 1 < f->heap_size && f->heap[child + 1] < f->heap[child])
            child++;
        if (f->heap[child] >= last)
            break;
        f->heap[i] = f->heap[child];
        i = child;
    }
    f->heap[i] = last;
    return top;
}

/* Kahn's algorithm; `users` lists, for each draft node, the nodes that wait for it. */
static weld_status sort_nodes(finisher *f, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_draft *d = f->draft;
    int *first = NULL, *users = NULL, total = 0;
    WELD_NEW(first, d->ctx, d->node_count + 2);
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1) {
            for (size_t n = 0; n <= d->node_count; n++)
                first[n + 1] += first[n];
            total = first[d->node_count + 1];
            WELD_NEW(users, d->ctx, total);
        }
        for (size_t n = 0; n < d->node_count; n++)
            for (int k = 0; f->reached[n] && k < d->nodes[n].input_count; k++) {
                int v = d->nodes[n].inputs[k], p = v >= 0 ? f->producer[v] : -1;
                if (p < 0)
                    continue;
                if (pass == 0) {
                    first[p + 2]++;
                    f->waiting[n]++;
                } else {
                    users[first[p + 1]++] = (int)n;
                }
            }
    }
    for (size_t n = 0; n < d->node_count; n++)
        if (f->reached[n] && f->waiting[n] == 0)
            heap_push(f, (int)n);
    while (f->heap_size > 0) {
        int node = heap_pop(f);
        f->order[f->ordered++] = node;
        for (int k = first[node]; k < first[node + 1]; k++)
            if (--f->waiting[users[k]] == 0)
                heap_push(f, users[k]);
    }
    for (size_t n = 0; n < d->node_count; n++)
        WELD_REQUIRE(!f->reached[n] || f->waiting[n] == 0, WELD_E_FORMAT,
                     "node '%s' is part of a cycle", d->nodes[n].name);
done:
    weld_free(d->ctx, first);
    weld_free(d->ctx, users);
    return st;
}

static int keep_value(finisher *f, int value)
{
    weld_graph *g = f->graph;
    if (value < 0)
        return -1;
    if (f->value_map[value] < 0) {
        f->value_map[value] = g->value_count;
        g->values[g->value_count++] = f->draft->values[value];
    }
    return f->value_map[value];
}

static void keep_param(finisher *f, int draft_value, int value)
{
    weld_graph *g = f->graph;
    if (value < 0 || g->values[value].kind != WELD_VALUE_PARAM || g->values[value].param >= 0)
        return;
    weld_value *v = &g->values[value];
    v->param = g->param_count;
    f->homes[g->param_count] = f->draft->homes[draft_value];
    g->params[g->param_count++] =
        (weld_param){value, v->name, v->dtype, weld_shape_make(v->rank, v->dims)};
}

static void build_nodes(finisher *f)
{
    const weld_draft *d = f->draft;
    weld_graph *g = f->graph;
    for (size_t k = 0; k < d->input_count; k++)
        g->inputs[k] = keep_value(f, d->inputs[k]);
    for (int n = 0; n < f->ordered; n++) {
        weld_node *node = &g->nodes[n];
        *node = d->nodes[f->order[n]];
        for (int k = 0; k < node->input_count; k++) {
            int old = node->inputs[k];
            node->inputs[k] = keep_value(f, old);
            keep_param(f, old, node->inputs[k]);
        }
        for (int k = 0; k < node->output_count; k++) {
            int old = node->outputs[k];
            node->outputs[k] = old < 0 || d->forward[old] >= 0 ? -1 : keep_value(f, old);
            if (node->outputs[k] >= 0)
                g->values[node->outputs[k]].producer = n;
        }
    }
    for (size_t k = 0; k < d->output_count; k++) {
        g->outputs[k] = keep_value(f, d->outputs[k]);
        keep_param(f, d->outputs[k], g->outputs[k]);
    }
    g->node_count = f->ordered;
    g->input_count = (int)d->input_count;
    g->output_count = (int)d->output_count;
}

static weld_status list_consumers(weld_graph *g, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_ARENA_NEW(g->consumers, &g->arena, g->value_count);
    WELD_ARENA_NEW(g->consumer_count, &g->arena, g->value_count);
    for (int pass = 0; pass < 2; pass++) {
        for (int v = 0; v < g->value_count && pass == 1; v++) {
            WELD_ARENA_NEW(g->consumers[v], &g->arena, g->consumer_count[v]);
            g->consumer_count[v] = 0;
        }
        for (int n = 0; n < g->node_count; n++)
            for (int k = 0; k < g->nodes[n].input_count; k++) {
                int v = g->nodes[n].inputs[k];
                if (v < 0)
                    continue;
                if (pass == 1) {
                    int count = g->consumer_count[v];
                    if (count > 0 && g->consumers[v][count - 1] == n)
                        continue;
                    g->consumers[v][count] = n;
                }
                g->consumer_count[v]++;
            }
    }
done:
    return st;
}

static weld_status alloc_work(finisher *f, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_draft *d = f->draft;
    weld_context *ctx = d->ctx;
    WELD_NEW(f->producer, ctx, d->value_count);
    WELD_NEW(f->value_map, ctx, d->value_count);
    WELD_NEW(f->reached, ctx, d->node_count);
    WELD_NEW(f->stack, ctx, d->node_count);
    WELD_NEW(f->waiting, ctx, d->node_count);
    WELD_NEW(f->order, ctx, d->node_count);
    WELD_NEW(f->heap, ctx, d->node_count);
    WELD_NEW(f->homes, ctx, d->value_count);
    WELD_NEW(f->graph, ctx, 1);
    weld_arena_init(&f->graph->arena, ctx);
    WELD_ARENA_NEW(f->graph->values, &f->graph->arena, d->value_count);
    WELD_ARENA_NEW(f->graph->nodes, &f->graph->arena, d->node_count);
    WELD_ARENA_NEW(f->graph->params, &f->graph->arena, d->value_count);
    WELD_ARENA_NEW(f->graph->inputs, &f->graph->arena, d->input_count);
    WELD_ARENA_NEW(f->graph->outputs, &f->graph->arena, d->output_count);
    WELD_ARENA_NEW(f->graph->log, &f->graph->arena, d->log_count);
    WELD_ARENA_NEW(f->graph->symbols, &f->graph->arena, d->symbol_count);
    for (size_t v = 0; v < d->value_count; v++)
        f->value_map[v] = -1;
done:
    return st;
}

weld_status weld_draft_finish(weld_graph **out, weld_home **homes_out, weld_draft *draft,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    finisher f = {.draft = draft};
    weld_context *ctx = draft->ctx;
    *out = NULL;
    *homes_out = NULL;
    WELD_TRY(alloc_work(&f, err));
    settle(draft);
    WELD_REQUIRE(draft->output_count > 0, WELD_E_FORMAT, "the graph has no outputs");
    WELD_TRY(find_producers(&f, err));
    WELD_TRY(reach_all(&f, err));
    WELD_TRY(sort_nodes(&f, err));
    build_nodes(&f);
    WELD_TRY(list_consumers(f.graph, err));
    if (draft->log_count)
        memcpy(f.graph->log, draft->log, draft->log_count * sizeof draft->log[0]);
    f.graph->log_count = (int)draft->log_count;
    if (draft->symbol_count)
        memcpy(f.graph->symbols, draft->symbols, draft->symbol_count * sizeof draft->symbols[0]);
    f.graph->symbol_count = (int)draft->symbol_count;
    /* Names, attributes and index arrays live in the draft's arena: the graph takes it over. */
    weld_arena_adopt(&f.graph->arena, &draft->arena);
    *out = f.graph;
    *homes_out = f.homes;
    f.graph = NULL;
    f.homes = NULL;
done:
    weld_graph_free(ctx, f.graph);
    weld_free(ctx, f.homes);
    weld_free(ctx, f.producer);
    weld_free(ctx, f.value_map);
    weld_free(ctx, f.reached);
    weld_free(ctx, f.stack);
    weld_free(ctx, f.waiting);
    weld_free(ctx, f.order);
    weld_free(ctx, f.heap);
    return st;
}

/* Values first: nodes are connected by their indices. */
static weld_status reopen_values(weld_draft *d, const weld_graph *g, const weld_home *homes,
                                 weld_error *err)
{
    weld_status st = WELD_OK;
    for (int v = 0; v < g->value_count; v++) {
        int at;
        const weld_value *from = &g->values[v];
        WELD_TRY(weld_draft_value(&at, d, from->name, from->kind, err));
        const char *name = d->values[at].name;
        d->values[at] = *from;
        d->values[at].name = name;
        d->values[at].param = -1;
        if (from->param >= 0)
            d->homes[at] = homes[from->param];
    }
done:
    return st;
}

weld_status weld_draft_reopen(weld_draft *d, weld_graph *g, const weld_home *homes, weld_error *err)
{
    weld_status st = WELD_OK;
    int node;
    WELD_TRY(reopen_values(d, g, homes, err));
    for (int n = 0; n < g->node_count; n++) {
        const weld_node *from = &g->nodes[n];
        WELD_TRY(weld_draft_node(&node, d, from, err));
        for (int k = 0; k < from->input_count; k++)
            weld_draft_set_in(d, node, k, from->inputs[k]);
        for (int k = 0; k < from->output_count; k++)
            if (from->outputs[k] >= 0)
                weld_draft_set_out(d, node, k, from->outputs[k]);
    }
    for (int k = 0; k < g->input_count; k++)
        WELD_TRY(weld_draft_input(d, g->inputs[k], err));
    for (int k = 0; k < g->output_count; k++)
        WELD_TRY(weld_draft_output(d, g->outputs[k], err));
    WELD_GROW(d->symbols, d->symbol_cap, d->ctx, (size_t)g->symbol_count);
    for (int k = 0; k < g->symbol_count; k++)
        d->symbols[d->symbol_count++] = g->symbols[k];
    for (int k = 0; k < g->log_count; k++)
        WELD_TRY(weld_draft_log(d, err, "%s", g->log[k]));
    weld_arena_adopt(&d->arena, &g->arena);
done:
    return st;
}
