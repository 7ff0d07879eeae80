/* Every format of data sets: what comes out, and what is refused. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "data/dataset.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "failing.h"
#include "small_files.h"

static char dir[64];

typedef struct fixture {
    weld_context *ctx;
    weld_dataset *data;
    weld_dataset_options o;
    weld_error err;
} fixture;

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/weld-readers-XXXXXX");
    return !mkdtemp(dir);
}

static int remove_dir(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}

static int setup(void **state)
{
    static fixture f;
    const weld_dataset_options defaults = WELD_DATASET_OPTIONS_INIT;
    f = (fixture){.o = defaults};
    *state = &f;
    return weld_context_create(&f.ctx, NULL, NULL) != WELD_OK;
}

static int teardown(void **state)
{
    fixture *f = *state;
    weld_dataset_free(f->data);
    const int left = atomic_load(&f->ctx->in_use_bytes) != 0;
    weld_context_free(f->ctx);
    return left;
}

static const char *path_of(const char *name)
{
    static char path[4][160];
    static int next;
    char *out = path[next++ % 4];
    snprintf(out, sizeof path[0], "%s/%s", dir, name);
    return out;
}

static const char *put(const char *name, const void *bytes, size_t n)
{
    const char *path = path_of(name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void opens(fixture *f, const char *path)
{
    weld_dataset_free(f->data);
    f->data = NULL;
    if (weld_dataset_open(&f->data, f->ctx, path, &f->o, &f->err) != WELD_OK)
        fail_msg("%s", f->err.message);
}

static void refuses(fixture *f, const char *path, weld_status status, const char *says)
{
    weld_dataset *data;
    const weld_status st = weld_dataset_open(&data, f->ctx, path, &f->o, &f->err);
    assert_null(data);
    if (st != status || !strstr(f->err.message, says))
        fail_msg("status %d, expected %d and '%s' in: %s", (int)st, (int)status, says,
                 f->err.message);
}

/* Sample `first` of an array, as doubles. */
static const double *sample(fixture *f, int array, int64_t first)
{
    static double out[3072];
    weld_tensor t = {.dtype = WELD_DOUBLE, .d = out};
    assert_int_equal(weld_dataset_batch(&t, f->data, array, first, 1, NULL), WELD_OK);
    return out;
}

/* ---- .npy ------------------------------------------------------------------------ */

static void every_type_of_numpy(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *descr;
        const char *bytes; /* of the numbers 1 and 2, or what `first` and `second` say */
        size_t size;
        double first, second;
        bool integer;
    } cases[] = {
        {"|b1", "\1\0", 1, 1, 0, true},
        {"|u1", "\1\xff", 1, 1, 255, true},
        {"|i1", "\1\xff", 1, 1, -1, true},
        {"<u2", "\1\0\xff\xff", 2, 1, 65535, true},
        {">i2", "\0\1\xff\xfe", 2, 1, -2, true},
        {"<i4", "\1\0\0\0\xfe\xff\xff\xff", 4, 1, -2, true},
        {">u4", "\0\0\0\1\xff\xff\xff\xff", 4, 1, 4294967295.0, true},
        {">i8", "\0\0\0\0\0\0\0\1\xff\xff\xff\xff\xff\xff\xff\xff", 8, 1, -1, true},
        {"<u8", "\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 8, 1, 2, true},
        {"<f2", "\0\x3c\0\xc0", 2, 1, -2, false},
        {">f4", "\x3f\x80\0\0\xc0\0\0\0", 4, 1, -2, false},
        {">f8", "\x3f\xf0\0\0\0\0\0\0\x3f\xb9\x99\x99\x99\x99\x99\x9a", 8, 1, 0.1, false},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        unsigned char npy[256];
        const size_t n = make_npy(npy, cases[k].descr, "(2, 1)", cases[k].bytes, 2 * cases[k].size);
        opens(f, put("x.npy", npy, n));
        assert_int_equal(f->data->arrays[0].integer, cases[k].integer);
        assert_true(sample(f, 0, 0)[0] == cases[k].first);
        assert_true(sample(f, 0, 1)[0] == cases[k].second);
    }
}

static void what_is_no_set_of_samples(void **state)
{
    fixture *f = *state;
    unsigned char npy[256];
    const float x[] = {1, 2};
    refuses(f, put("x.npy", npy, make_npy(npy, "<f4", "()", x, 4)), WELD_E_FORMAT, "single number");
    refuses(f, put("x.npy", npy, make_npy(npy, "<f4", "(0, 2)", x, 0)), WELD_E_FORMAT, "nothing");
    refuses(f, put("x.npy", npy, make_npy(npy, "<f4", "(2, 0)", x, 0)), WELD_E_FORMAT, "nothing");
    refuses(f, put("x.npy", npy, make_npy(npy, "<c8", "(1,)", x, 8)), WELD_E_FORMAT, "complex");
    refuses(f, put("x.npy", npy, make_npy(npy, "|O", "(1,)", x, 8)), WELD_E_FORMAT, "pickled");
    const weld_input_key key = {"in", "x"};
    f->o.inputs = &key;
    f->o.input_count = 1;
    refuses(f, put("x.npy", npy, make_npy(npy, "<f4", "(2,)", x, 8)), WELD_E_ARGUMENT,
            "input 'in' wants the array 'x', and .npy has no keys");
}

/* ---- several arrays -------------------------------------------------------------- */

/* x [2, 2] = 1 to 4, ids [n] = 5, 6, .. */
static zip two_arrays(int64_t n)
{
    zip z = {.size = 0};
    unsigned char npy[256];
    const float x[] = {1, 2, 3, 4};
    const int64_t ids[] = {5, 6, 7}, labels[] = {0, 1};
    char shape[32];
    snprintf(shape, sizeof shape, "(%d,)", (int)n);
    zip_add(&z, "x.npy", npy, make_npy(npy, "<f4", "(2, 2)", x, sizeof x));
    zip_add(&z, "ids.npy", npy, make_npy(npy, "<i8", shape, ids, 8 * (size_t)n));
    zip_add(&z, "labels.npy", npy, make_npy(npy, "<i8", "(2, 1)", labels, sizeof labels));
    zip_end(&z);
    return z;
}

static void arrays_for_inputs(void **state)
{
    fixture *f = *state;
    static const char *const names[] = {"ids", "x"}, *const other[] = {"x", "mask"};
    static const weld_input_key keys[] = {{"tokens", "ids"}, {"image", "x"}, {"seq", "none"}};
    static const char *const mapped[] = {"image", "tokens"};
    int arrays[3];
    zip z = two_arrays(2);
    const char *path = put("x.npz", z.bytes, z.size);
    opens(f, path);
    assert_int_equal(f->data->array_count, 2);
    assert_int_equal(f->data->labels[1], 1);
    assert_int_equal(weld_dataset_bind(arrays, f->data, names, 2, &f->err), WELD_OK);
    assert_int_equal(arrays[0], 1);
    assert_int_equal(arrays[1], 0);
    assert_true(sample(f, arrays[0], 1)[0] == 6);
    f->o.labels = "/"; /* a folder: this can only be a key */
    refuses(f, path, WELD_E_ARGUMENT, "labels '/' are neither a file nor an array");
    f->o.labels = NULL;
    assert_int_equal(weld_dataset_bind(arrays, f->data, other, 2, &f->err), WELD_E_ARGUMENT);
    assert_non_null(strstr(f->err.message, "inputs: x, mask; the data have: x, ids"));
    assert_int_equal(weld_dataset_bind(arrays, f->data, other, 1, &f->err), WELD_E_ARGUMENT);
    f->o.inputs = keys;
    f->o.input_count = 2;
    opens(f, path);
    assert_int_equal(weld_dataset_bind(arrays, f->data, mapped, 2, &f->err), WELD_OK);
    assert_int_equal(arrays[0], 0);
    assert_int_equal(weld_dataset_bind(arrays, f->data, names, 2, &f->err), WELD_E_ARGUMENT);
    assert_non_null(strstr(f->err.message, "image=x, tokens=ids"));
    f->o.input_count = 3;
    refuses(f, path, WELD_E_ARGUMENT,
            "no array 'none' for the input 'seq'; it has: x, ids, labels");
    f->o.inputs = &keys[1];
    f->o.input_count = 1;
    opens(f, path); /* nothing else is read */
    assert_int_equal(f->data->array_count, 1);
    f->o.input_count = 0;
    z = two_arrays(3);
    refuses(f, put("x.npz", z.bytes, z.size), WELD_E_FORMAT, "'ids' has 3 samples, 'x' has 2");
}

static void only_images_are_preprocessed(void **state)
{
    fixture *f = *state;
    zip z = {.size = 0};
    unsigned char npy[256];
    const float x[] = {255, 51, 102};
    zip_add(&z, "image.npy", npy, make_npy(npy, "<f4", "(1, 3, 1, 1)", x, sizeof x));
    zip_add(&z, "vector.npy", npy, make_npy(npy, "<f4", "(1, 3)", x, sizeof x));
    zip_end(&z);
    f->o.preset = "unit";
    f->o.bgr = true;
    opens(f, put("x.npz", z.bytes, z.size));
    assert_true(fabs(sample(f, 0, 0)[2] - 1) < 1e-12 && fabs(sample(f, 0, 0)[1] - .2) < 1e-12);
    assert_true(sample(f, 1, 0)[0] == 255);
    assert_string_equal(f->data->preprocess, "unit, bgr");
    z = (zip){.size = 0};
    zip_add(&z, "u.npy", npy, make_npy(npy, "<f4", "(1, 3)", x, sizeof x));
    zip_add(&z, "v.npy", npy, make_npy(npy, "<f4", "(1, 3)", x, sizeof x));
    zip_end(&z);
    refuses(f, put("x.npz", z.bytes, z.size), WELD_E_ARGUMENT, "none of its 2 arrays has images");
}

/* ---- idx ------------------------------------------------------------------------- */

static void every_type_of_idx(void **state)
{
    fixture *f = *state;
    static const struct {
        char code;
        const char *bytes;
        size_t size;
        double second;
    } cases[] = {{8, "\1\xff", 1, 255},
                 {9, "\1\xff", 1, -1},
                 {11, "\0\1\xff\xfe", 2, -2},
                 {12, "\0\0\0\1\xff\xff\xff\xfe", 4, -2},
                 {13, "\x3f\x80\0\0\xc0\0\0\0", 4, -2},
                 {14, "\x3f\xf0\0\0\0\0\0\0\x3f\xb9\x99\x99\x99\x99\x99\x9a", 8, .1}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        for (unsigned rank = 2; rank <= 5; rank++) {
            unsigned char file[64] = {0, 0, (unsigned char)cases[k].code, (unsigned char)rank};
            const size_t header = 4 + 4 * rank;
            for (unsigned d = 0; d < rank; d++)
                file[7 + 4 * d] = d == 0 ? 2 : 1;
            memcpy(file + header, cases[k].bytes, 2 * cases[k].size);
            opens(f, put("x.idx", file, header + 2 * cases[k].size));
            assert_int_equal(f->data->count, 2);
            assert_true(sample(f, 0, 0)[0] == 1);
            assert_true(sample(f, 0, 1)[0] == cases[k].second);
            for (size_t n = 0; n < header + 2 * cases[k].size; n++) {
                weld_dataset *data;
                const char *path = put("cut.idx", file, n);
                assert_int_not_equal(weld_dataset_open(&data, f->ctx, path, NULL, NULL), WELD_OK);
            }
        }
    refuses(f, put("x.idx", "\0\0\x0a\1\0\0\0\1x", 9), WELD_E_FORMAT, "idx magic");
    refuses(f, put("x.idx", "\0\0\x08\xff\0\0\0\1x", 9), WELD_E_FORMAT, "header");
    refuses(f, put("x.idx", "\0\0\x0d\3\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16),
            WELD_E_LIMIT, "large");
}

/* ---- CIFAR-100 ------------------------------------------------------------------- */

static void labels_of_cifar_100(void **state)
{
    fixture *f = *state;
    static unsigned char records[2 * 3074];
    static unsigned char tar[16384];
    memset(records, 0, sizeof records);
    records[0] = 19, records[1] = 99, records[2] = 7, records[3074 + 1] = 50;
    opens(f, put("test.bin", records, sizeof records));
    assert_int_equal(f->data->labels[0], 99);
    assert_int_equal(f->data->labels[1], 50);
    assert_true(sample(f, 0, 0)[0] == 7);
    f->o.labels = "coarse";
    size_t n = tar_file(tar, "cifar-100-binary/train.bin", sizeof records);
    memcpy(tar + 512, records, sizeof records);
    opens(f, put("cifar-100.tar", tar, n + 1024));
    assert_int_equal(f->data->labels[0], 19);
    opens(f, put("test.bin", records, sizeof records));
    assert_int_equal(f->data->labels[0], 19);
    f->o.labels = "medium";
    refuses(f, path_of("test.bin"), WELD_E_ARGUMENT, "CIFAR-100 has: fine, coarse");
    f->o.labels = NULL;
    records[3074] = 20;
    refuses(f, put("test.bin", records, sizeof records), WELD_E_FORMAT, "record 1 has label 20");
}

/* ---- ONNX test data -------------------------------------------------------------- */

/* A TensorProto of one float axis and another: dims [n, 2], values from `first` on. */
static size_t make_pb(unsigned char *out, const char *name, int n, float first)
{
    unsigned char head[] = {8, (unsigned char)n, 8, 2, 16, 1, 0x42, (unsigned char)strlen(name)};
    size_t at = sizeof head;
    memcpy(out, head, at);
    memcpy(out + at, name, strlen(name));
    at += strlen(name);
    out[at++] = 0x4a;
    out[at++] = (unsigned char)(8 * n);
    for (int k = 0; k < 2 * n; k++, at += 4) {
        const float x = first + (float)k;
        memcpy(out + at, &x, 4);
    }
    return at;
}

static void put_set(const char *set, const char *b, int n)
{
    unsigned char pb[128];
    char name[64];
    mkdir(path_of("set"), 0700);
    snprintf(name, sizeof name, "set/%s", set);
    mkdir(path_of(name), 0700);
    snprintf(name, sizeof name, "set/%s/input_0.pb", set);
    put(name, pb, make_pb(pb, "a", 1, 1));
    snprintf(name, sizeof name, "set/%s/input_1.pb", set);
    put(name, pb, make_pb(pb, b, n, 5));
}

static void sets_follow_each_other(void **state)
{
    fixture *f = *state;
    static const char *const named[] = {"b", "a"}, *const others[] = {"p", "q"};
    int arrays[2];
    put_set("test_data_set_0", "b", 1);
    put_set("test_data_set_1", "b", 1);
    opens(f, path_of("set"));
    assert_int_equal(f->data->count, 2);
    assert_int_equal(strlen(f->data->sha256), 64);
    assert_int_equal(weld_dataset_bind(arrays, f->data, named, 2, NULL), WELD_OK);
    assert_int_equal(arrays[0], 1);
    assert_true(sample(f, 1, 1)[0] == 5 && sample(f, 1, 1)[1] == 6);
    assert_int_equal(weld_dataset_bind(arrays, f->data, others, 2, NULL), WELD_OK); /* by order */
    assert_int_equal(arrays[0], 0);
    opens(f, path_of("set/test_data_set_1"));
    assert_int_equal(f->data->count, 1);
    put_set("test_data_set_1", "b", 2);
    refuses(f, path_of("set"), WELD_E_FORMAT, "'b' has 3 samples, 'a' has 2");
    put("set/test_data_set_1/input_1.pb", "\x0a\1\1", 3);
    refuses(f, path_of("set"), WELD_E_FORMAT, "test_data_set_1/input_1.pb");
    refuses(f, path_of("."), WELD_E_FORMAT, "without input_0.pb");
}

static void sets_in_archives(void **state)
{
    fixture *f = *state;
    unsigned char pb[128], tar[8192] = {0};
    zip z = {.size = 0};
    const size_t n = make_pb(pb, "a", 2, 1);
    size_t at = tar_file(tar, "net/test_data_set_0/input_0.pb", n);
    memcpy(tar + 512, pb, n);
    opens(f, put("net.tar", tar, at + 1024));
    assert_int_equal(f->data->count, 2);
    assert_true(sample(f, 0, 1)[1] == 4);
    zip_add(&z, "test_data_set_1/input_0.pb", pb, n);
    zip_add(&z, "test_data_set_0/input_0.pb", pb, make_pb(pb, "a", 1, 7));
    zip_end(&z);
    opens(f, put("net.zip", z.bytes, z.size));
    assert_int_equal(f->data->count, 3);
    assert_true(sample(f, 0, 0)[0] == 7);
    memcpy(tar + at, tar, at);
    tar_file(tar + at, "other/test_data_set_0/input_0.pb", n);
    memcpy(tar + at + 512, tar + 512, n);
    refuses(f, put("net.tar", tar, 2 * at + 1024), WELD_E_FORMAT, "two models");
}

/* ---- raw, members, layout -------------------------------------------------------- */

static void raw_files(void **state)
{
    fixture *f = *state;
    char spec[3][200];
    const char *raw[] = {spec[0], spec[1]};
    const float x[] = {1, 2, 3, 4, 5, 6};
    snprintf(spec[0], sizeof spec[0], "x=f32:3:%s", put("x.raw", x, sizeof x));
    snprintf(spec[1], sizeof spec[1], "t=i16::%s", put("t.raw", "\1\0\xff\xff", 4));
    f->o.raw = raw;
    f->o.raw_count = 2;
    opens(f, NULL);
    assert_int_equal(f->data->count, 2);
    assert_true(sample(f, 0, 1)[2] == 6 && sample(f, 1, 1)[0] == -1);
    assert_int_equal(strlen(f->data->sha256), 64);
    refuses(f, "x.npy", WELD_E_ARGUMENT, "one of them");
    f->o.raw_count = 1;
    raw[0] = spec[2];
    snprintf(spec[2], sizeof spec[2], "x=f32:4:%s", path_of("x.raw"));
    refuses(f, NULL, WELD_E_FORMAT, "24 bytes, expected a multiple of 16 (float of shape [4])");
    static const char *const bad[] = {
        "x",         "=f32:3:f",   "x=f33:3:f", "x=f32:3:",
        "x=f32:0:f", "x=f32:3x:f", "x=f32:a:f", "x=f32:1x1x1x1x1x1x1x1:f"};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        raw[0] = bad[k];
        refuses(f, NULL, WELD_E_ARGUMENT, "allowed INPUT=TYPE");
    }
}

static void members_and_bombs(void **state)
{
    fixture *f = *state;
    char path[200];
    zip z = {.size = 0};
    unsigned char npy[256];
    const float x[] = {1, 2};
    zip_add(&z, "sub/x.npy", npy, make_npy(npy, "<f4", "(2,)", x, sizeof x));
    zip_end(&z);
    snprintf(path, sizeof path, "%s#sub/x.npy", put("all.zip", z.bytes, z.size));
    opens(f, path);
    assert_int_equal(f->data->count, 2);
    snprintf(path, sizeof path, "%s#x.npy", path_of("all.zip"));
    refuses(f, path, WELD_E_ARGUMENT, "has no x.npy; its 1 files: sub/x.npy");
    refuses(f, path_of("none.zip#x.npy"), WELD_E_IO, "No such file");
    FILE *bomb = fopen(path_of("bomb"), "wb");
    static const char zeros[1 << 20];
    for (int k = 0; k < 80; k++)
        fwrite(zeros, 1, sizeof zeros, bomb);
    fclose(bomb);
    snprintf(path, sizeof path, "gzip -f9 %s", path_of("bomb"));
    assert_int_equal(system(path), 0);
    refuses(f, path_of("bomb.gz"), WELD_E_LIMIT, "unpacks to more than");
}

static void layouts(void **state)
{
    fixture *f = *state;
    unsigned char npy[256], x[12];
    for (unsigned char k = 0; k < 12; k++)
        x[k] = k; /* [2, 2, 3]: pixel p, channel c = 3 p + c */
    const char *path = put("x.npy", npy, make_npy(npy, "|u1", "(1, 2, 2, 3)", x, 12));
    f->o.layout = "nchw";
    opens(f, path);
    for (int c = 0; c < 3; c++)
        for (int p = 0; p < 4; p++)
            assert_true(sample(f, 0, 0)[4 * c + p] == 3 * p + c);
    f->o.bgr = true;
    opens(f, path);
    for (int c = 0; c < 3; c++)
        for (int p = 0; p < 4; p++)
            assert_true(sample(f, 0, 0)[4 * c + p] == 3 * p + 2 - c);
    f->o.preset = "caffe"; /* which reverses as well */
    assert_int_equal(weld_dataset_preset(f->data, &f->o, NULL), WELD_OK);
    assert_true(fabs(sample(f, 0, 0)[4] - (1 - 116.779)) < 1e-9);
    f->o.layout = "nhwc";
    f->o.preset = NULL;
    f->o.bgr = false;
    assert_int_equal(weld_dataset_preset(f->data, &f->o, NULL), WELD_OK);
    assert_int_equal(f->data->arrays[0].sample.dims[2], 3);
    assert_true(sample(f, 0, 0)[4] == 4);
    path = put("y.npy", npy, make_npy(npy, "|u1", "(1, 3, 2, 2)", x, 12));
    opens(f, path);
    for (int c = 0; c < 3; c++)
        for (int p = 0; p < 4; p++)
            assert_true(sample(f, 0, 0)[3 * p + c] == 4 * c + p);
    f->o.layout = "chw";
    refuses(f, path, WELD_E_ARGUMENT, "allowed nchw, nhwc");
    f->o.layout = "nchw";
    refuses(f, put("y.npy", npy, make_npy(npy, "|u1", "(1, 3, 4)", x, 12)), WELD_E_ARGUMENT,
            "first or the last of three axes");
    refuses(f, put("y.npy", npy, make_npy(npy, "|u1", "(1, 3, 1, 4)", x, 12)), WELD_E_ARGUMENT,
            "first or the last of three axes");
}

/* ---- allocations ----------------------------------------------------------------- */

static const char *failing_path;

static weld_status open_one(weld_context *ctx, weld_error *err)
{
    weld_dataset *data;
    const weld_status st = weld_dataset_open(&data, ctx, failing_path, NULL, err);
    weld_dataset_free(data);
    return st;
}

static void allocations_fail(void **state)
{
    (void)state;
    zip z = two_arrays(2);
    put_set("test_data_set_0", "b", 1);
    put_set("test_data_set_1", "b", 1);
    const char *const paths[] = {put("x.npz", z.bytes, z.size), path_of("set"), path_of("net.zip"),
                                 path_of("cifar-100.tar")};
    for (size_t k = 0; k < sizeof paths / sizeof *paths; k++) {
        failing_path = paths[k];
        check_failed_allocations(open_one, 0, 1);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_type_of_numpy),
        TEST(what_is_no_set_of_samples),
        TEST(arrays_for_inputs),
        TEST(only_images_are_preprocessed),
        TEST(every_type_of_idx),
        TEST(labels_of_cifar_100),
        TEST(sets_follow_each_other),
        TEST(sets_in_archives),
        TEST(raw_files),
        TEST(members_and_bombs),
        TEST(layouts),
        TEST(allocations_fail),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
