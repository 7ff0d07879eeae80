/* Element types and movements, against the definitions written out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tensor/tensor.h"
#include <math.h>
#include <string.h>

static void every_half_survives_the_round_trip(void **state)
{
    (void)state;
    const weld_dtype types[] = {WELD_FLOAT16, WELD_BFLOAT16};
    for (int t = 0; t < 2; t++)
        for (uint32_t bits = 0; bits < 65536; bits++) {
            uint16_t half = (uint16_t)bits, back;
            float value;
            weld_decode(&value, types[t], &half, 1);
            assert_int_equal(weld_encode(&back, types[t], &value, 1, NULL), WELD_OK);
            assert_int_equal(back, half);
        }
}

static void halves_round_to_nearest_even(void **state)
{
    (void)state;
    const struct {
        float value;
        uint16_t half;
    } cases[] = {{1.0f, 0x3c00},         {1.00048828125f, 0x3c00}, {1.00146484375f, 0x3c02},
                 {65504.0f, 0x7bff},     {65519.0f, 0x7bff},       {5.9604645e-8f, 1},
                 {2.9802322e-8f, 0},     {2.9802326e-8f, 1},       {-0.0f, 0x8000},
                 {6.1035156e-5f, 0x400}, {6.0975552e-5f, 0x3ff}};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        uint16_t half;
        assert_int_equal(weld_encode(&half, WELD_FLOAT16, &cases[k].value, 1, NULL), WELD_OK);
        assert_int_equal(half, cases[k].half);
    }
    float large = 65520.0f;
    uint16_t half;
    assert_int_equal(weld_encode(&half, WELD_FLOAT16, &large, 1, NULL), WELD_E_UNSUPPORTED);
}

static void integers_keep_their_sign(void **state)
{
    (void)state;
    const signed char bytes[] = {-1, 127, -128};
    int64_t out[3];
    weld_decode(out, WELD_INT8, bytes, 3);
    assert_int_equal(out[0], -1);
    assert_int_equal(out[2], -128);
    weld_decode(out, WELD_UINT8, bytes, 3);
    assert_int_equal(out[0], 255);
}

static void transpose_moves_by_definition(void **state)
{
    (void)state;
    const int64_t dims[] = {2, 3, 4};
    const int perm[] = {2, 0, 1};
    weld_shape shape = weld_shape_make(3, dims);
    int32_t in[24], out[24];
    for (int k = 0; k < 24; k++)
        in[k] = k;
    weld_transpose(out, in, &shape, perm, sizeof(int32_t));
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 3; j++)
            for (int k = 0; k < 4; k++)
                assert_int_equal(out[(k * 2 + i) * 3 + j], in[(i * 3 + j) * 4 + k]);
}

static void hostile_shapes_are_refused(void **state)
{
    (void)state;
    weld_context *ctx;
    assert_int_equal(weld_context_create(&ctx, NULL, NULL), WELD_OK);
    const int64_t huge[] = {(int64_t)1 << 40, (int64_t)1 << 40}, negative[] = {-2, -2},
                  zero[] = {0, (int64_t)1 << 40};
    weld_shape shape = weld_shape_make(2, huge);
    assert_int_equal(weld_shape_check(ctx, &shape, "t", NULL), WELD_E_LIMIT);
    shape = weld_shape_make(2, negative);
    assert_int_equal(weld_shape_check(ctx, &shape, "t", NULL), WELD_E_FORMAT);
    shape = weld_shape_make(2, zero);
    assert_int_equal(weld_shape_check(ctx, &shape, "t", NULL), WELD_E_LIMIT);
    weld_context_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_survives_the_round_trip),
        cmocka_unit_test(halves_round_to_nearest_even),
        cmocka_unit_test(integers_keep_their_sign),
        cmocka_unit_test(transpose_moves_by_definition),
        cmocka_unit_test(hostile_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
