/* Every operator's rule about symmetry, tested by its vectors:
 *
 *     symmetry_ops [--report] [--all] [--list NAMES.json] PATH...     see conformance/folders.h
 *
 * Inputs and outputs of each vector are hidden values (ops/trial.h). What the rule allows to move is
 * permuted at random in the inputs: then the outputs must be permuted as it says. As the file has the
 * graph, and in canonical form. An operator without a rule fails, and with --all (the
 * vectors are all that there are) one of which nothing ever moves. --report: what moves, by operator. */
#include "api/objects.h"
#include "api/values.h"
#include "canon/canon.h"
#include "conformance/folders.h"
#include "ops/trial.h"
#include "tensor/blas.h"
#include <stdio.h>
#include <string.h>

enum { REASONS_MAX = 24, SEEDS = 3 };

#define WELD_OP(key) {.name = #key, .op = &weld_op_##key},
/* What the vectors show of an operator. */
typedef struct op_tally {
    const char *name; /* in ops.def */
    const weld_op *op;
    int vectors, moved;
    int last; /* the vector that was counted last */
    bool last_moved;
    struct {
        const char *why;
        int axes;
    } reasons[REASONS_MAX];
    int reason_count;
} op_tally;
static op_tally tallies[] = {
#include "ops/ops.def"
};
#undef WELD_OP
enum { OP_COUNT = sizeof tallies / sizeof tallies[0] };

typedef struct tester {
    weld_context *ctx;
    bool report, all;
    int vectors, trials, elements, failed, unread;
    const char *name; /* of the vector */
} tester;

/* ---- counting --------------------------------------------------------------------------------- */

static void count_reason(op_tally *o, const char *why)
{
    int k = 0;
    while (k < o->reason_count && strcmp(o->reasons[k].why, why) != 0)
        k++;
    if (k == REASONS_MAX)
        return;
    if (k == o->reason_count)
        o->reasons[o->reason_count++].why = why;
    o->reasons[k].axes++;
}

static op_tally *tally_of(const weld_op *op)
{
    for (int k = 0; k < OP_COUNT; k++)
        if (tallies[k].op == op)
            return &tallies[k];
    return NULL;
}

static void count_node(const tester *t, const trial *trial, const weld_node *node)
{
    op_tally *o = tally_of(node->op);
    if (o->last != t->vectors) {
        o->last = t->vectors;
        o->last_moved = false;
        o->vectors++;
    }
    bool moved = false;
    for (int k = 0; k < node->input_count + node->output_count; k++) {
        int v = k < node->input_count ? node->inputs[k] : node->outputs[k - node->input_count];
        for (int n = 0; k >= node->input_count && n < trial->source.graph->output_count; n++)
            if (trial->source.graph->outputs[n] == v && trial->target[n] >= 0)
                v = trial->graph.params[trial->target[n]].value;
        const int p = v < 0 ? -1 : trial->graph.values[v].param;
        for (int a = 0; p >= 0 && a < trial->graph.params[p].shape.rank; a++) {
            const char *why;
            if (trial->graph.params[p].shape.dims[a] < 2)
                continue;
            if (trial_axis_moves(trial, p, a, &why))
                moved = true;
            else
                count_reason(o, why ? why : "positions");
        }
    }
    o->moved += moved && !o->last_moved;
    o->last_moved = o->last_moved || moved;
}

/* Operators of files as they stand there, our own where they come up. */
static void count_trial(tester *t, const trial *trial, bool canonical)
{
    for (int n = 0; n < trial->node_count; n++)
        if (!canonical == !(trial->graph.nodes[n].op->flags & WELD_OP_INTERNAL))
            count_node(t, trial, &trial->graph.nodes[n]);
}

/* ---- vectors ---------------------------------------------------------------------------------- */

static weld_status try_kind(bool *done_out, tester *t, const trial_source *source, trial_kind kind,
                            bool canonical, weld_error *err)
{
    weld_status st = WELD_OK;
    trial *made = NULL;
    *done_out = false;
    st = trial_create(&made, source, kind, err);
    if (st != WELD_OK)
        return st == WELD_E_UNSUPPORTED ? WELD_OK : st;
    *done_out = true;
    t->trials++;
    if (!kind.known && kind.only < 0)
        count_trial(t, made, canonical);
    for (uint64_t seed = 1; seed <= SEEDS && made->symmetry->free_count; seed++) {
        WELD_TRY(trial_run(made, seed, err));
        t->elements++;
    }
done:
    if (st != WELD_OK && kind.only >= 0)
        weld_error_wrap(err, "%s graph, input %d hidden%s", canonical ? "canonical" : "plain",
                        kind.only, kind.filled ? ", others filled" : "");
    else if (st != WELD_OK)
        weld_error_wrap(err, "%s graph, %s inputs hidden%s", canonical ? "canonical" : "plain",
                        kind.known ? "floating" : "all", kind.shared ? " and shared" : "");
    trial_free(made);
    return st;
}

/* The given values in the order of the graph's inputs. */
static weld_status find_inputs(const weld_tensor **inputs, const weld_graph *g,
                               const weld_values *given, weld_error *err)
{
    for (int k = 0; k < g->input_count; k++) {
        inputs[k] = weld_values_find(given, g->values[g->inputs[k]].name);
        if (!inputs[k])
            return weld_fail(err, WELD_E_ARGUMENT, "no '%s'", g->values[g->inputs[k]].name);
    }
    return WELD_OK;
}

static weld_status try_graph(tester *t, weld_onnx_file *file, const weld_values *given,
                             bool canonical, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_reading reading = {0};
    const weld_canon_options options = {0};
    const weld_tensor **inputs = NULL;
    weld_graph *graph = NULL;
    weld_home *homes = NULL;
    weld_paramset *params = NULL;
    weld_draft draft;
    bool any = false;
    weld_draft_init(&draft, t->ctx);
    WELD_TRY(weld_import_file(&draft, file, &reading, err));
    if (canonical)
        WELD_TRY(weld_canonicalise(&draft, &options, err));
    WELD_TRY(weld_draft_finish(&graph, &homes, &draft, err));
    WELD_TRY(weld_paramset_create(&params, t->ctx, graph, err));
    for (int p = 0; p < graph->param_count; p++)
        WELD_TRY(weld_onnx_read_param(params->arrays[p], file, &graph->params[p], &homes[p],
                                      WELD_CANONICAL, 0, weld_param_numel(graph, p), err));
    WELD_NEW(inputs, t->ctx, graph->input_count);
    WELD_TRY(find_inputs(inputs, graph, given, err));
    const trial_source source = {t->ctx, graph, params, inputs};
    for (int k = 0; k < 4 + 2 * graph->input_count; k++) {
        const trial_kind kind = k < 4 ? (trial_kind){k & 1, k & 2, -1, false}
                                      : (trial_kind){false, false, (k - 4) / 2, k & 1};
        bool done;
        WELD_TRY(try_kind(&done, t, &source, kind, canonical, err));
        any = any || done;
    }
    if (!any && !canonical) {
        t->unread++;
        if (t->report)
            printf("%s: %s\n", t->name, err->message);
    }
done:
    weld_paramset_free(params);
    weld_free(t->ctx, inputs);
    weld_free(t->ctx, homes);
    weld_graph_free(t->ctx, graph);
    weld_draft_free(&draft);
    return st;
}

static weld_status try_folder(tester *t, const char *folder, weld_error *err)
{
    weld_status st = WELD_OK;
    char path[4096];
    weld_source *source = NULL;
    weld_onnx_file *file = NULL;
    weld_values *given = NULL;
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    WELD_TRY(weld_source_open(&source, t->ctx, path, err));
    WELD_TRY(weld_onnx_open(&file, t->ctx, source, err));
    snprintf(path, sizeof path, "%s/test_data_set_0", folder);
    WELD_TRY(weld_values_load_folder(&given, t->ctx, path, "input", err));
    for (int canonical = 0; canonical < 2; canonical++)
        WELD_TRY(try_graph(t, file, given, canonical, err));
done:
    weld_values_free(given);
    weld_onnx_free(file);
    weld_source_free(source);
    return st;
}

static void visit(void *payload, const char *folder, const char *name)
{
    tester *t = payload;
    weld_error err = WELD_ERROR_INIT;
    t->vectors++;
    t->name = name;
    const weld_status st = try_folder(t, folder, &err);
    if (st == WELD_OK)
        return;
    t->failed++;
    printf("FAIL %s: %s: %s\n", name, weld_status_name(st), err.message);
}

/* ---- the operators ---------------------------------------------------------------------------- */

static bool read_option(void *payload, const char *argument)
{
    tester *t = payload;
    const bool report = strcmp(argument, "--report") == 0, all = strcmp(argument, "--all") == 0;
    t->report = t->report || report;
    t->all = t->all || all;
    return report || all;
}

/* What is wrong with the operator's rule as a whole; NULL = nothing. Opaque stands for those that we
 * can't run. */
static const char *find_gap(const tester *t, const op_tally *o)
{
    if (!o->op->tie)
        return o->op == &weld_op_Opaque ? NULL : "states no ties";
    if (t->all && !o->moved && o->reason_count)
        return "lets nothing move in any vector";
    return NULL;
}

static void print_op(const op_tally *o)
{
    printf("%-32s %4d vectors, %4d moved", o->name, o->vectors, o->moved);
    for (int k = 0; k < o->reason_count; k++)
        printf("%s %s (%d)", k ? "," : ":", o->reasons[k].why, o->reasons[k].axes);
    printf("\n");
}

int main(int argc, char **argv)
{
    tester t = {0};
    const folders f = {visit, read_option, &t};
    weld_blas_init();
    bool ok = weld_context_create(&t.ctx, NULL, NULL) == WELD_OK && folders_visit(&f, argc, argv);
    for (int k = 0; k < OP_COUNT; k++) {
        const char *gap = find_gap(&t, &tallies[k]);
        if (gap)
            printf("FAIL: %s %s\n", tallies[k].name, gap);
        t.failed += gap != NULL;
        if (t.report)
            print_op(&tallies[k]);
    }
    printf("%d vectors, %d of them without shapes, %d trials, %d elements, %d failed\n", t.vectors,
           t.unread, t.trials, t.elements, t.failed);
    weld_context_free(t.ctx);
    return !ok || t.failed || t.elements == 0;
}
