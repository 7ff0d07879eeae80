/* Pad: constant, reflect, edge, wrap. Pads and value are attributes before opset 11, inputs from
 * then on. */
#include "ops/move.h"
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

/* One axis: entries [from, from + kept) of the input remain (negative pads crop), the first of them
 * becomes entry `before` of the output. */
typedef struct pad_axis {
    int64_t from, kept, before, after;
} pad_axis;

static weld_status set_axis(pad_axis *out, int a, int64_t size, int64_t before, int64_t after,
                            weld_error *err)
{
    if (before < -INT32_MAX || before > INT32_MAX || after < -INT32_MAX || after > INT32_MAX)
        return weld_fail(err, WELD_E_LIMIT, "pads of axis %d are %" PRId64 " and %" PRId64, a,
                         before, after);
    *out = (pad_axis){.from = before < 0 ? -before : 0,
                      .before = before > 0 ? before : 0,
                      .after = after > 0 ? after : 0};
    out->kept = size - out->from + (after < 0 ? after : 0);
    if (out->kept < 0)
        return weld_fail(err, WELD_E_FORMAT,
                         "pads %" PRId64 " and %" PRId64 " crop more than size %" PRId64
                         " of axis %d",
                         before, after, size, a);
    return WELD_OK;
}

/* in: pads, axes (NULL = left out); attr: the pads of opset 2. */
static weld_status resolve_pads(pad_axis out[WELD_RANK_MAX], const weld_shape *x,
                                const weld_tensor *const in[2], const weld_ints *attr,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t count = in[0] ? weld_shape_numel(&in[0]->shape) : attr->count;
    const int64_t *pads = in[0] ? in[0]->i : attr->at;
    const int64_t axes = in[1] ? weld_shape_numel(&in[1]->shape) : x->rank;
    bool seen[WELD_RANK_MAX] = {false};
    WELD_REQUIRE(count == 2 * axes, WELD_E_FORMAT, "%" PRId64 " pads, expected %" PRId64, count,
                 2 * axes);
    for (int a = 0; a < x->rank; a++)
        WELD_TRY(set_axis(&out[a], a, x->dims[a], 0, 0, err));
    for (int64_t k = 0; k < axes; k++) {
        int a;
        WELD_TRY(weld_operand_axis(&a, in[1] ? in[1]->i[k] : k, x->rank, err));
        WELD_REQUIRE(!seen[a], WELD_E_FORMAT, "axis %d is padded twice", a);
        seen[a] = true;
        WELD_TRY(set_axis(&out[a], a, x->dims[a], pads[k], pads[k + axes], err));
    }
done:
    return st;
}

static weld_status read_pads(pad_axis out[WELD_RANK_MAX], const weld_infer *inf,
                             const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const pad_attrs *attrs = node->attrs;
    const weld_tensor *in[2] = {NULL, NULL}, *fill;
    WELD_TRY(weld_check_moved(node, "pads", attrs->pads.count >= 0, 1, 11, err));
    WELD_TRY(weld_check_moved(node, "value", attrs->value != 0.0f, 2, 11, err));
    WELD_REQUIRE(node->opset < 11 || node->input_count > 1, WELD_E_FORMAT, "lacks its input 1");
    WELD_REQUIRE(node->opset >= 18 || node->input_count < 4, WELD_E_FORMAT,
                 "axes are defined from opset 18 on, opset is %d", node->opset);
    if (node->opset >= 11)
        WELD_TRY(weld_operand_integers(&in[0], inf, 1, err));
    if (weld_node_input(node, 3) >= 0)
        WELD_TRY(weld_operand_integers(&in[1], inf, 3, err));
    if (weld_node_input(node, 2) >= 0) {
        WELD_TRY(weld_operand_agree(inf, 0, 2, err));
        WELD_TRY(weld_infer_need(&fill, inf, 2, err));
        WELD_REQUIRE(weld_shape_numel(&fill->shape) == 1, WELD_E_FORMAT,
                     "constant_value has %" PRId64 " elements, must have 1",
                     weld_shape_numel(&fill->shape));
    }
    WELD_TRY(resolve_pads(out, weld_infer_shape(inf, 0), in, &attrs->pads, err));
done:
    return st;
}

static weld_status infer_pad(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t mode = ((const pad_attrs *)node->attrs)->mode;
    pad_axis axes[WELD_RANK_MAX];
    weld_shape shape = *weld_infer_shape(inf, 0);
    WELD_REQUIRE(mode != PAD_WRAP || node->opset >= 19, WELD_E_FORMAT,
                 "mode wrap is defined from opset 19 on, opset is %d", node->opset);
    WELD_TRY(read_pads(axes, inf, node, err));
    for (int a = 0; a < shape.rank; a++) {
        const pad_axis *p = &axes[a];
        const int64_t reach = p->before > p->after ? p->before : p->after;
        const int64_t allowed = mode == PAD_REFLECT ? p->kept - 1 : p->kept > 0 ? INT32_MAX : 0;
        WELD_REQUIRE(mode == PAD_CONSTANT || reach == 0 || reach <= allowed, WELD_E_FORMAT,
                     "%s pads of axis %d reach %" PRId64 " beyond its size %" PRId64,
                     pad_modes[mode], a, reach, p->kept);
        shape.dims[a] = p->before + p->kept + p->after;
    }
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &shape, err));
done:
    return st;
}

/* Where entry k of a padded axis comes from; -1 = the constant. */
static int64_t pad_source(const pad_axis *p, int64_t k, int64_t mode)
{
    const int64_t i = k - p->before, n = p->kept;
    if (i >= 0 && i < n)
        return p->from + i;
    switch (mode) {
    case PAD_REFLECT: return p->from + (i < 0 ? -i : 2 * (n - 1) - i);
    case PAD_EDGE: return p->from + (i < 0 ? 0 : n - 1);
    case PAD_WRAP: return p->from + (i % n + n) % n;
    default: return -1;
    }
}

/* The constant as it is computed: 8 bytes hold every type. */
static void pad_value(char value[8], const weld_tensor *fill, const weld_tensor *y, float attr)
{
    if (fill)
        memcpy(value, fill->data, weld_compute_size(y->dtype));
    else
        weld_tensor_set_number(&(weld_tensor){.dtype = y->dtype, .data = value}, 0, (double)attr);
}

/* Line along the last axis of y; from: its line of x, NULL if all of it is padding. */
static void pad_line(char *to, const char *from, const pad_axis *p, int64_t mode, const char *value,
                     size_t size)
{
    const int64_t count = p->before + p->kept + p->after;
    for (int64_t k = 0; k < count; k++) {
        if (from && k == p->before && p->kept > 0) {
            memcpy(to + (size_t)k * size, from + (size_t)p->from * size, (size_t)p->kept * size);
            k += p->kept - 1;
            continue;
        }
        const int64_t i = from ? pad_source(p, k, mode) : -1;
        memcpy(to + (size_t)k * size, i >= 0 ? from + (size_t)i * size : value, size);
    }
}

static weld_status run_pad(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    const pad_attrs *attrs = node->attrs;
    const weld_tensor *x = args->in[0], *y = args->out[0];
    const weld_tensor *in[2] = {node->input_count > 1 ? args->in[1] : NULL,
                                node->input_count > 3 ? args->in[3] : NULL};
    const int last = x->shape.rank - 1;
    const size_t size = weld_compute_size(y->dtype);
    const int64_t total = weld_shape_numel(&y->shape);
    const int64_t length = last >= 0 ? y->shape.dims[last] : 1;
    pad_axis axes[WELD_RANK_MAX], one = {.kept = 1};
    int64_t at[WELD_RANK_MAX] = {0}, strides[WELD_RANK_MAX];
    _Alignas(8) char value[8] = {0};
    const weld_status st = resolve_pads(axes, &x->shape, in, &attrs->pads, err);
    if (st != WELD_OK)
        return st;
    pad_value(value, node->input_count > 2 ? args->in[2] : NULL, y, attrs->value);
    weld_strides(strides, &x->shape);
    for (int64_t k = 0; k < total; k += length) {
        int64_t from = 0;
        for (int a = 0; a < last && from >= 0; a++) {
            const int64_t i = pad_source(&axes[a], at[a], attrs->mode);
            from = i < 0 ? -1 : from + i * strides[a];
        }
        pad_line((char *)y->data + (size_t)k * size,
                 from < 0 ? NULL : (const char *)x->data + (size_t)from * size,
                 last >= 0 ? &axes[last] : &one, attrs->mode, value, size);
        weld_next_index(at, y->shape.dims, last);
    }
    return st;
}

static weld_status tie_pad(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index;
    const pad_attrs *attrs = node->attrs;
    const int x = node->inputs[0], y = node->outputs[0];
    const weld_shape *xs = weld_tie_shape(ties, x), *ys = weld_tie_shape(ties, y);
    const weld_tensor *in[2] = {weld_tie_data(ties, weld_node_input(node, 1)),
                                weld_tie_data(ties, weld_node_input(node, 3))};
    pad_axis axes[WELD_RANK_MAX];
    const weld_status st = resolve_pads(axes, xs, in, &attrs->pads, err);
    for (int a = 0; st == WELD_OK && a < xs->rank; a++)
        for (int64_t k = 0; k < ys->dims[a]; k++) {
            const int64_t i = pad_source(&axes[a], k, attrs->mode); /* copies are tied */
            if (i >=
                0) /* what is filled in is one number: it stands for no unit, and can change places */
                weld_tie_unit(ties, x, a, i, y, a, k);
        }
    return st;
}

static const weld_field pad_fields[] = {
    {"mode", WELD_FIELD_ENUM, offsetof(pad_attrs, mode), 0.0, pad_modes, false},
    {"value", WELD_FIELD_FLOAT, offsetof(pad_attrs, value), 0.0, NULL, false},
    {"pads", WELD_FIELD_INTS, offsetof(pad_attrs, pads), 0.0, NULL, false},
    {0}};

WELD_MOVE_OP(Pad, 2, 1, 4, .static_inputs = 14, .fields = pad_fields,
             .attrs_size = sizeof(pad_attrs), .infer = infer_pad, .run = run_pad, .tie = tie_pad);
