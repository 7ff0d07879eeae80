/* What data sets hold, and what a model makes of them. */
#include "api/objects.h"
#include "api/values.h"
#include "eval/midpoint.h"
#include "eval/rows.h"
#include <inttypes.h>
#include <math.h>

const int64_t *weld_dataset_labels(const weld_dataset *dataset)
{
    return dataset->labels;
}

/* The type that samples are given out in. */
static weld_dtype given_type(const weld_samples *s)
{
    if (weld_dtype_is_float(s->dtype) || s->integer)
        return s->dtype;
    return WELD_FLOAT;
}

static weld_status add_samples(weld_values *values, const weld_dataset *d, int array, int64_t first,
                               int64_t n, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_samples *s = &d->arrays[array];
    weld_shape shape = {.rank = s->sample.rank + 1, .dims = {n}};
    weld_tensor tensor = {0};
    for (int k = 0; k < s->sample.rank; k++)
        shape.dims[k + 1] = s->sample.dims[k];
    WELD_TRY(weld_tensor_create(&tensor, d->ctx, given_type(s), &shape, err));
    WELD_TRY(weld_dataset_batch(&tensor, d, array, first, n, err));
    WELD_TRY(weld_values_add(values, s->key[0] ? s->key : "input", &tensor, err));
done:
    weld_tensor_free(d->ctx, &tensor);
    return st;
}

static weld_status add_labels(weld_values *values, const weld_dataset *d, int64_t first, int64_t n,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_shape shape = weld_shape_make(1, &n);
    weld_tensor tensor = {0};
    WELD_TRY(weld_tensor_create(&tensor, d->ctx, WELD_INT64, &shape, err));
    for (int64_t k = 0; k < n; k++)
        tensor.i[k] = d->labels[first + k];
    WELD_TRY(weld_values_add(values, "labels", &tensor, err));
done:
    weld_tensor_free(d->ctx, &tensor);
    return st;
}

static weld_status add_targets(weld_values *values, const weld_dataset *d, int64_t first, int64_t n,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t each = weld_shape_numel(&d->target);
    weld_shape shape = {.rank = d->target.rank + 1, .dims = {n}};
    weld_tensor tensor = {0};
    for (int k = 0; k < d->target.rank; k++)
        shape.dims[k + 1] = d->target.dims[k];
    WELD_TRY(weld_tensor_create(&tensor, d->ctx, d->target_dtype, &shape, err));
    weld_convert_reals(tensor.data, tensor.dtype, d->targets + first * each, WELD_DOUBLE,
                       (size_t)(n * each));
    WELD_TRY(weld_values_add(values, "labels", &tensor, err));
done:
    weld_tensor_free(d->ctx, &tensor);
    return st;
}

weld_status weld_dataset_values(weld_values **out, const weld_dataset *d, int64_t first, int64_t n,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    weld_values *values = NULL;
    *out = NULL;
    WELD_REQUIRE(first >= 0 && n >= 0 && n <= d->count && first <= d->count - n, WELD_E_ARGUMENT,
                 "%s: samples %" PRId64 " + %" PRId64 " asked for, it has %" PRId64, d->path, first,
                 n, d->count);
    WELD_TRY(weld_values_new(&values, d->ctx, err));
    for (int k = 0; k < d->array_count; k++)
        WELD_TRY(add_samples(values, d, k, first, n, err));
    if (d->labels)
        WELD_TRY(add_labels(values, d, first, n, err));
    if (d->targets)
        WELD_TRY(add_targets(values, d, first, n, err));
    *out = values;
    values = NULL;
done:
    weld_values_free(values);
    return st;
}

/* ---- scores ---------------------------------------------------------------------- */

double weld_chance_limit(int64_t classes, int64_t samples)
{
    const double p = 1.0 / (double)classes;
    return p + 3 * sqrt(p * (1 - p) / (double)samples);
}

static weld_status shapes_for(weld_shapes **out, const weld_model *model, const weld_dataset *data,
                              weld_error *err)
{
    weld_status st = weld_adopt_sizes(model, data, err);
    return st == WELD_OK ? weld_structure_shapes(out, model->structure, WELD_MICRO_BATCH, err) : st;
}

weld_status weld_model_score(double *loss, double *accuracy, const weld_model *model,
                             const weld_dataset *data, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_shapes *shapes = NULL;
    const char *metric;
    const weld_paramset *params = model->params;
    WELD_REQUIRE(data->labels, WELD_E_ARGUMENT, "%s: has no %slabels; accuracy needs them",
                 data->path, data->targets ? "class numbers as " : "");
    WELD_TRY(shapes_for(&shapes, model, data, err));
    WELD_TRY(weld_feed_check(data, shapes, err));
    WELD_TRY(weld_paramset_hold(model->params, err));
    const weld_midpoint_input input = {.ctx = model->ctx,
                                       .shapes = shapes,
                                       .merged = &params,
                                       .count = 1,
                                       .data = data,
                                       .accuracies = accuracy};
    WELD_TRY(weld_midpoint_losses(loss, &metric, &input, err));
done:
    weld_shapes_free(shapes);
    return st;
}

double weld_model_chance(const weld_model *model, const weld_dataset *data)
{
    weld_shapes *shapes = NULL;
    weld_rows rows = {0};
    double limit = NAN;
    if (shapes_for(&shapes, model, data, NULL) == WELD_OK &&
        weld_rows_find(&rows, model->ctx, shapes, NULL) == WELD_OK) {
        const weld_shape *shape = &shapes->types[rows.logits].shape;
        const int64_t classes = weld_shape_span(shape, 1, shape->rank);
        limit = classes > 1 ? weld_chance_limit(classes, data->count) : NAN;
        weld_rows_free(&rows);
    }
    weld_shapes_free(shapes);
    return limit;
}
