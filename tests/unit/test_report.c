/* A full report in all formats; hostile names; which sections are there. The reports are
 * also written to the folder WELD_REPORT_DIR if it is set, to be looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "report/formats.h"
#include "report/formats/order.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) assert_int_equal((call), WELD_OK)
#define HOSTILE "<script>alert(1)</script>\"'&\x01\xff\x1b[31m"
#define SHA_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SHA_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

enum { ALPHAS = 11, LLFC_ALPHAS = 3, LAYERS = 14 };

static weld_context *context(void)
{
    weld_context *ctx;
    OK(weld_context_create(&ctx, NULL, NULL));
    return ctx;
}

static void put_models(weld_report *r)
{
    const weld_report_opset opsets[] = {{"", 18}, {"com.example", 1}};
    weld_report_model a = {
        "A", "models/mlp/a.onnx", NULL, SHA_A, "pytorch 2.9.0", 10, 272474, opsets, 2};
    weld_report_model b = {"B", "models/mlp/b.onnx", NULL, SHA_B, HOSTILE, 8, 272474, opsets, 1};
    weld_report_data d = {true, SHA_A, "val.npz", "imagenet", 10000, true, 0, 0};
    OK(weld_report_put_model(r, &a, NULL));
    OK(weld_report_put_model(r, &b, NULL));
    OK(weld_report_put_data(r, &d, NULL));
}

static void put_match(weld_report *r)
{
    const char *const members[] = {"/layer1/conv1.W[0]", "/layer1/bn1.scale[0]", HOSTILE,
                                   "/layer1/bn1.var[0]", "/layer2/conv1.W[1]"};
    weld_report_match m = {.method = "weights",
                           .seed = 7,
                           .restarts = 4,
                           .sweeps = 7,
                           .objective = {12.125, 98.5},
                           .pinned_fraction = 0.125,
                           .distances = {true, 0.5, 1.25, 0.75, 0.25}};
    weld_report_class c = {HOSTILE, "free", NULL, 64, 63, members, 5};
    weld_report_class d = {"/concat", "pinned", "grouped convolution /g1 is not permuted", 9, 0,
                           members,   1};
    OK(weld_report_put_match(r, &m, NULL));
    OK(weld_report_put_class(r, &r->match.classes, &c, NULL));
    OK(weld_report_put_class(r, &r->match.classes, &d, NULL));
    r->verification = (weld_report_verification){true, true, 256, 3.1e-6, 2.2e-7, 1.0, 1.4e-3};
}

static void put_lmc(weld_report *r)
{
    double alpha[ALPHAS], y[4][ALPHAS];
    for (int i = 0; i < ALPHAS; i++) {
        double t = i / 10.0, hill = 4 * t * (1 - t);
        alpha[i] = t;
        y[0][i] = 0.305 + 0.007 * t + 1.874 * hill;
        y[1][i] = 0.921 - 0.002 * t - 0.55 * hill;
        y[2][i] = 0.305 + 0.007 * t + 0.031 * hill;
        y[3][i] = 0.921 - 0.002 * t - 0.01 * hill;
    }
    y[0][3] = NAN; /* a loss that overflowed is null, and a hole in the chart */
    weld_interval ci95[ALPHAS];
    for (int i = 0; i < ALPHAS; i++)
        ci95[i] = (weld_interval){y[3][i] - 0.004, y[3][i] + 0.003};
    weld_report_lmc l = {
        .metric = "ce",
        .alpha = alpha,
        .alpha_count = ALPHAS,
        .curve = {{.loss = {y[0]}, .accuracy = {y[1]}}, {.loss = {y[2]}, .accuracy = {y[3], ci95}}},
        .loss = {.chord = {.value = {1.874, 0.031}}},
        .error = {.chord = {.value = {0.55, 0.01},
                            .upper95 = {0.57, 0.0125},
                            .ci95 = {{0.5, 0.58}, {0.0075, 0.0135}}},
                  .midpoint = {.value = {0.551, 0.011}}},
        .resamples = 1000,
        .judged = true,
        .seed = 7,
        .delta = 0.02,
        .connected = {false, true}};
    OK(weld_report_put_lmc(r, &l, NULL));
}

static void put_llfc(weld_report *r)
{
    const double alpha[LLFC_ALPHAS] = {0.25, 0.5, 0.75};
    OK(weld_report_put_llfc(r, alpha, LLFC_ALPHAS, NULL));
    for (int i = 0; i < LAYERS; i++) {
        char name[64];
        snprintf(name, sizeof name, "/layer%d/conv%d/Conv", i / 4 + 1, i % 4);
        weld_report_spread s[6], one[LLFC_ALPHAS] = {{.mean = 1, .std = 0.1},
                                                     {.mean = 1, .std = 0.1},
                                                     {.mean = 1, .std = 0.1}};
        double matrix[LLFC_ALPHAS] = {0.9, 0.8, 0.7};
        for (int k = 0; k < 6; k++)
            s[k] = (weld_report_spread){
                .mean = (k < 3 ? 0.03 : 0.004) * (i + 1), .std = 0.01, .q50 = 0.002 * k};
        weld_report_row row = {.name = i == 3 ? HOSTILE : name};
        for (int v = 0; v < 2; v++)
            row.variant[v] =
                (weld_report_figures){.one_minus_cos = s + 3 * v,
                                      .coef = one,
                                      .coef_authors = one,
                                      .matrix_one_minus_cos = matrix,
                                      .matrix_coef = matrix,
                                      .matrix_coef_authors = matrix,
                                      .one_minus_cos_ab = {.mean = (v ? 0.03 : 0.04) * (i + 1)},
                                      .zero_features = 2 * v};
        OK(weld_report_put_row(r, &row, NULL));
    }
}

static void put_gates(weld_report *r)
{
    const weld_report_gate gates[] = {
        {"barrier.loss", "lmc.barrier.loss.chord.aligned", true, true, WELD_GATE_ERROR, 0.031, 0.1,
         NAN},
        {"llfc.min", HOSTILE, false, false, WELD_GATE_WARN, 0.944, 0.95, NAN},
        {"acc.drop", "lmc.aligned.accuracy", true, true, WELD_GATE_ERROR, 0.01, 0.012, 0.002}};
    for (int i = 0; i < 3; i++)
        OK(weld_report_put_gate(r, &gates[i], NULL));
}

static weld_report *full_report(weld_context *ctx)
{
    char *argv[] = {"onnxweld", "weld", "a.onnx", "b.onnx", "-o", HOSTILE, NULL};
    weld_report_output o = {SHA_B, "ab.onnx", 0.5};
    weld_report *r;
    OK(weld_report_new(&r, ctx, NULL));
    put_models(r);
    put_match(r);
    put_lmc(r);
    put_llfc(r);
    put_gates(r);
    OK(weld_report_put_output(r, &o, NULL));
    for (int i = 0; i < 9; i++)
        OK(weld_report_warn(r, NULL, "W012", "warning %d of %s", i, HOSTILE));
    OK(weld_report_put_environment(r, "0.1.0", "OpenBLAS 0.3.21", 2, NULL));
    OK(weld_report_put_run(r, 6, argv, 14.25, NULL));
    return r;
}

static char *render(const weld_report *r, const char *format)
{
    const char *dir = getenv("WELD_REPORT_DIR");
    char *text;
    OK(weld_report_text(&text, r, format, NULL));
    if (dir) {
        char path[512];
        snprintf(path, sizeof path, "%s/report.%s", dir, format);
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
        assert_int_equal(fclose(f), 0);
    }
    return text;
}

/* The value at a path of keys and indices: "lmc.alpha.3". */
static json_t *at(json_t *node, const char *path)
{
    char copy[128], *save, *key;
    snprintf(copy, sizeof copy, "%s", path);
    for (key = strtok_r(copy, ".", &save); key; key = strtok_r(NULL, ".", &save)) {
        node = json_is_array(node) ? json_array_get(node, (size_t)atoi(key))
                                   : json_object_get(node, key);
        if (!node)
            fail_msg("the report has no %s (%s)", path, key);
    }
    return node;
}

static void is_real(json_t *root, const char *path, double expected)
{
    double got = json_number_value(at(root, path));
    if (got != expected)
        fail_msg("%s is %.17g, expected %.17g", path, got, expected);
}

static void json_has_the_values(void **state)
{
    (void)state;
    weld_context *ctx = context();
    weld_report *r = full_report(ctx);
    char *text = render(r, "json"), *again = render(r, "json");
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    assert_string_equal(text, again);
    assert_string_equal(json_string_value(at(root, "schema")), "onnxweld.report/1");
    assert_string_equal(json_string_value(at(root, "verdict")), "warn");
    assert_string_equal(json_string_value(at(root, "models.1.sha256")), SHA_B);
    assert_string_equal(json_string_value(at(root, "outputs.0.sha256")), SHA_B);
    assert_string_equal(json_string_value(at(root, "match.method")), "weights");
    assert_string_equal(json_string_value(at(root, "match.classes.1.kind")), "pinned");
    assert_string_equal(json_string_value(at(root, "environment.paths.A")), "models/mlp/a.onnx");
    assert_string_equal(json_string_value(at(root, "match.classes.0.name")),
                        "<script>alert(1)</script>\"'&\\x01\\xff\\x1b[31m");
    is_real(root, "data.n", 10000);
    assert_int_equal(json_integer_value(json_object_get(at(root, "models.0.opset"), "")), 18);
    json_decref(root);
    weld_bytes_free(ctx, text);
    weld_bytes_free(ctx, again);
    weld_report_free(r);
    weld_context_free(ctx);
}

static void json_has_the_numbers(void **state)
{
    (void)state;
    weld_context *ctx = context();
    weld_report *r = full_report(ctx);
    char *text = render(r, "json");
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    is_real(root, "verification.max_rel", 2.2e-7); /* to the last bit */
    is_real(root, "verification.argmax_agree", 1);
    is_real(root, "match.pinned_fraction", 0.125);
    is_real(root, "match.classes.0.moved", 63);
    is_real(root, "lmc.alpha.3", 0.3);
    is_real(root, "lmc.aligned.loss.10", r->lmc.curve[1].loss.y[10]);
    is_real(root, "lmc.naive.accuracy.5", r->lmc.curve[0].accuracy.y[5]);
    assert_true(json_is_null(at(root, "lmc.naive.loss.3")));
    is_real(root, "lmc.barrier.loss.chord.naive", 1.874);
    is_real(root, "lmc.barrier.error.midpoint.aligned", 0.011);
    is_real(root, "lmc.barrier.error.chord.upper95.aligned", 0.0125);
    is_real(root, "lmc.barrier.error.chord.ci95.naive.1", 0.58);
    is_real(root, "lmc.aligned.accuracy_ci95.4.0", r->lmc.curve[1].accuracy.y[4] - 0.004);
    assert_true(json_is_true(at(root, "lmc.connected.aligned")));
    assert_true(json_is_false(at(root, "lmc.connected.naive")));
    is_real(root, "llfc.layers.2.aligned.one_minus_cos.1.mean", 0.004 * 3);
    is_real(root, "llfc.layers.2.naive.one_minus_cos_ab.mean", 0.04 * 3);
    is_real(root, "llfc.layers.0.naive.coef_authors.2.std", 0.1);
    is_real(root, "environment.seconds", 14.25);
    json_decref(root);
    weld_bytes_free(ctx, text);
    weld_report_free(r);
    weld_context_free(ctx);
}

static void the_verdict_is_a_sentence(void **state)
{
    (void)state;
    char text[256];
    weld_report_lmc l = {.judged = true, .delta = 0.01};
    static const struct {
        bool naive, aligned;
        double low;
        const char *words;
    } cases[] = {{true, true, 0, "linearly connected without permutation: "},
                 {false, true, 0, "linearly connected after alignment: "},
                 {false, false, 0.004, "not shown to be linearly connected: "},
                 {false, false, 0.02, "not linearly connected: "}};
    for (int k = 0; k < 4; k++) {
        l.connected[0] = cases[k].naive;
        l.connected[1] = cases[k].aligned;
        l.error.chord.ci95[1].low = cases[k].low;
        weld_report_connection(text, sizeof text, &l);
        assert_int_equal(strncmp(text, cases[k].words, strlen(cases[k].words)), 0);
    }
    l.judged = false;
    weld_report_connection(text, sizeof text, &l);
    assert_string_equal(text, "");
}

static void html_is_escaped_and_self_contained(void **state)
{
    (void)state;
    weld_context *ctx = context();
    weld_report *r = full_report(ctx);
    char *text = render(r, "html");
    assert_null(strstr(text, "<script>"));
    assert_null(strstr(text, "</script>alert"));
    assert_non_null(strstr(text, "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"));
    assert_null(strchr(text, '\x1b'));
    assert_null(strchr(text, '\x01'));
    assert_null(strstr(text, "src="));
    assert_null(strstr(text, "href="));
    assert_non_null(strstr(text, "<svg"));
    assert_non_null(strstr(text, SHA_A));
    assert_null(strstr(text, "nan"));
    assert_true(strlen(text) < 1000000);
    weld_bytes_free(ctx, text);
    weld_report_free(r);
    weld_context_free(ctx);
}

/* Names stand for themselves in every format; what the formats say is compared in tests/oracle/formats.py. */
static void names_are_escaped(void **state)
{
    (void)state;
    static const char *const marks[][2] = {
        {"md", "`<script>alert(1)</script>\"'&\\x01\\xff\\x1b[31m`"},
        {"csv", "\"<script>alert(1)</script>\"\"'&\\x01\\xff\\x1b[31m\""},
        {"junit", "<failure message=\"barrier.loss is"},
        {"card", "# base_model: ids of the models on the hub, see --base-model\n"},
        {"github", "::error title=onnxweld gate::barrier.loss is nan, allowed at most 0.1\n"},
        {"html", "&lt;script&gt;alert(1)&lt;/script&gt;"},
    };
    weld_context *ctx = context();
    weld_report *r = full_report(ctx);
    OK(weld_report_put_gate(
        r, &(weld_report_gate){"barrier.loss", "x", true, false, WELD_GATE_ERROR, NAN, 0.1, NAN},
        NULL));
    assert_string_equal(weld_report_verdict(r), "fail");
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        char *text;
        OK(weld_report_text(&text, r, marks[i][0], NULL));
        if (!strstr(text, marks[i][1]))
            fail_msg("%s lacks %s", marks[i][0], marks[i][1]);
        weld_bytes_free(ctx, text);
    }
    weld_report_free(r);
    weld_context_free(ctx);
}

static void every_format_is_written(void **state)
{
    (void)state;
    weld_context *ctx = context();
    weld_report *r = full_report(ctx);
    for (const char *const *f = weld_report_formats(); *f; f++)
        weld_bytes_free(ctx, render(r, *f));
    weld_report_free(r);
    weld_context_free(ctx);
}

static void a_long_name(char *name, size_t size, int number)
{
    memset(name, 'x', size);
    snprintf(name + size - 8, 8, "%d", number);
}

/* Below 1 MB with thousands of layers, values of alpha and classes, and long names. */
static void a_large_network_has_a_small_page(void **state)
{
    (void)state;
    enum { MANY = 2000, POINTS = 21 };
    weld_context *ctx = context();
    weld_report *r;
    double alpha[POINTS];
    char name[200];
    const char *members[] = {name, name, name, name, name};
    weld_report_spread spreads[POINTS] = {0};
    OK(weld_report_new(&r, ctx, NULL));
    put_match(r);
    put_lmc(r);
    for (int k = 0; k < POINTS; k++)
        alpha[k] = k / 20.0;
    OK(weld_report_put_llfc(r, alpha, POINTS, NULL));
    for (int i = 0; i < MANY; i++) {
        a_long_name(name, sizeof name, i);
        const weld_report_figures f = {
            .one_minus_cos = spreads, .coef = spreads, .coef_authors = spreads};
        const weld_report_row row = {name, {f, f}};
        const weld_report_class c = {name, "pinned", name, 64, 0, members, 5};
        OK(weld_report_put_row(r, &row, NULL));
        OK(weld_report_put_class(r, &r->match.classes, &c, NULL));
    }
    char *html, *md;
    OK(weld_report_text(&html, r, "html", NULL));
    OK(weld_report_text(&md, r, "md", NULL));
    assert_true(strlen(html) < 1000000);
    assert_non_null(strstr(html, "The first 300 of 2000; all are in the JSON report."));
    assert_null(strstr(html, "<script"));
    assert_true(strlen(md) < 1000000); /* GitHub's limit for the summary of a step is 1 MiB */
    weld_bytes_free(ctx, html);
    weld_bytes_free(ctx, md);
    weld_report_free(r);
    weld_context_free(ctx);
}

/* A command is copied into a shell as it is. */
static void the_command_is_quoted(void **state)
{
    (void)state;
    char *argv[] = {"onnxweld", "weld", "a b.onnx", "it's", "", "-o", "x_{alpha}.onnx"};
    weld_context *ctx = context();
    weld_report *r;
    char *text;
    OK(weld_report_new(&r, ctx, NULL));
    OK(weld_report_put_run(r, 7, argv, 1, NULL));
    OK(weld_report_text(&text, r, "md", NULL));
    assert_non_null(
        strstr(text, "onnxweld weld 'a b.onnx' 'it'\\''s' '' -o 'x_{alpha}.onnx'\n```"));
    weld_bytes_free(ctx, text);
    weld_report_free(r);
    weld_context_free(ctx);
}

static int line_count(const char *text)
{
    int count = 0;
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

/* Names of layers, how far each is from linear, and what order and blocks come of it. */
static void layers_stand_by_blocks(void **state)
{
    (void)state;
    static const struct {
        const char *names[6];
        double defects[6];
        size_t order[6];
        const char *blocks[6]; /* NULL = none */
    } cases[] = {
        {{"/layers.0/Conv", "/layers.3.body.0/Conv", "/layers.3/Add", "/layers.5.a/Conv",
          "/layers.5.b/Conv", "logits"},
         {1, 2, 3, 0, NAN, 5},
         {2, 1, 3, 4, 5, 0},
         {"/layers.3", "/layers.3", "/layers.5", "/layers.5", NULL, NULL}},
        {{"layer1.0.conv1", "layer2.0.conv1", "layer1.1.conv1", "layer2.1.conv1", "fc", "logits"},
         {1, 2, 3, 4, 5, 6},
         {2, 0, 3, 1, 5, 4},
         {"layer1", "layer1", "layer2", "layer2", NULL, NULL}},
        {{"/layers.0/Conv", "/layers.3/Conv", "/layers.7/Gemm", "", NULL, "logits"},
         {1, 1, 2, 0, 0, 3},
         {5, 2, 0, 1, 3, 4},
         {NULL, NULL, NULL, NULL, NULL, NULL}}};
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        static const double alpha[] = {0.5};
        weld_report_row rows[6] = {{0}};
        weld_report_spread spreads[6] = {{0}};
        const weld_report_llfc l = {
            .alpha = alpha, .alpha_count = 1, .layers = rows, .layer_count = 6};
        size_t order[6];
        weld_block block[6];
        for (int k = 0; k < 6; k++) {
            spreads[k].mean = cases[n].defects[k];
            rows[k].name = cases[n].names[k];
            rows[k].variant[WELD_REPORT_ALIGNED].one_minus_cos = &spreads[k];
        }
        assert_int_equal(weld_order_worst_first(order, 6, &l, 0), 6);
        weld_order_by_block(order, block, 6, &l);
        for (int k = 0; k < 6; k++) {
            const char *name = cases[n].blocks[k];
            assert_int_equal(order[k], cases[n].order[k]);
            assert_int_equal(block[k].length, name ? strlen(name) : 0);
            assert_true(!name || strncmp(rows[block[k].first].name, name, strlen(name)) == 0);
        }
        assert_int_equal(weld_order_worst_first(order, 2, &l, 0), 2);
        assert_true(spreads[order[0]].mean >= spreads[order[1]].mean);
        for (int k = 0; k < 6; k++)
            assert_true(k == (int)order[0] || !(spreads[k].mean > spreads[order[1]].mean));
    }
}

static void text_is_short(void **state)
{
    (void)state;
    weld_context *ctx = context();
    weld_report *r = full_report(ctx);
    weld_report_output o = {SHA_B, "ab.onnx", 0.5};
    for (int i = 0; i < 20; i++)
        OK(weld_report_put_output(r, &o, NULL));
    char *text = render(r, "text");
    assert_true(line_count(text) <= 24);
    assert_null(strchr(text, '\x1b'));
    assert_non_null(strstr(text, "272 474 params"));
    assert_non_null(strstr(text, "verified"));
    assert_non_null(strstr(text, "WARN"));
    weld_bytes_free(ctx, text);
    weld_report_free(r);
    weld_context_free(ctx);
}

static void inspection_and_obstacles_are_listed(void **state)
{
    (void)state;
    weld_context *ctx = context();
    weld_report *r;
    const char *const members[] = {"fc1.W[0]"};
    weld_report_class c = {"fc1", "pinned", "its units are an output", 9, -1, members, 1};
    weld_report_value v = {"input", "float32", "N x 3 x 32 x 32", NULL};
    weld_report_value inner = {"h", "float16", "[N, ?, 64]", "MatMul"};
    weld_report_layer l = {"fc1", "Dense", "3072 -> 9"};
    const char *const formats[] = {"text", "json", "html", "md"};
    OK(weld_report_new(&r, ctx, NULL));
    r->inspection.present = true;
    OK(weld_report_put_value(r, &r->inspection.inputs, &v, NULL));
    OK(weld_report_put_layer(r, &l, NULL));
    OK(weld_report_put_class(r, &r->inspection.classes, &c, NULL));
    OK(weld_report_line(r, &r->inspection.notes, NULL, "Dropout %s removed", "d1"));
    r->shapes.present = true;
    OK(weld_report_put_value(r, &r->shapes.values, &inner, NULL));
    OK(weld_report_line(r, &r->shapes.notes, NULL, "size %s is taken as 8", "seq"));
    for (int i = 0; i < 40; i++)
        OK(weld_report_line(r, &r->obstacles, NULL, "layer %d: widths differ", i));
    assert_string_equal(weld_report_verdict(r), "fail");
    for (int i = 0; i < 4; i++) {
        char *text;
        OK(weld_report_text(&text, r, formats[i], NULL));
        assert_non_null(strstr(text, "N x 3 x 32 x 32"));
        assert_non_null(strstr(text, "its units are an output"));
        assert_non_null(strstr(text, "Dropout d1 removed"));
        assert_non_null(strstr(text, "MatMul"));
        assert_non_null(strstr(text, "[N, ?, 64]"));
        assert_non_null(strstr(text, "size seq is taken as 8"));
        assert_non_null(strstr(text, "layer 39: widths differ"));
        assert_null(strstr(text, "\"lmc\""));
        assert_null(strstr(text, "\"moved\""));
        weld_bytes_free(ctx, text);
    }
    weld_report_free(r);
    weld_context_free(ctx);
}

static void unknown_format_is_refused(void **state)
{
    (void)state;
    weld_context *ctx = context();
    weld_report *r;
    char *text;
    weld_error err = WELD_ERROR_INIT;
    OK(weld_report_new(&r, ctx, NULL));
    assert_int_equal(weld_report_text(&text, r, "pdf", &err), WELD_E_ARGUMENT);
    assert_null(text);
    assert_non_null(strstr(err.message, "pdf"));
    for (const char *const *f = weld_report_formats(); *f; f++) { /* an empty report is one too */
        OK(weld_report_text(&text, r, *f, &err));
        weld_bytes_free(ctx, text);
    }
    weld_report_free(r);
    weld_context_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_has_the_values),
        cmocka_unit_test(json_has_the_numbers),
        cmocka_unit_test(the_verdict_is_a_sentence),
        cmocka_unit_test(html_is_escaped_and_self_contained),
        cmocka_unit_test(names_are_escaped),
        cmocka_unit_test(every_format_is_written),
        cmocka_unit_test(a_large_network_has_a_small_page),
        cmocka_unit_test(the_command_is_quoted),
        cmocka_unit_test(layers_stand_by_blocks),
        cmocka_unit_test(text_is_short),
        cmocka_unit_test(inspection_and_obstacles_are_listed),
        cmocka_unit_test(unknown_format_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
