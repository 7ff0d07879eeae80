/* bench_match A.onnx B.onnx PERM.json: descents of weight matching from the identity, on one thread. The
 * permutation goes to the file, and to standard output the orders in which the classes are visited: a line
 * per sweep, as many as a descent may have, then an empty one. From then on every line of standard input
 * is answered by a descent's CPU seconds and its sweeps. */
#include "api/objects.h"
#include "clock.h"
#include "core/rng.h"
#include <stdio.h>
#include <stdlib.h>

static void must(weld_status st, const weld_error *err)
{
    if (st == WELD_OK)
        return;
    fprintf(stderr, "bench_match: %s\n", err->message);
    exit(1);
}

/* As the descent shuffles them. */
static void print_orders(int32_t count)
{
    enum { SWEEPS = 200, CLASSES_MAX = 64 };
    int32_t order[CLASSES_MAX];
    weld_rng rng;
    weld_rng_seed(&rng, 0, 0);
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

static void descend(const weld_match_input *in)
{
    weld_error err = WELD_ERROR_INIT;
    weld_match_result *result;
    const double began = cpu_seconds();
    must(weld_matcher_find("weights")->run(&result, in, &err), &err);
    printf("%.9f %d\n", cpu_seconds() - began, result->sweeps);
    fflush(stdout);
    weld_match_result_free(result);
}

int main(int argc, char **argv)
{
    weld_context_options options = WELD_CONTEXT_OPTIONS_INIT;
    weld_context *ctx;
    weld_model *a, *b;
    weld_alignment *alignment;
    weld_outputs *outputs;
    weld_error err = WELD_ERROR_INIT;
    weld_align_options how = WELD_ALIGN_OPTIONS_INIT;
    if (argc != 4) {
        fprintf(stderr, "usage: bench_match A.onnx B.onnx PERM.json\n");
        return 2;
    }
    options.threads = 1;
    must(weld_context_create(&ctx, &options, &err), &err);
    must(weld_model_load(&a, ctx, argv[1], &err), &err);
    must(weld_model_load(&b, ctx, argv[2], &err), &err);
    how.method = "weights";
    how.restarts = 1;
    must(weld_align(&alignment, a, b, &how, &err), &err);
    const weld_match_input in = {.symmetry = alignment->symmetry,
                                 .shapes = alignment->shapes,
                                 .a = alignment->a->params,
                                 .b = alignment->naive,
                                 .restarts = 1};
    must(weld_outputs_create(&outputs, ctx, true, &err), &err);
    must(weld_outputs_add_alignment(outputs, alignment, argv[3], &err), &err);
    must(weld_outputs_commit(outputs, &err), &err);
    print_orders(alignment->symmetry->free_count);
    for (int c = getchar(); c != EOF; c = getchar())
        if (c == '\n')
            descend(&in);
    weld_outputs_free(outputs);
    weld_alignment_free(alignment);
    weld_model_free(a);
    weld_model_free(b);
    weld_context_free(ctx);
    return 0;
}
