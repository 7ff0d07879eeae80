/* Runs a model on given arrays or on a data set, in parts along axis 0 where that is allowed. */
#include "api/objects.h"
#include "api/values.h"
#include "data/feed.h"
#include "exec/plan.h"
#include <inttypes.h>
#include <regex.h>
#include <string.h>

typedef struct runner {
    const weld_model *model;
    const weld_graph *graph;
    int *wanted; /* [wanted_count] value indices: the outputs, then the taps */
    int wanted_count;
    int64_t total, part; /* samples in all, samples per pass; part 0 = everything in one pass */
    weld_shapes *shapes;
    weld_plan *plan;
    weld_run *run;
    weld_tensor *inputs;       /* [input_count] of one pass */
    const weld_tensor **bound; /* [input_count] */
    weld_values *out;
} runner;

static void free_pass(runner *r)
{
    weld_run_free(r->run);
    weld_plan_free(r->plan);
    weld_shapes_free(r->shapes);
    r->run = NULL;
    r->plan = NULL;
    r->shapes = NULL;
}

static void close_runner(runner *r)
{
    weld_context *ctx = r->model->ctx;
    free_pass(r);
    for (int k = 0; r->inputs && k < r->graph->input_count; k++)
        weld_tensor_free(ctx, &r->inputs[k]);
    weld_free(ctx, r->inputs);
    weld_free(ctx, r->bound);
    weld_free(ctx, r->wanted);
    weld_values_free(r->out);
}

static const char *name_of_wanted(const runner *r, int k)
{
    return k < r->graph->output_count ? r->model->structure->file->output_names[k]
                                      : r->graph->values[r->wanted[k]].name;
}

static weld_status list_wanted(runner *r, const char *tap, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = r->graph;
    regex_t pattern;
    WELD_NEW(r->wanted, r->model->ctx, g->output_count + g->value_count);
    for (int k = 0; k < g->output_count; k++)
        r->wanted[r->wanted_count++] = g->outputs[k];
    if (!tap)
        return WELD_OK;
    WELD_REQUIRE(regcomp(&pattern, tap, REG_EXTENDED | REG_NOSUB) == 0, WELD_E_ARGUMENT,
                 "'%s' is not a regular expression (POSIX extended)", tap);
    for (int v = 0; v < g->value_count; v++)
        if (g->values[v].kind == WELD_VALUE_NODE && g->values[v].name[0] &&
            !weld_graph_is_output(g, v) && regexec(&pattern, g->values[v].name, 0, NULL, 0) == 0)
            r->wanted[r->wanted_count++] = v;
    regfree(&pattern);
    WELD_REQUIRE(r->wanted_count > g->output_count, WELD_E_ARGUMENT,
                 "no value of the model matches '%s'", tap);
done:
    return st;
}

static weld_status open_runner(runner *r, const weld_model *model, const weld_run_options *o,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    *r = (runner){.model = model, .graph = model->structure->graph};
    WELD_REQUIRE(o->struct_size == sizeof *o, WELD_E_ARGUMENT, "run options of %u bytes",
                 o->struct_size);
    WELD_NEW(r->inputs, model->ctx, r->graph->input_count);
    WELD_NEW(r->bound, model->ctx, r->graph->input_count);
    for (int k = 0; k < r->graph->input_count; k++)
        r->bound[k] = &r->inputs[k];
    WELD_TRY(list_wanted(r, o->tap, err));
    WELD_TRY(weld_values_new(&r->out, model->ctx, err));
done:
    return st;
}

/* The plan of the last pass still fits unless a shape, or contents that a shape depends on, may
 * have changed. */
static bool plan_fits(const runner *r)
{
    bool fits = r->run && !r->shapes->contents_known;
    for (int k = 0; fits && k < r->graph->input_count; k++)
        fits = weld_shape_equal(&r->shapes->types[r->graph->inputs[k]].shape, &r->inputs[k].shape);
    return fits;
}

static weld_status make_plan(runner *r, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = r->model->ctx;
    if (plan_fits(r))
        return WELD_OK;
    free_pass(r);
    WELD_TRY(weld_shapes_infer_given(&r->shapes, ctx, r->graph, r->bound, err));
    WELD_TRY(weld_plan_create(&r->plan, ctx, r->shapes, r->wanted, r->wanted_count, err));
    WELD_TRY(weld_run_create(&r->run, r->plan, err));
done:
    return st;
}

/* Room for all samples, made when the first pass has told the shape of one. */
static weld_status make_room(runner *r, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int k = 0; k < r->wanted_count; k++) {
        const weld_type *type = &r->shapes->types[r->wanted[k]];
        weld_tensor t = {0};
        weld_shape shape = type->shape;
        if (r->part) {
            WELD_REQUIRE(shape.rank && shape.dims[0] == r->part, WELD_E_UNSUPPORTED,
                         "'%s' has no samples on axis 0, so it can't be made in parts of %" PRId64,
                         name_of_wanted(r, k), r->part);
            shape.dims[0] = r->total;
        }
        WELD_TRY(weld_shape_check(r->model->ctx, &shape, name_of_wanted(r, k), err));
        WELD_TRY(weld_tensor_create(&t, r->model->ctx, type->dtype, &shape, err));
        WELD_TRY(weld_values_add(r->out, name_of_wanted(r, k), &t, err));
    }
done:
    return st;
}

/* One pass over the bound inputs; its first n samples (all without parts) go to out from `first`. */
static weld_status pass(runner *r, int64_t first, int64_t n, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_TRY(make_plan(r, err));
    WELD_TRY(weld_paramset_hold(r->model->params, err));
    WELD_TRY(weld_run_all(r->run, r->model->params, r->bound, err));
    if (r->out->count == 0)
        WELD_TRY(make_room(r, err));
    for (int k = 0; k < r->wanted_count; k++) {
        const weld_tensor *from = weld_run_value(r->run, r->wanted[k]);
        weld_tensor *to = &r->out->items[k].tensor;
        size_t bytes = (size_t)weld_shape_numel(&from->shape) * weld_compute_size(from->dtype);
        size_t each = r->part ? bytes / (size_t)r->part : bytes;
        memcpy((char *)to->data + (size_t)first * each, from->data,
               r->part ? (size_t)n * each : each);
    }
done:
    return st;
}

int64_t weld_model_batch(const weld_model *model)
{
    return model->structure->literal_batch;
}

/* The batch of one pass: fixed by the file, or chosen where samples are independent. */
static int64_t part_size(const weld_structure *s, int64_t total, int64_t wanted)
{
    if (s->literal_batch)
        return total == s->literal_batch ? 0 : s->literal_batch;
    int64_t part = wanted > 0 ? wanted : WELD_MICRO_BATCH;
    return s->any_batch && part < total ? part : 0;
}

static weld_status check_parts(const runner *r, weld_error *err)
{
    if (r->part && r->total % r->part && !r->model->structure->any_batch)
        return weld_fail(err, WELD_E_ARGUMENT,
                         "%" PRId64 " samples do not fill batches of %" PRId64
                         ", the only size that the model runs with",
                         r->total, r->part);
    return WELD_OK;
}

/* ---- arrays --------------------------------------------------------------------- */

static weld_status find_inputs(const weld_tensor **found, const weld_graph *g,
                               const weld_values *values, weld_error *err)
{
    int named = 0;
    for (int k = 0; k < g->input_count; k++) {
        found[k] = weld_values_find(values, g->values[g->inputs[k]].name);
        named += found[k] != NULL;
    }
    for (int k = 0; k < g->input_count; k++) {
        if (!named && (size_t)k < values->count)
            found[k] = &values->items[k].tensor;
        if (!found[k])
            return weld_fail(err, WELD_E_ARGUMENT, "no array for the input '%s'",
                             g->values[g->inputs[k]].name);
    }
    return WELD_OK;
}

/* Samples that all inputs have on axis 0; 0 where they have not. */
static int64_t common_samples(const weld_tensor *const *inputs, int count)
{
    int64_t total = 0;
    for (int k = 0; k < count; k++) {
        if (inputs[k]->shape.rank < 1 || (k && inputs[k]->shape.dims[0] != total))
            return 0;
        total = inputs[k]->shape.dims[0];
    }
    return total;
}

/* Samples [first, first + part) of each input, the last part filled up with zeros. */
static weld_status cut_inputs(runner *r, const weld_tensor *const *whole, int64_t first,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    for (int k = 0; k < r->graph->input_count; k++) {
        weld_tensor *t = &r->inputs[k];
        weld_shape shape = whole[k]->shape;
        shape.dims[0] = r->part;
        int64_t n = r->total - first < r->part ? r->total - first : r->part;
        size_t each = (size_t)weld_shape_span(&shape, 1, shape.rank) *
                      weld_compute_size(whole[k]->dtype);
        if (!t->data)
            WELD_TRY(weld_tensor_create(t, r->model->ctx, whole[k]->dtype, &shape, err));
        memset(t->data, 0, (size_t)r->part * each);
        memcpy(t->data, (const char *)whole[k]->data + (size_t)first * each, (size_t)n * each);
    }
done:
    return st;
}

static weld_status run_arrays(runner *r, const weld_tensor **found, int64_t batch, weld_error *err)
{
    weld_status st = WELD_OK;
    r->total = common_samples(found, r->graph->input_count);
    r->part = r->total ? part_size(r->model->structure, r->total, batch) : 0;
    WELD_TRY(check_parts(r, err));
    if (!r->part) {
        for (int k = 0; k < r->graph->input_count; k++)
            r->bound[k] = found[k];
        for (int k = 0; k < r->graph->input_count; k++)
            r->inputs[k].shape = found[k]->shape; /* for plan_fits; the data stay the caller's */
        return pass(r, 0, 0, err);
    }
    for (int64_t first = 0; first < r->total; first += r->part) {
        WELD_TRY(cut_inputs(r, found, first, err));
        WELD_TRY(pass(r, first, r->total - first < r->part ? r->total - first : r->part, err));
    }
done:
    return st;
}

weld_status weld_model_run(weld_values **out, const weld_model *model, const weld_values *inputs,
                           const weld_run_options *options, weld_error *err)
{
    const weld_run_options defaults = WELD_RUN_OPTIONS_INIT;
    const weld_run_options *o = options ? options : &defaults;
    weld_status st = WELD_OK;
    const weld_tensor **found = NULL;
    runner r;
    *out = NULL;
    WELD_TRY(open_runner(&r, model, o, err));
    WELD_NEW(found, model->ctx, r.graph->input_count);
    WELD_TRY(find_inputs(found, r.graph, inputs, err));
    WELD_TRY(run_arrays(&r, found, o->batch, err));
    *out = r.out;
    r.out = NULL;
done:
    weld_free(model->ctx, found);
    close_runner(&r);
    return st;
}

/* ---- data sets ------------------------------------------------------------------ */

/* Input k for one pass: the shape that the file declares, or that of the samples. */
static weld_status make_input(runner *r, int k, const weld_dataset *data, int array,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_value *input = &r->graph->values[r->graph->inputs[k]];
    const weld_shape *sample = &data->arrays[array].sample;
    weld_shape shape;
    WELD_REQUIRE(input->rank != 0, WELD_E_ARGUMENT, "the input '%s' is a single number",
                 input->name);
    shape = weld_shape_make(sample->rank + 1, (const int64_t[WELD_RANK_MAX + 1]){0});
    memcpy(shape.dims + 1, sample->dims, (size_t)sample->rank * sizeof(int64_t));
    bool declared = input->rank > 0;
    for (int d = 1; d < input->rank; d++)
        declared = declared && input->dims[d] >= 0;
    if (declared)
        shape = weld_shape_make(input->rank, input->dims);
    shape.dims[0] = r->part ? r->part : r->total;
    WELD_TRY(weld_dataset_fits(data, array, &shape, err));
    WELD_TRY(weld_tensor_create(&r->inputs[k], r->model->ctx, input->dtype, &shape, err));
done:
    return st;
}

static weld_status fill_input(weld_tensor *t, const weld_dataset *data, int array, int64_t first,
                              int64_t n, weld_error *err)
{
    if (n < t->shape.dims[0])
        memset(t->data, 0, (size_t)weld_shape_numel(&t->shape) * weld_compute_size(t->dtype));
    return weld_dataset_batch(t, data, array, first, n, err);
}

static weld_status run_samples(runner *r, const weld_dataset *data, const int *arrays,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t step = r->part ? r->part : r->total;
    for (int k = 0; k < r->graph->input_count; k++)
        WELD_TRY(make_input(r, k, data, arrays[k], err));
    for (int64_t first = 0; first < r->total; first += step) {
        const int64_t n = r->total - first < step ? r->total - first : step;
        for (int k = 0; k < r->graph->input_count; k++)
            WELD_TRY(fill_input(&r->inputs[k], data, arrays[k], first, n, err));
        WELD_TRY(pass(r, first, n, err));
    }
done:
    return st;
}

weld_status weld_model_run_data(weld_values **out, const weld_model *model,
                                const weld_dataset *data, const weld_run_options *options,
                                weld_error *err)
{
    const weld_run_options defaults = WELD_RUN_OPTIONS_INIT;
    const weld_run_options *o = options ? options : &defaults;
    weld_status st = WELD_OK;
    runner r;
    *out = NULL;
    int *arrays = NULL;
    WELD_TRY(open_runner(&r, model, o, err));
    WELD_NEW(arrays, model->ctx, r.graph->input_count);
    WELD_TRY(weld_feed_bind(arrays, data, r.graph, err));
    r.total = data->count;
    r.part = part_size(model->structure, r.total, o->batch);
    WELD_TRY(check_parts(&r, err));
    WELD_TRY(run_samples(&r, data, arrays, err));
    *out = r.out;
    r.out = NULL;
done:
    weld_free(model->ctx, arrays);
    close_runner(&r);
    return st;
}
