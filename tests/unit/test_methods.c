/* slerp and the merges of task vectors: by hand, against slow twins, and on the shipped pairs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/recipe.h"
#include "core/rng.h"
#include "failing.h"
#include "merge/task.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) assert_int_equal((call), WELD_OK)
#define NEAR(got, wanted, tolerance) assert_true(fabs((got) - (wanted)) <= (tolerance))

/* ---- one tensor of a few models ----------------------------------------------------------------- */

enum { MODELS = 4, COUNT_MAX = 3000 };

typedef struct tiny {
    weld_context *ctx;
    weld_param param;
    weld_value value;
    weld_graph graph;
    weld_shapes shapes;
    void *data[MODELS + 2], **arrays[MODELS + 2]; /* models, base, result */
    weld_paramset sets[MODELS + 2];
    const weld_paramset *models[MODELS];
    double weights[MODELS];
    int no_consumers, *consumers[1];
    weld_merge_job job;
} tiny;

static tiny *tiny_new(weld_dtype dtype, int64_t count, int models)
{
    tiny *t = calloc(1, sizeof *t);
    weld_context_options options = WELD_CONTEXT_OPTIONS_INIT;
    OK(weld_context_create(&t->ctx, &options, NULL));
    t->param = (weld_param){.name = "w", .dtype = dtype, .shape = {1, {count}}};
    t->graph = (weld_graph){.params = &t->param,
                            .param_count = 1,
                            .values = &t->value,
                            .value_count = 1,
                            .consumers = t->consumers,
                            .consumer_count = &t->no_consumers};
    t->shapes.graph = &t->graph;
    for (int k = 0; k < MODELS + 2; k++) {
        t->data[k] = calloc((size_t)count + 1, sizeof(double));
        t->arrays[k] = &t->data[k];
        t->sets[k] = (weld_paramset){.ctx = t->ctx, .graph = &t->graph, .arrays = t->arrays[k]};
    }
    for (int k = 0; k < models; k++) {
        t->models[k] = &t->sets[k];
        t->weights[k] = 1.0 / models;
    }
    t->job = (weld_merge_job){.ctx = t->ctx,
                              .shapes = &t->shapes,
                              .models = t->models,
                              .model_count = models,
                              .weights = t->weights,
                              .base = &t->sets[MODELS],
                              .density = 1,
                              .lambda = 1};
    return t;
}

static void tiny_free(tiny *t)
{
    for (int k = 0; k < MODELS + 2; k++)
        free(t->data[k]);
    weld_context_free(t->ctx);
    free(t);
}

static void put(tiny *t, int set, int64_t i, double value)
{
    weld_tensor x = weld_paramset_tensor(&t->sets[set], 0);
    weld_tensor_set_number(&x, i, value);
}

static double got(const tiny *t, int64_t i)
{
    return weld_paramset_number(&t->sets[MODELS + 1], 0, i);
}

static void run(tiny *t, const char *method)
{
    weld_tensor out = weld_paramset_tensor(&t->sets[MODELS + 1], 0);
    OK(weld_merge_tensor(&out, weld_merger_find(method), &t->job, 0, NULL));
}

static void by_hand(tiny *t, const char *method, const double *wanted)
{
    run(t, method);
    for (int64_t i = 0; i < t->param.shape.dims[0]; i++)
        NEAR(got(t, i), wanted[i], 1e-6);
}

static void slerp_by_hand(void **state)
{
    (void)state;
    tiny *t = tiny_new(WELD_FLOAT, 2, 2);
    const double half = sqrt(0.5);
    put(t, 0, 0, 1);
    put(t, 1, 1, 2); /* at right angles */
    by_hand(t, "slerp", (double[]){half, 2 * half});
    t->weights[0] = 2.0 / 3;
    t->weights[1] = 1.0 / 3; /* sin 60, sin 30 degrees */
    by_hand(t, "slerp", (double[]){sqrt(0.75), 1});
    put(t, 1, 0, 3), put(t, 1, 1, 0); /* parallel: the mean */
    by_hand(t, "slerp", (double[]){5.0 / 3, 0});
    put(t, 1, 0, -3); /* and the other way */
    by_hand(t, "slerp", (double[]){-1.0 / 3, 0});
    put(t, 0, 0, 0); /* of no direction: as if at right angles */
    by_hand(t, "slerp", (double[]){-1.5, 0});
    tiny_free(t);
    assert_true(weld_merger_slerp.of_two);
}

/* base 1 everywhere; differences of three models */
static tiny *three_models(void)
{
    static const double d[3][6] = {
        {4, -1, 2, 0, 3, -2}, {2, -3, -4, 0, -3, -2}, {-2, 4, -1, 0, 0, 1}};
    tiny *t = tiny_new(WELD_FLOAT, 6, 3);
    for (int i = 0; i < 6; i++) {
        put(t, MODELS, i, 1);
        for (int k = 0; k < 3; k++)
            put(t, k, i, 1 + d[k][i]);
    }
    t->weights[0] = 0.5;
    t->weights[1] = 0.25;
    t->weights[2] = 0.25;
    return t;
}

static void task_vectors_by_hand(void **state)
{
    (void)state;
    tiny *t = three_models();
    by_hand(t, "task-arithmetic", (double[]){3, 0.75, 0.75, 1, 1.75, -0.25});
    t->job.lambda = -2;
    by_hand(t, "task_arithmetic", (double[]){-3, 1.5, 1.5, 1, -0.5, 3.5});
    t->job.lambda = 2;
    /* signs that weigh more: + - - . + -; 2.5 / .75, -1.25 / .75, -1.25 / .5, 0, 1.5 / .5, -1.5 / .75;
     * in the second and third the sums are -.25 */
    by_hand(t, "ties",
            (double[]){1 + 2 * 2.5 / 0.75, 1 - 2 * 1.25 / 0.75, -4, 1, 7, 1 - 2 * 1.5 / 0.75});
    by_hand(t, "dare-ties", (double[]){6, -1.5, -1.5, 1, 4, -2});
    t->job.lambda = 1;
    t->weights[2] = 1;
    t->job.density = 0.5; /* left: 4 . 2 . 3 .   . -3 -4 . -3 .   -2 4 -1 . . . */
    by_hand(t, "ties", (double[]){1 + 2 / 0.5, 1 + 4, 1 - 2 / 1.25, 1, 1 + 1.5 / 0.5, 1});
    t->job.density = 0.01; /* one: the first of the largest */
    by_hand(t, "ties", (double[]){5, 5, -3, 1, 1, 1});
    tiny_free(t);
}

/* What all agree on, and what is kept, is copied; so is the base where nothing is added to it. */
static void bits_stay(void **state)
{
    (void)state;
    tiny *t = tiny_new(WELD_FLOAT, 2, 2);
    bool keep = false;
    for (int k = 0; k < 2; k++)
        put(t, k, 0, -0.0), put(t, k, 1, 0.1);
    put(t, MODELS, 0, -0.0), put(t, MODELS, 1, 0.1);
    run(t, "task-arithmetic");
    assert_memory_equal(t->data[MODELS + 1], t->data[0], 2 * sizeof(float));
    put(t, 0, 1, 0.7);
    run(t, "ties");
    assert_memory_equal(t->data[MODELS + 1], t->data[MODELS], sizeof(float));
    t->job.keep = &keep;
    put(t, MODELS, 1, 100);
    for (int k = 0; k < 2; k++) {
        run(t, "dare-linear");
        assert_int_equal(memcmp(t->data[MODELS + 1], t->data[0], 2 * sizeof(float)) == 0, keep);
        t->job.density = 0.01;
        keep = true;
        t->weights[0] = 1;
        t->weights[1] = 0;
    }
    tiny_free(t);
}

/* ---- slow twins ----------------------------------------------------------------------------------- */

static double numbers[COUNT_MAX];

static int by_size(const void *x, const void *y)
{
    const int i = *(const int *)x, j = *(const int *)y;
    const double a = fabs(numbers[i]), b = fabs(numbers[j]);
    return a != b ? (a < b) - (a > b) : i - j;
}

/* ties as it is told: sort, cut off, elect, average. */
static void ties_twin(double *out, const tiny *t, int count)
{
    static double left[MODELS][COUNT_MAX];
    static int order[COUNT_MAX];
    memset(left, 0, sizeof left);
    for (int k = 0; k < t->job.model_count; k++) {
        for (int i = 0; i < count; i++) {
            order[i] = i;
            numbers[i] = weld_paramset_number(t->models[k], 0, i) -
                         weld_paramset_number(t->job.base, 0, i);
        }
        qsort(order, (size_t)count, sizeof *order, by_size);
        for (int r = 0; r < (int)(t->job.density * count); r++)
            left[k][order[r]] = numbers[order[r]];
    }
    for (int i = 0; i < count; i++) {
        double elected = 0, sum = 0, weight = 0;
        for (int k = 0; k < t->job.model_count; k++)
            elected += t->weights[k] * left[k][i];
        for (int k = 0; k < t->job.model_count; k++) {
            const double x = t->weights[k] * left[k][i];
            const int sign = (x > 0) - (x < 0);
            sum += sign == (elected >= 0 ? 1 : -1) ? x : 0;
            weight += sign == (elected >= 0 ? 1 : -1) ? t->weights[k] : 0;
        }
        out[i] = weld_paramset_number(t->job.base, 0, i) +
                 t->job.lambda * sum / (weight == 0 ? 1 : weight);
    }
}

static tiny *random_models(weld_rng *rng, weld_dtype dtype, int count, int models, bool coarse)
{
    tiny *t = tiny_new(dtype, count, models);
    for (int k = 0; k <= MODELS; k++)
        for (int i = 0; i < count; i++) {
            const double x = weld_rng_normal(rng);
            put(t, k, i, coarse ? round(2 * x) : x); /* coarse: many equal magnitudes */
        }
    for (int k = 0; k < models; k++)
        t->weights[k] = weld_rng_normal(rng);
    t->job.lambda = weld_rng_normal(rng);
    return t;
}

static void ties_is_its_twin(void **state)
{
    (void)state;
    static double wanted[COUNT_MAX];
    static const int counts[] = {2, 7, 100, COUNT_MAX};
    weld_rng rng;
    weld_rng_seed(&rng, 5, 0);
    for (int trial = 0; trial < 64; trial++) {
        const int count = counts[trial % 4];
        const weld_dtype dtype = trial & 4 ? WELD_DOUBLE : WELD_FLOAT;
        tiny *t = random_models(&rng, dtype, count, 1 + trial / 8 % MODELS, trial & 32);
        t->job.density = (1 + weld_rng_below(&rng, 10)) / 10.0;
        if (t->job.density * count < 1)
            t->job.density = 1;
        ties_twin(wanted, t, count);
        run(t, "ties");
        for (int i = 0; i < count; i++)
            assert_true(fabs(got(t, i) - wanted[i]) <=
                        (dtype == WELD_FLOAT ? 1e-6 : 1e-12) * (1 + fabs(wanted[i])));
        tiny_free(t);
    }
}

/* ---- what is drawn -------------------------------------------------------------------------------- */

/* kept [count]; the factor of the model's sieve */
static double draw(bool *kept, tiny *t, int model, uint64_t seed)
{
    weld_sieve sieve = {.job = &t->job, .model = model, .factor = 1};
    t->job.seed = seed;
    OK(weld_sift_at_random(&sieve, NULL));
    for (int64_t i = 0; i < weld_sieve_count(&sieve); i++)
        kept[i] = sieve.keeps(&sieve, weld_sieve_value(&sieve, i));
    return sieve.factor;
}

static int common(const bool *x, const bool *y)
{
    int count = 0;
    for (int i = 0; i < COUNT_MAX; i++)
        count += x[i] && y[i];
    return count;
}

static void draws_are_seeded_and_apart(void **state)
{
    (void)state;
    static bool first[COUNT_MAX], again[COUNT_MAX], others[COUNT_MAX];
    weld_rng rng;
    weld_rng_seed(&rng, 6, 0);
    tiny *t = random_models(&rng, WELD_FLOAT, COUNT_MAX, 2, false);
    t->job.density = 0.4;
    const double factor = draw(first, t, 0, 7);
    double all = 0, kept = 0;
    for (int i = 0; i < COUNT_MAX; i++) {
        const double size = fabs(weld_paramset_number(t->models[0], 0, i) -
                                 weld_paramset_number(t->job.base, 0, i));
        all += size;
        kept += first[i] ? size : 0;
    }
    NEAR(factor, all / kept, 1e-12);
    assert_true(fabs(common(first, first) / (0.4 * COUNT_MAX) - 1) < 0.1);
    NEAR(draw(again, t, 0, 7), factor, 0);
    assert_memory_equal(first, again, sizeof first);
    for (int way = 0; way < 2; way++) { /* another model, another seed: independent */
        draw(others, t, !way, 7 + (uint64_t)way);
        assert_true(fabs(common(first, others) / (0.16 * COUNT_MAX) - 1) < 0.15);
    }
    tiny_free(t);
}

static void dare_adds_what_is_drawn(void **state)
{
    (void)state;
    static bool kept[2][COUNT_MAX];
    weld_rng rng;
    double factor[2];
    weld_rng_seed(&rng, 8, 0);
    tiny *t = random_models(&rng, WELD_DOUBLE, COUNT_MAX, 2, false);
    t->job.density = 0.7;
    for (int k = 0; k < 2; k++)
        factor[k] = draw(kept[k], t, k, 3);
    for (int way = 0; way < 2; way++) {
        run(t, way ? "dare-ties" : "dare-linear");
        for (int i = 0; i < COUNT_MAX; i++) {
            double x[2];
            const double base = weld_paramset_number(t->job.base, 0, i);
            for (int k = 0; k < 2; k++)
                x[k] = kept[k][i] * factor[k] * t->weights[k] *
                       (weld_paramset_number(t->models[k], 0, i) - base);
            for (int k = 0; way && k < 2; k++)
                x[k] = x[k] * (x[0] + x[1]) < 0 ? 0 : x[k];
            NEAR(got(t, i), base + t->job.lambda * (x[0] + x[1]), 1e-11);
        }
    }
    tiny_free(t);
}

/* ---- the shipped pairs ---------------------------------------------------------------------------- */

typedef struct fixture {
    weld_context *ctx;
    weld_model *a, *b, *base;
    weld_alignment *alignment;
} fixture;

static weld_model *load(weld_context *ctx, const char *name)
{
    weld_error err = WELD_ERROR_INIT;
    weld_model *model = NULL;
    char path[512];
    snprintf(path, sizeof path, WELD_MODELS "/%s.onnx", name);
    if (weld_model_load(&model, ctx, path, &err) != WELD_OK)
        fail_msg("%s", err.message);
    return model;
}

static fixture open_pair(const char *a, const char *b, const char *base, int threads)
{
    fixture f = {0};
    weld_context_options options = WELD_CONTEXT_OPTIONS_INIT;
    weld_align_options how = WELD_ALIGN_OPTIONS_INIT;
    options.threads = threads;
    how.method = "none";
    OK(weld_context_create(&f.ctx, &options, NULL));
    f.a = load(f.ctx, a);
    f.b = load(f.ctx, b);
    f.base = load(f.ctx, base);
    OK(weld_align(&f.alignment, f.a, f.b, &how, NULL));
    OK(weld_paramset_hold(f.a->params, NULL));
    OK(weld_paramset_hold(f.b->params, NULL));
    OK(weld_paramset_hold(f.alignment->aligned, NULL));
    return f;
}

static void close_pair(fixture *f)
{
    weld_alignment_free(f->alignment);
    weld_model_free(f->a);
    weld_model_free(f->b);
    weld_model_free(f->base);
    assert_int_equal(atomic_load(&f->ctx->in_use_bytes), 0);
    weld_context_free(f->ctx);
}

static weld_merge_options options_for(const fixture *f, const char *method)
{
    weld_merge_options o = WELD_MERGE_OPTIONS_INIT;
    o.method = method;
    o.statistics = "none";
    o.base = weld_merge_uses_base(method) ? f->base : NULL;
    o.density = weld_merge_uses_density(method) ? 0.4 : 1;
    return o;
}

static weld_model *merge(const fixture *f, const weld_merge_options *o)
{
    weld_model *merged = NULL;
    weld_error err = WELD_ERROR_INIT;
    if (weld_merge(&merged, f->alignment, o, &err) != WELD_OK)
        fail_msg("%s: %s", o->method, err.message);
    OK(weld_paramset_hold(merged->params, NULL));
    return merged;
}

static void assert_params(const weld_model *got, const weld_paramset *wanted, double tolerance)
{
    const weld_graph *g = wanted->graph;
    OK(weld_paramset_hold(got->params, NULL));
    OK(weld_paramset_hold(wanted, NULL));
    for (int p = 0; p < g->param_count; p++)
        for (size_t i = 0; i < weld_param_numel(g, p); i++) {
            const double x = weld_paramset_number(got->params, p, (int64_t)i);
            const double y = weld_paramset_number(wanted, p, (int64_t)i);
            if (!(fabs(x - y) <= tolerance * (1 + fabs(y))))
                fail_msg("%s[%zu]: %.9g, wanted %.9g", g->params[p].name, i, x, y);
        }
}

/* With weights whose sum is 1 and lambda 1 the base cancels out, whatever it is. */
static void task_arithmetic_is_the_average(void **state)
{
    (void)state;
    fixture f = open_pair("spawned/a", "spawned/b", "mlp/a", 1); /* written in another form */
    weld_merge_options o = options_for(&f, "task-arithmetic"), plain = options_for(&f, "lerp");
    o.alpha = plain.alpha = 0.3;
    weld_model *merged = merge(&f, &o), *average = merge(&f, &plain);
    assert_params(merged, average->params, 1e-6);
    weld_model_free(merged);
    o.lambda = 0;
    merged = merge(&f, &o);
    for (int p = 0; p < f.a->params->graph->param_count; p++) /* the base, in A's form */
        assert_int_equal(weld_param_bytes(f.a->params->graph, p),
                         weld_param_bytes(merged->params->graph, p));
    weld_model_free(merged);
    weld_model_free(average);
    close_pair(&f);
}

static void the_base_may_be_one_of_them(void **state)
{
    (void)state;
    fixture f = open_pair("spawned/a", "spawned/b", "spawned/b", 1);
    weld_paramset *wanted;
    OK(weld_paramset_copy(&wanted, f.a->params, NULL));
    weld_merge_options o = options_for(&f, "task-arithmetic");
    o.alpha = 0.25;
    for (int lambda = 0; lambda < 3; lambda++) { /* B + lambda alpha (A - B) */
        o.lambda = lambda;
        weld_model *merged = merge(&f, &o);
        weld_paramset_lerp(wanted, f.a->params, f.alignment->aligned, 0.25 * lambda);
        assert_params(merged, wanted, 1e-6);
        weld_model_free(merged);
    }
    weld_paramset_free(wanted);
    close_pair(&f);
}

static void threads_and_runs_change_no_bit(void **state)
{
    (void)state;
    static const char *const methods[] = {"slerp", "task-arithmetic", "ties", "dare-linear",
                                          "dare-ties"};
    fixture one = open_pair("mlp/a", "mlp/b", "mlp/c", 1);
    fixture three = open_pair("mlp/a", "mlp/b", "mlp/c", 3);
    for (size_t m = 0; m < sizeof methods / sizeof methods[0]; m++) {
        const weld_merge_options x = options_for(&one, methods[m]);
        const weld_merge_options y = options_for(&three, methods[m]);
        weld_model *of_one = merge(&one, &x), *of_three = merge(&three, &y);
        assert_params(of_one, of_three->params, 0);
        weld_model_free(of_one);
        weld_model_free(of_three);
    }
    close_pair(&one);
    close_pair(&three);
}

/* What is skipped is A's to the bit, although the method would change it even at alpha 1. */
static void what_is_skipped_stays(void **state)
{
    (void)state;
    const char *layer[] = {"layers\\.1\\."};
    fixture f = open_pair("mlp/a", "mlp/b", "mlp/c", 1);
    const weld_graph *g = f.a->params->graph;
    for (int way = 0; way < 2; way++) {
        weld_merge_options o = options_for(&f, "ties");
        int same = 0;
        o.skip = way ? NULL : layer;
        o.skip_count = !way;
        o.only = way ? layer : NULL;
        o.only_count = way;
        o.alpha = 1;
        weld_model *merged = merge(&f, &o);
        for (int p = 0; p < g->param_count; p++) {
            const bool equal = memcmp(merged->params->arrays[p], f.a->params->arrays[p],
                                      weld_param_bytes(g, p)) == 0;
            assert_int_equal(equal, way != (strstr(g->params[p].name, "layers.1.") != NULL));
            same += equal;
        }
        assert_int_equal(same, way ? g->param_count - 2 : 2);
        weld_model_free(merged);
    }
    close_pair(&f);
}

/* A difference of variances is no task: whatever is added, they stay variances. */
static void running_statistics_are_averaged(void **state)
{
    (void)state;
    fixture f = open_pair("resnet/a", "resnet/b", "resnet/b", 1);
    const weld_graph *g = f.a->params->graph;
    weld_merge_options o = options_for(&f, "dare-linear");
    int statistics = 0;
    o.lambda = 5;
    weld_model *merged = merge(&f, &o);
    for (int n = 0; n < g->node_count; n++)
        for (int k = 3; k < 5 && g->nodes[n].op->statistic_inputs; k++) {
            const int p = weld_param_at(g, &g->nodes[n], k);
            for (size_t i = 0; i < weld_param_numel(g, p); i++)
                NEAR(weld_paramset_number(merged->params, p, (int64_t)i),
                     0.5 * weld_paramset_number(f.a->params, p, (int64_t)i) +
                         0.5 * weld_paramset_number(f.b->params, p, (int64_t)i),
                     1e-5);
            statistics++;
        }
    assert_int_equal(statistics, 30);
    weld_model_free(merged);
    close_pair(&f);
}

static void assert_refused(const fixture *f, const weld_merge_options *o, weld_status status,
                           const char *what)
{
    weld_model *merged;
    weld_error err = WELD_ERROR_INIT;
    assert_int_equal(weld_merge(&merged, f->alignment, o, &err), status);
    assert_null(merged);
    if (!strstr(err.message, what))
        fail_msg("'%s' does not say '%s'", err.message, what);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    fixture f = open_pair("mlp/a", "mlp/b", "cnn/a", 1);
    weld_merge_options o = options_for(&f, "ties");
    assert_refused(&f, &o, WELD_E_MISMATCH, "as the base of");
    o.base = NULL;
    assert_refused(&f, &o, WELD_E_ARGUMENT, "merge method 'ties' needs a base");
    o = options_for(&f, "slerp");
    o.base = f.base;
    assert_refused(&f, &o, WELD_E_ARGUMENT, "merge method 'slerp' takes no base");
    o = options_for(&f, "slerp");
    o.density = 0.5;
    assert_refused(&f, &o, WELD_E_ARGUMENT, "merge method 'slerp' takes no density");
    o = options_for(&f, "slerp");
    o.lambda = 2;
    assert_refused(&f, &o, WELD_E_ARGUMENT, "merge method 'slerp' takes no lambda");
    o = options_for(&f, "dare_ties");
    static const double wrong[] = {0, -0.5, 1.5, NAN};
    for (int k = 0; k < 4; k++) {
        o.density = wrong[k];
        assert_refused(&f, &o, WELD_E_ARGUMENT, "allowed above 0 to 1");
    }
    o.density = 1;
    o.lambda = INFINITY;
    assert_refused(&f, &o, WELD_E_ARGUMENT, "allowed finite");
    assert_false(weld_merge_uses_base(NULL) || weld_merge_uses_base("nosuch"));
    assert_false(weld_merge_uses_density(NULL) || weld_merge_uses_density("task-arithmetic"));
    close_pair(&f);
}

static weld_status failing_merges(weld_context *ctx, weld_error *err)
{
    static const char *const methods[] = {"slerp", "ties", "dare-ties"};
    weld_model *m[4] = {NULL};
    weld_alignment *alignment = NULL;
    weld_align_options options = WELD_ALIGN_OPTIONS_INIT;
    options.method = "none";
    weld_status st = weld_model_load(&m[0], ctx, WELD_MODELS "/mlp/a.onnx", err);
    if (st == WELD_OK)
        st = weld_model_load(&m[1], ctx, WELD_MODELS "/mlp/b.onnx", err);
    if (st == WELD_OK)
        st = weld_model_load(&m[2], ctx, WELD_MODELS "/spawned/a.onnx", err);
    if (st == WELD_OK)
        st = weld_align(&alignment, m[0], m[1], &options, err);
    for (int k = 0; st == WELD_OK && k < 3; k++) {
        weld_merge_options how = WELD_MERGE_OPTIONS_INIT;
        how.method = methods[k];
        how.base = k ? m[2] : NULL;
        how.density = k ? 0.5 : 1;
        st = weld_merge(&m[3], alignment, &how, err);
        weld_model_free(m[3]);
    }
    weld_alignment_free(alignment);
    for (int k = 0; k < 3; k++)
        weld_model_free(m[k]);
    return st;
}

static void every_failed_allocation_is_a_status(void **state)
{
    (void)state;
    check_failed_allocations(failing_merges, 100, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slerp_by_hand),
        cmocka_unit_test(task_vectors_by_hand),
        cmocka_unit_test(bits_stay),
        cmocka_unit_test(ties_is_its_twin),
        cmocka_unit_test(draws_are_seeded_and_apart),
        cmocka_unit_test(dare_adds_what_is_drawn),
        cmocka_unit_test(task_arithmetic_is_the_average),
        cmocka_unit_test(the_base_may_be_one_of_them),
        cmocka_unit_test(threads_and_runs_change_no_bit),
        cmocka_unit_test(what_is_skipped_stays),
        cmocka_unit_test(running_statistics_are_averaged),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(every_failed_allocation_is_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
