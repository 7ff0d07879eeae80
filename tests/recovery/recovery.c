/* A network is found again in a permuted copy of itself, with and without noise on its weights:

       recovery TRIALS MODEL.onnx...

   Default options, no data. B is A permuted by a random element of its symmetry; the merge of both must
   have a loss that is no higher than that of its ends, on random inputs labelled by A: barrier <= 1e-5,
   or, where noise alone makes it higher than that, what the true permutation gives. */
#include "api/objects.h"
#include "core/rng.h"
#include "exec/plan.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 64 };
static const double noises[] = {0, 1e-3}; /* relative, per weight */
static const double barrier_max = 1e-5;

static void must(weld_status st, const weld_error *err, const char *what)
{
    if (st == WELD_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, err->message);
    exit(1);
}

static void add_noise(weld_paramset *set, double relative, weld_rng *rng)
{
    for (int p = 0; p < set->graph->param_count; p++) {
        float *x = set->arrays[p];
        for (size_t k = 0; k < weld_param_numel(set->graph, p); k++)
            x[k] *= (float)(1 + relative * weld_rng_normal(rng));
    }
}

/* logits [SAMPLES, classes] of the model on inputs drawn from `seed` */
static double *logits_of(const weld_paramset *params, const weld_shapes *shapes, int *classes)
{
    weld_error err = WELD_ERROR_INIT;
    const weld_graph *g = shapes->graph;
    weld_plan *plan;
    weld_run *run;
    weld_tensor input = {0};
    const weld_tensor *inputs[] = {&input};
    weld_rng rng;
    weld_rng_seed(&rng, 99, 1);
    must(weld_plan_create(&plan, params->ctx, shapes, NULL, 0, &err), &err, "plan");
    must(weld_run_create(&run, plan, &err), &err, "run");
    must(weld_tensor_create(&input, params->ctx, WELD_FLOAT, &shapes->types[g->inputs[0]].shape,
                            &err),
         &err, "input");
    for (int64_t k = 0; k < weld_shape_numel(&input.shape); k++)
        input.f[k] = (float)weld_rng_normal(&rng);
    must(weld_run_all(run, params, inputs, &err), &err, "run");
    const weld_tensor *y = weld_run_value(run, g->outputs[0]);
    const int64_t count = weld_shape_numel(&y->shape);
    double *out = malloc((size_t)count * sizeof *out);
    for (int64_t k = 0; out && k < count; k++)
        out[k] = weld_tensor_number(y, k);
    *classes = (int)(count / SAMPLES);
    weld_tensor_free(params->ctx, &input);
    weld_run_free(run);
    weld_plan_free(plan);
    return out;
}

/* Mean cross-entropy with the largest of `truth` as labels. */
static double loss_of(const double *logits, const double *truth, int classes)
{
    double total = 0;
    for (int i = 0; i < SAMPLES; i++) {
        const double *x = logits + i * classes, *t = truth + i * classes;
        int label = 0;
        double sum = 0, top = x[0];
        for (int k = 0; k < classes; k++) {
            label = t[k] > t[label] ? k : label;
            top = x[k] > top ? x[k] : top;
        }
        for (int k = 0; k < classes; k++)
            sum += exp(x[k] - top);
        total += log(sum) - (x[label] - top);
    }
    return total / SAMPLES;
}

/* Loss of the midpoint above the mean of the ends. */
static double barrier_of(const weld_paramset *a, const weld_paramset *b,
                         const weld_paramset *merged, const weld_shapes *shapes)
{
    const weld_paramset *sets[] = {a, b, merged};
    double *logits[3], loss[3];
    int classes;
    for (int k = 0; k < 3; k++)
        logits[k] = logits_of(sets[k], shapes, &classes);
    for (int k = 0; k < 3; k++)
        loss[k] = loss_of(logits[k], logits[0], classes);
    for (int k = 0; k < 3; k++)
        free(logits[k]);
    return loss[2] - (loss[0] + loss[1]) / 2;
}

/* What the merge would be with the permutation that B was made by. */
static double true_barrier(const weld_paramset *a, const weld_paramset *b,
                           const weld_element *element, const weld_shapes *shapes)
{
    weld_error err = WELD_ERROR_INIT;
    const weld_symmetry *s = element->symmetry;
    weld_element *back;
    weld_paramset *undone, *merged;
    must(weld_element_identity(&back, s, &err), &err, "element");
    for (int c = 0; c < s->free_count; c++)
        for (int32_t i = 0; i < s->classes[c].size; i++)
            back->perms[c][element->perms[c][i]] = i;
    must(weld_paramset_copy(&undone, b, &err), &err, "copy");
    must(weld_paramset_copy(&merged, b, &err), &err, "copy");
    must(weld_element_apply(undone, back, b, &err), &err, "apply");
    weld_paramset_lerp(merged, a, undone, 0.5);
    const double barrier = barrier_of(a, b, merged, shapes);
    weld_paramset_free(undone);
    weld_paramset_free(merged);
    weld_element_free(back);
    return barrier;
}

/* The barrier, and what it may be. */
static double trial(double *allowed, weld_context *ctx, const char *path, uint64_t seed,
                    double noise)
{
    weld_error err = WELD_ERROR_INIT;
    weld_model *a, *b, *merged;
    weld_shapes *shapes;
    weld_symmetry *symmetry;
    weld_element *element;
    weld_alignment *alignment;
    weld_rng rng;
    weld_rng_seed(&rng, seed, 3);
    must(weld_model_load(&a, ctx, path, &err), &err, path);
    must(weld_model_load(&b, ctx, path, &err), &err, path);
    must(weld_shapes_infer(&shapes, ctx, a->structure->graph, SAMPLES, 0, &err), &err, path);
    must(weld_symmetry_derive(&symmetry, ctx, a->structure->graph, shapes, &err), &err, path);
    must(weld_element_random(&element, symmetry, seed, &err), &err, path);
    must(weld_element_apply(b->params, element, a->params, &err), &err, path);
    add_noise(b->params, noise, &rng);
    must(weld_align(&alignment, a, b, NULL, &err), &err, path);
    must(weld_merge(&merged, alignment, NULL, &err), &err, path);
    must(weld_paramset_hold(merged->params, &err), &err, path);
    const double barrier = barrier_of(a->params, b->params, merged->params, shapes);
    const double best = true_barrier(a->params, b->params, element, shapes);
    *allowed = best > barrier_max / 2 ? best + barrier_max / 2 : barrier_max;
    weld_alignment_free(alignment);
    weld_element_free(element);
    weld_symmetry_free(symmetry);
    weld_shapes_free(shapes);
    weld_model_free(merged);
    weld_model_free(a);
    weld_model_free(b);
    return barrier;
}

int main(int argc, char **argv)
{
    weld_context *ctx;
    const int trials = argc > 2 ? atoi(argv[1]) : 0;
    bool failed = trials < 1;
    if (trials < 1 || weld_context_create(&ctx, NULL, NULL) != WELD_OK) {
        fprintf(stderr, "usage: recovery TRIALS MODEL.onnx...\n");
        return 2;
    }
    for (int k = 2; k < argc; k++)
        for (size_t n = 0; n < sizeof noises / sizeof noises[0]; n++) {
            int exact = 0;
            double worst = 0;
            for (int t = 0; t < trials; t++) {
                double allowed;
                const double barrier = trial(&allowed, ctx, argv[k], (uint64_t)t + 1, noises[n]);
                exact += barrier <= allowed;
                worst = barrier > worst ? barrier : worst;
            }
            const char *name = strrchr(argv[k], '/');
            printf("%-20s noise %.1f %%: %d of %d, worst barrier %.1e\n", name ? name + 1 : argv[k],
                   100 * noises[n], exact, trials, worst);
            failed = failed || exact < trials;
        }
    weld_context_free(ctx);
    return failed;
}
