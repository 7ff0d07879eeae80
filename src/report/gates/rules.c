/* What is asked of a report: presets, configuration files, options. */
#include "report/gates/gates.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct preset {
    const char *name;
    weld_gate_level equivalence, others;
} preset;

static const preset presets[] = {{"recommended", WELD_GATE_ERROR, WELD_GATE_WARN},
                                 {"strict", WELD_GATE_ERROR, WELD_GATE_ERROR},
                                 {"report-only", WELD_GATE_WARN, WELD_GATE_WARN}};
enum { PRESETS = sizeof presets / sizeof presets[0] };

static void take_preset(weld_gate_rules *rules, const preset *p)
{
    for (int k = 0; k < WELD_GATE_COUNT; k++)
        rules->of[k] = (weld_gate_rule){
            .level = k == WELD_GATE_equiv_max_abs ? p->equivalence : p->others, .limit = NAN};
}

void weld_gate_rules_default(weld_gate_rules *rules)
{
    take_preset(rules, &presets[0]);
}

/* Where in the configuration a mistake is. */
typedef struct place {
    const char *file, *id;
} place;

static weld_status read_level(weld_gate_level *out, const json_t *word, const place *at,
                              weld_error *err)
{
    const char *name = json_string_value(word);
    for (int k = WELD_GATE_OFF; name && k <= WELD_GATE_ERROR; k++)
        if (strcmp(weld_gate_level_name((weld_gate_level)k), name) == 0) {
            *out = (weld_gate_level)k;
            return WELD_OK;
        }
    return weld_fail(err, WELD_E_FORMAT, "%s: gates.%s: level %s%s%s, allowed off, warn, error",
                     at->file, at->id, name ? "'" : "is no text", name ? name : "",
                     name ? "'" : "");
}

static weld_status read_on(bool *bound, const json_t *word, const weld_gate_kind *kind,
                           const place *at, weld_error *err)
{
    weld_status st = WELD_OK;
    const char *name = json_string_value(word);
    WELD_REQUIRE(name && (strcmp(name, "point") == 0 || strcmp(name, "upper") == 0), WELD_E_FORMAT,
                 "%s: gates.%s.on: '%s', allowed point, upper", at->file, at->id,
                 name ? name : "(no text)");
    *bound = name[0] == 'u';
    WELD_REQUIRE(!*bound || kind->bound, WELD_E_FORMAT,
                 "%s: gates.%s.on: this figure has no 95 %% bound, allowed point", at->file,
                 at->id);
done:
    return st;
}

/* {"max": 0.1, "on": "upper"} */
static weld_status read_limits(weld_gate_rule *rule, const json_t *object,
                               const weld_gate_kind *kind, const place *at, weld_error *err)
{
    weld_status st = WELD_OK;
    const char *wanted = kind->at_most ? "max" : "min";
    const char *key;
    json_t *value;
    WELD_REQUIRE(json_is_object(object), WELD_E_FORMAT,
                 "%s: gates.%s: allowed a level, [level, {\"%s\": X}] or {\"%s\": X}", at->file,
                 at->id, wanted, wanted);
    json_object_foreach ((json_t *)object, key, value) {
        if (strcmp(key, "on") == 0) {
            WELD_TRY(read_on(&rule->bound, value, kind, at, err));
            continue;
        }
        WELD_REQUIRE(strcmp(key, wanted) == 0, WELD_E_FORMAT, "%s: gates.%s.%s: allowed %s, on",
                     at->file, at->id, key, wanted);
        WELD_REQUIRE(json_is_number(value), WELD_E_FORMAT, "%s: gates.%s.%s: not a number",
                     at->file, at->id, key);
        rule->limit = json_number_value(value);
    }
done:
    return st;
}

static weld_status read_rule(weld_gate_rule *rule, const json_t *value, const weld_gate_kind *kind,
                             const place *at, weld_error *err)
{
    weld_status st = WELD_OK;
    const json_t *level = json_is_array(value) ? json_array_get(value, 0) : value;
    const json_t *limits = json_is_array(value) ? json_array_get(value, 1) : value;
    WELD_REQUIRE(!json_is_array(value) || json_array_size(value) == 1 ||
                     json_array_size(value) == 2,
                 WELD_E_FORMAT, "%s: gates.%s: %zu entries, allowed [level] or [level, {...}]",
                 at->file, at->id, json_array_size(value));
    rule->named = true;
    if (!json_is_object(value))
        WELD_TRY(read_level(&rule->level, level, at, err));
    if (limits && !json_is_string(limits))
        WELD_TRY(read_limits(rule, limits, kind, at, err));
    WELD_REQUIRE(rule->level == WELD_GATE_OFF || kind->limit || !isnan(rule->limit), WELD_E_FORMAT,
                 "%s: gates.%s: needs a limit, {\"%s\": X}", at->file, at->id,
                 kind->at_most ? "max" : "min");
done:
    return st;
}

static weld_status unknown_gate(const place *at, weld_error *err)
{
    char ids[512];
    size_t n = 0;
    for (int k = 0; k < WELD_GATE_COUNT; k++)
        n += (size_t)snprintf(ids + n, sizeof ids - n, "%s%s", k ? ", " : "",
                              weld_gate_kinds[k]->id);
    return weld_fail(err, WELD_E_FORMAT, "%s: no gate '%s', allowed %s", at->file, at->id, ids);
}

static weld_status read_preset(weld_gate_rules *rules, const json_t *word, const char *file,
                               weld_error *err)
{
    const char *name = json_string_value(word);
    for (int k = 0; name && k < PRESETS; k++)
        if (strcmp(presets[k].name, name) == 0) {
            take_preset(rules, &presets[k]);
            return WELD_OK;
        }
    return weld_fail(err, WELD_E_FORMAT,
                     "%s: preset '%s', allowed strict, recommended, report-only", file,
                     name ? name : "(no text)");
}

weld_status weld_gate_rules_read(weld_gate_rules *rules, const json_t *config, const char *name,
                                 weld_error *err)
{
    weld_status st = WELD_OK;
    const json_t *word = json_object_get(config, "preset");
    json_t *gates = json_object_get(config, "gates"), *value;
    const char *key;
    WELD_REQUIRE(json_is_object(config), WELD_E_FORMAT, "%s: not an object", name);
    json_object_foreach ((json_t *)config, key, value)
        WELD_REQUIRE(value == word || value == gates, WELD_E_FORMAT,
                     "%s: '%s', allowed preset, gates", name, key);
    WELD_REQUIRE(!gates || json_is_object(gates), WELD_E_FORMAT, "%s: gates is not an object",
                 name);
    weld_gate_rules_default(rules);
    if (word)
        WELD_TRY(read_preset(rules, word, name, err));
    json_object_foreach (gates, key, value) {
        const place at = {name, key};
        const int k = weld_gate_find(key);
        st = k < 0 ? unknown_gate(&at, err)
                   : read_rule(&rules->of[k], value, weld_gate_kinds[k], &at, err);
        if (st != WELD_OK)
            goto done;
    }
done:
    return st;
}

weld_status weld_gate_rules_take(weld_gate_rules *rules, const weld_gate_options *options,
                                 weld_error *err)
{
    weld_status st = WELD_OK;
    for (size_t k = 0; k < options->limit_count; k++) {
        const weld_gate_limit *l = &options->limits[k];
        const int id = l->id ? weld_gate_find(l->id) : -1;
        WELD_REQUIRE(id >= 0, WELD_E_ARGUMENT, "no gate '%s'", l->id ? l->id : "");
        WELD_REQUIRE(isfinite(l->limit), WELD_E_ARGUMENT, "gate %s: the limit is not finite",
                     l->id);
        rules->of[id] = (weld_gate_rule){true, rules->of[id].bound, WELD_GATE_ERROR, l->limit};
    }
    for (int k = 0; k < WELD_GATE_COUNT; k++) {
        weld_gate_rule *rule = &rules->of[k];
        if (options->on != WELD_GATE_ON_CONFIGURED)
            rule->bound = options->on == WELD_GATE_ON_UPPER && weld_gate_kinds[k]->bound;
        if (options->warn_only && rule->level == WELD_GATE_ERROR)
            rule->level = WELD_GATE_WARN;
    }
done:
    return st;
}
