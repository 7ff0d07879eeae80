/* RotaryEmbedding: pairs of units of a head are rotated by an angle that depends on the position. */
#include "ops/attention.h"
#include <stddef.h>

enum { ROTARY_X, ROTARY_COS, ROTARY_SIN, ROTARY_POSITIONS };

typedef struct rotary_attrs {
    int64_t interleaved, heads; /* heads: 0 = absent */
    int64_t size;               /* units of a head that are rotated, 0 = all */
} rotary_attrs;

static const weld_field rotary_fields[] = {
    {"interleaved", WELD_FIELD_INT, offsetof(rotary_attrs, interleaved), 0.0, NULL, false},
    {"num_heads", WELD_FIELD_INT, offsetof(rotary_attrs, heads), 0.0, NULL, false},
    {"rotary_embedding_dim", WELD_FIELD_INT, offsetof(rotary_attrs, size), 0.0, NULL, false},
    {0}};

static weld_status rotary_check(const weld_node *node, weld_error *err)
{
    const rotary_attrs *attrs = node->attrs;
    if (attrs->interleaved != 0 && attrs->interleaved != 1)
        return weld_fail(err, WELD_E_FORMAT, "interleaved is %" PRId64 ", must be 0 or 1",
                         attrs->interleaved);
    if (attrs->heads < 0 || attrs->heads > INT32_MAX)
        return weld_fail(err, WELD_E_FORMAT, "num_heads is %" PRId64 ", must be in 1..%d",
                         attrs->heads, INT32_MAX);
    if (attrs->size < 0 || attrs->size > INT32_MAX || attrs->size % 2 != 0)
        return weld_fail(err, WELD_E_FORMAT,
                         "rotary_embedding_dim is %" PRId64 ", must be even and in 0..%d",
                         attrs->size, INT32_MAX);
    return WELD_OK;
}

/* x: [B, H, S, D] or [B, S, H * D]; of each head the first 2 * pairs units are rotated. */
typedef struct rotary_sizes {
    int64_t batches, heads, rows, size, pairs;
} rotary_sizes;

static rotary_sizes rotary_sizes_of(const rotary_attrs *attrs, const weld_shape *x)
{
    const int64_t *d = x->dims;
    rotary_sizes s = {.batches = d[0], .heads = attrs->heads, .rows = d[1]};
    if (x->rank == 4) {
        s.heads = d[1];
        s.rows = d[2];
        s.size = d[3];
    } else if (s.heads > 0 && d[2] % s.heads == 0) {
        s.size = d[2] / s.heads;
    }
    s.pairs = (attrs->size ? attrs->size : s.size) / 2;
    return s;
}

/* cos and sin: [positions, pairs] with position_ids, else [B, S, pairs]. */
static weld_status rotary_tables(const weld_infer *inf, const rotary_sizes *s, weld_error *err)
{
    const weld_shape *ids = weld_infer_shape(inf, ROTARY_POSITIONS);
    const weld_shape by_row = {3, {s->batches, s->rows, s->pairs}};
    char text[128];
    for (int i = ROTARY_COS; i <= ROTARY_SIN; i++) {
        const weld_shape *table = weld_infer_shape(inf, i);
        const char *name = i == ROTARY_COS ? "cos_cache" : "sin_cache";
        weld_shape_text(table, text);
        if (!ids && !weld_shape_equal(table, &by_row))
            return weld_fail(err, WELD_E_FORMAT,
                             "%s has shape %s, must be [%" PRId64 ", %" PRId64 ", %" PRId64 "]",
                             name, text, s->batches, s->rows, s->pairs);
        if (ids && (table->rank != 2 || table->dims[1] != s->pairs))
            return weld_fail(err, WELD_E_FORMAT,
                             "%s has shape %s, must be [positions, %" PRId64 "]", name, text,
                             s->pairs);
    }
    if (!weld_shape_equal(weld_infer_shape(inf, ROTARY_COS), weld_infer_shape(inf, ROTARY_SIN)))
        return weld_fail(err, WELD_E_FORMAT, "cos_cache and sin_cache differ in shape");
    if (ids && (ids->rank != 2 || ids->dims[0] != s->batches || ids->dims[1] != s->rows))
        return weld_fail(err, WELD_E_FORMAT,
                         "position_ids has shape %s, must be [%" PRId64 ", %" PRId64 "]",
                         weld_shape_text(ids, text), s->batches, s->rows);
    return WELD_OK;
}

static weld_status rotary_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const rotary_attrs *attrs = node->attrs;
    const weld_shape *x = weld_infer_shape(inf, ROTARY_X);
    char text[128];
    for (int i = ROTARY_X; i <= ROTARY_SIN; i++) {
        WELD_TRY(weld_operand_type(inf, i, WELD_TYPES_FLOAT, err));
        WELD_TRY(weld_operand_agree(inf, ROTARY_X, i, err));
    }
    if (weld_infer_shape(inf, ROTARY_POSITIONS))
        WELD_TRY(weld_operand_type(inf, ROTARY_POSITIONS, 1u << WELD_INT64, err));
    weld_shape_text(x, text);
    WELD_REQUIRE(x->rank == 4 || (x->rank == 3 && attrs->heads), WELD_E_FORMAT,
                 "input has shape %s, must have rank 4, or rank 3 and attribute num_heads", text);
    const rotary_sizes s = rotary_sizes_of(attrs, x);
    WELD_REQUIRE(
        s.size > 0 && s.pairs > 0 && 2 * s.pairs <= s.size && (attrs->size || s.size % 2 == 0),
        WELD_E_FORMAT, "can't rotate %" PRId64 " units (0 = all) of %" PRId64 " heads of input %s",
        attrs->size, s.heads, text);
    WELD_TRY(rotary_tables(inf, &s, err));
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, ROTARY_X), x, err));
done:
    return st;
}

/* x, y: [size] of one head; cosine, sine: [pairs] */
static void rotate(const rotary_sizes *s, bool interleaved, const weld_real *x, weld_real *y,
                   const weld_real *cosine, const weld_real *sine)
{
    for (int64_t i = 0; i < s->pairs; i++) {
        const int64_t a = interleaved ? 2 * i : i, b = interleaved ? 2 * i + 1 : i + s->pairs;
        y[a] = cosine[i] * x[a] - sine[i] * x[b];
        y[b] = sine[i] * x[a] + cosine[i] * x[b];
    }
    for (int64_t i = 2 * s->pairs; i < s->size; i++)
        y[i] = x[i];
}

static weld_status rotary_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    const rotary_attrs *attrs = node->attrs;
    const rotary_sizes s = rotary_sizes_of(attrs, &args->in[ROTARY_X]->shape);
    const weld_heads x = weld_heads_of(args->in[ROTARY_X], s.heads);
    const weld_heads y = weld_heads_of(args->out[0], s.heads);
    const bool by_id = weld_node_input(node, ROTARY_POSITIONS) >= 0;
    const int64_t positions = by_id ? args->in[ROTARY_COS]->shape.dims[0] : 0;
    for (int64_t b = 0; b < s.batches; b++)
        for (int64_t r = 0; r < s.rows; r++) {
            int64_t at = b * s.rows + r;
            if (by_id) {
                const int64_t id = args->in[ROTARY_POSITIONS]->i[at];
                if (id < 0 || id >= positions)
                    return weld_fail(err, WELD_E_FORMAT,
                                     "position_ids[%" PRId64 ", %" PRId64 "] is %" PRId64
                                     ", must be in 0..%" PRId64,
                                     b, r, id, positions - 1);
                at = id;
            }
            const weld_real *cosine = weld_reals(args->in[ROTARY_COS]) + at * s.pairs;
            const weld_real *sine = weld_reals(args->in[ROTARY_SIN]) + at * s.pairs;
            for (int64_t h = 0; h < s.heads; h++)
                rotate(&s, attrs->interleaved != 0, weld_head_at(&x, b, h, r),
                       weld_head_at(&y, b, h, r), cosine, sine);
        }
    return WELD_OK;
}

/* Units rotate in pairs, each by a frequency of its own; positions are counted. */
static weld_status rotary_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)err;
    const char *why = "RotaryEmbedding pairs";
    const int x = node->inputs[ROTARY_X], y = node->outputs[0];
    const int ids = weld_node_input(node, ROTARY_POSITIONS);
    const int rank = weld_tie_shape(ties, x)->rank, rows = rank - 2;
    for (int k = 0; k < rank; k++)
        weld_tie_axes(ties, x, k, y, k);
    weld_tie_position(ties, x, rows);
    if (rank == 3) {
        const rotary_sizes s = rotary_sizes_of(node->attrs, weld_tie_shape(ties, x));
        weld_tie_blocks(ties, index, x, 2, 0, s.heads, s.size);
        weld_tie_places(ties, index, x, 2, 0, s.heads, s.size, why);
    } else {
        weld_tie_pin(ties, index, x, rank - 1, why);
    }
    for (int i = ROTARY_COS; i <= ROTARY_SIN; i++) {
        const int table = node->inputs[i];
        weld_tie_pin(ties, index, table, weld_tie_shape(ties, table)->rank - 1, why);
        if (ids >= 0) {
            weld_tie_position(ties, table, 0);
            weld_tie_pin(ties, index, table, 0, "RotaryEmbedding positions");
        } else {
            weld_tie_axes(ties, table, 0, x, 0);
            weld_tie_axes(ties, table, 1, x, rows);
        }
    }
    if (ids >= 0) {
        weld_tie_axes(ties, ids, 0, x, 0);
        weld_tie_axes(ties, ids, 1, x, rows);
    }
    return WELD_OK;
}

WELD_DEFINE_OP(RotaryEmbedding) = {.name = "RotaryEmbedding",
                                   .domain = "",
                                   .opset_min = 23,
                                   .opset_max = WELD_OPSET_MAX,
                                   .inputs_min = 3,
                                   .inputs_max = 4,
                                   .outputs_min = 1,
                                   .outputs_max = 1,
                                   .fields = rotary_fields,
                                   .attrs_size = sizeof(rotary_attrs),
                                   .check = rotary_check,
                                   .infer = rotary_infer,
                                   .run = rotary_run,
                                   .tie = rotary_tie};
