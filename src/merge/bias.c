/* bias: the biases of layer h weigh w^h, for its activations have shrunk h times. */
#include "merge/statistics.h"
#include "ops/op.h"
#include <math.h>

/* depth[v]: linear layers on the longest way from the input. */
static void find_depths(int *depth, const weld_graph *g)
{
    for (int n = 0; n < g->node_count; n++) {
        const weld_node *node = &g->nodes[n];
        int most = 0;
        for (int k = 0; k < node->input_count; k++)
            if (node->inputs[k] >= 0 && depth[node->inputs[k]] > most)
                most = depth[node->inputs[k]];
        for (int k = 0; k < node->output_count; k++)
            if (node->outputs[k] >= 0)
                depth[node->outputs[k]] = most + ((node->op->flags & WELD_OP_LINEAR) != 0);
    }
}

static void weigh(weld_paramset *merged, const weld_merge_job *job, int bias, int depth)
{
    const double *w = weld_job_weights(job, bias);
    weld_tensor out = weld_paramset_tensor(merged, bias);
    for (int64_t u = 0; u < weld_shape_numel(&out.shape); u++) {
        double sum = 0;
        for (int k = 0; k < job->model_count; k++)
            sum += pow(w[k], depth) * weld_paramset_number(job->models[k], bias, u);
        weld_tensor_set_number(&out, u, sum);
    }
}

/* Networks that nothing normalises. */
static bool is_plain(const weld_sites *sites, const weld_graph *g)
{
    bool biases = false;
    for (int k = 0; k < sites->count; k++)
        biases = biases || (sites->items[k].linear && sites->items[k].bias >= 0);
    for (int n = 0; n < g->node_count; n++)
        if (g->nodes[n].op->flags & WELD_OP_NORM)
            return false;
    return biases;
}

static weld_status run_bias(weld_paramset *merged, weld_merge_log *log, const weld_merge_job *job,
                            const weld_sites *sites, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = merged->graph;
    int *depth = NULL;
    if (!is_plain(sites, g))
        return WELD_OK;
    WELD_NEW(depth, job->ctx, g->value_count);
    find_depths(depth, g);
    for (int k = 0; k < sites->count; k++) {
        const weld_site *site = &sites->items[k];
        if (!site->linear || site->bias < 0 || weld_job_agrees(job, site->bias))
            continue;
        weigh(merged, job, site->bias, depth[g->nodes[site->node].outputs[0]]);
        log->layers++;
    }
done:
    weld_free(job->ctx, depth);
    return st;
}

const weld_statistic weld_statistic_bias = {
    .name = "bias",
    .help = "without data: biases of layer h by the weights to the power of h",
    .applies = is_plain,
    .run = run_bias};
