/* Operators along one ordered axis: CumSum, TopK; and LpNormalization. */
#include "ops/operand.h"
#include <inttypes.h>
#include <tgmath.h>
#include <stddef.h>

/* ---- CumSum ----------------------------------------------------------------------- */

typedef struct cumsum_attrs {
    int64_t exclusive, reverse;
} cumsum_attrs;

static const weld_field cumsum_fields[] = {
    {"exclusive", WELD_FIELD_INT, offsetof(cumsum_attrs, exclusive), 0.0, NULL, false},
    {"reverse", WELD_FIELD_INT, offsetof(cumsum_attrs, reverse), 0.0, NULL, false},
    {0}};

/* One integer, as a scalar or a vector of one element. */
static weld_status need_integer(int64_t *out, const weld_infer *inf, int i, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor *value;
    const weld_shape *shape = weld_infer_shape(inf, i);
    char text[128];
    WELD_TRY(weld_operand_type(inf, i, 1u << WELD_INT32 | 1u << WELD_INT64, err));
    WELD_REQUIRE(shape->rank <= 1 && weld_shape_numel(shape) == 1, WELD_E_FORMAT,
                 "input %d has shape %s, must be one integer", i, weld_shape_text(shape, text));
    WELD_TRY(weld_infer_need(&value, inf, i, err));
    *out = value->i[0];
done:
    return st;
}

static weld_status cumsum_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    (void)node;
    weld_status st = WELD_OK;
    int64_t given;
    int axis;
    WELD_TRY(weld_unary_infer(inf, WELD_TYPES_NUMBER, WELD_UNDEFINED, err));
    WELD_TRY(need_integer(&given, inf, 1, err));
    WELD_TRY(weld_operand_axis(&axis, given, weld_infer_shape(inf, 0)->rank, err));
done:
    return st;
}

/* y[k] = the sum up to x[k]; without x[k] itself where exclusive. Negative steps run backwards. */
static void cumsum_line(weld_tensor *y, const weld_tensor *x, int64_t at, int64_t step,
                        int64_t count, bool exclusive)
{
    const bool is_float = weld_dtype_is_float(x->dtype);
    double sum = 0.0;
    uint64_t isum = 0;
    for (int64_t k = 0; k < count; k++, at += step) {
        if (is_float) {
            const double next = sum + (double)weld_reals(x)[at];
            weld_reals(y)[at] = (weld_real)(exclusive ? sum : next);
            sum = next;
        } else {
            const uint64_t next = isum + (uint64_t)x->i[at];
            y->i[at] = (int64_t)(exclusive ? isum : next);
            isum = next;
        }
    }
}

static weld_status cumsum_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    const cumsum_attrs *attrs = node->attrs;
    const weld_tensor *x = args->in[0];
    int axis;
    const weld_status st = weld_operand_axis(&axis, args->in[1]->i[0], x->shape.rank, err);
    if (st != WELD_OK || weld_shape_numel(&x->shape) == 0)
        return st;
    const weld_lines lines = weld_lines_of(&x->shape, axis, axis + 1);
    const int64_t step = attrs->reverse ? -lines.step : lines.step;
    const int64_t first = attrs->reverse ? (lines.count - 1) * lines.step : 0;
    for (int64_t o = 0; o < lines.outer; o++)
        for (int64_t i = 0; i < lines.step; i++)
            cumsum_line(args->out[0], x, weld_line_start(&lines, o, i) + first, step, lines.count,
                        attrs->exclusive != 0);
    weld_int_wrap_all(args->out[0]);
    return WELD_OK;
}

static weld_status cumsum_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    const int x = node->inputs[0], y = node->outputs[0];
    const int rank = weld_tie_shape(ties, x)->rank;
    const weld_tensor *given = weld_tie_data(ties, node->inputs[1]);
    int axis;
    if (!given)
        return weld_fail(err, WELD_E_UNSUPPORTED, "axis must be constant");
    const weld_status st = weld_operand_axis(&axis, given->i[0], rank, err);
    for (int k = 0; st == WELD_OK && k < rank; k++) {
        if (k != axis) {
            weld_tie_axes(ties, x, k, y, k);
            continue;
        }
        weld_tie_pin(ties, index, x, k, "summed up in order");
        weld_tie_pin(ties, index, y, k, "summed up in order");
    }
    return st;
}

WELD_DEFINE_OP(CumSum) = {.name = "CumSum",
                          .domain = "",
                          .opset_min = 11,
                          .opset_max = WELD_OPSET_MAX,
                          .inputs_min = 2,
                          .inputs_max = 2,
                          .outputs_min = 1,
                          .outputs_max = 1,
                          .static_inputs = 1u << 1,
                          .fields = cumsum_fields,
                          .attrs_size = sizeof(cumsum_attrs),
                          .infer = cumsum_infer,
                          .run = cumsum_run,
                          .tie = cumsum_tie};

/* ---- TopK --------------------------------------------------------------------------- */

typedef struct topk_attrs {
    int64_t axis, k, largest, sorted;
} topk_attrs;

/* k is an attribute before opset 10, input 1 from then on; INT64_MIN = absent. The order of the
 * results is open where `sorted` is 0: we sort them anyway. */
static const weld_field topk_fields[] = {
    {"axis", WELD_FIELD_INT, offsetof(topk_attrs, axis), -1.0, NULL, false},
    {"k", WELD_FIELD_INT, offsetof(topk_attrs, k), (double)INT64_MIN, NULL, false},
    {"largest", WELD_FIELD_INT, offsetof(topk_attrs, largest), 1.0, NULL, false},
    {"sorted", WELD_FIELD_INT, offsetof(topk_attrs, sorted), 1.0, NULL, false},
    {0}};

static weld_status topk_count(int64_t *k, const weld_infer *inf, const weld_node *node,
                              weld_error *err)
{
    const topk_attrs *attrs = node->attrs;
    if ((attrs->k == INT64_MIN) != (node->opset >= 10))
        return weld_fail(err, WELD_E_FORMAT,
                         "k is an attribute before opset 10 and an input from then on, opset is %d",
                         node->opset);
    if (node->opset >= 10)
        return need_integer(k, inf, 1, err);
    if (weld_infer_shape(inf, 1))
        return weld_fail(err, WELD_E_FORMAT, "input 1 given, opset %d has 1 input", node->opset);
    *k = attrs->k;
    return WELD_OK;
}

static weld_status topk_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    int axis;
    int64_t k;
    WELD_TRY(weld_operand_type(inf, 0, WELD_TYPES_NUMBER, err));
    weld_shape shape = *weld_infer_shape(inf, 0);
    WELD_TRY(weld_operand_axis(&axis, ((const topk_attrs *)node->attrs)->axis, shape.rank, err));
    WELD_TRY(topk_count(&k, inf, node, err));
    WELD_REQUIRE(k >= 0 && k <= shape.dims[axis], WELD_E_FORMAT,
                 "k is %" PRId64 ", must be in 0..%" PRId64, k, shape.dims[axis]);
    shape.dims[axis] = k;
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &shape, err));
    WELD_TRY(weld_infer_set(inf, 1, WELD_INT64, &shape, err));
done:
    return st;
}

/* The best entries of a line so far: a heap of indices with the worst of them at the top. */
typedef struct best_heap {
    const weld_tensor *x;
    int64_t at, step; /* of the line */
    bool largest;
    int64_t *index; /* [count] */
    int64_t count;
} best_heap;

/* A total order: entry i of the line is chosen before entry j; the lower index of equal ones. */
static bool comes_first(const best_heap *h, int64_t i, int64_t j)
{
    const int64_t a = h->at + i * h->step, b = h->at + j * h->step;
    if (weld_entry_less(h->x, a, b))
        return !h->largest;
    if (weld_entry_less(h->x, b, a))
        return h->largest;
    return i < j;
}

/* Puts `entry` at `hole` or below it, in the first `count` places. */
static void sift_down(best_heap *h, int64_t hole, int64_t count, int64_t entry)
{
    for (int64_t child = 2 * hole + 1; child < count; child = 2 * hole + 1) {
        if (child + 1 < count && comes_first(h, h->index[child], h->index[child + 1]))
            child++;
        if (!comes_first(h, entry, h->index[child]))
            break;
        h->index[hole] = h->index[child];
        hole = child;
    }
    h->index[hole] = entry;
}

/* The first h->count of `length` entries, in order, in h->index. */
static void select_best(best_heap *h, int64_t length)
{
    for (int64_t k = 0; k < h->count; k++)
        h->index[k] = k;
    for (int64_t k = h->count / 2; k-- > 0;)
        sift_down(h, k, h->count, h->index[k]);
    for (int64_t k = h->count; h->count > 0 && k < length; k++)
        if (comes_first(h, k, h->index[0]))
            sift_down(h, 0, h->count, k);
    for (int64_t k = h->count; k-- > 1;) {
        const int64_t worst = h->index[0];
        sift_down(h, 0, k, h->index[k]);
        h->index[k] = worst;
    }
}

static size_t topk_scratch(const weld_kernel_args *args, const weld_node *node)
{
    int axis;
    const weld_shape *x = &args->in[0]->shape;
    if (weld_operand_axis(&axis, ((const topk_attrs *)node->attrs)->axis, x->rank, NULL))
        return 0;
    return (size_t)x->dims[axis] * sizeof(int64_t);
}

static weld_status topk_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    const topk_attrs *attrs = node->attrs;
    const weld_tensor *x = args->in[0];
    weld_tensor *values = args->out[0], *indices = args->out[1];
    const weld_shape *y = values ? &values->shape : &indices->shape;
    int axis;
    const weld_status st = weld_operand_axis(&axis, attrs->axis, x->shape.rank, err);
    if (st != WELD_OK)
        return st;
    const weld_lines from = weld_lines_of(&x->shape, axis, axis + 1);
    const weld_lines to = weld_lines_of(y, axis, axis + 1);
    for (int64_t o = 0; o < from.outer; o++)
        for (int64_t i = 0; i < from.step; i++) {
            best_heap h = {x,
                           weld_line_start(&from, o, i),
                           from.step,
                           attrs->largest != 0,
                           args->scratch,
                           to.count};
            select_best(&h, from.count);
            for (int64_t k = 0; k < to.count; k++) {
                const int64_t source = h.at + h.index[k] * h.step;
                const int64_t target = weld_line_start(&to, o, i) + k * to.step;
                if (values && weld_dtype_is_float(x->dtype))
                    weld_reals(values)[target] = weld_reals(x)[source];
                else if (values)
                    values->i[target] = x->i[source];
                if (indices)
                    indices->i[target] = h.index[k];
            }
        }
    return WELD_OK;
}

static weld_status topk_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    const int x = node->inputs[0], rank = weld_tie_shape(ties, x)->rank;
    int axis;
    const weld_status st =
        weld_operand_axis(&axis, ((const topk_attrs *)node->attrs)->axis, rank, err);
    if (st != WELD_OK)
        return st;
    weld_tie_pin(ties, index, x, axis, "its positions are the result");
    for (int t = 0; t < node->output_count; t++)
        for (int k = 0; node->outputs[t] >= 0 && k < rank; k++) {
            if (k == axis)
                weld_tie_pin(ties, index, node->outputs[t], k, "sorted by value");
            else
                weld_tie_axes(ties, x, k, node->outputs[t], k);
        }
    return WELD_OK;
}

WELD_DEFINE_OP(TopK) = {.name = "TopK",
                        .domain = "",
                        .opset_min = 1,
                        .opset_max = WELD_OPSET_MAX,
                        .inputs_min = 1,
                        .inputs_max = 2,
                        .outputs_min = 2,
                        .outputs_max = 2,
                        .static_inputs = 1u << 1,
                        .fields = topk_fields,
                        .attrs_size = sizeof(topk_attrs),
                        .infer = topk_infer,
                        .run = topk_run,
                        .tie = topk_tie,
                        .scratch_bytes = topk_scratch};

/* ---- LpNormalization: y = x / |x|_p along an axis ----------------------------------------- */

typedef struct lp_attrs {
    int64_t axis, p;
} lp_attrs;

static const weld_field lp_fields[] = {
    {"axis", WELD_FIELD_INT, offsetof(lp_attrs, axis), -1.0, NULL, false},
    {"p", WELD_FIELD_INT, offsetof(lp_attrs, p), 2.0, NULL, false},
    {0}};

static weld_status lp_check(const weld_node *node, weld_error *err)
{
    const int64_t p = ((const lp_attrs *)node->attrs)->p;
    if (p != 1 && p != 2)
        return weld_fail(err, WELD_E_FORMAT, "p is %" PRId64 ", must be 1 or 2", p);
    return WELD_OK;
}

static weld_status lp_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    int axis;
    const weld_status st = weld_unary_infer(inf, WELD_TYPES_FLOAT, WELD_UNDEFINED, err);
    if (st != WELD_OK)
        return st;
    return weld_operand_axis(&axis, ((const lp_attrs *)node->attrs)->axis,
                             weld_infer_shape(inf, 0)->rank, err);
}

/* A line of norm 0 stays 0, as in onnxruntime. */
static void lp_line(weld_real *y, const weld_real *x, const weld_lines *lines, bool squares)
{
    double sum = 0.0;
    for (int64_t k = 0; k < lines->count; k++) {
        const double v = (double)x[k * lines->step];
        sum += squares ? v * v : fabs(v);
    }
    const double norm = squares ? sqrt(sum) : sum;
    for (int64_t k = 0; k < lines->count; k++) {
        const double v = (double)x[k * lines->step];
        y[k * lines->step] = norm != 0.0 ? (weld_real)(v / norm) : 0.0f;
    }
}

static weld_status lp_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    const lp_attrs *attrs = node->attrs;
    const weld_tensor *x = args->in[0];
    int axis;
    const weld_status st = weld_operand_axis(&axis, attrs->axis, x->shape.rank, err);
    if (st != WELD_OK)
        return st;
    const weld_lines lines = weld_lines_of(&x->shape, axis, axis + 1);
    for (int64_t o = 0; o < lines.outer; o++)
        for (int64_t i = 0; i < lines.step; i++) {
            const int64_t at = weld_line_start(&lines, o, i);
            lp_line(weld_reals(args->out[0]) + at, weld_reals(x) + at, &lines, attrs->p == 2);
        }
    return WELD_OK;
}

static weld_status lp_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index;
    const int x = node->inputs[0], y = node->outputs[0];
    const int rank = weld_tie_shape(ties, x)->rank;
    int axis;
    const weld_status st =
        weld_operand_axis(&axis, ((const lp_attrs *)node->attrs)->axis, rank, err);
    if (st != WELD_OK)
        return st;
    for (int k = 0; k < rank; k++)
        weld_tie_axes(ties, x, k, y, k);
    weld_tie_mix(ties, x, axis);
    weld_tie_mix(ties, y, axis);
    return WELD_OK;
}

WELD_DEFINE_OP(LpNormalization) = {.name = "LpNormalization",
                                   .domain = "",
                                   .opset_min = 1,
                                   .opset_max = WELD_OPSET_MAX,
                                   .inputs_min = 1,
                                   .inputs_max = 1,
                                   .outputs_min = 1,
                                   .outputs_max = 1,
                                   .fields = lp_fields,
                                   .attrs_size = sizeof(lp_attrs),
                                   .check = lp_check,
                                   .infer = lp_infer,
                                   .run = lp_run,
                                   .tie = lp_tie};
