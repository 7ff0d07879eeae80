/* Gates over reports that were just made and that were saved: one path, by their JSON. */
#include "report/gates/gates.h"
#include "api/json_file.h"
#include "api/objects.h"
#include "report/formats/json.h"
#include <string.h>

const char *weld_gate_of_option(const char *flag)
{
    for (int k = 0; k < WELD_GATE_COUNT; k++)
        if (weld_gate_kinds[k]->option && strcmp(weld_gate_kinds[k]->option, flag) == 0)
            return weld_gate_kinds[k]->id;
    return NULL;
}

/* `given` may be NULL. The rules are those of its configuration and limits; *o is what else it says. */
static weld_status read_rules(weld_gate_rules *rules, weld_gate_options *o, weld_context *ctx,
                              const weld_gate_options *given, weld_error *err)
{
    const weld_gate_options defaults = WELD_GATE_OPTIONS_INIT;
    weld_status st = WELD_OK;
    json_t *config = NULL;
    *o = given ? *given : defaults;
    WELD_REQUIRE(o->struct_size == sizeof *o, WELD_E_ARGUMENT, "gate options of %u bytes",
                 o->struct_size);
    weld_gate_rules_default(rules);
    if (o->config) {
        WELD_TRY(weld_json_load(&config, ctx, o->config, err));
        WELD_TRY(weld_gate_rules_read(rules, config, o->config, err));
    }
    WELD_TRY(weld_gate_rules_take(rules, o, err));
done:
    json_decref(config);
    return st;
}

static weld_status load_report(json_t **out, weld_context *ctx, const char *path, weld_error *err)
{
    weld_status st = weld_json_load(out, ctx, path, err);
    if (st != WELD_OK)
        return st;
    const char *schema = json_string_value(json_object_get(*out, "schema"));
    if (schema && strcmp(schema, "onnxweld.report/1") == 0)
        return WELD_OK;
    json_decref(*out);
    *out = NULL;
    return weld_fail(err, WELD_E_FORMAT, "%s: not an onnxweld.report/1 file", path);
}

/* ---- an older report -------------------------------------------------------------------------- */

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "none";
}

static weld_status say_changed(weld_report *out, const char *what, const json_t *now,
                               const json_t *then, weld_error *err)
{
    const char *hash = text_at(now, "sha256"), *old = text_at(then, "sha256");
    if (strcmp(hash, old) == 0)
        return WELD_OK;
    return weld_report_warn(out, err, "W018", "%s is not that of the baseline: %.12s, there %.12s",
                            what, hash, old);
}

/* Other models or data are compared all the same, but not silently. */
static weld_status say_differences(weld_report *out, const json_t *report, const json_t *older,
                                   weld_error *err)
{
    weld_status st = WELD_OK;
    const json_t *models, *others;
    WELD_TRY(weld_gate_list(&models, report, "models", err));
    WELD_TRY(weld_gate_list(&others, older, "models", err));
    for (size_t k = 0; k < json_array_size(models) || k < json_array_size(others); k++) {
        const json_t *now = json_array_get(models, k), *then = json_array_get(others, k);
        char what[64];
        snprintf(what, sizeof what, "model %.40s", text_at(now ? now : then, "role"));
        WELD_TRY(say_changed(out, what, now, then, err));
    }
    st = say_changed(out, "the evaluation data", json_object_get(report, "data"),
                     json_object_get(older, "data"), err);
done:
    return st;
}

static weld_status compare(weld_report *out, const json_t *report, const weld_gate_options *o,
                           const char *name, weld_error *err)
{
    weld_status st = WELD_OK;
    json_t *older = NULL;
    WELD_TRY(load_report(&older, out->ctx, o->baseline, err));
    WELD_TRY(say_differences(out, report, older, err));
    WELD_TRY(weld_gates_compare(out, report, older, o, name, err));
done:
    json_decref(older);
    return st;
}

/* ---- both ways ------------------------------------------------------------------------------ */

static weld_status judge(weld_report *out, const json_t *report, const weld_gate_options *options,
                         const char *name, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_gate_options o;
    weld_gate_rules rules;
    out->gate_count = 0;
    WELD_TRY(read_rules(&rules, &o, out->ctx, options, err));
    WELD_TRY(weld_gates_judge(out, report, &rules, name, err));
    if (o.baseline)
        WELD_TRY(compare(out, report, &o, name, err));
    WELD_REQUIRE(out->gate_count, WELD_E_ARGUMENT,
                 "%s has no figure that a preset judges by itself: give a limit", name);
done:
    if (st != WELD_OK)
        out->gate_count = 0;
    return st;
}

weld_status weld_gate_check(weld_context *ctx, const weld_gate_options *options, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_gate_options o;
    weld_gate_rules rules;
    json_t *older = NULL;
    WELD_TRY(read_rules(&rules, &o, ctx, options, err));
    if (o.baseline)
        WELD_TRY(load_report(&older, ctx, o.baseline, err));
done:
    json_decref(older);
    return st;
}

weld_status weld_report_judge(weld_report *report, const weld_gate_options *options,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    json_t *document = NULL;
    WELD_TRY(weld_report_document(&document, report, err));
    WELD_TRY(judge(report, document, options, "the report", err));
    st = weld_gates_result(report, "the report", err);
done:
    json_decref(document);
    return st;
}

static weld_status copy_model(weld_report *out, const json_t *model, const json_t *paths,
                              weld_error *err)
{
    const char *role = json_string_value(json_object_get(model, "role"));
    const weld_report_model m = {
        .role = role,
        .path = role ? json_string_value(json_object_get(paths, role)) : NULL,
        .sha256 = json_string_value(json_object_get(model, "sha256")),
        .producer = json_string_value(json_object_get(model, "producer")),
        .ir = json_integer_value(json_object_get(model, "ir")),
        .parameters = json_integer_value(json_object_get(model, "parameters"))};
    if (!m.role)
        return weld_fail(err, WELD_E_FORMAT, "a model has no role");
    return weld_report_put_model(out, &m, err);
}

weld_status weld_gate_saved(weld_report **out, weld_context *ctx, const char *path,
                            const weld_gate_options *options, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report *r = NULL;
    json_t *document = NULL;
    const json_t *models;
    *out = NULL;
    WELD_TRY(load_report(&document, ctx, path, err));
    WELD_TRY(weld_report_open(&r, ctx, err));
    const json_t *paths = json_object_get(json_object_get(document, "environment"), "paths");
    st = weld_gate_list(&models, document, "models", err);
    for (size_t k = 0; st == WELD_OK && k < json_array_size(models); k++)
        st = copy_model(r, json_array_get(models, k), paths, err);
    if (st == WELD_E_FORMAT)
        weld_error_wrap(err, "%s", path);
    if (st != WELD_OK)
        goto done;
    WELD_TRY(judge(r, document, options, path, err));
    st = weld_gates_result(r, path, err);
    *out = r;
    r = NULL;
done:
    json_decref(document);
    weld_report_free(r);
    return st;
}
