#include "match/assign.h"
#include "match/lap.h"
#include <string.h>

typedef struct assigner {
    const weld_symmetry *s;
    weld_element *element;
    double *const *scores;
    double **total; /* [free_count][n, n] a pair's score with all that moves along with it */
    double *block;  /* [largest block squared] */
    int32_t *perm;  /* [largest block] */
} assigner;

static bool is_below(const weld_symmetry *s, int c, int root)
{
    return weld_class_root(s, c) == root;
}

static double sum_of(const double *score, const int32_t *perm, int32_t n)
{
    double sum = 0;
    for (int32_t i = 0; score && i < n; i++)
        sum += score[(size_t)i * (size_t)n + (size_t)perm[i]];
    return sum;
}

static weld_status open_assigner(assigner *a, int root, weld_error *err)
{
    weld_status st = WELD_OK;
    int32_t largest = 0;
    WELD_NEW(a->total, a->s->ctx, a->s->free_count);
    for (int c = root; c < a->s->free_count; c++) {
        const weld_class *k = &a->s->classes[c];
        const size_t cells = (size_t)k->size * (size_t)k->size;
        if (!is_below(a->s, c, root))
            continue;
        largest = k->block > largest ? k->block : largest;
        WELD_NEW(a->total[c], a->s->ctx, cells);
        if (a->scores[c])
            memcpy(a->total[c], a->scores[c], cells * sizeof(double));
    }
    WELD_NEW(a->block, a->s->ctx, (size_t)largest * (size_t)largest);
    WELD_NEW(a->perm, a->s->ctx, largest);
done:
    return st;
}

static void close_assigner(assigner *a)
{
    for (int c = 0; a->total && c < a->s->free_count; c++)
        weld_free(a->s->ctx, a->total[c]);
    weld_free(a->s->ctx, a->total);
    weld_free(a->s->ctx, a->block);
    weld_free(a->s->ctx, a->perm);
}

/* The best order of block p of A's units among block q of B's: perm [block] and its value. Where nothing
 * tells them apart they stay as they are, or as they come. */
static weld_status solve_block(double *value, assigner *a, int c, int32_t p, int32_t q,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_class *k = &a->s->classes[c];
    const int32_t m = k->block, n = k->size, *now = a->element->perms[c];
    const double *total = a->total[c];
    double gain;
    for (int32_t i = 0; i < m; i++) {
        a->perm[i] = now[p * m] / m == q ? now[p * m + i] - q * m : i;
        memcpy(a->block + (size_t)i * (size_t)m,
               total + (size_t)(p * m + i) * (size_t)n + (size_t)(q * m),
               (size_t)m * sizeof *a->block);
    }
    WELD_TRY(weld_lap_max(a->perm, a->s->ctx, a->block, m, &gain, err));
    *value = sum_of(a->block, a->perm, m);
done:
    return st;
}

/* Children before parents: what a block is worth counts for the unit that it moves along with. */
static weld_status add_up(assigner *a, int root, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int c = a->s->free_count - 1; c > root; c--) {
        const weld_class *k = &a->s->classes[c];
        if (!is_below(a->s, c, root))
            continue;
        const int32_t blocks = k->size / k->block;
        for (int32_t p = 0; p < blocks; p++)
            for (int32_t q = 0; q < blocks; q++) {
                double value;
                WELD_TRY(solve_block(&value, a, c, p, q, err));
                a->total[k->parent][(size_t)p * (size_t)blocks + (size_t)q] += value;
            }
    }
done:
    return st;
}

static weld_status take_blocks(assigner *a, int c, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_class *k = &a->s->classes[c];
    for (int32_t p = 0; p < k->size / k->block; p++) {
        const int32_t q = k->parent < 0 ? 0 : a->element->perms[k->parent][p];
        double value;
        WELD_TRY(solve_block(&value, a, c, p, q, err));
        for (int32_t i = 0; i < k->block; i++)
            a->element->perms[c][p * k->block + i] = q * k->block + a->perm[i];
    }
done:
    return st;
}

weld_status weld_assign_tree(weld_element *element, int root, double *const *scores, double *gain,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_symmetry *s = element->symmetry;
    assigner a = {.s = s, .element = element, .scores = scores};
    *gain = 0;
    WELD_TRY(open_assigner(&a, root, err));
    for (int c = root; c < s->free_count; c++)
        if (is_below(s, c, root))
            *gain -= sum_of(scores[c], element->perms[c], s->classes[c].size);
    WELD_TRY(add_up(&a, root, err));
    for (int c = root; c < s->free_count; c++) { /* parents come first */
        if (!is_below(s, c, root))
            continue;
        WELD_TRY(take_blocks(&a, c, err));
        *gain += sum_of(scores[c], element->perms[c], s->classes[c].size);
    }
done:
    close_assigner(&a);
    return st;
}

/* ---- one class ---------------------------------------------------------------------------- */

static bool has_children(const weld_symmetry *s, int c)
{
    for (int k = c + 1; k < s->free_count; k++)
        if (s->classes[k].parent == c)
            return true;
    return false;
}

bool weld_class_is_alone(const weld_symmetry *s, int c)
{
    return s->classes[c].parent < 0 && !has_children(s, c);
}

bool weld_may_exchange(const weld_symmetry *s, int c, int32_t i, int32_t j)
{
    return i / s->classes[c].block == j / s->classes[c].block && !has_children(s, c);
}

/* perm[first .. first + block), whose units are those of one block of B. */
static weld_status assign_block(int32_t *perm, double *score, const weld_symmetry *s,
                                const double *all, int32_t n, int32_t first, int32_t block,
                                double *gain, weld_error *err)
{
    const int32_t from = perm[first] / block * block;
    for (int32_t i = 0; i < block; i++) {
        memcpy(score + (size_t)i * (size_t)block,
               all + (size_t)(first + i) * (size_t)n + (size_t)from, (size_t)block * sizeof *score);
        perm[first + i] -= from;
    }
    const weld_status st = weld_lap_max(perm + first, s->ctx, score, block, gain, err);
    for (int32_t i = 0; i < block; i++)
        perm[first + i] += from;
    return st;
}

weld_status weld_assign_class(int32_t *perm, const weld_symmetry *symmetry, int unit_class,
                              const double *score, double *gain, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_class *k = &symmetry->classes[unit_class];
    double *room = NULL, more;
    *gain = 0;
    if (has_children(symmetry, unit_class))
        return WELD_OK;
    if (k->parent < 0)
        return weld_lap_max(perm, symmetry->ctx, score, k->size, gain, err);
    WELD_NEW(room, symmetry->ctx, (size_t)k->block * (size_t)k->block);
    for (int32_t first = 0; first < k->size; first += k->block) {
        WELD_TRY(assign_block(perm, room, symmetry, score, k->size, first, k->block, &more, err));
        *gain += more;
    }
done:
    weld_free(symmetry->ctx, room);
    return st;
}
