/* Every shipped model: load, save unchanged gives the same bytes, pi(B) computes what B does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "file_bytes.h"
#include "api/objects.h"
#include "io/source.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const pairs[] = {"mlp", "cnn", "resnet", "spawned"};
enum { PAIRS = 4 };

static weld_context *context(void)
{
    weld_context *ctx;
    assert_int_equal(weld_context_create(&ctx, NULL, NULL), WELD_OK);
    return ctx;
}

static weld_model *shipped(weld_context *ctx, const char *pair, char side)
{
    char path[512];
    weld_error err = WELD_ERROR_INIT;
    weld_model *model = NULL;
    snprintf(path, sizeof path, WELD_MODELS "/%s/%c.onnx", pair, side);
    weld_status st = weld_model_load(&model, ctx, path, &err);
    if (st != WELD_OK)
        fail_msg("%s", err.message);
    return model;
}

static void unchanged_models_keep_their_bytes(void **state)
{
    (void)state;
    weld_context *ctx = context();
    for (int p = 0; p < PAIRS; p++) {
        weld_model *model = shipped(ctx, pairs[p], 'a');
        void *bytes;
        size_t size;
        assert_int_equal(weld_model_save_memory(&bytes, &size, model, NULL), WELD_OK);
        assert_int_equal(size, model->structure->file->size);
        void *before = bytes_of(model->structure->file);
        assert_memory_equal(bytes, before, size);
        weld_free(ctx, before);
        weld_bytes_free(ctx, bytes);
        weld_model_free(model);
    }
    assert_int_equal(atomic_load(&ctx->in_use_bytes), 0);
    weld_context_free(ctx);
}

static void random_elements_keep_the_function(void **state)
{
    (void)state;
    weld_context *ctx = context();
    const int classes[PAIRS] = {3, 3, 9, 3};
    for (int p = 0; p < PAIRS; p++) {
        weld_model *model = shipped(ctx, pairs[p], 'b');
        weld_shapes *shapes;
        weld_symmetry *symmetry;
        weld_element *element;
        weld_paramset *permuted;
        weld_proof proof;
        assert_true(model->structure->any_batch);
        assert_int_equal(weld_structure_shapes(&shapes, model->structure, 4, NULL), WELD_OK);
        assert_int_equal(
            weld_symmetry_derive(&symmetry, ctx, model->structure->graph, shapes, NULL), WELD_OK);
        assert_int_equal(symmetry->free_count, classes[p]);
        assert_int_equal(symmetry->class_count, symmetry->free_count); /* nothing is pinned */
        assert_int_equal(weld_element_random(&element, symmetry, 11, NULL), WELD_OK);
        assert_int_equal(weld_paramset_copy(&permuted, model->params, NULL), WELD_OK);
        assert_int_equal(weld_element_apply(permuted, element, model->params, NULL), WELD_OK);
        weld_side sides[2] = {{shapes, model->params}, {shapes, permuted}};
        assert_int_equal(weld_prove(&proof, ctx, sides, NULL, NULL, 16, NULL), WELD_OK);
        assert_true(proof.max_rel < 1e-5);
        assert_true(proof.max_abs > 0); /* it was another order of sums: something moved */
        weld_paramset_free(permuted);
        weld_element_free(element);
        weld_symmetry_free(symmetry);
        weld_shapes_free(shapes);
        weld_model_free(model);
    }
    assert_int_equal(atomic_load(&ctx->in_use_bytes), 0);
    weld_context_free(ctx);
}

/* B = pi(A): weight matching finds A again, bit for bit. */
static void permuted_models_are_recovered(void **state)
{
    (void)state;
    weld_context *ctx = context();
    for (int p = 0; p < PAIRS; p++) {
        weld_model *a = shipped(ctx, pairs[p], 'a'), *b = shipped(ctx, pairs[p], 'a');
        const weld_graph *g = a->structure->graph;
        weld_shapes *shapes;
        weld_symmetry *symmetry;
        weld_element *element;
        weld_alignment *alignment;
        assert_int_equal(weld_structure_shapes(&shapes, a->structure, 2, NULL), WELD_OK);
        assert_int_equal(weld_symmetry_derive(&symmetry, ctx, g, shapes, NULL), WELD_OK);
        assert_int_equal(weld_element_random(&element, symmetry, 3 + (uint64_t)p, NULL), WELD_OK);
        assert_int_equal(weld_element_apply(b->params, element, a->params, NULL), WELD_OK);
        assert_int_equal(weld_align(&alignment, a, b, NULL, NULL), WELD_OK);
        assert_int_equal(weld_paramset_hold(alignment->aligned, NULL), WELD_OK);
        for (int k = 0; k < g->param_count; k++)
            assert_memory_equal(alignment->aligned->arrays[k], a->params->arrays[k],
                                (size_t)weld_shape_numel(&g->params[k].shape) * sizeof(float));
        weld_alignment_free(alignment);
        weld_element_free(element);
        weld_symmetry_free(symmetry);
        weld_shapes_free(shapes);
        weld_model_free(b);
        weld_model_free(a);
    }
    assert_int_equal(atomic_load(&ctx->in_use_bytes), 0);
    weld_context_free(ctx);
}

static void cut_files_are_refused(void **state)
{
    (void)state;
    weld_context *ctx = context();
    weld_model *model = shipped(ctx, "mlp", 'a'), *cut;
    const weld_onnx_file *file = model->structure->file;
    void *bytes = bytes_of(file);
    for (size_t size = 0; size < file->size; size += 997) {
        weld_error err = WELD_ERROR_INIT;
        weld_status st = weld_model_load_memory(&cut, ctx, bytes, size, &err);
        assert_int_equal(st, WELD_E_FORMAT);
        assert_null(cut);
    }
    weld_free(ctx, bytes);
    weld_model_free(model);
    assert_int_equal(atomic_load(&ctx->in_use_bytes), 0);
    weld_context_free(ctx);
}

/* Bytes that came after a model was loaded never get into a merge. */
static void a_changed_file_is_refused(void **state)
{
    (void)state;
    char path[] = "/tmp/onnxweld-test-XXXXXX";
    weld_context *ctx = context();
    weld_model *a = shipped(ctx, "mlp", 'a'), *b = NULL, *merged;
    weld_alignment *alignment;
    weld_align_options none = WELD_ALIGN_OPTIONS_INIT;
    weld_error err = WELD_ERROR_INIT;
    void *bytes = bytes_of(a->structure->file), *saved;
    size_t size = (size_t)a->structure->file->size;
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    assert_int_equal(weld_model_load(&b, ctx, path, NULL), WELD_OK);
    none.method = "none";
    assert_int_equal(weld_align(&alignment, a, b, &none, NULL), WELD_OK);
    assert_int_equal(weld_merge(&merged, alignment, NULL, NULL), WELD_OK);
    assert_int_equal(ftruncate(fd, (off_t)size / 2), 0);
    assert_int_equal(weld_model_save_memory(&saved, &size, merged, &err), WELD_E_IO);
    assert_null(saved);
    assert_non_null(strstr(err.message, "changed while it was being read"));
    unlink(path);
    close(fd);
    weld_model_free(merged);
    weld_alignment_free(alignment);
    weld_model_free(b);
    weld_model_free(a);
    weld_free(ctx, bytes);
    assert_int_equal(atomic_load(&ctx->in_use_bytes), 0);
    weld_context_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unchanged_models_keep_their_bytes),
        cmocka_unit_test(random_elements_keep_the_function),
        cmocka_unit_test(permuted_models_are_recovered),
        cmocka_unit_test(cut_files_are_refused),
        cmocka_unit_test(a_changed_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
