/* A model card as Hugging Face reads it: front matter in YAML, then Markdown. */
#include "report/formats.h"
#include "report/formats/escape.h"
#include "report/formats/markdown.h"
#include <string.h>

static const char *file_name(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path ? path : "(memory)";
}

/* base_model takes ids of the hub, never names of files: it is left out where they are not known. */
static void front_matter(weld_buffer *out, const weld_report *r)
{
    weld_buffer_printf(out, "---\nlibrary_name: onnx\ntags:\n- merge\n- onnxweld\n");
    if (r->model_count && r->models[0].id)
        weld_buffer_printf(out, "base_model_relation: merge\nbase_model:\n");
    else
        weld_buffer_printf(out, "# base_model: ids of the models on the hub, see --base-model\n");
    for (size_t k = 0; k < r->model_count && r->models[k].id; k++) {
        weld_buffer_printf(out, "- ");
        weld_escape_json(out, r->models[k].id);
        weld_buffer_printf(out, "\n");
    }
    weld_buffer_printf(out, "---\n\n");
}

/* That it is there is said in plain words before the figures. */
static void parents(weld_page *page, const weld_report *r)
{
    weld_page_paragraph(page,
                        "A merge of %zu ONNX models of one architecture: their hidden units "
                        "were brought into one order, then the weights were merged.",
                        r->model_count);
    weld_page_table(page, "Model|File|SHA-256");
    for (size_t k = 0; k < r->model_count; k++) {
        weld_page_open(page, WELD_MARK_ROW);
        weld_page_label(page, "%s", r->models[k].role ? r->models[k].role : "–");
        weld_page_cell(page, file_name(r->models[k].path));
        weld_page_cell(page, r->models[k].sha256);
        weld_page_close(page, WELD_MARK_ROW);
    }
    weld_page_end_table(page);
}

weld_status weld_report_render_card(weld_buffer *out, const weld_report *report, weld_error *err)
{
    weld_page page = {.out = out, .style = &weld_markdown};
    front_matter(out, report);
    weld_buffer_printf(out, "# Merged model\n\n");
    parents(&page, report);
    weld_page_verdict(&page, report);
    if (report->lmc.present)
        weld_page_lmc(&page, report);
    if (report->merge_count)
        weld_page_merges(&page, report);
    weld_page_environment(&page, report);
    return weld_buffer_check(out, err);
}
