/* Putting in what was measured. */
#include "report/copy.h"

static weld_status own_curve(weld_report_curve *c, weld_report *report, size_t count,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_series *const all[] = {&c->loss,    &c->accuracy, &c->top5,  &c->agree_a,
                                       &c->agree_b, &c->mse_a,    &c->mse_b, &c->calibrated};
    for (size_t k = 0; k < sizeof all / sizeof all[0]; k++) {
        WELD_REPORT_OWN(all[k]->y, report, count);
        WELD_REPORT_OWN(all[k]->ci95, report, count);
    }
    for (int h = 0; h < 2; h++)
        WELD_REPORT_OWN(c->temperature[h], report, count);
done:
    return st;
}

static weld_status own_classes(weld_report_by_class *c, weld_report *report, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_REPORT_OWN(c->samples, report, c->count);
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++)
        for (int k = 0; k < WELD_REPORT_CLASS_POINTS; k++) {
            WELD_REPORT_OWN(c->accuracy[v][k], report, c->count);
            WELD_REPORT_OWN(c->ci95[v][k], report, c->count);
        }
done:
    return st;
}

weld_status weld_report_put_lmc(weld_report *report, const weld_report_lmc *lmc, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_lmc m = *lmc;
    WELD_TRY(weld_report_copy_text(&m.metric, report, lmc->metric, err));
    WELD_REPORT_OWN(m.alpha, report, m.alpha_count);
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++)
        WELD_TRY(own_curve(&m.curve[v], report, m.alpha_count, err));
    WELD_TRY(own_classes(&m.by_class, report, err));
    m.present = true;
    report->lmc = m;
done:
    return st;
}

weld_status weld_report_put_llfc(weld_report *report, const double *alpha, size_t alpha_count,
                                 weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_llfc llfc = {.present = true, .alpha = alpha, .alpha_count = alpha_count};
    WELD_REPORT_OWN(llfc.alpha, report, alpha_count);
    report->llfc = llfc;
done:
    return st;
}

weld_status weld_report_put_row(weld_report *report, const weld_report_row *row, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_llfc *l = &report->llfc;
    weld_report_row r = *row;
    WELD_TRY(weld_report_copy_text(&r.name, report, row->name, err));
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
        weld_report_figures *f = &r.variant[v];
        WELD_REQUIRE(f->one_minus_cos, WELD_E_INTERNAL, "a layer without figures");
        WELD_REPORT_OWN(f->one_minus_cos, report, l->alpha_count);
        WELD_REPORT_OWN(f->bounds, report, l->alpha_count);
        WELD_REPORT_OWN(f->coef, report, l->alpha_count);
        WELD_REPORT_OWN(f->coef_authors, report, l->alpha_count);
        WELD_REPORT_OWN(f->coef_ci95, report, l->alpha_count);
        WELD_REPORT_OWN(f->coef_authors_ci95, report, l->alpha_count);
        WELD_REPORT_OWN(f->matrix_one_minus_cos_ci95, report, l->alpha_count);
        WELD_REPORT_OWN(f->matrix_coef_ci95, report, l->alpha_count);
        WELD_REPORT_OWN(f->matrix_coef_authors_ci95, report, l->alpha_count);
        WELD_REPORT_OWN(f->matrix_one_minus_cos, report, l->alpha_count);
        WELD_REPORT_OWN(f->matrix_coef, report, l->alpha_count);
        WELD_REPORT_OWN(f->matrix_coef_authors, report, l->alpha_count);
    }
    WELD_REPORT_ROOM(l->layers, l->layer_count, l->layer_cap);
    l->layers[l->layer_count++] = r;
done:
    return st;
}

weld_status weld_report_put_conditions(weld_report *report,
                                       const weld_report_conditions *conditions, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_condition *items;
    WELD_ARENA_NEW(items, &report->arena, conditions->count);
    for (size_t k = 0; k < conditions->count; k++) {
        items[k] = conditions->items[k];
        WELD_TRY(weld_report_copy_text(&items[k].name, report, conditions->items[k].name, err));
        WELD_TRY(weld_report_copy_text(&items[k].op, report, conditions->items[k].op, err));
    }
    report->conditions = *conditions;
    report->conditions.items = items;
done:
    return st;
}

weld_status weld_report_put_many(weld_report *report, const weld_report_many *many, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_many m = *many;
    WELD_TRY(weld_report_copy_text(&m.metric, report, many->metric, err));
    WELD_REPORT_OWN(m.ends, report, m.end_count);
    WELD_REPORT_OWN(m.pairs, report, m.pair_count);
    report->many = m;
done:
    return st;
}

weld_status weld_report_put_search(weld_report *report, const weld_report_search *search,
                                   weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_search s = *search;
    WELD_TRY(weld_report_copy_text(&s.metric, report, search->metric, err));
    WELD_REPORT_OWN(s.alpha, report, s.count);
    WELD_REPORT_OWN(s.loss, report, s.count);
    WELD_TRY(weld_report_copy_data(&s.data, report, &search->data, err));
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
        WELD_TRY(weld_report_copy_text(&tries[k].name, report, m->tries[k].name, err));
        WELD_TRY(weld_report_copy_text(&tries[k].failure, report, m->tries[k].failure, err));
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
        WELD_TRY(weld_report_copy_text(&ratios[k].layer, report, m->ratios[k].layer, err));
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
    WELD_TRY(weld_report_copy_text(&m.method, report, merge->method, err));
    WELD_TRY(weld_report_copy_text(&m.statistic, report, merge->statistic, err));
    WELD_TRY(weld_report_copy_text(&m.metric, report, merge->metric, err));
    WELD_TRY(weld_report_copy_text(&m.base.path, report, merge->base.path, err));
    WELD_TRY(weld_report_copy_text(&m.base.sha256, report, merge->base.sha256, err));
    WELD_TRY(copy_tries(&m, report, err));
    WELD_TRY(copy_ratios(&m, report, err));
    WELD_REPORT_OWN(m.class_accuracy, report, m.class_count);
    WELD_REPORT_OWN(m.class_ci95, report, m.class_count);
    WELD_REPORT_ROOM(report->merges, report->merge_count, report->merge_cap);
    report->merges[report->merge_count++] = m;
done:
    return st;
}
