/* What operators that move elements share: they never look at values, so every element type is
 * moved by its size. */
#ifndef WELD_OPS_MOVE_H
#define WELD_OPS_MOVE_H
#include "ops/operand.h"

/* The descriptor of an operator with one output. The rest: .fields, .infer, .run, .tie, ... */
#define WELD_MOVE_OP(op, opset, inputs_least, inputs_most, ...)                                    \
    WELD_DEFINE_OP(op) = {.name = #op,                                                             \
                          .domain = "",                                                            \
                          .opset_min = (opset),                                                    \
                          .opset_max = WELD_OPSET_MAX,                                             \
                          .inputs_min = (inputs_least),                                            \
                          .inputs_max = (inputs_most),                                             \
                          .outputs_min = 1,                                                        \
                          .outputs_max = 1,                                                        \
                          __VA_ARGS__}

/* The next index in row-major order within dims [rank]; after the last one, the first again. */
static inline void weld_next_index(int64_t *at, const int64_t *dims, int rank)
{
    for (int a = rank - 1; a >= 0; a--) {
        if (++at[a] < dims[a])
            return;
        at[a] = 0;
    }
}

/* y[k...] = x[from + sum of k[a] step[a]] for every index of y. */
void weld_copy_strided(weld_tensor *y, const weld_tensor *x, int64_t from,
                       const int64_t step[WELD_RANK_MAX]);

/* run: the output holds the elements of input 0 in their order. */
weld_status weld_run_copy(const weld_kernel_args *args, const weld_node *node, weld_error *err);
/* infer: the output has the type and shape of input 0. */
weld_status weld_infer_same(weld_infer *inf, const weld_node *node, weld_error *err);
/* tie: output 0 is input 0 under another shape. */
weld_status weld_tie_view(weld_ties *ties, int index, const weld_node *node, weld_error *err);
/* tie: no units anywhere. */
weld_status weld_tie_nothing(weld_ties *ties, int index, const weld_node *node, weld_error *err);
/* All axes of x are those of y, but for `axis`. */
void weld_tie_other_axes(weld_ties *ties, int x, int y, int axis);

/* An operand moved from the attributes to the inputs at opset `since`: it must be given in the
 * place that the node's opset has. */
weld_status weld_check_moved(const weld_node *node, const char *name, bool is_attribute, int input,
                             int since, weld_error *err);
#endif
