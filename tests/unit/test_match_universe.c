/* The permutations of several models at once. */
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
#include "match/quartic.h"
#include "match/universe.h"
#include "failing.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define OK(call) assert_int_equal((call), WELD_OK)

enum { MODELS = 4 };

typedef struct fixture {
    weld_context *ctx;
    weld_model *model;
    weld_shapes *shapes;
    weld_symmetry *symmetry;
    weld_paramset *sets[MODELS];
    weld_element *elements[MODELS];
    double weights[MODELS];
} fixture;

static weld_status close_with(fixture *f, weld_status st)
{
    for (int m = 0; m < MODELS; m++) {
        weld_paramset_free(f->sets[m]);
        weld_element_free(f->elements[m]);
    }
    weld_symmetry_free(f->symmetry);
    weld_shapes_free(f->shapes);
    weld_model_free(f->model);
    return st;
}

/* Copies of a network, each with its units in another order and `noise` of its own. */
static weld_status fill(fixture *f, weld_context *ctx, const char *name, double noise,
                        weld_error *err)
{
    weld_status st = WELD_OK;
    char path[512];
    weld_rng rng;
    weld_element *hidden = NULL;
    *f = (fixture){.ctx = ctx};
    weld_rng_seed(&rng, 5, 1);
    snprintf(path, sizeof path, WELD_GRAPHS "/%s.onnx", name);
    WELD_TRY(weld_model_load(&f->model, ctx, path, err));
    WELD_TRY(weld_paramset_hold(f->model->params, err));
    const weld_graph *g = f->model->structure->graph;
    WELD_TRY(weld_structure_shapes(&f->shapes, f->model->structure, 4, err));
    WELD_TRY(weld_symmetry_derive(&f->symmetry, ctx, g, f->shapes, err));
    for (int m = 0; m < MODELS; m++) {
        f->weights[m] = 1.0 / MODELS;
        WELD_TRY(weld_paramset_copy(&f->sets[m], f->model->params, err));
        for (int p = 0; p < g->param_count; p++)
            for (size_t k = 0; k < weld_param_numel(g, p); k++)
                ((float *)f->sets[m]->arrays[p])[k] += (float)(noise * weld_rng_normal(&rng));
        WELD_TRY(weld_element_identity(&f->elements[m], f->symmetry, err));
        if (m == 0)
            continue;
        WELD_TRY(weld_element_random(&hidden, f->symmetry, (uint64_t)m, err));
        weld_paramset *moved = NULL;
        WELD_TRY(weld_paramset_copy(&moved, f->sets[m], err));
        st = weld_element_apply(moved, hidden, f->sets[m], err);
        weld_paramset_free(f->sets[m]);
        f->sets[m] = moved;
        weld_element_free(hidden);
        hidden = NULL;
        WELD_TRY(st);
    }
done:
    weld_element_free(hidden);
    return st;
}

static fixture open_graph(const char *name, double noise)
{
    fixture f;
    weld_context *ctx;
    OK(weld_context_create(&ctx, NULL, NULL));
    OK(fill(&f, ctx, name, noise, NULL));
    return f;
}

static void close_graph(fixture *f)
{
    close_with(f, WELD_OK);
    assert_int_equal(atomic_load(&f->ctx->in_use_bytes), 0);
    weld_context_free(f->ctx);
}

static weld_status open_set(weld_paramset **out, void *user, int which, weld_error *err)
{
    const fixture *f = user;
    return weld_paramset_copy(out, f->sets[which], err);
}

static weld_status find(fixture *f, int count, weld_error *err)
{
    const weld_universe_input in = {.symmetry = f->symmetry,
                                    .count = count,
                                    .weights = f->weights,
                                    .open = open_set,
                                    .user = f};
    return weld_match_universe(f->elements, &in, err);
}

/* Sum over pairs of <one permuted, the other permuted>, over sum of |one| |other|. */
static double agreement(const fixture *f, int count)
{
    double sum = 0, most = 0;
    weld_paramset *moved[MODELS];
    weld_element *still;
    OK(weld_element_identity(&still, f->symmetry, NULL));
    for (int m = 0; m < count; m++) {
        OK(weld_paramset_copy(&moved[m], f->sets[m], NULL));
        OK(weld_element_apply(moved[m], f->elements[m], f->sets[m], NULL));
    }
    for (int m = 0; m < count; m++)
        for (int n = m + 1; n < count; n++) {
            weld_scores *scores;
            double objective;
            OK(weld_scores_create(&scores, f->symmetry, moved[m], moved[n], NULL));
            OK(weld_scores_objective(&objective, scores, still, -1, NULL));
            sum += objective;
            for (int k = 0; k < scores->count; k++)
                most += scores->tensors[k].scale;
            weld_scores_free(scores);
        }
    for (int m = 0; m < count; m++)
        weld_paramset_free(moved[m]);
    weld_element_free(still);
    return sum / most;
}

/* Networks of which every class can be relaxed. */
static const char *const graphs[] = {"deep_mlp", "residual", "branches", "nhwc_flatten",
                                     "dense_concat"};
enum { GRAPHS = sizeof graphs / sizeof graphs[0] };

static void hidden_permutations_are_found(void **state)
{
    (void)state;
    for (int n = 0; n < GRAPHS; n++) {
        fixture f = open_graph(graphs[n], 0);
        OK(find(&f, MODELS, NULL));
        if (!(agreement(&f, MODELS) >= 1 - 1e-6))
            fail_msg("%s: %.9f", graphs[n], agreement(&f, MODELS));
        close_graph(&f);
    }
}

/* Two models are the case that weld_frank_wolfe knows, which has its own gradient and line search. */
static void two_models_are_a_pair(void **state)
{
    (void)state;
    for (int n = 0; n < GRAPHS; n++) {
        fixture f = open_graph(graphs[n], 0.5);
        weld_scores *scores;
        weld_element *pair;
        double objective[2];
        OK(weld_element_identity(&pair, f.symmetry, NULL));
        OK(weld_scores_create(&scores, f.symmetry, f.sets[0], f.sets[1], NULL));
        OK(weld_frank_wolfe(pair, scores, 0, 1, 0, NULL));
        OK(find(&f, 2, NULL));
        OK(weld_scores_objective(&objective[0], scores, pair, -1, NULL));
        OK(weld_scores_objective(&objective[1], scores, f.elements[1], -1, NULL));
        if (!(fabs(objective[0] - objective[1]) <= 1e-4 * fabs(objective[0])))
            fail_msg("%s: %g of a pair, %g of two", graphs[n], objective[0], objective[1]);
        weld_scores_free(scores);
        weld_element_free(pair);
        close_graph(&f);
    }
}

static void what_can_not_be_relaxed_stays(void **state)
{
    (void)state;
    const char *const held[] = {"attention_packed", "lstm", "shuffled_groups"};
    for (int n = 0; n < 3; n++) {
        fixture f = open_graph(held[n], 0.5);
        weld_scores *scores;
        weld_blocks *blocks;
        weld_element *before;
        OK(weld_element_random(&before, f.symmetry, 9, NULL));
        OK(weld_scores_create(&scores, f.symmetry, f.sets[0], f.sets[1], NULL));
        OK(weld_blocks_create(&blocks, scores, before, NULL));
        for (int m = 0; m < MODELS; m++)
            weld_element_copy(f.elements[m], before);
        OK(find(&f, MODELS, NULL));
        for (int m = 0; m < MODELS; m++)
            for (int c = 0; c < f.symmetry->free_count; c++) {
                int bad;
                assert_true(weld_element_is_valid(f.elements[m], &bad));
                if (m == 0 || !blocks->whole[c] || !weld_class_is_alone(f.symmetry, c))
                    assert_memory_equal(f.elements[m]->perms[c], before->perms[c],
                                        (size_t)f.symmetry->classes[c].size * sizeof(int32_t));
            }
        weld_blocks_free(blocks);
        weld_scores_free(scores);
        weld_element_free(before);
        close_graph(&f);
    }
}

static double value(const double c[5], double t)
{
    return c[0] + t * (c[1] + t * (c[2] + t * (c[3] + t * c[4])));
}

static void the_peak_of_a_quartic(void **state)
{
    (void)state;
    weld_rng rng;
    weld_rng_seed(&rng, 3, 1);
    for (int n = 0; n < 2000; n++) {
        double c[5], best = -INFINITY;
        for (int k = 0; k < 5; k++)
            c[k] = n % 7 == k ? 0 : weld_rng_normal(&rng);
        const double peak = weld_quartic_peak(c);
        assert_true(peak >= 0 && peak <= 1);
        for (int k = 0; k <= 1000; k++)
            best = fmax(best, value(c, k / 1000.0));
        if (!(value(c, peak) >= best - 1e-14))
            fail_msg("%g at %g, %g on a grid", value(c, peak), peak, best);
    }
    assert_true(weld_quartic_peak((const double[5]){1, 0, 0, 0, 0}) == 0);
}

static weld_status failing_walk(weld_context *ctx, weld_error *err)
{
    fixture f;
    weld_status st = fill(&f, ctx, "branches", 0.5, err);
    if (st == WELD_OK)
        st = find(&f, MODELS, err);
    return close_with(&f, st);
}

static void every_failed_allocation_is_a_status(void **state)
{
    (void)state;
    check_failed_allocations(failing_walk, 50, 97);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hidden_permutations_are_found), cmocka_unit_test(two_models_are_a_pair),
        cmocka_unit_test(what_can_not_be_relaxed_stays), cmocka_unit_test(the_peak_of_a_quartic),
        cmocka_unit_test(every_failed_allocation_is_a_status)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
