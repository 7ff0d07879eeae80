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

weld_status weld_assign_within(weld_element *element, int c, const double *score, double *gain,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_symmetry *s = element->symmetry;
    const int32_t size = s->classes[c].size, block = s->classes[c].block;
    assigner a = {.s = s, .element = element};
    WELD_NEW(a.total, s->ctx, s->free_count);
    WELD_NEW(a.total[c], s->ctx, (size_t)size * (size_t)size);
    memcpy(a.total[c], score, (size_t)size * (size_t)size * sizeof *score);
    WELD_NEW(a.block, s->ctx, (size_t)block * (size_t)block);
    WELD_NEW(a.perm, s->ctx, block);
    *gain = -sum_of(score, element->perms[c], size);
    WELD_TRY(take_blocks(&a, c, err));
    *gain += sum_of(score, element->perms[c], size);
done:
    close_assigner(&a);
    return st;
}
