/* com.microsoft Attention (with its projection) and MultiHeadAttention, as onnxruntime's optimizer
 * and exporters write them. */
#include "ops/attention.h"
#include <stddef.h>

typedef struct ms_attrs {
    int64_t heads, unidirectional, rotary, shares_buffer;
    weld_ints widths; /* hidden sizes of Q, K, V */
    float scale;      /* 0 = by the size of a head */
    float filter;     /* added where the mask is 0 */
} ms_attrs;

static const weld_field ms_attention_fields[] = {
    {"do_rotary", WELD_FIELD_INT, offsetof(ms_attrs, rotary), 0.0, NULL, false},
    {"mask_filter_value", WELD_FIELD_FLOAT, offsetof(ms_attrs, filter), -10000.0, NULL, false},
    {"num_heads", WELD_FIELD_INT, offsetof(ms_attrs, heads), 0.0, NULL, true},
    {"past_present_share_buffer", WELD_FIELD_INT, offsetof(ms_attrs, shares_buffer), 0.0, NULL,
     false},
    {"qkv_hidden_sizes", WELD_FIELD_INTS, offsetof(ms_attrs, widths), 0.0, NULL, false},
    {"rotary_embedding_dim", WELD_FIELD_IGNORED, 0, 0.0, NULL, false},
    {"scale", WELD_FIELD_FLOAT, offsetof(ms_attrs, scale), 0.0, NULL, false},
    {"unidirectional", WELD_FIELD_INT, offsetof(ms_attrs, unidirectional), 0.0, NULL, false},
    {0}};
static const weld_field ms_multi_head_fields[] = {
    {"mask_filter_value", WELD_FIELD_FLOAT, offsetof(ms_attrs, filter), -10000.0, NULL, false},
    {"num_heads", WELD_FIELD_INT, offsetof(ms_attrs, heads), 0.0, NULL, true},
    {"scale", WELD_FIELD_FLOAT, offsetof(ms_attrs, scale), 0.0, NULL, false},
    {"unidirectional", WELD_FIELD_INT, offsetof(ms_attrs, unidirectional), 0.0, NULL, false},
    {0}};

static weld_status ms_check(const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const ms_attrs *attrs = node->attrs;
    WELD_REQUIRE(attrs->heads > 0 && attrs->heads <= INT32_MAX, WELD_E_FORMAT,
                 "num_heads is %" PRId64 ", must be in 1..%d", attrs->heads, INT32_MAX);
    WELD_REQUIRE(attrs->unidirectional == 0 || attrs->unidirectional == 1, WELD_E_FORMAT,
                 "unidirectional is %" PRId64 ", must be 0 or 1", attrs->unidirectional);
    WELD_REQUIRE(isfinite(attrs->scale) && isfinite(attrs->filter), WELD_E_FORMAT,
                 "scale and mask_filter_value are %g and %g, must be finite", (double)attrs->scale,
                 (double)attrs->filter);
    WELD_REQUIRE(!attrs->rotary, WELD_E_UNSUPPORTED, "do_rotary is %" PRId64 ", supported: 0",
                 attrs->rotary);
    WELD_REQUIRE(!attrs->shares_buffer, WELD_E_UNSUPPORTED,
                 "past_present_share_buffer is %" PRId64 ", supported: 0", attrs->shares_buffer);
    if (node->op == &weld_op_MicrosoftAttention)
        WELD_TRY(weld_check_ints(&attrs->widths, "qkv_hidden_sizes", 3, 1, err));
done:
    return st;
}

/* Queries [B, S, H * D], new keys and values [B, current, H * D or H * D'], cached ones
 * [B, H, past, ...]. */
typedef struct ms_sizes {
    int64_t batches, rows, past, current, columns; /* columns = past + current */
    int64_t width[3];                              /* H * D, H * D, H * D' */
} ms_sizes;

/* Where an operator has what: numbers of its inputs. */
typedef struct ms_inputs {
    int bias, mask, scores, past, unsupported; /* `unsupported` and later ones must be left out */
} ms_inputs;

static ms_inputs ms_inputs_of(const weld_node *node)
{
    if (node->op == &weld_op_MicrosoftAttention)
        return (ms_inputs){2, 3, 5, 4, 6};
    return (ms_inputs){3, 4, 5, 6, 8};
}

/* Input i, where it is given, has the shape `want`, -1 = any size. */
static weld_status ms_fits(const weld_infer *inf, int i, weld_shape want, weld_error *err)
{
    const weld_shape *x = weld_infer_shape(inf, i);
    char text[128], wanted[128];
    bool fits = !x || x->rank == want.rank;
    for (int k = 0; x && fits && k < want.rank; k++)
        fits = want.dims[k] < 0 || want.dims[k] == x->dims[k];
    if (!fits)
        return weld_fail(err, WELD_E_FORMAT, "input %d has shape %s, must be %s (-1 = any)", i,
                         weld_shape_text(x, text), weld_shape_text(&want, wanted));
    return x ? weld_operand_agree(inf, 0, i, err) : WELD_OK;
}

/* What both operators have: heads, bias, mask, what is added to the scores. */
static weld_status ms_infer_common(const weld_infer *inf, const weld_node *node, const ms_sizes *s,
                                   weld_error *err)
{
    weld_status st = WELD_OK;
    const ms_inputs in = ms_inputs_of(node);
    const int64_t heads = ((const ms_attrs *)node->attrs)->heads;
    const int64_t total = s->width[0] + s->width[1] + s->width[2];
    const weld_shape *mask = weld_infer_shape(inf, in.mask);
    const weld_shape *added = weld_infer_shape(inf, in.scores);
    char text[128];
    WELD_REQUIRE(node->outputs[0] >= 0, WELD_E_FORMAT, "output 0 is left out");
    for (int i = in.unsupported; i < node->input_count; i++)
        WELD_REQUIRE(!weld_infer_shape(inf, i), WELD_E_UNSUPPORTED, "input %d of %s", i,
                     node->op->name);
    for (int i = 0; i < 3; i++)
        WELD_REQUIRE(s->width[i] > 0 && s->width[i] % heads == 0, WELD_E_FORMAT,
                     "%" PRId64 " heads must divide hidden size %" PRId64, heads, s->width[i]);
    WELD_TRY(ms_fits(inf, in.bias, (weld_shape){1, {total}}, err));
    if (mask) {
        WELD_TRY(weld_operand_type(inf, in.mask, 1u << WELD_INT32, err));
        const int64_t *d = mask->dims;
        WELD_REQUIRE(
            (mask->rank == 1 && d[0] == s->batches) ||
                (mask->rank == 2 && d[0] == s->batches && d[1] == s->columns) ||
                (mask->rank == 3 && d[0] == s->batches && d[1] == s->rows && d[2] == s->columns),
            WELD_E_UNSUPPORTED,
            "mask has shape %s, supported: [B], [B, L], [B, S, L] with B = %" PRId64
            ", S = %" PRId64 ", L = %" PRId64,
            weld_shape_text(mask, text), s->batches, s->rows, s->columns);
    }
    if (added) {
        WELD_TRY(weld_operand_agree(inf, 0, in.scores, err));
        const int64_t *d = added->dims;
        WELD_REQUIRE(added->rank == 4 && (d[0] == 1 || d[0] == s->batches) &&
                         (d[1] == 1 || d[1] == heads) && d[2] == s->rows && d[3] == s->columns,
                     WELD_E_FORMAT,
                     "attention_bias has shape %s, must broadcast to [%" PRId64 ", %" PRId64
                     ", %" PRId64 ", %" PRId64 "] on the first two axes",
                     weld_shape_text(added, text), s->batches, heads, s->rows, s->columns);
    }
done:
    return st;
}

/* ---- kernel ---------------------------------------------------------------------- */

/* All but query, key and value. */
static weld_attention ms_attention_of(const weld_kernel_args *args, const weld_node *node,
                                      const ms_sizes *s)
{
    const ms_attrs *attrs = node->attrs;
    const ms_inputs in = ms_inputs_of(node);
    const weld_tensor *mask = weld_given_input(args, node, in.mask);
    weld_attention a = {.batches = s->batches,
                        .heads = attrs->heads,
                        .kv_heads = attrs->heads,
                        .rows = s->rows,
                        .part = {s->past, s->current},
                        .columns = s->columns,
                        .key_size = s->width[0] / attrs->heads,
                        .value_size = s->width[2] / attrs->heads,
                        .y = weld_heads_of(args->out[0], attrs->heads),
                        .masked = attrs->filter,
                        .causal = attrs->unidirectional != 0,
                        .scores = args->scratch};
    a.scale = attrs->scale != 0 ? (weld_real)attrs->scale : 1 / sqrt((weld_real)a.key_size);
    a.masks[1] = weld_attention_mask_of(weld_given_input(args, node, in.scores), false);
    if (mask && mask->shape.rank == 1) {
        a.lengths = mask->i;
    } else if (mask) {
        a.masks[0] = weld_attention_mask_of(mask, true);
        a.masks[0].step[0] = (mask->shape.rank == 3 ? s->rows : 1) * s->columns;
        a.masks[0].step[1] = 0;
        a.masks[0].step[2] = mask->shape.rank == 3 ? s->columns : 0;
    }
    return a;
}

/* ---- ties ------------------------------------------------------------------------ */

/* q: [B, S, ..], k and v: [B, L, ..], y: [B, S, ..]; the softmax combines the rows of k and v. */
static void ms_tie_rows(weld_ties *ties, int index, const weld_node *node, int k, int v)
{
    const ms_attrs *attrs = node->attrs;
    const ms_inputs in = ms_inputs_of(node);
    const int q = node->inputs[0], y = node->outputs[0];
    const int mask = weld_node_input(node, in.mask), added = weld_node_input(node, in.scores);
    const int rank = mask >= 0 ? weld_tie_shape(ties, mask)->rank : 0;
    for (int axis = 0; axis < 2; axis++) {
        weld_tie_axes(ties, q, axis, y, axis);
        weld_tie_axes(ties, k, axis, v, axis);
    }
    weld_tie_axes(ties, q, 0, k, 0);
    weld_tie_axes(ties, q, 0, mask, 0);
    if (rank == 3)
        weld_tie_axes(ties, q, 1, mask, 1);
    weld_attention_tie_mask(ties, index, added, q, (int[]){0, -1, 1});
    weld_tie_position(ties, q, 1);
    weld_tie_position(ties, k, 1);
    weld_tie_mix(ties, k, 1);
    const bool cached = weld_node_input(node, in.past) >= 0;
    if (!cached && rank > 1)
        weld_tie_axes(ties, k, 1, mask, rank - 1);
    if (!cached)
        weld_tie_axes(ties, k, 1, added, 3);
    if (!cached && rank != 1 && !attrs->unidirectional)
        return;
    weld_tie_pin(ties, index, q, 1, "attention positions");
    weld_tie_pin(ties, index, k, 1, "attention positions");
    weld_tie_pin(ties, index, mask, rank - 1, "attention positions");
    weld_tie_pin(ties, index, added, 3, "attention positions");
}

/* ---- Attention: X [B, S, in] is projected by W [in, H D + H D + H D'] ------------------ */

static ms_sizes ms_projected_sizes(const weld_node *node, const weld_shape *x, const weld_shape *w,
                                   const weld_shape *past)
{
    const ms_attrs *attrs = node->attrs;
    const int64_t cached = past ? past->dims[3] : 0, third = w->dims[1] / 3;
    ms_sizes s = {x->dims[0], x->dims[1],          cached,
                  x->dims[1], cached + x->dims[1], {third, third, third}};
    for (int i = 0; i < 3 && attrs->widths.count == 3; i++)
        s.width[i] = attrs->widths.at[i];
    return s;
}

static weld_status ms_attention_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t heads = ((const ms_attrs *)node->attrs)->heads;
    const weld_shape *x = weld_infer_shape(inf, 0), *w = weld_infer_shape(inf, 1);
    const weld_shape *past = weld_infer_shape(inf, 4);
    char tx[128], tw[128];
    WELD_TRY(weld_operand_type(inf, 0, WELD_TYPES_FLOAT, err));
    WELD_TRY(weld_operand_type(inf, 1, WELD_TYPES_FLOAT, err));
    WELD_TRY(weld_operand_agree(inf, 0, 1, err));
    WELD_REQUIRE(x->rank == 3 && w->rank == 2 && x->dims[2] == w->dims[0] && w->dims[0] > 0,
                 WELD_E_FORMAT, "input %s and weights %s, must be [B, S, in] and [in, out]",
                 weld_shape_text(x, tx), weld_shape_text(w, tw));
    /* The cache holds keys, then values. */
    WELD_TRY(ms_fits(inf, 4, (weld_shape){5, {2, x->dims[0], heads, -1, -1}}, err));
    const ms_sizes s = ms_projected_sizes(node, x, w, past);
    WELD_REQUIRE(s.width[0] == s.width[1] && s.width[0] + s.width[1] + s.width[2] == w->dims[1],
                 WELD_E_FORMAT, "hidden sizes %" PRId64 ", %" PRId64 ", %" PRId64 " in weights %s",
                 s.width[0], s.width[1], s.width[2], weld_shape_text(w, tw));
    WELD_TRY(ms_infer_common(inf, node, &s, err));
    const int64_t size = s.width[0] / heads;
    WELD_REQUIRE((!past || past->dims[4] == size) &&
                     ((!past && node->output_count < 2) || s.width[2] == s.width[0]),
                 WELD_E_FORMAT, "keys, values and their cache must have one size, %" PRId64, size);
    /* The projection is scratch: it is limited as an output is. */
    const weld_shape projection = {3, {s.batches, s.rows, w->dims[1]}};
    const weld_shape y = {3, {s.batches, s.rows, s.width[2]}};
    const weld_shape present = {5, {2, s.batches, heads, s.columns, size}};
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &projection, err));
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &y, err));
    WELD_TRY(weld_infer_set(inf, 1, weld_infer_dtype(inf, 0), &present, err));
done:
    return st;
}

static ms_sizes ms_attention_sizes(const weld_kernel_args *args, const weld_node *node)
{
    const weld_tensor *past = weld_given_input(args, node, 4);
    return ms_projected_sizes(node, &args->in[0]->shape, &args->in[1]->shape,
                              past ? &past->shape : NULL);
}

/* Scratch: scores, then the projections [B * S, out]. */
static size_t ms_attention_scratch(const weld_kernel_args *args, const weld_node *node)
{
    const ms_sizes s = ms_attention_sizes(args, node);
    return weld_attention_scratch(s.rows, s.columns) +
           (size_t)(s.batches * s.rows) * (size_t)args->in[1]->shape.dims[1] * sizeof(weld_real);
}

static weld_status ms_attention_run(const weld_kernel_args *args, const weld_node *node,
                                    weld_error *err)
{
    const ms_sizes s = ms_attention_sizes(args, node);
    const weld_tensor *bias = weld_given_input(args, node, 2),
                      *past = weld_given_input(args, node, 4);
    const int64_t in = args->in[1]->shape.dims[0], out = args->in[1]->shape.dims[1];
    const int64_t samples = s.batches * s.rows;
    weld_attention a = ms_attention_of(args, node, &s);
    weld_real *z = a.scores + weld_attention_scratch(s.rows, s.columns) / sizeof(weld_real);
    const weld_gemm_shape shape = {
        .m = samples, .n = out, .k = in, .lda = in, .ldb = out, .ldc = out};
    for (int64_t i = 0; i < samples && bias; i++)
        memcpy(z + i * out, weld_reals(bias), (size_t)out * sizeof *z);
    if (samples > 0)
        weld_real_gemm(&shape, 1, weld_reals(args->in[0]), weld_reals(args->in[1]), bias ? 1 : 0,
                       z);
    a.query = (weld_heads){z, s.rows * out, a.key_size, out};
    a.key[1] = (weld_heads){z + s.width[0], s.rows * out, a.key_size, out};
    a.value[1] = (weld_heads){z + s.width[0] + s.width[1], s.rows * out, a.value_size, out};
    if (past) {
        const int64_t head = s.past * a.key_size, batch = a.heads * head;
        a.key[0] = (weld_heads){weld_reals(past), batch, head, a.key_size};
        a.value[0] = a.key[0];
        a.value[0].data += s.batches * batch;
    }
    weld_real *present = weld_given_output(args, node, 1);
    const weld_status st = weld_attention_run(&a, args->out[0], "mask", err);
    if (present && st == WELD_OK) {
        weld_attention_join(present, &a, a.key, a.key_size);
        present += s.batches * a.heads * s.columns * a.key_size;
        weld_attention_join(present, &a, a.value, a.value_size);
    }
    return st;
}

static weld_status ms_attention_tie(weld_ties *ties, int index, const weld_node *node,
                                    weld_error *err)
{
    (void)err;
    const int x = node->inputs[0], w = node->inputs[1], y = node->outputs[0];
    ms_tie_rows(ties, index, node, x, x);
    weld_tie_axes(ties, x, 2, w, 0);
    weld_tie_mix(ties, x, 2);
    weld_tie_mix(ties, w, 0);
    if (!weld_attention_has_caches(ties, node, 4)) {
        const ms_sizes s =
            ms_projected_sizes(node, weld_tie_shape(ties, x), weld_tie_shape(ties, w), NULL);
        const int operands[] = {w, w, w, y}, axes[] = {1, 1, 1, 2};
        const int64_t from[] = {0, s.width[0], s.width[0] + s.width[1]};
        weld_tie_axes(ties, weld_node_input(node, 2), 0, w, 1);
        weld_attention_tie_all(ties, index, ((const ms_attrs *)node->attrs)->heads, operands, axes,
                               from, s.width);
        return WELD_OK;
    }
    weld_tie_pin(ties, index, w, 1, "attention heads");
    weld_tie_pin(ties, index, weld_node_input(node, 2), 0, "attention heads");
    weld_tie_pin(ties, index, y, 2, "attention heads");
    weld_attention_pin_cache(ties, index, weld_node_input(node, 4), 1, y);
    if (node->output_count > 1)
        weld_attention_pin_cache(ties, index, node->outputs[1], 1, y);
    return WELD_OK;
}

WELD_DEFINE_OP(MicrosoftAttention) = {.name = "Attention",
                                      .domain = "com.microsoft",
                                      .opset_min = 1,
                                      .opset_max = 1,
                                      .inputs_min = 2,
                                      .inputs_max = 7,
                                      .outputs_min = 1,
                                      .outputs_max = 2,
                                      .fields = ms_attention_fields,
                                      .attrs_size = sizeof(ms_attrs),
                                      .check = ms_check,
                                      .infer = ms_attention_infer,
                                      .run = ms_attention_run,
                                      .tie = ms_attention_tie,
                                      .scratch_bytes = ms_attention_scratch};

/* ---- MultiHeadAttention: projected, but for a bias ------------------------------------- */

static ms_sizes ms_multi_head_sizes(const weld_shape *q, const weld_shape *k, const weld_shape *v,
                                    const weld_shape *past)
{
    const int64_t cached = past ? past->dims[2] : 0;
    return (ms_sizes){q->dims[0], q->dims[1],          cached,
                      k->dims[1], cached + k->dims[1], {q->dims[2], k->dims[2], v->dims[2]}};
}

static weld_status ms_multi_head_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const ms_attrs *attrs = node->attrs;
    const int64_t heads = attrs->heads;
    const weld_shape *past = weld_infer_shape(inf, 6), *past_value = weld_infer_shape(inf, 7);
    const weld_shape *x[3];
    char t[3][128];
    for (int i = 0; i < 3; i++) {
        WELD_REQUIRE(weld_infer_shape(inf, i), WELD_E_UNSUPPORTED,
                     "packed keys and values: input %d is left out", i);
        WELD_TRY(weld_operand_type(inf, i, WELD_TYPES_FLOAT, err));
        WELD_TRY(weld_operand_agree(inf, 0, i, err));
        x[i] = weld_infer_shape(inf, i);
        WELD_REQUIRE(x[i]->rank == 3, WELD_E_UNSUPPORTED,
                     "input %d has shape %s, supported: rank 3", i, weld_shape_text(x[i], t[i]));
        weld_shape_text(x[i], t[i]);
    }
    WELD_REQUIRE(x[0]->dims[0] == x[1]->dims[0] && x[0]->dims[0] == x[2]->dims[0] &&
                     x[1]->dims[1] == x[2]->dims[1] && x[0]->dims[2] == x[1]->dims[2],
                 WELD_E_FORMAT, "query %s, key %s, value %s differ in batch, length or hidden size",
                 t[0], t[1], t[2]);
    for (int i = 1; i < 3; i++) {
        const weld_shape cache = {4, {x[0]->dims[0], heads, -1, x[i]->dims[2] / heads}};
        WELD_TRY(ms_fits(inf, 5 + i, cache, err));
    }
    WELD_REQUIRE(!past == !past_value && (!past || past->dims[2] == past_value->dims[2]),
                 WELD_E_FORMAT, "past_key and past_value must be given together, of one length");
    const ms_sizes s = ms_multi_head_sizes(x[0], x[1], x[2], past);
    WELD_REQUIRE(!attrs->unidirectional || s.rows == s.current, WELD_E_UNSUPPORTED,
                 "unidirectional with %" PRId64 " queries of %" PRId64 " keys", s.rows, s.current);
    WELD_TRY(ms_infer_common(inf, node, &s, err));
    const weld_shape y = {3, {s.batches, s.rows, s.width[2]}};
    const weld_shape key = {4, {s.batches, heads, s.columns, s.width[1] / heads}};
    const weld_shape value = {4, {s.batches, heads, s.columns, s.width[2] / heads}};
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &y, err));
    WELD_TRY(weld_infer_set(inf, 1, weld_infer_dtype(inf, 0), &key, err));
    WELD_TRY(weld_infer_set(inf, 2, weld_infer_dtype(inf, 0), &value, err));
done:
    return st;
}

static ms_sizes ms_multi_head_sizes_of(const weld_kernel_args *args, const weld_node *node)
{
    const weld_tensor *past = weld_given_input(args, node, 6);
    return ms_multi_head_sizes(&args->in[0]->shape, &args->in[1]->shape, &args->in[2]->shape,
                               past ? &past->shape : NULL);
}

/* Scratch: scores, then query, key and value with their bias. */
static size_t ms_multi_head_scratch(const weld_kernel_args *args, const weld_node *node)
{
    const ms_sizes s = ms_multi_head_sizes_of(args, node);
    size_t bytes = weld_attention_scratch(s.rows, s.columns);
    for (int i = 0; i < 3 && weld_given_input(args, node, 3); i++)
        bytes += (size_t)weld_shape_numel(&args->in[i]->shape) * sizeof(weld_real);
    return bytes;
}

/* out = x + bias; x: [B, L, width], bias: [width] */
static void add_bias(weld_real *out, const weld_tensor *x, const weld_real *bias)
{
    const int64_t width = x->shape.dims[2], rows = x->shape.dims[0] * x->shape.dims[1];
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < width; i++)
            out[r * width + i] = weld_reals(x)[r * width + i] + bias[i];
}

static weld_status ms_multi_head_run(const weld_kernel_args *args, const weld_node *node,
                                     weld_error *err)
{
    const ms_sizes s = ms_multi_head_sizes_of(args, node);
    const weld_tensor *bias = weld_given_input(args, node, 3),
                      *past = weld_given_input(args, node, 6);
    weld_attention a = ms_attention_of(args, node, &s);
    weld_real *z = a.scores + weld_attention_scratch(s.rows, s.columns) / sizeof(weld_real);
    weld_heads *operands[3] = {&a.query, &a.key[1], &a.value[1]};
    int64_t at = 0;
    for (int i = 0; i < 3; at += s.width[i++]) {
        *operands[i] = weld_heads_of(args->in[i], a.heads);
        if (bias) {
            add_bias(z, args->in[i], weld_reals(bias) + at);
            operands[i]->data = z;
            z += weld_shape_numel(&args->in[i]->shape);
        }
    }
    if (past) {
        a.key[0] = weld_heads_of(past, a.heads);
        a.value[0] = weld_heads_of(args->in[7], a.heads);
    }
    weld_real *key = weld_given_output(args, node, 1), *value = weld_given_output(args, node, 2);
    const weld_status st = weld_attention_run(&a, args->out[0], "mask", err);
    if (key && st == WELD_OK)
        weld_attention_join(key, &a, a.key, a.key_size);
    if (value && st == WELD_OK)
        weld_attention_join(value, &a, a.value, a.value_size);
    return st;
}

static weld_status ms_multi_head_tie(weld_ties *ties, int index, const weld_node *node,
                                     weld_error *err)
{
    (void)err;
    const int y = node->outputs[0];
    ms_tie_rows(ties, index, node, node->inputs[1], node->inputs[2]);
    if (!weld_attention_has_caches(ties, node, 6) &&
        weld_tie_shape(ties, node->inputs[1])->rank == 3) {
        const int operands[] = {node->inputs[0], node->inputs[1], node->inputs[2], y};
        const int last[] = {2, 2, 2, 2}, bias = weld_node_input(node, 3);
        const int64_t from[3] = {0};
        int64_t width[3], at = 0;
        for (int i = 0; i < 3; at += width[i++]) {
            width[i] = weld_tie_shape(ties, operands[i])->dims[2];
            for (int64_t k = 0; bias >= 0 && k < width[i]; k++)
                weld_tie_unit(ties, bias, 0, at + k, operands[i], 2, k);
        }
        weld_attention_tie_all(ties, index, ((const ms_attrs *)node->attrs)->heads, operands, last,
                               from, width);
        return WELD_OK;
    }
    for (int i = 0; i < 3; i++) {
        weld_tie_pin(ties, index, node->inputs[i], 2, "attention heads");
        if (i > 0 && i < node->output_count)
            weld_attention_pin_cache(ties, index, node->outputs[i], 0, y);
    }
    weld_tie_pin(ties, index, y, 2, "attention heads");
    weld_tie_pin(ties, index, weld_node_input(node, 3), 0, "attention heads");
    weld_attention_pin_cache(ties, index, weld_node_input(node, 6), 0, y);
    weld_attention_pin_cache(ties, index, weld_node_input(node, 7), 0, y);
    return WELD_OK;
}

WELD_DEFINE_OP(MicrosoftMultiHeadAttention) = {.name = "MultiHeadAttention",
                                               .domain = "com.microsoft",
                                               .opset_min = 1,
                                               .opset_max = 1,
                                               .inputs_min = 1,
                                               .inputs_max = 10,
                                               .outputs_min = 1,
                                               .outputs_max = 3,
                                               .fields = ms_multi_head_fields,
                                               .attrs_size = sizeof(ms_attrs),
                                               .check = ms_check,
                                               .infer = ms_multi_head_infer,
                                               .run = ms_multi_head_run,
                                               .tie = ms_multi_head_tie,
                                               .scratch_bytes = ms_multi_head_scratch};
