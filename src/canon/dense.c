/* Gemm and MatMul (+ Add) with a 2-d weight become Dense: y[..., out] = x[..., in] Wᵀ + b with
 * W[out, in]. One form for what exporters write in five. */
#include "canon/canon.h"
#include <string.h>

static bool is_param(const weld_draft *draft, int value, int rank)
{
    return value >= 0 && draft->values[value].kind == WELD_VALUE_PARAM &&
           draft->values[value].rank == rank;
}

/* The weight as [out, in]: a new parameter with a transposed home where it is stored [in, out]. */
static weld_status turned(int *out, weld_draft *draft, int weight, weld_error *err)
{
    weld_status st = WELD_OK;
    int value;
    WELD_TRY(weld_draft_value(&value, draft, draft->values[weight].name, WELD_VALUE_PARAM, err));
    weld_value *v = &draft->values[value];
    const weld_value *w = &draft->values[weight];
    weld_home *home = &draft->homes[value];
    weld_view_step step = {.kind = WELD_VIEW_TRANSPOSE, .perm = {1, 0}};
    v->dtype = w->dtype;
    v->rank = 2;
    v->dims[0] = w->dims[1];
    v->dims[1] = w->dims[0];
    step.in = weld_shape_make(2, w->dims);
    step.out = weld_shape_make(2, v->dims);
    *home = draft->homes[weight];
    home->steps[home->step_count++] = step;
    *out = value;
done:
    return st;
}

typedef struct gemm_view {
    bool transposed; /* the weight is stored [out, in] */
    bool plain;      /* alpha = beta = 1, A not transposed */
} gemm_view;

static gemm_view view_gemm(const weld_node *node)
{
    return (gemm_view){.transposed = weld_attr_number(node, "transB") != 0,
                       .plain = weld_attr_number(node, "alpha") == 1 &&
                                weld_attr_number(node, "beta") == 1 &&
                                weld_attr_number(node, "transA") == 0};
}

/* The Add behind a MatMul whose other operand is a bias [out]; -1 if there is none. */
static int bias_add(const weld_draft *draft, int product, int64_t units, int *bias)
{
    if (weld_draft_uses(draft, product) != 1)
        return -1;
    for (size_t n = 0; n < draft->node_count; n++) {
        const weld_node *node = &draft->nodes[n];
        if (node->dead || node->op != &weld_op_Add)
            continue;
        for (int k = 0; k < 2; k++) {
            int other = node->inputs[1 - k];
            if (node->inputs[k] == product && is_param(draft, other, 1) &&
                draft->values[other].dims[0] == units) {
                *bias = other;
                return (int)n;
            }
        }
    }
    return -1;
}

static weld_status make_dense(weld_draft *draft, size_t index, const int inputs[3], int output,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    weld_node like = {.op = &weld_op_Dense,
                      .opset = 1,
                      .name = draft->nodes[index].name,
                      .input_count = inputs[2] >= 0 ? 3 : 2,
                      .output_count = 1};
    weld_node *dense;
    WELD_REQUIRE((like.attrs = weld_arena_alloc(&draft->arena, 1, 16)), WELD_E_NOMEM,
                 "out of memory");
    WELD_TRY(weld_draft_node(&dense, draft, &like, err));
    for (int k = 0; k < like.input_count; k++)
        dense->inputs[k] = inputs[k];
    dense->outputs[0] = output;
    draft->nodes[index].dead = true;
done:
    return st;
}

static weld_status convert(weld_draft *draft, size_t n, int *made, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_node node = draft->nodes[n];
    bool gemm = node.op == &weld_op_Gemm;
    if (node.dead || (!gemm && node.op != &weld_op_MatMul) || !is_param(draft, node.inputs[1], 2))
        return WELD_OK;
    gemm_view view = gemm ? view_gemm(&node) : (gemm_view){false, true};
    int weight = node.inputs[1], bias = weld_node_input(&node, 2), output = node.outputs[0];
    int64_t units = draft->values[weight].dims[view.transposed ? 0 : 1];
    if (!view.plain || draft->homes[weight].step_count + 1 > WELD_VIEW_STEPS_MAX ||
        (!view.transposed && weld_draft_uses(draft, weight) != 1) ||
        (bias >= 0 && !(is_param(draft, bias, 1) && draft->values[bias].dims[0] == units)) ||
        (node.inputs[0] >= 0 && draft->values[node.inputs[0]].kind == WELD_VALUE_PARAM))
        return WELD_OK;
    int add = bias < 0 ? bias_add(draft, output, units, &bias) : -1;
    if (!view.transposed)
        WELD_TRY(turned(&weight, draft, weight, err));
    if (add >= 0)
        output = draft->nodes[add].outputs[0];
    WELD_TRY(make_dense(draft, n, (int[3]){node.inputs[0], weight, bias}, output, err));
    if (add >= 0)
        draft->nodes[add].dead = true;
    (*made)++;
done:
    return st;
}

weld_status weld_pass_dense(weld_draft *draft, weld_error *err)
{
    weld_status st = WELD_OK;
    size_t count = draft->node_count; /* not those that the pass appends */
    int made = 0;
    for (size_t n = 0; n < count; n++)
        WELD_TRY(convert(draft, n, &made, err));
    if (made)
        WELD_TRY(weld_draft_log(draft, err, "%d Gemm or MatMul read as Dense", made));
done:
    return st;
}
