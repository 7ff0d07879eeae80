#include "canon/canon.h"
#include <string.h>

/* Sizes tried for the symbols of a graph: sequences, images, then whatever works. */
static const int64_t sizes[] = {8, 16, 32, 64, 224, 299, 128, 256, 4, 2, 1};
enum { SIZE_COUNT = sizeof sizes / sizeof sizes[0] };

static void set_symbols(weld_graph *g, int64_t size)
{
    for (int k = 0; k < g->symbol_count; k++)
        g->symbols[k].size = size;
}

static int64_t literal_batch(const weld_graph *g)
{
    const weld_value *first = g->input_count ? &g->values[g->inputs[0]] : NULL;
    return first && first->rank > 0 && first->dims[0] > 0 ? first->dims[0] : 0;
}

/* Shapes for the first size that the graph runs with; sizes beyond the batch are kept in the
 * graph. NULL when there is none. */
static weld_status first_trial(weld_shapes **out, weld_context *ctx, weld_graph *g, weld_error *err)
{
    const int64_t literal = literal_batch(g), batch = literal ? literal : 2;
    weld_error tried = WELD_ERROR_INIT;
    *out = NULL;
    for (int k = 0; k < SIZE_COUNT && !*out; k++) {
        set_symbols(g, sizes[k]);
        weld_status st = weld_shapes_infer(out, ctx, g, batch, literal, &tried);
        if (st == WELD_E_NOMEM) {
            if (err)
                *err = tried;
            return st;
        }
        if (g->symbol_count == 0)
            break;
    }
    if (!*out)
        set_symbols(g, 0);
    return WELD_OK;
}

/* Shapes for other sizes: another batch, and other symbols where that works. NULL when none do. */
static weld_status second_trial(weld_shapes **out, weld_context *ctx, weld_graph *g,
                                weld_error *err)
{
    const int64_t literal = literal_batch(g), batch = literal ? literal + 1 : 3;
    const int64_t kept = g->symbol_count ? g->symbols[0].size : 0;
    const int64_t others[] = {2 * kept, kept / 2, kept};
    weld_error tried = WELD_ERROR_INIT;
    *out = NULL;
    for (int k = g->symbol_count ? 0 : 2; k < 3 && !*out; k++) {
        set_symbols(g, others[k]);
        weld_status st = weld_shapes_infer(out, ctx, g, batch, literal, &tried);
        if (st == WELD_E_NOMEM) {
            if (err)
                *err = tried;
            return st;
        }
    }
    set_symbols(g, kept);
    return WELD_OK;
}

static weld_status keep_data(weld_value *value, weld_draft *draft, const weld_tensor *data,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t count = (size_t)weld_shape_numel(&data->shape);
    const size_t size = weld_compute_size(data->dtype);
    weld_tensor *copy;
    WELD_ARENA_NEW(copy, &draft->arena, 1);
    *copy = *data;
    WELD_REQUIRE((copy->data = weld_arena_alloc(&draft->arena, count + 1, size)), WELD_E_NOMEM,
                 "no memory for a constant of %zu elements", count);
    if (count)
        memcpy(copy->data, data->data, count * size);
    value->kind = WELD_VALUE_CONST;
    value->producer = -1;
    value->data = copy;
done:
    return st;
}

/* What the trials say of a value; `b` may be NULL. */
static weld_status note_value(weld_draft *draft, int v, const weld_type *a, const weld_type *b,
                              weld_error *err)
{
    weld_value *value = &draft->values[v];
    value->dtype = a->dtype;
    value->rank = a->shape.rank;
    for (int k = 0; k < a->shape.rank; k++)
        value->dims[k] = b && b->shape.dims[k] != a->shape.dims[k] ? -1 : a->shape.dims[k];
    if (!a->data || (b && (!b->data || !weld_tensors_equal(a->data, b->data))))
        return WELD_OK;
    weld_draft_kill(draft, value->producer);
    return keep_data(value, draft, a->data, err);
}

static weld_status note_types(weld_draft *draft, const weld_graph *g, const weld_shapes *a,
                              const weld_shapes *b, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int v = 0; v < g->value_count; v++)
        if (g->values[v].kind == WELD_VALUE_NODE)
            WELD_TRY(note_value(draft, v, &a->types[v], b ? &b->types[v] : NULL, err));
done:
    return st;
}

/* Shapes for two sizes of everything that the file leaves open; NULL = there are none. */
typedef struct trials {
    weld_shapes *first, *second;
} trials;

/* The draft in topological order again; with `seen`, its values get their types. */
static weld_status sort_and_infer(trials *seen, weld_draft *draft, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = draft->ctx;
    weld_graph *graph = NULL;
    weld_home *homes = NULL;
    weld_draft sorted;
    weld_draft_init(&sorted, ctx);
    WELD_TRY(weld_draft_finish(&graph, &homes, draft, err));
    if (seen)
        WELD_TRY(first_trial(&seen->first, ctx, graph, err));
    if (seen && seen->first)
        WELD_TRY(second_trial(&seen->second, ctx, graph, err));
    WELD_TRY(weld_draft_reopen(&sorted, graph, homes, err));
    if (seen && seen->first)
        WELD_TRY(note_types(&sorted, graph, seen->first, seen->second, err));
    weld_draft swap = *draft;
    *draft = sorted;
    sorted = swap;
done:
    weld_free(ctx, homes);
    weld_graph_free(ctx, graph);
    weld_draft_free(&sorted);
    return st;
}

weld_status weld_pass_sort(weld_draft *draft, weld_error *err)
{
    return sort_and_infer(NULL, draft, err);
}

weld_status weld_infer_draft(bool *known, weld_draft *draft, weld_error *err)
{
    trials seen = {NULL, NULL};
    const weld_status st = sort_and_infer(&seen, draft, err);
    *known = seen.first != NULL;
    weld_shapes_free(seen.first);
    weld_shapes_free(seen.second);
    return st;
}

weld_status weld_canonicalise(weld_draft *draft, const weld_canon_options *options, weld_error *err)
{
    weld_status st = WELD_OK;
    bool known = false;
    WELD_TRY(weld_infer_draft(&known, draft, err));
    if (!known)
        goto done;
#define WELD_PASS(name, when)                                                                      \
    if (when)                                                                                      \
        WELD_TRY(weld_pass_##name(draft, err));
#include "canon/passes.def"
#undef WELD_PASS
done:
    return st;
}
