/* Inside of the ties: what ties.c, ties_reshape.c and ties_joint.c share. */
#ifndef WELD_OPS_TIES_STATE_H
#define WELD_OPS_TIES_STATE_H
#include "ops/ties.h"

typedef struct reshape_group {
    int node, x, y;
    int x_from, x_to, y_from, y_to; /* axes [from, to) of both sides, equal products */
    int64_t product;
    int32_t virtual_base; /* units of the merged axis */
    bool solved;
    bool joined[2]; /* the side of x, of y: a joint has the labels of the merged axis */
} reshape_group;

/* Blocks of one node: units first.. of the ties. */
typedef struct block_set {
    int node;
    bool places;
    int32_t first;
    int64_t count;
} block_set;

/* What a node says of its operands, once more, for a joint: see ties_record.h. */
typedef struct tie_record tie_record;

struct weld_ties {
    weld_context *ctx;
    const weld_graph *graph;
    const weld_shapes *shapes;
    int32_t *base; /* [value_count, WELD_RANK_MAX] first unit of each axis, -1 = no ties */
    int32_t *parent;
    weld_unit_info *info; /* of roots */
    size_t parent_cap, info_cap;
    int32_t unit_count, lent_from; /* axes whose units lie from there on have them for one node */
    reshape_group *groups;
    size_t group_count, group_cap;
    weld_joint *joints;
    size_t joint_count, joint_cap, joints_done; /* those from joints_done on are to be passed on */
    weld_unit_edge *edges;
    size_t edge_count, edge_cap;
    block_set *blocks;
    size_t block_count, block_cap;
    tie_record *record; /* NULL = ties are made; else they are only written down */
    weld_status failed; /* tie functions return nothing: the first failure is kept */
    weld_error error;
};

/* Which reason is shown where several hold: the higher rank. */
int weld_ties_reason_rank(const char *why);
void weld_ties_unite(weld_ties *ties, int32_t a, int32_t b);
void weld_ties_pin(weld_ties *ties, int32_t unit, int node, const char *why);
weld_status weld_ties_new_units(int32_t *first, weld_ties *ties, int64_t count, weld_error *err);
void weld_ties_fail(weld_ties *ties, weld_status st);
/* First of `count` units that belong to the node (of two kinds), made on demand; -1 = failed. */
int32_t weld_ties_own_units(weld_ties *ties, int node, bool places, int64_t count);
/* Unit `child` moves only along with `parent`. */
void weld_ties_put_edge(weld_ties *ties, int32_t child, int32_t parent, int32_t family);
/* Entries of one axis that are one unit (a key for several queries) tell those that move along with them
 * apart by their order, which is fixed then. To be called when all is tied. */
void weld_ties_place_repeats(weld_ties *ties);
/* The joint of these axes (ascending, those of size 1 left out), made where there is none; -1 = there
 * is no room. */
int weld_ties_joint_at(weld_ties *ties, int value, const int *axes, int axis_count);
/* Passes joints on through the operators that touch their values. */
void weld_ties_spread_joints(weld_ties *ties);
weld_status weld_ties_tie_node(weld_ties *ties, int node, weld_error *err);
/* In a record: what is said of an axis, and that it is the same as another one. */
typedef enum tie_mark { TIE_PLAIN = 1, TIE_MIXED = 2 } tie_mark;
void weld_record_mark(weld_ties *ties, int x, int a, tie_mark mark);
void weld_record_axes(weld_ties *ties, int x, int a, int y, int b);
void weld_record_unit(weld_ties *ties, int x, int a, int64_t i, int y, int b, int64_t j);
/* An axis of size 1 takes no part in a group: it moves nothing. */
bool weld_ties_axis_settled(const weld_ties *ties, int value, int axis);
/* Groups that can't be read by single axes become joints; true if there was one. */
bool weld_ties_join_unsolved(weld_ties *ties);
/* Passes labels through the groups of Reshape until nothing changes. */
void weld_ties_solve_groups(weld_ties *ties);
/* Pins the groups that can't be read; true if there was one. */
bool weld_ties_pin_unsolved(weld_ties *ties);

static inline int32_t weld_ties_find(const weld_ties *t, int32_t u)
{
    while (t->parent[u] != u) {
        t->parent[u] = t->parent[t->parent[u]]; /* halve the path */
        u = t->parent[u];
    }
    return u;
}

/* First unit of an axis, -1 = it has no ties. */
static inline int32_t weld_ties_base(const weld_ties *t, int value, int axis)
{
    if (value < 0 || axis < 0 || axis >= weld_tie_shape(t, value)->rank)
        return -1;
    return t->base[value * WELD_RANK_MAX + axis];
}
#endif
