/* The JSON report but for `environment`, one line per value, by RFC 4180: its section, the name of the
 * layer, class or model, naive or aligned, alpha, what it is, the value itself in full precision. */
#include "report/formats.h"
#include "report/formats/json.h"
#include <stdio.h>
#include <string.h>

/* Where in the report a value lies. */
typedef struct place {
    const char *section, *name, *variant;
    double alpha;         /* NaN = none */
    const json_t *alphas; /* of the lists inside, NULL = none */
    char figure[256];
} place;

static void field(weld_buffer *out, const char *text, const char *end)
{
    const char *mark = text[strcspn(text, ",\"\r\n")] ? "\"" : "";
    weld_buffer_printf(out, "%s", mark);
    for (; *text; text++)
        weld_buffer_append(out, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    weld_buffer_printf(out, "%s%s", mark, end);
}

static void number(weld_buffer *out, double x, const char *end)
{
    if (isfinite(x))
        weld_buffer_printf(out, "%.17g", x);
    weld_buffer_printf(out, "%s", end);
}

static void line(weld_buffer *out, const place *at, const json_t *value)
{
    const char *word = json_is_true(value) ? "true" : json_is_false(value) ? "false" : "";
    field(out, at->section, ",");
    field(out, at->name, ",");
    field(out, at->variant, ",");
    number(out, at->alpha, ",");
    field(out, at->figure, ",");
    if (json_is_number(value))
        number(out, json_number_value(value), "\r\n");
    else
        field(out, json_is_string(value) ? json_string_value(value) : word, "\r\n");
}

/* What an element of a list is called by; NULL = by its number. */
static const char *name_of(const json_t *element)
{
    static const char *const keys[] = {"name", "layer", "role", "id", "statistic", "code", "a"};
    const char *name = NULL;
    for (size_t k = 0; !name && k < sizeof keys / sizeof keys[0]; k++)
        name = json_string_value(json_object_get(element, keys[k]));
    return name;
}

static void walk(weld_buffer *out, const place *at, const json_t *value);

static void walk_list(weld_buffer *out, const place *at, const json_t *list)
{
    const bool path = at->alphas && json_array_size(at->alphas) == json_array_size(list);
    for (size_t k = 0; k < json_array_size(list); k++) {
        const json_t *element = json_array_get(list, k);
        const char *name = name_of(element);
        place inside = *at;
        if (name) {
            inside.name = name;
        } else if (path) {
            inside.alpha = json_number_value(json_array_get(at->alphas, k));
            inside.alphas = NULL;
        } else {
            const size_t n = strlen(at->figure);
            snprintf(inside.figure + n, sizeof inside.figure - n, "%s%zu", n ? "." : "", k);
        }
        walk(out, &inside, element);
    }
}

static void walk_object(weld_buffer *out, const place *at, const json_t *object)
{
    const json_t *alpha = json_object_get(object, "alpha");
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)object, key, value) {
        place inside = *at;
        const size_t n = strlen(at->figure);
        if (json_is_string(value) && json_string_value(value) == at->name)
            continue; /* said already */
        if (json_is_array(alpha))
            inside.alphas = alpha;
        if (json_is_number(alpha))
            inside.alpha = json_number_value(alpha);
        /* [low, high] and counts by class are no lists over alpha */
        if (strcmp(key, "ci95") == 0 || strcmp(key, "samples") == 0)
            inside.alphas = NULL;
        if (strcmp(key, "naive") == 0 || strcmp(key, "aligned") == 0)
            inside.variant = key;
        else
            snprintf(inside.figure + n, sizeof inside.figure - n, "%s%s", n ? "." : "", key);
        walk(out, &inside, value);
    }
}

static void walk(weld_buffer *out, const place *at, const json_t *value)
{
    if (json_is_object(value))
        walk_object(out, at, value);
    else if (json_is_array(value))
        walk_list(out, at, value);
    else
        line(out, at, value);
}

weld_status weld_report_render_csv(weld_buffer *out, const weld_report *report, weld_error *err)
{
    json_t *root, *value;
    const char *key;
    weld_status st = weld_report_document(&root, report, err);
    if (st != WELD_OK)
        return st;
    weld_buffer_printf(out, "section,name,variant,alpha,figure,value\r\n");
    json_object_foreach (root, key, value) {
        const place at = {key, "", "", NAN, NULL, ""};
        if (strcmp(key, "environment") != 0)
            walk(out, &at, value);
    }
    json_decref(root);
    return weld_buffer_check(out, err);
}
