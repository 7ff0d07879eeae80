/* onnxweld.report/1. Everything that may differ between equal runs is in `environment`. */
#include "report/formats.h"
#include "report/formats/json.h"

json_t *weld_json_lines(maker *m, const weld_report_lines *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        push(m, array, text(list->items[i]));
    return array;
}

static json_t *environment(maker *m, const weld_report *r)
{
    json_t *o = json_object(), *paths = json_object(), *outputs = json_array();
    put(m, o, "version", text(r->environment.version));
    put(m, o, "threads", json_integer(r->environment.threads));
    put(m, o, "blas", text(r->environment.blas));
    put(m, o, "seconds", r->environment.seconds < 0 ? json_null() : real(r->environment.seconds));
    put(m, o, "command", weld_json_lines(m, &r->environment.command));
    for (size_t i = 0; i < r->model_count; i++)
        if (r->models[i].role)
            put(m, paths, r->models[i].role, text(r->models[i].path));
    if (r->data.present)
        put(m, paths, "data", text(r->data.path));
    if (r->match.data.present)
        put(m, paths, "match_data", text(r->match.data.path));
    for (size_t i = 0; i < r->output_count; i++)
        push(m, outputs, text(r->outputs[i].path));
    put(m, paths, "outputs", outputs);
    put(m, o, "paths", paths);
    if (r->plan.present)
        put(m, o, "forecast", weld_json_forecast(m, &r->plan));
    if (r->match.candidate_count && r->environment.seconds >= 0) {
        json_t *seconds = json_object();
        for (size_t i = 0; i < r->match.candidate_count; i++)
            if (r->match.candidates[i].name)
                put(m, seconds, r->match.candidates[i].name, real(r->match.candidates[i].seconds));
        put(m, o, "candidate_seconds", seconds);
    }
    return o;
}

static json_t *models(maker *m, const weld_report *r)
{
    json_t *array = json_array();
    for (size_t i = 0; i < r->model_count; i++) {
        const weld_report_model *model = &r->models[i];
        json_t *o = json_object(), *opset = json_object();
        put(m, o, "role", text(model->role));
        put(m, o, "sha256", text(model->sha256));
        put(m, o, "producer", text(model->producer));
        put(m, o, "ir", json_integer(model->ir));
        for (size_t k = 0; k < model->opset_count; k++) {
            const char *domain = model->opsets[k].domain;
            put(m, opset, domain ? domain : "", json_integer(model->opsets[k].version));
        }
        put(m, o, "opset", opset);
        put(m, o, "parameters", json_integer(model->parameters));
        push(m, array, o);
    }
    return array;
}

static json_t *data(maker *m, const weld_report_data *d)
{
    json_t *o = json_object();
    put(m, o, "sha256", text(d->sha256));
    put(m, o, "n", json_integer(d->n));
    put(m, o, "labels", json_boolean(d->labels));
    put(m, o, "preprocess", text(d->preprocess));
    if (d->split_of) {
        json_t *split = json_object();
        put(m, split, "of", json_integer(d->split_of));
        put(m, split, "seed", json_integer((json_int_t)d->split_seed));
        put(m, o, "split", split);
    }
    return o;
}

json_t *weld_json_classes(maker *m, const weld_report_classes *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++) {
        const weld_report_class *c = &list->items[i];
        json_t *o = json_object(), *members = json_array();
        put(m, o, "name", text(c->name));
        put(m, o, "size", json_integer(c->size));
        put(m, o, "kind", text(c->kind));
        put(m, o, "reason", text(c->reason));
        if (c->moved >= 0)
            put(m, o, "moved", json_integer(c->moved));
        for (size_t k = 0; k < c->member_count; k++)
            push(m, members, text(c->members[k]));
        put(m, o, "members", members);
        push(m, array, o);
    }
    return array;
}

static json_t *candidates(maker *m, const weld_report_match *match)
{
    json_t *array = json_array();
    for (size_t i = 0; i < match->candidate_count; i++) {
        const weld_report_candidate *c = &match->candidates[i];
        json_t *o = json_object();
        put(m, o, "name", text(c->name));
        put(m, o, "method", text(c->method));
        put(m, o, "midpoint_loss", real(c->loss));
        put(m, o, "objective", real(c->objective));
        put(m, o, "failure", text(c->failure));
        put(m, o, "chosen", json_boolean(c->chosen));
        push(m, array, o);
    }
    return array;
}

static json_t *polish(maker *m, const weld_report_polish *p)
{
    json_t *o = json_object();
    put(m, o, "seconds", real(p->seconds));
    put(m, o, "out_of_time", json_boolean(p->out_of_time));
    put(m, o, "samples", json_integer(p->samples));
    put(m, o, "sweeps", json_integer(p->sweeps));
    put(m, o, "tried", json_integer(p->tried));
    put(m, o, "kept", json_integer(p->kept));
    put(m, o, "wide_classes", json_integer(p->wide));
    put(m, o, "midpoint_loss", reals(m, p->loss, 2));
    return o;
}

static json_t *match(maker *m, const weld_report_match *match)
{
    json_t *o = json_object();
    put(m, o, "method", text(match->method));
    put(m, o, "seed", json_integer((json_int_t)match->seed));
    put(m, o, "restarts", json_integer(match->restarts));
    put(m, o, "sweeps", json_integer(match->sweeps));
    put(m, o, "objective", reals(m, match->objective, 2));
    put(m, o, "pinned_fraction", real(match->pinned_fraction));
    if (match->distances.present) {
        put(m, o, "commutativity", real(match->distances.commutativity));
        put(m, o, "dist_w", real(match->distances.weights));
        put(m, o, "dist_h", real(match->distances.features));
        put(m, o, "dist_com", real(match->distances.products));
    }
    if (match->data.present)
        put(m, o, "data", data(m, &match->data));
    if (match->candidate_count) {
        put(m, o, "metric", text(match->metric));
        put(m, o, "judged_by", text(match->judged_by));
        put(m, o, "candidates", candidates(m, match));
    }
    if (match->polish.present)
        put(m, o, "polish", polish(m, &match->polish));
    put(m, o, "classes", weld_json_classes(m, &match->classes));
    return o;
}

static json_t *verification(maker *m, const weld_report_verification *v)
{
    json_t *o = json_object();
    put(m, o, "n", json_integer(v->n));
    put(m, o, "max_abs", real(v->max_abs));
    put(m, o, "max_rel", real(v->max_rel));
    put(m, o, "allowed", real(v->allowed));
    put(m, o, "argmax_agree", real(v->argmax_agree));
    put(m, o, "pass", json_boolean(v->pass));
    return o;
}

static json_t *search(maker *m, const weld_report_search *s)
{
    json_t *o = json_object();
    put(m, o, "metric", text(s->metric));
    put(m, o, "alpha", reals(m, s->alpha, s->count));
    put(m, o, "loss", reals(m, s->loss, s->count));
    put(m, o, "best", real(s->best));
    put(m, o, "data", data(m, &s->data));
    return o;
}

static json_t *outputs(maker *m, const weld_report *r)
{
    json_t *array = json_array();
    for (size_t i = 0; i < r->output_count; i++) {
        json_t *o = json_object();
        put(m, o, "sha256", text(r->outputs[i].sha256));
        put(m, o, "alpha", real(r->outputs[i].alpha));
        push(m, array, o);
    }
    return array;
}

static json_t *gates(maker *m, const weld_report *r)
{
    json_t *array = json_array();
    for (size_t i = 0; i < r->gate_count; i++) {
        const weld_report_gate *g = &r->gates[i];
        json_t *o = json_object();
        put(m, o, "id", text(g->id));
        put(m, o, "figure", text(g->figure));
        put(m, o, "value", real(g->value));
        put(m, o, "op", text(g->at_most ? "<=" : ">="));
        put(m, o, "limit", real(g->limit));
        if (!isnan(g->baseline))
            put(m, o, "baseline", real(g->baseline));
        put(m, o, "level", text(weld_gate_level_name(g->level)));
        put(m, o, "pass", json_boolean(g->pass));
        push(m, array, o);
    }
    return array;
}

static json_t *warnings(maker *m, const weld_report *r)
{
    json_t *array = json_array();
    for (size_t i = 0; i < r->warning_count; i++) {
        json_t *o = json_object();
        put(m, o, "code", text(r->warnings[i].code));
        put(m, o, "msg", text(r->warnings[i].msg));
        push(m, array, o);
    }
    return array;
}

static json_t *values(maker *m, const weld_report_values *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++) {
        json_t *o = json_object();
        put(m, o, "name", text(list->items[i].name));
        put(m, o, "dtype", text(list->items[i].dtype));
        put(m, o, "dims", text(list->items[i].dims));
        if (list->items[i].op)
            put(m, o, "op", text(list->items[i].op));
        push(m, array, o);
    }
    return array;
}

static json_t *inspection(maker *m, const weld_report_inspection *n)
{
    json_t *o = json_object(), *layers = json_array();
    put(m, o, "inputs", values(m, &n->inputs));
    put(m, o, "outputs", values(m, &n->outputs));
    for (size_t i = 0; i < n->layer_count; i++) {
        json_t *layer = json_object();
        put(m, layer, "name", text(n->layers[i].name));
        put(m, layer, "op", text(n->layers[i].op));
        put(m, layer, "shape", text(n->layers[i].shape));
        push(m, layers, layer);
    }
    put(m, o, "layers", layers);
    put(m, o, "classes", weld_json_classes(m, &n->classes));
    put(m, o, "pinned_fraction", json_real(n->pinned_fraction));
    put(m, o, "notes", weld_json_lines(m, &n->notes));
    return o;
}

static json_t *shapes(maker *m, const weld_report_shapes *s)
{
    json_t *o = json_object();
    put(m, o, "values", values(m, &s->values));
    put(m, o, "notes", weld_json_lines(m, &s->notes));
    return o;
}

static json_t *diff(maker *m, const weld_report_diff *d)
{
    json_t *o = json_object(), *weights = json_array();
    for (size_t i = 0; i < d->weight_count; i++) {
        const weld_report_weight *w = &d->weights[i];
        json_t *item = json_object();
        put(m, item, "a", text(w->a));
        put(m, item, "b", text(w->b));
        put(m, item, "shape", text(w->shape));
        put(m, item, "max_abs", real(w->max_abs));
        put(m, item, "relative", real(w->relative));
        push(m, weights, item);
    }
    put(m, o, "structure", weld_json_lines(m, &d->structure));
    put(m, o, "weights", weights);
    put(m, o, "equal", json_integer((json_int_t)d->equal));
    return o;
}

static json_t *whole(maker *m, const weld_report *r)
{
    json_t *o = json_object();
    put(m, o, "schema", text("onnxweld.report/1"));
    put(m, o, "environment", environment(m, r));
    put(m, o, "verdict", text(weld_report_verdict(r)));
    put(m, o, "models", models(m, r));
    if (r->data.present)
        put(m, o, "data", data(m, &r->data));
    if (r->match.present)
        put(m, o, "match", match(m, &r->match));
    if (r->verification.present)
        put(m, o, "verification", verification(m, &r->verification));
    if (r->lmc.present)
        put(m, o, "lmc", weld_json_lmc(m, &r->lmc));
    if (r->llfc.present)
        put(m, o, "llfc", weld_json_llfc(m, &r->llfc));
    if (r->conditions.count)
        put(m, o, "conditions", weld_json_conditions(m, &r->conditions));
    if (r->many.present)
        put(m, o, "many", weld_json_many(m, &r->many));
    if (r->search.present)
        put(m, o, "alpha_search", search(m, &r->search));
    if (r->merge_count)
        put(m, o, "merges", weld_json_merges(m, r));
    if (r->inspection.present)
        put(m, o, "inspection", inspection(m, &r->inspection));
    if (r->shapes.present)
        put(m, o, "shapes", shapes(m, &r->shapes));
    if (r->plan.present)
        put(m, o, "plan", weld_json_plan(m, &r->plan));
    if (r->diff.present)
        put(m, o, "diff", diff(m, &r->diff));
    if (r->canonical.count)
        put(m, o, "canonicalised", weld_json_lines(m, &r->canonical));
    if (r->checked || r->obstacles.count)
        put(m, o, "obstacles", weld_json_lines(m, &r->obstacles));
    if (r->gate_count)
        put(m, o, "gates", gates(m, r));
    put(m, o, "outputs", outputs(m, r));
    put(m, o, "warnings", warnings(m, r));
    return o;
}

static int append(const char *bytes, size_t size, void *user)
{
    weld_buffer_append(user, bytes, size);
    return 0;
}

weld_status weld_report_document(json_t **out, const weld_report *report, weld_error *err)
{
    maker m = {false};
    *out = whole(&m, report);
    if (*out && !m.failed)
        return WELD_OK;
    json_decref(*out);
    *out = NULL;
    return weld_fail(err, WELD_E_NOMEM, "out of memory for the JSON report");
}

weld_status weld_report_render_json(weld_buffer *out, const weld_report *report, weld_error *err)
{
    json_t *root;
    weld_status st = weld_report_document(&root, report, err);
    if (st != WELD_OK)
        return st;
    WELD_REQUIRE(json_dump_callback(root, append, out, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) ==
                     0,
                 WELD_E_NOMEM, "out of memory for the JSON report");
    weld_buffer_append(out, "\n", 1);
done:
    json_decref(root);
    return st;
}
