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

weld_status read_merge_wish(merge_wish *out, const session *s, const weld_dataset *data,
                            weld_error *err)
{
    const options *o = s->o;
    const weld_merge_options defaults = WELD_MERGE_OPTIONS_INIT;
    weld_status st = WELD_OK;
    out->options = defaults;
    out->options.method = o->merge_method;
    out->options.statistics = o->statistics;
    out->options.data = data;
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
