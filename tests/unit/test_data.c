#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "data/dataset.h"
#include "io/gzip.h"
#include "io/sink.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "small_files.h"

typedef struct fixture {
    weld_context *ctx;
    char dir[64];
    char path[160];
    weld_dataset *data;
    weld_error err;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    *state = f;
    strcpy(f->dir, "/tmp/weld-data-XXXXXX");
    return !mkdtemp(f->dir) || weld_context_create(&f->ctx, NULL, NULL) != WELD_OK;
}

static int teardown(void **state)
{
    static const char *const names[] = {"x.npz",
                                        "x.npy",
                                        "y.npy",
                                        "out",
                                        "test_batch.bin",
                                        "x.tar",
                                        "t10k-images-idx3-ubyte",
                                        "t10k-labels-idx1-ubyte",
                                        "x"};
    fixture *f = *state;
    weld_dataset_free(f->data);
    int left = atomic_load(&f->ctx->in_use_bytes) != 0;
    weld_context_free(f->ctx);
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        snprintf(f->path, sizeof f->path, "%s/%s", f->dir, names[k]);
        unlink(f->path);
    }
    left |= rmdir(f->dir) != 0; /* fails when a temporary file was left behind */
    free(f);
    return left;
}

static const char *put(fixture *f, const char *name, const void *bytes, size_t n)
{
    snprintf(f->path, sizeof f->path, "%s/%s", f->dir, name);
    FILE *file = fopen(f->path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
    return f->path;
}

static weld_status load(fixture *f, const char *path, const weld_dataset_options *options)
{
    weld_dataset_free(f->data);
    f->data = NULL;
    return weld_dataset_open(&f->data, f->ctx, path, options, &f->err);
}

static void assert_says(const fixture *f, const char *text)
{
    if (!strstr(f->err.message, text))
        fail_msg("expected '%s' in: %s", text, f->err.message);
}

static zip make_npz(const char *first, const char *second, int64_t label)
{
    zip z = {.size = 0};
    unsigned char npy[256];
    const float x[] = {1.0f, 2.0f, 3.0f, 4.0f};
    const int64_t y[] = {label, 1};
    zip_add(&z, first, npy, make_npy(npy, "<f4", "(2, 2)", x, sizeof x));
    zip_add(&z, second, npy, make_npy(npy, "<i8", "(2,)", y, sizeof y));
    zip_end(&z);
    return z;
}

static void test_npz(void **state)
{
    fixture *f = *state;
    weld_dataset_options o = WELD_DATASET_OPTIONS_INIT;
    float out[2];
    zip z = make_npz("x.npy", "labels.npy", 0);
    const char *path = put(f, "x.npz", z.bytes, z.size);
    assert_int_equal(load(f, path, NULL), WELD_OK);
    assert_int_equal(weld_dataset_size(f->data), 2);
    assert_true(weld_dataset_has_labels(f->data));
    assert_int_equal(f->data->labels[1], 1);
    assert_int_equal(strlen(f->data->sha256), 64);
    assert_int_equal(
        weld_dataset_batch(&(weld_tensor){.dtype = WELD_FLOAT, .f = out}, f->data, 0, 1, 1, NULL),
        WELD_OK);
    assert_true(out[0] == 3.0f && out[1] == 4.0f);
    assert_int_equal(
        weld_dataset_batch(&(weld_tensor){.dtype = WELD_FLOAT, .f = out}, f->data, 0, 2, 1, NULL),
        WELD_E_ARGUMENT);
    const weld_input_key wrong = {"in", "y"}, right = {"in", "x"};
    o.inputs = &wrong;
    o.input_count = 1;
    assert_int_equal(load(f, path, &o), WELD_E_ARGUMENT);
    assert_says(f, "has no array 'y' for the input 'in'; it has: x, labels");
    o.inputs = &right;
    o.labels = "target";
    assert_int_equal(load(f, path, &o), WELD_E_ARGUMENT);
    assert_says(f, "neither a file nor an array");
    o.labels = NULL;
    o.samples_max = 1;
    assert_int_equal(load(f, path, &o), WELD_OK);
    assert_int_equal(weld_dataset_size(f->data), 1);
}

static void test_npz_refusals(void **state)
{
    fixture *f = *state;
    zip z = make_npz("x.npy", "labels.npy", -7);
    assert_int_equal(load(f, put(f, "x.npz", z.bytes, z.size), NULL), WELD_E_FORMAT);
    assert_says(f, "label 0 is -7");
    z = make_npz("x.npy", "x.npy", 0);
    assert_int_equal(load(f, put(f, "x.npz", z.bytes, z.size), NULL), WELD_E_FORMAT);
    assert_says(f, "two arrays are named 'x'");
    z = make_npz("labels.npy", "labels.npy", 0);
    assert_int_equal(load(f, put(f, "x.npz", z.bytes, z.size), NULL), WELD_E_FORMAT);
    z = make_npz("x.npy", "labels.npy", 0);
    z.bytes[30 + 5 + 10 + 70] ^= 1; /* in the array: the checksum no longer fits */
    assert_int_equal(load(f, put(f, "x.npz", z.bytes, z.size), NULL), WELD_E_FORMAT);
}

static void test_npy(void **state)
{
    fixture *f = *state;
    unsigned char npy[256];
    const int64_t tokens[] = {5, 6};
    char labels[160];
    weld_dataset_options o = WELD_DATASET_OPTIONS_INIT;
    put(f, "y.npy", npy, make_npy(npy, "|u1", "(2,)", "\3\4", 2));
    strcpy(labels, f->path);
    const char *path = put(f, "x.npy", npy, make_npy(npy, "<i8", "(2, 1)", tokens, sizeof tokens));
    o.labels = labels;
    assert_int_equal(load(f, path, &o), WELD_OK);
    int64_t out[2];
    assert_true(f->data->arrays[0].integer);
    assert_int_equal(
        weld_dataset_batch(&(weld_tensor){.dtype = WELD_INT64, .i = out}, f->data, 0, 0, 2, NULL),
        WELD_OK);
    assert_int_equal(out[1], 6);
    assert_int_equal(f->data->labels[1], 4);
    o.labels = "labels";
    assert_int_equal(load(f, path, &o), WELD_E_ARGUMENT);
    const float bad[] = {1.0f, NAN};
    path = put(f, "x.npy", npy, make_npy(npy, "<f4", "(2, 1)", bad, sizeof bad));
    assert_int_equal(load(f, path, NULL), WELD_E_FORMAT);
    assert_says(f, "of sample 1");
}

static void test_idx(void **state)
{
    fixture *f = *state;
    static const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, 2,   0,  0,
                                           0, 1, 0, 0, 0, 2, 0, 255, 51, 102};
    static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 9};
    char path[160];
    float out[4];
    weld_dataset_options o = WELD_DATASET_OPTIONS_INIT;
    put(f, "t10k-images-idx3-ubyte", images, sizeof images);
    strcpy(path, f->path);
    assert_int_equal(load(f, path, NULL), WELD_OK);
    assert_false(weld_dataset_has_labels(f->data));
    put(f, "t10k-labels-idx1-ubyte", labels, sizeof labels);
    o.preset = "mnist";
    assert_int_equal(load(f, path, &o), WELD_OK);
    assert_int_equal(f->data->labels[1], 9);
    assert_int_equal(f->data->arrays[0].sample.rank, 3);
    assert_int_equal(
        weld_dataset_batch(&(weld_tensor){.dtype = WELD_FLOAT, .f = out}, f->data, 0, 0, 2, NULL),
        WELD_OK);
    assert_true(fabsf(out[1] - (1.0f - .1307f) / .3081f) < 1e-6f);
    o.preset = "caffe";
    assert_int_equal(load(f, path, &o), WELD_E_ARGUMENT);
    assert_int_equal(load(f, f->path, NULL), WELD_E_FORMAT);
    assert_says(f, "holds labels");
    put(f, "t10k-labels-idx1-ubyte", labels, sizeof labels - 1);
    assert_int_equal(load(f, path, NULL), WELD_E_FORMAT);
    put(f, "t10k-images-idx3-ubyte", images, sizeof images - 1);
    assert_int_equal(load(f, path, NULL), WELD_E_FORMAT);
    assert_says(f, "3 bytes of elements, expected 4");
}

static void test_cifar(void **state)
{
    fixture *f = *state;
    static unsigned char bytes[2 * 3073];
    static float out[3072];
    weld_dataset_options o = WELD_DATASET_OPTIONS_INIT;
    memset(bytes, 0, sizeof bytes);
    bytes[0] = 3;
    bytes[1] = 255;
    bytes[3073] = 9;
    o.preset = "cifar10";
    assert_int_equal(load(f, put(f, "test_batch.bin", bytes, sizeof bytes), &o), WELD_OK);
    assert_int_equal(weld_dataset_size(f->data), 2);
    assert_int_equal(f->data->labels[1], 9);
    assert_int_equal(
        weld_dataset_batch(&(weld_tensor){.dtype = WELD_FLOAT, .f = out}, f->data, 0, 0, 1, NULL),
        WELD_OK);
    assert_true(fabsf(out[0] - (1.0f - .4914f) / .2471f) < 1e-6f);
    assert_true(fabsf(out[3071] + .4465f / .2616f) < 1e-6f);
    o.preset = "caffe";
    assert_int_equal(load(f, f->path, &o), WELD_OK);
    assert_int_equal(
        weld_dataset_batch(&(weld_tensor){.dtype = WELD_FLOAT, .f = out}, f->data, 0, 0, 1, NULL),
        WELD_OK);
    assert_true(fabsf(out[2048] - (255.0f - 123.68f)) < 1e-4f);
    bytes[3073] = 10;
    assert_int_equal(load(f, put(f, "test_batch.bin", bytes, sizeof bytes), NULL), WELD_E_FORMAT);
    assert_says(f, "record 1 has label 10, allowed 0 to 9");
    assert_int_equal(load(f, put(f, "test_batch.bin", bytes, 6145), NULL), WELD_E_FORMAT);
    assert_says(f, "multiple of 3073");
    assert_says(f, "3074 (CIFAR-100)");
}

static void test_cifar_tar(void **state)
{
    fixture *f = *state;
    static unsigned char tar[32768];
    size_t n = 0;
    memset(tar, 0, sizeof tar);
    n += tar_file(tar + n, "cifar-10-batches-bin/data_batch_1.bin", 3073);
    size_t test = n;
    n += tar_file(tar + n, "cifar-10-batches-bin/test_batch.bin", 3073);
    tar[test + 512] = 8;
    assert_int_equal(load(f, put(f, "x.tar", tar, n + 1024), NULL), WELD_OK);
    assert_int_equal(weld_dataset_size(f->data), 1);
    assert_int_equal(f->data->labels[0], 8);
    assert_int_equal(load(f, put(f, "x.tar", tar, n - 2000), NULL), WELD_E_FORMAT);
    assert_int_equal(load(f, put(f, "x.tar", tar, test), NULL), WELD_E_FORMAT);
    assert_says(f, "data_batch_2.bin is missing");
}

static void test_gzip(void **state)
{
    /* "hi\n" twice: two members */
    static const unsigned char hi[] = {0x1f, 0x8b, 8,    0,    0,    0,    0,   0,   0,
                                       3,    1,    3,    0,    0xfc, 0xff, 'h', 'i', '\n',
                                       0x7a, 0x7a, 0x6f, 0xed, 3,    0,    0,   0};
    fixture *f = *state;
    unsigned char bytes[80];
    void *out;
    size_t n, each = sizeof hi;
    memcpy(bytes, hi, each);
    put_word(bytes + 18, crc32_of((const unsigned char *)"hi\n", 3), 4);
    memcpy(bytes + each, bytes, each);
    memset(bytes + 2 * each, 0, 4);
    weld_gzip_input in = {bytes, 2 * each + 4, 6, "x"};
    assert_int_equal(weld_gunzip(&out, &n, f->ctx, &in, &f->err), WELD_OK);
    assert_int_equal(n, 6);
    assert_memory_equal(out, "hi\nhi\n", 6);
    weld_free(f->ctx, out);
    in.cap = 5;
    assert_int_equal(weld_gunzip(&out, &n, f->ctx, &in, &f->err), WELD_E_LIMIT);
    in.cap = 6;
    for (in.size = 0; in.size < each; in.size++)
        assert_int_equal(weld_gunzip(&out, &n, f->ctx, &in, &f->err), WELD_E_FORMAT);
    in.size = 2 * each + 4;
    bytes[2 * each + 3] = 1;
    assert_int_equal(weld_gunzip(&out, &n, f->ctx, &in, &f->err), WELD_E_FORMAT);
    assert_says(f, "follows the end");
    bytes[2 * each + 3] = 0;
    bytes[18] ^= 1;
    assert_int_equal(weld_gunzip(&out, &n, f->ctx, &in, &f->err), WELD_E_FORMAT);
}

static void test_unknown(void **state)
{
    fixture *f = *state;
    assert_int_equal(load(f, put(f, "x", "hello", 5), NULL), WELD_E_FORMAT);
    assert_says(f, "unknown format");
    assert_int_equal(load(f, put(f, "x", "", 0), NULL), WELD_E_FORMAT);
    assert_int_equal(load(f, f->dir, NULL), WELD_E_FORMAT);
    assert_says(f, "a folder without input_0.pb");
    weld_dataset_options o = WELD_DATASET_OPTIONS_INIT;
    o.preset = "nope";
    assert_int_equal(load(f, f->path, &o), WELD_E_ARGUMENT);
}

static void test_sink(void **state)
{
    fixture *f = *state;
    weld_sink *sink;
    struct stat info;
    char path[160], text[8] = "";
    snprintf(path, sizeof path, "%s/out", f->dir);
    assert_int_equal(weld_sink_create(&sink, f->ctx, path, false, &f->err), WELD_OK);
    assert_int_equal(weld_sink_write(sink, "abc", 3, NULL), WELD_OK);
    weld_sink_free(sink);
    assert_int_not_equal(stat(path, &info), 0);
    for (int k = 0; k < 2; k++) {
        assert_int_equal(weld_sink_create(&sink, f->ctx, path, k, &f->err), WELD_OK);
        assert_int_equal(weld_sink_write(sink, k ? "new" : "old", 3, NULL), WELD_OK);
        assert_int_equal(weld_sink_commit(sink, &f->err), WELD_OK);
        weld_sink_free(sink);
    }
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof text - 1, file), 3);
    fclose(file);
    assert_string_equal(text, "new");
    mode_t mask = umask(0);
    umask(mask);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0666 & ~mask);
    assert_int_equal(weld_sink_create(&sink, f->ctx, path, false, &f->err), WELD_E_ARGUMENT);
    assert_says(f, "use -f");
    assert_int_equal(weld_sink_create(&sink, f->ctx, f->dir, true, &f->err), WELD_E_ARGUMENT);
    unlink(path); /* and one that appears between create and commit is kept */
    assert_int_equal(weld_sink_create(&sink, f->ctx, path, false, &f->err), WELD_OK);
    put(f, "out", "x", 1);
    assert_int_equal(weld_sink_commit(sink, &f->err), WELD_E_ARGUMENT);
    weld_sink_free(sink);
}

static void test_sha256(void **state)
{
    fixture *f = *state;
    char a[WELD_SHA256_TEXT], b[WELD_SHA256_TEXT];
    weld_source *source;
    assert_int_equal(weld_sha256_memory(a, f->ctx, "abc", 3, NULL), WELD_OK);
    assert_string_equal(a, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(weld_source_open(&source, f->ctx, put(f, "x", "abc", 3), NULL), WELD_OK);
    assert_int_equal(weld_sha256_source(b, f->ctx, source, NULL), WELD_OK);
    assert_string_equal(a, b);
    assert_int_equal(weld_source_read(source, 2, a, 2, &f->err), WELD_E_FORMAT);
    assert_says(f, "ends at");
    put(f, "x", "abcd", 4);
    assert_int_equal(weld_source_unchanged(source, NULL), WELD_E_IO);
    weld_source_free(source);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_npz),   TEST(test_npz_refusals), TEST(test_npy),  TEST(test_idx),
        TEST(test_cifar), TEST(test_cifar_tar),    TEST(test_gzip), TEST(test_unknown),
        TEST(test_sink),  TEST(test_sha256),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
