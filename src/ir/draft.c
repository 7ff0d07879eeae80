/* Building and editing a graph before it is finished. */
#include "ir/graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void weld_draft_init(weld_draft *draft, weld_context *ctx)
{
    *draft = (weld_draft){.ctx = ctx};
    weld_arena_init(&draft->arena, ctx);
}

void weld_draft_free(weld_draft *draft)
{
    weld_context *ctx = draft->ctx;
    weld_arena_free(&draft->arena);
    weld_free(ctx, draft->values);
    weld_free(ctx, draft->nodes);
    weld_free(ctx, draft->homes);
    weld_free(ctx, draft->uses);
    weld_free(ctx, draft->forward);
    weld_free(ctx, draft->inputs);
    weld_free(ctx, draft->outputs);
    weld_free(ctx, draft->symbols);
    weld_free(ctx, draft->log);
}

/* Room for one more value; *out = its index. */
static weld_status grow_values(int *out, weld_draft *draft, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t at = draft->value_count;
    WELD_GROW(draft->values, draft->value_cap, draft->ctx, at + 1);
    WELD_GROW(draft->homes, draft->home_cap, draft->ctx, at + 1);
    WELD_GROW(draft->uses, draft->use_cap, draft->ctx, at + 1);
    WELD_GROW(draft->forward, draft->forward_cap, draft->ctx, at + 1);
    memset(&draft->values[at], 0, sizeof draft->values[at]);
    memset(&draft->homes[at], 0, sizeof draft->homes[at]);
    draft->uses[at] = 0;
    draft->forward[at] = -1;
    *out = (int)at;
    draft->value_count++;
done:
    return st;
}

weld_status weld_draft_value(int *out, weld_draft *draft, const char *name, weld_value_kind kind,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    char *copy = weld_arena_strdup(&draft->arena, name);
    if (!copy)
        return weld_fail_memory(draft->ctx, err, strlen(name) + 1, 1);
    WELD_TRY(grow_values(out, draft, err));
    draft->values[*out] =
        (weld_value){.name = copy, .kind = kind, .rank = -1, .producer = -1, .param = -1};
done:
    return st;
}

weld_status weld_draft_node(int *out, weld_draft *draft, const weld_node *like, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_GROW(draft->nodes, draft->node_cap, draft->ctx, draft->node_count + 1);
    weld_node node = *like;
    char *name;
    WELD_ARENA_NEW(node.inputs, &draft->arena, like->input_count);
    WELD_ARENA_NEW(node.outputs, &draft->arena, like->output_count);
    WELD_ARENA_NEW(name, &draft->arena, strlen(like->name) + 1);
    memcpy(name, like->name, strlen(like->name));
    node.name = name;
    node.dead = false;
    for (int k = 0; k < node.input_count; k++)
        node.inputs[k] = -1;
    for (int k = 0; k < node.output_count; k++)
        node.outputs[k] = -1;
    draft->nodes[draft->node_count] = node;
    *out = (int)draft->node_count++;
done:
    return st;
}

weld_status weld_draft_input(weld_draft *draft, int value, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_GROW(draft->inputs, draft->input_cap, draft->ctx, draft->input_count + 1);
    draft->inputs[draft->input_count++] = value;
done:
    return st;
}

weld_status weld_draft_output(weld_draft *draft, int value, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_GROW(draft->outputs, draft->output_cap, draft->ctx, draft->output_count + 1);
    draft->outputs[draft->output_count++] = value;
    draft->uses[weld_draft_at(draft, value)]++;
done:
    return st;
}

weld_status weld_draft_symbol(int *out, weld_draft *draft, const char *name, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_GROW(draft->symbols, draft->symbol_cap, draft->ctx, draft->symbol_count + 1);
    char *copy = weld_arena_strdup(&draft->arena, name);
    WELD_REQUIRE(copy, WELD_E_NOMEM, "out of memory");
    draft->symbols[draft->symbol_count] = (weld_symbol){copy, 0, false};
    *out = (int)draft->symbol_count++;
done:
    return st;
}

/* ---- edits ---------------------------------------------------------------------- */

int weld_draft_at(const weld_draft *draft, int value)
{
    if (value < 0)
        return -1;
    while (draft->forward[value] >= 0) {
        int next = draft->forward[value];
        if (draft->forward[next] >= 0) /* halve the path */
            draft->forward[value] = draft->forward[next];
        value = next;
    }
    return value;
}

int weld_draft_in(const weld_draft *draft, int node, int k)
{
    return weld_draft_at(draft, weld_node_input(&draft->nodes[node], k));
}

int weld_draft_uses(const weld_draft *draft, int value)
{
    return draft->uses[weld_draft_at(draft, value)];
}

int weld_draft_producer(const weld_draft *draft, int value)
{
    value = weld_draft_at(draft, value);
    int node = value < 0 ? -1 : draft->values[value].producer;
    return node >= 0 && !draft->nodes[node].dead ? node : -1;
}

static bool is_needed(const weld_draft *draft, const weld_node *node)
{
    for (int k = 0; k < node->output_count; k++)
        if (node->outputs[k] >= 0 && draft->forward[node->outputs[k]] < 0 &&
            draft->uses[node->outputs[k]] > 0)
            return true;
    return false;
}

/* One use less; a node that nobody needs any more joins the list. */
static void release(weld_draft *draft, int value, int *list)
{
    value = weld_draft_at(draft, value);
    if (value < 0 || --draft->uses[value] > 0)
        return;
    int node = weld_draft_producer(draft, value);
    if (node < 0 || is_needed(draft, &draft->nodes[node]))
        return;
    draft->nodes[node].dead = true;
    draft->nodes[node].next = *list;
    *list = node;
}

static void drop_list(weld_draft *draft, int list)
{
    while (list >= 0) {
        const weld_node *node = &draft->nodes[list];
        list = node->next;
        for (int k = 0; k < node->input_count; k++)
            release(draft, node->inputs[k], &list);
    }
}

void weld_draft_kill(weld_draft *draft, int node)
{
    if (draft->nodes[node].dead)
        return;
    draft->nodes[node].dead = true;
    draft->nodes[node].next = -1;
    drop_list(draft, node);
}

void weld_draft_set_in(weld_draft *draft, int node, int k, int value)
{
    int list = -1, old = draft->nodes[node].inputs[k];
    draft->nodes[node].inputs[k] = value;
    if (value >= 0)
        draft->uses[weld_draft_at(draft, value)]++;
    release(draft, old, &list);
    drop_list(draft, list);
}

void weld_draft_set_out(weld_draft *draft, int node, int k, int value)
{
    draft->nodes[node].outputs[k] = value;
    draft->values[value].producer = node;
}

void weld_draft_replace(weld_draft *draft, int from, int to)
{
    int list = -1;
    from = weld_draft_at(draft, from);
    to = weld_draft_at(draft, to);
    if (from == to)
        return;
    const int uses = draft->uses[from];
    const int node = weld_draft_producer(draft, from);
    draft->uses[to] += uses + 1; /* one more, so that `to` outlives what falls now */
    draft->uses[from] = 0;
    draft->forward[from] = to;
    if (node >= 0 && !is_needed(draft, &draft->nodes[node]))
        weld_draft_kill(draft, node);
    release(draft, to, &list);
    drop_list(draft, list);
}

weld_status weld_draft_log(weld_draft *draft, weld_error *err, const char *fmt, ...)
{
    weld_status st = WELD_OK;
    char line[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    WELD_GROW(draft->log, draft->log_cap, draft->ctx, draft->log_count + 1);
    const char *copy = weld_arena_strdup(&draft->arena, line);
    if (!copy) {
        st = weld_fail_memory(draft->ctx, err, sizeof line, 1);
        goto done;
    }
    draft->log[draft->log_count++] = copy;
done:
    return st;
}
