#include "prove/prove.h"
#include "core/rng.h"
#include <math.h>
#include <string.h>

typedef struct prover {
    weld_context *ctx;
    weld_plan *plan[2];
    weld_run *run[2];
    weld_tensor inputs[16];
    const weld_tensor *bound[16];
    weld_rng rng;
} prover;

static weld_status make_inputs(prover *p, const weld_shapes *shapes, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = shapes->graph;
    WELD_REQUIRE(g->input_count <= 16, WELD_E_LIMIT, "%d graph inputs, allowed 16", g->input_count);
    for (int k = 0; k < g->input_count; k++) {
        const weld_type *type = &shapes->types[g->inputs[k]];
        WELD_TRY(weld_tensor_create(&p->inputs[k], p->ctx, type->dtype, &type->shape, err));
        p->bound[k] = &p->inputs[k];
    }
done:
    return st;
}

static weld_status fill_inputs(prover *p, int count, const weld_dataset *data, int64_t first,
                               int64_t n, weld_error *err)
{
    for (int k = 0; k < count; k++) {
        weld_tensor *t = &p->inputs[k];
        if (data && count == 1)
            return weld_dataset_batch(t, data, first, n, err);
        for (int64_t i = 0; weld_dtype_is_float(t->dtype) && i < weld_shape_numel(&t->shape); i++)
            weld_tensor_set_number(t, i, weld_rng_normal(&p->rng));
    }
    return WELD_OK;
}

typedef struct tally {
    double scale;
    int64_t agree;
} tally;

static void compare_outputs(weld_proof *out, tally *t, const weld_tensor *x, const weld_tensor *y,
                            int64_t n)
{
    int64_t batch = x->shape.rank ? x->shape.dims[0] : 1;
    int64_t size = weld_shape_numel(&x->shape) / (batch ? batch : 1);
    for (int64_t i = 0; i < n; i++) {
        int64_t top_x = 0, top_y = 0;
        double best_x = -INFINITY, best_y = -INFINITY;
        for (int64_t k = 0; k < size; k++) {
            const double a = weld_tensor_number(x, i * size + k);
            const double b = weld_tensor_number(y, i * size + k);
            if (!(fabs(a - b) <= out->max_abs)) /* NaN counts as different */
                out->max_abs = fabs(a - b);
            t->scale = fabs(a) > t->scale ? fabs(a) : t->scale;
            top_x = a > best_x ? k : top_x;
            top_y = b > best_y ? k : top_y;
            best_x = a > best_x ? a : best_x;
            best_y = b > best_y ? b : best_y;
        }
        t->agree += top_x == top_y;
    }
}

static weld_status run_both(weld_proof *out, prover *p, const weld_side sides[2],
                            const weld_dataset *data, int64_t samples, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g[2] = {sides[0].shapes->graph, sides[1].shapes->graph};
    int64_t batch = sides[0].shapes->batch;
    tally t = {0, 0};
    if (data && data->count < samples)
        samples = data->count;
    for (int64_t first = 0; first < samples; first += batch) {
        int64_t n = samples - first < batch ? samples - first : batch;
        WELD_TRY(fill_inputs(p, g[0]->input_count, data, first, n, err));
        for (int s = 0; s < 2; s++)
            WELD_TRY(weld_run_all(p->run[s], sides[s].params, p->bound, err));
        compare_outputs(out, &t, weld_run_value(p->run[0], g[0]->outputs[0]),
                        weld_run_value(p->run[1], g[1]->outputs[0]), n);
        out->n += n;
    }
    out->max_rel = t.scale > 0 ? out->max_abs / t.scale : out->max_abs;
    out->argmax_agree = out->n ? (double)t.agree / (double)out->n : 1;
done:
    return st;
}

weld_status weld_prove(weld_proof *out, weld_context *ctx, const weld_side sides[2],
                       const weld_dataset *data, int64_t samples, weld_error *err)
{
    weld_status st = WELD_OK;
    prover p = {.ctx = ctx};
    *out = (weld_proof){0};
    weld_rng_seed(&p.rng, 20261124, 7);
    WELD_TRY(make_inputs(&p, sides[0].shapes, err));
    for (int s = 0; s < 2; s++) {
        WELD_TRY(weld_plan_create(&p.plan[s], ctx, sides[s].shapes, NULL, 0, err));
        WELD_TRY(weld_run_create(&p.run[s], p.plan[s], err));
    }
    WELD_TRY(run_both(out, &p, sides, data, samples, err));
done:
    for (int s = 0; s < 2; s++) {
        weld_run_free(p.run[s]);
        weld_plan_free(p.plan[s]);
    }
    for (int k = 0; k < 16; k++)
        weld_tensor_free(ctx, &p.inputs[k]);
    return st;
}
