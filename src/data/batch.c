/* Samples, preprocessed. */
#include "data/dataset.h"
#include <inttypes.h>
#include <string.h>

static weld_status check_batch(const weld_dataset *d, int64_t first, int64_t n, weld_error *err)
{
    if (first < 0 || n < 0 || n > d->count || first > d->count - n)
        return weld_fail(err, WELD_E_ARGUMENT,
                         "%s: samples %" PRId64 " + %" PRId64 " asked for, it has %" PRId64,
                         d->path, first, n, d->count);
    return WELD_OK;
}

static double raw_at(const weld_samples *s, int64_t index)
{
    switch (s->stored) {
    case WELD_UINT8: return s->raw_u8[index];
    case WELD_FLOAT: return (double)s->raw_f[index];
    case WELD_DOUBLE: return s->raw_d[index];
    default: return (double)s->raw_i[index];
    }
}

/* Of a turned sample: where element `index` of what is given out is stored. */
static int64_t turned_place(const weld_samples *s, int64_t index)
{
    const int64_t *d = s->sample.dims;
    const int64_t a = index / (d[1] * d[2]), b = index / d[2] % d[1], c = index % d[2];
    /* given out [C, H, W], stored [H, W, C]; or the other way round */
    return s->channel_axis == 2 ? (c * d[0] + a) * d[1] + b : (b * d[2] + c) * d[0] + a;
}

static void sample_reals(weld_tensor *out, int64_t to, const weld_samples *s, int64_t base)
{
    const int axis = s->channel_axis;
    const int64_t each = weld_shape_numel(&s->sample);
    const int64_t depth = axis < 0 ? 1 : s->sample.dims[axis];
    const int64_t inner = axis < 0 ? each : weld_shape_span(&s->sample, axis + 1, s->sample.rank);
    for (int64_t b = 0; b < each / inner; b++) {
        const int64_t c = b % depth, from = s->bgr ? b - c + depth - 1 - c : b;
        const int64_t k = s->channels > 1 ? c : 0;
        const double mean = s->channels ? s->mean[k] : 0.0, std = s->channels ? s->std[k] : 1.0;
        for (int64_t i = 0; i < inner; i++) {
            const int64_t at = from * inner + i;
            const double x = raw_at(s, base + (s->turned ? turned_place(s, at) : at));
            weld_tensor_set_number(out, to + b * inner + i, (x * s->scale - mean) / std);
        }
    }
}

static void sample_integers(int64_t *out, const weld_samples *s, int64_t base)
{
    const int64_t each = weld_shape_numel(&s->sample);
    for (int64_t k = 0; k < each; k++) {
        const int64_t at = base + (s->turned ? turned_place(s, k) : k);
        out[k] = s->stored == WELD_UINT8 ? s->raw_u8[at] : s->raw_i[at];
    }
}

weld_status weld_dataset_batch(weld_tensor *out, const weld_dataset *dataset, int array,
                               int64_t first, int64_t n, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_samples *s = &dataset->arrays[array];
    const int64_t each = weld_shape_numel(&s->sample);
    const bool real = weld_dtype_is_float(out->dtype);
    WELD_TRY(check_batch(dataset, first, n, err));
    WELD_REQUIRE(real || s->integer, WELD_E_ARGUMENT, "%s: samples are not integers",
                 dataset->path);
    for (int64_t k = 0; k < n; k++) {
        const int64_t place = dataset->place ? dataset->place[first + k] : first + k;
        if (real)
            sample_reals(out, k * each, s, place * each);
        else
            sample_integers(out->i + k * each, s, place * each);
    }
done:
    return st;
}
