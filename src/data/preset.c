#include "data/dataset.h"
#include <math.h>
#include <stdio.h>
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

weld_status weld_preset_find(const weld_preset **out, const char *name, weld_error *err)
{
    *out = &presets[0];
    for (size_t k = 0; name && k < sizeof presets / sizeof *presets; k++)
        if (strcmp(presets[k].name, name) == 0) {
            *out = &presets[k];
            return WELD_OK;
        }
    return !name ? WELD_OK
                 : weld_fail(err, WELD_E_ARGUMENT,
                             "preset '%s', allowed none, unit, imagenet, cifar10, mnist, tf, caffe",
                             name);
}

/* mean and std from the options where given, else from the preset. */
static weld_status set_channels(weld_samples *s, weld_context *ctx, const weld_dataset_options *o,
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
    s->channels = own ? (int)o->channels : preset->channels;
    weld_free(ctx, s->mean);
    weld_free(ctx, s->std);
    s->std = NULL;
    WELD_NEW(s->mean, ctx, s->channels);
    WELD_NEW(s->std, ctx, s->channels);
    for (int c = 0; c < s->channels; c++) {
        int p = preset->channels > 1 && c < 3 ? c : 0;
        s->mean[c] = o->mean ? o->mean[c] : preset->channels ? preset->mean[p] : 0.0;
        s->std[c] = o->std ? o->std[c] : preset->channels ? preset->std[p] : 1.0;
        WELD_REQUIRE(isfinite(s->mean[c]), WELD_E_ARGUMENT, "mean of channel %d is not finite", c);
        WELD_REQUIRE(isfinite(s->std[c]) && s->std[c] > 0, WELD_E_ARGUMENT,
                     "std of channel %d is %g, must be above 0", c, s->std[c]);
    }
done:
    return st;
}

/* Channels come first ([3, 32, 32]) or last ([32, 32, 3]). */
static weld_status find_axis(weld_samples *s, const weld_dataset *d, weld_error *err)
{
    const weld_shape *shape = &s->sample;
    char text[128];
    int need = s->bgr && s->channels < 2 ? 3 : s->channels;
    const bool told = s->channel_axis >= 0; /* by the layout */
    if (need <= 1 || (told && shape->dims[s->channel_axis] == need))
        return WELD_OK;
    if (!told && shape->rank >= 1 && shape->dims[0] == need)
        s->channel_axis = 0;
    else if (!told && shape->rank >= 2 && shape->dims[shape->rank - 1] == need)
        s->channel_axis = shape->rank - 1;
    else
        return weld_fail(err, WELD_E_ARGUMENT,
                         "%s: samples have shape %s, but preprocessing by %s is for %d channels",
                         d->path, weld_shape_text(shape, text), d->preprocess, need);
    return WELD_OK;
}

/* ---- layout --------------------------------------------------------------------- */

static bool is_depth(int64_t dim)
{
    return dim == 1 || dim == 3 || dim == 4;
}

/* [a, b, c] -> [c, a, b] when the channels are to come first, [b, c, a] when last. */
static weld_shape turn_shape(const weld_shape *s, bool first)
{
    const int64_t *d = s->dims;
    return first ? weld_shape_make(3, (const int64_t[]){d[2], d[0], d[1]})
                 : weld_shape_make(3, (const int64_t[]){d[1], d[2], d[0]});
}

/* As it is stored, whatever was asked for before. */
static void turn_back(weld_samples *s)
{
    if (s->turned)
        s->sample = turn_shape(&s->sample, s->channel_axis != 0);
    s->turned = false;
    s->channel_axis = -1;
}

static weld_status set_layout(weld_samples *s, const weld_dataset *d, const char *layout,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    char text[128];
    turn_back(s);
    if (!layout)
        return WELD_OK;
    const bool first = strcmp(layout, "nchw") == 0;
    WELD_REQUIRE(first || strcmp(layout, "nhwc") == 0, WELD_E_ARGUMENT,
                 "layout '%.40s', allowed nchw, nhwc", layout);
    const weld_shape *shape = &s->sample;
    const bool images = shape->rank == 3;
    const bool at_first = images && is_depth(shape->dims[0]);
    const bool at_last = images && is_depth(shape->dims[2]);
    WELD_REQUIRE(at_first != at_last, WELD_E_ARGUMENT,
                 "%s: layout %s of samples of shape %s: channels (1, 3 or 4) have to be the first "
                 "or the last of three axes",
                 d->path, layout, weld_shape_text(shape, text));
    s->turned = at_first != first;
    if (s->turned)
        s->sample = turn_shape(shape, first);
    s->channel_axis = first ? 0 : 2;
done:
    return st;
}

/* ---- all of it ------------------------------------------------------------------ */

static weld_status preprocess(weld_samples *s, const weld_dataset *d, const weld_dataset_options *o,
                              const weld_preset *preset, weld_error *err)
{
    weld_status st = WELD_OK;
    s->bgr = preset->bgr != o->bgr;
    s->scale = o->scale != 0.0 ? o->scale : preset->scale;
    WELD_TRY(set_channels(s, d->ctx, o, preset, err));
    WELD_TRY(set_layout(s, d, o->layout, err));
    WELD_TRY(find_axis(s, d, err));
    /* Who asks for preprocessing has pixels, not tokens. */
    s->integer = (s->stored == WELD_INT64 || s->stored == WELD_UINT8) && !s->channels && !s->bgr &&
                 s->scale == 1.0;
done:
    return st;
}

/* "imagenet, own mean and std, bgr, nhwc" */
static void describe(weld_dataset *d, const weld_preset *preset, const weld_dataset_options *o)
{
    const bool own = o->mean || o->std;
    char scale[24] = "";
    if (o->scale != 0.0)
        snprintf(scale, sizeof scale, ", scale %g", o->scale);
    snprintf(d->preprocess, sizeof d->preprocess, "%s%s%s%s%s%.4s", preset->name, scale,
             own ? ", own mean and std" : "", o->bgr ? ", bgr" : "", o->layout ? ", " : "",
             o->layout ? o->layout : "");
}

weld_status weld_dataset_preprocess(weld_dataset *dataset, const weld_dataset_options *options,
                                    weld_error *err)
{
    weld_status st = WELD_OK;
    static const weld_dataset_options nothing = WELD_DATASET_OPTIONS_INIT;
    const weld_preset *preset;
    int images = 0;
    WELD_TRY(weld_preset_find(&preset, options->preset, err));
    WELD_REQUIRE(isfinite(options->scale), WELD_E_ARGUMENT, "scale is not finite");
    describe(dataset, preset, options);
    for (int k = 0; k < dataset->array_count; k++) {
        weld_samples *s = &dataset->arrays[k];
        const bool image = dataset->array_count == 1 || s->sample.rank == 3;
        images += image;
        WELD_TRY(
            preprocess(s, dataset, image ? options : &nothing, image ? preset : &presets[0], err));
    }
    WELD_REQUIRE(images || strcmp(dataset->preprocess, presets[0].name) == 0, WELD_E_ARGUMENT,
                 "%s: preprocessing by %s, but none of its %d arrays has images", dataset->path,
                 dataset->preprocess, dataset->array_count);
done:
    return st;
}
