/* Models that others exported, where the shared corpus is there: read and written unchanged they
 * keep their bytes, also those whose operators we lack; these are refused as unsupported, never as
 * broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "file_bytes.h"
#include "api/objects.h"
#include "onnx/splice.h"
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

static weld_status append(void *user, const void *bytes, size_t n, weld_error *err)
{
    weld_buffer_append(user, bytes, n);
    return weld_buffer_check(user, err);
}

/* The file without its graph: scanned, unpacked, and written with no parameter replaced. */
static void file_keeps_its_bytes(weld_context *ctx, const char *path)
{
    weld_source *source;
    weld_onnx_file *file;
    const weld_graph nothing = {0};
    const weld_relocation keep = {.keep = true};
    weld_paramset *values;
    weld_splice *splice;
    weld_buffer out;
    const weld_writer to = {append, &out};
    weld_error err = WELD_ERROR_INIT;
    weld_buffer_init(&out, ctx);
    assert_int_equal(weld_paramset_create(&values, ctx, &nothing, NULL), WELD_OK);
    assert_int_equal(weld_source_open(&source, ctx, path, NULL), WELD_OK);
    if (weld_onnx_open(&file, ctx, source, &err) != WELD_OK)
        fail_msg("%s", err.message);
    assert_int_equal(weld_splice_create(&splice, file, values, NULL, NULL, NULL, 0, &keep, NULL),
                     WELD_OK);
    assert_int_equal(weld_splice_write(splice, &to, NULL), WELD_OK);
    void *before = bytes_of(file);
    assert_int_equal(out.size, file->size);
    assert_memory_equal(out.data, before, file->size);
    weld_free(ctx, before);
    weld_splice_free(splice);
    weld_onnx_free(file);
    weld_source_free(source);
    weld_paramset_free(values);
    weld_buffer_free(&out);
}

static bool keeps_its_bytes(weld_context *ctx, const char *path)
{
    weld_error err = WELD_ERROR_INIT;
    weld_model *model;
    void *bytes;
    size_t size;
    weld_status st = weld_model_load(&model, ctx, path, &err);
    if (st != WELD_OK) {
        if (st != WELD_E_UNSUPPORTED)
            fail_msg("%s", err.message);
        return false;
    }
    assert_int_equal(weld_model_save_memory(&bytes, &size, model, &err), WELD_OK);
    assert_int_equal(size, model->structure->file->size);
    void *before = bytes_of(model->structure->file);
    assert_memory_equal(bytes, before, size);
    weld_free(ctx, before);
    weld_bytes_free(ctx, bytes);
    weld_model_free(model);
    return true;
}

static void shared_models_keep_their_bytes(void **state)
{
    (void)state;
    weld_context *ctx;
    glob_t found;
    int refused = 0;
    if (glob(WELD_SHARED "/models/*/*.onnx", 0, NULL, &found) != 0) {
        printf("skipped: no shared corpus\n");
        skip();
    }
    assert_int_equal(glob(WELD_SHARED "/models/pairs/*/*.onnx", GLOB_APPEND, NULL, &found), 0);
    assert_int_equal(weld_context_create(&ctx, NULL, NULL), WELD_OK);
    for (size_t k = 0; k < found.gl_pathc; k++)
        file_keeps_its_bytes(ctx, found.gl_pathv[k]);
    for (size_t k = 0; k < found.gl_pathc; k++)
        refused += !keeps_its_bytes(ctx, found.gl_pathv[k]);
    assert_true(found.gl_pathc >= 30);
    assert_true(refused <= 6);
    assert_int_equal(atomic_load(&ctx->in_use_bytes), 0);
    globfree(&found);
    weld_context_free(ctx);
}

/* Every model of ONNX's own tests, whatever is in it. */
static void conformance_models_keep_their_bytes(void **state)
{
    (void)state;
    char folder[] = "/tmp/onnxweld-shared-XXXXXX", command[512];
    weld_context *ctx;
    glob_t found;
    if (glob(WELD_SHARED "/conformance/*.tar.xz", 0, NULL, &found) != 0) {
        printf("skipped: no shared corpus\n");
        skip();
    }
    assert_non_null(mkdtemp(folder));
    for (size_t k = 0; k < found.gl_pathc; k++) {
        snprintf(command, sizeof command, "tar -xf '%s' -C %s", found.gl_pathv[k], folder);
        assert_int_equal(system(command), 0);
    }
    globfree(&found);
    snprintf(command, sizeof command, "%s/onnx/backend/test/data/*/*/model.onnx", folder);
    assert_int_equal(glob(command, 0, NULL, &found), 0);
    snprintf(command, sizeof command, "%s/onnx/backend/test/data/light/*.onnx", folder);
    assert_int_equal(glob(command, GLOB_APPEND, NULL, &found), 0);
    assert_int_equal(weld_context_create(&ctx, NULL, NULL), WELD_OK);
    for (size_t k = 0; k < found.gl_pathc; k++)
        file_keeps_its_bytes(ctx, found.gl_pathv[k]);
    printf("%zu models of ONNX's tests keep their bytes\n", found.gl_pathc);
    assert_true(found.gl_pathc > 1800);
    globfree(&found);
    weld_context_free(ctx);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(shared_models_keep_their_bytes),
                                       cmocka_unit_test(conformance_models_keep_their_bytes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
