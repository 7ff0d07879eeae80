/* The permutation group of a network: classes of units, and its elements. */
#ifndef WELD_SYMMETRY_GROUP_H
#define WELD_SYMMETRY_GROUP_H
#include "ir/paramset.h"
#include "ops/infer.h"

/* Axes of a parameter on which the units of the class stand together with those of another class
 * (grouped weights), or which split them (heads and head sizes). */
typedef struct weld_joint_member {
    int param, axis_count;
    int axes[WELD_RANK_MAX]; /* ascending; positions are row-major over them */
    int rows;                /* of grouped weights: the axis that has units of its own; else -1 */
    int32_t multiplicity;
    int32_t *positions; /* [size, multiplicity] */
} weld_joint_member;

/* A parameter axis with units of the class on it. */
typedef struct weld_member {
    int param, axis;
    int32_t multiplicity;
    int32_t *positions; /* [size, multiplicity]: where unit u sits; NULL in pinned classes */
} weld_member;

/* A node output with units of the class on an axis. */
typedef struct weld_carrier {
    int value, axis;
    int32_t multiplicity;
    int32_t *positions; /* [size, multiplicity] */
} weld_carrier;

typedef struct weld_class {
    char *name;
    int32_t size;
    const char *pinned; /* why its units can't move; NULL = free */
    int pin_node;       /* the node that pinned it, -1 = none */
    weld_member *members;
    int member_count;
    weld_joint_member *joints;
    int joint_count;
    weld_carrier *carriers;
    int carrier_count;
    int parent; /* a class before this one, -1 = none: units p block .. + block - 1 move along with its
                   unit p, and change places among themselves */
    int32_t block; /* = size where there is no parent */
} weld_class;

typedef struct weld_symmetry {
    weld_context *ctx;
    const weld_graph *graph; /* borrowed */
    weld_class *classes;     /* free ones first, in graph order */
    int class_count, free_count;
    int more_owners; /* besides the first one */
} weld_symmetry;

/* One permutation per free class: unit i of the result is unit perm[i] of B. That of a class with a
 * parent keeps its blocks together: perm[i] / block = parent's perm[i / block]. */
typedef struct weld_element {
    weld_context *ctx;
    const weld_symmetry *symmetry; /* borrowed */
    int32_t **perms;               /* [free_count][size] */
} weld_element;

weld_status weld_symmetry_derive(weld_symmetry **out, weld_context *ctx, const weld_graph *graph,
                                 const weld_shapes *shapes, weld_error *err);
/* One more owner; each of them calls weld_symmetry_free. */
weld_symmetry *weld_symmetry_retain(weld_symmetry *s);
void weld_symmetry_free(weld_symmetry *s);

weld_status weld_element_identity(weld_element **out, const weld_symmetry *s, weld_error *err);
/* Does each class's permutation keep to that of its parent? *bad: one that does not. */
bool weld_element_is_valid(const weld_element *e, int *bad);
weld_status weld_element_random(weld_element **out, const weld_symmetry *s, uint64_t seed,
                                weld_error *err);
/* Both of one symmetry, or of two with the same classes. */
void weld_element_copy(weld_element *to, const weld_element *from);
void weld_element_free(weld_element *e);
/* Number of the class at the root of c's tree; c itself where it has no parent. */
int weld_class_root(const weld_symmetry *s, int c);
/* One parameter's values, elements of element_size bytes, permuted. `out` and `in` differ. */
weld_status weld_element_permute(void *out, const weld_element *e, int param, const void *in,
                                 size_t element_size, weld_error *err);
/* index[k] = the old position that comes to position k of that axis; [dims[axis]]. */
void weld_element_axis_index(int32_t *index, const weld_element *e, int param, int axis);
/* moves[p]: does the element move anything in parameter p? [param_count] */
void weld_element_moves(bool *moves, const weld_element *e);
/* out = `in` permuted; both over the symmetry's graph, and held from then on. */
weld_status weld_element_apply(weld_paramset *out, const weld_element *e, const weld_paramset *in,
                               weld_error *err);
#endif
