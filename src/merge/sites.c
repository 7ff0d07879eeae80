#include "merge/sites.h"
#include "ops/op.h"
#include <string.h>

bool weld_job_takes_one(const weld_merge_job *job, int param)
{
    const double *w = weld_job_weights(job, param);
    for (int k = 0; k < job->model_count; k++)
        if (w[k] == 1.0)
            return true;
    return false;
}

bool weld_job_agrees(const weld_merge_job *job, int param)
{
    const size_t bytes = weld_param_bytes(job->models[0]->graph, param);
    for (int k = 1; k < job->model_count; k++)
        if (memcmp(job->models[0]->arrays[param], job->models[k]->arrays[param], bytes) != 0)
            return false;
    return true;
}

/* A parameter that no other node reads. */
static int own_param(const weld_graph *g, const weld_node *node, int slot)
{
    const int p = weld_param_at(g, node, slot);
    return p >= 0 && g->consumer_count[g->params[p].value] == 1 ? p : -1;
}

/* Parameters of a node in order; -1 = there is none left. */
static int next_param(const weld_graph *g, const weld_node *node, int *slot)
{
    while (*slot < node->input_count) {
        const int p = weld_param_at(g, node, (*slot)++);
        if (p >= 0)
            return p;
    }
    return -1;
}

static bool is_taken(const weld_merge_job *job, const weld_node *node)
{
    for (int slot = 0, p; (p = next_param(job->shapes->graph, node, &slot)) >= 0;)
        if (weld_job_takes_one(job, p))
            return true;
    return false;
}

/* A normalisation may be changed along with the layer before it. */
static bool is_free(const weld_norm_fold *fold, const weld_merge_job *job)
{
    const weld_graph *g = job->shapes->graph;
    if (fold->norm_node < 0 || is_taken(job, &g->nodes[fold->norm_node]))
        return false;
    for (int slot = 1; slot <= 4; slot++)
        if (own_param(g, &g->nodes[fold->norm_node], slot) < 0)
            return false;
    return true;
}

static bool read_linear(weld_site *site, const weld_merge_job *job)
{
    const weld_graph *g = job->shapes->graph;
    const weld_node *node = &g->nodes[site->node];
    site->weight = own_param(g, node, 1);
    site->bias = own_param(g, node, 2);
    if (site->weight < 0 || (site->bias < 0 && weld_node_input(node, 2) >= 0))
        return false;
    site->units = g->params[site->weight].shape.dims[0];
    site->fold = weld_find_norm_fold(g, site->node);
    if (!is_free(&site->fold, job))
        site->fold.norm_node = -1;
    return site->bias < 0 || (int64_t)weld_param_numel(g, site->bias) == site->units;
}

static bool read_norm(weld_site *site, const weld_graph *g)
{
    const weld_node *node = &g->nodes[site->node];
    site->scale = own_param(g, node, 1);
    site->shift = own_param(g, node, 2);
    site->mean = own_param(g, node, 3);
    site->variance = own_param(g, node, 4);
    if (site->scale < 0 || site->shift < 0 || site->mean < 0 || site->variance < 0)
        return false;
    site->units = (int64_t)weld_param_numel(g, site->scale);
    return true;
}

/* same[v]: the value is the same in all models, whatever the network's input. */
static void find_same(bool *same, const weld_merge_job *job)
{
    const weld_graph *g = job->shapes->graph;
    for (int v = 0; v < g->value_count; v++)
        same[v] = g->values[v].kind != WELD_VALUE_PARAM || weld_job_agrees(job, g->values[v].param);
    for (int n = 0; n < g->node_count; n++) {
        bool all = true;
        for (int k = 0; k < g->nodes[n].input_count; k++)
            all = all && (g->nodes[n].inputs[k] < 0 || same[g->nodes[n].inputs[k]]);
        for (int k = 0; k < g->nodes[n].output_count; k++)
            if (g->nodes[n].outputs[k] >= 0)
                same[g->nodes[n].outputs[k]] = all;
    }
}

/* before[v]: a linear layer reads the value, or what is made of it. */
static void find_before_linear(bool *before, const weld_graph *g)
{
    for (int n = g->node_count - 1; n >= 0; n--) {
        const weld_node *node = &g->nodes[n];
        bool reads = node->op->flags & WELD_OP_LINEAR;
        for (int k = 0; k < node->output_count; k++)
            reads = reads || (node->outputs[k] >= 0 && before[node->outputs[k]]);
        for (int k = 0; reads && k < node->input_count; k++)
            if (node->inputs[k] >= 0)
                before[node->inputs[k]] = true;
    }
}

weld_status weld_sites_find(weld_sites *out, const weld_merge_job *job, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = job->shapes->graph;
    bool *same = NULL, *before = NULL;
    *out = (weld_sites){.ctx = job->ctx};
    WELD_NEW(out->items, job->ctx, g->node_count);
    WELD_NEW(same, job->ctx, g->value_count);
    WELD_NEW(before, job->ctx, g->value_count);
    find_same(same, job);
    find_before_linear(before, g);
    for (int n = 0; n < g->node_count; n++) {
        const weld_node *node = &g->nodes[n];
        weld_site site = {.node = n,
                          .linear = node->op->flags & WELD_OP_LINEAR,
                          .fold = {.norm_node = -1},
                          .bias = -1};
        const bool norm = (node->op->flags & WELD_OP_NORM) && node->op->statistic_inputs;
        const bool is_vector = job->shapes->types[node->outputs[0]].shape.rank < 2;
        if (!(site.linear || norm) || is_vector || same[node->outputs[0]] || is_taken(job, node))
            continue;
        if (!(site.linear ? read_linear(&site, job) : read_norm(&site, g)))
            continue;
        site.same_input = same[node->inputs[0]];
        site.logits = site.linear && !before[node->outputs[0]];
        out->items[out->count++] = site;
    }
done:
    weld_free(job->ctx, same);
    weld_free(job->ctx, before);
    if (st != WELD_OK)
        weld_sites_free(out);
    return st;
}

void weld_sites_free(weld_sites *sites)
{
    if (sites->ctx)
        weld_free(sites->ctx, sites->items);
    *sites = (weld_sites){0};
}
