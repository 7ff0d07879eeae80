/* Structures that decide which hidden units may move (tests/graphs, made by make_graphs.py): the
 * classes are the expected ones, random elements keep the function, and B = pi(A) comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "file_bytes.h"
#include "api/objects.h"
#include <stdio.h>
#include <string.h>

typedef struct expectation {
    const char *name;
    int free, pinned;
    const char *reason; /* of the pinned class */
} expectation;

static const expectation graphs[] = {
    {"grouped_conv", 3, 0, NULL},
    {"depth_multiplier", 2, 0, NULL},
    {"transposed_groups", 3, 0, NULL},
    {"transposed_strides", 2, 0, NULL},
    {"dense_on_positions", 2, 0, NULL},
    {"shuffled_groups", 6, 0, NULL},
    {"group_norm_operator", 2, 0, NULL},
    {"group_norm_spelt", 2, 0, NULL},
    {"attention_plain", 5, 0, NULL},
    {"attention_packed", 5, 0, NULL},
    {"attention_chunked", 5, 0, NULL},
    {"attention_scaled", 5, 0, NULL},
    {"attention_normed", 4, 1, "blocks cross"},
    {"attention_grouped", 3, 0, NULL},
    {"group_norm_stream", 2, 0, NULL},
    {"depthwise", 2, 0, NULL},
    {"branches", 4, 0, NULL},
    {"dense_concat", 3, 0, NULL},
    {"nhwc_flatten", 2, 0, NULL},
    {"residual", 3, 0, NULL},
    {"conv_on_stream", 1, 0, NULL},
    {"literal_batch", 2, 0, NULL},
    {"token_open", 2, 0, NULL},
    {"squeeze_excite", 2, 0, NULL},
    {"option_a", 3, 0, NULL},
    {"channel_shuffle", 2, 0, NULL},
    {"moved_units", 4, 0, NULL},
    {"expanded_gate", 3, 1, "coordinates"},
    {"early_forms", 3, 0, NULL},
    {"picture", 2, 0, NULL},
    {"deep_mlp", 6, 0, NULL},
    {"deep_mlp_oddly", 6, 0, NULL},
    {"wide_flatten", 2, 0, NULL},
    {"lstm", 1, 0, NULL},
    {"gru", 1, 0, NULL},
    {"rnn", 1, 0, NULL},
    {"stacked_recurrent", 4, 0, NULL},
};
enum { GRAPHS = sizeof graphs / sizeof graphs[0] };

typedef struct fixture {
    weld_context *ctx;
    weld_model *model;
    weld_shapes *shapes;
    weld_symmetry *symmetry;
    weld_element *element; /* random */
} fixture;

static weld_model *load(weld_context *ctx, const char *name)
{
    char path[512];
    weld_error err = WELD_ERROR_INIT;
    weld_model *model = NULL;
    snprintf(path, sizeof path, WELD_GRAPHS "/%s.onnx", name);
    if (weld_model_load(&model, ctx, path, &err) != WELD_OK)
        fail_msg("%s", err.message);
    return model;
}

static fixture open_graph(const char *name, int64_t batch)
{
    fixture f = {0};
    assert_int_equal(weld_context_create(&f.ctx, NULL, NULL), WELD_OK);
    f.model = load(f.ctx, name);
    const weld_structure *s = f.model->structure;
    assert_true(s->any_batch);
    assert_int_equal(weld_structure_shapes(&f.shapes, s, batch, NULL), WELD_OK);
    assert_int_equal(weld_symmetry_derive(&f.symmetry, f.ctx, s->graph, f.shapes, NULL), WELD_OK);
    assert_int_equal(weld_element_random(&f.element, f.symmetry, 17, NULL), WELD_OK);
    return f;
}

static void close_graph(fixture *f)
{
    weld_element_free(f->element);
    weld_symmetry_free(f->symmetry);
    weld_shapes_free(f->shapes);
    weld_model_free(f->model);
    assert_int_equal(atomic_load(&f->ctx->in_use_bytes), 0);
    weld_context_free(f->ctx);
}

static void classes_are_as_expected(void **state)
{
    (void)state;
    for (int k = 0; k < GRAPHS; k++) {
        const expectation *want = &graphs[k];
        fixture f = open_graph(want->name, 4);
        const weld_symmetry *s = f.symmetry;
        if (s->free_count != want->free || s->class_count != want->free + want->pinned)
            fail_msg("%s: %d free of %d classes", want->name, s->free_count, s->class_count);
        for (int c = s->free_count; c < s->class_count; c++)
            assert_non_null(strstr(s->classes[c].pinned, want->reason));
        close_graph(&f);
    }
}

static void random_elements_keep_the_function(void **state)
{
    (void)state;
    for (int k = 0; k < GRAPHS; k++) {
        fixture f = open_graph(graphs[k].name, 4);
        weld_paramset *moved;
        weld_proof proof;
        assert_int_equal(weld_paramset_copy(&moved, f.model->params, NULL), WELD_OK);
        assert_int_equal(weld_element_apply(moved, f.element, f.model->params, NULL), WELD_OK);
        weld_side sides[2] = {{f.shapes, f.model->params}, {f.shapes, moved}};
        assert_int_equal(weld_prove(&proof, f.ctx, sides, NULL, NULL, 16, NULL), WELD_OK);
        if (!(proof.max_rel < 1e-5))
            fail_msg("%s: outputs differ by %g", graphs[k].name, proof.max_rel);
        weld_paramset_free(moved);
        close_graph(&f);
    }
}

static void permuted_graphs_are_recovered(void **state)
{
    (void)state;
    for (int k = 0; k < GRAPHS; k++) {
        fixture f = open_graph(graphs[k].name, 4);
        weld_model *b = load(f.ctx, graphs[k].name);
        const weld_graph *g = f.model->structure->graph;
        weld_alignment *alignment;
        assert_int_equal(weld_element_apply(b->params, f.element, f.model->params, NULL), WELD_OK);
        assert_int_equal(weld_align(&alignment, f.model, b, NULL, NULL), WELD_OK);
        assert_int_equal(weld_alignment_verify(alignment, NULL, 16, 1e-5, NULL), WELD_OK);
        assert_int_equal(weld_paramset_hold(alignment->aligned, NULL), WELD_OK);
        for (int p = 0; p < g->param_count; p++)
            if (memcmp(alignment->aligned->arrays[p], f.model->params->arrays[p],
                       (size_t)weld_shape_numel(&g->params[p].shape) * sizeof(float)) != 0)
                fail_msg("%s: %s was not brought back", graphs[k].name, g->params[p].name);
        weld_alignment_free(alignment);
        weld_model_free(b);
        close_graph(&f);
    }
}

/* A wrong symmetry is caught before anything is written, and the class is named. */
static void a_wrong_permutation_is_refused(void **state)
{
    (void)state;
    fixture f = open_graph("deep_mlp", 4);
    weld_model *b = load(f.ctx, "deep_mlp");
    const weld_symmetry *s = f.symmetry;
    weld_alignment *alignment;
    weld_error err = WELD_ERROR_INIT;
    weld_align_options none = WELD_ALIGN_OPTIONS_INIT;
    none.method = "none";
    assert_int_equal(weld_align(&alignment, f.model, b, &none, NULL), WELD_OK);
    /* Class 2 moves on the rows of its layer only, as if a tie had been forgotten. */
    memcpy(alignment->element->perms[2], f.element->perms[2],
           (size_t)s->classes[2].size * sizeof(int32_t));
    assert_int_equal(weld_paramset_hold(alignment->naive, NULL), WELD_OK);
    assert_int_equal(weld_paramset_hold(alignment->aligned, NULL), WELD_OK);
    const weld_member *row = &alignment->symmetry->classes[2].members[0];
    const weld_shape *shape = &s->graph->params[row->param].shape;
    weld_gather_axis(alignment->aligned->arrays[row->param], alignment->naive->arrays[row->param],
                     shape, row->axis, f.element->perms[2], shape->dims[row->axis], sizeof(float));
    assert_int_equal(weld_alignment_verify(alignment, NULL, 16, 1e-5, &err), WELD_E_NEGATIVE);
    assert_non_null(strstr(err.message, "not the same function"));
    weld_alignment_free(alignment);
    weld_model_free(b);
    close_graph(&f);
}

/* Unknown fields, fields in another order and longer varints survive, and change no weight. */
static void odd_bytes_survive(void **state)
{
    (void)state;
    fixture f = open_graph("deep_mlp_oddly", 4);
    weld_model *plain = load(f.ctx, "deep_mlp"), *merged;
    const weld_graph *g = f.model->structure->graph;
    weld_alignment *alignment;
    void *bytes;
    size_t size;
    assert_int_equal(weld_model_save_memory(&bytes, &size, f.model, NULL), WELD_OK);
    assert_int_equal(size, f.model->structure->file->size);
    void *before = bytes_of(f.model->structure->file);
    assert_memory_equal(bytes, before, size);
    weld_bytes_free(f.ctx, bytes);
    /* The merge of two equal models is the first one, with metadata behind it. */
    assert_int_equal(weld_align(&alignment, f.model, plain, NULL, NULL), WELD_OK);
    assert_int_equal(weld_merge(&merged, alignment, NULL, NULL), WELD_OK);
    assert_int_equal(weld_paramset_hold(merged->params, NULL), WELD_OK);
    assert_int_equal(weld_paramset_hold(f.model->params, NULL), WELD_OK);
    for (int p = 0; p < g->param_count; p++)
        assert_memory_equal(merged->params->arrays[p], f.model->params->arrays[p],
                            (size_t)weld_shape_numel(&g->params[p].shape) * sizeof(float));
    assert_int_equal(weld_model_save_memory(&bytes, &size, merged, NULL), WELD_OK);
    assert_memory_equal(bytes, before, f.model->structure->file->size);
    weld_bytes_free(f.ctx, bytes);
    weld_free(f.ctx, before);
    weld_model_free(merged);
    weld_alignment_free(alignment);
    weld_model_free(plain);
    close_graph(&f);
}

/* Every form of a network pairs with every other. */
static void check_forms(weld_context *ctx, const char *const *names, int count)
{
    weld_model *models[4];
    for (int k = 0; k < count; k++)
        models[k] = load(ctx, names[k]);
    for (int a = 0; a < count; a++)
        for (int b = 0; b < count; b++) {
            weld_alignment *alignment;
            weld_error err = WELD_ERROR_INIT;
            if (weld_align(&alignment, models[a], models[b], NULL, &err) != WELD_OK ||
                weld_alignment_verify(alignment, NULL, 4, 1e-6, &err) != WELD_OK)
                fail_msg("%s, %s: %s", names[a], names[b], err.message);
            weld_alignment_free(alignment);
        }
    for (int k = 0; k < count; k++)
        weld_model_free(models[k]);
}

static void forms_pair(void **state)
{
    (void)state;
    static const char *const upsampling[] = {"upsampling_attribute", "upsampling_input",
                                             "upsampling_corner", "upsampling_pixels"};
    static const char *const token[] = {"token_literal", "token_open"}; /* batches of 3, of any */
    weld_context *ctx;
    assert_int_equal(weld_context_create(&ctx, NULL, NULL), WELD_OK);
    check_forms(ctx, upsampling, 4);
    check_forms(ctx, token, 2);
    weld_context_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_are_as_expected),
        cmocka_unit_test(random_elements_keep_the_function),
        cmocka_unit_test(permuted_graphs_are_recovered),
        cmocka_unit_test(forms_pair),
        cmocka_unit_test(a_wrong_permutation_is_refused),
        cmocka_unit_test(odd_bytes_survive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
