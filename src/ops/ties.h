/* Units of all axes, united by the ties of all operators (union-find over single indices). */
#ifndef WELD_OPS_TIES_H
#define WELD_OPS_TIES_H
#include "ops/infer.h"

typedef enum weld_ties_mode {
    WELD_TIES_UNITS,  /* graph inputs and outputs are pinned: the symmetry of the network */
    WELD_TIES_SAMPLES /* axis 0 of graph inputs is free: where do the samples go? */
} weld_ties_mode;

weld_status weld_ties_build(weld_ties **out, weld_context *ctx, const weld_graph *graph,
                            const weld_shapes *shapes, weld_ties_mode mode, weld_error *err);
void weld_ties_free(weld_ties *ties);

/* The representative of a unit; two indices are one unit iff their roots are equal.
 * Roots lie in [0, weld_ties_unit_count). */
int32_t weld_ties_root(const weld_ties *ties, int value, int axis, int64_t index);
int32_t weld_ties_unit_count(const weld_ties *ties);

/* Several axes of a value whose units move together: after a Reshape split an axis, and in the weights
 * of grouped operators. Entry k in row-major order of the axes is unit base + k. */
typedef struct weld_joint {
    int value, axis_count;
    int axes[WELD_RANK_MAX]; /* ascending */
    int rows;                /* grouped weights: this axis has units of its own; else -1 */
    int64_t size;
    int32_t base;
} weld_joint;
const weld_joint *weld_ties_joints(const weld_ties *ties, size_t *count);
int32_t weld_ties_joint_root(const weld_ties *ties, const weld_joint *joint, int64_t k);

/* Unit `child` moves only along with `parent`: heads, groups. Not roots: ask weld_ties_find_root. */
typedef struct weld_unit_edge {
    int32_t child, parent;
    int32_t
        family; /* first unit of the axis or joint that the parent is an entry of; -1 = a block */
} weld_unit_edge;
const weld_unit_edge *weld_ties_edges(const weld_ties *ties, size_t *count);
int32_t weld_ties_find_root(const weld_ties *ties, int32_t unit);

typedef struct weld_unit_info {
    const char *pinned; /* why it can't move; NULL = free */
    int pin_node;       /* node that pinned it, -1 = none */
    bool position, mixed;
    bool copy;     /* one of several copies of an entry */
    bool distinct; /* an axis of a parameter or an input: its entries differ */
} weld_unit_info;
weld_unit_info weld_ties_info(const weld_ties *ties, int32_t root);
#endif
