#include "report/report.h"
#include "core/buffer.h"
#include <stdio.h>
#include <string.h>

weld_status weld_report_new(weld_report **out, weld_context *ctx, weld_error *err)
{
    weld_status st = WELD_OK;
    *out = NULL;
    WELD_NEW(*out, ctx, 1);
    (*out)->ctx = ctx;
    weld_arena_init(&(*out)->arena, ctx);
    (*out)->environment.seconds = -1;
done:
    return st;
}

void weld_report_free(weld_report *report)
{
    if (!report)
        return;
    weld_arena_free(&report->arena);
    weld_free(report->ctx, report);
}

/* Length of the UTF-8 sequence at s; 0 = control character or not UTF-8. */
static size_t utf8_length(const unsigned char *s)
{
    if (s[0] < 0x80)
        return s[0] >= 0x20 && s[0] != 0x7f;
    size_t n = s[0] >= 0xc2 && s[0] <= 0xdf ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : 0;
    if (s[0] >= 0xf0 && s[0] <= 0xf4)
        n = 4;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool c1 = s[0] == 0xc2 && s[1] < 0xa0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool surrogate = s[0] == 0xed && s[1] >= 0xa0;
    bool beyond = s[0] == 0xf4 && s[1] >= 0x90;
    bool nonchar = s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe;
    bool bidi = s[0] == 0xe2 && ((s[1] == 0x80 && s[2] >= 0xa8 && s[2] <= 0xae) ||
                                 (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9));
    return c1 || overlong || surrogate || beyond || nonchar || bidi ? 0 : n;
}

/* NULL stays NULL. */
static weld_status copy_text(const char **out, weld_report *report, const char *text,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    const unsigned char *s = (const unsigned char *)text;
    char *copy, *end;
    *out = NULL;
    if (!text)
        return WELD_OK;
    WELD_ARENA_NEW(copy, &report->arena, 4 * strlen(text) + 1);
    end = copy;
    while (*s) {
        size_t n = utf8_length(s);
        if (n) {
            memcpy(end, s, n);
            end += n;
            s += n;
        } else {
            end += snprintf(end, 5, "\\x%02x", *s++);
        }
    }
    *out = copy;
done:
    return st;
}

static weld_status copy_block(const void **out, weld_report *report, const void *from, size_t size,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    char *copy = NULL;
    *out = NULL;
    if (!from)
        return WELD_OK;
    WELD_ARENA_NEW(copy, &report->arena, size);
    if (size)
        memcpy(copy, from, size);
    *out = copy;
done:
    return st;
}

static weld_status copy_reals(const double **out, weld_report *report, const double *from,
                              size_t count, weld_error *err)
{
    const void *copy;
    weld_status st = copy_block(&copy, report, from, count * sizeof *from, err);
    *out = copy;
    return st;
}

static weld_status copy_spreads(const weld_report_spread **out, weld_report *report,
                                const weld_report_spread *from, size_t count, weld_error *err)
{
    const void *copy;
    weld_status st = copy_block(&copy, report, from, count * sizeof *from, err);
    *out = copy;
    return st;
}

/* Room for one more element of an array in the arena, or goto done. */
#define MAKE_ROOM(items, count, cap)                                                               \
    do {                                                                                           \
        if ((count) == (cap)) {                                                                    \
            size_t grown_ = 2 * (cap) + 8;                                                         \
            void *old_ = (items);                                                                  \
            WELD_ARENA_NEW(items, &report->arena, grown_);                                         \
            if (old_)                                                                              \
                memcpy((items), old_, (count) * sizeof *(items));                                  \
            (cap) = grown_;                                                                        \
        }                                                                                          \
    } while (0)

weld_status weld_report_put_model(weld_report *report, const weld_report_model *model,
                                  weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_model m = *model;
    weld_report_opset *opsets;
    WELD_TRY(copy_text(&m.role, report, model->role, err));
    WELD_TRY(copy_text(&m.path, report, model->path, err));
    WELD_TRY(copy_text(&m.sha256, report, model->sha256, err));
    WELD_TRY(copy_text(&m.producer, report, model->producer, err));
    WELD_ARENA_NEW(opsets, &report->arena, m.opset_count);
    for (size_t i = 0; i < m.opset_count; i++) {
        opsets[i].version = model->opsets[i].version;
        WELD_TRY(copy_text(&opsets[i].domain, report, model->opsets[i].domain, err));
    }
    m.opsets = opsets;
    MAKE_ROOM(report->models, report->model_count, report->model_cap);
    report->models[report->model_count++] = m;
done:
    return st;
}

static weld_status copy_data(weld_report_data *out, weld_report *report,
                             const weld_report_data *data, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_data d = *data;
    WELD_TRY(copy_text(&d.sha256, report, data->sha256, err));
    WELD_TRY(copy_text(&d.path, report, data->path, err));
    WELD_TRY(copy_text(&d.preprocess, report, data->preprocess, err));
    *out = d;
done:
    return st;
}

weld_status weld_report_put_data(weld_report *report, const weld_report_data *data, weld_error *err)
{
    weld_status st = copy_data(&report->data, report, data, err);
    if (st == WELD_OK)
        report->data.present = true;
    return st;
}

weld_status weld_report_put_match(weld_report *report, const weld_report_match *match,
                                  weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_match m = *match;
    WELD_TRY(copy_text(&m.method, report, match->method, err));
    WELD_TRY(copy_text(&m.metric, report, match->metric, err));
    WELD_TRY(copy_text(&m.judged_by, report, match->judged_by, err));
    WELD_TRY(copy_data(&m.data, report, &match->data, err));
    m.candidates = NULL;
    m.candidate_count = m.candidate_cap = 0;
    m.present = true;
    m.classes = (weld_report_classes){NULL, 0, 0};
    report->match = m;
done:
    return st;
}

weld_status weld_report_put_candidate(weld_report *report, const weld_report_candidate *candidate,
                                      weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_match *m = &report->match;
    weld_report_candidate c = *candidate;
    WELD_TRY(copy_text(&c.name, report, candidate->name, err));
    WELD_TRY(copy_text(&c.method, report, candidate->method, err));
    WELD_TRY(copy_text(&c.failure, report, candidate->failure, err));
    MAKE_ROOM(m->candidates, m->candidate_count, m->candidate_cap);
    m->candidates[m->candidate_count++] = c;
done:
    return st;
}

weld_status weld_report_put_class(weld_report *report, weld_report_classes *list,
                                  const weld_report_class *item, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_class c = *item;
    const char **members;
    WELD_TRY(copy_text(&c.name, report, item->name, err));
    WELD_TRY(copy_text(&c.kind, report, item->kind, err));
    WELD_TRY(copy_text(&c.reason, report, item->reason, err));
    WELD_ARENA_NEW(members, &report->arena, c.member_count);
    for (size_t i = 0; i < c.member_count; i++)
        WELD_TRY(copy_text(&members[i], report, item->members[i], err));
    c.members = members;
    MAKE_ROOM(list->items, list->count, list->cap);
    list->items[list->count++] = c;
done:
    return st;
}

weld_status weld_report_put_lmc(weld_report *report, const weld_report_lmc *lmc, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_lmc m = *lmc;
    WELD_TRY(copy_text(&m.metric, report, lmc->metric, err));
    WELD_TRY(copy_reals(&m.alpha, report, lmc->alpha, m.alpha_count, err));
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
        const weld_report_curve *from = &lmc->curve[v];
        WELD_TRY(copy_reals(&m.curve[v].loss, report, from->loss, m.alpha_count, err));
        WELD_TRY(copy_reals(&m.curve[v].accuracy, report, from->accuracy, m.alpha_count, err));
    }
    m.present = true;
    report->lmc = m;
done:
    return st;
}

weld_status weld_report_put_llfc(weld_report *report, const double *alpha, size_t alpha_count,
                                 weld_error *err)
{
    weld_report_llfc llfc = {.present = true, .alpha_count = alpha_count};
    weld_status st = copy_reals(&llfc.alpha, report, alpha, alpha_count, err);
    if (st == WELD_OK)
        report->llfc = llfc;
    return st;
}

weld_status weld_report_put_row(weld_report *report, const weld_report_row *row, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_llfc *l = &report->llfc;
    weld_report_row r = *row;
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++)
        WELD_REQUIRE(row->variant[v].one_minus_cos, WELD_E_INTERNAL, "a layer without figures");
    WELD_TRY(copy_text(&r.name, report, row->name, err));
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
        const weld_report_figures *from = &row->variant[v];
        weld_report_figures *to = &r.variant[v];
        size_t n = l->alpha_count;
        WELD_TRY(copy_spreads(&to->one_minus_cos, report, from->one_minus_cos, n, err));
        WELD_TRY(copy_spreads(&to->coef, report, from->coef, n, err));
        WELD_TRY(copy_spreads(&to->coef_authors, report, from->coef_authors, n, err));
    }
    MAKE_ROOM(l->layers, l->layer_count, l->layer_cap);
    l->layers[l->layer_count++] = r;
done:
    return st;
}

weld_status weld_report_put_many(weld_report *report, const weld_report_many *many, weld_error *err)
{
    weld_status st = WELD_OK;
    const void *ends, *pairs;
    WELD_TRY(copy_block(&ends, report, many->ends, many->end_count * sizeof *many->ends, err));
    WELD_TRY(copy_block(&pairs, report, many->pairs, many->pair_count * sizeof *many->pairs, err));
    report->many = *many;
    WELD_TRY(copy_text(&report->many.metric, report, many->metric, err));
    report->many.ends = ends;
    report->many.pairs = pairs;
done:
    return st;
}

weld_status weld_report_put_search(weld_report *report, const weld_report_search *search,
                                   weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_search s = *search;
    WELD_TRY(copy_text(&s.metric, report, search->metric, err));
    WELD_TRY(copy_reals(&s.alpha, report, search->alpha, s.count, err));
    WELD_TRY(copy_reals(&s.loss, report, search->loss, s.count, err));
    WELD_TRY(copy_data(&s.data, report, &search->data, err));
    report->search = s;
done:
    return st;
}

static weld_status copy_tries(weld_report_merge *m, weld_report *report, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_try *tries;
    WELD_ARENA_NEW(tries, &report->arena, m->try_count);
    for (size_t k = 0; k < m->try_count; k++) {
        tries[k] = m->tries[k];
        WELD_TRY(copy_text(&tries[k].name, report, m->tries[k].name, err));
        WELD_TRY(copy_text(&tries[k].failure, report, m->tries[k].failure, err));
    }
    m->tries = tries;
done:
    return st;
}

static weld_status copy_ratios(weld_report_merge *m, weld_report *report, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_ratio *ratios;
    WELD_ARENA_NEW(ratios, &report->arena, m->ratio_count);
    for (size_t k = 0; k < m->ratio_count; k++) {
        ratios[k] = m->ratios[k];
        WELD_TRY(copy_text(&ratios[k].layer, report, m->ratios[k].layer, err));
    }
    m->ratios = ratios;
done:
    return st;
}

weld_status weld_report_put_merge(weld_report *report, const weld_report_merge *merge,
                                  weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_merge m = *merge;
    WELD_TRY(copy_text(&m.method, report, merge->method, err));
    WELD_TRY(copy_text(&m.statistic, report, merge->statistic, err));
    WELD_TRY(copy_text(&m.metric, report, merge->metric, err));
    WELD_TRY(copy_text(&m.base.path, report, merge->base.path, err));
    WELD_TRY(copy_text(&m.base.sha256, report, merge->base.sha256, err));
    WELD_TRY(copy_tries(&m, report, err));
    WELD_TRY(copy_ratios(&m, report, err));
    MAKE_ROOM(report->merges, report->merge_count, report->merge_cap);
    report->merges[report->merge_count++] = m;
done:
    return st;
}

weld_status weld_report_put_gate(weld_report *report, const weld_report_gate *gate, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_gate g = *gate;
    WELD_TRY(copy_text(&g.id, report, gate->id, err));
    WELD_TRY(copy_text(&g.figure, report, gate->figure, err));
    MAKE_ROOM(report->gates, report->gate_count, report->gate_cap);
    report->gates[report->gate_count++] = g;
done:
    return st;
}

weld_status weld_report_put_output(weld_report *report, const weld_report_output *output,
                                   weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_output o = *output;
    WELD_TRY(copy_text(&o.sha256, report, output->sha256, err));
    WELD_TRY(copy_text(&o.path, report, output->path, err));
    MAKE_ROOM(report->outputs, report->output_count, report->output_cap);
    report->outputs[report->output_count++] = o;
done:
    return st;
}

weld_status weld_report_put_value(weld_report *report, weld_report_values *list,
                                  const weld_report_value *value, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_value v = {NULL, NULL, NULL, NULL};
    WELD_TRY(copy_text(&v.name, report, value->name, err));
    WELD_TRY(copy_text(&v.dtype, report, value->dtype, err));
    WELD_TRY(copy_text(&v.dims, report, value->dims, err));
    WELD_TRY(copy_text(&v.op, report, value->op, err));
    MAKE_ROOM(list->items, list->count, list->cap);
    list->items[list->count++] = v;
done:
    return st;
}

weld_status weld_report_put_weight(weld_report *report, const weld_report_weight *weight,
                                   weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_diff *d = &report->diff;
    weld_report_weight w = *weight;
    WELD_TRY(copy_text(&w.a, report, weight->a, err));
    WELD_TRY(copy_text(&w.b, report, weight->b, err));
    WELD_TRY(copy_text(&w.shape, report, weight->shape, err));
    MAKE_ROOM(d->weights, d->weight_count, d->weight_cap);
    d->weights[d->weight_count++] = w;
done:
    return st;
}

weld_status weld_report_put_layer(weld_report *report, const weld_report_layer *layer,
                                  weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_inspection *i = &report->inspection;
    weld_report_layer l = {NULL, NULL, NULL};
    WELD_TRY(copy_text(&l.name, report, layer->name, err));
    WELD_TRY(copy_text(&l.op, report, layer->op, err));
    WELD_TRY(copy_text(&l.shape, report, layer->shape, err));
    MAKE_ROOM(i->layers, i->layer_count, i->layer_cap);
    i->layers[i->layer_count++] = l;
done:
    return st;
}

static weld_status put_line(weld_report *report, weld_report_lines *list, const char *text,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    const char *copy;
    WELD_TRY(copy_text(&copy, report, text, err));
    MAKE_ROOM(list->items, list->count, list->cap);
    list->items[list->count++] = copy;
done:
    return st;
}

weld_status weld_report_put_environment(weld_report *report, const char *version, const char *blas,
                                        int threads, weld_error *err)
{
    weld_status st = WELD_OK;
    report->environment.threads = threads;
    WELD_TRY(copy_text(&report->environment.version, report, version, err));
    WELD_TRY(copy_text(&report->environment.blas, report, blas, err));
done:
    return st;
}

weld_status weld_report_put_run(weld_report *report, int argc, char *const *argv, double seconds,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    report->environment.seconds = seconds;
    report->environment.command.count = 0;
    for (int i = 0; i < argc; i++)
        WELD_TRY(put_line(report, &report->environment.command, argv[i], err));
done:
    return st;
}

/* fmt and ap as one string of the report. */
static weld_status format_text(const char **out, weld_report *report, weld_error *err,
                               const char *fmt, va_list ap)
{
    weld_status st = WELD_OK;
    char *raw = NULL;
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    *out = NULL;
    WELD_REQUIRE(n >= 0, WELD_E_INTERNAL, "a line of the report can't be formatted");
    WELD_NEW(raw, report->ctx, n + 1);
    vsnprintf(raw, (size_t)n + 1, fmt, ap);
    WELD_TRY(copy_text(out, report, raw, err));
done:
    weld_free(report->ctx, raw);
    return st;
}

weld_status weld_report_warn(weld_report *report, weld_error *err, const char *code,
                             const char *fmt, ...)
{
    weld_status st = WELD_OK;
    weld_report_warning w;
    va_list ap;
    va_start(ap, fmt);
    st = format_text(&w.msg, report, err, fmt, ap);
    va_end(ap);
    WELD_TRY(st);
    WELD_TRY(copy_text(&w.code, report, code, err));
    MAKE_ROOM(report->warnings, report->warning_count, report->warning_cap);
    report->warnings[report->warning_count++] = w;
done:
    return st;
}

weld_status weld_report_line(weld_report *report, weld_report_lines *list, weld_error *err,
                             const char *fmt, ...)
{
    weld_status st = WELD_OK;
    const char *text;
    va_list ap;
    va_start(ap, fmt);
    st = format_text(&text, report, err, fmt, ap);
    va_end(ap);
    WELD_TRY(st);
    MAKE_ROOM(list->items, list->count, list->cap);
    list->items[list->count++] = text;
done:
    return st;
}
