/* --polish: swaps that lower the loss of the merge, the same with and without kept prefixes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/objects.h"
#include "core/rng.h"
#include "eval/midpoint.h"
#include "pair.h"
#include <stdio.h>
#include <string.h>

enum { SAMPLES = 80, VALUES = 3 * 8 * 8 };

/* Noise with random labels. */
static weld_dataset *noise(weld_context *ctx)
{
    weld_rng rng;
    weld_dataset *d = weld_alloc(ctx, 1, sizeof *d);
    assert_non_null(d);
    d->ctx = ctx;
    d->total = d->count = SAMPLES;
    d->arrays = weld_alloc(ctx, 1, sizeof *d->arrays);
    d->array_count = 1;
    d->path = weld_strdup(ctx, "noise");
    d->labels = weld_alloc(ctx, SAMPLES, sizeof *d->labels);
    assert_true(d->arrays && d->path && d->labels);
    d->arrays[0] = (weld_samples){.key = weld_strdup(ctx, ""),
                                  .sample = {3, {3, 8, 8}},
                                  .stored = WELD_FLOAT,
                                  .raw = weld_alloc(ctx, SAMPLES * VALUES, sizeof(float)),
                                  .scale = 1,
                                  .channel_axis = -1};
    assert_true(d->arrays[0].key && d->arrays[0].raw);
    weld_rng_seed(&rng, 1, 0);
    for (int k = 0; k < SAMPLES * VALUES; k++)
        d->arrays[0].raw_f[k] = (float)weld_rng_normal(&rng);
    for (int k = 0; k < SAMPLES; k++)
        d->labels[k] = weld_rng_below(&rng, 10);
    return d;
}

/* A network and another one of its shape. */
static fixture open_pair(const char *name, int threads)
{
    fixture f = {0};
    char path[512];
    weld_rng rng;
    weld_context_options options = WELD_CONTEXT_OPTIONS_INIT;
    options.threads = threads;
    snprintf(path, sizeof path, WELD_GRAPHS "/%s.onnx", name);
    OK(weld_context_create(&f.ctx, &options, NULL));
    OK(weld_model_load(&f.a, f.ctx, path, NULL));
    OK(weld_model_load(&f.b, f.ctx, path, NULL));
    OK(weld_paramset_hold(f.b->params, NULL));
    weld_rng_seed(&rng, 2, 0);
    for (int p = 0; p < f.b->params->graph->param_count; p++)
        for (size_t k = 0; k < weld_param_numel(f.b->params->graph, p); k++)
            ((float *)f.b->params->arrays[p])[k] = (float)(0.5 * weld_rng_normal(&rng));
    f.data = noise(f.ctx);
    return f;
}

static weld_status polish(fixture *f, double seconds, weld_error *err)
{
    weld_align_options options = WELD_ALIGN_OPTIONS_INIT;
    options.method = "none";
    options.data = f->data;
    options.polish_seconds = seconds;
    weld_alignment_free(f->alignment);
    return weld_align(&f->alignment, f->a, f->b, &options, err);
}

/* The loss of the merge from scratch. */
static double loss_of(const fixture *f)
{
    const weld_alignment *al = f->alignment;
    weld_paramset *merged;
    const char *metric;
    double loss;
    OK(weld_paramset_copy(&merged, al->naive, NULL));
    weld_paramset_lerp(merged, al->a->params, al->aligned, 0.5);
    const weld_paramset *sets[] = {merged};
    const weld_paramset *const ends[] = {f->a->params, al->naive};
    const weld_midpoint_input in = {.ctx = f->ctx,
                                    .shapes = al->shapes,
                                    .ends = ends,
                                    .end_count = 2,
                                    .merged = sets,
                                    .count = 1,
                                    .data = f->data};
    OK(weld_midpoint_losses(&loss, &metric, &in, NULL));
    assert_string_equal(metric, "ce");
    weld_paramset_free(merged);
    return loss;
}

static void assert_same_element(const weld_element *x, const weld_element *y)
{
    for (int c = 0; c < x->symmetry->free_count; c++)
        assert_memory_equal(x->perms[c], y->perms[c],
                            (size_t)x->symmetry->classes[c].size * sizeof(int32_t));
}

static const char *const graphs[] = {"depthwise", "residual", "grouped_conv"};
enum { GRAPHS = 3 };

static void swaps_lower_the_loss(void **state)
{
    (void)state;
    for (int k = 0; k < GRAPHS; k++) {
        fixture f = open_pair(graphs[k], 2);
        OK(polish(&f, 1000, NULL));
        const weld_polish *p = &f.alignment->polish;
        assert_true(p->present && !p->out_of_time && p->kept > 0 && p->tried > p->kept);
        assert_int_equal(p->samples, SAMPLES);
        assert_true(p->loss[1] < p->loss[0]);
        const double fresh = loss_of(&f);
        if (!(p->loss[1] - fresh < 1e-6 && fresh - p->loss[1] < 1e-6))
            fail_msg("%s: %.9g, from scratch %.9g", graphs[k], p->loss[1], fresh);
        OK(weld_alignment_verify(f.alignment, NULL, 16, 1e-5, NULL));
        close_pair(&f);
    }
}

/* Whether prefixes are kept, and by how many threads it is done, changes nothing. */
static void neither_memory_nor_threads_count(void **state)
{
    (void)state;
    for (int k = 0; k < GRAPHS; k++) {
        fixture f = open_pair(graphs[k], 2), one = open_pair(graphs[k], 1);
        one.ctx->budget_bytes = 3 << 19; /* a quarter does not hold all values */
        OK(polish(&f, 1000, NULL));
        OK(polish(&one, 1000, NULL));
        assert_true(f.alignment->polish.loss[1] == one.alignment->polish.loss[1]);
        assert_int_equal(f.alignment->polish.tried, one.alignment->polish.tried);
        assert_same_element(f.alignment->element, one.alignment->element);
        close_pair(&f);
        close_pair(&one);
    }
}

static void time_and_labels_are_needed(void **state)
{
    (void)state;
    weld_error err = WELD_ERROR_INIT;
    fixture f = open_pair("branches", 2);
    OK(polish(&f, 1e-9, NULL));
    assert_true(f.alignment->polish.out_of_time);
    assert_int_equal(f.alignment->polish.tried, 1);
    weld_free(f.ctx, f.data->labels);
    f.data->labels = NULL;
    assert_int_equal(polish(&f, 1, &err), WELD_E_ARGUMENT);
    assert_non_null(strstr(err.message, "labels"));
    close_pair(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(swaps_lower_the_loss),
        cmocka_unit_test(neither_memory_nor_threads_count),
        cmocka_unit_test(time_and_labels_are_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
