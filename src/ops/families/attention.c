/* Attention of ai.onnx: queries, keys and values already projected. */
#include "ops/attention.h"
#include <stddef.h>

enum { QUERY, KEY, VALUE, MASK, PAST_KEY, PAST_VALUE, LENGTHS };
enum { OUT_Y, OUT_KEY, OUT_VALUE, OUT_SCORES };

typedef struct attention_attrs {
    int64_t is_causal, kv_heads, q_heads; /* heads: 0 = absent */
    int64_t stage;                        /* of qk_matmul_output: weld_attention.stage */
    int64_t precision;                    /* 0 = absent */
    float scale, softcap;
} attention_attrs;

static const float scale_absent = -FLT_MAX;

static const weld_field attention_fields[] = {
    {"is_causal", WELD_FIELD_INT, offsetof(attention_attrs, is_causal), 0.0, NULL, false},
    {"kv_num_heads", WELD_FIELD_INT, offsetof(attention_attrs, kv_heads), 0.0, NULL, false},
    {"q_num_heads", WELD_FIELD_INT, offsetof(attention_attrs, q_heads), 0.0, NULL, false},
    {"qk_matmul_output_mode", WELD_FIELD_INT, offsetof(attention_attrs, stage), 0.0, NULL, false},
    {"scale", WELD_FIELD_FLOAT, offsetof(attention_attrs, scale), -(double)FLT_MAX, NULL, false},
    {"softcap", WELD_FIELD_FLOAT, offsetof(attention_attrs, softcap), 0.0, NULL, false},
    {"softmax_precision", WELD_FIELD_INT, offsetof(attention_attrs, precision), 0.0, NULL, false},
    {0}};

/* softmax_precision only asks for a precision; we compute in float32 or wider, and sum in double. */
static weld_status attention_check(const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const attention_attrs *attrs = node->attrs;
    WELD_REQUIRE(attrs->is_causal == 0 || attrs->is_causal == 1, WELD_E_FORMAT,
                 "is_causal is %" PRId64 ", must be 0 or 1", attrs->is_causal);
    WELD_REQUIRE(attrs->q_heads >= 0 && attrs->q_heads <= INT32_MAX, WELD_E_FORMAT,
                 "q_num_heads is %" PRId64 ", must be in 1..%d", attrs->q_heads, INT32_MAX);
    WELD_REQUIRE(attrs->kv_heads >= 0 && attrs->kv_heads <= INT32_MAX, WELD_E_FORMAT,
                 "kv_num_heads is %" PRId64 ", must be in 1..%d", attrs->kv_heads, INT32_MAX);
    WELD_REQUIRE(attrs->stage >= 0 && attrs->stage <= 3, WELD_E_FORMAT,
                 "qk_matmul_output_mode is %" PRId64 ", must be in 0..3", attrs->stage);
    WELD_REQUIRE(attrs->precision == 0 || (attrs->precision > 0 && attrs->precision <= INT32_MAX &&
                                           weld_dtype_is_float((int)attrs->precision)),
                 WELD_E_FORMAT, "softmax_precision is %" PRId64 ", must be a floating-point type",
                 attrs->precision);
    WELD_REQUIRE(attrs->scale == scale_absent || (attrs->scale >= 0 && isfinite(attrs->scale)),
                 WELD_E_FORMAT, "scale is %g, must be finite and >= 0", (double)attrs->scale);
    WELD_REQUIRE(attrs->softcap >= 0 && isfinite(attrs->softcap), WELD_E_FORMAT,
                 "softcap is %g, must be finite and >= 0", (double)attrs->softcap);
done:
    return st;
}

/* What an operand of shape [B, H, S, D] or [B, S, H * D] holds. */
typedef struct head_shape {
    int64_t batches, heads, rows, size;
} head_shape;

/* `heads` is for packed operands; 0 where it does not divide the hidden size, then size is 0. */
static head_shape head_shape_of(const weld_shape *s, int64_t heads)
{
    if (s->rank == 4)
        return (head_shape){s->dims[0], s->dims[1], s->dims[2], s->dims[3]};
    const bool divides = heads > 0 && s->dims[2] % heads == 0;
    return (head_shape){s->dims[0], heads, s->dims[1], divides ? s->dims[2] / heads : 0};
}

static weld_status attention_types(const weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_TRY(weld_operand_type(inf, QUERY, WELD_TYPES_FLOAT, err));
    WELD_TRY(weld_operand_type(inf, KEY, WELD_TYPES_FLOAT, err));
    WELD_TRY(weld_operand_type(inf, VALUE, WELD_TYPES_FLOAT, err));
    WELD_TRY(weld_operand_agree(inf, QUERY, KEY, err));
    WELD_REQUIRE(weld_compute_size((int)weld_infer_dtype(inf, VALUE)) ==
                     weld_compute_size((int)weld_infer_dtype(inf, QUERY)),
                 WELD_E_UNSUPPORTED, "double mixed with another type in inputs 0 and 2");
    if (weld_infer_shape(inf, MASK))
        WELD_TRY(weld_operand_type(inf, MASK, WELD_TYPES_ANY, err));
    WELD_REQUIRE(!weld_infer_shape(inf, PAST_KEY) == !weld_infer_shape(inf, PAST_VALUE),
                 WELD_E_FORMAT, "past_key and past_value must be given together");
    if (weld_infer_shape(inf, PAST_KEY)) {
        WELD_TRY(weld_operand_agree(inf, KEY, PAST_KEY, err));
        WELD_TRY(weld_operand_agree(inf, VALUE, PAST_VALUE, err));
    }
    if (weld_infer_shape(inf, LENGTHS)) {
        WELD_REQUIRE(node->opset >= 24, WELD_E_FORMAT, "input 6 given, opset %d has 6 inputs",
                     node->opset);
        WELD_TRY(weld_operand_type(inf, LENGTHS, 1u << WELD_INT64, err));
    }
done:
    return st;
}

/* Query, key and value fit each other. */
static weld_status attention_operands(const weld_infer *inf, const attention_attrs *attrs,
                                      weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_shape *s[3];
    char t[3][128];
    for (int i = QUERY; i <= VALUE; i++) {
        s[i] = weld_infer_shape(inf, i);
        weld_shape_text(s[i], t[i]);
    }
    const int rank = s[QUERY]->rank;
    WELD_REQUIRE((rank == 3 || rank == 4) && s[KEY]->rank == rank && s[VALUE]->rank == rank,
                 WELD_E_FORMAT, "Q, K, V have shapes %s, %s, %s, must be of one rank, 3 or 4", t[0],
                 t[1], t[2]);
    WELD_REQUIRE(rank == 4 || (attrs->q_heads && attrs->kv_heads), WELD_E_FORMAT,
                 "q_num_heads and kv_num_heads are required with Q of rank 3");
    const head_shape q = head_shape_of(s[QUERY], attrs->q_heads);
    const head_shape k = head_shape_of(s[KEY], attrs->kv_heads);
    const head_shape v = head_shape_of(s[VALUE], attrs->kv_heads);
    WELD_REQUIRE((!attrs->q_heads || attrs->q_heads == q.heads) &&
                     (!attrs->kv_heads || attrs->kv_heads == k.heads),
                 WELD_E_FORMAT, "%" PRId64 " and %" PRId64 " heads in Q %s and K %s",
                 attrs->q_heads, attrs->kv_heads, t[0], t[1]);
    WELD_REQUIRE(q.size > 0 && k.size > 0 && v.size > 0, WELD_E_FORMAT,
                 "%" PRId64 " heads of Q %s, %" PRId64 " of K %s and V %s must have sizes > 0",
                 q.heads, t[0], k.heads, t[1], t[2]);
    WELD_REQUIRE(k.heads > 0 && q.heads % k.heads == 0, WELD_E_FORMAT,
                 "%" PRId64 " heads of Q must be a multiple of %" PRId64 " of K", q.heads, k.heads);
    WELD_REQUIRE(q.batches == k.batches && q.batches == v.batches && k.heads == v.heads &&
                     k.rows == v.rows && q.size == k.size,
                 WELD_E_FORMAT, "Q %s, K %s, V %s differ in batch, heads, length or size of a head",
                 t[0], t[1], t[2]);
done:
    return st;
}

/* x: [B, H, any length, D] */
static weld_status attention_cache(const weld_infer *inf, int i, const head_shape *want,
                                   int64_t *length, weld_error *err)
{
    const weld_shape *x = weld_infer_shape(inf, i);
    char text[128];
    if (!x)
        return WELD_OK;
    if (x->rank != 4 || x->dims[0] != want->batches || x->dims[1] != want->heads ||
        x->dims[3] != want->size)
        return weld_fail(err, WELD_E_FORMAT,
                         "%s has shape %s, must be [%" PRId64 ", %" PRId64 ", any, %" PRId64 "]",
                         i == PAST_KEY ? "past_key" : "past_value", weld_shape_text(x, text),
                         want->batches, want->heads, want->size);
    *length = x->dims[2];
    return WELD_OK;
}

/* The mask broadcasts to `scores`; its last axis may be shorter. */
static weld_status attention_masks(const weld_infer *inf, const weld_shape *scores, weld_error *err)
{
    const weld_shape *mask = weld_infer_shape(inf, MASK);
    const weld_shape *lengths = weld_infer_shape(inf, LENGTHS);
    char text[128], want[128];
    bool fits = !mask || (mask->rank >= 1 && mask->rank <= 4 &&
                          mask->dims[mask->rank - 1] <= scores->dims[3]);
    for (int k = 0; mask && fits && k < mask->rank - 1; k++)
        fits = mask->dims[k] == 1 || mask->dims[k] == scores->dims[4 - mask->rank + k];
    if (!fits)
        return weld_fail(err, WELD_E_FORMAT, "attn_mask has shape %s, must broadcast to %s",
                         weld_shape_text(mask, text), weld_shape_text(scores, want));
    if (lengths && (lengths->rank != 1 || lengths->dims[0] != scores->dims[0]))
        return weld_fail(err, WELD_E_FORMAT, "nonpad_kv_seqlen has shape %s, must be [%" PRId64 "]",
                         weld_shape_text(lengths, text), scores->dims[0]);
    return WELD_OK;
}

static weld_status attention_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const attention_attrs *attrs = node->attrs;
    const weld_dtype dtype = weld_infer_dtype(inf, QUERY);
    int64_t past = 0, past_value = 0;
    WELD_REQUIRE(node->outputs[OUT_Y] >= 0, WELD_E_FORMAT, "output Y is left out");
    WELD_TRY(attention_types(inf, node, err));
    WELD_TRY(attention_operands(inf, attrs, err));
    const head_shape q = head_shape_of(weld_infer_shape(inf, QUERY), attrs->q_heads);
    const head_shape k = head_shape_of(weld_infer_shape(inf, KEY), attrs->kv_heads);
    const head_shape v = head_shape_of(weld_infer_shape(inf, VALUE), attrs->kv_heads);
    WELD_TRY(attention_cache(inf, PAST_KEY, &k, &past, err));
    WELD_TRY(attention_cache(inf, PAST_VALUE, &v, &past_value, err));
    WELD_REQUIRE(past == past_value, WELD_E_FORMAT,
                 "past_key has length %" PRId64 ", past_value %" PRId64 ", must be equal", past,
                 past_value);
    const int64_t columns = past + k.rows;
    const weld_shape scores = {4, {q.batches, q.heads, q.rows, columns}};
    const weld_shape key = {4, {k.batches, k.heads, columns, k.size}};
    const weld_shape value = {4, {v.batches, v.heads, columns, v.size}};
    weld_shape y = {4, {q.batches, q.heads, q.rows, v.size}};
    if (weld_infer_shape(inf, QUERY)->rank == 3)
        y = (weld_shape){3, {q.batches, q.rows, q.heads * v.size}};
    WELD_TRY(attention_masks(inf, &scores, err));
    WELD_TRY(weld_infer_set(inf, OUT_Y, dtype, &y, err));
    WELD_TRY(weld_infer_set(inf, OUT_KEY, dtype, &key, err));
    WELD_TRY(weld_infer_set(inf, OUT_VALUE, weld_infer_dtype(inf, VALUE), &value, err));
    WELD_TRY(weld_infer_set(inf, OUT_SCORES, dtype, &scores, err));
done:
    return st;
}

/* ---- kernel ---------------------------------------------------------------------- */

static weld_attention attention_of(const weld_kernel_args *args, const weld_node *node)
{
    const attention_attrs *attrs = node->attrs;
    const weld_tensor *q = args->in[QUERY], *k = args->in[KEY], *v = args->in[VALUE];
    const weld_tensor *past_key = weld_given_input(args, node, PAST_KEY);
    const weld_tensor *past_value = weld_given_input(args, node, PAST_VALUE);
    const head_shape sq = head_shape_of(&q->shape, attrs->q_heads);
    const head_shape sk = head_shape_of(&k->shape, attrs->kv_heads);
    weld_attention a = {.batches = sq.batches,
                        .heads = sq.heads,
                        .kv_heads = sk.heads,
                        .rows = sq.rows,
                        .part = {past_key ? past_key->shape.dims[2] : 0, sk.rows},
                        .key_size = sq.size,
                        .value_size = head_shape_of(&v->shape, attrs->kv_heads).size,
                        .query = weld_heads_of(q, sq.heads),
                        .key = {{0}, weld_heads_of(k, sk.heads)},
                        .value = {{0}, weld_heads_of(v, sk.heads)},
                        .y = weld_heads_of(args->out[OUT_Y], sq.heads),
                        .scale = attrs->scale == scale_absent ? 1 / sqrt((weld_real)sq.size)
                                                              : (weld_real)attrs->scale,
                        .softcap = attrs->softcap,
                        .masked = -(weld_real)INFINITY,
                        .causal = attrs->is_causal != 0,
                        .stage = attrs->stage,
                        .scores = args->scratch};
    const weld_tensor *mask = weld_given_input(args, node, MASK),
                      *lengths = weld_given_input(args, node, LENGTHS);
    if (past_key) {
        a.key[0] = weld_heads_of(past_key, sk.heads);
        a.value[0] = weld_heads_of(past_value, sk.heads);
    }
    a.columns = a.part[0] + a.part[1];
    a.masks[0] = weld_attention_mask_of(mask, mask && mask->dtype == WELD_BOOL);
    a.lengths = lengths ? lengths->i : NULL;
    a.offset_by_length = lengths && !past_key;
    a.kept = weld_given_output(args, node, OUT_SCORES);
    return a;
}

static size_t attention_scratch(const weld_kernel_args *args, const weld_node *node)
{
    const weld_attention a = attention_of(args, node);
    return weld_attention_scratch(a.rows, a.columns);
}

static weld_status attention_run(const weld_kernel_args *args, const weld_node *node,
                                 weld_error *err)
{
    const weld_attention a = attention_of(args, node);
    weld_real *key = weld_given_output(args, node, OUT_KEY);
    weld_real *value = weld_given_output(args, node, OUT_VALUE);
    const weld_status st = weld_attention_run(&a, args->out[OUT_Y], "nonpad_kv_seqlen", err);
    if (key && st == WELD_OK)
        weld_attention_join(key, &a, a.key, a.key_size);
    if (value && st == WELD_OK)
        weld_attention_join(value, &a, a.value, a.value_size);
    return st;
}

/* ---- ties ------------------------------------------------------------------------ */

/* Axes of an operand, -1 = it has none: packed ones have no axis of heads. */
typedef struct head_axes {
    int heads, rows, size;
} head_axes;

static int output_value(const weld_node *node, int i)
{
    return i < node->output_count ? node->outputs[i] : -1;
}

/* Rows of queries, and columns: the rows of keys and values, which the softmax combines. */
static void attention_tie_sequences(weld_ties *ties, int index, const weld_node *node, int rows)
{
    const attention_attrs *attrs = node->attrs;
    const int q = node->inputs[QUERY], k = node->inputs[KEY], v = node->inputs[VALUE];
    const int mask = weld_node_input(node, MASK), past = weld_node_input(node, PAST_KEY);
    const int past_value = weld_node_input(node, PAST_VALUE), y = node->outputs[OUT_Y];
    const int scores = output_value(node, OUT_SCORES);
    const int all[2] = {output_value(node, OUT_KEY), output_value(node, OUT_VALUE)};
    const int64_t cached = past >= 0 ? weld_tie_shape(ties, past)->dims[2] : 0;
    const int64_t columns = cached + weld_tie_shape(ties, k)->dims[rows];
    weld_tie_axes(ties, q, rows, y, rows);
    weld_tie_axes(ties, q, rows, scores, 2);
    weld_tie_axes(ties, k, rows, v, rows);
    weld_tie_axes(ties, past, 2, past_value, 2);
    const int last = mask >= 0 ? weld_tie_shape(ties, mask)->rank - 1 : 0;
    const int wholes[4] = {all[0], all[1], scores, mask}, axes[4] = {2, 2, 3, last};
    for (int i = 0; i < 4; i++) {
        weld_attention_tie_columns(ties, past, 2, 0, wholes[i], axes[i]);
        weld_attention_tie_columns(ties, k, rows, cached, wholes[i], axes[i]);
    }
    weld_tie_position(ties, q, rows);
    weld_tie_position(ties, k, rows);
    weld_tie_position(ties, past, 2);
    weld_tie_mix(ties, k, rows);
    weld_tie_mix(ties, past, 2);
    weld_tie_axes(ties, q, 0, weld_node_input(node, LENGTHS), 0);
    const bool is_short = mask >= 0 && weld_tie_shape(ties, mask)->dims[last] < columns;
    if (attrs->is_causal)
        weld_tie_pin(ties, index, q, rows, "Attention is_causal");
    if (attrs->is_causal || is_short || weld_node_input(node, LENGTHS) >= 0) {
        weld_tie_pin(ties, index, k, rows, "Attention positions");
        weld_tie_pin(ties, index, past, 2, "Attention positions");
    }
}

/* Packed heads, without caches: they move as blocks, keys with queries, values with what comes out. */
static bool attention_tie_packed(weld_ties *ties, int index, const weld_node *node,
                                 const int operands[9], int64_t heads, int64_t kv_heads)
{
    const int q = operands[0], k = operands[1], v = operands[2], y = operands[3];
    bool caches = weld_attention_mask_has_heads(ties, weld_node_input(node, MASK));
    for (int i = 4; i < 9; i++)
        caches = caches || operands[i] >= 0;
    if (caches || heads % kv_heads)
        return false;
    for (int i = 0; i < 4; i++) {
        weld_tie_axes(ties, q, 0, operands[i], 0);
        weld_tie_mix(ties, operands[i], 2);
    }
    weld_attention_tie_heads(ties, index, q, 2, 0, heads, k, 2, 0, kv_heads,
                             weld_tie_shape(ties, k)->dims[2] / kv_heads);
    weld_attention_tie_heads(ties, index, y, 2, 0, heads, v, 2, 0, kv_heads,
                             weld_tie_shape(ties, v)->dims[2] / kv_heads);
    return true;
}

/* Heads and the units within them. Heads of groups move only together, and where there are caches the
 * units of a packed axis only within their head: the ties of an axis can't say so. */
static void attention_tie_units(weld_ties *ties, int index, const weld_node *node,
                                const head_axes *at)
{
    const int operands[9] = {node->inputs[QUERY],
                             node->inputs[KEY],
                             node->inputs[VALUE],
                             node->outputs[OUT_Y],
                             weld_node_input(node, PAST_KEY),
                             weld_node_input(node, PAST_VALUE),
                             output_value(node, OUT_KEY),
                             output_value(node, OUT_VALUE),
                             output_value(node, OUT_SCORES)};
    const int q = operands[0], k = operands[1], v = operands[2], y = operands[3];
    const attention_attrs *attrs = node->attrs;
    const int64_t heads = head_shape_of(weld_tie_shape(ties, q), attrs->q_heads).heads;
    const int64_t kv_heads = head_shape_of(weld_tie_shape(ties, k), attrs->kv_heads).heads;
    if (at->heads < 0 && attention_tie_packed(ties, index, node, operands, heads, kv_heads))
        return;
    weld_tie_axes(ties, q, at->size, k, at->size);
    weld_tie_axes(ties, v, at->size, y, at->size);
    weld_tie_mix(ties, q, at->size);
    weld_tie_mix(ties, k, at->size);
    for (int i = 4; i < 8; i++) /* the caches, each with its key or value */
        weld_tie_axes(ties, i % 2 ? v : k, at->size, operands[i], 3);
    for (int i = 0; i < 9; i++) {
        const bool grouped = heads != kv_heads, packed = at->heads < 0 && heads > 1;
        const int head_axis = i < 4 ? at->heads : 1, size_axis = i < 4 ? at->size : 3;
        weld_tie_axes(ties, q, at->heads, operands[i], head_axis);
        if (grouped || packed)
            weld_tie_pin(ties, index, operands[i], head_axis, "Attention heads");
        if (packed && i < 8)
            weld_tie_pin(ties, index, operands[i], size_axis, "Attention heads");
        weld_tie_axes(ties, q, 0, operands[i], 0);
    }
}

static weld_status attention_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)err;
    const int q = node->inputs[QUERY];
    const bool packed = weld_tie_shape(ties, q)->rank == 3;
    const head_axes at = packed ? (head_axes){-1, 1, 2} : (head_axes){1, 2, 3};
    attention_tie_units(ties, index, node, &at);
    attention_tie_sequences(ties, index, node, at.rows);
    weld_attention_tie_mask(ties, index, weld_node_input(node, MASK), q,
                            (int[]){0, at.heads, at.rows});
    return WELD_OK;
}

WELD_DEFINE_OP(Attention) = {.name = "Attention",
                             .domain = "",
                             .opset_min = 23,
                             .opset_max = WELD_OPSET_MAX,
                             .inputs_min = 3,
                             .inputs_max = 7,
                             .outputs_min = 1,
                             .outputs_max = 4,
                             .fields = attention_fields,
                             .attrs_size = sizeof(attention_attrs),
                             .check = attention_check,
                             .infer = attention_infer,
                             .run = attention_run,
                             .tie = attention_tie,
                             .scratch_bytes = attention_scratch};
