#include "onnx/static_inputs.h"
#include "onnx/attributes.h"
#include "ops/op.h"
#include <stdio.h>

/* Input k of node n, a floating parameter, becomes a constant: by a value of its own, as it may be a
 * weight elsewhere. */
static weld_status fix_input(weld_draft *d, const weld_onnx_file *file, int n, int k,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    const int v = weld_draft_in(d, n, k);
    char name[64];
    int fixed;
    snprintf(name, sizeof name, "node %d input %d", n, k);
    WELD_TRY(weld_draft_value(&fixed, d, name, WELD_VALUE_CONST, err));
    d->values[fixed].dtype = d->values[v].dtype;
    WELD_TRY(weld_arena_tensor(&d->values[fixed].data, &d->arena, file, d->homes[v].tensor, err));
    weld_draft_set_in(d, n, k, fixed);
done:
    return st;
}

/* Operators need the values of their static inputs when shapes are inferred, so what those are computed
 * from is constant as well, down to the shapes of values. `pending` [node_count] lists nodes to look
 * into; `seen` says which have been there. */
static weld_status fix_behind(weld_draft *d, const weld_onnx_file *file, int *pending, bool *seen,
                              int first, int slot, weld_error *err)
{
    weld_status st = WELD_OK;
    int count = 0, node = first, from = slot, to = slot + 1;
    for (;;) {
        for (int k = from; k < to && k < d->nodes[node].input_count; k++) {
            const int v = weld_draft_in(d, node, k), below = v < 0 ? -1 : weld_draft_producer(d, v);
            if (v >= 0 && d->values[v].kind == WELD_VALUE_PARAM)
                WELD_TRY(fix_input(d, file, node, k, err));
            if (below < 0 || seen[below] || d->nodes[below].op == &weld_op_Shape ||
                d->nodes[below].op == &weld_op_Size)
                continue;
            seen[below] = true;
            pending[count++] = below;
        }
        if (count == 0)
            break;
        node = pending[--count];
        from = 0;
        to = INT32_MAX;
    }
done:
    return st;
}

weld_status weld_fix_static_inputs(weld_draft *d, const weld_onnx_file *file, weld_error *err)
{
    weld_status st = WELD_OK;
    int *pending = NULL;
    bool *seen = NULL;
    WELD_NEW(pending, d->ctx, d->node_count);
    WELD_NEW(seen, d->ctx, d->node_count);
    for (size_t n = 0; n < d->node_count; n++)
        for (int k = 0; k < d->nodes[n].input_count && k < 32; k++)
            if (d->nodes[n].op->static_inputs >> k & 1u)
                WELD_TRY(fix_behind(d, file, pending, seen, (int)n, k, err));
done:
    weld_free(d->ctx, pending);
    weld_free(d->ctx, seen);
    return st;
}
