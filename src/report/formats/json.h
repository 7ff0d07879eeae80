/* Parts of the JSON report. */
#ifndef WELD_REPORT_FORMATS_JSON_H
#define WELD_REPORT_FORMATS_JSON_H
#include "report/report.h"
#include <jansson.h>
#include <math.h>

/* `failed`: jansson ran out of memory somewhere; checked once, at the end. */
typedef struct maker {
    bool failed;
} maker;

static inline void put(maker *m, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0)
        m->failed = true;
}

static inline void push(maker *m, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0)
        m->failed = true;
}

static inline json_t *text(const char *s)
{
    return s ? json_string(s) : json_null();
}

static inline json_t *real(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

/* Nulls where there is no array. */
static inline json_t *reals_or_nulls(maker *m, const double *x, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        push(m, array, x ? real(x[i]) : json_null());
    return array;
}

static inline json_t *reals(maker *m, const double *x, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; x && i < count; i++)
        push(m, array, real(x[i]));
    return array;
}

/* The report as one JSON value; json_decref() it. */
weld_status weld_report_document(json_t **out, const weld_report *report, weld_error *err);
/* Its parts: what was measured, the path, the layers, merges; a dry run and, for `environment`, what it
 * takes. */
json_t *weld_json_lines(maker *m, const weld_report_lines *list);
json_t *weld_json_classes(maker *m, const weld_report_classes *list);
json_t *weld_json_plan(maker *m, const weld_report_plan *p);
json_t *weld_json_forecast(maker *m, const weld_report_plan *p);
json_t *weld_json_lmc(maker *m, const weld_report_lmc *l);
json_t *weld_json_llfc(maker *m, const weld_report_llfc *l);
json_t *weld_json_conditions(maker *m, const weld_report_conditions *c);
json_t *weld_json_many(maker *m, const weld_report_many *n);
json_t *weld_json_merges(maker *m, const weld_report *r);
#endif
