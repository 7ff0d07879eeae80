/* Models that share their body, such as two fine-tuned for other classes: what has another shape in B
 * stays A's, the rest is merged. */
#include "api/objects.h"
#include <string.h>

static int count_foreign(const weld_pairing *pairing, const weld_graph *a, size_t *elements)
{
    int count = 0;
    *elements = 0;
    for (int p = 0; p < a->param_count; p++)
        if (pairing->foreign[p]) {
            *elements += weld_param_numel(a, p);
            count++;
        }
    return count;
}

weld_status weld_pair_shared(weld_pairing **out, const weld_model *a, const weld_model *b,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = a->structure->graph;
    weld_pairing *pairing = NULL;
    size_t elements, all = 0;
    *out = NULL;
    WELD_TRY(weld_pair_bodies(&pairing, a->ctx, g, b->structure->graph, err));
    for (int p = 0; p < g->param_count; p++)
        all += weld_param_numel(g, p);
    const int count = count_foreign(pairing, g, &elements);
    if (pairing->difference_count || count == 0 || elements >= all / 2)
        goto done;
    *out = pairing;
    pairing = NULL;
done:
    weld_pairing_free(pairing);
    return st;
}

/* A text that is being made; `full`: it had no room. */
typedef struct pattern {
    char *text;
    size_t size, used;
    bool full;
} pattern;

static void put(pattern *p, char c)
{
    p->full = p->full || p->used + 1 >= p->size;
    if (p->full)
        return;
    p->text[p->used++] = c;
    p->text[p->used] = '\0';
}

/* What matches the name and nothing else. */
static void put_name(pattern *p, const char *name)
{
    for (; *name; name++) {
        if (strchr(".[]()*+?{}|^$\\", *name))
            put(p, '\\');
        put(p, *name);
    }
}

bool weld_pattern_of_foreign(char *text, size_t size, const weld_pairing *pairing,
                             const weld_model *a)
{
    const weld_graph *g = a->structure->graph;
    pattern out = {text, size, 0, false};
    put(&out, '^');
    for (int p = 0; p < g->param_count; p++)
        if (pairing->foreign[p]) {
            put(&out, out.used > 1 ? '|' : '(');
            put_name(&out, g->params[p].name);
        }
    put(&out, ')');
    put(&out, '$');
    return !out.full;
}
