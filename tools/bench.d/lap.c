/* Solves the assignments of a file, for tools/bench lap:
 *   bench_lap FILE REPEAT
 * FILE holds, once or several times, n (int64), the bytes of a score (int64: 8 or 4) and scores [n, n]
 * (double or float). A line per matrix: the least CPU time in ms, the objective, the most bytes that were
 * allocated. */
#include "clock.h"
#include "core/context.h"
#include "match/lap.h"
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct counted {
    size_t now, most;
} counted;

static void *counted_resize(void *block, size_t size_bytes, void *user)
{
    counted *c = user;
    c->now -= block ? malloc_usable_size(block) : 0;
    if (size_bytes == 0) {
        free(block);
        return NULL;
    }
    block = realloc(block, size_bytes);
    c->now += block ? malloc_usable_size(block) : 0;
    c->most = c->now > c->most ? c->now : c->most;
    return block;
}

static int solve(const void *score, bool single, int32_t *perm, int32_t n, int repeat)
{
    counted c = {0, 0};
    weld_context_options options = WELD_CONTEXT_OPTIONS_INIT;
    weld_error err = WELD_ERROR_INIT;
    weld_context *ctx;
    double best = 1e300, objective = 0, gain;
    options.allocator = (weld_allocator){counted_resize, &c};
    if (weld_context_create(&ctx, &options, &err) != WELD_OK)
        return 1;
    for (int r = 0; r < repeat; r++) {
        for (int32_t i = 0; i < n; i++)
            perm[i] = i;
        const double start = cpu_seconds();
        const weld_status st = single ? weld_lap_max_single(perm, ctx, score, n, &gain, &err)
                                      : weld_lap_max(perm, ctx, score, n, &gain, &err);
        if (st != WELD_OK) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
        const double took = 1e3 * (cpu_seconds() - start);
        best = took < best ? took : best;
    }
    for (int32_t i = 0; i < n; i++) {
        const size_t at = (size_t)i * (size_t)n + (size_t)perm[i];
        objective += single ? (double)((const float *)score)[at] : ((const double *)score)[at];
    }
    printf("%.6f %.17g %zu\n", best, objective, c.most);
    weld_context_free(ctx);
    return 0;
}

int main(int argc, char **argv)
{
    FILE *f = argc == 3 ? fopen(argv[1], "rb") : NULL;
    int64_t head[2];
    int failed = 0;
    if (!f) {
        fprintf(stderr, "usage: bench_lap FILE REPEAT\n");
        return 2;
    }
    while (!failed && fread(head, sizeof head, 1, f) == 1 && head[0] >= 0 && head[0] < 1 << 20) {
        const size_t n = (size_t)head[0], element = (size_t)head[1];
        void *score = malloc((n * n + 1) * element);
        int32_t *perm = malloc((n + 1) * sizeof *perm);
        failed = !score || !perm || fread(score, element, n * n, f) != n * n ||
                 solve(score, element == sizeof(float), perm, (int32_t)n, atoi(argv[2]));
        free(score);
        free(perm);
    }
    fclose(f);
    return failed;
}
