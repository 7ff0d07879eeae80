/* What a run would do, without doing it: everything that it refuses is refused, nothing is read of the
 * weights, and how long the rest takes is what it counts times what this machine needs (api/rates.h). */
#include "api/preview.h"
#include "api/recipe.h"

/* ---- what is refused ------------------------------------------------------------------------------ */

static weld_status check_match(weld_foreseen *p, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_TRY(weld_alignment_prepare(&p->al, p->a, p->b, p->align, err));
    if (!p->o->permutation)
        return weld_way_find(&p->way, p->al, p->align, err);
    p->way.matcher = &weld_matcher_none;
    WELD_TRY(weld_element_identity(&p->al->element, p->al->symmetry, err));
    WELD_TRY(weld_alignment_read(p->al, p->o->permutation, err));
done:
    return st;
}

/* Does each of the others fit the first, too? */
static weld_status check_others(const weld_foreseen *p, weld_error *err)
{
    weld_status st = WELD_OK;
    for (size_t k = 0; k < p->o->other_count && st == WELD_OK; k++) {
        weld_alignment *al = NULL;
        st = weld_alignment_prepare(&al, p->a, p->o->others[k], p->align, err);
        weld_alignment_free(al);
    }
    return st;
}

static weld_status check_all(weld_foreseen *p, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_TRY(check_match(p, err));
    WELD_TRY(check_others(p, err));
    if (p->o->data)
        WELD_TRY(weld_alignment_takes(p->al, p->o->data, "verification", err));
    for (size_t k = 0; k < p->o->merge_count; k++)
        WELD_TRY(weld_recipe_check(p->al, &p->o->merges[k], p->models, err));
    if (p->o->search)
        WELD_TRY(weld_alignment_takes(p->al, p->o->search, "the search for alpha", err));
    if (!p->o->data || !p->o->measure)
        return WELD_OK;
    WELD_TRY(weld_measure_wish(&p->wish, &p->shapes, p->al, p->o->data, p->o->measure, err));
    WELD_TRY(weld_measure_check(&p->wish, err));
done:
    return st;
}

/* ---- the report ----------------------------------------------------------------------------------- */

static int64_t count_layers(const weld_graph *g)
{
    int64_t count = 0;
    for (int n = 0; n < g->node_count; n++)
        count += (g->nodes[n].op->flags & WELD_OP_LINEAR) != 0;
    return count;
}

/* Without a matcher: those of all candidates. */
static unsigned moments_wanted(const weld_way *way)
{
    unsigned kinds = way->matcher ? way->matcher->moments : 0;
    for (int k = 0; !way->matcher && k < way->candidates; k++)
        kinds |= weld_candidates()[k].matcher->moments;
    return kinds;
}

static weld_status describe(weld_foreseen *p, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_plan *plan = &p->report->plan;
    const weld_alignment *al = p->al;
    plan->present = true;
    plan->method = al->method; /* static */
    plan->layers = count_layers(al->a->structure->graph);
    plan->pinned_fraction = weld_pinned_fraction(al->symmetry);
    WELD_TRY(weld_report_add_model(p->report, "A", al->a, err));
    WELD_TRY(weld_report_add_model(p->report, "B", al->b, err));
    for (size_t k = 0; k < p->o->other_count; k++) {
        char role[WELD_ROLE_ROOM];
        weld_model_role(role, (int)k + 2);
        WELD_TRY(weld_report_add_model(p->report, role, p->o->others[k], err));
    }
    WELD_TRY(weld_report_add_classes(p->report, &plan->classes, al->symmetry, NULL, err));
    WELD_TRY(weld_report_made_for(p->report, al, err));
    WELD_TRY(weld_report_rereading(p->report, al->reread, err));
done:
    return st;
}

static weld_status finish(weld_foreseen *p, weld_error *err)
{
    weld_report_plan *plan = &p->report->plan;
    const weld_context *ctx = p->al->ctx;
    plan->memory_bytes = (int64_t)(p->rates.own_bytes + p->held + p->most);
    plan->budget_bytes = (int64_t)ctx->budget_bytes;
    if (plan->memory_bytes <= plan->budget_bytes)
        return WELD_OK;
    return weld_report_warn(p->report, err, "W022",
                            "about %.3g GB of memory are needed, the budget (--mem) is %.3g GB",
                            (double)plan->memory_bytes / 1e9, (double)plan->budget_bytes / 1e9);
}

weld_status weld_preview(weld_report **out, const weld_model *a, const weld_model *b,
                         const weld_preview_options *options, weld_error *err)
{
    const weld_preview_options defaults = WELD_PREVIEW_OPTIONS_INIT;
    const weld_align_options align = WELD_ALIGN_OPTIONS_INIT;
    const weld_preview_options *o = options ? options : &defaults;
    weld_status st = WELD_OK;
    weld_foreseen p = {.a = a,
                       .b = b,
                       .o = o,
                       .align = o->align ? o->align : &align,
                       .models = 2 + (int)o->other_count};
    *out = NULL;
    WELD_REQUIRE(o->struct_size == sizeof *o, WELD_E_ARGUMENT, "preview options of %u bytes",
                 o->struct_size);
    WELD_TRY(check_all(&p, err));
    WELD_TRY(weld_report_open(&p.report, p.al->ctx, err));
    WELD_TRY(describe(&p, err));
    p.held = p.al->ctx->in_use_bytes;
    const bool learns = !p.way.matcher || p.way.matcher->needs_data;
    WELD_TRY(weld_rates_measure(&p.rates, p.al, moments_wanted(&p.way),
                                learns ? p.align->data : NULL, p.wish.data ? &p.wish : NULL, err));
    WELD_TRY(weld_preview_stages(&p, err));
    WELD_TRY(finish(&p, err));
    *out = p.report;
    p.report = NULL;
done:
    weld_report_free(p.report);
    weld_shapes_free(p.shapes);
    weld_alignment_free(p.al);
    return st;
}

weld_status weld_preview_read(weld_report *report, const char *role, const weld_dataset *data,
                              weld_error *err)
{
    const weld_report_file file = {role, data->path, -1, data->count};
    return weld_report_put_file(report, &report->plan.reads, &file, err);
}

weld_status weld_preview_write(weld_report *report, const char *role, const char *path,
                               int64_t bytes, weld_error *err)
{
    const weld_report_file file = {role, path, bytes, -1};
    return weld_report_put_file(report, &report->plan.writes, &file, err);
}
