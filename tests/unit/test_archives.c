/* Models in archives, files that are no models, and bundles. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "io/bundle.h"
#include "io/source.h"
#include "onnx/foreign.h"
#include "onnx/packed_model.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "failing.h"
#include "small_files.h"

static char dir[64];
static weld_context *ctx;

static int setup(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/weld-archives-XXXXXX");
    return !mkdtemp(dir) || weld_context_create(&ctx, NULL, NULL) != WELD_OK;
}

static int teardown(void **state)
{
    char command[128];
    (void)state;
    const int left = atomic_load(&ctx->in_use_bytes) != 0;
    weld_context_free(ctx);
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command) || left;
}

static const char *put(const char *name, const void *bytes, size_t n)
{
    static char path[160];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void refuses(const char *path, weld_status status, const char *says)
{
    weld_error err = WELD_ERROR_INIT;
    weld_model *model;
    const weld_status st = weld_model_load(&model, ctx, path, &err);
    assert_null(model);
    if (st != status || !strstr(err.message, says))
        fail_msg("status %d, expected %d and '%s' in: %s", (int)st, (int)status, says, err.message);
}

/* ---- what is no model -------------------------------------------------------------- */

#define BYTES(text) text, sizeof(text) - 1

static void known_by_contents(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *says;
    } cases[] = {
        {BYTES("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20"), "torch.onnx.export"},
        {BYTES("\x02\0\0\0\0\0\0\0{}"), "safetensors"},
        {BYTES("\x89HDF\r\n\x1a\n"), "keras.models.load_model"},
        {BYTES("\x1c\0\0\0TFL3xxxx"), "--tflite"},
        {BYTES("\x08\x01\x12\x90\x03\x0a\x05xxxxx"), "--saved-model"},
        {BYTES("\x0a\x15\x0a\x05input\x12\x0bPlaceholder"), "--graphdef"},
        {BYTES("\xfd\x37zXZ"), "packed with xz"},
        {BYTES("GGUF\3\0\0\0"), "without a graph"},
        {BYTES("\x93NUMPY\1\0"), "--data"},
        {BYTES("version https://git-lfs.github.com/spec/v1"), "git lfs pull"},
        {BYTES("<!DOCTYPE html>"), "HTML"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        refuses(put("m.onnx", cases[k].bytes, cases[k].size), WELD_E_FORMAT, cases[k].says);
    /* every shorter file is refused as well, one way or another */
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        for (size_t n = 0; n < cases[k].size; n++)
            refuses(put("m.onnx", cases[k].bytes, n), WELD_E_FORMAT, "m.onnx");
}

static void models_of_onnx_are_not_taken_for_others(void **state)
{
    (void)state;
    /* producer_name first; IR 1 and a name; a length of which the JSON's begins */
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {{BYTES("\x08\x01\x12\x07pytorch")},
                 {BYTES("\x08\x0d\x12\x07pytorch\x1a\x05")},
                 {BYTES("\x08\x07\x12\x06xxxxxx{")}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        assert_null(
            weld_foreign_file((const unsigned char *)cases[k].bytes, cases[k].size, cases[k].size));
}

static void known_by_members(void **state)
{
    (void)state;
    static const char *const members[] = {"net/data.pkl", "model.weights.h5", "m/saved_model.pb",
                                          "x.npy"};
    static const char *const says[] = {"torch.onnx.export", "keras.models.load_model",
                                       "--saved-model", "--data"};
    for (int k = 0; k < 4; k++) {
        zip z = {.size = 0};
        zip_add(&z, members[k], (const unsigned char *)"x", 1);
        zip_end(&z);
        refuses(put("m.pt", z.bytes, z.size), WELD_E_FORMAT, says[k]);
    }
    zip z = {.size = 0};
    zip_add(&z, "readme", (const unsigned char *)"x", 1);
    zip_end(&z);
    refuses(put("m.zip", z.bytes, z.size), WELD_E_ARGUMENT, "has no .onnx; its 1 files: readme");
}

/* ---- members ------------------------------------------------------------------------ */

static const char *two_members(void)
{
    zip z = {.size = 0};
    zip_add(&z, "net/m.onnx", (const unsigned char *)"model", 5);
    zip_add(&z, "net/sub/w.bin", (const unsigned char *)"data", 4);
    zip_add(&z, "secret", (const unsigned char *)"x", 1);
    zip_end(&z);
    return put("two.zip", z.bytes, z.size);
}

static void what_lies_beside_a_member(void **state)
{
    (void)state;
    static const char *const outside[] = {"../secret",  "/secret", "sub/../../secret",
                                          "sub//w.bin", "..",      "sub/"};
    weld_source *model, *data;
    char text[5] = "";
    weld_error err = WELD_ERROR_INIT;
    assert_int_equal(weld_packed_model_open(&model, ctx, two_members(), &err), WELD_OK);
    assert_int_equal(weld_source_size(model), 5);
    assert_non_null(strstr(weld_source_name(model), "two.zip#net/m.onnx"));
    assert_int_equal(weld_source_beneath(&data, ctx, model, "sub/w.bin", &err), WELD_OK);
    assert_int_equal(weld_source_read(data, 0, text, 4, &err), WELD_OK);
    assert_string_equal(text, "data");
    weld_source_free(data);
    for (size_t k = 0; k < sizeof outside / sizeof *outside; k++) {
        assert_int_equal(weld_source_beneath(&data, ctx, model, outside[k], &err), WELD_E_IO);
        assert_non_null(strstr(err.message, "allowed are files below"));
    }
    assert_int_equal(weld_source_beneath(&data, ctx, model, "w.bin", &err), WELD_E_IO);
    assert_non_null(strstr(err.message, "the archive has no net/w.bin"));
    weld_source_leave_archive(model);
    assert_int_equal(weld_source_beneath(&data, ctx, model, "sub/w.bin", &err), WELD_E_UNSUPPORTED);
    weld_source_free(model);
}

/* ---- bundles ------------------------------------------------------------------------ */

static weld_status append(void *user, const void *bytes, size_t n, weld_error *err)
{
    weld_buffer_append(user, bytes, n);
    return weld_buffer_check(user, err);
}

static weld_status bundle(weld_buffer *out, weld_context *context, bool reversed, const char *path,
                          weld_error *err)
{
    static const char *const names[] = {"a", "b", "c"};
    const weld_writer to = {append, out};
    weld_bundle *b;
    weld_status st = weld_bundle_create(&b, context, path, 0, err);
    for (int k = 0; st == WELD_OK && k < 3; k++) {
        const char *name = names[reversed ? 2 - k : k];
        st = weld_bundle_begin(b, name, err);
        for (int part = 0; st == WELD_OK && part < 3; part++)
            st = weld_bundle_write(b, name, 1, err);
    }
    if (st == WELD_OK)
        st = weld_bundle_finish(b, &to, err);
    weld_bundle_free(b);
    return st;
}

static void any_order_gives_the_same_bytes(void **state)
{
    (void)state;
    static const char *const ends[] = {"x.zip", "x.tar.gz", "x.tgz"};
    for (int k = 0; k < 3; k++) {
        char path[160];
        weld_buffer one, other;
        weld_archive *archive;
        void *bytes;
        size_t size;
        snprintf(path, sizeof path, "%s/%s", dir, ends[k]);
        weld_buffer_init(&one, ctx);
        weld_buffer_init(&other, ctx);
        assert_int_equal(bundle(&one, ctx, false, path, NULL), WELD_OK);
        assert_int_equal(bundle(&other, ctx, true, path, NULL), WELD_OK);
        assert_int_equal(one.size, other.size);
        assert_memory_equal(one.data, other.data, one.size);
        if (k == 0) {
            assert_int_equal(weld_archive_open(&archive, ctx, one.data, one.size, "x", NULL),
                             WELD_OK);
            assert_int_equal(weld_archive_member(&bytes, &size, archive, "b", NULL), WELD_OK);
            assert_int_equal(size, 3);
            assert_memory_equal(bytes, "bbb", 3);
            weld_free(ctx, bytes);
            weld_archive_free(archive);
        }
        weld_buffer_free(&one);
        weld_buffer_free(&other);
    }
}

static void names_in_a_bundle(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "-", ".", "..", ".x", "a/b", "/a", "taken"};
    weld_bundle *b;
    weld_error err = WELD_ERROR_INIT;
    assert_int_equal(weld_bundle_create(&b, ctx, "x.tar", 0, &err), WELD_E_ARGUMENT);
    assert_int_equal(weld_bundle_create(&b, ctx, "/nosuch/x.zip", 0, &err), WELD_OK);
    assert_int_equal(weld_bundle_begin(b, "taken", &err), WELD_OK);
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
        assert_int_equal(weld_bundle_begin(b, bad[k], &err), WELD_E_ARGUMENT);
    weld_bundle_free(b);
}

/* ---- allocations -------------------------------------------------------------------- */

static weld_status open_member(weld_context *context, weld_error *err)
{
    weld_source *model = NULL, *data = NULL;
    weld_status st = weld_packed_model_open(&model, context, two_members(), err);
    if (st == WELD_OK)
        st = weld_source_beneath(&data, context, model, "sub/w.bin", err);
    weld_source_free(data);
    weld_source_free(model);
    return st;
}

static weld_status make_bundle(weld_context *context, weld_error *err)
{
    char path[160];
    weld_buffer out;
    snprintf(path, sizeof path, "%s/x.zip", dir);
    weld_buffer_init(&out, context);
    const weld_status st = bundle(&out, context, false, path, err);
    weld_buffer_free(&out);
    return st;
}

static void allocations_fail(void **state)
{
    (void)state;
    check_failed_allocations(open_member, 0, 1);
    check_failed_allocations(make_bundle, 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_by_contents),
        cmocka_unit_test(models_of_onnx_are_not_taken_for_others),
        cmocka_unit_test(known_by_members),
        cmocka_unit_test(what_lies_beside_a_member),
        cmocka_unit_test(any_order_gives_the_same_bytes),
        cmocka_unit_test(names_in_a_bundle),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
