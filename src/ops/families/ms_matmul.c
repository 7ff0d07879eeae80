/* com.microsoft FusedMatMul: Y[.., m, n] = alpha A' B', each operand perhaps transposed. */
#include "ops/operand.h"
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

typedef struct fused_attrs {
    int64_t trans[2], trans_batch[2]; /* of A, of B */
    float alpha;
} fused_attrs;

static const weld_field fused_fields[] = {
    {"alpha", WELD_FIELD_FLOAT, offsetof(fused_attrs, alpha), 1.0, NULL, false},
    {"transA", WELD_FIELD_INT, offsetof(fused_attrs, trans[0]), 0.0, NULL, false},
    {"transB", WELD_FIELD_INT, offsetof(fused_attrs, trans[1]), 0.0, NULL, false},
    {"transBatchA", WELD_FIELD_INT, offsetof(fused_attrs, trans_batch[0]), 0.0, NULL, false},
    {"transBatchB", WELD_FIELD_INT, offsetof(fused_attrs, trans_batch[1]), 0.0, NULL, false},
    {0}};

static weld_status fused_check(const weld_node *node, weld_error *err)
{
    const fused_attrs *attrs = node->attrs;
    if (attrs->trans_batch[0] || attrs->trans_batch[1])
        return weld_fail(err, WELD_E_UNSUPPORTED,
                         "transBatchA and transBatchB are %" PRId64 " and %" PRId64
                         ", supported: 0",
                         attrs->trans_batch[0], attrs->trans_batch[1]);
    if (!isfinite(attrs->alpha))
        return weld_fail(err, WELD_E_FORMAT, "alpha is %g, must be finite", (double)attrs->alpha);
    return WELD_OK;
}

/* The axes of a matrix, counted from the end: of rows and columns as they are multiplied. */
static int row_axis(const fused_attrs *attrs, int operand, int rank)
{
    return rank - (attrs->trans[operand] ? 1 : 2);
}

static int column_axis(const fused_attrs *attrs, int operand, int rank)
{
    return rank - (attrs->trans[operand] ? 2 : 1);
}

static weld_status fused_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const fused_attrs *attrs = node->attrs;
    const weld_shape *a = weld_infer_shape(inf, 0), *b = weld_infer_shape(inf, 1);
    char ta[128], tb[128];
    weld_shape y;
    WELD_TRY(weld_operand_type(inf, 0, WELD_TYPES_FLOAT, err));
    WELD_TRY(weld_operand_type(inf, 1, WELD_TYPES_FLOAT, err));
    WELD_TRY(weld_operand_agree(inf, 0, 1, err));
    weld_shape_text(a, ta);
    weld_shape_text(b, tb);
    WELD_REQUIRE(a->rank >= 2 && b->rank >= 2, WELD_E_UNSUPPORTED,
                 "inputs have shapes %s and %s, supported: rank 2 and more", ta, tb);
    WELD_REQUIRE(a->dims[column_axis(attrs, 0, a->rank)] == b->dims[row_axis(attrs, 1, b->rank)],
                 WELD_E_FORMAT,
                 "inner dimensions of %s and %s differ (transA %" PRId64 ", transB %" PRId64 ")",
                 ta, tb, attrs->trans[0], attrs->trans[1]);
    const weld_shape batch_a = weld_shape_make(a->rank - 2, a->dims);
    const weld_shape batch_b = weld_shape_make(b->rank - 2, b->dims);
    WELD_TRY(weld_shape_broadcast(&y, &batch_a, &batch_b, err));
    y.dims[y.rank++] = a->dims[row_axis(attrs, 0, a->rank)];
    y.dims[y.rank++] = b->dims[column_axis(attrs, 1, b->rank)];
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &y, err));
done:
    return st;
}

/* Where operand x has the matrix number `batch` of y; axes of size 1 are repeated. */
static int64_t matrix_at(const weld_shape *x, const weld_shape *y, int64_t batch)
{
    int64_t strides[WELD_RANK_MAX], at = 0;
    weld_strides(strides, x);
    for (int k = x->rank - 3, l = y->rank - 3; k >= 0; k--, l--) {
        if (x->dims[k] > 1)
            at += batch % y->dims[l] * strides[k];
        batch /= y->dims[l];
    }
    return at;
}

static weld_status fused_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)err;
    const fused_attrs *attrs = node->attrs;
    const weld_shape *a = &args->in[0]->shape, *b = &args->in[1]->shape;
    const weld_shape *y = &args->out[0]->shape;
    const weld_gemm_shape shape = {.trans_a = attrs->trans[0] != 0,
                                   .trans_b = attrs->trans[1] != 0,
                                   .m = y->dims[y->rank - 2],
                                   .n = y->dims[y->rank - 1],
                                   .k = a->dims[column_axis(attrs, 0, a->rank)],
                                   .lda = a->dims[a->rank - 1],
                                   .ldb = b->dims[b->rank - 1],
                                   .ldc = y->dims[y->rank - 1]};
    const int64_t total = weld_shape_numel(y), matrix = shape.m * shape.n;
    if (shape.k == 0)
        memset(args->out[0]->data, 0, (size_t)total * sizeof(weld_real));
    for (int64_t i = 0; shape.k > 0 && i * matrix < total; i++)
        weld_real_gemm(&shape, attrs->alpha, weld_reals(args->in[0]) + matrix_at(a, y, i),
                       weld_reals(args->in[1]) + matrix_at(b, y, i), 0,
                       weld_reals(args->out[0]) + i * matrix);
    return WELD_OK;
}

static weld_status fused_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index, (void)err;
    const fused_attrs *attrs = node->attrs;
    const int a = node->inputs[0], b = node->inputs[1], y = node->outputs[0];
    const int rank_a = weld_tie_shape(ties, a)->rank, rank_b = weld_tie_shape(ties, b)->rank;
    const int rank = weld_tie_shape(ties, y)->rank;
    const int inner_a = column_axis(attrs, 0, rank_a), inner_b = row_axis(attrs, 1, rank_b);
    weld_tie_axes(ties, a, inner_a, b, inner_b);
    weld_tie_mix(ties, a, inner_a);
    weld_tie_mix(ties, b, inner_b);
    weld_tie_axes(ties, a, row_axis(attrs, 0, rank_a), y, rank - 2);
    weld_tie_axes(ties, b, column_axis(attrs, 1, rank_b), y, rank - 1);
    for (int k = 3; k <= rank; k++) { /* batch axes, counted from the end */
        if (k <= rank_a && weld_tie_shape(ties, a)->dims[rank_a - k] > 1)
            weld_tie_axes(ties, a, rank_a - k, y, rank - k);
        if (k <= rank_b && weld_tie_shape(ties, b)->dims[rank_b - k] > 1)
            weld_tie_axes(ties, b, rank_b - k, y, rank - k);
    }
    return WELD_OK;
}

WELD_DEFINE_OP(MicrosoftFusedMatMul) = {.name = "FusedMatMul",
                                        .domain = "com.microsoft",
                                        .opset_min = 1,
                                        .opset_max = 1,
                                        .inputs_min = 2,
                                        .inputs_max = 2,
                                        .outputs_min = 1,
                                        .outputs_max = 1,
                                        .fields = fused_fields,
                                        .attrs_size = sizeof(fused_attrs),
                                        .check = fused_check,
                                        .infer = fused_infer,
                                        .run = fused_run,
                                        .tie = fused_tie};
