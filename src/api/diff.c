/* What differs between two models: structure, then weights, as they stand or after alignment. */
#include "api/objects.h"
#include "report/report.h"
#include <math.h>

/* Parameter p of A against what stands there of B. */
static weld_status add_param(weld_report *r, const weld_alignment *al, int p, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_param *a = &al->a->structure->graph->params[p];
    const int q = al->pairing->param_of[p];
    const weld_tensor x = weld_paramset_tensor(al->a->params, p);
    const weld_tensor y = weld_paramset_tensor(al->aligned, p);
    weld_report_weight w = {.a = a->name, .b = al->b->structure->graph->params[q].name};
    double squares = 0, norm = 0;
    char text[128];
    for (int64_t k = 0; k < weld_shape_numel(&a->shape); k++) {
        const double u = weld_tensor_number(&x, k), v = weld_tensor_number(&y, k);
        const double d = u == v || (isnan(u) && isnan(v)) ? 0 : fabs(u - v);
        if (!(d <= w.max_abs)) /* NaN on one side counts as different */
            w.max_abs = d;
        squares += d * d;
        norm += u * u;
    }
    w.relative = norm > 0 ? sqrt(squares / norm) : sqrt(squares);
    w.shape = weld_shape_text(&a->shape, text);
    if (w.max_abs == 0)
        r->diff.equal++;
    else
        WELD_TRY(weld_report_put_weight(r, &w, err));
done:
    return st;
}

static weld_status compare_weights(weld_report *r, const weld_model *a, const weld_model *b,
                                   const weld_align_options *how, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_alignment *al = NULL;
    WELD_TRY(weld_align(&al, a, b, how, err));
    WELD_TRY(weld_paramset_hold(al->a->params, err));
    WELD_TRY(weld_paramset_hold(al->aligned, err));
    for (int p = 0; p < al->a->structure->graph->param_count; p++)
        WELD_TRY(add_param(r, al, p, err));
    WELD_TRY(weld_report_rereading(r, al->reread, err));
done:
    weld_alignment_free(al);
    return st;
}

weld_status weld_diff(weld_report **out, const weld_model *a, const weld_model *b,
                      const weld_align_options *options, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report *r = NULL;
    weld_pairing *pairing = NULL;
    weld_model *reread[2] = {NULL, NULL};
    weld_align_options plain = WELD_ALIGN_OPTIONS_INIT;
    plain.method = "none";
    *out = NULL;
    WELD_TRY(weld_report_open(&r, a->ctx, err));
    WELD_TRY(weld_report_add_model(r, "A", a, err));
    WELD_TRY(weld_report_add_model(r, "B", b, err));
    r->diff.present = true;
    WELD_TRY(weld_pair_models(&pairing, reread, a, b, err));
    for (int k = 0; k < pairing->difference_count; k++)
        WELD_TRY(weld_report_line(r, &r->diff.structure, err, "%s", pairing->differences[k]));
    if (pairing->difference_count == 0)
        WELD_TRY(compare_weights(r, a, b, options ? options : &plain, err));
    if (pairing->difference_count)
        st = weld_fail(err, WELD_E_NEGATIVE, "the models differ in %d places of their structure",
                       pairing->difference_count);
    else if (r->diff.weight_count)
        st = weld_fail(err, WELD_E_NEGATIVE, "%zu of %zu parameters differ", r->diff.weight_count,
                       r->diff.weight_count + r->diff.equal);
    *out = r;
    r = NULL;
done:
    weld_pairing_free(pairing);
    weld_model_free(reread[0]);
    weld_model_free(reread[1]);
    weld_report_free(r);
    return st;
}
