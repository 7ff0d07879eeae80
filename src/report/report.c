#include "report/copy.h"
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

weld_status weld_report_put_model(weld_report *report, const weld_report_model *model,
                                  weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_model m = *model;
    weld_report_opset *opsets;
    WELD_TRY(weld_report_copy_text(&m.role, report, model->role, err));
    WELD_TRY(weld_report_copy_text(&m.path, report, model->path, err));
    WELD_TRY(weld_report_copy_text(&m.id, report, model->id, err));
    WELD_TRY(weld_report_copy_text(&m.sha256, report, model->sha256, err));
    WELD_TRY(weld_report_copy_text(&m.producer, report, model->producer, err));
    WELD_ARENA_NEW(opsets, &report->arena, m.opset_count);
    for (size_t i = 0; i < m.opset_count; i++) {
        opsets[i].version = model->opsets[i].version;
        WELD_TRY(weld_report_copy_text(&opsets[i].domain, report, model->opsets[i].domain, err));
    }
    m.opsets = opsets;
    WELD_REPORT_ROOM(report->models, report->model_count, report->model_cap);
    report->models[report->model_count++] = m;
done:
    return st;
}

weld_status weld_report_put_data(weld_report *report, const weld_report_data *data, weld_error *err)
{
    weld_status st = weld_report_copy_data(&report->data, report, data, err);
    if (st == WELD_OK)
        report->data.present = true;
    return st;
}

weld_status weld_report_put_match(weld_report *report, const weld_report_match *match,
                                  weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_match m = *match;
    WELD_TRY(weld_report_copy_text(&m.method, report, match->method, err));
    WELD_TRY(weld_report_copy_text(&m.metric, report, match->metric, err));
    WELD_TRY(weld_report_copy_text(&m.judged_by, report, match->judged_by, err));
    WELD_TRY(weld_report_copy_data(&m.data, report, &match->data, err));
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
    WELD_TRY(weld_report_copy_text(&c.name, report, candidate->name, err));
    WELD_TRY(weld_report_copy_text(&c.method, report, candidate->method, err));
    WELD_TRY(weld_report_copy_text(&c.failure, report, candidate->failure, err));
    WELD_REPORT_ROOM(m->candidates, m->candidate_count, m->candidate_cap);
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
    WELD_TRY(weld_report_copy_text(&c.name, report, item->name, err));
    WELD_TRY(weld_report_copy_text(&c.kind, report, item->kind, err));
    WELD_TRY(weld_report_copy_text(&c.reason, report, item->reason, err));
    WELD_ARENA_NEW(members, &report->arena, c.member_count);
    for (size_t i = 0; i < c.member_count; i++)
        WELD_TRY(weld_report_copy_text(&members[i], report, item->members[i], err));
    c.members = members;
    WELD_REPORT_ROOM(list->items, list->count, list->cap);
    list->items[list->count++] = c;
done:
    return st;
}

weld_status weld_report_put_gate(weld_report *report, const weld_report_gate *gate, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_gate g = *gate;
    WELD_TRY(weld_report_copy_text(&g.id, report, gate->id, err));
    WELD_TRY(weld_report_copy_text(&g.figure, report, gate->figure, err));
    WELD_REPORT_ROOM(report->gates, report->gate_count, report->gate_cap);
    report->gates[report->gate_count++] = g;
done:
    return st;
}

weld_status weld_report_put_output(weld_report *report, const weld_report_output *output,
                                   weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_output o = *output;
    WELD_TRY(weld_report_copy_text(&o.sha256, report, output->sha256, err));
    WELD_TRY(weld_report_copy_text(&o.path, report, output->path, err));
    WELD_REPORT_ROOM(report->outputs, report->output_count, report->output_cap);
    report->outputs[report->output_count++] = o;
done:
    return st;
}

weld_status weld_report_put_value(weld_report *report, weld_report_values *list,
                                  const weld_report_value *value, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_value v = {NULL, NULL, NULL, NULL};
    WELD_TRY(weld_report_copy_text(&v.name, report, value->name, err));
    WELD_TRY(weld_report_copy_text(&v.dtype, report, value->dtype, err));
    WELD_TRY(weld_report_copy_text(&v.dims, report, value->dims, err));
    WELD_TRY(weld_report_copy_text(&v.op, report, value->op, err));
    WELD_REPORT_ROOM(list->items, list->count, list->cap);
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
    WELD_TRY(weld_report_copy_text(&w.a, report, weight->a, err));
    WELD_TRY(weld_report_copy_text(&w.b, report, weight->b, err));
    WELD_TRY(weld_report_copy_text(&w.shape, report, weight->shape, err));
    WELD_REPORT_ROOM(d->weights, d->weight_count, d->weight_cap);
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
    WELD_TRY(weld_report_copy_text(&l.name, report, layer->name, err));
    WELD_TRY(weld_report_copy_text(&l.op, report, layer->op, err));
    WELD_TRY(weld_report_copy_text(&l.shape, report, layer->shape, err));
    WELD_REPORT_ROOM(i->layers, i->layer_count, i->layer_cap);
    i->layers[i->layer_count++] = l;
done:
    return st;
}

static weld_status put_line(weld_report *report, weld_report_lines *list, const char *text,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    const char *copy;
    WELD_TRY(weld_report_copy_text(&copy, report, text, err));
    WELD_REPORT_ROOM(list->items, list->count, list->cap);
    list->items[list->count++] = copy;
done:
    return st;
}

weld_status weld_report_put_environment(weld_report *report, const char *version, const char *blas,
                                        int threads, weld_error *err)
{
    weld_status st = WELD_OK;
    report->environment.threads = threads;
    WELD_TRY(weld_report_copy_text(&report->environment.version, report, version, err));
    WELD_TRY(weld_report_copy_text(&report->environment.blas, report, blas, err));
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
    WELD_TRY(weld_report_copy_text(out, report, raw, err));
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
    WELD_TRY(weld_report_copy_text(&w.code, report, code, err));
    WELD_REPORT_ROOM(report->warnings, report->warning_count, report->warning_cap);
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
    WELD_REPORT_ROOM(list->items, list->count, list->cap);
    list->items[list->count++] = text;
done:
    return st;
}
