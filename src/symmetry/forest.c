#include "symmetry/forest.h"
#include <stdlib.h>
#include <string.h>

typedef struct builder {
    weld_context *ctx;
    const weld_ties *ties;
    weld_forest *out;
    weld_unit_edge *edges; /* [count] between roots, by child, then parent, each once */
    size_t count;
    int32_t *children; /* [unit_count] number of them */
} builder;

uint64_t weld_unit_mix(uint64_t h, uint64_t x)
{
    h ^= x + UINT64_C(0x9e3779b97f4a7c15) + (h << 6) + (h >> 2);
    h *= UINT64_C(0xff51afd7ed558ccd);
    return h ^ h >> 33;
}

static int by_child(const void *a, const void *b)
{
    const weld_unit_edge *x = a, *y = b;
    return x->child != y->child ? (x->child > y->child) - (x->child < y->child)
                                : (x->parent > y->parent) - (x->parent < y->parent);
}

static int by_parent(const void *a, const void *b)
{
    const weld_unit_edge *x = a, *y = b;
    return x->parent != y->parent ? (x->parent > y->parent) - (x->parent < y->parent)
                                  : (x->child > y->child) - (x->child < y->child);
}

/* A unit and how many children it has, with a hash of which. */
typedef struct brood {
    uint64_t hash;
    int32_t parent;
} brood;

static int by_brood(const void *a, const void *b)
{
    const brood *x = a, *y = b;
    return x->hash != y->hash ? (x->hash > y->hash) - (x->hash < y->hash)
                              : (x->parent > y->parent) - (x->parent < y->parent);
}

/* Two that the same units move along with move together (the head of one sample and of another): the
 * later ones move along with the first instead. */
static weld_status join_parents(builder *b, weld_error *err)
{
    weld_status st = WELD_OK;
    brood *broods = NULL;
    int32_t *first = NULL; /* [unit_count] the one that stands for it, -1 = itself */
    size_t count = 0;
    const int32_t units = weld_ties_unit_count(b->ties);
    WELD_NEW(broods, b->ctx, b->count);
    WELD_NEW(first, b->ctx, units);
    memset(first, -1, sizeof *first * (size_t)units);
    if (b->count)
        qsort(b->edges, b->count, sizeof b->edges[0], by_parent);
    for (size_t k = 0; k < b->count; k++) {
        if (b->out->fixed[b->edges[k].parent])
            continue;
        if (count == 0 || broods[count - 1].parent != b->edges[k].parent)
            broods[count++] = (brood){1, b->edges[k].parent};
        broods[count - 1].hash = weld_unit_mix(broods[count - 1].hash, (uint64_t)b->edges[k].child);
    }
    if (count)
        qsort(broods, count, sizeof broods[0], by_brood);
    for (size_t k = 1; k < count; k++)
        if (broods[k].hash == broods[k - 1].hash) {
            const int32_t before = broods[k - 1].parent;
            first[broods[k].parent] = first[before] >= 0 ? first[before] : before;
        }
    for (size_t k = 0; k < b->count; k++)
        if (first[b->edges[k].parent] >= 0)
            b->edges[k] = (weld_unit_edge){b->edges[k].parent, first[b->edges[k].parent], -1};
done:
    weld_free(b->ctx, broods);
    weld_free(b->ctx, first);
    return st;
}

/* By child, each once. */
static void sort_edges(builder *b)
{
    const size_t given = b->count;
    if (given)
        qsort(b->edges, given, sizeof b->edges[0], by_child);
    b->count = 0;
    for (size_t k = 0; k < given; k++)
        if (k == 0 || by_child(&b->edges[k - 1], &b->edges[k]) != 0)
            b->edges[b->count++] = b->edges[k];
}

static weld_status collect_edges(builder *b, weld_error *err)
{
    weld_status st = WELD_OK;
    size_t given;
    const weld_unit_edge *edges = weld_ties_edges(b->ties, &given);
    WELD_NEW(b->edges, b->ctx, given);
    for (size_t k = 0; k < given; k++) {
        const weld_unit_edge e = {weld_ties_find_root(b->ties, edges[k].child),
                                  weld_ties_find_root(b->ties, edges[k].parent), -1};
        if (e.child != e.parent)
            b->edges[b->count++] = e;
    }
    sort_edges(b);
    WELD_TRY(join_parents(b, err));
    sort_edges(b);
    for (size_t k = 0; k < b->count; k++)
        b->children[b->edges[k].parent]++;
done:
    return st;
}

static bool has_edge(const builder *b, int32_t child, int32_t parent)
{
    const weld_unit_edge key = {child, parent, -1};
    return bsearch(&key, b->edges, b->count, sizeof key, by_child) != NULL;
}

/* ---- one parent each ------------------------------------------------------------------------ */

/* Blocks that cross (rows and columns of a grid) could move together only: one of them stays. */
static bool fix_smaller(builder *b, int32_t p, int32_t q)
{
    const bool first = b->children[p] != b->children[q] ? b->children[p] < b->children[q] : p > q;
    b->out->fixed[first ? p : q] = "blocks cross";
    return true;
}

/* Edges [from, to) are those of one child. True if something had to be fixed. */
static bool choose_parent(builder *b, size_t from, size_t to)
{
    const int32_t child = b->edges[from].child;
    int32_t best = -1;
    for (size_t k = from; k < to; k++) {
        const int32_t p = b->edges[k].parent;
        if (b->out->fixed[p])
            continue;
        if (has_edge(b, p, child)) /* each moves along with the other */
            return fix_smaller(b, p, child);
        if (best >= 0 && !has_edge(b, p, best) && !has_edge(b, best, p))
            return fix_smaller(b, p, best);
        if (best < 0 || has_edge(b, p, best))
            best = p; /* the inner one */
    }
    b->out->parent[child] = best;
    return false;
}

static bool is_on_cycle(const weld_forest *f, int32_t unit)
{
    enum { DEPTH_MAX = 16 };
    for (int depth = 0; unit >= 0; depth++, unit = f->parent[unit])
        if (depth == DEPTH_MAX)
            return true;
    return false;
}

static bool choose_parents(builder *b)
{
    bool fixed = false;
    for (size_t from = 0, to; from < b->count; from = to) {
        for (to = from; to < b->count && b->edges[to].child == b->edges[from].child;)
            to++;
        fixed = choose_parent(b, from, to) || fixed;
    }
    for (size_t k = 0; k < b->count && !fixed; k++)
        if (is_on_cycle(b->out, b->edges[k].child)) {
            b->out->fixed[b->edges[k].parent] = "blocks cross";
            fixed = true;
        }
    return fixed;
}

/* ---- colours -------------------------------------------------------------------------------- */

static weld_status colour_units(builder *b, const uint64_t *signature, weld_error *err)
{
    enum { ROUNDS = 6 }; /* up and down a forest of three levels */
    weld_status st = WELD_OK;
    const int32_t units = weld_ties_unit_count(b->ties);
    uint64_t *sum = NULL, *colour = b->out->colour;
    WELD_NEW(sum, b->ctx, units);
    for (int32_t u = 0; u < units; u++)
        colour[u] = b->out->fixed[u] ? weld_unit_mix(1, (uint64_t)u) : signature[u];
    for (int round = 0; round < ROUNDS && b->count; round++) {
        memset(sum, 0, sizeof *sum * (size_t)units);
        for (size_t k = 0; k < b->count; k++) {
            sum[b->edges[k].child] += weld_unit_mix(2, colour[b->edges[k].parent]);
            sum[b->edges[k].parent] += weld_unit_mix(3, colour[b->edges[k].child]);
        }
        for (int32_t u = 0; u < units; u++)
            colour[u] = b->out->fixed[u] || !sum[u] ? colour[u] : weld_unit_mix(colour[u], sum[u]);
    }
done:
    weld_free(b->ctx, sum);
    return st;
}

weld_status weld_forest_create(weld_forest **out, weld_context *ctx, const weld_ties *ties,
                               const uint64_t *signature, weld_error *err)
{
    weld_status st = WELD_OK;
    builder b = {.ctx = ctx, .ties = ties};
    const int32_t units = weld_ties_unit_count(ties);
    *out = NULL;
    WELD_NEW(b.out, ctx, 1);
    b.out->ctx = ctx;
    WELD_NEW(b.out->parent, ctx, units);
    WELD_NEW(b.out->colour, ctx, units);
    WELD_NEW(b.out->fixed, ctx, units);
    WELD_NEW(b.children, ctx, units);
    for (int32_t u = 0; u < units; u++) {
        const weld_unit_info info = weld_ties_info(ties, u);
        b.out->parent[u] = -1;
        b.out->fixed[u] = info.pinned ? info.pinned : info.position ? "position" : NULL;
    }
    WELD_TRY(collect_edges(&b, err));
    while (choose_parents(&b))
        ;
    WELD_TRY(colour_units(&b, signature, err));
    *out = b.out;
    b.out = NULL;
done:
    weld_forest_free(b.out);
    weld_free(ctx, b.edges);
    weld_free(ctx, b.children);
    return st;
}

void weld_forest_free(weld_forest *forest)
{
    if (!forest)
        return;
    weld_free(forest->ctx, forest->parent);
    weld_free(forest->ctx, forest->colour);
    weld_free(forest->ctx, forest->fixed);
    weld_free(forest->ctx, forest);
}
