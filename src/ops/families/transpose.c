/* Transpose. */
#include "ops/move.h"
#include <inttypes.h>
#include <stddef.h>

typedef struct transpose_attrs {
    weld_ints perm; /* absent: the axes in reverse */
} transpose_attrs;

static void full_perm(int perm[WELD_RANK_MAX], const weld_node *node, int rank)
{
    const weld_ints *given = &((const transpose_attrs *)node->attrs)->perm;
    for (int k = 0; k < rank; k++)
        perm[k] = given->count >= 0 ? (int)given->at[k] : rank - 1 - k;
}

static weld_status infer_transpose(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_ints *given = &((const transpose_attrs *)node->attrs)->perm;
    const weld_shape *x = weld_infer_shape(inf, 0);
    weld_shape shape = {.rank = x->rank};
    unsigned seen = 0;
    int perm[WELD_RANK_MAX];
    WELD_REQUIRE(given->count < 0 || given->count == x->rank, WELD_E_FORMAT,
                 "perm has %" PRId64 " entries, the input has rank %d", given->count, x->rank);
    for (int64_t k = 0; k < given->count; k++) {
        WELD_REQUIRE(given->at[k] >= 0 && given->at[k] < x->rank && !(seen >> given->at[k] & 1u),
                     WELD_E_FORMAT, "perm is not a permutation of 0 to %d", x->rank - 1);
        seen |= 1u << given->at[k];
    }
    full_perm(perm, node, x->rank);
    for (int k = 0; k < x->rank; k++)
        shape.dims[k] = x->dims[perm[k]];
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &shape, err));
done:
    return st;
}

static weld_status run_transpose(const weld_kernel_args *args, const weld_node *node,
                                 weld_error *err)
{
    (void)err;
    const weld_tensor *x = args->in[0];
    int perm[WELD_RANK_MAX];
    full_perm(perm, node, x->shape.rank);
    weld_transpose(args->out[0]->data, x->data, &x->shape, perm, weld_compute_size(x->dtype));
    return WELD_OK;
}

static weld_status tie_transpose(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index, (void)err;
    int perm[WELD_RANK_MAX];
    const int rank = weld_tie_shape(ties, node->inputs[0])->rank;
    full_perm(perm, node, rank);
    for (int k = 0; k < rank; k++)
        weld_tie_axes(ties, node->outputs[0], k, node->inputs[0], perm[k]);
    return WELD_OK;
}

/* canon/views.c reads the first field. */
static const weld_field transpose_fields[] = {
    {"perm", WELD_FIELD_INTS, offsetof(transpose_attrs, perm), 0.0, NULL, false}, {0}};

WELD_MOVE_OP(Transpose, 1, 1, 1, .fields = transpose_fields, .attrs_size = sizeof(transpose_attrs),
             .infer = infer_transpose, .run = run_transpose, .tie = tie_transpose);
