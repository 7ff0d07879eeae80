/* Matrix products: Gemm, MatMul, and the internal Dense that canon/ makes of them. */
#include "ops/operand.h"
#include "tensor/blas.h"
#include <stddef.h>
#include <string.h>

/* Inputs 0 and 1 are of one element type, and so is input 2 where it is given. */
static weld_status need_numbers(const weld_infer *inf, unsigned types, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_TRY(weld_operand_type(inf, 0, types, err));
    WELD_TRY(weld_operand_agree(inf, 0, 1, err));
    if (weld_infer_shape(inf, 2))
        WELD_TRY(weld_operand_agree(inf, 0, 2, err));
done:
    return st;
}

/* From opset 9 on. */
enum {
    PRODUCT_TYPES = WELD_TYPES_FLOAT | 1 << WELD_INT32 | 1 << WELD_INT64 | 1 << WELD_UINT32 |
                    1 << WELD_UINT64
};

static weld_status shape_mismatch(const weld_infer *inf, const char *what, weld_error *err)
{
    char a[128], b[128];
    return weld_fail(err, WELD_E_FORMAT, "%s: inputs %s and %s", what,
                     weld_shape_text(weld_infer_shape(inf, 0), a),
                     weld_shape_text(weld_infer_shape(inf, 1), b));
}

/* BLAS rejects row strides of 0, so empty products are made here. */
static void product(const weld_gemm_shape *s, weld_real alpha, const weld_real *a,
                    const weld_real *b, weld_real beta, weld_real *c)
{
    if (s->m == 0 || s->n == 0)
        return;
    if (s->k > 0) {
        weld_real_gemm(s, alpha, a, b, beta, c);
        return;
    }
    for (int64_t i = 0; i < s->m; i++)
        for (int64_t j = 0; j < s->n; j++)
            c[i * s->ldc + j] = beta == 0.0f ? 0.0f : beta * c[i * s->ldc + j];
}

/* The same of integers, which wrap; beta is 0 or 1. */
static void integer_product(const weld_gemm_shape *s, const int64_t *a, const int64_t *b, bool add,
                            int64_t *c)
{
    for (int64_t i = 0; i < s->m; i++)
        for (int64_t j = 0; j < s->n; j++) {
            uint64_t sum = add ? (uint64_t)c[i * s->ldc + j] : 0;
            for (int64_t k = 0; k < s->k; k++)
                sum += (uint64_t)a[s->trans_a ? k * s->lda + i : i * s->lda + k] *
                       (uint64_t)b[s->trans_b ? j * s->ldb + k : k * s->ldb + j];
            c[i * s->ldc + j] = (int64_t)sum;
        }
}

/* ---- Gemm: Y[M, N] = alpha A' B' + beta C ------------------------------------------ */

typedef struct gemm_attrs {
    float alpha, beta;
    int64_t trans_a, trans_b;
} gemm_attrs;

static const weld_field gemm_fields[] = {
    {"alpha", WELD_FIELD_FLOAT, offsetof(gemm_attrs, alpha), 1.0, NULL, false},
    {"beta", WELD_FIELD_FLOAT, offsetof(gemm_attrs, beta), 1.0, NULL, false},
    {"transA", WELD_FIELD_INT, offsetof(gemm_attrs, trans_a), 0.0, NULL, false},
    {"transB", WELD_FIELD_INT, offsetof(gemm_attrs, trans_b), 0.0, NULL, false},
    {"broadcast", WELD_FIELD_IGNORED, 0, 0.0, NULL, false}, /* of C, before opset 7 */
    {0}};

static weld_status gemm_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const gemm_attrs *attrs = node->attrs;
    weld_shape both;
    char tc[128], ty[128];
    WELD_TRY(need_numbers(inf, PRODUCT_TYPES, err));
    WELD_REQUIRE(weld_dtype_is_float(weld_infer_dtype(inf, 0)) ||
                     (attrs->alpha == 1.0f && attrs->beta == 1.0f),
                 WELD_E_UNSUPPORTED, "integers with alpha %g and beta %g, supported: 1",
                 (double)attrs->alpha, (double)attrs->beta);
    const weld_shape *a = weld_infer_shape(inf, 0), *b = weld_infer_shape(inf, 1);
    const weld_shape *c = weld_infer_shape(inf, 2);
    if (a->rank != 2 || b->rank != 2)
        return shape_mismatch(inf, "matrices must have rank 2", err);
    const int row = attrs->trans_a ? 1 : 0, column = attrs->trans_b ? 0 : 1;
    if (a->dims[1 - row] != b->dims[1 - column])
        return shape_mismatch(inf, "inner dimensions differ", err);
    const weld_shape y = {2, {a->dims[row], b->dims[column]}};
    WELD_REQUIRE(c || node->opset >= 11, WELD_E_FORMAT,
                 "input C is missing, optional from opset 11 on");
    if (c) {
        WELD_TRY(weld_shape_broadcast(&both, &y, c, err));
        WELD_REQUIRE(weld_shape_equal(&both, &y), WELD_E_FORMAT,
                     "C %s must broadcast to the product %s", weld_shape_text(c, tc),
                     weld_shape_text(&y, ty));
    }
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &y, err));
done:
    return st;
}

/* y [M, N] = C, broadcast. */
static void gemm_fill(weld_tensor *y, const weld_tensor *c)
{
    const int64_t m = y->shape.dims[0], n = y->shape.dims[1];
    const int rank = c->shape.rank;
    const int64_t columns = rank > 0 ? c->shape.dims[rank - 1] : 1;
    const int64_t row_step = rank > 1 && c->shape.dims[0] != 1 ? columns : 0;
    const int64_t column_step = columns != 1 ? 1 : 0;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            if (weld_dtype_is_float(y->dtype))
                weld_reals(y)[i * n + j] = weld_reals(c)[i * row_step + j * column_step];
            else
                y->i[i * n + j] = c->i[i * row_step + j * column_step];
        }
}

static weld_status gemm_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)err;
    const gemm_attrs *attrs = node->attrs;
    const weld_tensor *a = args->in[0], *b = args->in[1];
    weld_tensor *y = args->out[0];
    const bool has_c = weld_node_input(node, 2) >= 0;
    if (has_c)
        gemm_fill(y, args->in[2]);
    const weld_gemm_shape shape = {.trans_a = attrs->trans_a != 0,
                                   .trans_b = attrs->trans_b != 0,
                                   .m = y->shape.dims[0],
                                   .n = y->shape.dims[1],
                                   .k = a->shape.dims[attrs->trans_a ? 0 : 1],
                                   .lda = a->shape.dims[1],
                                   .ldb = b->shape.dims[1],
                                   .ldc = y->shape.dims[1]};
    if (weld_dtype_is_float(y->dtype))
        product(&shape, attrs->alpha, weld_reals(a), weld_reals(b), has_c ? attrs->beta : 0.0f,
                weld_reals(y));
    else
        integer_product(&shape, a->i, b->i, has_c, y->i);
    weld_int_wrap_all(y);
    return WELD_OK;
}

static weld_status gemm_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index, (void)err;
    const gemm_attrs *attrs = node->attrs;
    const int a = node->inputs[0], b = node->inputs[1], c = weld_node_input(node, 2);
    const int y = node->outputs[0];
    const int row = attrs->trans_a ? 1 : 0, column = attrs->trans_b ? 0 : 1;
    weld_tie_axes(ties, a, 1 - row, b, 1 - column);
    weld_tie_mix(ties, a, 1 - row);
    weld_tie_mix(ties, b, 1 - column);
    weld_tie_axes(ties, a, row, y, 0);
    weld_tie_axes(ties, b, column, y, 1);
    if (c < 0)
        return WELD_OK;
    const weld_shape *shape = weld_tie_shape(ties, c);
    for (int k = 0; k < shape->rank; k++)
        if (shape->dims[k] > 1)
            weld_tie_axes(ties, c, k, y, 2 - shape->rank + k);
    return WELD_OK;
}

WELD_DEFINE_OP(Gemm) = {.name = "Gemm",
                        .domain = "",
                        .opset_min = 1,
                        .opset_max = WELD_OPSET_MAX,
                        .inputs_min = 2,
                        .inputs_max = 3,
                        .outputs_min = 1,
                        .outputs_max = 1,
                        .fields = gemm_fields,
                        .attrs_size = sizeof(gemm_attrs),
                        .infer = gemm_infer,
                        .run = gemm_run,
                        .tie = gemm_tie};

/* ---- MatMul: numpy's rule ------------------------------------------------------------ */

/* A[..., m, k] B[..., k, n]; a vector has no m, or no n, of its own. */
typedef struct matmul_plan {
    int batch_rank;
    int64_t batch[WELD_RANK_MAX], step_a[WELD_RANK_MAX], step_b[WELD_RANK_MAX];
    int64_t m, n, k, count; /* count = number of products */
} matmul_plan;

/* Batch axes of one operand, aligned to the right of the plan's; steps in elements. */
static void matmul_steps(int64_t step[WELD_RANK_MAX], const weld_shape *shape, int batch_rank)
{
    int64_t strides[WELD_RANK_MAX];
    weld_strides(strides, shape);
    memset(step, 0, WELD_RANK_MAX * sizeof *step);
    const int shift = batch_rank - (shape->rank - 2);
    for (int k = 0; k < shape->rank - 2; k++)
        step[k + shift] = shape->dims[k] == 1 ? 0 : strides[k];
}

static void matmul_plan_make(matmul_plan *p, const weld_shape *a, const weld_shape *b,
                             const weld_shape *y)
{
    *p = (matmul_plan){.batch_rank = y->rank - (a->rank > 1) - (b->rank > 1), .count = 1};
    p->m = a->rank > 1 ? a->dims[a->rank - 2] : 1;
    p->k = a->dims[a->rank - 1];
    p->n = b->rank > 1 ? b->dims[b->rank - 1] : 1;
    if (b->rank <= 2) { /* one product for all rows of A */
        p->m = weld_shape_span(a, 0, a->rank - 1);
        p->batch_rank = 0;
        return;
    }
    for (int k = 0; k < p->batch_rank; k++) {
        p->batch[k] = y->dims[k];
        p->count *= y->dims[k];
    }
    matmul_steps(p->step_a, a, p->batch_rank);
    matmul_steps(p->step_b, b, p->batch_rank);
}

static weld_status matmul_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    (void)node;
    weld_status st = need_numbers(inf, PRODUCT_TYPES, err);
    if (st != WELD_OK)
        return st;
    const weld_shape *a = weld_infer_shape(inf, 0), *b = weld_infer_shape(inf, 1);
    if (a->rank < 1 || b->rank < 1)
        return shape_mismatch(inf, "operands must have rank 1 or more", err);
    if (a->dims[a->rank - 1] != b->dims[b->rank > 1 ? b->rank - 2 : 0])
        return shape_mismatch(inf, "inner dimensions differ", err);
    const weld_shape batch_a = weld_shape_make(a->rank > 2 ? a->rank - 2 : 0, a->dims);
    const weld_shape batch_b = weld_shape_make(b->rank > 2 ? b->rank - 2 : 0, b->dims);
    weld_shape y;
    st = weld_shape_broadcast(&y, &batch_a, &batch_b, err);
    if (st != WELD_OK)
        return st;
    if (a->rank > 1)
        y.dims[y.rank++] = a->dims[a->rank - 2];
    if (b->rank > 1)
        y.dims[y.rank++] = b->dims[b->rank - 1];
    return weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &y, err);
}

static weld_status matmul_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)node, (void)err;
    const weld_tensor *a = args->in[0], *b = args->in[1];
    weld_tensor *y = args->out[0];
    matmul_plan p;
    matmul_plan_make(&p, &a->shape, &b->shape, &y->shape);
    const weld_gemm_shape shape = {
        .m = p.m, .n = p.n, .k = p.k, .lda = p.k, .ldb = p.n, .ldc = p.n};
    int64_t index[WELD_RANK_MAX] = {0}, at_a = 0, at_b = 0;
    for (int64_t i = 0; i < p.count; i++) {
        if (weld_dtype_is_float(y->dtype))
            product(&shape, 1.0f, weld_reals(a) + at_a, weld_reals(b) + at_b, 0.0f,
                    weld_reals(y) + i * p.m * p.n);
        else
            integer_product(&shape, a->i + at_a, b->i + at_b, false, y->i + i * p.m * p.n);
        for (int k = p.batch_rank - 1; k >= 0; k--) {
            at_a += p.step_a[k];
            at_b += p.step_b[k];
            if (++index[k] < p.batch[k])
                break;
            at_a -= p.step_a[k] * p.batch[k];
            at_b -= p.step_b[k] * p.batch[k];
            index[k] = 0;
        }
    }
    weld_int_wrap_all(y);
    return WELD_OK;
}

/* Batch axes of operand x against those of y; an axis of size 1 is repeated, not tied. */
static void matmul_tie_batch(weld_ties *ties, int x, int y, int batch_rank)
{
    const weld_shape *shape = weld_tie_shape(ties, x);
    for (int k = 0; k < shape->rank - 2; k++)
        if (shape->dims[k] > 1)
            weld_tie_axes(ties, x, k, y, k + batch_rank - (shape->rank - 2));
}

static weld_status matmul_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index, (void)err;
    const int a = node->inputs[0], b = node->inputs[1], y = node->outputs[0];
    const int rank_a = weld_tie_shape(ties, a)->rank, rank_b = weld_tie_shape(ties, b)->rank;
    const int rank_y = weld_tie_shape(ties, y)->rank;
    const int inner_b = rank_b > 1 ? rank_b - 2 : 0;
    weld_tie_axes(ties, a, rank_a - 1, b, inner_b);
    weld_tie_mix(ties, a, rank_a - 1);
    weld_tie_mix(ties, b, inner_b);
    if (rank_a > 1)
        weld_tie_axes(ties, a, rank_a - 2, y, rank_y - 1 - (rank_b > 1));
    if (rank_b > 1)
        weld_tie_axes(ties, b, rank_b - 1, y, rank_y - 1);
    const int batch_rank = rank_y - (rank_a > 1) - (rank_b > 1);
    matmul_tie_batch(ties, a, y, batch_rank);
    matmul_tie_batch(ties, b, y, batch_rank);
    return WELD_OK;
}

WELD_DEFINE_OP(MatMul) = {.name = "MatMul",
                          .domain = "",
                          .opset_min = 1,
                          .opset_max = WELD_OPSET_MAX,
                          .inputs_min = 2,
                          .inputs_max = 2,
                          .outputs_min = 1,
                          .outputs_max = 1,
                          .fields = weld_no_fields,
                          .infer = matmul_infer,
                          .run = matmul_run,
                          .tie = matmul_tie};

/* ---- Dense: y[..., out] = x[..., in] W[out, in]^T + b[out] ------------------------------ */

static weld_status dense_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    (void)node;
    const weld_status st = need_numbers(inf, WELD_TYPES_FLOAT, err);
    if (st != WELD_OK)
        return st;
    const weld_shape *x = weld_infer_shape(inf, 0), *w = weld_infer_shape(inf, 1);
    const weld_shape *b = weld_infer_shape(inf, 2);
    if (x->rank < 1 || w->rank != 2)
        return shape_mismatch(inf, "needs [..., in] and [out, in]", err);
    if (x->dims[x->rank - 1] != w->dims[1])
        return shape_mismatch(inf, "inner dimensions differ", err);
    char text[128];
    if (b && (b->rank != 1 || b->dims[0] != w->dims[0]))
        return weld_fail(err, WELD_E_FORMAT, "bias has shape %s, must be [%lld]",
                         weld_shape_text(b, text), (long long)w->dims[0]);
    weld_shape y = *x;
    y.dims[y.rank - 1] = w->dims[0];
    return weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &y, err);
}

static weld_status dense_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)err;
    const weld_shape *x = &args->in[0]->shape;
    const int64_t in = x->dims[x->rank - 1], out = args->in[1]->shape.dims[0];
    const int64_t rows = weld_shape_span(x, 0, x->rank - 1);
    weld_real *y = weld_reals(args->out[0]);
    const bool has_bias = weld_node_input(node, 2) >= 0;
    if (has_bias)
        for (int64_t i = 0; i < rows; i++)
            memcpy(y + i * out, weld_reals(args->in[2]), (size_t)out * sizeof *y);
    const weld_gemm_shape shape = {
        .trans_b = true, .m = rows, .n = out, .k = in, .lda = in, .ldb = in, .ldc = out};
    product(&shape, 1.0f, weld_reals(args->in[0]), weld_reals(args->in[1]), has_bias ? 1.0f : 0.0f,
            y);
    return WELD_OK;
}

static weld_status dense_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index, (void)err;
    const int x = node->inputs[0], w = node->inputs[1], b = weld_node_input(node, 2);
    const int y = node->outputs[0], last = weld_tie_shape(ties, x)->rank - 1;
    weld_tie_axes(ties, x, last, w, 1);
    weld_tie_mix(ties, x, last);
    weld_tie_mix(ties, w, 1);
    weld_tie_axes(ties, w, 0, y, last);
    if (b >= 0)
        weld_tie_axes(ties, b, 0, y, last);
    for (int k = 0; k < last; k++)
        weld_tie_axes(ties, x, k, y, k);
    return WELD_OK;
}

WELD_DEFINE_OP(Dense) = {.name = "Dense",
                         .domain = "onnxweld",
                         .opset_min = 1,
                         .opset_max = WELD_OPSET_MAX,
                         .inputs_min = 2,
                         .inputs_max = 3,
                         .outputs_min = 1,
                         .outputs_max = 1,
                         .flags = WELD_OP_INTERNAL | WELD_OP_LINEAR,
                         .product = WELD_PRODUCT_OUT_IN,
                         .fields = weld_no_fields,
                         .infer = dense_infer,
                         .run = dense_run,
                         .tie = dense_tie};
