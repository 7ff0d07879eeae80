/* From the ties of all operators to the classes of units that may be permuted.
 *
 * Two free units are of one class iff they stand in the same axes equally often: then any
 * permutation of the class moves whole units everywhere, and every tie is respected. */
#include "ops/ties.h"
#include "symmetry/group.h"
#include <stdio.h>
#include <string.h>

typedef struct axis_ref {
    int value, axis;
    int param; /* -1 = a node output */
} axis_ref;

typedef struct deriver {
    weld_context *ctx;
    const weld_graph *graph;
    const weld_shapes *shapes;
    weld_ties *ties;
    weld_symmetry *out;
    axis_ref *axes; /* parameters first, in their order; then node outputs */
    int axis_count, param_axis_count;
    uint64_t *signature; /* [unit_count] of roots: where they stand */
    int32_t *class_of;   /* [unit_count] of roots, -1 = none */
    int32_t *index_of;   /* [unit_count] place of the root in its class */
    uint64_t *class_signature;
    size_t class_cap, signature_cap;
} deriver;

static uint64_t mix(uint64_t h, uint64_t x)
{
    h ^= x + UINT64_C(0x9e3779b97f4a7c15) + (h << 6) + (h >> 2);
    h *= UINT64_C(0xff51afd7ed558ccd);
    return h ^ h >> 33;
}

static int64_t axis_size(const deriver *d, int a)
{
    return d->shapes->types[d->axes[a].value].shape.dims[d->axes[a].axis];
}

static int32_t root_at(const deriver *d, int a, int64_t i)
{
    return weld_ties_root(d->ties, d->axes[a].value, d->axes[a].axis, i);
}

static weld_status list_axes(deriver *d, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = d->graph;
    int count = 0;
    for (int v = 0; v < g->value_count; v++)
        count += d->shapes->types[v].shape.rank;
    WELD_NEW(d->axes, d->ctx, count);
    for (int p = 0; p < g->param_count; p++)
        for (int k = 0; k < g->params[p].shape.rank; k++)
            d->axes[d->axis_count++] = (axis_ref){g->params[p].value, k, p};
    d->param_axis_count = d->axis_count;
    for (int v = 0; v < g->value_count; v++)
        for (int k = 0; g->values[v].kind == WELD_VALUE_NODE && !d->shapes->types[v].data &&
                        k < d->shapes->types[v].shape.rank;
             k++)
            d->axes[d->axis_count++] = (axis_ref){v, k, -1};
done:
    return st;
}

static void sign_units(deriver *d)
{
    for (int a = 0; a < d->axis_count; a++)
        for (int64_t i = 0; i < axis_size(d, a); i++) {
            int32_t root = root_at(d, a, i);
            d->signature[root] = mix(d->signature[root], (uint64_t)a + 1);
        }
}

/* Graph inputs and outputs and positions are no units of the network at all. */
static bool is_hidden(const deriver *d, int32_t root)
{
    weld_unit_info info = weld_ties_info(d->ties, root);
    if (info.position)
        return false;
    return !info.pinned ||
           (strcmp(info.pinned, "graph input") != 0 && strcmp(info.pinned, "graph output") != 0);
}

static weld_status new_class(int32_t *out, deriver *d, uint64_t signature,
                             const weld_unit_info *info, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_symmetry *s = d->out;
    WELD_GROW(s->classes, d->class_cap, d->ctx, s->class_count + 1);
    WELD_GROW(d->class_signature, d->signature_cap, d->ctx, s->class_count + 1);
    memset(&s->classes[s->class_count], 0, sizeof s->classes[0]);
    s->classes[s->class_count].pinned = info->pinned;
    s->classes[s->class_count].pin_node = info->pin_node;
    d->class_signature[s->class_count] = signature;
    *out = s->class_count++;
done:
    return st;
}

/* Pinned units are grouped by reason and node, free ones by where they stand. */
static weld_status classify(deriver *d, int32_t root, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_unit_info info = weld_ties_info(d->ties, root);
    uint64_t signature = d->signature[root];
    int32_t c = -1;
    if (info.pinned)
        signature = mix((uint64_t)(uintptr_t)info.pinned, (uint64_t)info.pin_node);
    for (int32_t k = d->out->class_count - 1; k >= 0 && c < 0; k--)
        if (d->class_signature[k] == signature &&
            (d->out->classes[k].pinned == NULL) == (info.pinned == NULL))
            c = k;
    if (c < 0)
        WELD_TRY(new_class(&c, d, signature, &info, err));
    d->class_of[root] = c;
    d->index_of[root] = d->out->classes[c].size++;
done:
    return st;
}

static weld_status make_classes(deriver *d, weld_error *err)
{
    for (int a = 0; a < d->param_axis_count; a++)
        for (int64_t i = 0; i < axis_size(d, a); i++) {
            int32_t root = root_at(d, a, i);
            if (d->class_of[root] >= 0 || !is_hidden(d, root))
                continue;
            weld_status st = classify(d, root, err);
            if (st != WELD_OK)
                return st;
        }
    return WELD_OK;
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
            const bool alone = !k->pinned && k->size < 2;
            place[c] = alone ? -1 : place[c];
            if (alone || (k->pinned != NULL) != (pass == 1))
                continue;
            place[c] = next;
            sorted[next++] = *k;
        }
    s->class_count = next;
    for (int c = 0; c < next; c++) {
        s->classes[c] = sorted[c];
        s->free_count += sorted[c].pinned == NULL;
    }
    int32_t units = weld_ties_unit_count(d->ties);
    for (int32_t u = 0; u < units; u++)
        if (d->class_of[u] >= 0)
            d->class_of[u] = place[d->class_of[u]];
done:
    weld_free(d->ctx, place);
    weld_free(d->ctx, sorted);
    return st;
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
        if (ref->param >= 0) {
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
                               : g->params[k->members[0].param].name;
        WELD_REQUIRE((k->name = weld_strdup(d->ctx, name)), WELD_E_NOMEM, "out of memory");
    }
done:
    return st;
}

static weld_status derive(deriver *d, weld_error *err)
{
    weld_status st = WELD_OK;
    int32_t units, *seen = NULL;
    WELD_TRY(weld_ties_build(&d->ties, d->ctx, d->graph, d->shapes, WELD_TIES_UNITS, err));
    units = weld_ties_unit_count(d->ties);
    WELD_NEW(d->signature, d->ctx, units);
    WELD_NEW(d->class_of, d->ctx, units);
    WELD_NEW(d->index_of, d->ctx, units);
    for (int32_t u = 0; u < units; u++)
        d->class_of[u] = -1;
    WELD_TRY(list_axes(d, err));
    sign_units(d);
    WELD_TRY(make_classes(d, err));
    WELD_TRY(order_classes(d, err));
    WELD_NEW(seen, d->ctx, d->out->class_count);
    for (int a = 0; a < d->axis_count; a++)
        WELD_TRY(place_axis(d, a, seen, err));
    WELD_TRY(name_classes(d, err));
done:
    weld_free(d->ctx, seen);
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
    weld_free(ctx, d.class_signature);
    return st;
}

void weld_symmetry_free(weld_symmetry *s)
{
    if (!s)
        return;
    for (int c = 0; c < s->class_count; c++) {
        weld_class *k = &s->classes[c];
        for (int m = 0; m < k->member_count; m++)
            weld_free(s->ctx, k->members[m].positions);
        for (int m = 0; m < k->carrier_count; m++)
            weld_free(s->ctx, k->carriers[m].positions);
        weld_free(s->ctx, k->members);
        weld_free(s->ctx, k->carriers);
        weld_free(s->ctx, k->name);
    }
    weld_free(s->ctx, s->classes);
    weld_free(s->ctx, s);
}
