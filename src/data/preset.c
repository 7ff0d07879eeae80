#include "data/dataset.h"
#include <math.h>
#include <string.h>

#define NAMES                                                                                      \
    PRESET(none, 1.0, 0, {0}, {0}, false)                                                          \
    PRESET(unit, 1.0 / 255, 0, {0}, {0}, false)                                                    \
    PRESET(imagenet, 1.0 / 255, 3, LIST(.485, .456, .406), LIST(.229, .224, .225), false)          \
    PRESET(cifar10, 1.0 / 255, 3, LIST(.4914, .4822, .4465), LIST(.2471, .2435, .2616), false)     \
    PRESET(mnist, 1.0 / 255, 1, {.1307}, {.3081}, false)                                           \
    PRESET(tf, 1.0 / 127.5, 1, {1.0}, {1.0}, false)                                                \
    PRESET(caffe, 1.0, 3, LIST(103.939, 116.779, 123.68), LIST(1, 1, 1), true)
#define LIST(a, b, c)                                                                              \
    {                                                                                              \
        a, b, c                                                                                    \
    }

#define PRESET(name, scale, channels, mean, std, bgr) {#name, scale, channels, mean, std, bgr},
static const weld_preset presets[] = {NAMES};
#undef PRESET
#define PRESET(name, scale, channels, mean, std, bgr) #name,
static const char *const preset_names[] = {NAMES NULL};
#undef PRESET

const char *const *weld_dataset_presets(void)
{
    return preset_names;
}

const weld_preset *weld_preset_find(const char *name)
{
    for (size_t k = 0; k < sizeof presets / sizeof *presets; k++)
        if (strcmp(presets[k].name, name) == 0)
            return &presets[k];
    return NULL;
}

/* mean and std from the options where given, else from the preset. */
static weld_status set_channels(weld_dataset *d, const weld_dataset_options *o,
                                const weld_preset *preset, weld_error *err)
{
    weld_status st = WELD_OK;
    bool own = o->mean || o->std;
    WELD_REQUIRE(!own || (o->channels > 0 && o->channels <= 65536), WELD_E_ARGUMENT,
                 "mean or std of %zu channels, allowed 1 to 65536", o->channels);
    WELD_REQUIRE(!own || !preset->channels || preset->channels == 1 || (o->mean && o->std) ||
                     o->channels == (size_t)preset->channels,
                 WELD_E_ARGUMENT, "mean or std of %zu channels, but preset %s has %d", o->channels,
                 preset->name, preset->channels);
    d->channels = own ? (int)o->channels : preset->channels;
    WELD_NEW(d->mean, d->ctx, d->channels);
    WELD_NEW(d->std, d->ctx, d->channels);
    for (int c = 0; c < d->channels; c++) {
        int p = preset->channels > 1 && c < 3 ? c : 0;
        d->mean[c] = o->mean ? o->mean[c] : preset->channels ? preset->mean[p] : 0.0;
        d->std[c] = o->std ? o->std[c] : preset->channels ? preset->std[p] : 1.0;
        WELD_REQUIRE(isfinite(d->mean[c]), WELD_E_ARGUMENT, "mean of channel %d is not finite", c);
        WELD_REQUIRE(isfinite(d->std[c]) && d->std[c] > 0, WELD_E_ARGUMENT,
                     "std of channel %d is %g, must be above 0", c, d->std[c]);
    }
done:
    return st;
}

/* Channels come first ([3, 32, 32]) or last ([32, 32, 3]). */
static weld_status find_axis(weld_dataset *d, weld_error *err)
{
    const weld_shape *s = &d->sample;
    char text[128];
    int need = d->bgr && d->channels < 2 ? 3 : d->channels;
    d->channel_axis = -1;
    if (need <= 1)
        return WELD_OK;
    if (s->rank >= 1 && s->dims[0] == need)
        d->channel_axis = 0;
    else if (s->rank >= 2 && s->dims[s->rank - 1] == need)
        d->channel_axis = s->rank - 1;
    else
        return weld_fail(err, WELD_E_ARGUMENT,
                         "%s: samples have shape %s, but preset %s with its mean and std is for "
                         "%d channels",
                         d->path, weld_shape_text(s, text), d->preset, need);
    return WELD_OK;
}

weld_status weld_dataset_preprocess(weld_dataset *dataset, const weld_dataset_options *options,
                                    weld_error *err)
{
    weld_status st = WELD_OK;
    const char *name = options->preset ? options->preset : "none";
    const weld_preset *preset = weld_preset_find(name);
    WELD_REQUIRE(preset, WELD_E_ARGUMENT,
                 "preset '%s', allowed none, unit, imagenet, cifar10, mnist, tf, caffe", name);
    WELD_REQUIRE(isfinite(options->scale), WELD_E_ARGUMENT, "scale is not finite");
    dataset->preset = preset->name;
    dataset->bgr = preset->bgr;
    dataset->scale = options->scale != 0.0 ? options->scale : preset->scale;
    WELD_TRY(set_channels(dataset, options, preset, err));
    WELD_TRY(find_axis(dataset, err));
    /* Who asks for preprocessing has pixels, not tokens. */
    dataset->integer = dataset->stored == WELD_INT64 && !dataset->channels && dataset->scale == 1.0;
done:
    return st;
}
