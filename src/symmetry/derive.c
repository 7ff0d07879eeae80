/* From the ties of all operators to the classes of units that may be permuted.
 *
 * Two free units are of one class iff they stand in the same axes equally often, move along with units
 * of one class, and what moves along with them is alike (symmetry/forest.h): then any permutation of
 * the class that keeps its blocks moves whole units everywhere, and every tie is respected. */
#include "symmetry/forest.h"
#include "symmetry/group.h"
#include <stdio.h>
#include <string.h>

/* An axis of a value, or several that are joined. */
typedef struct axis_ref {
    int value, axis;
    int param;               /* -1 = a node output */
    const weld_joint *joint; /* NULL = one axis */
} axis_ref;

typedef struct deriver {
    weld_context *ctx;
    const weld_graph *graph;
    const weld_shapes *shapes;
    weld_ties *ties;
    weld_forest *forest;
    weld_symmetry *out;
    axis_ref *axes; /* of parameters first, in their order; then node outputs */
    int axis_count, param_axis_count;
    uint64_t *signature; /* [unit_count] of roots: where they stand */
    int32_t *class_of;   /* [unit_count] of roots, -1 = none */
    int32_t *index_of;   /* [unit_count] place of the root in its class */
    int32_t *met;        /* [unit_count] roots with a class, in the order of the axes */
    int32_t met_count;
    uint64_t *class_signature;
    size_t class_cap, signature_cap;
} deriver;

static int64_t axis_size(const deriver *d, int a)
{
    const axis_ref *ref = &d->axes[a];
    return ref->joint ? ref->joint->size : d->shapes->types[ref->value].shape.dims[ref->axis];
}

static int32_t root_at(const deriver *d, int a, int64_t i)
{
    const axis_ref *ref = &d->axes[a];
    return ref->joint ? weld_ties_joint_root(d->ties, ref->joint, i)
                      : weld_ties_root(d->ties, ref->value, ref->axis, i);
}

/* ---- the axes ----------------------------------------------------------------------------- */

/* An axis that is part of a joint has units of its own only where the joint's move along with them. */
static bool is_replaced(const deriver *d, int value, int axis)
{
    size_t joints, edges;
    const weld_joint *joint = weld_ties_joints(d->ties, &joints);
    const weld_unit_edge *edge = weld_ties_edges(d->ties, &edges);
    bool replaced = false;
    for (size_t k = 0; k < joints; k++) {
        bool part = false, leads = joint[k].rows == axis;
        for (int a = 0; a < joint[k].axis_count; a++)
            part = part || (joint[k].value == value && joint[k].axes[a] == axis);
        const int32_t child = part ? weld_ties_joint_root(d->ties, &joint[k], 0) : -1;
        const int32_t own = weld_ties_root(d->ties, value, axis, 0);
        for (size_t e = 0; part && !leads && e < edges; e++)
            leads = weld_ties_find_root(d->ties, edge[e].child) == child &&
                    weld_ties_find_root(d->ties, edge[e].parent) == own;
        replaced = replaced || (part && !leads);
    }
    return replaced;
}

static void list_param(deriver *d, int p)
{
    size_t joints;
    const weld_joint *joint = weld_ties_joints(d->ties, &joints);
    const int value = d->graph->params[p].value;
    for (int k = 0; k < d->graph->params[p].shape.rank; k++)
        if (!is_replaced(d, value, k))
            d->axes[d->axis_count++] = (axis_ref){value, k, p, NULL};
    for (size_t k = 0; k < joints; k++)
        if (joint[k].value == value)
            d->axes[d->axis_count++] = (axis_ref){value, joint[k].axes[0], p, &joint[k]};
}

static weld_status list_axes(deriver *d, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = d->graph;
    size_t count;
    weld_ties_joints(d->ties, &count);
    for (int v = 0; v < g->value_count; v++)
        count += (size_t)d->shapes->types[v].shape.rank;
    WELD_NEW(d->axes, d->ctx, count);
    for (int p = 0; p < g->param_count; p++)
        list_param(d, p);
    d->param_axis_count = d->axis_count;
    for (int v = 0; v < g->value_count; v++)
        for (int k = 0; g->values[v].kind == WELD_VALUE_NODE && !d->shapes->types[v].data &&
                        k < d->shapes->types[v].shape.rank;
             k++)
            d->axes[d->axis_count++] = (axis_ref){v, k, -1, NULL};
done:
    return st;
}

static void sign_units(deriver *d)
{
    for (int a = 0; a < d->axis_count; a++)
        for (int64_t i = 0; i < axis_size(d, a); i++) {
            int32_t root = root_at(d, a, i);
            d->signature[root] = weld_unit_mix(d->signature[root], (uint64_t)a + 1);
        }
}

/* ---- classes -------------------------------------------------------------------------------- */

/* Graph inputs and outputs and positions are no units of the network at all. */
static bool is_hidden(const deriver *d, int32_t root)
{
    const char *why = d->forest->fixed[root];
    return !why || (strcmp(why, "graph input") != 0 && strcmp(why, "graph output") != 0 &&
                    !weld_ties_info(d->ties, root).position);
}

static weld_status new_class(int32_t *out, deriver *d, uint64_t signature, const char *pinned,
                             int pin_node, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_symmetry *s = d->out;
    WELD_GROW(s->classes, d->class_cap, d->ctx, s->class_count + 1);
    WELD_GROW(d->class_signature, d->signature_cap, d->ctx, s->class_count + 1);
    s->classes[s->class_count] = (weld_class){.pinned = pinned, .pin_node = pin_node, .parent = -1};
    d->class_signature[s->class_count] = signature;
    *out = s->class_count++;
done:
    return st;
}

/* Pinned units are grouped by reason and node, free ones by colour; what a unit moves along with has its
 * class before it. */
static weld_status classify(deriver *d, int32_t root, weld_error *err)
{
    weld_status st = WELD_OK;
    const char *pinned = d->forest->fixed[root];
    const int pin_node = pinned ? weld_ties_info(d->ties, root).pin_node : -1;
    const int32_t parent = pinned ? -1 : d->forest->parent[root];
    const uint64_t signature = pinned
                                   ? weld_unit_mix((uint64_t)(uintptr_t)pinned, (uint64_t)pin_node)
                                   : d->forest->colour[root];
    int32_t c = -1;
    if (d->class_of[root] >= 0)
        return WELD_OK;
    if (parent >= 0)
        WELD_TRY(classify(d, parent, err)); /* no cycles: forest.c */
    for (int32_t k = d->out->class_count - 1; k >= 0 && c < 0; k--)
        if (d->class_signature[k] == signature &&
            (d->out->classes[k].pinned == NULL) == (pinned == NULL))
            c = k;
    if (c < 0) {
        WELD_TRY(new_class(&c, d, signature, pinned, pin_node, err));
        d->out->classes[c].parent = parent >= 0 ? d->class_of[parent] : -1;
    }
    d->class_of[root] = c;
    d->out->classes[c].size++;
    d->met[d->met_count++] = root;
done:
    return st;
}

static weld_status make_classes(deriver *d, weld_error *err)
{
    for (int a = 0; a < d->param_axis_count; a++)
        for (int64_t i = 0; i < axis_size(d, a); i++) {
            int32_t root = root_at(d, a, i);
            if (!is_hidden(d, root))
                continue;
            weld_status st = classify(d, root, err);
            if (st != WELD_OK)
                return st;
        }
    return WELD_OK;
}

/* The unit that stands for `root` in its class: itself, or what it is absorbed by. */
static int32_t keeper(const deriver *d, int32_t root)
{
    while (d->forest->parent[root] >= 0 && !d->forest->fixed[root] &&
           d->class_of[d->forest->parent[root]] == d->class_of[root])
        root = d->forest->parent[root];
    return root;
}

/* A class with one unit for each of its parent's moves with it and in no other way: they are one. A
 * parent that is alone moves nothing. */
static void absorb_classes(deriver *d, int32_t *into)
{
    weld_symmetry *s = d->out;
    for (int c = 0; c < s->class_count; c++) {
        weld_class *k = &s->classes[c];
        into[c] = c;
        if (k->parent >= 0)
            k->parent = into[k->parent];
        if (k->parent >= 0 && s->classes[k->parent].size < 2)
            k->parent = -1;
        if (k->parent >= 0 && s->classes[k->parent].size == k->size) {
            into[c] = k->parent;
            k->size = 0;
        }
    }
    for (int32_t n = 0; n < d->met_count; n++)
        d->class_of[d->met[n]] = into[d->class_of[d->met[n]]];
}

/* Units in the order of the axes; those with a parent block by block. */
static weld_status number_units(deriver *d, weld_error *err)
{
    weld_status st = WELD_OK;
    int32_t *filled = NULL; /* [unit_count] by parent: its children that have a number */
    int32_t *next = NULL;   /* [class_count] */
    weld_symmetry *s = d->out;
    WELD_NEW(filled, d->ctx, weld_ties_unit_count(d->ties));
    WELD_NEW(next, d->ctx, s->class_count);
    for (int c = 0; c < s->class_count; c++) {
        weld_class *k = &s->classes[c];
        k->block = k->parent < 0 ? k->size : k->size / s->classes[k->parent].size;
    }
    /* Several classes may have one parent: one after the other. */
    for (int c = 0; c < s->class_count; c++) {
        for (int32_t n = 0; n < d->met_count; n++) {
            const int32_t root = d->met[n];
            if (d->class_of[root] != c || keeper(d, root) != root)
                continue;
            const int32_t above = s->classes[c].parent < 0 ? -1
                                                           : keeper(d, d->forest->parent[root]);
            d->index_of[root] =
                above < 0 ? next[c]++ : d->index_of[above] * s->classes[c].block + filled[above]++;
        }
        for (int32_t n = 0; n < d->met_count; n++)
            if (s->classes[c].parent >= 0 && d->class_of[d->met[n]] == c)
                filled[keeper(d, d->forest->parent[d->met[n]])] = 0;
    }
    for (int32_t n = 0; n < d->met_count; n++)
        d->index_of[d->met[n]] = d->index_of[keeper(d, d->met[n])];
done:
    weld_free(d->ctx, filled);
    weld_free(d->ctx, next);
    return st;
}

/* Free classes first, in graph order. A single unit that nothing pins has nowhere to go: no class. */
static weld_status order_classes(deriver *d, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_symmetry *s = d->out;
    int32_t *place = NULL, next = 0;
    weld_class *sorted = NULL;
    WELD_NEW(place, d->ctx, s->class_count);
    WELD_NEW(sorted, d->ctx, s->class_count);
    for (int pass = 0; pass < 2; pass++)
        for (int c = 0; c < s->class_count; c++) {
            const weld_class *k = &s->classes[c];
            const bool alone = k->size == 0 || (!k->pinned && k->size < 2);
            place[c] = alone ? -1 : place[c];
            if (alone || (k->pinned != NULL) != (pass == 1))
                continue;
            place[c] = next;
            sorted[next] = *k;
            sorted[next].parent = k->parent < 0 ? -1 : place[k->parent];
            next++;
        }
    s->class_count = next;
    for (int c = 0; c < next; c++) {
        s->classes[c] = sorted[c];
        s->free_count += sorted[c].pinned == NULL;
    }
    for (int32_t n = 0; n < d->met_count; n++)
        d->class_of[d->met[n]] = place[d->class_of[d->met[n]]];
done:
    weld_free(d->ctx, place);
    weld_free(d->ctx, sorted);
    return st;
}

/* ---- where they stand ------------------------------------------------------------------------ */

/* The places of one unit, in an order that is the same for all units of the class: what it has absorbed
 * by colour, then along the axis. */
static void sort_places(int32_t *places, int32_t count, const deriver *d, int a)
{
    for (int32_t i = 1; i < count; i++)
        for (int32_t k = i; k > 0; k--) {
            const uint64_t x = d->forest->colour[root_at(d, a, places[k - 1])];
            const uint64_t y = d->forest->colour[root_at(d, a, places[k])];
            if (x <= y)
                break;
            const int32_t swap = places[k];
            places[k] = places[k - 1];
            places[k - 1] = swap;
        }
}

/* Where the units of class c sit on axis a; *multiplicity 0 = nowhere. */
static weld_status find_positions(int32_t **positions, int32_t *multiplicity, const deriver *d,
                                  int a, int32_t c, weld_error *err)
{
    weld_status st = WELD_OK;
    int32_t size = d->out->classes[c].size, *filled = NULL, found = 0;
    *positions = NULL;
    for (int64_t i = 0; i < axis_size(d, a); i++)
        found += d->class_of[root_at(d, a, i)] == c;
    *multiplicity = found / size;
    if (found == 0 || d->out->classes[c].pinned)
        goto done;
    WELD_NEW(*positions, d->ctx, found);
    WELD_NEW(filled, d->ctx, size);
    for (int64_t i = 0; i < axis_size(d, a); i++) {
        int32_t root = root_at(d, a, i);
        if (d->class_of[root] != c)
            continue;
        int32_t unit = d->index_of[root];
        (*positions)[unit * *multiplicity + filled[unit]++] = (int32_t)i;
    }
    for (int32_t u = 0; u < size; u++)
        sort_places(*positions + u * *multiplicity, *multiplicity, d, a);
done:
    weld_free(d->ctx, filled);
    if (st != WELD_OK) {
        weld_free(d->ctx, *positions);
        *positions = NULL;
    }
    return st;
}

/* Appends the axis to the members or carriers of every class that stands on it. */
static weld_status place_axis(deriver *d, int a, int32_t *seen, weld_error *err)
{
    weld_status st = WELD_OK;
    const axis_ref *ref = &d->axes[a];
    int32_t *positions = NULL;
    for (int64_t i = 0; i < axis_size(d, a); i++) {
        int32_t c = d->class_of[root_at(d, a, i)], m;
        if (c < 0 || seen[c] == a + 1)
            continue;
        seen[c] = a + 1;
        weld_class *k = &d->out->classes[c];
        WELD_TRY(find_positions(&positions, &m, d, a, c, err));
        size_t members = (size_t)k->member_count, carriers = (size_t)k->carrier_count;
        size_t joints = (size_t)k->joint_count;
        if (ref->joint) {
            WELD_GROW(k->joints, joints, d->ctx, joints + 1);
            weld_joint_member *j = &k->joints[k->joint_count++];
            *j = (weld_joint_member){ref->param, ref->joint->axis_count, {0}, ref->joint->rows, m,
                                     positions};
            memcpy(j->axes, ref->joint->axes, sizeof j->axes);
        } else if (ref->param >= 0) {
            WELD_GROW(k->members, members, d->ctx, members + 1);
            k->members[k->member_count++] = (weld_member){ref->param, ref->axis, m, positions};
        } else {
            WELD_GROW(k->carriers, carriers, d->ctx, carriers + 1);
            k->carriers[k->carrier_count++] = (weld_carrier){ref->value, ref->axis, m, positions};
        }
        positions = NULL; /* the class owns them now */
    }
done:
    weld_free(d->ctx, positions);
    return st;
}

static weld_status name_classes(deriver *d, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = d->graph;
    for (int c = 0; c < d->out->class_count; c++) {
        weld_class *k = &d->out->classes[c];
        const char *name = k->carrier_count
                               ? g->nodes[g->values[k->carriers[0].value].producer].name
                           : k->member_count ? g->params[k->members[0].param].name
                           : k->joint_count  ? g->params[k->joints[0].param].name
                                             : "blocks"; /* of a convolution: they stand nowhere */
        WELD_REQUIRE((k->name = weld_strdup(d->ctx, name)), WELD_E_NOMEM, "out of memory");
    }
done:
    return st;
}

static weld_status derive(deriver *d, weld_error *err)
{
    weld_status st = WELD_OK;
    int32_t units, *seen = NULL, *into = NULL;
    WELD_TRY(weld_ties_build(&d->ties, d->ctx, d->graph, d->shapes, WELD_TIES_UNITS, err));
    units = weld_ties_unit_count(d->ties);
    WELD_NEW(d->signature, d->ctx, units);
    WELD_NEW(d->class_of, d->ctx, units);
    WELD_NEW(d->index_of, d->ctx, units);
    WELD_NEW(d->met, d->ctx, units);
    for (int32_t u = 0; u < units; u++)
        d->class_of[u] = -1;
    WELD_TRY(list_axes(d, err));
    sign_units(d);
    WELD_TRY(weld_forest_create(&d->forest, d->ctx, d->ties, d->signature, err));
    WELD_TRY(make_classes(d, err));
    WELD_NEW(into, d->ctx, d->out->class_count);
    absorb_classes(d, into);
    WELD_TRY(number_units(d, err));
    WELD_TRY(order_classes(d, err));
    WELD_NEW(seen, d->ctx, d->out->class_count);
    for (int a = 0; a < d->axis_count; a++)
        WELD_TRY(place_axis(d, a, seen, err));
    WELD_TRY(name_classes(d, err));
done:
    weld_free(d->ctx, seen);
    weld_free(d->ctx, into);
    return st;
}

weld_status weld_symmetry_derive(weld_symmetry **out, weld_context *ctx, const weld_graph *graph,
                                 const weld_shapes *shapes, weld_error *err)
{
    weld_status st = WELD_OK;
    deriver d = {.ctx = ctx, .graph = graph, .shapes = shapes};
    *out = NULL;
    WELD_NEW(d.out, ctx, 1);
    d.out->ctx = ctx;
    d.out->graph = graph;
    WELD_TRY(derive(&d, err));
    *out = d.out;
    d.out = NULL;
done:
    weld_symmetry_free(d.out);
    weld_ties_free(d.ties);
    weld_free(ctx, d.axes);
    weld_free(ctx, d.signature);
    weld_free(ctx, d.class_of);
    weld_free(ctx, d.index_of);
    weld_free(ctx, d.met);
    weld_forest_free(d.forest);
    weld_free(ctx, d.class_signature);
    return st;
}

weld_symmetry *weld_symmetry_retain(weld_symmetry *s)
{
    s->more_owners++;
    return s;
}

void weld_symmetry_free(weld_symmetry *s)
{
    if (!s || s->more_owners-- > 0)
        return;
    for (int c = 0; c < s->class_count; c++) {
        weld_class *k = &s->classes[c];
        for (int m = 0; m < k->member_count; m++)
            weld_free(s->ctx, k->members[m].positions);
        for (int m = 0; m < k->carrier_count; m++)
            weld_free(s->ctx, k->carriers[m].positions);
        for (int m = 0; m < k->joint_count; m++)
            weld_free(s->ctx, k->joints[m].positions);
        weld_free(s->ctx, k->joints);
        weld_free(s->ctx, k->members);
        weld_free(s->ctx, k->carriers);
        weld_free(s->ctx, k->name);
    }
    weld_free(s->ctx, s->classes);
    weld_free(s->ctx, s);
}
