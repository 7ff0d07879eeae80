/* Lookup by an index per element or per slice: GatherElements, GatherND. */
#include "ops/indexed.h"
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

static const char looked_up[] = "looked up by index";

static weld_status infer_operands(const weld_infer *inf, weld_error *err)
{
    const weld_status st = weld_operand_type(inf, 0, WELD_TYPES_ANY, err);
    return st == WELD_OK ? weld_operand_type(inf, 1, WELD_TYPES_INTEGER, err) : st;
}

/* y [count, run] = the runs of x that start at target[k]. */
static void copy_runs(weld_tensor *y, const weld_tensor *x, const int64_t *target, int64_t count,
                      int64_t run)
{
    const size_t size = weld_compute_size(x->dtype), bytes = (size_t)run * size;
    for (int64_t k = 0; k < count; k++)
        memcpy((char *)y->data + (size_t)k * bytes,
               (const char *)x->data + (size_t)target[k] * size, bytes);
}

/* ---- GatherElements: y[i][j] = x[index[i][j]][j] on axis 0, and so on ---------------------- */

typedef struct elements_attrs {
    int64_t axis;
} elements_attrs;

static const weld_field elements_fields[] = {
    {"axis", WELD_FIELD_INT, offsetof(elements_attrs, axis), 0.0, NULL, false}, {0}};

static weld_status elements_axis(int *out, const weld_node *node, int rank, weld_error *err)
{
    return weld_operand_axis(out, ((const elements_attrs *)node->attrs)->axis, rank, err);
}

static weld_status elements_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    int axis;
    WELD_TRY(infer_operands(inf, err));
    const weld_shape *x = weld_infer_shape(inf, 0), *index = weld_infer_shape(inf, 1);
    WELD_TRY(elements_axis(&axis, node, x->rank, err));
    WELD_TRY(weld_check_element_indices(x, index, axis, err));
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), index, err));
done:
    return st;
}

static weld_status elements_run(const weld_kernel_args *args, const weld_node *node,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor *x = args->in[0], *index = args->in[1];
    int64_t *target = args->scratch; /* [entries of index] */
    int axis;
    WELD_TRY(elements_axis(&axis, node, x->shape.rank, err));
    WELD_TRY(weld_point_at_elements(target, &x->shape, index, axis, err));
    copy_runs(args->out[0], x, target, weld_shape_numel(&index->shape), 1);
done:
    return st;
}

static weld_status elements_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    const int x = node->inputs[0], i = node->inputs[1], y = node->outputs[0];
    const weld_shape *shape = weld_tie_shape(ties, i);
    int axis;
    const weld_status st = elements_axis(&axis, node, shape->rank, err);
    if (st != WELD_OK)
        return st;
    for (int a = 0; a < shape->rank; a++) {
        weld_tie_axes(ties, i, a, y, a);
        if (a == axis)
            continue;
        for (int64_t k = 0; k < shape->dims[a]; k++)
            weld_tie_unit(ties, x, a, k, y, a, k);
    }
    weld_tie_pin(ties, index, x, axis, looked_up);
    weld_tie_mix(ties, x, axis);
    return WELD_OK;
}

WELD_DEFINE_OP(GatherElements) = {.name = "GatherElements",
                                  .domain = "",
                                  .opset_min = 11,
                                  .opset_max = WELD_OPSET_MAX,
                                  .inputs_min = 2,
                                  .inputs_max = 2,
                                  .outputs_min = 1,
                                  .outputs_max = 1,
                                  .fields = elements_fields,
                                  .attrs_size = sizeof(elements_attrs),
                                  .infer = elements_infer,
                                  .run = elements_run,
                                  .tie = elements_tie,
                                  .scratch_bytes = weld_element_targets};

/* ---- GatherND: y[b.., t.., :] = x[b.., index[b.., t..], :] ---------------------------------- */

typedef struct nd_attrs {
    int64_t batch_dims;
} nd_attrs;

static const weld_field nd_fields[] = {
    {"batch_dims", WELD_FIELD_INT, offsetof(nd_attrs, batch_dims), 0.0, NULL, false}, {0}};

static weld_status nd_check(const weld_node *node, weld_error *err)
{
    const int64_t batch_dims = ((const nd_attrs *)node->attrs)->batch_dims;
    if (batch_dims < 0 || batch_dims >= WELD_RANK_MAX)
        return weld_fail(err, WELD_E_FORMAT, "batch_dims is %" PRId64 ", allowed 0 to %d",
                         batch_dims, WELD_RANK_MAX - 1);
    if (batch_dims > 0 && node->opset < 12)
        return weld_fail(err, WELD_E_FORMAT, "batch_dims is %" PRId64 ", must be 0 before opset 12",
                         batch_dims);
    return WELD_OK;
}

static int nd_batch_dims(const weld_node *node)
{
    return (int)((const nd_attrs *)node->attrs)->batch_dims;
}

static weld_status nd_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const int batch_dims = nd_batch_dims(node);
    char tx[128], ti[128];
    weld_shape y;
    WELD_TRY(infer_operands(inf, err));
    const weld_shape *x = weld_infer_shape(inf, 0), *index = weld_infer_shape(inf, 1);
    bool fits = x->rank > batch_dims && index->rank > batch_dims;
    for (int a = 0; fits && a < batch_dims; a++)
        fits = x->dims[a] == index->dims[a];
    WELD_REQUIRE(fits, WELD_E_FORMAT, "data %s and indices %s must agree on their first %d axes",
                 weld_shape_text(x, tx), weld_shape_text(index, ti), batch_dims);
    const int64_t length = index->dims[index->rank - 1];
    WELD_REQUIRE(length >= 1 && length <= x->rank - batch_dims, WELD_E_FORMAT,
                 "the last axis of indices has size %" PRId64 ", allowed 1 to %d", length,
                 x->rank - batch_dims);
    const int rest = batch_dims + (int)length; /* the first axis of the slices */
    WELD_REQUIRE(index->rank - 1 + x->rank - rest <= WELD_RANK_MAX, WELD_E_LIMIT,
                 "rank %d, allowed %d", index->rank - 1 + x->rank - rest, WELD_RANK_MAX);
    y = weld_shape_make(index->rank - 1, index->dims);
    for (int a = rest; a < x->rank; a++)
        y.dims[y.rank++] = x->dims[a];
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &y, err));
done:
    return st;
}

static weld_status nd_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    const weld_tensor *x = args->in[0], *index = args->in[1];
    const int batch_dims = nd_batch_dims(node), last = index->shape.rank - 1;
    int64_t *target = args->scratch; /* [tuples of index] */
    const weld_status st = weld_point_at_slices(target, &x->shape, index, batch_dims, err);
    if (st != WELD_OK)
        return st;
    const int rest = batch_dims + (int)index->shape.dims[last];
    copy_runs(args->out[0], x, target, weld_shape_span(&index->shape, 0, last),
              weld_shape_span(&x->shape, rest, x->shape.rank));
    return WELD_OK;
}

static weld_status nd_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)err;
    const int x = node->inputs[0], i = node->inputs[1], y = node->outputs[0];
    const weld_shape *xs = weld_tie_shape(ties, x), *is = weld_tie_shape(ties, i);
    const int batch_dims = nd_batch_dims(node), last = is->rank - 1;
    const int rest = batch_dims + (int)is->dims[last];
    for (int a = 0; a < last; a++) {
        weld_tie_axes(ties, i, a, y, a);
        if (a >= batch_dims)
            continue;
        weld_tie_axes(ties, x, a, y, a);
    }
    weld_tie_pin(ties, index, i, last, "one index per axis");
    for (int a = batch_dims; a < rest; a++) {
        weld_tie_pin(ties, index, x, a, looked_up);
        weld_tie_mix(ties, x, a);
    }
    for (int a = rest; a < xs->rank; a++) {
        weld_tie_axes(ties, x, a, y, last + a - rest);
    }
    return WELD_OK;
}

WELD_DEFINE_OP(GatherND) = {.name = "GatherND",
                            .domain = "",
                            .opset_min = 11,
                            .opset_max = WELD_OPSET_MAX,
                            .inputs_min = 2,
                            .inputs_max = 2,
                            .outputs_min = 1,
                            .outputs_max = 1,
                            .fields = nd_fields,
                            .attrs_size = sizeof(nd_attrs),
                            .check = nd_check,
                            .infer = nd_infer,
                            .run = nd_run,
                            .tie = nd_tie,
                            .scratch_bytes = weld_slice_targets};
