/* Which input of a model gets which array. */
#include "data/dataset.h"
#include <stdio.h>
#include <string.h>

/* Dims from axis `from` on without those of size 1. */
static weld_shape without_ones(const weld_shape *shape, int from)
{
    weld_shape out = {0};
    for (int k = from; k < shape->rank; k++)
        if (shape->dims[k] != 1)
            out.dims[out.rank++] = shape->dims[k];
    return out;
}

weld_status weld_dataset_fits(const weld_dataset *dataset, int array, const weld_shape *input,
                              weld_error *err)
{
    const weld_samples *s = &dataset->arrays[array];
    weld_shape sample = without_ones(&s->sample, 0), wanted = without_ones(input, 1);
    char x[128], y[128];
    bool flat = sample.rank <= 1 || wanted.rank <= 1;
    if (weld_shape_equal(&sample, &wanted) ||
        (flat && weld_shape_numel(&sample) == weld_shape_numel(&wanted)))
        return WELD_OK;
    return weld_fail(err, WELD_E_ARGUMENT,
                     "%s: samples%s%.100s of shape %s, the model's input is %s", dataset->path,
                     s->key[0] ? " " : "", s->key, weld_shape_text(&s->sample, x),
                     weld_shape_text(input, y));
}

/* The array that is for this input, -1 = none is. */
static int array_of(const weld_dataset *d, const char *name)
{
    for (int k = 0; k < d->array_count; k++)
        if (strcmp(d->arrays[k].input ? d->arrays[k].input : d->arrays[k].key, name) == 0)
            return k;
    return -1;
}

static weld_status refuse(const weld_dataset *d, const char *const *names, int count,
                          weld_error *err)
{
    char inputs[400] = "", arrays[400] = "";
    size_t n = 0, m = 0;
    for (int k = 0; k < count && n + 80 < sizeof inputs; k++)
        n += (size_t)snprintf(inputs + n, sizeof inputs - n, "%s%.70s", k ? ", " : "", names[k]);
    for (int k = 0; k < d->array_count && m + 150 < sizeof arrays; k++) {
        const weld_samples *s = &d->arrays[k];
        m += (size_t)snprintf(arrays + m, sizeof arrays - m, "%s%.70s%s%.70s", k ? ", " : "",
                              s->input ? s->input : "", s->input ? "=" : "",
                              s->key[0] ? s->key : "(no name)");
    }
    return weld_fail(err, WELD_E_ARGUMENT,
                     "%s: the model has the inputs: %s; the data have: %s; name all inputs with "
                     "--input NAME=KEY",
                     d->path, inputs, arrays);
}

weld_status weld_dataset_bind(int *arrays, const weld_dataset *d, const char *const *names,
                              int count, weld_error *err)
{
    int found = 0;
    for (int k = 0; k < count; k++) {
        arrays[k] = array_of(d, names[k]);
        found += arrays[k] >= 0;
    }
    if (count != d->array_count || (found && found != count))
        return refuse(d, names, count, err);
    if (found)
        return WELD_OK;
    if ((count != 1 && !d->by_place) || (count && d->arrays[0].input))
        return refuse(d, names, count, err);
    for (int k = 0; k < count; k++)
        arrays[k] = k;
    return WELD_OK;
}
