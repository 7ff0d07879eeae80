#include "merge/task.h"
#include "ops/op.h"

double weld_sieve_value(const weld_sieve *sieve, int64_t i)
{
    return weld_paramset_number(sieve->job->models[sieve->model], sieve->param, i) -
           weld_paramset_number(sieve->job->base, sieve->param, i);
}

int64_t weld_sieve_count(const weld_sieve *sieve)
{
    return (int64_t)weld_param_numel(sieve->job->models[0]->graph, sieve->param);
}

static bool is_running_statistic(const weld_graph *g, int param)
{
    const int value = g->params[param].value;
    for (int n = 0; n < g->consumer_count[value]; n++) {
        const weld_node *node = &g->nodes[g->consumers[value][n]];
        for (int k = 0; k < node->input_count && k < 32; k++)
            if (node->inputs[k] == value && node->op->statistic_inputs >> k & 1u)
                return true;
    }
    return false;
}

/* What is added to the base, but for lambda. x [count]: w_k f_k m_k (theta_k - base). */
static double mix(const weld_task_rule *rule, const double *x, const double *w, int count)
{
    double sum = 0, agreed = 0, weight = 0;
    for (int k = 0; k < count; k++)
        sum += x[k];
    if (!rule->consensus)
        return sum;
    for (int k = 0; k < count; k++)
        if (sum >= 0 ? x[k] > 0 : x[k] < 0) {
            agreed += x[k];
            weight += w[k];
        }
    return rule->normalise && weight != 0 ? agreed / weight : agreed;
}

static double part_of(weld_sieve *sieve, double weight, int64_t i)
{
    const double value = weld_sieve_value(sieve, i);
    return sieve->keeps && !sieve->keeps(sieve, value) ? 0 : weight * sieve->factor * value;
}

weld_status weld_task_merge(weld_tensor *out, const weld_task_rule *rule, const weld_merge_job *job,
                            int param, weld_error *err)
{
    weld_status st = WELD_OK;
    const int count = job->model_count;
    const double *w = weld_job_weights(job, param);
    weld_sieve *sieves = NULL;
    double *x = NULL;
    if (is_running_statistic(job->models[0]->graph, param))
        return weld_lerp_tensor(out, job, param, err);
    WELD_NEW(sieves, job->ctx, count);
    WELD_NEW(x, job->ctx, count);
    for (int k = 0; k < count; k++) {
        sieves[k] = (weld_sieve){.job = job, .param = param, .model = k, .factor = 1};
        if (rule->sift && job->density < 1)
            WELD_TRY(rule->sift(&sieves[k], err));
    }
    for (int64_t i = 0; i < weld_shape_numel(&out->shape); i++) {
        const double base = weld_paramset_number(job->base, param, i);
        for (int k = 0; k < count; k++)
            x[k] = part_of(&sieves[k], w[k], i);
        const double mixed = mix(rule, x, w, count);
        weld_tensor_set_number(out, i, mixed == 0 ? base : base + job->lambda * mixed);
    }
done:
    weld_free(job->ctx, sieves);
    weld_free(job->ctx, x);
    return st;
}

/* Neighbouring seeds, parameters and models begin far apart (the finaliser of splitmix64, Steele et al.
 * 2014). */
static uint64_t scatter(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static void begin_draws(weld_sieve *sieve)
{
    const uint64_t place = (uint64_t)sieve->param << 32 | (uint64_t)sieve->model;
    const uint64_t step = UINT64_C(0x9e3779b97f4a7c15);
    weld_rng_seed(&sieve->rng, scatter(scatter(sieve->job->seed + step) + place + step), place);
}

static bool is_drawn(weld_sieve *sieve, double value)
{
    (void)value;
    return weld_rng_next(&sieve->rng) < sieve->job->density * 0x1p32;
}

weld_status weld_sift_at_random(weld_sieve *sieve, weld_error *err)
{
    static const double sum_min = 1e-7;
    double all = 0, kept = 0;
    (void)err;
    begin_draws(sieve);
    for (int64_t i = 0; i < weld_sieve_count(sieve); i++) {
        const double value = weld_sieve_value(sieve, i), size = value < 0 ? -value : value;
        all += size;
        kept += is_drawn(sieve, value) ? size : 0;
    }
    sieve->factor = all < sum_min || kept < sum_min ? 1 : all / kept;
    begin_draws(sieve);
    sieve->keeps = is_drawn;
    return WELD_OK;
}
