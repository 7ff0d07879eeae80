/* The objective of commutativity: against the features themselves, its local form against its value,
 * and what the matcher makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/objects.h"
#include "core/rng.h"
#include "exec/plan.h"
#include "match/candidates.h"
#include "match/objective.h"
#include "match/quadratic.h"
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SAMPLES = 44, BATCH = 8 };

static const char *const graphs[] = {"deep_mlp",
                                     "residual",
                                     "branches",
                                     "dense_concat",
                                     "nhwc_flatten",
                                     "depthwise",
                                     "wide_flatten",
                                     "moved_units",
                                     "conv_on_stream",
                                     "literal_batch",
                                     "option_a",
                                     "early_forms",
                                     "lstm",
                                     "gru",
                                     "grouped_conv",
                                     "depth_multiplier",
                                     "shuffled_groups",
                                     "transposed_groups",
                                     "transposed_strides",
                                     "group_norm_stream",
                                     "stacked_recurrent",
                                     "attention_plain",
                                     "attention_grouped"};
enum { GRAPHS = sizeof graphs / sizeof graphs[0] };

typedef struct fixture {
    weld_context *ctx;
    weld_model *model;
    weld_shapes *shapes;
    weld_symmetry *symmetry;
    weld_element *element; /* random */
    weld_paramset *b;      /* other weights */
    weld_samples *samples; /* that the data consist of */
    weld_dataset data;
    weld_scores *scores;
    weld_moments *moments;
    weld_objective *objective;
} fixture;

static void make_data(fixture *f, weld_rng *rng)
{
    const weld_shape *in = &f->shapes->types[f->shapes->graph->inputs[0]].shape;
    f->samples = weld_alloc(f->ctx, 1, sizeof *f->samples);
    assert_non_null(f->samples);
    *f->samples = (weld_samples){.key = "",
                                 .sample = weld_shape_make(in->rank - 1, in->dims + 1),
                                 .stored = WELD_FLOAT,
                                 .scale = 1,
                                 .channel_axis = -1};
    f->data = (weld_dataset){
        .ctx = f->ctx, .total = SAMPLES, .count = SAMPLES, .arrays = f->samples, .array_count = 1};
    const int64_t count = SAMPLES * weld_shape_numel(&f->samples->sample);
    f->samples->raw_f = weld_alloc(f->ctx, (size_t)count, sizeof(float));
    assert_non_null(f->samples->raw_f);
    for (int64_t k = 0; k < count; k++)
        f->samples->raw_f[k] = (float)weld_rng_normal(rng);
}

/* Weights of the sizes that A's have, but other ones; what must be positive stays so. */
static void make_other(fixture *f, weld_rng *rng)
{
    const weld_graph *g = f->model->structure->graph;
    assert_int_equal(weld_paramset_copy(&f->b, f->model->params, NULL), WELD_OK);
    for (int p = 0; p < g->param_count; p++) {
        float *x = f->b->arrays[p];
        const size_t count = weld_param_numel(g, p);
        bool positive = true;
        for (size_t k = 0; k < count; k++)
            positive = positive && x[k] > 0;
        for (size_t k = 0; !positive && k < count; k++)
            x[k] = 0.5f * x[k] + 0.7f * x[weld_rng_below(rng, (uint32_t)count)];
    }
}

static fixture open_graph(const char *name)
{
    fixture f = {0};
    char path[512];
    weld_rng rng;
    weld_error err = WELD_ERROR_INIT;
    weld_rng_seed(&rng, 9, 0);
    assert_int_equal(weld_context_create(&f.ctx, NULL, NULL), WELD_OK);
    snprintf(path, sizeof path, WELD_GRAPHS "/%s.onnx", name);
    if (weld_model_load(&f.model, f.ctx, path, &err) != WELD_OK)
        fail_msg("%s", err.message);
    assert_int_equal(weld_paramset_hold(f.model->params, NULL), WELD_OK);
    const weld_structure *s = f.model->structure;
    assert_int_equal(weld_structure_shapes(&f.shapes, s, BATCH, NULL), WELD_OK);
    assert_int_equal(weld_symmetry_derive(&f.symmetry, f.ctx, s->graph, f.shapes, NULL), WELD_OK);
    assert_int_equal(weld_element_random(&f.element, f.symmetry, 5, NULL), WELD_OK);
    make_other(&f, &rng);
    make_data(&f, &rng);
    const weld_moments_input in = {.symmetry = f.symmetry,
                                   .shapes = f.shapes,
                                   .a = f.model->params,
                                   .b = f.b,
                                   .data = &f.data,
                                   .kinds = WELD_MOMENTS_INPUTS | WELD_MOMENTS_WITHIN |
                                            WELD_MOMENTS_ADDITIVITY};
    assert_int_equal(weld_scores_create(&f.scores, f.symmetry, in.a, in.b, NULL), WELD_OK);
    assert_int_equal(weld_moments_create(&f.moments, &in, &err), WELD_OK);
    assert_int_equal(weld_objective_create(&f.objective, f.scores, f.moments, in.a, in.b, NULL),
                     WELD_OK);
    return f;
}

static void close_graph(fixture *f)
{
    weld_objective_free(f->objective);
    weld_moments_free(f->moments);
    weld_scores_free(f->scores);
    weld_free(f->ctx, f->samples->raw);
    weld_free(f->ctx, f->samples);
    weld_paramset_free(f->b);
    weld_element_free(f->element);
    weld_symmetry_free(f->symmetry);
    weld_shapes_free(f->shapes);
    weld_model_free(f->model);
    assert_int_equal(atomic_load(&f->ctx->in_use_bytes), 0);
    weld_context_free(f->ctx);
}

static double value_of(const fixture *f)
{
    double value;
    assert_int_equal(weld_objective_value(&value, f->objective, f->element, NULL), WELD_OK);
    return value;
}

/* ---- against the features --------------------------------------------------------------------- */

/* Sum of |W x|^2 over all steps: w [directions, out, in], h [N, S, in]. */
static double stacked_energy(const weld_tensor *w, const weld_tensor *h, int64_t samples)
{
    const int64_t in = w->shape.dims[2], outputs = w->shape.dims[0] * w->shape.dims[1];
    double sum = 0;
    for (int64_t row = 0; row < samples * h->shape.dims[1]; row++)
        for (int64_t o = 0; o < outputs; o++) {
            double y = 0;
            for (int64_t k = 0; k < in; k++)
                y += (double)w->f[o * in + k] * (double)h->f[row * in + k];
            sum += y * y;
        }
    return sum;
}

/* Sum of |W h|^2 of a layer without its bias, by its own kernel; the first `rows` samples count. */
static double energy_of(const fixture *f, int n, const weld_tensor *w, const weld_tensor *h,
                        int64_t samples)
{
    weld_node node = f->symmetry->graph->nodes[n];
    const weld_tensor *in[2] = {w, w};
    weld_tensor y = {0}, *out[1] = {&y};
    weld_kernel_args args = {.ctx = f->ctx, .in = in, .out = out};
    double sum = 0;
    if (node.op->product == WELD_PRODUCT_STACKED)
        return stacked_energy(w, h, samples);
    in[0] = h;
    node.input_count = 2;
    const weld_shape *shape = &f->shapes->types[node.outputs[0]].shape;
    assert_int_equal(weld_tensor_create(&y, f->ctx, WELD_FLOAT, shape, NULL), WELD_OK);
    args.scratch = weld_alloc(f->ctx, weld_op_scratch(&node, &args) + 1, 1);
    assert_int_equal(weld_op_run(&node, &args, NULL), WELD_OK);
    for (int64_t k = 0; k < samples * weld_shape_numel(shape) / shape->dims[0]; k++)
        sum += (double)y.f[k] * (double)y.f[k];
    weld_free(f->ctx, args.scratch);
    weld_tensor_free(f->ctx, &y);
    return sum;
}

typedef struct direct {
    double both, a, b; /* sums of |dW dH|^2, |W_A H_A|^2, |W_B H_B|^2 */
} direct;

static void add_direct(direct *d, const fixture *f, int n, weld_run *const runs[2],
                       const weld_paramset *const sets[2], int64_t samples)
{
    const weld_graph *g = f->symmetry->graph;
    const weld_node *node = &g->nodes[n];
    const int param = g->values[node->inputs[1]].param;
    const weld_tensor w[2] = {weld_paramset_tensor(sets[0], param),
                              weld_paramset_tensor(sets[1], param)};
    weld_tensor h[2] = {*weld_run_value(runs[0], node->inputs[0]),
                        *weld_run_value(runs[1], node->inputs[0])};
    weld_tensor dw, dh;
    assert_int_equal(weld_tensor_create(&dw, f->ctx, WELD_FLOAT, &w[0].shape, NULL), WELD_OK);
    assert_int_equal(weld_tensor_create(&dh, f->ctx, WELD_FLOAT, &h[0].shape, NULL), WELD_OK);
    for (int64_t k = 0; k < weld_shape_numel(&dw.shape); k++)
        dw.f[k] = w[0].f[k] - w[1].f[k];
    for (int64_t k = 0; k < weld_shape_numel(&dh.shape); k++)
        dh.f[k] = h[0].f[k] - h[1].f[k];
    d->both += energy_of(f, n, &dw, &dh, samples);
    d->a += energy_of(f, n, &w[0], &h[0], samples);
    d->b += energy_of(f, n, &w[1], &h[1], samples);
    weld_tensor_free(f->ctx, &dw);
    weld_tensor_free(f->ctx, &dh);
}

/* Runs A and the permuted B on the data; `see` looks at each batch. */
typedef void see_batch(void *user, const fixture *f, weld_run *const runs[2],
                       const weld_paramset *const sets[2], int64_t samples);

static void run_both(const fixture *f, const int *taps, int count, see_batch *see, void *user)
{
    const weld_graph *g = f->symmetry->graph;
    weld_paramset *moved;
    weld_plan *plan;
    weld_run *runs[2];
    weld_tensor x;
    const weld_tensor *inputs[] = {&x};
    const weld_type *in = &f->shapes->types[g->inputs[0]];
    assert_int_equal(weld_paramset_copy(&moved, f->b, NULL), WELD_OK);
    assert_int_equal(weld_element_apply(moved, f->element, f->b, NULL), WELD_OK);
    const weld_paramset *const sets[2] = {f->model->params, moved};
    assert_int_equal(weld_plan_create(&plan, f->ctx, f->shapes, taps, count, NULL), WELD_OK);
    assert_int_equal(weld_tensor_create(&x, f->ctx, WELD_FLOAT, &in->shape, NULL), WELD_OK);
    for (int s = 0; s < 2; s++)
        assert_int_equal(weld_run_create(&runs[s], plan, NULL), WELD_OK);
    for (int64_t first = 0; first < SAMPLES; first += f->shapes->batch) {
        const int64_t left = SAMPLES - first, batch = f->shapes->batch;
        const int64_t samples = left < batch ? left : batch;
        assert_int_equal(weld_dataset_batch(&x, &f->data, 0, first, samples, NULL), WELD_OK);
        for (int s = 0; s < 2; s++)
            assert_int_equal(weld_run_all(runs[s], sets[s], inputs, NULL), WELD_OK);
        see(user, f, runs, sets, samples);
    }
    for (int s = 0; s < 2; s++)
        weld_run_free(runs[s]);
    weld_tensor_free(f->ctx, &x);
    weld_plan_free(plan);
    weld_paramset_free(moved);
}

static void see_layers(void *user, const fixture *f, weld_run *const runs[2],
                       const weld_paramset *const sets[2], int64_t samples)
{
    direct *d = user;
    for (int k = 0; k < f->objective->layer_count; k++)
        add_direct(&d[k], f, f->objective->layers[k].in->layer->node, runs, sets, samples);
}

/* J of the layers of the objective, B permuted and run. */
static double direct_j(const fixture *f)
{
    int taps[64], count = f->objective->layer_count;
    direct d[64] = {{0, 0, 0}};
    double j = 0;
    for (int k = 0; k < count; k++)
        taps[k] = f->symmetry->graph->nodes[f->objective->layers[k].in->layer->node].inputs[0];
    run_both(f, taps, count, see_layers, d);
    for (int k = 0; k < count; k++)
        j += d[k].both / (d[k].a + d[k].b);
    return j;
}

static void products_are_those_of_the_features(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int layers;
    } cases[] = {{"deep_mlp", 6},        {"residual", 5},          {"nhwc_flatten", 2},
                 {"branches", 4},        {"dense_concat", 3},      {"moved_units", 2},
                 {"depthwise", 3},       {"grouped_conv", 2},      {"depth_multiplier", 2},
                 {"shuffled_groups", 4}, {"transposed_groups", 2}, {"transposed_strides", 2},
                 {"conv_on_stream", 2},  {"group_norm_stream", 2}, {"stacked_recurrent", 3},
                 {"attention_plain", 7}, {"attention_grouped", 7}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        fixture f = open_graph(cases[c].name);
        weld_match_distances d;
        assert_int_equal(f.objective->layer_count, cases[c].layers);
        assert_int_equal(weld_objective_distances(&d, f.objective, f.element, NULL), WELD_OK);
        const double j = direct_j(&f);
        if (!(d.present && fabs(d.commutativity - j) < 1e-5 * j))
            fail_msg("%s: J %.9g, of the features %.9g", cases[c].name, d.commutativity, j);
        assert_true(d.weights > 0 && d.features > 0 && d.products > 0);
        close_graph(&f);
    }
}

/* Of a Relu: the value in front of it, and sums over the rows. */
typedef struct bent {
    int before;
    double defect, energy;
} bent;

static void see_activation(void *user, const fixture *f, weld_run *const runs[2],
                           const weld_paramset *const sets[2], int64_t samples)
{
    bent *x = user;
    const float *a = weld_run_floats(runs[0], x->before), *b = weld_run_floats(runs[1], x->before);
    const weld_shape *shape = &f->shapes->types[x->before].shape;
    (void)sets;
    for (int64_t k = 0; k < samples * weld_shape_numel(shape) / shape->dims[0]; k++) {
        const double of_a = fmax((double)a[k], 0), of_b = fmax((double)b[k], 0);
        const double apart = fmax(((double)a[k] + (double)b[k]) / 2, 0) - (of_a + of_b) / 2;
        x->defect += apart * apart;
        x->energy += of_a * of_a + of_b * of_b;
    }
}

/* The same for the activations: B's values in front of them mixed with A's. */
static double direct_additivity(const fixture *f, const weld_additivity_moments *x)
{
    const weld_node *node = &f->symmetry->graph->nodes[x->node];
    bent of = {.before = node->inputs[0]};
    assert_string_equal(node->op->name, "Relu");
    run_both(f, &of.before, 1, see_activation, &of);
    return of.defect / of.energy;
}

static void additivity_is_that_of_the_activations(void **state)
{
    (void)state;
    static const char *const names[] = {"deep_mlp", "nhwc_flatten", "branches"};
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        fixture f = open_graph(names[k]);
        double expected = 0;
        f.objective->additivity = 0;
        const double without = value_of(&f);
        f.objective->additivity = 1;
        assert_true(f.moments->additivity_count > 0);
        for (int x = 0; x < f.moments->additivity_count; x++)
            expected += direct_additivity(&f, &f.moments->additivity[x]);
        const double measured = value_of(&f) - without;
        if (!(expected > 0 && fabs(measured - expected) < 1e-5 * expected))
            fail_msg("%s: %.9g, of the values %.9g", names[k], measured, expected);
        close_graph(&f);
    }
}

static void wide_inputs_are_read_in_parts(void **state)
{
    (void)state;
    fixture f = open_graph("wide_flatten");
    assert_int_equal(f.moments->wide, 1);
    assert_int_equal(f.moments->layers->left_out_count, 0);
    assert_int_equal(f.objective->layer_count, 401);
    for (int k = 0; k < 400; k++)
        assert_int_equal(f.moments->inputs[k].columns, 6);
    close_graph(&f);
}

static void layers_that_take_no_part_say_why(void **state)
{
    (void)state;
    static const struct {
        const char *graph, *why;
        int in, out;
    } cases[] = {{"lstm", "recurrent weights", 1, 1},
                 {"stacked_recurrent", "recurrent weights", 3, 2},
                 {"dense_on_positions", "besides the channels", 1, 2},
                 {"grouped_conv", NULL, 2, 0}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        fixture f = open_graph(cases[c].graph);
        char note[320];
        assert_int_equal(f.objective->layer_count, cases[c].in);
        assert_int_equal(f.moments->layers->left_out_count, cases[c].out);
        weld_moments_note(note, sizeof note, f.moments);
        assert_non_null(strstr(note, "44 samples")); /* few: said first */
        if (cases[c].why)
            assert_non_null(strstr(strstr(note, "leaves out"), cases[c].why));
        else
            assert_null(strstr(note, "leaves out"));
        close_graph(&f);
    }
}

/* ---- the local form --------------------------------------------------------------------------- */

/* Any permutation of the class that leaves all others in place. */
static void shuffle_class(weld_element *e, int c, weld_rng *rng)
{
    const weld_class *k = &e->symmetry->classes[c];
    for (int other = 0; other < e->symmetry->free_count; other++)
        if (e->symmetry->classes[other].parent == c)
            return;
    for (int32_t from = 0; from < k->size; from += k->block)
        weld_rng_shuffle(rng, e->perms[c] + from, k->block);
}

/* It meets itself on a joint: the weights' part of the local form is of first order. */
static bool meets_on_joint(const weld_scores *scores, int c)
{
    for (int k = 0; k < scores->count; k++) {
        const weld_score_tensor *t = &scores->tensors[k];
        int axes = 0;
        for (int a = 0; a < t->axis_count; a++)
            axes += t->axes[a].unit_class == c;
        if (t->has_joint && axes > 1)
            return true;
    }
    return false;
}

static bool meets_itself(const weld_objective_layer *layer, int c)
{
    const weld_linear_layer *of = layer->in->layer;
    return !of->depthwise && weld_stands_have(&of->rows, c) && weld_stands_have(&of->channels, c);
}

/* Those that class c meets itself in last; returns how many others there are. */
static int sort_layers(weld_objective *o, int c)
{
    int others = 0;
    for (int k = 0; k < o->layer_count; k++)
        if (!meets_itself(&o->layers[k], c)) {
            const weld_objective_layer layer = o->layers[others];
            o->layers[others++] = o->layers[k];
            o->layers[k] = layer;
        }
    return others;
}

static double local_value(const weld_qap *qap, const int32_t *perm)
{
    double value, scale;
    weld_qap_value(&value, &scale, qap, perm);
    return value;
}

static void the_local_form_changes_as_the_objective(void **state)
{
    (void)state;
    weld_rng rng;
    weld_rng_seed(&rng, 2, 0);
    for (int k = 0; k < GRAPHS; k++) {
        fixture f = open_graph(graphs[k]);
        f.objective->additivity = 0.7;
        const int all = f.objective->layer_count;
        for (int c = 0; c < f.symmetry->free_count; c++) {
            weld_qap *qap;
            int32_t *perm = f.element->perms[c];
            f.objective->layer_count = sort_layers(f.objective, c);
            f.objective->weights = meets_on_joint(f.scores, c) ? 0 : 1;
            assert_int_equal(weld_objective_local(&qap, f.objective, f.element, c, NULL), WELD_OK);
            const double before = value_of(&f), local = local_value(qap, perm);
            shuffle_class(f.element, c, &rng);
            const double change = value_of(&f) - before, claimed = local_value(qap, perm) - local;
            if (!(fabs(change - claimed) < 1e-9 * (1 + fabs(before))))
                fail_msg("%s, class %d: %.12g, locally %.12g", graphs[k], c, change, claimed);
            f.objective->layer_count = all;
            f.objective->weights = 1;
            weld_qap_free(qap);
        }
        close_graph(&f);
    }
}

/* E |(W_A - P W_B Q')(H_A - Q H_B)|^2 of a layer in one part: P as `rows` has it, Q as `columns` has it. */
static double two_sided(const weld_objective_layer *layer, const weld_element *rows,
                        const weld_element *columns)
{
    const weld_input_moments *in = layer->in;
    const weld_weight_matrix *m = &in->layer->matrix;
    const int64_t k = m->channels * m->taps;
    int32_t row[64], channel[64];
    double sum = 0;
    assert_true(m->outputs <= 64 && m->channels <= 64 && in->columns == k);
    weld_stands_index(row, m->outputs, &in->layer->rows, rows);
    weld_stands_index(channel, m->channels, &in->layer->channels, columns);
    for (int64_t o = 0; o < m->outputs; o++)
        for (int64_t i = 0; i < k; i++)
            for (int64_t j = 0; j < k; j++) {
                const int64_t bi = channel[i / m->taps] * m->taps + i % m->taps;
                const int64_t bj = channel[j / m->taps] * m->taps + j % m->taps;
                const float *a = layer->weight->a, *b = layer->weight->b;
                const double gram = in->aa[i * k + j] - in->ab[i * k + bj] - in->ab[j * k + bi] +
                                    in->bb[bi * k + bj];
                sum += ((double)a[weld_weight_matrix_at(m, o, i)] -
                        (double)b[weld_weight_matrix_at(m, row[o], bi)]) *
                       gram *
                       ((double)a[weld_weight_matrix_at(m, o, j)] -
                        (double)b[weld_weight_matrix_at(m, row[o], bj)]);
            }
    return layer->weight_of * sum / in->rows;
}

/* There F is of the fourth degree in the class: its local form is that of each side by itself. */
static void a_layer_that_meets_itself_is_taken_side_by_side(void **state)
{
    (void)state;
    static const char *const names[] = {"conv_on_stream", "group_norm_stream"};
    weld_rng rng;
    weld_rng_seed(&rng, 3, 0);
    for (int k = 0; k < 2; k++) {
        fixture f = open_graph(names[k]);
        weld_objective *o = f.objective;
        weld_element *old;
        weld_qap *qap;
        int c = 0;
        while (sort_layers(o, c) == o->layer_count)
            c++;
        const weld_objective_layer *layer = &o->layers[sort_layers(o, c)];
        weld_objective alone = *o;
        alone.layers = &o->layers[sort_layers(o, c)];
        alone.layer_count = 1;
        alone.weights = alone.features = 0;
        assert_int_equal(weld_element_identity(&old, f.symmetry, NULL), WELD_OK);
        weld_element_copy(old, f.element);
        assert_int_equal(weld_objective_local(&qap, &alone, old, c, NULL), WELD_OK);
        for (int round = 0; round < 5; round++) {
            shuffle_class(f.element, c, &rng);
            const double expected = two_sided(layer, f.element, old) +
                                    two_sided(layer, old, f.element) -
                                    2 * two_sided(layer, old, old);
            const double claimed = local_value(qap, f.element->perms[c]) -
                                   local_value(qap, old->perms[c]);
            if (!(fabs(expected - claimed) < 1e-9 * (1 + fabs(expected))))
                fail_msg("%s: %.12g, locally %.12g", names[k], expected, claimed);
        }
        weld_qap_free(qap);
        weld_element_free(old);
        close_graph(&f);
    }
}

/* ---- matchers --------------------------------------------------------------------------------- */

static weld_match_result *match(const fixture *f, const char *matcher, const char *start,
                                bool alone, uint64_t seed)
{
    weld_match_result *result = NULL;
    weld_error err = WELD_ERROR_INIT;
    const weld_match_input in = {.symmetry = f->symmetry,
                                 .shapes = f->shapes,
                                 .a = f->model->params,
                                 .b = f->b,
                                 .data = &f->data,
                                 .restarts = 1,
                                 .seed = seed,
                                 .moments = f->moments,
                                 .start = start,
                                 .alone = alone};
    if (weld_matcher_find(matcher)->run(&result, &in, &err) != WELD_OK)
        fail_msg("%s", err.message);
    return result;
}

/* F at the end of a matcher. */
static double end_of(fixture *f, const char *matcher, const char *start, bool alone, uint64_t seed)
{
    weld_match_result *result = match(f, matcher, start, alone, seed);
    for (int c = 0; c < f->symmetry->free_count; c++)
        memcpy(f->element->perms[c], result->element->perms[c],
               (size_t)f->symmetry->classes[c].size * sizeof(int32_t));
    weld_match_result_free(result);
    return value_of(f);
}

static void descents_end_below_their_starts(void **state)
{
    (void)state;
    static const char *const starts[] = {"both", "activations", "second-moment", "weights", "none"};
    for (int k = 0; k < GRAPHS; k++) {
        fixture f = open_graph(graphs[k]);
        for (int s = 0; s < 5; s++)
            for (int alone = 0; alone < (s == 0 ? 2 : 1); alone++) {
                f.objective->weights = f.objective->features = alone ? 0 : 1;
                const double start = end_of(&f, starts[s], NULL, false, 3);
                const double end = end_of(&f, "commutativity", starts[s], alone, 3);
                if (!(end <= start))
                    fail_msg("%s from %s: %.12g, then %.12g", graphs[k], starts[s], start, end);
                f.objective->weights = f.objective->features = 1;
            }
        f.objective->additivity = 1;
        const double start = end_of(&f, "both", NULL, false, 3);
        assert_true(end_of(&f, "additivity", "both", false, 3) <= start);
        close_graph(&f);
    }
}

static void what_it_can_not_start_from_is_refused(void **state)
{
    (void)state;
    static const char *const starts[] = {"commutativity", "guessing"};
    fixture f = open_graph("deep_mlp");
    for (int k = 0; k < 2; k++) {
        weld_match_result *result;
        weld_error err = WELD_ERROR_INIT;
        const weld_match_input in = {.symmetry = f.symmetry,
                                     .shapes = f.shapes,
                                     .a = f.model->params,
                                     .b = f.b,
                                     .data = &f.data,
                                     .restarts = 1,
                                     .start = starts[k]};
        assert_int_equal(weld_matcher_commutativity.run(&result, &in, &err), WELD_E_ARGUMENT);
        assert_non_null(strstr(err.message, starts[k]));
        assert_null(result);
    }
    close_graph(&f);
}

/* B = pi(A) of the shipped pair: as a function, for dead units have no place of their own. */
static void a_permuted_network_comes_back(void **state)
{
    (void)state;
    weld_context *ctx;
    weld_model *a, *b;
    weld_dataset *data;
    weld_shapes *shapes;
    weld_symmetry *symmetry;
    weld_element *element;
    weld_match_result *result;
    weld_dataset_options how = WELD_DATASET_OPTIONS_INIT;
    weld_error err = WELD_ERROR_INIT;
    assert_int_equal(weld_context_create(&ctx, NULL, NULL), WELD_OK);
    how.samples_max = 300;
    how.preset = "unit";
    assert_int_equal(weld_model_load(&a, ctx, WELD_MODELS "/mlp/a.onnx", NULL), WELD_OK);
    assert_int_equal(weld_model_load(&b, ctx, WELD_MODELS "/mlp/a.onnx", NULL), WELD_OK);
    if (weld_dataset_open(&data, ctx, WELD_MODELS "/grey/match.npz", &how, &err) != WELD_OK)
        fail_msg("%s", err.message);
    const weld_graph *g = a->structure->graph;
    assert_int_equal(weld_structure_shapes(&shapes, a->structure, 32, NULL), WELD_OK);
    assert_int_equal(weld_symmetry_derive(&symmetry, ctx, g, shapes, NULL), WELD_OK);
    assert_int_equal(weld_element_random(&element, symmetry, 21, NULL), WELD_OK);
    assert_int_equal(weld_element_apply(b->params, element, a->params, NULL), WELD_OK);
    const weld_match_input in = {.symmetry = symmetry,
                                 .shapes = shapes,
                                 .a = a->params,
                                 .b = b->params,
                                 .data = data,
                                 .restarts = 1,
                                 .start = "weights"};
    if (weld_matcher_commutativity.run(&result, &in, &err) != WELD_OK)
        fail_msg("%s", err.message);
    assert_true(result->distances.present && result->distances.commutativity < 1e-10);
    weld_paramset *back;
    assert_int_equal(weld_paramset_copy(&back, b->params, NULL), WELD_OK);
    assert_int_equal(weld_element_apply(back, result->element, b->params, NULL), WELD_OK);
    for (int p = 0; p < g->param_count; p++)
        assert_memory_equal(back->arrays[p], a->params->arrays[p], weld_param_bytes(g, p));
    weld_paramset_free(back);
    weld_match_result_free(result);
    weld_element_free(element);
    weld_symmetry_free(symmetry);
    weld_shapes_free(shapes);
    weld_dataset_free(data);
    weld_model_free(b);
    weld_model_free(a);
    assert_int_equal(atomic_load(&ctx->in_use_bytes), 0);
    weld_context_free(ctx);
}

/* ---- candidates, data, memory ------------------------------------------------------------------- */

static void every_candidate_runs_on_shared_moments(void **state)
{
    (void)state;
    const weld_candidate *all = weld_candidates();
    fixture f = open_graph("residual");
    for (int k = 0; k < WELD_CANDIDATES; k++) {
        weld_match_result *result;
        weld_error err = WELD_ERROR_INIT;
        const weld_match_input in = {.symmetry = f.symmetry,
                                     .shapes = f.shapes,
                                     .a = f.model->params,
                                     .b = f.b,
                                     .data = &f.data,
                                     .moments = f.moments};
        if (weld_candidate_run(&result, &all[k], &in, &err) != WELD_OK)
            fail_msg("%s: %s", all[k].name, err.message);
        assert_int_equal(result->distances.present, all[k].matcher->needs_data);
        if (all[k].matcher->needs_data)
            assert_non_null(strstr(result->note, "matched on 44 samples"));
        for (int other = 0; other < k; other++)
            assert_string_not_equal(all[k].name, all[other].name);
        weld_match_result_free(result);
    }
    close_graph(&f);
}

static void matchers_go_by_their_names(void **state)
{
    (void)state;
    const char *const *names = weld_matcher_names();
    assert_string_equal(names[0], "auto"); /* no matcher, but a choice among them */
    for (int k = 1; names[k]; k++) {
        assert_non_null(weld_matcher_find(names[k]));
        assert_string_equal(weld_matcher_find(names[k])->name, names[k]);
    }
}

/* The same bits for any number of threads. */
static void moments_do_not_depend_on_threads(void **state)
{
    (void)state;
    static const int threads[] = {1, 3, 8};
    fixture f = open_graph("residual");
    const weld_moments_input in = {.symmetry = f.symmetry,
                                   .shapes = f.shapes,
                                   .a = f.model->params,
                                   .b = f.b,
                                   .data = &f.data,
                                   .kinds = f.moments->kinds};
    for (int k = 0; k < 3; k++) {
        weld_moments *m;
        f.ctx->threads = threads[k];
        assert_int_equal(weld_moments_create(&m, &in, NULL), WELD_OK);
        for (int i = 0; i < m->feature_count; i++) {
            const size_t n = (size_t)m->features[i].n;
            assert_memory_equal(m->features[i].cross, f.moments->features[i].cross,
                                n * n * sizeof(double));
            assert_memory_equal(m->features[i].within[1], f.moments->features[i].within[1],
                                n * n * sizeof(double));
        }
        for (int i = 0; i < m->input_count; i++) {
            const size_t n = (size_t)m->inputs[i].columns;
            assert_memory_equal(m->inputs[i].ab, f.moments->inputs[i].ab, n * n * sizeof(double));
            assert_memory_equal(m->inputs[i].bb, f.moments->inputs[i].bb, n * n * sizeof(double));
        }
        weld_moments_free(m);
    }
    close_graph(&f);
}

typedef struct failing {
    weld_allocator real;
    long calls, fail_at;
} failing;

static void *failing_resize(void *block, size_t size_bytes, void *user)
{
    failing *f = user;
    if (size_bytes > 0 && f->fail_at >= 0 && f->calls++ >= f->fail_at)
        return NULL;
    return f->real.resize(block, size_bytes, f->real.user);
}

static weld_status match_afresh(fixture *f)
{
    weld_match_result *result;
    weld_error err = WELD_ERROR_INIT;
    const weld_match_input in = {.symmetry = f->symmetry,
                                 .shapes = f->shapes,
                                 .a = f->model->params,
                                 .b = f->b,
                                 .data = &f->data,
                                 .restarts = 1};
    const weld_status st = weld_matcher_commutativity.run(&result, &in, &err);
    assert_true((st == WELD_OK) == (result != NULL));
    assert_true(st == WELD_OK || strstr(err.message, "memory"));
    weld_match_result_free(result);
    return st;
}

static void failed_allocations_are_a_status(void **state)
{
    (void)state;
    static const char *const names[] = {"nhwc_flatten", "branches", "rnn"};
    for (int k = 0; k < 3; k++) {
        fixture f = open_graph(names[k]);
        failing some = {f.ctx->allocator, 0, LONG_MAX};
        f.ctx->threads = 1;
        f.ctx->allocator = (weld_allocator){failing_resize, &some};
        const size_t before = atomic_load(&f.ctx->in_use_bytes);
        assert_int_equal(match_afresh(&f), WELD_OK);
        const long calls = some.calls;
        for (long n = 0; n < calls; n += 1 + n / 40) {
            some = (failing){some.real, 0, n};
            assert_int_not_equal(match_afresh(&f), WELD_OK);
            assert_int_equal(atomic_load(&f.ctx->in_use_bytes), before);
        }
        f.ctx->allocator = some.real;
        close_graph(&f);
    }
}

/* ---- quadratic classes ------------------------------------------------------------------------ */

static void a_class_that_meets_itself_is_recovered(void **state)
{
    (void)state;
    static const char *const names[] = {"lstm", "gru", "rnn", "conv_on_stream"};
    for (int k = 0; k < 4; k++) {
        fixture f = open_graph(names[k]);
        const weld_graph *g = f.symmetry->graph;
        assert_true(weld_class_is_quadratic(f.scores, 0));
        for (uint64_t seed = 0; seed < 5; seed++) { /* the one descent from the identity */
            weld_paramset *back;
            weld_element_free(f.element);
            assert_int_equal(weld_element_random(&f.element, f.symmetry, seed, NULL), WELD_OK);
            assert_int_equal(weld_element_apply(f.b, f.element, f.model->params, NULL), WELD_OK);
            weld_match_result *result = match(&f, "weights", NULL, false, seed);
            assert_int_equal(weld_paramset_copy(&back, f.b, NULL), WELD_OK);
            assert_int_equal(weld_element_apply(back, result->element, f.b, NULL), WELD_OK);
            for (int p = 0; p < g->param_count; p++)
                if (memcmp(back->arrays[p], f.model->params->arrays[p], weld_param_bytes(g, p)))
                    fail_msg("%s, seed %d: parameter %d", names[k], (int)seed, p);
            weld_paramset_free(back);
            weld_match_result_free(result);
        }
        close_graph(&f);
    }
}

/* f by the qap is the weight objective, for any permutation of the class. */
static void the_quadratic_form_is_the_weight_objective(void **state)
{
    (void)state;
    weld_rng rng;
    weld_rng_seed(&rng, 8, 0);
    for (int k = 0; k < GRAPHS; k++) {
        fixture f = open_graph(graphs[k]);
        for (int c = 0; c < f.symmetry->free_count; c++) {
            weld_qap *qap;
            double before, after, scale;
            if (meets_on_joint(f.scores, c))
                continue;
            assert_int_equal(weld_qap_create(&qap, f.symmetry, c, NULL), WELD_OK);
            assert_int_equal(weld_quadratic_add(qap, f.scores, f.element, 1.0, NULL), WELD_OK);
            const double local = local_value(qap, f.element->perms[c]);
            weld_scores_objective(&before, f.scores, f.element, c, NULL);
            shuffle_class(f.element, c, &rng);
            weld_scores_objective(&after, f.scores, f.element, c, NULL);
            scale = 1 + fabs(before) + fabs(after);
            assert_true(fabs(local_value(qap, f.element->perms[c]) - local + after - before) <
                        1e-9 * scale);
            weld_qap_free(qap);
        }
        close_graph(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_those_of_the_features),
        cmocka_unit_test(additivity_is_that_of_the_activations),
        cmocka_unit_test(wide_inputs_are_read_in_parts),
        cmocka_unit_test(layers_that_take_no_part_say_why),
        cmocka_unit_test(the_local_form_changes_as_the_objective),
        cmocka_unit_test(a_layer_that_meets_itself_is_taken_side_by_side),
        cmocka_unit_test(descents_end_below_their_starts),
        cmocka_unit_test(what_it_can_not_start_from_is_refused),
        cmocka_unit_test(a_permuted_network_comes_back),
        cmocka_unit_test(every_candidate_runs_on_shared_moments),
        cmocka_unit_test(matchers_go_by_their_names),
        cmocka_unit_test(moments_do_not_depend_on_threads),
        cmocka_unit_test(failed_allocations_are_a_status),
        cmocka_unit_test(a_class_that_meets_itself_is_recovered),
        cmocka_unit_test(the_quadratic_form_is_the_weight_objective),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
