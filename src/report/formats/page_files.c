/* What the files say: the networks, what was done to read them, in what they differ. */
#include "report/formats/page.h"
#include <math.h>
#include <string.h>

enum { MEMBERS_MAX = 4 };

static void members(weld_page *page, const weld_report_class *c)
{
    weld_page_open(page, WELD_MARK_CELL);
    for (size_t k = 0; k < c->member_count && k < MEMBERS_MAX; k++) {
        weld_page_break(page, k);
        weld_page_name(page, c->members[k], 60);
    }
    if (c->member_count > MEMBERS_MAX) {
        weld_page_break(page, MEMBERS_MAX);
        weld_page_say(page, "and %zu more", c->member_count - MEMBERS_MAX);
    }
    weld_page_close(page, WELD_MARK_CELL);
}

void weld_page_classes(weld_page *page, const weld_report_classes *list)
{
    weld_page_table(page, "Class|Units|Kind|Moved|Share moved|Members|Reason");
    for (size_t i = 0; i < list->count && i < page->style->rows_max; i++) {
        const weld_report_class *c = &list->items[i];
        const bool matched = c->moved >= 0;
        weld_page_open(page, WELD_MARK_ROW);
        weld_page_cell(page, c->name);
        weld_page_integer(page, c->size);
        weld_page_label(page, "%s", c->kind ? c->kind : "–");
        weld_page_number(page, matched ? (double)c->moved : NAN);
        weld_page_number(page, matched && c->size ? (double)c->moved / (double)c->size : NAN);
        members(page, c);
        weld_page_cell(page, c->reason);
        weld_page_close(page, WELD_MARK_ROW);
    }
    weld_page_end_table(page);
    weld_page_left_out(page, list->count);
}

static void values(weld_page *page, const char *what, const weld_report_values *list)
{
    for (size_t i = 0; i < list->count && i < page->style->rows_max; i++) {
        weld_page_open(page, WELD_MARK_ROW);
        weld_page_label(page, "%s", what);
        weld_page_cell(page, list->items[i].name);
        weld_page_cell(page, list->items[i].dtype);
        weld_page_cell(page, list->items[i].dims);
        weld_page_close(page, WELD_MARK_ROW);
    }
}

void weld_page_inspection(weld_page *page, const weld_report_inspection *n)
{
    weld_page_heading(page, "Inputs and outputs");
    weld_page_table(page, "Role|Name|Type|Dimensions");
    values(page, "input", &n->inputs);
    values(page, "output", &n->outputs);
    weld_page_end_table(page);
    weld_page_heading(page, "Layers");
    weld_page_table(page, "Layer|Operator|Shape");
    for (size_t i = 0; i < n->layer_count && i < page->style->rows_max; i++) {
        weld_page_open(page, WELD_MARK_ROW);
        weld_page_cell(page, n->layers[i].name);
        weld_page_cell(page, n->layers[i].op);
        weld_page_cell(page, n->layers[i].shape);
        weld_page_close(page, WELD_MARK_ROW);
    }
    weld_page_end_table(page);
    weld_page_left_out(page, n->layer_count);
    weld_page_heading(page, "Classes of units");
    weld_page_classes(page, &n->classes);
    weld_page_heading(page, "Canonicalised");
    weld_page_lines(page, &n->notes, WELD_MARK_ITEM);
}

void weld_page_shapes(weld_page *page, const weld_report_shapes *s)
{
    weld_page_heading(page, "Values of the file's graph");
    weld_page_lines(page, &s->notes, WELD_MARK_PARAGRAPH);
    weld_page_table(page, "Made by|Type|Dimensions|Name");
    for (size_t i = 0; i < s->values.count && i < page->style->rows_max; i++) {
        weld_page_open(page, WELD_MARK_ROW);
        weld_page_cell(page, s->values.items[i].op);
        weld_page_cell(page, s->values.items[i].dtype);
        weld_page_cell(page, s->values.items[i].dims);
        weld_page_cell(page, s->values.items[i].name);
        weld_page_close(page, WELD_MARK_ROW);
    }
    weld_page_end_table(page);
    weld_page_left_out(page, s->values.count);
}

void weld_page_diff(weld_page *page, const weld_report_diff *d)
{
    weld_page_heading(page, "Differences");
    weld_page_lines(page, &d->structure, WELD_MARK_PARAGRAPH);
    weld_page_paragraph(page, "%zu parameters are equal, %zu differ.", d->equal, d->weight_count);
    weld_page_table(page, "A|B|Dimensions|largest difference|relative");
    for (size_t i = 0; i < d->weight_count && i < page->style->rows_max; i++) {
        const weld_report_weight *w = &d->weights[i];
        weld_page_open(page, WELD_MARK_ROW);
        weld_page_cell(page, w->a);
        weld_page_cell(page, w->b);
        weld_page_cell(page, w->shape);
        weld_page_number(page, w->max_abs);
        weld_page_number(page, w->relative);
        weld_page_close(page, WELD_MARK_ROW);
    }
    weld_page_end_table(page);
    weld_page_left_out(page, d->weight_count);
}

static void data(weld_page *page, const char *what, const weld_report_data *d)
{
    if (!d->present)
        return;
    weld_page_open(page, WELD_MARK_ROW);
    weld_page_label(page, "%s", what);
    weld_page_cell(page, d->path);
    weld_page_integer(page, d->n);
    if (d->split_of)
        weld_page_label(page, "of %lld, drawn with seed %llu", (long long)d->split_of,
                        (unsigned long long)d->split_seed);
    else
        weld_page_label(page, "all");
    weld_page_label(page, "%s", d->labels ? "yes" : "no");
    weld_page_cell(page, d->preprocess ? d->preprocess : "none");
    weld_page_cell(page, d->sha256);
    weld_page_close(page, WELD_MARK_ROW);
}

static void model(weld_page *page, const weld_report_model *m)
{
    weld_page_open(page, WELD_MARK_ROW);
    weld_page_label(page, "%s", m->role ? m->role : "–");
    weld_page_cell(page, m->path);
    weld_page_cell(page, m->producer);
    weld_page_integer(page, m->ir);
    weld_page_open(page, WELD_MARK_CELL);
    for (size_t k = 0; k < m->opset_count && k < MEMBERS_MAX; k++) {
        const char *domain = m->opsets[k].domain;
        weld_page_break(page, k);
        weld_page_name(page, domain && *domain ? domain : "ai.onnx", 60);
        weld_page_say(page, " %lld", (long long)m->opsets[k].version);
    }
    weld_page_close(page, WELD_MARK_CELL);
    weld_page_integer(page, m->parameters);
    weld_page_cell(page, m->sha256);
    weld_page_close(page, WELD_MARK_ROW);
}

static void outputs(weld_page *page, const weld_report *r)
{
    if (!r->output_count)
        return;
    weld_page_heading(page, "Written");
    weld_page_table(page, "α|Path|SHA-256");
    for (size_t i = 0; i < r->output_count && i < page->style->rows_max; i++) {
        weld_page_open(page, WELD_MARK_ROW);
        weld_page_number(page, r->outputs[i].alpha);
        weld_page_cell(page, r->outputs[i].path);
        weld_page_cell(page, r->outputs[i].sha256);
        weld_page_close(page, WELD_MARK_ROW);
    }
    weld_page_end_table(page);
    weld_page_left_out(page, r->output_count);
}

void weld_page_models(weld_page *page, const weld_report *r)
{
    weld_page_heading(page, "Models and data");
    weld_page_table(page, "Model|Path|Producer|IR|Opset|Parameters|SHA-256");
    for (size_t i = 0; i < r->model_count && i < page->style->rows_max; i++)
        model(page, &r->models[i]);
    weld_page_end_table(page);
    if (r->match.data.present || r->data.present) {
        weld_page_table(page, "Data|Path|Samples|Part|Labels|Preprocessing|SHA-256");
        data(page, "for matching", &r->match.data);
        data(page, "for evaluation", &r->data);
        weld_page_end_table(page);
    }
    outputs(page, r);
}

/* As a shell takes it. */
static void word(weld_page *page, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_./:,=@%+-";
    weld_buffer quoted;
    if (*text && !text[strspn(text, plain)]) {
        weld_page_name(page, text, WELD_LINE_MAX);
        return;
    }
    weld_buffer_init(&quoted, page->out->ctx);
    weld_buffer_append(&quoted, "'", 1);
    for (; *text; text++)
        if (*text == '\'')
            weld_buffer_printf(&quoted, "'\\''");
        else
            weld_buffer_append(&quoted, text, 1);
    weld_buffer_append(&quoted, "'", 1);
    if (quoted.failed)
        page->out->failed = true;
    else
        weld_page_name(page, quoted.data, WELD_LINE_MAX);
    weld_buffer_free(&quoted);
}

void weld_page_environment(weld_page *page, const weld_report *r)
{
    const weld_report_environment *e = &r->environment;
    weld_page_heading(page, "To run it again");
    weld_page_open(page, WELD_MARK_CODE);
    for (size_t i = 0; i < e->command.count && i < page->style->rows_max; i++) {
        weld_page_say(page, "%s", i ? " " : "");
        word(page, e->command.items[i]);
    }
    weld_page_close(page, WELD_MARK_CODE);
    weld_page_open(page, WELD_MARK_PARAGRAPH);
    weld_page_say(page, "onnxweld ");
    weld_page_name(page, e->version, WELD_NAME_MAX);
    weld_page_say(page, ", BLAS ");
    weld_page_name(page, e->blas, WELD_NAME_MAX);
    if (e->threads) /* said, see weld_report_omit_run */
        weld_page_say(page, ", %d threads", e->threads);
    if (r->match.present)
        weld_page_say(page, ", seed %llu", (unsigned long long)r->match.seed);
    if (e->seconds >= 0)
        weld_page_say(page, ", %.1f seconds", e->seconds);
    weld_page_say(page, ". The figures depend on neither the threads nor the time.");
    weld_page_close(page, WELD_MARK_PARAGRAPH);
}
