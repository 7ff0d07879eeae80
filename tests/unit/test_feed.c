/* What a data set gives to a graph, what is written of it, and scores of models on it. */
#include "data/feed.h"
#include "data/idx.h"
#include "onnx/tensor_file.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failing.h"

static weld_context *ctx;

static int setup(void **state)
{
    (void)state;
    return weld_context_create(&ctx, NULL, NULL) != WELD_OK;
}

static int teardown(void **state)
{
    (void)state;
    const int left = atomic_load(&ctx->in_use_bytes) != 0;
    weld_context_free(ctx);
    return left;
}

/* [2, 3] of the type: 0 to 5. */
static weld_tensor numbers(weld_dtype dtype)
{
    weld_tensor t;
    const weld_shape shape = weld_shape_make(2, (const int64_t[]){2, 3});
    assert_int_equal(weld_tensor_create(&t, ctx, dtype, &shape, NULL), WELD_OK);
    for (int k = 0; k < 6; k++)
        weld_tensor_set_number(&t, k, k);
    return t;
}

static void tensor_files_are_read_back(void **state)
{
    static const weld_dtype types[] = {WELD_FLOAT,  WELD_UINT8,  WELD_INT8,   WELD_UINT16,
                                       WELD_INT16,  WELD_INT32,  WELD_INT64,  WELD_FLOAT16,
                                       WELD_DOUBLE, WELD_UINT32, WELD_UINT64, WELD_BFLOAT16};
    (void)state;
    for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
        weld_tensor t = numbers(types[k]), back;
        weld_buffer bytes;
        char *name;
        weld_buffer_init(&bytes, ctx);
        assert_int_equal(weld_tensor_file_write(&bytes, "x", &t, NULL), WELD_OK);
        assert_int_equal(weld_tensor_parse(&back, &name, ctx, bytes.data, bytes.size, "x", NULL),
                         WELD_OK);
        assert_string_equal(name, "x");
        assert_true(weld_tensors_equal(&t, &back));
        weld_free(ctx, name);
        weld_tensor_free(ctx, &back);
        weld_tensor_free(ctx, &t);
        weld_buffer_free(&bytes);
    }
}

static void idx_is_read_back(void **state)
{
    static const struct {
        weld_dtype dtype, written; /* WELD_UNDEFINED = it can't be */
        double last;
    } cases[] = {{WELD_UINT8, WELD_UINT8, 255},      {WELD_INT8, WELD_INT8, -1},
                 {WELD_INT16, WELD_INT16, -300},     {WELD_INT32, WELD_INT32, 1 << 30},
                 {WELD_FLOAT, WELD_FLOAT, .5},       {WELD_DOUBLE, WELD_DOUBLE, .1},
                 {WELD_INT64, WELD_UINT8, 255},      {WELD_INT64, WELD_INT32, 256},
                 {WELD_INT64, WELD_INT32, -1},       {WELD_INT64, WELD_UNDEFINED, 1LL << 40},
                 {WELD_UINT16, WELD_INT32, 65535},   {WELD_BOOL, WELD_UINT8, 1},
                 {WELD_FLOAT16, WELD_UNDEFINED, .5}, {WELD_UINT32, WELD_UNDEFINED, 4294967295.0}};
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        weld_tensor t = numbers(cases[k].dtype);
        weld_npy view;
        weld_buffer bytes;
        double read[6];
        weld_buffer_init(&bytes, ctx);
        weld_tensor_set_number(&t, 5, cases[k].last);
        const weld_status st = weld_idx_write(&bytes, &t, NULL);
        if (cases[k].written == WELD_UNDEFINED) {
            assert_int_equal(st, WELD_E_UNSUPPORTED);
        } else {
            assert_int_equal(weld_idx_parse(&view, ctx, bytes.data, bytes.size, "x", NULL),
                             WELD_OK);
            assert_int_equal(view.dtype, cases[k].written);
            assert_int_equal(weld_npy_decode(read, &view, 0, 6, NULL), WELD_OK);
            const weld_tensor back = {.dtype = view.dtype, .data = read};
            assert_true(weld_tensor_number(&back, 5) == cases[k].last);
            assert_true(weld_tensor_number(&back, 1) == 1);
        }
        weld_tensor_free(ctx, &t);
        weld_buffer_free(&bytes);
    }
}

static weld_status score(weld_context *context, weld_error *err)
{
    weld_dataset_options o = WELD_DATASET_OPTIONS_INIT;
    weld_dataset *data = NULL;
    weld_model *model = NULL;
    weld_values *values = NULL;
    double loss, accuracy = 0;
    o.preset = "unit";
    o.samples_max = 40;
    weld_status st = weld_dataset_open(&data, context, WELD_MODELS "/grey/eval.npz", &o, err);
    if (st == WELD_OK)
        st = weld_model_load(&model, context, WELD_MODELS "/mlp/a.onnx", err);
    if (st == WELD_OK)
        st = weld_model_score(&loss, &accuracy, model, data, err);
    if (st == WELD_OK)
        st = weld_dataset_values(&values, data, 38, 2, err);
    if (st == WELD_OK)
        assert_true(accuracy > .9 && loss < 1);
    weld_values_free(values);
    weld_model_free(model);
    weld_dataset_free(data);
    return st;
}

static void scores(void **state)
{
    weld_dataset *data;
    weld_model *model;
    weld_error err = WELD_ERROR_INIT;
    double loss, accuracy;
    (void)state;
    assert_int_equal(score(ctx, &err), WELD_OK);
    assert_int_equal(weld_model_load(&model, ctx, WELD_MODELS "/mlp/a.onnx", &err), WELD_OK);
    assert_int_equal(weld_dataset_open(&data, ctx, WELD_MODELS "/colour/eval.npz", NULL, &err),
                     WELD_OK);
    assert_int_equal(weld_model_score(&loss, &accuracy, model, data, &err), WELD_E_ARGUMENT);
    /* 10 classes, 1000 samples */
    assert_true(fabs(weld_model_chance(model, data) - (.1 + 3 * sqrt(.09 / 1000))) < 1e-12);
    weld_dataset_free(data);
    weld_model_free(model);
}

static void allocations_fail(void **state)
{
    (void)state;
    check_failed_allocations(score, 0, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensor_files_are_read_back),
        cmocka_unit_test(idx_is_read_back),
        cmocka_unit_test(scores),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
