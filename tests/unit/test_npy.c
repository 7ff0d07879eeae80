#include "io/npy.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct image {
    unsigned char bytes[512];
    size_t size;
} image;

static image make(const char *header, const void *data, size_t n)
{
    image out = {{0}, 0};
    size_t length = strlen(header);
    memcpy(out.bytes, "\x93NUMPY\1\0", 8);
    out.bytes[8] = (unsigned char)length;
    out.bytes[9] = (unsigned char)(length >> 8);
    memcpy(out.bytes + 10, header, length);
    if (n)
        memcpy(out.bytes + 10 + length, data, n);
    out.size = 10 + length + n;
    return out;
}

static weld_context *context_of(void **state)
{
    return *state;
}

static int setup(void **state)
{
    weld_context *ctx = NULL;
    int rc = weld_context_create(&ctx, NULL, NULL);
    *state = ctx;
    return rc;
}

static int teardown(void **state)
{
    int left = atomic_load(&context_of(state)->in_use_bytes) != 0;
    weld_context_free(*state);
    return left;
}

static void test_floats(void **state)
{
    const float values[] = {1.0f, -2.5f, 3.0f, 4.0f, 5.0f, 6.0f};
    float out[6];
    weld_npy npy;
    image file = make("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }  \n", values,
                      sizeof values);
    assert_int_equal(weld_npy_parse(&npy, *state, file.bytes, file.size, "x", NULL), WELD_OK);
    assert_int_equal(npy.shape.rank, 2);
    assert_int_equal(weld_npy_to_float(out, &npy, 0, 6, NULL), WELD_OK);
    assert_memory_equal(out, values, sizeof values);
    file = make("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}", values, sizeof values);
    assert_int_equal(weld_npy_parse(&npy, *state, file.bytes, file.size, "x", NULL), WELD_OK);
    assert_int_equal(weld_npy_to_float(out, &npy, 0, 6, NULL), WELD_OK);
    const float rows[] = {1.0f, 3.0f, 5.0f, -2.5f, 4.0f, 6.0f};
    assert_memory_equal(out, rows, sizeof rows);
    assert_int_equal(weld_npy_to_float(out, &npy, 3, 1, NULL), WELD_OK);
    assert_true(out[0] == -2.5f);
    assert_int_not_equal(weld_npy_to_float(out, &npy, 3, 4, NULL), WELD_OK);
}

static void test_big_endian_and_half(void **state)
{
    int64_t i[2];
    float f[1];
    weld_npy npy;
    image file = make("{'descr': '>i2', 'fortran_order': False, 'shape': (2,)}", "\1\2\xff\xfe", 4);
    assert_int_equal(weld_npy_parse(&npy, *state, file.bytes, file.size, "x", NULL), WELD_OK);
    assert_int_equal(weld_npy_to_int64(i, &npy, 0, 2, NULL), WELD_OK);
    assert_int_equal(i[0], 258);
    assert_int_equal(i[1], -2);
    file = make("{'descr': '<f2', 'fortran_order': False, 'shape': ()}", "\0\x3e", 2);
    assert_int_equal(weld_npy_parse(&npy, *state, file.bytes, file.size, "x", NULL), WELD_OK);
    assert_int_equal(weld_npy_to_float(f, &npy, 0, 1, NULL), WELD_OK);
    assert_true(f[0] == 1.5f);
    assert_int_equal(weld_npy_to_int64(i, &npy, 0, 1, NULL), WELD_E_FORMAT);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *header;
        size_t bytes;
        const char *says;
    } cases[] = {
        {"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", 8, "pickled objects"},
        {"{'descr': '<U4', 'fortran_order': False, 'shape': (1,)}", 16, "text"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", 4, "structured"},
        {"{'descr': '<f16', 'fortran_order': False, 'shape': (1,)}", 16, "dtype"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", 8, "complex"},
        {"{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (1,)}", 8, "dtype"},
        {"{'descr': '', 'fortran_order': False, 'shape': (1,)}", 8, "dtype"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 7, "expected 8"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 9, "expected 8"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", 4, "digits"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1)}", 4, "comma"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1L,)}", 4, "comma"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", 4, "True or False"},
        {"{'descr': '<f4', 'fortran_order': False}", 4, "lacks 'shape'"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 4, "two keys"},
        {"{'x': 1}", 4, "unknown key"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", 4, "nothing after"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", 4, "rank"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", 4, "2^63"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999,9999999999)}", 4, "large"},
        {"__import__('os').system('x')", 0, "'{'"},
        {"", 0, "'{'"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        static const unsigned char zeros[64];
        weld_error err = WELD_ERROR_INIT;
        weld_npy npy;
        image file = make(cases[k].header, zeros, cases[k].bytes);
        assert_int_not_equal(weld_npy_parse(&npy, *state, file.bytes, file.size, "x", &err), 0);
        if (!strstr(err.message, cases[k].says))
            fail_msg("case %zu: %s", k, err.message);
    }
}

static void test_cut_anywhere(void **state)
{
    image file =
        make("{'descr': '<i8', 'fortran_order': False, 'shape': (2,)}", "0123456789abcdef", 16);
    weld_npy npy;
    for (size_t n = 0; n < file.size; n++)
        assert_int_not_equal(weld_npy_parse(&npy, *state, file.bytes, n, "x", NULL), WELD_OK);
    assert_int_equal(weld_npy_parse(&npy, *state, file.bytes, file.size, "x", NULL), WELD_OK);
    file.bytes[6] = 9;
    assert_int_equal(weld_npy_parse(&npy, *state, file.bytes, file.size, "x", NULL), WELD_E_FORMAT);
}

static void test_values_checked(void **state)
{
    weld_npy npy;
    int64_t out[2];
    image file = make("{'descr': '|b1', 'fortran_order': False, 'shape': (2,)}", "\1\2", 2);
    assert_int_equal(weld_npy_parse(&npy, *state, file.bytes, file.size, "x", NULL), WELD_OK);
    assert_int_equal(weld_npy_to_int64(out, &npy, 0, 1, NULL), WELD_OK);
    assert_int_equal(weld_npy_to_int64(out, &npy, 0, 2, NULL), WELD_E_FORMAT);
    file = make("{'descr': '<u8', 'fortran_order': False, 'shape': (1,)}", "\0\0\0\0\0\0\0\x80", 8);
    assert_int_equal(weld_npy_parse(&npy, *state, file.bytes, file.size, "x", NULL), WELD_OK);
    assert_int_equal(weld_npy_to_int64(out, &npy, 0, 1, NULL), WELD_E_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_floats, setup, teardown),
        cmocka_unit_test_setup_teardown(test_big_endian_and_half, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut_anywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_values_checked, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
