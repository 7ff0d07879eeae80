/* Equations of Einsum, and the plan to compute one: operands are taken in one after the other, and
 * each time two are contracted by a batched matrix product. */
#ifndef WELD_OPS_EINSUM_H
#define WELD_OPS_EINSUM_H
#include "ops/op.h"

/* A label names an index: A..Z, a..z, then the axes of '...', counted from the last. */
enum { WELD_LABELS_MAX = 52 + WELD_RANK_MAX, WELD_EINSUM_INPUTS_MAX = 64 };
typedef uint64_t weld_labels; /* a set: bit l for label l */

typedef struct weld_einsum {
    int count;                     /* operands */
    int64_t size[WELD_LABELS_MAX]; /* of each index; an operand may have 1 instead */
    int label[WELD_EINSUM_INPUTS_MAX][WELD_RANK_MAX]; /* of each axis of each operand */
    weld_labels full[WELD_EINSUM_INPUTS_MAX];         /* labels that the operand has in full size */
    weld_labels needed[WELD_EINSUM_INPUTS_MAX];       /* by later operands or the output */
    int out_rank, out[WELD_RANK_MAX];                 /* labels of the output's axes */
} weld_einsum;

/* `shapes`: one per operand. WELD_E_FORMAT where they and the equation do not fit. */
weld_status weld_einsum_make(weld_einsum *e, const char *equation, const weld_shape *const *shapes,
                             int count, weld_error *err);

/* C[batch, m, n] = sum over k of A[batch, m, k] B[batch, k, n] */
typedef struct weld_contraction {
    weld_labels batch, m, n, k;
    int64_t batch_size, m_size, n_size, k_size;
} weld_contraction;
/* What has been computed so far, with the labels `done`, times operand t > 0. */
weld_contraction weld_einsum_step(const weld_einsum *e, weld_labels done, int t);

/* The largest operands and results of all contractions, in elements; WELD_E_LIMIT where they are
 * beyond counting. */
typedef struct weld_einsum_room {
    int64_t a, b, c;
} weld_einsum_room;
weld_status weld_einsum_measure(weld_einsum_room *room, const weld_einsum *e, weld_error *err);
#endif
