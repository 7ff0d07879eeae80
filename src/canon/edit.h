/* What passes ask of a draft, and how they make nodes. */
#ifndef WELD_CANON_EDIT_H
#define WELD_CANON_EDIT_H
#include "canon/canon.h"

/* The live node of operator `op` that makes the value, -1 if there is none. */
int weld_made_by(const weld_draft *draft, int value, const weld_op *op);
/* The same, and nobody else uses the value. */
int weld_made_only(const weld_draft *draft, int value, const weld_op *op);
bool weld_is_param(const weld_draft *draft, int value, int rank);
/* *x = the one element of a constant, or of a parameter as the file holds it. */
bool weld_is_number(double *x, const weld_draft *draft, int value);
/* The value is the number x, as any floating type holds it (bfloat16 has 8 bits). */
bool weld_is_about(const weld_draft *draft, int value, double x);
/* Of a node with two operands: the slot of the one that is a number; -1 if there is none. */
int weld_number_slot(double *x, const weld_draft *draft, int node);

/* Appends a node with default attributes. `output` is made by it from now on; outputs[0] of what
 * made it before is taken away. *node may be NULL. */
weld_status weld_make_node(int *node, weld_draft *draft, const weld_op *op, const char *name,
                           const int *inputs, int input_count, int output, weld_error *err);
/* The same with operator, name, attributes and opset of another node. */
weld_status weld_make_node_like(weld_draft *draft, const weld_node *like, const int *inputs,
                                int input_count, int output, weld_error *err);
/* A new value like another (type and shape), without a name, made by no node yet. */
weld_status weld_value_like(int *out, weld_draft *draft, int like, weld_error *err);
/* A constant vector of int64, of float. */
weld_status weld_make_integers(int *out, weld_draft *draft, const int64_t *values, int64_t count,
                               weld_error *err);
weld_status weld_make_floats(int *out, weld_draft *draft, const float *values, int64_t count,
                             weld_error *err);
/* A view of a parameter as a parameter of its own: the same home with one step more. WELD_E_LIMIT
 * is not an error here: *out = -1 when the home is full. */
weld_status weld_transposed_param(int *out, weld_draft *draft, int param, const int *perm,
                                  weld_error *err);
weld_status weld_reshaped_param(int *out, weld_draft *draft, int param, const weld_shape *shape,
                                weld_error *err);
weld_status weld_folded_param(int *out, weld_draft *draft, int param, const weld_fold *fold,
                              weld_error *err);
/* Axes of a reduction or a view, from its attribute `axes` or input 1, counted from the front;
 * bit k = axis k. False when they are not known. */
bool weld_axes_of(unsigned *axes, const weld_draft *draft, int node, int rank);
#endif
