/* Nodes that compute the same thing twice: the later ones are replaced by the first. Exporters write a
 * subexpression out once for each of its uses. */
#include "canon/edit.h"
#include <string.h>

typedef struct table {
    size_t mask;
    int *first; /* [mask + 1] node, -1 = none */
    int *next;  /* [node_count] */
} table;

static uint64_t hash_node(const weld_draft *draft, int n)
{
    const weld_node *node = &draft->nodes[n];
    uint64_t h = (uint64_t)(uintptr_t)node->op;
    for (int k = 0; k < node->input_count; k++) {
        const int v = weld_draft_in(draft, n, k);
        const bool constant = v >= 0 && draft->values[v].kind == WELD_VALUE_CONST;
        h = (h ^ (uint64_t)(constant ? -2 : v)) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    return h;
}

static bool same_inputs(const weld_draft *draft, int a, int b)
{
    const int count = draft->nodes[a].input_count;
    for (int k = 0; k < count; k++) {
        const int x = weld_draft_in(draft, a, k), y = weld_draft_in(draft, b, k);
        const weld_tensor *p = x < 0 ? NULL : draft->values[x].data;
        const weld_tensor *q = y < 0 ? NULL : draft->values[y].data;
        const bool constants = p && q && draft->values[x].kind == WELD_VALUE_CONST &&
                               draft->values[y].kind == WELD_VALUE_CONST;
        if (x != y && !(constants && weld_tensors_equal(p, q)))
            return false;
    }
    return true;
}

static bool same_node(const weld_draft *draft, int a, int b)
{
    const weld_node *x = &draft->nodes[a], *y = &draft->nodes[b];
    return x->op == y->op && x->opset == y->opset && x->input_count == y->input_count &&
           same_inputs(draft, a, b) && weld_attrs_equal(x->op, x->attrs, y->attrs, NULL, NULL, 0);
}

static bool is_plain(const weld_node *node)
{
    return !node->dead && node->output_count == 1 && node->outputs[0] >= 0 && node->input_count > 0;
}

weld_status weld_pass_duplicates(weld_draft *draft, weld_error *err)
{
    weld_status st = WELD_OK;
    table t = {.mask = 63};
    int replaced = 0;
    const size_t count = draft->node_count;
    while (t.mask < 2 * count)
        t.mask = 2 * t.mask + 1;
    WELD_NEW(t.first, draft->ctx, t.mask + 1);
    WELD_NEW(t.next, draft->ctx, count);
    memset(t.first, -1, (t.mask + 1) * sizeof *t.first);
    for (size_t n = 0; n < count; n++) {
        if (!is_plain(&draft->nodes[n]))
            continue;
        int *head = &t.first[hash_node(draft, (int)n) & t.mask], twin = *head, steps = 0;
        while (twin >= 0 && steps++ < 64 &&
               (draft->nodes[twin].dead || !same_node(draft, twin, (int)n)))
            twin = t.next[twin];
        if (twin >= 0 && steps <= 64) {
            weld_draft_replace(draft, draft->nodes[n].outputs[0], draft->nodes[twin].outputs[0]);
            replaced++;
            continue;
        }
        t.next[n] = *head;
        *head = (int)n;
    }
    if (replaced)
        WELD_TRY(weld_draft_log(draft, err, "%d nodes compute what another one does", replaced));
done:
    weld_free(draft->ctx, t.first);
    weld_free(draft->ctx, t.next);
    return st;
}
