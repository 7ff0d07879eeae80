/* What weight matching rests on: scores kept while permutations change, assignments of trees of classes,
 * normalisation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/objects.h"
#include "core/rng.h"
#include "match/assign.h"
#include "match/blocks.h"
#include "match/frank_wolfe.h"
#include "match/grams.h"
#include "match/normalise.h"
#include "match/signature.h"
#include "match/weights.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) assert_int_equal((call), WELD_OK)

typedef struct fixture {
    weld_context *ctx;
    weld_model *model;
    weld_shapes *shapes;
    weld_symmetry *symmetry;
    weld_paramset *other; /* other weights of the same network */
    weld_scores *scores;
    weld_element *element;
} fixture;

static fixture open_graph_with(const char *name, int threads)
{
    weld_context_options options = WELD_CONTEXT_OPTIONS_INIT;
    fixture f = {0};
    char path[512];
    weld_rng rng;
    weld_rng_seed(&rng, 5, 1);
    snprintf(path, sizeof path, WELD_GRAPHS "/%s.onnx", name);
    options.threads = threads;
    OK(weld_context_create(&f.ctx, &options, NULL));
    OK(weld_model_load(&f.model, f.ctx, path, NULL));
    OK(weld_paramset_hold(f.model->params, NULL));
    const weld_graph *g = f.model->structure->graph;
    OK(weld_structure_shapes(&f.shapes, f.model->structure, 4, NULL));
    OK(weld_symmetry_derive(&f.symmetry, f.ctx, g, f.shapes, NULL));
    OK(weld_paramset_copy(&f.other, f.model->params, NULL));
    for (int p = 0; p < g->param_count; p++)
        for (size_t k = 0; k < weld_param_numel(g, p); k++)
            ((float *)f.other->arrays[p])[k] += (float)(0.5 * weld_rng_normal(&rng));
    OK(weld_scores_create(&f.scores, f.symmetry, f.model->params, f.other, NULL));
    OK(weld_element_random(&f.element, f.symmetry, 3, NULL));
    return f;
}

static fixture open_graph(const char *name)
{
    return open_graph_with(name, 0);
}

static void close_graph(fixture *f)
{
    weld_element_free(f->element);
    weld_scores_free(f->scores);
    weld_paramset_free(f->other);
    weld_symmetry_free(f->symmetry);
    weld_shapes_free(f->shapes);
    weld_model_free(f->model);
    assert_int_equal(atomic_load(&f->ctx->in_use_bytes), 0);
    weld_context_free(f->ctx);
}

static const char *const graphs[] = {"deep_mlp",         "residual", "grouped_conv",
                                     "attention_packed", "branches", "nhwc_flatten",
                                     "shuffled_groups",  "lstm"};
enum { GRAPHS = sizeof graphs / sizeof graphs[0], CLASSES_MAX = 64 };

static void compare_scores(const fixture *f, weld_grams *grams, const char *name)
{
    for (int c = 0; c < f->symmetry->free_count; c++) {
        const size_t cells = (size_t)f->symmetry->classes[c].size *
                             (size_t)f->symmetry->classes[c].size;
        double *kept = calloc(cells, sizeof *kept), *whole = calloc(cells, sizeof *whole);
        double scale[2];
        assert_true(kept && whole);
        if (weld_grams_has(grams, c)) {
            OK(weld_grams_score(kept, &scale[0], grams, c, NULL, NULL));
            OK(weld_scores_class(whole, &scale[1], f->scores, f->element, c, NULL, NULL));
            for (size_t k = 0; k < cells; k++)
                if (!(fabs(kept[k] - whole[k]) <= 1e-5 * scale[1]))
                    fail_msg("%s, class %d: %g, not %g", name, c, kept[k], whole[k]);
        }
        free(kept);
        free(whole);
    }
}

/* What some settled classes give is what it is when nothing was counted before. */
static void compare_settled(const fixture *f, weld_grams *grams, const bool *settled,
                            const char *name)
{
    weld_grams *fresh;
    OK(weld_grams_create(&fresh, f->scores, f->element, NULL));
    for (int c = 0; c < f->symmetry->free_count; c++) {
        const float *kept, *whole;
        double scale[2];
        if (!weld_grams_has(grams, c))
            continue;
        OK(weld_grams_view(&kept, &scale[0], grams, c, settled, NULL));
        OK(weld_grams_view(&whole, &scale[1], fresh, c, settled, NULL));
        assert_true(fabs(scale[0] - scale[1]) <= 1e-9 * scale[1]);
        for (int k = 0; k < f->symmetry->classes[c].size * f->symmetry->classes[c].size; k++)
            if (!(fabsf(kept[k] - whole[k]) <= 1e-5f * (float)scale[1]))
                fail_msg("%s, class %d: %g, not %g", name, c, (double)kept[k], (double)whole[k]);
    }
    weld_grams_free(fresh);
}

/* Two units change places, again and again, in one class after the other; the scores are looked at only
 * after every third time, all of them or what some settled classes give. */
static void scores_are_kept(void **state)
{
    (void)state;
    for (int n = 0; n < GRAPHS; n++) {
        fixture f = open_graph(graphs[n]);
        weld_grams *grams;
        weld_element *before;
        bool settled[CLASSES_MAX];
        weld_rng rng;
        weld_rng_seed(&rng, 8, 1);
        assert_true(f.symmetry->free_count <= CLASSES_MAX);
        OK(weld_grams_create(&grams, f.scores, f.element, NULL));
        OK(weld_element_identity(&before, f.symmetry, NULL));
        compare_scores(&f, grams, graphs[n]);
        for (int step = 0; step < 24; step++) {
            const int c = (int)weld_rng_below(&rng, (uint32_t)f.symmetry->free_count);
            const int32_t size = f.symmetry->classes[c].size;
            const int32_t i = (int32_t)weld_rng_below(&rng, (uint32_t)size);
            const int32_t j = (int32_t)weld_rng_below(&rng, (uint32_t)size);
            double promised = 0, old, now;
            if (!weld_may_exchange(f.symmetry, c, i, j))
                continue;
            weld_element_copy(before, f.element);
            OK(weld_scores_objective(&old, f.scores, f.element, -1, NULL));
            const int32_t unit = before->perms[c][i];
            before->perms[c][i] = before->perms[c][j]; /* the candidate, at first */
            before->perms[c][j] = unit;
            if (weld_grams_has(grams, c))
                OK(weld_grams_gain(&promised, grams, c, before->perms[c], NULL));
            int32_t *swap = f.element->perms[c];
            f.element->perms[c] = before->perms[c];
            before->perms[c] = swap;
            OK(weld_grams_moved(grams, c, before->perms[c], NULL));
            OK(weld_scores_objective(&now, f.scores, f.element, -1, NULL));
            if (weld_grams_has(grams, c))
                assert_true(fabs(now - old - promised) <= 1e-5 * (1 + fabs(now)));
            for (int k = 0; k < f.symmetry->free_count; k++)
                settled[k] = weld_rng_below(&rng, 3) > 0;
            if (step % 6 == 2)
                compare_settled(&f, grams, settled, graphs[n]);
            else if (step % 6 == 5)
                compare_scores(&f, grams, graphs[n]);
        }
        weld_element_free(before);
        weld_grams_free(grams);
        close_graph(&f);
    }
}

/* The objective by blocks is that of the tensors, whether all of them have blocks or not. */
static void blocks_are_the_objective(void **state)
{
    (void)state;
    for (int n = 0; n < GRAPHS; n++) {
        fixture f = open_graph(graphs[n]);
        weld_blocks *blocks;
        double objective, sum, scale = 0;
        for (int k = 0; k < f.scores->count; k++)
            scale += f.scores->tensors[k].scale;
        OK(weld_blocks_create(&blocks, f.scores, f.element, NULL));
        OK(weld_blocks_objective(&sum, blocks, NULL));
        OK(weld_scores_objective(&objective, f.scores, f.element, -1, NULL));
        assert_true(blocks->count > 0);
        if (!(fabs(objective - sum) <= 1e-12 * scale)) /* sums in double, in another order */
            fail_msg("%s: objective %g, blocks %g", graphs[n], objective, sum);
        weld_blocks_free(blocks);
        close_graph(&f);
    }
}

/* The same bits for any number of threads. */
static void threads_change_nothing(void **state)
{
    (void)state;
    const weld_weights_options options = {.restarts = 3, .seed = 1};
    for (int n = 0; n < GRAPHS; n++) {
        weld_match_result *result[2];
        fixture f[2];
        for (int k = 0; k < 2; k++) {
            f[k] = open_graph_with(graphs[n], 1 + 2 * k);
            OK(weld_match_weights(&result[k], f[k].scores, &options, NULL));
        }
        for (int c = 0; c < f[0].symmetry->free_count; c++)
            assert_memory_equal(result[0]->element->perms[c], result[1]->element->perms[c],
                                (size_t)f[0].symmetry->classes[c].size * sizeof(int32_t));
        assert_memory_equal(result[0]->objectives, result[1]->objectives,
                            3 * sizeof *result[0]->objectives);
        assert_true(result[0]->objective_end >= result[0]->objective_start);
        for (int k = 0; k < 2; k++) {
            weld_match_result_free(result[k]);
            close_graph(&f[k]);
        }
    }
}

/* Descents from there are never worse than the one that they start around; what can't be relaxed stays. */
static void frank_wolfe_never_loses(void **state)
{
    (void)state;
    for (int n = 0; n < GRAPHS; n++) {
        fixture f = open_graph(graphs[n]);
        const weld_weights_options options = {
            .restarts = 5, .seed = 1, .anchored = true, .relaxed = true};
        weld_match_result *result;
        weld_blocks *blocks;
        weld_element *moved, *again;
        OK(weld_match_weights(&result, f.scores, &options, NULL));
        for (int k = 0; k < result->restarts; k++)
            assert_true(result->objective_end >= result->objectives[k]);
        assert_true(result->objective_end >= result->objective_start);
        weld_match_result_free(result);
        OK(weld_blocks_create(&blocks, f.scores, f.element, NULL));
        OK(weld_element_identity(&moved, f.symmetry, NULL));
        OK(weld_element_identity(&again, f.symmetry, NULL));
        for (int start = 0; start < 4; start++) {
            int bad;
            weld_element_copy(moved, f.element);
            weld_element_copy(again, f.element);
            OK(weld_frank_wolfe(moved, f.scores, start, 7, 0, NULL));
            OK(weld_frank_wolfe(again, f.scores, start, 7, 0, NULL));
            assert_true(weld_element_is_valid(moved, &bad));
            for (int c = 0; c < f.symmetry->free_count; c++) {
                const size_t bytes = (size_t)f.symmetry->classes[c].size * sizeof(int32_t);
                const bool held = !blocks->whole[c] || !weld_class_is_alone(f.symmetry, c);
                assert_memory_equal(moved->perms[c], again->perms[c], bytes);
                if (held)
                    assert_memory_equal(moved->perms[c], f.element->perms[c], bytes);
            }
        }
        weld_element_free(moved);
        weld_element_free(again);
        weld_blocks_free(blocks);
        close_graph(&f);
    }
}

/* From the mean of all permutations, and without a descent. */
static void frank_wolfe_finds_a_hidden_permutation(void **state)
{
    (void)state;
    int relaxed = 0;
    for (int n = 0; n < GRAPHS; n++) {
        fixture f = open_graph(graphs[n]);
        weld_scores *scores;
        weld_blocks *blocks;
        weld_element *found;
        double best, norm = 0;
        bool all = true;
        OK(weld_element_apply(f.other, f.element, f.model->params, NULL));
        OK(weld_scores_create(&scores, f.symmetry, f.model->params, f.other, NULL));
        OK(weld_element_identity(&found, f.symmetry, NULL));
        OK(weld_blocks_create(&blocks, scores, found, NULL));
        for (int c = 0; c < f.symmetry->free_count; c++)
            all = all && blocks->whole[c] && weld_class_is_alone(f.symmetry, c);
        OK(weld_frank_wolfe(found, scores, 0, 1, 0, NULL));
        OK(weld_scores_objective(&best, scores, found, -1, NULL));
        for (int k = 0; k < scores->count; k++)
            norm += scores->tensors[k].scale; /* |A| |B|, and |B| = |A| */
        if (all && !(fabs(best - norm) <= 1e-6 * norm))
            fail_msg("%s: objective %g, of the copy in its place %g", graphs[n], best, norm);
        relaxed += all;
        weld_blocks_free(blocks);
        weld_element_free(found);
        weld_scores_free(scores);
        close_graph(&f);
    }
    assert_true(relaxed >= 2);
}

/* All permutations of [0, n), one after the other; false at the end. */
static bool next_permutation(int32_t *p, int32_t n)
{
    int32_t i = n - 2, j = n - 1;
    while (i >= 0 && p[i] > p[i + 1])
        i--;
    if (i < 0)
        return false;
    while (p[j] < p[i])
        j--;
    int32_t t = p[i];
    p[i] = p[j];
    p[j] = t;
    for (int32_t a = i + 1, b = n - 1; a < b; a++, b--) {
        t = p[a];
        p[a] = p[b];
        p[b] = t;
    }
    return true;
}

static double value_of(const double *score, const int32_t *perm, int32_t n)
{
    double sum = 0;
    for (int32_t i = 0; i < n; i++)
        sum += score[i * n + perm[i]];
    return sum;
}

/* 3 blocks of 2 units, two such classes: against all of the 6 * 8 * 8 elements. */
static void trees_are_assigned_as_a_whole(void **state)
{
    (void)state;
    enum { BLOCKS = 3, BLOCK = 2, UNITS = BLOCKS * BLOCK };
    weld_context *ctx;
    weld_rng rng;
    weld_rng_seed(&rng, 4, 1);
    OK(weld_context_create(&ctx, NULL, NULL));
    weld_class classes[] = {{.size = BLOCKS, .block = BLOCKS, .parent = -1},
                            {.size = UNITS, .block = BLOCK, .parent = 0},
                            {.size = UNITS, .block = BLOCK, .parent = 0}};
    const weld_symmetry s = {.ctx = ctx, .classes = classes, .class_count = 3, .free_count = 3};
    for (int trial = 0; trial < 50; trial++) {
        double own[BLOCKS * BLOCKS], first[UNITS * UNITS], second[UNITS * UNITS], gain, best = -1e9;
        double *scores[] = {trial % 2 ? own : NULL, first, second};
        weld_element *e;
        for (int k = 0; k < UNITS * UNITS; k++) {
            own[k % (BLOCKS * BLOCKS)] = weld_rng_normal(&rng);
            first[k] = weld_rng_normal(&rng);
            second[k] = weld_rng_normal(&rng);
        }
        int32_t p[BLOCKS] = {0, 1, 2};
        do
            for (int turns = 0; turns < 1 << 2 * BLOCKS; turns++) {
                int32_t q[2][UNITS];
                for (int u = 0; u < UNITS; u++)
                    for (int c = 0; c < 2; c++)
                        q[c][u] = p[u / BLOCK] * BLOCK +
                                  (u % BLOCK ^ (turns >> (c * BLOCKS + u / BLOCK) & 1));
                const double value = value_of(first, q[0], UNITS) + value_of(second, q[1], UNITS) +
                                     (scores[0] ? value_of(own, p, BLOCKS) : 0);
                best = value > best ? value : best;
            }
        while (next_permutation(p, BLOCKS));
        OK(weld_element_random(&e, &s, (uint64_t)trial, NULL));
        double before = value_of(first, e->perms[1], UNITS) + value_of(second, e->perms[2], UNITS);
        before += scores[0] ? value_of(own, e->perms[0], BLOCKS) : 0;
        OK(weld_assign_tree(e, 0, scores, &gain, NULL));
        int bad;
        assert_true(weld_element_is_valid(e, &bad));
        assert_true(fabs(before + gain - best) < 1e-9);
        weld_element_free(e);
    }
    weld_context_free(ctx);
}

static double norm_of(const float *x, int64_t count)
{
    double sum = 0;
    for (int64_t k = 0; k < count; k++)
        sum += (double)x[k] * (double)x[k];
    return sqrt(sum);
}

static void tensors_count_as_asked(void **state)
{
    (void)state;
    weld_normalise how;
    assert_true(weld_normalise_find(&how, NULL) && how == WELD_NORMALISE_NONE);
    assert_false(weld_normalise_find(&how, "rows"));
    for (int n = 0; n < GRAPHS; n++) {
        fixture f = open_graph(graphs[n]);
        OK(weld_scores_normalise(f.scores, WELD_NORMALISE_LAYER, NULL));
        for (int k = 0; k < f.scores->count; k++) {
            const weld_score_tensor *t = &f.scores->tensors[k];
            assert_true(fabs(norm_of(t->a, weld_shape_numel(&t->shape)) - 1) < 1e-7);
            assert_true(fabs(norm_of(t->b, weld_shape_numel(&t->shape)) - 1) < 1e-7);
            assert_true(fabs(t->scale - 1) < 1e-7);
        }
        close_graph(&f);
    }
    fixture f = open_graph("deep_mlp");
    OK(weld_scores_normalise(f.scores, WELD_NORMALISE_NEURON, NULL));
    for (int k = 0; k < f.scores->count; k++) {
        const weld_score_tensor *w = &f.scores->tensors[k];
        const weld_graph *g = f.symmetry->graph;
        for (int b = 0; b < f.scores->count && w->shape.rank == 2; b++) {
            const weld_score_tensor *bias = &f.scores->tensors[b];
            const int node = g->consumers[g->params[w->param].value][0];
            if (bias->shape.rank != 1 || g->nodes[node].inputs[2] != g->params[bias->param].value)
                continue;
            for (int64_t u = 0; u < w->shape.dims[0]; u++) {
                const double row = norm_of(w->a + u * w->shape.dims[1], w->shape.dims[1]);
                assert_true(fabs(hypot(row, bias->a[u]) - 1) < 1e-7);
            }
        }
    }
    close_graph(&f);
}

/* Every unit of a permuted copy looks like itself. */
static void signatures_recover_a_permuted_copy(void **state)
{
    (void)state;
    for (int n = 0; n < GRAPHS; n++) {
        fixture f = open_graph(graphs[n]);
        weld_scores *scores;
        weld_element *found;
        double best;
        OK(weld_element_apply(f.other, f.element, f.model->params, NULL));
        OK(weld_scores_create(&scores, f.symmetry, f.model->params, f.other, NULL));
        OK(weld_element_identity(&found, f.symmetry, NULL));
        OK(weld_match_signatures(found, scores, NULL));
        OK(weld_scores_objective(&best, scores, found, -1, NULL));
        double norm = 0;
        for (int k = 0; k < scores->count; k++)
            norm += scores->tensors[k].scale; /* |A| |B|, and |B| = |A| */
        if (!(fabs(best - norm) <= 1e-6 * norm))
            fail_msg("%s: objective %g, of the copy in its place %g", graphs[n], best, norm);
        weld_element_free(found);
        weld_scores_free(scores);
        close_graph(&f);
    }
}

/* Weights that are read whenever they are needed lead to the same permutations. */
static void weights_need_not_be_held(void **state)
{
    (void)state;
    for (int n = 0; n < GRAPHS; n++) {
        fixture f = open_graph(graphs[n]);
        weld_model *drawn;
        weld_match_result *results[2];
        char path[512];
        snprintf(path, sizeof path, WELD_GRAPHS "/%s.onnx", graphs[n]);
        OK(weld_model_load(&drawn, f.ctx, path, NULL));
        weld_match_input in = {.symmetry = f.symmetry,
                               .shapes = f.shapes,
                               .a = f.model->params,
                               .b = f.other,
                               .restarts = 3,
                               .seed = 4};
        for (int m = 0; m < 2; m++) {
            const weld_matcher *matcher = m ? &weld_matcher_frank_wolfe : &weld_matcher_weights;
            in.a = f.model->params;
            OK(matcher->run(&results[0], &in, NULL));
            in.a = drawn->params;
            OK(matcher->run(&results[1], &in, NULL));
            assert_true(results[0]->objective_end == results[1]->objective_end);
            for (int c = 0; c < f.symmetry->free_count; c++)
                assert_memory_equal(results[0]->element->perms[c], results[1]->element->perms[c],
                                    (size_t)f.symmetry->classes[c].size * sizeof(int32_t));
            weld_match_result_free(results[0]);
            weld_match_result_free(results[1]);
        }
        weld_model_free(drawn);
        close_graph(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_kept),
        cmocka_unit_test(blocks_are_the_objective),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(frank_wolfe_never_loses),
        cmocka_unit_test(frank_wolfe_finds_a_hidden_permutation),
        cmocka_unit_test(trees_are_assigned_as_a_whole),
        cmocka_unit_test(tensors_count_as_asked),
        cmocka_unit_test(signatures_recover_a_permuted_copy),
        cmocka_unit_test(weights_need_not_be_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
