/* Normalisations without weights: LRN over neighbouring channels, MeanVarianceNormalization over
 * chosen axes. */
#include "ops/operand.h"
#include <inttypes.h>
#include <tgmath.h>
#include <stddef.h>

/* ---- LRN: y = x / (bias + alpha / size * sum of squares of `size` channels around)^beta ---- */

typedef struct lrn_attrs {
    float alpha, beta, bias;
    int64_t size;
} lrn_attrs;

static const weld_field lrn_fields[] = {
    {"alpha", WELD_FIELD_FLOAT, offsetof(lrn_attrs, alpha), 1e-4, NULL, false},
    {"beta", WELD_FIELD_FLOAT, offsetof(lrn_attrs, beta), 0.75, NULL, false},
    {"bias", WELD_FIELD_FLOAT, offsetof(lrn_attrs, bias), 1.0, NULL, false},
    {"size", WELD_FIELD_INT, offsetof(lrn_attrs, size), 1.0, NULL, true},
    {0}};

static weld_status lrn_check(const weld_node *node, weld_error *err)
{
    const lrn_attrs *attrs = node->attrs;
    if (attrs->size < 1 || attrs->size > INT32_MAX)
        return weld_fail(err, WELD_E_FORMAT, "size is %" PRId64 ", must be in 1..%d", attrs->size,
                         INT32_MAX);
    return WELD_OK;
}

static weld_status lrn_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    (void)node;
    const weld_shape *x = weld_infer_shape(inf, 0);
    char text[128];
    if (x->rank < 2)
        return weld_fail(err, WELD_E_FORMAT, "input has shape %s, rank must be 2 or more",
                         weld_shape_text(x, text));
    return weld_unary_infer(inf, WELD_TYPES_FLOAT, WELD_UNDEFINED, err);
}

static weld_status lrn_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)err;
    const lrn_attrs *attrs = node->attrs;
    const weld_lines l = weld_lines_of(&args->in[0]->shape, 1, 2); /* [N, C, inner] */
    const int64_t before = (attrs->size - 1) / 2, after = attrs->size - 1 - before;
    const double factor = (double)attrs->alpha / (double)attrs->size;
    for (int64_t at = 0; at < l.outer * l.count; at++) {
        const int64_t c = at % l.count;
        const int64_t from = c > before ? c - before : 0;
        const int64_t to = c + after < l.count ? c + after + 1 : l.count;
        const weld_real *x = weld_reals(args->in[0]) + at * l.step;
        weld_real *y = weld_reals(args->out[0]) + at * l.step;
        for (int64_t i = 0; i < l.step; i++) {
            double squares = 0.0;
            for (int64_t k = from - c; k < to - c; k++)
                squares += (double)x[k * l.step + i] * (double)x[k * l.step + i];
            y[i] = (weld_real)((double)x[i] *
                               pow((double)attrs->bias + factor * squares, -(double)attrs->beta));
        }
    }
    return WELD_OK;
}

static weld_status lrn_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    const int x = node->inputs[0];
    weld_tie_mix(ties, x, 1);
    weld_tie_pin(ties, index, x, 1, "LRN looks at neighbouring channels");
    return weld_tie_elementwise(ties, index, node, err);
}

WELD_DEFINE_OP(LRN) = {.name = "LRN",
                       .domain = "",
                       .opset_min = 1,
                       .opset_max = WELD_OPSET_MAX,
                       .inputs_min = 1,
                       .inputs_max = 1,
                       .outputs_min = 1,
                       .outputs_max = 1,
                       .flags = WELD_OP_NORM,
                       .fields = lrn_fields,
                       .attrs_size = sizeof(lrn_attrs),
                       .check = lrn_check,
                       .infer = lrn_infer,
                       .run = lrn_run,
                       .tie = lrn_tie};

/* ---- MeanVarianceNormalization --------------------------------------------------------------- */

typedef struct mvn_attrs {
    weld_ints axes;
} mvn_attrs;

static const weld_field mvn_fields[] = {
    {"axes", WELD_FIELD_INTS, offsetof(mvn_attrs, axes), 0.0, NULL, false}, {0}};

/* What ONNX's definition of the operator adds to the standard deviation. */
static const double mvn_epsilon = 1e-9;

typedef struct mvn_axes {
    bool reduced[WELD_RANK_MAX];
} mvn_axes;

static weld_status mvn_resolve(mvn_axes *out, const weld_node *node, int rank, weld_error *err)
{
    static const weld_ints all_but_channels = {3, {0, 2, 3}};
    const mvn_attrs *attrs = node->attrs;
    const weld_ints *axes = attrs->axes.count < 0 ? &all_but_channels : &attrs->axes;
    *out = (mvn_axes){{false}};
    for (int64_t k = 0; k < axes->count; k++) {
        int axis;
        const weld_status st = weld_operand_axis(&axis, axes->at[k], rank, err);
        if (st != WELD_OK)
            return st;
        out->reduced[axis] = true;
    }
    return WELD_OK;
}

static weld_status mvn_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    mvn_axes axes;
    const weld_status st = weld_unary_infer(inf, WELD_TYPES_FLOAT, WELD_UNDEFINED, err);
    return st != WELD_OK ? st : mvn_resolve(&axes, node, weld_infer_shape(inf, 0)->rank, err);
}

/* All elements in order, and which of the `total` statistics each belongs to. */
typedef struct mvn_walk {
    const weld_shape *shape;
    int64_t step[WELD_RANK_MAX], index[WELD_RANK_MAX], at, total;
} mvn_walk;

static mvn_walk mvn_start(const weld_shape *shape, const mvn_axes *axes)
{
    mvn_walk w = {.shape = shape, .total = 1};
    for (int k = shape->rank - 1; k >= 0; k--)
        if (!axes->reduced[k]) {
            w.step[k] = w.total;
            w.total *= shape->dims[k];
        }
    return w;
}

static void mvn_next(mvn_walk *w)
{
    for (int k = w->shape->rank - 1; k >= 0; k--) {
        w->at += w->step[k];
        if (++w->index[k] < w->shape->dims[k])
            return;
        w->at -= w->step[k] * w->shape->dims[k];
        w->index[k] = 0;
    }
}

static size_t mvn_scratch(const weld_kernel_args *args, const weld_node *node)
{
    mvn_axes axes;
    if (mvn_resolve(&axes, node, args->in[0]->shape.rank, NULL) != WELD_OK)
        return 0;
    return 2 * sizeof(double) * (size_t)mvn_start(&args->in[0]->shape, &axes).total;
}

static weld_status mvn_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    const weld_shape *shape = &args->in[0]->shape;
    mvn_axes axes;
    const weld_status st = mvn_resolve(&axes, node, shape->rank, err);
    const int64_t count = weld_shape_numel(shape);
    if (st != WELD_OK || count == 0)
        return st;
    const mvn_walk start = mvn_start(shape, &axes);
    const double samples = (double)(count / start.total);
    double *mean = args->scratch, *spread = mean + start.total; /* [total] each */
    const weld_real *x = weld_reals(args->in[0]);
    for (int64_t k = 0; k < 2 * start.total; k++)
        mean[k] = 0.0;
    mvn_walk w = start;
    for (int64_t i = 0; i < count; i++, mvn_next(&w))
        mean[w.at] += (double)x[i] / samples;
    for (int64_t i = 0; i < count; i++, mvn_next(&w))
        spread[w.at] += ((double)x[i] - mean[w.at]) * ((double)x[i] - mean[w.at]) / samples;
    for (int64_t k = 0; k < start.total; k++)
        spread[k] = sqrt(spread[k]) + mvn_epsilon;
    for (int64_t i = 0; i < count; i++, mvn_next(&w))
        weld_reals(args->out[0])[i] = (weld_real)(((double)x[i] - mean[w.at]) / spread[w.at]);
    return WELD_OK;
}

static weld_status mvn_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    const int x = node->inputs[0], rank = weld_tie_shape(ties, x)->rank;
    mvn_axes axes;
    weld_status st = mvn_resolve(&axes, node, rank, err);
    if (st == WELD_OK)
        st = weld_tie_elementwise(ties, index, node, err);
    for (int k = 0; st == WELD_OK && k < rank; k++)
        if (axes.reduced[k])
            weld_tie_mix(ties, node->outputs[0], k);
    return st;
}

WELD_DEFINE_OP(MeanVarianceNormalization) = {.name = "MeanVarianceNormalization",
                                             .domain = "",
                                             .opset_min = 9,
                                             .opset_max = WELD_OPSET_MAX,
                                             .inputs_min = 1,
                                             .inputs_max = 1,
                                             .outputs_min = 1,
                                             .outputs_max = 1,
                                             .flags = WELD_OP_NORM,
                                             .fields = mvn_fields,
                                             .attrs_size = sizeof(mvn_attrs),

                                             .infer = mvn_infer,
                                             .run = mvn_run,
                                             .tie = mvn_tie,
                                             .scratch_bytes = mvn_scratch};
