/* bench_match A.onnx B.onnx SEED SAME.json OWN.json: descents of weight matching in the orders of a seed, on one
 * thread: "same" as the published ones, from the identity, and our "own", what --match weights does. The
 * permutations go to the files, and to standard output the orders in which the same ones visit the classes: a
 * line per sweep, as many as a descent may have, then an empty one. From then on a line of standard input, same
 * or own, is answered by a descent's CPU seconds and its sweeps. */
#include "api/objects.h"
#include "clock.h"
#include "core/rng.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(weld_status st, const weld_error *err)
{
    if (st == WELD_OK)
        return;
    fprintf(stderr, "bench_match: %s\n", err->message);
    exit(1);
}

/* As the descent shuffles them. */
static void print_orders(int32_t count, uint64_t seed)
{
    enum { SWEEPS = 200, CLASSES_MAX = 64 };
    int32_t order[CLASSES_MAX];
    weld_rng rng;
    weld_rng_seed(&rng, seed, 0);
    for (int32_t c = 0; c < count && c < CLASSES_MAX; c++)
        order[c] = c;
    for (int sweep = 0; sweep < SWEEPS && count <= CLASSES_MAX; sweep++) {
        weld_rng_shuffle(&rng, order, count);
        for (int32_t c = 0; c < count; c++)
            printf("%d ", order[c]);
        printf("\n");
    }
    printf("\n");
    fflush(stdout);
}

static weld_alignment *align(weld_context *ctx, weld_model *a, weld_model *b, uint64_t seed,
                             int32_t restarts, const char *path)
{
    weld_alignment *alignment;
    weld_outputs *outputs;
    weld_error err = WELD_ERROR_INIT;
    weld_align_options how = WELD_ALIGN_OPTIONS_INIT;
    how.method = "weights";
    how.restarts = restarts;
    how.seed = seed;
    must(weld_align(&alignment, a, b, &how, &err), &err);
    must(weld_outputs_create(&outputs, ctx, true, &err), &err);
    must(weld_outputs_add_alignment(outputs, alignment, path, &err), &err);
    must(weld_outputs_commit(outputs, &err), &err);
    weld_outputs_free(outputs);
    return alignment;
}

static void descend(const weld_alignment *alignment, int32_t restarts)
{
    weld_error err = WELD_ERROR_INIT;
    weld_match_result *result;
    const weld_match_input in = {.symmetry = alignment->symmetry,
                                 .shapes = alignment->shapes,
                                 .a = alignment->a->params,
                                 .b = alignment->naive,
                                 .restarts = restarts,
                                 .seed = alignment->seed};
    const double began = cpu_seconds();
    must(weld_matcher_find("weights")->run(&result, &in, &err), &err);
    printf("%.9f %d\n", cpu_seconds() - began, result->sweeps);
    fflush(stdout);
    weld_match_result_free(result);
}

int main(int argc, char **argv)
{
    enum { SAME = 1, OWN = 0 }; /* restarts */
    weld_context_options options = WELD_CONTEXT_OPTIONS_INIT;
    weld_context *ctx;
    weld_model *a, *b;
    weld_error err = WELD_ERROR_INIT;
    char line[16];
    if (argc != 6) {
        fprintf(stderr, "usage: bench_match A.onnx B.onnx SEED SAME.json OWN.json\n");
        return 2;
    }
    options.threads = 1;
    must(weld_context_create(&ctx, &options, &err), &err);
    must(weld_model_load(&a, ctx, argv[1], &err), &err);
    must(weld_model_load(&b, ctx, argv[2], &err), &err);
    const uint64_t seed = strtoull(argv[3], NULL, 10);
    weld_alignment *same = align(ctx, a, b, seed, SAME, argv[4]);
    weld_alignment *own = align(ctx, a, b, seed, OWN, argv[5]);
    print_orders(same->symmetry->free_count, seed);
    while (fgets(line, sizeof line, stdin))
        if (strcmp(line, "own\n") == 0)
            descend(own, OWN);
        else
            descend(same, SAME);
    weld_alignment_free(same);
    weld_alignment_free(own);
    weld_model_free(a);
    weld_model_free(b);
    weld_context_free(ctx);
    return 0;
}
