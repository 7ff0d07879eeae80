#include "cli.h"
#include <stdio.h>
#include <string.h>

enum { WORD_MAX = 32 };

/* Least number of letters to change, drop or insert (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1], n = strlen(a), m = strlen(b);
    if (n > WORD_MAX || m > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[m];
}

static const char *nearest(const char *word, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    size_t least = strlen(word) / 3 + 1;
    for (size_t k = 0; k < count; k++) {
        size_t d = distance(word, candidates[k]);
        if (d <= least && (!best || d < least)) {
            best = candidates[k];
            least = d;
        }
    }
    return best;
}

const char *suggest(char text[SUGGESTION_MAX], const char *word, const char *const *candidates,
                    size_t count)
{
    const char *near = nearest(word, candidates, count);
    text[0] = '\0';
    if (near)
        snprintf(text, SUGGESTION_MAX, "; did you mean %s?", near);
    return text;
}
