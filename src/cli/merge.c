/* What the options say of merging. */
#include "cli.h"
#include <stdlib.h>
#include <string.h>

/* "REGEX=A": the last '=' divides. */
static weld_status read_layer_alpha(weld_layer_alpha *out, char pattern[256], const char *text,
                                    weld_error *err)
{
    const char *mark = strrchr(text, '=');
    char *end = NULL;
    const size_t n = mark ? (size_t)(mark - text) : 0;
    const double alpha = mark ? strtod(mark + 1, &end) : -1;
    if (n == 0 || n >= 256 || end == mark + 1 || *end || !(alpha >= 0 && alpha <= 1))
        return bad_usage(err, "--layer-alpha: '%.100s', allowed REGEX=A with A from 0 to 1", text);
    memcpy(pattern, text, n);
    pattern[n] = '\0';
    *out = (weld_layer_alpha){pattern, alpha};
    return WELD_OK;
}

weld_status check_merge(const options *o, weld_error *err)
{
    const char *name = o->merge_method ? o->merge_method : weld_merge_methods()[0];
    const bool based = weld_merge_uses_base(name);
    if (based && !o->base)
        return bad_usage(err, "--method %s needs --base FILE", name);
    if (o->base && !based)
        return bad_usage(err, "--base: merge method '%s' takes none", name);
    if (!(o->density > 0 && o->density <= 1))
        return bad_usage(err, "--density: %g, allowed above 0 to 1", o->density);
    if (o->density != 1 && !weld_merge_uses_density(name))
        return bad_usage(err, "--density: merge method '%s' takes none", name);
    if (o->lambda != 1 && !based)
        return bad_usage(err, "--lambda: merge method '%s' takes none", name);
    return WELD_OK;
}

void take_method(weld_merge_options *how, const char *method)
{
    how->method = method;
    if (!weld_merge_uses_density(method))
        how->density = 1;
    if (weld_merge_uses_base(method))
        return;
    how->base = NULL;
    how->lambda = 1;
}

weld_status read_merge_wish(merge_wish *out, const session *s, const weld_dataset *data,
                            weld_error *err)
{
    const options *o = s->o;
    const weld_merge_options defaults = WELD_MERGE_OPTIONS_INIT;
    weld_status st = WELD_OK;
    out->options = defaults;
    out->options.method = o->merge_method;
    out->options.statistics = statistics_wanted(s);
    out->options.data = data;
    if (o->base)
        st = load_model(&out->base, s, o->base, err);
    out->options.base = out->base;
    out->options.density = o->density;
    out->options.lambda = o->lambda;
    out->options.seed = (uint64_t)o->seed;
    out->options.ridge = o->ridge;
    out->options.repair_logits = o->repair_logits;
    out->options.layer_alpha = out->layers;
    out->options.layer_alpha_count = o->layer_alpha.count;
    out->options.only = o->only.at;
    out->options.only_count = o->only.count;
    out->options.skip = o->skip.at;
    out->options.skip_count = o->skip.count;
    for (size_t k = 0; st == WELD_OK && k < o->layer_alpha.count; k++)
        st = read_layer_alpha(&out->layers[k], out->patterns[k], o->layer_alpha.at[k], err);
    return st;
}

void close_merge_wish(merge_wish *wish)
{
    weld_model_free(wish->base);
}

/* ---- which merges ------------------------------------------------------------------------------ */

static weld_status list_one(merge_list *list, const merge_wish *wish, double alpha, weld_error *err)
{
    weld_merge_options *grown = realloc(list->at, (list->count + 1) * sizeof *grown);
    if (!grown)
        return failed(err, WELD_E_NOMEM, "out of memory");
    list->at = grown;
    grown[list->count] = wish->options;
    grown[list->count++].alpha = alpha;
    return WELD_OK;
}

static bool is_name(const char *word, const char *const *names)
{
    for (int k = 0; names[k]; k++)
        if (strcmp(names[k], word) == 0)
            return true;
    return false;
}

/* One name of --compare, which the list borrows: a method, or a statistic after the plain average. */
static weld_status compare_one(merge_list *list, const merge_wish *wish, const char *name,
                               weld_error *err)
{
    const bool method = weld_merge_has_method(name);
    if (!method && !is_name(name, weld_statistics_names() + 1))
        return bad_usage(err, "--compare: '%s' is no method and no statistic", name);
    if (!wish->base && method && weld_merge_uses_base(name))
        return bad_usage(err, "--compare %s needs --base FILE", name);
    const weld_status st = list_one(list, wish, list->at[0].alpha, err);
    if (st != WELD_OK)
        return st;
    weld_merge_options *how = &list->at[list->count - 1];
    take_method(how, method ? name : NULL);
    how->statistics = method ? "none" : name;
    return WELD_OK;
}

static weld_status compare_all(merge_list *list, const merge_wish *wish, weld_error *err)
{
    weld_status st = WELD_OK;
    const char *const *methods = weld_merge_methods(), *const *names = weld_statistics_names() + 1;
    for (int k = 0; st == WELD_OK && names[k]; k++)
        st = compare_one(list, wish, names[k], err);
    for (int k = 1; st == WELD_OK && methods[k]; k++) /* the first is that of the statistics */
        if (wish->base || !weld_merge_uses_base(methods[k]))
            st = compare_one(list, wish, methods[k], err);
    return st;
}

/* What stands beside the result in the report. */
static weld_status compare(merge_list *list, const session *s, const merge_wish *wish,
                           weld_error *err)
{
    const char *text = s->o->compare ? s->o->compare : "none";
    weld_status st = WELD_OK;
    if (strcmp(text, "all") == 0)
        return compare_all(list, wish, err);
    if (strlen(text) >= sizeof list->compared)
        return bad_usage(err, "--compare: '%.100s' is too long", text);
    memcpy(list->compared, text, strlen(text) + 1);
    char *rest = list->compared;
    for (char *name; st == WELD_OK && (name = strsep(&rest, ",")) != NULL;)
        st = compare_one(list, wish, name, err);
    return st;
}

weld_status list_merges(merge_list *list, const session *s, const merge_wish *wish, bool measured,
                        weld_error *err)
{
    const options *o = s->o;
    const char *name = s->argv[1];
    weld_status st = WELD_OK;
    const size_t points = o->sweep.count ? o->sweep.count : 11, given = o->alpha.list.count;
    if (strcmp(name, "lmc") == 0 && strcmp(statistics_wanted(s), "none") != 0)
        for (size_t k = 0; st == WELD_OK && k < points; k++) /* the path, each corrected */
            st = list_one(list, wish, o->sweep.count ? o->sweep.at[k] : (double)k / 10, err);
    if (strcmp(name, "weld") != 0)
        return st;
    for (size_t k = 0; st == WELD_OK && k < (given ? given : 1); k++)
        st = list_one(list, wish, given ? o->alpha.list.at[k] : 0.5, err);
    list->written = list->count;
    return st == WELD_OK && measured ? compare(list, s, wish, err) : st;
}
