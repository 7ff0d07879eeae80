#include "data/dataset.h"

/* Dims from axis `from` on without those of size 1. */
static weld_shape without_ones(const weld_shape *shape, int from)
{
    weld_shape out = {0};
    for (int k = from; k < shape->rank; k++)
        if (shape->dims[k] != 1)
            out.dims[out.rank++] = shape->dims[k];
    return out;
}

weld_status weld_dataset_fits(const weld_dataset *data, const weld_shape *input, weld_error *err)
{
    weld_shape sample = without_ones(&data->sample, 0), wanted = without_ones(input, 1);
    char x[128], y[128];
    bool flat = sample.rank <= 1 || wanted.rank <= 1;
    if (weld_shape_equal(&sample, &wanted) ||
        (flat && weld_shape_numel(&sample) == weld_shape_numel(&wanted)))
        return WELD_OK;
    return weld_fail(err, WELD_E_ARGUMENT, "%s: samples of shape %s, the model's input is %s",
                     data->path, weld_shape_text(&data->sample, x), weld_shape_text(input, y));
}
