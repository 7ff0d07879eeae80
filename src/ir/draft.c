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
    weld_free(ctx, draft->inputs);
    weld_free(ctx, draft->outputs);
    weld_free(ctx, draft->log);
}

weld_status weld_draft_value(int *out, weld_draft *draft, const char *name, weld_value_kind kind,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = draft->ctx;
    WELD_GROW(draft->values, draft->value_cap, ctx, draft->value_count + 1);
    WELD_GROW(draft->homes, draft->home_cap, ctx, draft->value_count + 1);
    weld_value *value = &draft->values[draft->value_count];
    memset(value, 0, sizeof *value);
    memset(&draft->homes[draft->value_count], 0, sizeof draft->homes[0]);
    value->name = weld_arena_strdup(&draft->arena, name);
    if (!value->name) {
        st = weld_fail_memory(ctx, err, strlen(name) + 1, 1);
        goto done;
    }
    value->kind = kind;
    value->rank = -1;
    value->producer = value->param = -1;
    *out = (int)draft->value_count++;
done:
    return st;
}

weld_status weld_draft_node(weld_node **out, weld_draft *draft, const weld_node *like,
                            weld_error *err)
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
    for (int k = 0; k < node.input_count; k++)
        node.inputs[k] = -1;
    for (int k = 0; k < node.output_count; k++)
        node.outputs[k] = -1;
    draft->nodes[draft->node_count] = node;
    *out = &draft->nodes[draft->node_count++];
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
done:
    return st;
}

void weld_draft_replace(weld_draft *draft, int from, int to)
{
    for (size_t n = 0; n < draft->node_count; n++)
        for (int k = 0; k < draft->nodes[n].input_count; k++)
            if (draft->nodes[n].inputs[k] == from)
                draft->nodes[n].inputs[k] = to;
    for (size_t k = 0; k < draft->output_count; k++)
        if (draft->outputs[k] == from)
            draft->outputs[k] = to;
}

int weld_draft_uses(const weld_draft *draft, int value)
{
    int uses = 0;
    for (size_t n = 0; n < draft->node_count; n++)
        for (int k = 0; k < draft->nodes[n].input_count && !draft->nodes[n].dead; k++)
            uses += draft->nodes[n].inputs[k] == value;
    for (size_t k = 0; k < draft->output_count; k++)
        uses += draft->outputs[k] == value;
    return uses;
}

int weld_draft_producer(const weld_draft *draft, int value)
{
    for (size_t n = 0; n < draft->node_count; n++)
        for (int k = 0; k < draft->nodes[n].output_count && !draft->nodes[n].dead; k++)
            if (draft->nodes[n].outputs[k] == value)
                return (int)n;
    return -1;
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
