/* Pad: constant, reflect, edge, wrap. */
#include "ops/operand.h"
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

typedef struct pad_attrs {
    int64_t mode;
    float value;
    weld_ints pads;
} pad_attrs;

enum { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP };
static const char *const pad_modes[] = {"constant", "reflect", "edge", "wrap", NULL};

/* before[a], after[a] of every axis, from the attribute (opset 2) or from inputs 1 and 3. */
static weld_status resolve_pads(int64_t before[WELD_RANK_MAX], int64_t after[WELD_RANK_MAX],
                                const weld_shape *x, const weld_tensor *const in[2],
                                const weld_ints *attr, weld_error *err)
{
    int64_t count = in[0] ? weld_shape_numel(&in[0]->shape) : attr->count;
    const int64_t *pads = in[0] ? in[0]->i : attr->at;
    int64_t axes = in[1] ? weld_shape_numel(&in[1]->shape) : x->rank;
    memset(before, 0, sizeof(int64_t) * WELD_RANK_MAX);
    memset(after, 0, sizeof(int64_t) * WELD_RANK_MAX);
    if (count != 2 * axes)
        return weld_fail(err, WELD_E_FORMAT, "%" PRId64 " pads, expected %" PRId64, count,
                         2 * axes);
    for (int64_t k = 0; k < axes; k++) {
        int64_t a = in[1] ? in[1]->i[k] : k;
        a = a < 0 ? a + x->rank : a;
        if (a < 0 || a >= x->rank)
            return weld_fail(err, WELD_E_FORMAT, "axis %" PRId64 ", the input has rank %d", a,
                             x->rank);
        before[a] = pads[k];
        after[a] = pads[k + axes];
        if (pads[k] < -INT32_MAX || pads[k] > INT32_MAX || pads[k + axes] < -INT32_MAX ||
            pads[k + axes] > INT32_MAX || x->dims[a] + before[a] + after[a] < 0)
            return weld_fail(err, WELD_E_FORMAT,
                             "pads %" PRId64 " and %" PRId64 " of axis %" PRId64
                             " with size %" PRId64,
                             before[a], after[a], a, x->dims[a]);
    }
    return WELD_OK;
}

static weld_status infer_pad(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const pad_attrs *attrs = node->attrs;
    const weld_shape *x = weld_infer_shape(inf, 0);
    const weld_tensor *in[2] = {NULL, NULL}, *fill;
    int64_t before[WELD_RANK_MAX], after[WELD_RANK_MAX];
    weld_shape shape = *x;
    if (weld_node_input(node, 1) >= 0)
        WELD_TRY(weld_operand_integers(&in[0], inf, 1, err));
    if (weld_node_input(node, 3) >= 0)
        WELD_TRY(weld_operand_integers(&in[1], inf, 3, err));
    if (weld_node_input(node, 2) >= 0) {
        WELD_TRY(weld_infer_need(&fill, inf, 2, err));
        WELD_REQUIRE(weld_shape_numel(&fill->shape) == 1 && fill->dtype == weld_infer_dtype(inf, 0),
                     WELD_E_FORMAT, "the padding must be one %s",
                     weld_dtype_name(weld_infer_dtype(inf, 0)));
    }
    WELD_TRY(resolve_pads(before, after, x, in, &attrs->pads, err));
    for (int a = 0; a < x->rank; a++) {
        int64_t reach = before[a] > after[a] ? before[a] : after[a];
        bool any_reach = attrs->mode == PAD_EDGE || attrs->mode == PAD_WRAP;
        WELD_REQUIRE(attrs->mode == PAD_CONSTANT || reach < x->dims[a] ||
                         (any_reach && x->dims[a] > 0) || reach <= 0,
                     WELD_E_FORMAT, "pads of axis %d reach beyond its size %" PRId64, a,
                     x->dims[a]);
        shape.dims[a] += before[a] + after[a];
    }
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &shape, err));
done:
    return st;
}

/* Where position k of a padded axis comes from; -1 = the constant. */
static int64_t pad_source(int64_t k, int64_t before, int64_t size, int64_t mode)
{
    int64_t i = k - before;
    if (i >= 0 && i < size)
        return i;
    if (mode == PAD_CONSTANT)
        return -1;
    if (mode == PAD_EDGE)
        return i < 0 ? 0 : size - 1;
    if (mode == PAD_WRAP)
        return ((i % size) + size) % size;
    return i < 0 ? -i : 2 * (size - 1) - i;
}

static weld_status run_pad(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    const pad_attrs *attrs = node->attrs;
    const weld_tensor *x = args->in[0];
    weld_tensor *y = args->out[0];
    const weld_tensor *in[2] = {node->input_count > 1 ? args->in[1] : NULL,
                                node->input_count > 3 ? args->in[3] : NULL};
    const weld_tensor *fill = node->input_count > 2 ? args->in[2] : NULL;
    int64_t before[WELD_RANK_MAX], after[WELD_RANK_MAX], strides[WELD_RANK_MAX];
    int64_t at[WELD_RANK_MAX] = {0}, total = weld_shape_numel(&y->shape);
    bool is_float = weld_dtype_is_float(y->dtype);
    weld_status st = resolve_pads(before, after, &x->shape, in, &attrs->pads, err);
    weld_strides(strides, &x->shape);
    for (int64_t k = 0; st == WELD_OK && k < total; k++) {
        int64_t from = 0;
        for (int a = 0; a < x->shape.rank && from >= 0; a++) {
            int64_t i = pad_source(at[a], before[a], x->shape.dims[a], attrs->mode);
            from = i < 0 ? -1 : from + i * strides[a];
        }
        if (is_float)
            weld_reals(y)[k] = from >= 0 ? weld_reals(x)[from]
                               : fill    ? weld_reals(fill)[0]
                                         : attrs->value;
        else
            y->i[k] = from >= 0 ? x->i[from] : fill ? fill->i[0] : (int64_t)attrs->value;
        for (int a = x->shape.rank - 1; a >= 0; a--) {
            if (++at[a] < y->shape.dims[a])
                break;
            at[a] = 0;
        }
    }
    return st;
}

static weld_status tie_pad(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    const pad_attrs *attrs = node->attrs;
    int x = node->inputs[0], y = node->outputs[0];
    const weld_shape *xs = weld_tie_shape(ties, x), *ys = weld_tie_shape(ties, y);
    const weld_tensor *in[2] = {weld_tie_data(ties, weld_node_input(node, 1)),
                                weld_tie_data(ties, weld_node_input(node, 3))};
    int64_t before[WELD_RANK_MAX], after[WELD_RANK_MAX];
    weld_status st = resolve_pads(before, after, xs, in, &attrs->pads, err);
    for (int a = 0; st == WELD_OK && a < xs->rank; a++)
        for (int64_t k = 0; k < ys->dims[a]; k++) {
            int64_t i = pad_source(k, before[a], xs->dims[a], attrs->mode); /* copies are tied */
            if (i >= 0)
                weld_tie_unit(ties, x, a, i, y, a, k);
            else
                weld_tie_pin_unit(ties, index, y, a, k, "padding");
        }
    return st;
}

static const weld_field pad_fields[] = {
    {.name = "mode",
     .kind = WELD_FIELD_ENUM,
     .offset = offsetof(pad_attrs, mode),
     .names = pad_modes},
    {.name = "value", .kind = WELD_FIELD_FLOAT, .offset = offsetof(pad_attrs, value)},
    {.name = "pads", .kind = WELD_FIELD_INTS, .offset = offsetof(pad_attrs, pads)},
    {0}};
WELD_DEFINE_OP(Pad) = {.name = "Pad",
                       .domain = "",
                       .opset_min = 2,
                       .opset_max = WELD_OPSET_MAX,
                       .inputs_min = 1,
                       .inputs_max = 4,
                       .outputs_min = 1,
                       .outputs_max = 1,
                       .static_inputs = 14,
                       .fields = pad_fields,
                       .attrs_size = sizeof(pad_attrs),
                       .infer = infer_pad,
                       .run = run_pad,
                       .tie = tie_pad};
