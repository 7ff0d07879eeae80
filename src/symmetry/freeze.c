#include "symmetry/freeze.h"
#include <regex.h>
#include <string.h>

static bool matches(const weld_symmetry *s, const weld_class *k, const regex_t *pattern)
{
    bool hit = regexec(pattern, k->name, 0, NULL, 0) == 0;
    for (int m = 0; m < k->member_count; m++)
        hit = hit || regexec(pattern, s->graph->params[k->members[m].param].name, 0, NULL, 0) == 0;
    for (int m = 0; m < k->joint_count; m++)
        hit = hit || regexec(pattern, s->graph->params[k->joints[m].param].name, 0, NULL, 0) == 0;
    return hit;
}

/* As a class that was pinned from the beginning: by itself, without places. */
static void pin(weld_symmetry *s, weld_class *k)
{
    for (int m = 0; m < k->member_count; m++) {
        weld_free(s->ctx, k->members[m].positions);
        k->members[m].positions = NULL;
    }
    for (int m = 0; m < k->joint_count; m++) {
        weld_free(s->ctx, k->joints[m].positions);
        k->joints[m].positions = NULL;
    }
    for (int m = 0; m < k->carrier_count; m++) {
        weld_free(s->ctx, k->carriers[m].positions);
        k->carriers[m].positions = NULL;
    }
    k->pinned = "--freeze";
    k->pin_node = -1;
    k->parent = -1;
    k->block = k->size;
}

/* Free ones first, the newly pinned after them, then those that were pinned before. */
static weld_status reorder(weld_symmetry *s, const bool *frozen, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_class *sorted = NULL;
    int *place = NULL, next = 0;
    WELD_NEW(sorted, s->ctx, s->free_count);
    WELD_NEW(place, s->ctx, s->free_count);
    for (int pass = 0; pass < 2; pass++)
        for (int c = 0; c < s->free_count; c++)
            if (frozen[c] == (pass == 1))
                place[c] = next++;
    for (int c = 0; c < s->free_count; c++) {
        weld_class *k = &sorted[place[c]];
        *k = s->classes[c];
        if (frozen[c])
            pin(s, k);
        else if (k->parent >= 0)
            k->parent = place[k->parent];
    }
    memcpy(s->classes, sorted, (size_t)s->free_count * sizeof *sorted);
    for (int c = s->free_count - 1; c >= 0; c--)
        s->free_count -= s->classes[c].pinned != NULL;
done:
    weld_free(s->ctx, sorted);
    weld_free(s->ctx, place);
    return st;
}

weld_status weld_symmetry_freeze(weld_symmetry *s, const char *pattern, int *hits, weld_error *err)
{
    weld_status st = WELD_OK;
    bool *frozen = NULL;
    regex_t compiled;
    *hits = 0;
    if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return weld_fail(err, WELD_E_ARGUMENT, "'%s' is not a regular expression (POSIX extended)",
                         pattern);
    WELD_NEW(frozen, s->ctx, s->class_count);
    for (int c = 0; c < s->class_count; c++)
        if (matches(s, &s->classes[c], &compiled)) {
            ++*hits;
            frozen[c < s->free_count ? weld_class_root(s, c) : c] = true;
        }
    for (int c = 0; c < s->free_count; c++) /* parents stand before their children */
        frozen[c] = frozen[c] || (s->classes[c].parent >= 0 && frozen[s->classes[c].parent]);
    WELD_TRY(reorder(s, frozen, err));
done:
    regfree(&compiled);
    weld_free(s->ctx, frozen);
    return st;
}
