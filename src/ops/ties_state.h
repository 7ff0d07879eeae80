/* Inside of the ties: what ties.c and ties_reshape.c share. */
#ifndef WELD_OPS_TIES_STATE_H
#define WELD_OPS_TIES_STATE_H
#include "ops/ties.h"

typedef struct reshape_group {
    int node, x, y;
    int x_from, x_to, y_from, y_to; /* axes [from, to) of both sides, equal products */
    int64_t product;
    int32_t virtual_base; /* units of the merged axis */
    bool solved;
} reshape_group;

struct weld_ties {
    weld_context *ctx;
    const weld_graph *graph;
    const weld_shapes *shapes;
    int32_t *base; /* [value_count, WELD_RANK_MAX] first unit of each axis, -1 = no ties */
    int32_t *parent;
    weld_unit_info *info; /* of roots */
    size_t parent_cap, info_cap;
    int32_t unit_count;
    reshape_group *groups;
    size_t group_count, group_cap;
    weld_status failed; /* tie functions return nothing: the first failure is kept */
    weld_error error;
};

/* Which reason is shown where several hold: the higher rank. */
int weld_ties_reason_rank(const char *why);
void weld_ties_unite(weld_ties *ties, int32_t a, int32_t b);
void weld_ties_pin(weld_ties *ties, int32_t unit, int node, const char *why);
weld_status weld_ties_new_units(int32_t *first, weld_ties *ties, int64_t count, weld_error *err);
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
