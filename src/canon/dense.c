/* Gemm and MatMul with a 2-d weight become Dense: y[..., out] = x[..., in] Wᵀ + b with W[out, in].
 * One form for what exporters write in five. */
#include "canon/edit.h"

typedef struct candidate {
    int weight, bias;
    bool transposed; /* the weight is stored [out, in] */
} candidate;

/* A bias of one entry per unit, whatever its rank. */
static bool is_bias(const weld_draft *draft, int value, int64_t units)
{
    if (value < 0 || draft->values[value].kind != WELD_VALUE_PARAM)
        return false;
    const weld_value *v = &draft->values[value];
    const weld_shape shape = weld_shape_make(v->rank, v->dims);
    return v->rank > 0 && v->dims[v->rank - 1] == units && weld_shape_numel(&shape) == units &&
           (v->rank == 1 || weld_draft_uses(draft, value) == 1);
}

/* beta does not matter without C. */
static bool is_plain_gemm(const weld_draft *draft, int n)
{
    const weld_node *node = &draft->nodes[n];
    return weld_attr_number(node, "alpha") == 1 && weld_attr_number(node, "transA") == 0 &&
           (weld_attr_number(node, "beta") == 1 || weld_draft_in(draft, n, 2) < 0);
}

static bool is_candidate(candidate *c, const weld_draft *draft, int n)
{
    const weld_node *node = &draft->nodes[n];
    const bool gemm = node->op == &weld_op_Gemm;
    if (node->dead || (!gemm && node->op != &weld_op_MatMul) || (gemm && !is_plain_gemm(draft, n)))
        return false;
    const int x = weld_draft_in(draft, n, 0);
    *c = (candidate){weld_draft_in(draft, n, 1), weld_draft_in(draft, n, 2),
                     gemm && weld_attr_number(node, "transB") != 0};
    if (!weld_is_param(draft, c->weight, 2) || draft->values[x].kind == WELD_VALUE_PARAM ||
        draft->values[x].rank < 1)
        return false;
    const int64_t units = draft->values[c->weight].dims[c->transposed ? 0 : 1];
    return c->bias < 0 || is_bias(draft, c->bias, units);
}

/* As a vector; `bias` itself where it is one. */
static weld_status flat_bias(int *out, weld_draft *draft, int bias, weld_error *err)
{
    const weld_value *v = &draft->values[bias];
    const weld_shape shape = {1, {v->dims[v->rank - 1]}};
    *out = bias;
    return v->rank == 1 ? WELD_OK : weld_reshaped_param(out, draft, bias, &shape, err);
}

static weld_status convert(weld_draft *draft, int n, const candidate *c, int turned,
                           weld_error *err)
{
    weld_status st = WELD_OK;
    int bias = -1;
    if (c->bias >= 0)
        WELD_TRY(flat_bias(&bias, draft, c->bias, err));
    if (c->bias >= 0 && bias < 0)
        goto done;
    const int inputs[] = {weld_draft_in(draft, n, 0), c->transposed ? c->weight : turned, bias};
    WELD_TRY(weld_make_node(NULL, draft, &weld_op_Dense, draft->nodes[n].name, inputs,
                            bias < 0 ? 2 : 3, draft->nodes[n].outputs[0], err));
done:
    return st;
}

/* The Dense nodes of a weight stored [in, out] share one turned parameter. All its uses must turn,
 * or one stored tensor would have two masters: `turning` counts them. */
static weld_status convert_all(int *made, weld_draft *draft, int *turned, const int *turning,
                               size_t value_count, size_t node_count, weld_error *err)
{
    weld_status st = WELD_OK;
    static const int swap[] = {1, 0};
    for (size_t v = 0; v < value_count; v++)
        turned[v] = -1;
    for (size_t n = 0; n < node_count; n++) {
        candidate c;
        if (!is_candidate(&c, draft, (int)n))
            continue;
        if (!c.transposed && turned[c.weight] < 0) {
            if (turning[c.weight] != weld_draft_uses(draft, c.weight))
                continue;
            WELD_TRY(weld_transposed_param(&turned[c.weight], draft, c.weight, swap, err));
            if (turned[c.weight] < 0)
                continue;
        }
        WELD_TRY(convert(draft, (int)n, &c, turned[c.weight], err));
        (*made)++;
    }
done:
    return st;
}

weld_status weld_pass_dense(weld_draft *draft, weld_error *err)
{
    weld_status st = WELD_OK;
    /* Not those that the pass appends. */
    const size_t node_count = draft->node_count, value_count = draft->value_count;
    int made = 0, *turned = NULL, *turning = NULL;
    candidate c;
    WELD_NEW(turned, draft->ctx, value_count);
    WELD_NEW(turning, draft->ctx, value_count);
    for (size_t n = 0; n < node_count; n++)
        if (is_candidate(&c, draft, (int)n) && !c.transposed)
            turning[c.weight]++;
    WELD_TRY(convert_all(&made, draft, turned, turning, value_count, node_count, err));
    if (made)
        WELD_TRY(weld_draft_log(draft, err, "%d Gemm or MatMul read as Dense", made));
done:
    weld_free(draft->ctx, turned);
    weld_free(draft->ctx, turning);
    return st;
}
