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
