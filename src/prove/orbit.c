#include "prove/orbit.h"
#include "core/rng.h"
#include <math.h>
#include <string.h>

/* What the parameter is to its operator: a variance must stay positive. */
static bool is_variance(const weld_graph *g, int param)
{
    const int value = g->params[param].value;
    for (int k = 0; k < g->consumer_count[value]; k++) {
        const weld_node *node = &g->nodes[g->consumers[value][k]];
        for (int i = 0; i < node->input_count && i < 31; i++)
            if (node->inputs[i] == value && node->op->statistic_inputs >> i == 1)
                return true; /* the last of the statistics */
    }
    return false;
}

static double size_of(const weld_tensor *t)
{
    const int64_t count = weld_shape_numel(&t->shape);
    double sum = 0;
    for (int64_t k = 0; k < count; k++)
        sum += weld_tensor_number(t, k) * weld_tensor_number(t, k);
    return sum > 0 && isfinite(sum) ? sqrt(sum / (double)count) : 0.05;
}

/* Weights as large as they were, none equal to another. Numbers stay: they may be exponents. */
static void draw_params(weld_paramset *set, weld_rng *rng)
{
    for (int p = 0; p < set->graph->param_count; p++) {
        const weld_tensor t = weld_paramset_tensor(set, p);
        const int64_t count = weld_shape_numel(&t.shape);
        const double size = size_of(&t);
        const bool variance = is_variance(set->graph, p);
        for (int64_t k = 0; count > 1 && k < count; k++) {
            const double old = weld_tensor_number(&t, k);
            const double drawn = (isfinite(old) ? old : 0) + 0.5 * size * weld_rng_normal(rng);
            const double x = variance ? fabs(drawn) + 0.1 * size : drawn;
            if (t.dtype == WELD_DOUBLE)
                t.d[k] = x;
            else
                t.f[k] = (float)x;
        }
    }
}

static weld_status compare(weld_proof *out, const weld_element *element, const weld_shapes *shapes,
                           const weld_paramset *params, const weld_dataset *data, int64_t samples,
                           weld_error *err)
{
    weld_status st = WELD_OK;
    weld_paramset *moved = NULL;
    WELD_TRY(weld_paramset_copy(&moved, params, err));
    WELD_TRY(weld_element_apply(moved, element, params, err));
    weld_side sides[2] = {{shapes, params}, {shapes, moved}};
    WELD_TRY(weld_prove(out, element->ctx, sides, NULL, data, samples, err));
done:
    weld_paramset_free(moved);
    return st;
}

weld_status weld_prove_symmetry(weld_proof *out, const weld_symmetry *symmetry,
                                const weld_shapes *shapes, const weld_paramset *params,
                                uint64_t seed, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_element *element = NULL;
    weld_paramset *drawn = NULL;
    weld_rng rng;
    const char *culprit;
    const double tolerance = 1e-5;
    weld_rng_seed(&rng, seed, 11);
    WELD_TRY(weld_paramset_copy(&drawn, params, err));
    draw_params(drawn, &rng);
    WELD_TRY(weld_element_random(&element, symmetry, seed, err));
    WELD_TRY(compare(out, element, shapes, drawn, NULL, shapes->batch, err));
    out->tolerance = tolerance;
    if (out->max_rel <= tolerance)
        goto done;
    WELD_TRY(
        weld_find_culprit(&culprit, element, shapes, drawn, NULL, shapes->batch, tolerance, err));
    st =
        weld_fail(err, WELD_E_NEGATIVE,
                  "the permuted network is not the same function: outputs differ by %g (relative), "
                  "allowed %g; class at fault: %s",
                  out->max_rel, tolerance, culprit ? culprit : "no single class");
done:
    weld_paramset_free(drawn);
    weld_element_free(element);
    return st;
}

weld_status weld_find_culprit(const char **name, const weld_element *element,
                              const weld_shapes *shapes, const weld_paramset *params,
                              const weld_dataset *data, int64_t samples, double tolerance,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_symmetry *s = element->symmetry;
    weld_element *one = NULL;
    *name = NULL;
    for (int root = 0; root < s->free_count && !*name; root++) {
        weld_proof proof;
        if (s->classes[root].parent >= 0)
            continue;
        weld_element_free(one);
        WELD_TRY(weld_element_identity(&one, s, err));
        for (int c = root; c < s->free_count; c++)
            if (weld_class_root(s, c) == root)
                memcpy(one->perms[c], element->perms[c],
                       (size_t)s->classes[c].size * sizeof(int32_t));
        WELD_TRY(compare(&proof, one, shapes, params, data, samples, err));
        if (!(proof.max_rel <= tolerance))
            *name = s->classes[root].name;
    }
done:
    weld_element_free(one);
    return st;
}
