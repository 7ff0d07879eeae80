/* Reductions: ReduceMean. */
#include "ops/op.h"
#include <inttypes.h>
#include <stddef.h>

/* Axes are an attribute before opset 18, input 1 from then on. */
typedef struct reduce_attrs {
    weld_ints axes;
    int64_t keepdims, noop_with_empty_axes;
} reduce_attrs;

static const weld_field reduce_fields[] = {
    {"axes", WELD_FIELD_INTS, offsetof(reduce_attrs, axes), 0.0, NULL, false},
    {"keepdims", WELD_FIELD_INT, offsetof(reduce_attrs, keepdims), 1.0, NULL, false},
    {"noop_with_empty_axes", WELD_FIELD_INT, offsetof(reduce_attrs, noop_with_empty_axes), 0.0,
     NULL, false},
    {0}};

typedef struct reduce_axes {
    bool reduced[WELD_RANK_MAX];
} reduce_axes;

/* `given`: the value of input 1, NULL when it is left out. */
static weld_status reduce_resolve(reduce_axes *out, const weld_node *node, int rank,
                                  const weld_tensor *given, weld_error *err)
{
    const reduce_attrs *attrs = node->attrs;
    *out = (reduce_axes){{false}};
    const int64_t *axes = given ? given->i : attrs->axes.at;
    const int64_t count = given ? weld_shape_numel(&given->shape) : attrs->axes.count;
    if (count <= 0) {
        const bool none = node->opset >= 18 && attrs->noop_with_empty_axes != 0;
        for (int k = 0; k < rank; k++)
            out->reduced[k] = !none;
        return WELD_OK;
    }
    for (int64_t i = 0; i < count; i++) {
        if (axes[i] < -rank || axes[i] >= rank)
            return weld_fail(err, WELD_E_FORMAT,
                             "axes[%" PRId64 "] is %" PRId64 ", must be in %d..%d", i, axes[i],
                             -rank, rank - 1);
        const int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
        if (out->reduced[axis])
            return weld_fail(err, WELD_E_FORMAT, "axis %" PRId64 " is given twice", axis);
        out->reduced[axis] = true;
    }
    return WELD_OK;
}

/* Where the axes come from must fit the opset. *given: as for reduce_resolve. */
static weld_status reduce_given(const weld_tensor **given, const weld_infer *inf,
                                const weld_node *node, weld_error *err)
{
    *given = NULL;
    const reduce_attrs *attrs = node->attrs;
    if (attrs->axes.count >= 0 && node->opset >= 18)
        return weld_fail(err, WELD_E_FORMAT, "axes is an input from opset 18 on, opset is %d",
                         node->opset);
    const weld_shape *shape = weld_infer_shape(inf, 1);
    if (!shape)
        return WELD_OK;
    if (node->opset < 18)
        return weld_fail(err, WELD_E_FORMAT, "axes is an attribute before opset 18, opset is %d",
                         node->opset);
    char text[128];
    if (shape->rank != 1 || weld_infer_dtype(inf, 1) != WELD_INT64)
        return weld_fail(err, WELD_E_FORMAT, "axes has shape %s, must be a vector of int64",
                         weld_shape_text(shape, text));
    return weld_infer_need(given, inf, 1, err);
}

static weld_status reduce_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_shape *x = weld_infer_shape(inf, 0);
    const weld_dtype dtype = weld_infer_dtype(inf, 0);
    const char *name = weld_dtype_name((int)dtype);
    WELD_REQUIRE(x, WELD_E_FORMAT, "input 0 is missing");
    WELD_REQUIRE(weld_dtype_is_float(dtype), WELD_E_UNSUPPORTED,
                 "input has element type %s, supported: floating point",
                 name ? name : "unknown");
    const weld_tensor *given;
    reduce_axes axes;
    WELD_TRY(reduce_given(&given, inf, node, err));
    WELD_TRY(reduce_resolve(&axes, node, x->rank, given, err));
    const bool keep = ((const reduce_attrs *)node->attrs)->keepdims != 0;
    weld_shape y = {0};
    for (int k = 0; k < x->rank; k++) {
        WELD_REQUIRE(!axes.reduced[k] || x->dims[k] > 0, WELD_E_FORMAT,
                     "mean over axis %d of size 0", k);
        if (!axes.reduced[k])
            y.dims[y.rank++] = x->dims[k];
        else if (keep)
            y.dims[y.rank++] = 1;
    }
    st = weld_infer_set(inf, 0, dtype, &y, err);
done:
    return st;
}

/* A walk over some axes of a tensor, the last one fastest. */
typedef struct axis_walk {
    int rank;
    int64_t dims[WELD_RANK_MAX], step[WELD_RANK_MAX], index[WELD_RANK_MAX], at;
} axis_walk;

/* The next entry; after the last one, the first again. */
static void axis_walk_next(axis_walk *w)
{
    for (int k = w->rank - 1; k >= 0; k--) {
        w->at += w->step[k];
        if (++w->index[k] < w->dims[k])
            return;
        w->at -= w->step[k] * w->dims[k];
        w->index[k] = 0;
    }
}

static weld_status reduce_run(const weld_kernel_args *args, const weld_node *node,
                              weld_error *err)
{
    const weld_shape *shape = &args->in[0]->shape;
    reduce_axes axes;
    const weld_tensor *given = weld_node_input(node, 1) >= 0 ? args->in[1] : NULL;
    const weld_status st = reduce_resolve(&axes, node, shape->rank, given, err);
    if (st != WELD_OK)
        return st;
    int64_t strides[WELD_RANK_MAX], count = 1;
    weld_strides(strides, shape);
    axis_walk kept = {0}, reduced = {0};
    for (int k = 0; k < shape->rank; k++) {
        axis_walk *w = axes.reduced[k] ? &reduced : &kept;
        w->dims[w->rank] = shape->dims[k];
        w->step[w->rank++] = strides[k];
        count *= axes.reduced[k] ? shape->dims[k] : 1;
    }
    const int64_t total = weld_shape_numel(&args->out[0]->shape);
    for (int64_t i = 0; i < total; i++) {
        const float *x = args->in[0]->f + kept.at;
        double sum = 0.0;
        for (int64_t j = 0; j < count; j++) {
            sum += (double)x[reduced.at];
            axis_walk_next(&reduced);
        }
        args->out[0]->f[i] = (float)(sum / (double)count);
        axis_walk_next(&kept);
    }
    return WELD_OK;
}

static weld_status reduce_tie(weld_ties *ties, int index, const weld_node *node,
                              weld_error *err)
{
    (void)index;
    const int x = node->inputs[0], y = node->outputs[0], given = weld_node_input(node, 1);
    const int rank = weld_tie_shape(ties, x)->rank;
    const weld_tensor *data = given >= 0 ? weld_tie_data(ties, given) : NULL;
    if (given >= 0 && !data)
        return weld_fail(err, WELD_E_UNSUPPORTED, "axes must be constant");
    reduce_axes axes;
    const weld_status st = reduce_resolve(&axes, node, rank, data, err);
    if (st != WELD_OK)
        return st;
    const bool keep = ((const reduce_attrs *)node->attrs)->keepdims != 0;
    for (int k = 0, to = 0; k < rank; k++) {
        if (axes.reduced[k])
            weld_tie_mix(ties, x, k);
        else
            weld_tie_axes(ties, x, k, y, to);
        to += !axes.reduced[k] || keep;
    }
    return WELD_OK;
}

const weld_op weld_op_ReduceMean = {
    .name = "ReduceMean", .domain = "", .opset_min = 1, .opset_max = WELD_OPSET_MAX,
    .inputs_min = 1, .inputs_max = 2, .outputs_min = 1, .outputs_max = 1,
    .static_inputs = 1u << 1, .fields = reduce_fields, .attrs_size = sizeof(reduce_attrs),
    .infer = reduce_infer, .run = reduce_run, .tie = reduce_tie};
