#include "data/feed.h"

weld_status weld_feed_bind(int *arrays, const weld_dataset *data, const weld_graph *graph,
                           weld_error *err)
{
    weld_status st = WELD_OK;
    const char **names = NULL;
    WELD_NEW(names, data->ctx, graph->input_count);
    for (int k = 0; k < graph->input_count; k++)
        names[k] = graph->values[graph->inputs[k]].name;
    WELD_TRY(weld_dataset_bind(arrays, data, names, graph->input_count, err));
done:
    weld_free(data->ctx, names);
    return st;
}

static weld_status bind(weld_feed *feed, const weld_dataset *data, const weld_shapes *shapes,
                        weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = shapes->graph;
    char text[128];
    *feed = (weld_feed){.ctx = data->ctx, .data = data, .count = g->input_count};
    WELD_NEW(feed->arrays, feed->ctx, feed->count);
    WELD_TRY(weld_feed_bind(feed->arrays, data, g, err));
    for (int k = 0; k < feed->count; k++) {
        const weld_shape *shape = &shapes->types[g->inputs[k]].shape;
        WELD_REQUIRE(shape->rank > 0 && shape->dims[0] == shapes->batch, WELD_E_UNSUPPORTED,
                     "input '%s' has shape %s for a batch of %d: its first axis has to be the "
                     "samples",
                     g->values[g->inputs[k]].name, weld_shape_text(shape, text),
                     (int)shapes->batch);
        WELD_TRY(weld_dataset_fits(data, feed->arrays[k], shape, err));
    }
done:
    return st;
}

weld_status weld_feed_check(const weld_dataset *data, const weld_shapes *shapes, weld_error *err)
{
    weld_feed feed;
    const weld_status st = bind(&feed, data, shapes, err);
    weld_feed_free(&feed);
    return st;
}

weld_status weld_feed_create(weld_feed *out, const weld_dataset *data, const weld_shapes *shapes,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = shapes->graph;
    WELD_TRY(bind(out, data, shapes, err));
    WELD_NEW(out->tensors, out->ctx, out->count);
    WELD_NEW(out->inputs, out->ctx, out->count);
    for (int k = 0; k < out->count; k++) {
        const weld_type *type = &shapes->types[g->inputs[k]];
        WELD_TRY(weld_tensor_create(&out->tensors[k], out->ctx, type->dtype, &type->shape, err));
        out->inputs[k] = &out->tensors[k];
    }
done:
    return st;
}

weld_status weld_feed_load(weld_feed *feed, int64_t first, int64_t n, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int k = 0; k < feed->count; k++)
        WELD_TRY(weld_dataset_batch(&feed->tensors[k], feed->data, feed->arrays[k], first, n, err));
done:
    return st;
}

void weld_feed_free(weld_feed *feed)
{
    for (int k = 0; feed->tensors && k < feed->count; k++)
        weld_tensor_free(feed->ctx, &feed->tensors[k]);
    if (feed->ctx) {
        weld_free(feed->ctx, feed->tensors);
        weld_free(feed->ctx, feed->inputs);
        weld_free(feed->ctx, feed->arrays);
    }
    *feed = (weld_feed){0};
}
