/* Types and shapes of the values of a file's own graph, before it is canonicalised. */
#include "api/objects.h"
#include "report/report.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { FIXED = -1, UNCLEAR = -2, NAMED_MAX = 16 };

/* The graph inferred for one size of each symbol. Symbols that are not given are then varied, one
 * at a time: an axis follows the symbol with which it differs. */
typedef struct survey {
    weld_context *ctx;
    weld_report *report;
    weld_graph *graph;
    weld_home *homes;
    int batch; /* the symbol of axis 0 of the first input, -1 = the file has a number */
    int64_t literal, wanted; /* that number, 0 = none; what to read it as */
    bool *given;             /* [symbol_count] */
    weld_shapes *base;
    int *follows; /* [value_count, WELD_RANK_MAX] symbol, FIXED or UNCLEAR */
} survey;

static void close_survey(survey *s)
{
    weld_shapes_free(s->base);
    weld_free(s->ctx, s->follows);
    weld_free(s->ctx, s->given);
    weld_free(s->ctx, s->homes);
    weld_graph_free(s->ctx, s->graph);
    weld_report_free(s->report);
}

/* Symbols get the sizes that were found to work when the model was loaded. */
static weld_status read_graph(survey *s, const weld_structure *structure, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_draft draft;
    weld_draft_init(&draft, s->ctx);
    WELD_TRY(weld_import_file(&draft, structure->file, &structure->reading, err));
    WELD_TRY(weld_draft_finish(&s->graph, &s->homes, &draft, err));
    weld_graph *g = s->graph;
    for (int k = 0; k < g->symbol_count && k < structure->graph->symbol_count; k++)
        g->symbols[k].size = structure->graph->symbols[k].size;
    const weld_value *first = g->input_count ? &g->values[g->inputs[0]] : NULL;
    const bool any = first && first->rank > 0;
    s->batch = any && first->dims[0] < 0 ? first->symbol[0] : -1;
    s->literal = s->wanted = any && first->dims[0] > 0 ? first->dims[0] : 0;
    if (s->batch >= 0)
        g->symbols[s->batch].size = 2;
    WELD_NEW(s->given, s->ctx, g->symbol_count);
    WELD_NEW(s->follows, s->ctx, g->value_count * WELD_RANK_MAX);
    for (int k = 0; k < g->value_count * WELD_RANK_MAX; k++)
        s->follows[k] = FIXED;
done:
    weld_draft_free(&draft);
    return st;
}

/* A symbol by its name, or as INPUT:AXIS; -1 = there is none. As in ops/infer.c, axis 0 belongs to
 * the batch where neither has a name. */
static int find_symbol(const survey *s, const char *name)
{
    const weld_graph *g = s->graph;
    char text[300];
    for (int k = 0; k < g->symbol_count; k++)
        if (g->symbols[k].name[0] && strcmp(g->symbols[k].name, name) == 0)
            return k;
    for (int k = 0; k < g->input_count; k++) {
        const weld_value *v = &g->values[g->inputs[k]];
        for (int a = 0; a < v->rank; a++) {
            snprintf(text, sizeof text, "%.250s:%d", v->name, a);
            if (v->dims[a] >= 0 || strcmp(text, name) != 0)
                continue;
            bool of_batch = a == 0 && s->batch >= 0 && !g->symbols[s->batch].name[0] &&
                            !g->symbols[v->symbol[a]].name[0];
            return of_batch ? s->batch : v->symbol[a];
        }
    }
    return -1;
}

static weld_status take_sizes(survey *s, const weld_shapes_options *o, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_REQUIRE(o->struct_size == sizeof *o, WELD_E_ARGUMENT, "shapes options of %u bytes",
                 o->struct_size);
    for (size_t k = 0; k < o->size_count; k++) {
        int symbol = find_symbol(s, o->size_names[k]);
        WELD_REQUIRE(symbol >= 0, WELD_E_ARGUMENT,
                     "the model leaves no size '%.100s' open (a name of the file, or INPUT:AXIS)",
                     o->size_names[k]);
        WELD_REQUIRE(o->sizes[k] > 0, WELD_E_ARGUMENT, "size %.100s is %" PRId64 ", must be from 1",
                     o->size_names[k], o->sizes[k]);
        s->graph->symbols[symbol].size = o->sizes[k];
        s->given[symbol] = true;
    }
    if (o->batch == 0)
        return WELD_OK;
    WELD_REQUIRE(o->batch > 0, WELD_E_ARGUMENT, "batch %" PRId64 ", must be from 1", o->batch);
    WELD_REQUIRE(s->batch >= 0 || s->literal, WELD_E_ARGUMENT, "the model's input has no batch");
    s->wanted = o->batch;
    if (s->batch >= 0) {
        s->graph->symbols[s->batch].size = o->batch;
        s->given[s->batch] = true;
    }
done:
    return st;
}

static weld_status infer(weld_shapes **out, const survey *s, weld_error *err)
{
    int64_t batch = s->batch >= 0 ? s->graph->symbols[s->batch].size : s->wanted;
    return weld_shapes_infer(out, s->ctx, s->graph, batch, s->literal, err);
}

/* Without a name (but the batch) or beyond a number that is enough: varied with the other such. */
static bool is_loose(const survey *s, int symbol)
{
    return symbol != s->batch && (!s->graph->symbols[symbol].name[0] || symbol >= NAMED_MAX);
}

/* What differs in this trial follows the symbol; UNCLEAR: it follows one of several. */
static void note(survey *s, const weld_shapes *trial, int symbol, int64_t base_size)
{
    for (int v = 0; v < s->graph->value_count; v++) {
        const weld_shape *a = &s->base->types[v].shape, *b = &trial->types[v].shape;
        for (int k = 0; k < a->rank; k++) {
            int *follows = &s->follows[v * WELD_RANK_MAX + k];
            if (a->rank == b->rank && a->dims[k] == b->dims[k])
                continue;
            bool same = symbol >= 0 && a->rank == b->rank && a->dims[k] == base_size &&
                        b->dims[k] == s->graph->symbols[symbol].size;
            *follows = same && *follows == FIXED ? symbol : UNCLEAR;
        }
    }
}

/* symbol UNCLEAR: all loose symbols together. */
static weld_status vary(survey *s, int symbol, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_graph *g = s->graph;
    weld_shapes *trial = NULL;
    int64_t *kept = NULL;
    weld_error tried = WELD_ERROR_INIT;
    int some = -1;
    WELD_NEW(kept, s->ctx, g->symbol_count);
    for (int k = 0; k < g->symbol_count; k++)
        kept[k] = g->symbols[k].size;
    for (int t = 0; t < 3 && !trial; t++) {
        for (int k = 0; k < g->symbol_count; k++) {
            const int64_t others[] = {2 * kept[k], kept[k] + 1, (kept[k] + 1) / 2};
            if (s->given[k] || (symbol >= 0 ? k != symbol : !is_loose(s, k)))
                continue;
            g->symbols[k].size = others[t];
            some = k;
        }
        if (some < 0)
            goto done;
        st = infer(&trial, s, &tried);
        WELD_REQUIRE(st != WELD_E_NOMEM, st, "%s", tried.message);
        st = WELD_OK;
    }
    if (trial)
        note(s, trial, symbol, kept[some]);
    else
        WELD_TRY(weld_report_line(
            s->report, &s->report->shapes.notes, err,
            "size %.100s is taken as %" PRId64 ": no other was found that the graph runs with",
            g->symbols[some].name[0] ? g->symbols[some].name : "?", kept[some]));
done:
    for (int k = 0; kept && k < g->symbol_count; k++)
        g->symbols[k].size = kept[k];
    weld_free(s->ctx, kept);
    weld_shapes_free(trial);
    return st;
}

/* "[batch, 3, ?]" */
static weld_status add_value(survey *s, int v, const char *op, weld_error *err)
{
    const weld_type *type = &s->base->types[v];
    char text[WELD_RANK_MAX * 68 + 3];
    size_t n = (size_t)snprintf(text, sizeof text, "[");
    for (int k = 0; k < type->shape.rank; k++) {
        const int follows = s->follows[v * WELD_RANK_MAX + k];
        const char *name = follows >= 0 ? s->graph->symbols[follows].name : "";
        n += (size_t)snprintf(text + n, sizeof text - n, "%s", k ? ", " : "");
        if (follows == FIXED)
            n += (size_t)snprintf(text + n, sizeof text - n, "%" PRId64, type->shape.dims[k]);
        else
            n += (size_t)snprintf(text + n, sizeof text - n, "%.64s", name[0] ? name : "?");
    }
    snprintf(text + n, sizeof text - n, "]");
    const weld_report_value value = {s->graph->values[v].name, weld_dtype_name(type->dtype), text,
                                     op};
    return weld_report_put_value(s->report, &s->report->shapes.values, &value, err);
}

/* Inputs, then what is stored, then what nodes make, in their order. */
static weld_status add_values(survey *s, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = s->graph;
    for (int k = 0; k < g->input_count; k++)
        WELD_TRY(add_value(s, g->inputs[k], "input", err));
    for (int v = 0; v < g->value_count; v++) {
        const weld_value_kind kind = g->values[v].kind;
        if (kind == WELD_VALUE_PARAM || kind == WELD_VALUE_CONST)
            WELD_TRY(add_value(s, v, kind == WELD_VALUE_PARAM ? "parameter" : "constant", err));
    }
    for (int n = 0; n < g->node_count; n++)
        for (int k = 0; k < g->nodes[n].output_count; k++)
            if (g->nodes[n].outputs[k] >= 0)
                WELD_TRY(add_value(s, g->nodes[n].outputs[k], g->nodes[n].op->name, err));
done:
    return st;
}

weld_status weld_model_shapes(weld_report **out, const weld_model *model,
                              const weld_shapes_options *options, weld_error *err)
{
    const weld_shapes_options defaults = WELD_SHAPES_OPTIONS_INIT;
    weld_status st = WELD_OK;
    survey s = {.ctx = model->ctx};
    *out = NULL;
    WELD_TRY(weld_report_open(&s.report, model->ctx, err));
    s.report->shapes.present = true;
    WELD_TRY(weld_report_add_model(s.report, "M", model, err));
    WELD_TRY(read_graph(&s, model->structure, err));
    WELD_TRY(take_sizes(&s, options ? options : &defaults, err));
    WELD_TRY(infer(&s.base, &s, err));
    for (int k = 0; k < s.graph->symbol_count; k++)
        if (!is_loose(&s, k))
            WELD_TRY(vary(&s, k, err));
    WELD_TRY(vary(&s, UNCLEAR, err));
    WELD_TRY(add_values(&s, err));
    *out = s.report;
    s.report = NULL;
done:
    close_survey(&s);
    return st;
}
