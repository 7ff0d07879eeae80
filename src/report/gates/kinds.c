/* The gates and where their figures lie. */
#include "report/gates/gates.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static weld_status find(const json_t **out, const json_t *root, const char *path, weld_error *err)
{
    char key[64];
    *out = root;
    for (const char *at = path; *at;) {
        const size_t n = strcspn(at, ".");
        if (!json_is_object(*out))
            return weld_fail(err, WELD_E_FORMAT, "what has %s is not an object", at);
        snprintf(key, sizeof key, "%.*s", (int)n, at);
        *out = json_object_get(*out, key);
        if (!*out)
            return WELD_OK;
        at += n + (at[n] == '.');
    }
    return WELD_OK;
}

weld_status weld_gate_list(const json_t **out, const json_t *root, const char *path,
                           weld_error *err)
{
    const weld_status st = find(out, root, path, err);
    if (st == WELD_OK && *out && !json_is_array(*out))
        return weld_fail(err, WELD_E_FORMAT, "%s is not a list", path);
    return st;
}

weld_status weld_gate_number(weld_gate_figure *out, const json_t *root, const char *path,
                             weld_error *err)
{
    const json_t *value;
    *out = (weld_gate_figure){false, NAN};
    const weld_status st = find(&value, root, path, err);
    if (st != WELD_OK || !value)
        return st;
    if (!json_is_number(value) && !json_is_null(value))
        return weld_fail(err, WELD_E_FORMAT, "%s is not a number", path);
    *out = (weld_gate_figure){true, json_is_null(value) ? NAN : json_number_value(value)};
    return WELD_OK;
}

/* The end of an interval [low, high] at a path. */
static weld_status interval_end(weld_gate_figure *out, const json_t *root, const char *path,
                                bool high, weld_error *err)
{
    const json_t *interval;
    *out = (weld_gate_figure){false, NAN};
    const weld_status st = weld_gate_list(&interval, root, path, err);
    if (st != WELD_OK || !interval)
        return st;
    const json_t *end = json_array_get(interval, high ? 1 : 0);
    if (!json_is_number(end) && !json_is_null(end))
        return weld_fail(err, WELD_E_FORMAT, "%s is not an interval", path);
    *out = (weld_gate_figure){true, json_is_null(end) ? NAN : json_number_value(end)};
    return WELD_OK;
}

static weld_status read_path(weld_gate_reading *out, const json_t *report,
                             const weld_gate_kind *kind, weld_error *err)
{
    weld_status st = WELD_OK;
    *out = (weld_gate_reading){{false, NAN}, {false, NAN}, {false, NAN}};
    WELD_TRY(weld_gate_number(&out->figure, report, kind->figure, err));
    if (kind->bound)
        WELD_TRY(weld_gate_number(&out->bound, report, kind->bound, err));
    if (kind->interval)
        WELD_TRY(interval_end(&out->end, report, kind->interval, kind->at_most, err));
done:
    return st;
}

/* The place of `alpha` in a list of them; its size where it is not there. */
static size_t alpha_index(const json_t *alphas, double alpha)
{
    size_t k = 0;
    for (; k < json_array_size(alphas); k++) {
        const json_t *at = json_array_get(alphas, k);
        if (json_is_number(at) && fabs(json_number_value(at) - alpha) < 1e-9)
            break;
    }
    return k;
}

/* ---- accuracy ------------------------------------------------------------------------------- */

static double least(double a, double b)
{
    return a < b || isnan(a) ? a : b; /* NaN stays */
}

/* Of the aligned path. */
static weld_status path_accuracy(weld_gate_figure *out, const json_t *report, double alpha,
                                 weld_error *err)
{
    weld_status st = WELD_OK;
    const json_t *alphas, *values;
    *out = (weld_gate_figure){false, NAN};
    WELD_TRY(weld_gate_list(&alphas, report, "lmc.alpha", err));
    WELD_TRY(weld_gate_list(&values, report, "lmc.aligned.accuracy", err));
    const size_t k = alpha_index(alphas, alpha);
    const json_t *value = k < json_array_size(alphas) ? json_array_get(values, k) : NULL;
    *out = (weld_gate_figure){json_is_number(value), json_number_value(value)};
done:
    return st;
}

/* The least accuracy of the objects in a list; with `only`, of those where it is true. None is found
 * where one of them was not measured. */
static weld_status least_accuracy(weld_gate_figure *out, const json_t *report, const char *path,
                                  const char *only, weld_error *err)
{
    weld_status st = WELD_OK;
    const json_t *list;
    *out = (weld_gate_figure){false, INFINITY};
    WELD_TRY(weld_gate_list(&list, report, path, err));
    for (size_t k = 0; k < json_array_size(list); k++) {
        const json_t *item = json_array_get(list, k);
        weld_gate_figure one;
        if (only && !json_is_true(json_object_get(item, only)))
            continue;
        WELD_TRY(weld_gate_number(&one, item, "accuracy", err));
        out->value = least(out->value, one.value);
    }
    out->found = isfinite(out->value);
done:
    return st;
}

/* Of the models that were merged: those of a list, or A and B. */
static weld_status end_accuracy(weld_gate_figure *out, const json_t *report, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_gate_figure b;
    WELD_TRY(least_accuracy(out, report, "many.ends", NULL, err));
    if (out->found)
        goto done;
    WELD_TRY(path_accuracy(out, report, 1, err));
    WELD_TRY(path_accuracy(&b, report, 0, err));
    *out = (weld_gate_figure){out->found && b.found, least(out->value, b.value)};
done:
    return st;
}

/* Of what was written, or, where nothing was, of the middle of the path. */
static weld_status merged_accuracy(weld_gate_figure *out, const json_t *report, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_TRY(weld_gate_number(out, report, "many.accuracy", err));
    if (out->found)
        goto done;
    WELD_TRY(least_accuracy(out, report, "merges", "written", err));
    if (!out->found)
        st = path_accuracy(out, report, 0.5, err);
done:
    return st;
}

/* The larger of two, where both are known; NaN stays. */
static void raise(weld_gate_figure *out, weld_gate_figure x)
{
    out->found = out->found && x.found;
    out->value = -least(-out->value, -x.value);
}

/* Bound and end of the drops that were written, or of the middle of the path. */
static weld_status drop_bounds(weld_gate_reading *out, const json_t *report, weld_error *err)
{
    weld_status st = WELD_OK;
    const json_t *merges;
    bool written = false;
    weld_gate_figure bound, end;
    out->bound = out->end = (weld_gate_figure){true, -INFINITY};
    WELD_TRY(weld_gate_list(&merges, report, "merges", err));
    for (size_t k = 0; k < json_array_size(merges); k++) {
        const json_t *merge = json_array_get(merges, k);
        if (!json_is_true(json_object_get(merge, "written")))
            continue;
        written = true;
        WELD_TRY(weld_gate_number(&bound, merge, "accuracy_drop.upper95", err));
        WELD_TRY(interval_end(&end, merge, "accuracy_drop.ci95", true, err));
        raise(&out->bound, bound);
        raise(&out->end, end);
    }
    if (written)
        goto done;
    WELD_TRY(weld_gate_number(&out->bound, report, "lmc.accuracy_drop.upper95.aligned", err));
    WELD_TRY(interval_end(&out->end, report, "lmc.accuracy_drop.ci95.aligned", true, err));
done:
    return st;
}

static weld_status read_drop(weld_gate_reading *out, const json_t *report,
                             const weld_gate_kind *kind, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_gate_figure ends, merged;
    (void)kind;
    *out = (weld_gate_reading){{false, NAN}, {false, NAN}, {false, NAN}};
    WELD_TRY(end_accuracy(&ends, report, err));
    WELD_TRY(merged_accuracy(&merged, report, err));
    out->figure.found = ends.found && merged.found && isfinite(merged.value);
    out->figure.value = ends.value - merged.value;
    WELD_TRY(drop_bounds(out, report, err));
done:
    return st;
}

/* ---- features ------------------------------------------------------------------------------- */

/* The cosine of a layer at one alpha, from its spread of 1 - cosine. */
static weld_status read_cosine(weld_gate_reading *out, const json_t *spread, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_gate_figure *const all[] = {&out->figure, &out->bound, &out->end};
    WELD_TRY(weld_gate_number(&out->figure, spread, "mean", err));
    WELD_TRY(weld_gate_number(&out->bound, spread, "upper95", err));
    WELD_TRY(interval_end(&out->end, spread, "ci95", true, err));
    for (size_t k = 0; k < sizeof all / sizeof all[0]; k++)
        all[k]->value = 1 - all[k]->value;
done:
    return st;
}

static void lower(weld_gate_figure *out, weld_gate_figure x)
{
    out->found = out->found && x.found;
    out->value = least(x.value, out->value);
}

static void add_part(weld_gate_figure *out, weld_gate_figure x, size_t count)
{
    out->found = out->found && x.found;
    out->value += x.value / (double)count;
}

/* The least and the mean of the layers' mean cosine at 1/2. A layer without one makes both NaN: it
 * can't be judged. The least of the layers' lower bounds holds because that of the layer which is really
 * the least does; their mean, because no mean varies more than the mean of the deviations. */
static weld_status fold_cosines(weld_gate_reading *lowest, weld_gate_reading *mean,
                                const json_t *report, weld_error *err)
{
    static const weld_gate_figure none = {false, NAN}, most = {true, INFINITY}, zero = {true, 0};
    weld_status st = WELD_OK;
    const json_t *alphas, *layers, *spreads;
    *lowest = *mean = (weld_gate_reading){none, none, none};
    WELD_TRY(weld_gate_list(&alphas, report, "llfc.alpha", err));
    WELD_TRY(weld_gate_list(&layers, report, "llfc.layers", err));
    const size_t at = alpha_index(alphas, 0.5), count = json_array_size(layers);
    if (at == json_array_size(alphas) || !count)
        goto done;
    *lowest = (weld_gate_reading){most, most, most};
    *mean = (weld_gate_reading){zero, zero, zero};
    for (size_t k = 0; k < count; k++) {
        weld_gate_reading one;
        WELD_TRY(weld_gate_list(&spreads, json_array_get(layers, k), "aligned.one_minus_cos", err));
        WELD_REQUIRE(json_array_size(spreads) == json_array_size(alphas), WELD_E_FORMAT,
                     "llfc.layers[%zu].aligned.one_minus_cos does not have llfc.alpha's length", k);
        WELD_TRY(read_cosine(&one, json_array_get(spreads, at), err));
        one.figure.found = true; /* a missing mean is as good as null */
        lower(&lowest->figure, one.figure);
        lower(&lowest->bound, one.bound);
        lower(&lowest->end, one.end);
        add_part(&mean->figure, one.figure, count);
        add_part(&mean->bound, one.bound, count);
        add_part(&mean->end, one.end, count);
    }
done:
    return st;
}

static weld_status read_lowest(weld_gate_reading *out, const json_t *report,
                               const weld_gate_kind *kind, weld_error *err)
{
    weld_gate_reading mean;
    (void)kind;
    return fold_cosines(out, &mean, report, err);
}

static weld_status read_mean(weld_gate_reading *out, const json_t *report,
                             const weld_gate_kind *kind, weld_error *err)
{
    weld_gate_reading lowest;
    (void)kind;
    return fold_cosines(&lowest, out, report, err);
}

/* ---- the list ------------------------------------------------------------------------------- */

static const weld_gate_kind barrier_loss = {.id = "barrier.loss",
                                            .option = "--max-barrier",
                                            .at_most = true,
                                            .figure = "lmc.barrier.loss.chord.aligned",
                                            .bound = "lmc.barrier.loss.chord.upper95.aligned",
                                            .interval = "lmc.barrier.loss.chord.ci95.aligned",
                                            .needs = "--data with labels, two models",
                                            .read = read_path};

static const weld_gate_kind barrier_acc = {.id = "barrier.acc",
                                           .at_most = true,
                                           .figure = "lmc.barrier.error.chord.aligned",
                                           .bound = "lmc.barrier.error.chord.upper95.aligned",
                                           .interval = "lmc.barrier.error.chord.ci95.aligned",
                                           .needs = "--data with labels, two models",
                                           .read = read_path};

static const weld_gate_kind acc_drop = {.id = "acc.drop",
                                        .option = "--max-acc-drop",
                                        .at_most = true,
                                        .figure = "accuracy in lmc.aligned, merges, many",
                                        .bound = "accuracy_drop.upper95 in lmc, merges",
                                        .needs = "--data with labels, and 0, .5, 1 in --sweep",
                                        .read = read_drop};

static const char cosine_bound[] = "upper95 of aligned.one_minus_cos at 1/2 in llfc.layers";

static const weld_gate_kind llfc_min = {.id = "llfc.min",
                                        .option = "--min-llfc",
                                        .figure = "aligned.one_minus_cos at 1/2 in llfc.layers",
                                        .bound = cosine_bound,
                                        .needs = "--data, two models, and .5 in --llfc-alpha",
                                        .read = read_lowest};

static const weld_gate_kind llfc_mean = {.id = "llfc.mean",
                                         .figure = "aligned.one_minus_cos at 1/2 in llfc.layers",
                                         .bound = cosine_bound,
                                         .needs = "--data, two models, and .5 in --llfc-alpha",
                                         .read = read_mean};

static const weld_gate_kind equiv_max_abs = {.id = "equiv.max_abs",
                                             .at_most = true,
                                             .figure = "verification.max_abs",
                                             .limit = "verification.allowed",
                                             .needs = "models that can be run",
                                             .read = read_path};

static const weld_gate_kind pinned_fraction = {.id = "pinned.fraction",
                                               .option = "--max-pinned",
                                               .at_most = true,
                                               .figure = "match.pinned_fraction",
                                               .needs = "two models that are aligned",
                                               .read = read_path};

#define WELD_GATE(name) &name,
const weld_gate_kind *const weld_gate_kinds[WELD_GATE_COUNT] = {
#include "report/gates/gates.def"
};
#undef WELD_GATE

int weld_gate_find(const char *id)
{
    for (int k = 0; k < WELD_GATE_COUNT; k++)
        if (strcmp(weld_gate_kinds[k]->id, id) == 0)
            return k;
    return -1;
}
