/* Scaled dot-product attention, shared by the operators that contain it:
 * Y = softmax(scale Q K^T + bias) V, for each head of each batch. Compiled into its users, as
 * kernels are, for float and for double. */
#ifndef WELD_OPS_ATTENTION_H
#define WELD_OPS_ATTENTION_H
#include "ops/operand.h"
#include <inttypes.h>
#include <string.h>
#include <tgmath.h>

/* An operand of a node, NULL where it is left out. */
static inline const weld_tensor *weld_given_input(const weld_kernel_args *args,
                                                  const weld_node *node, int i)
{
    return weld_node_input(node, i) >= 0 ? args->in[i] : NULL;
}

static inline weld_real *weld_given_output(const weld_kernel_args *args, const weld_node *node,
                                           int i)
{
    return i < node->output_count && node->outputs[i] >= 0 ? weld_reals(args->out[i]) : NULL;
}

/* Query rows computed at once: bounds the scratch. */
enum { WELD_ATTENTION_ROWS = 64 };

/* A matrix per head: row r of head h of batch b starts at data + b batch + h head + r row. */
typedef struct weld_heads {
    weld_real *data;
    int64_t batch, head, row;
} weld_heads;

/* t: [B, H, S, D], or packed [B, S, H * D]. */
static inline weld_heads weld_heads_of(const weld_tensor *t, int64_t heads)
{
    const int64_t *d = t->shape.dims;
    if (t->shape.rank == 4)
        return (weld_heads){weld_reals(t), d[1] * d[2] * d[3], d[2] * d[3], d[3]};
    return (weld_heads){weld_reals(t), d[1] * d[2], d[2] / heads, d[2]};
}

static inline weld_real *weld_head_at(const weld_heads *m, int64_t b, int64_t h, int64_t r)
{
    return m->data + b * m->batch + h * m->head + r * m->row;
}

/* Added to the scores [B, H, S, L]. */
typedef struct weld_attention_mask {
    const weld_tensor *values; /* NULL = no mask */
    int64_t step[4];           /* per batch, head, row, column */
    int64_t count;             /* columns from here on are masked */
    bool chooses;              /* > 0 keeps an entry, others mask it; else values are added */
} weld_attention_mask;

/* `shape` of the mask broadcasts to [B, H, S, L], but the last axis is `count` long. */
static inline weld_attention_mask weld_attention_mask_of(const weld_tensor *values, bool chooses)
{
    weld_attention_mask mask = {.values = values, .chooses = chooses};
    if (!values)
        return mask;
    const int rank = values->shape.rank;
    int64_t strides[WELD_RANK_MAX];
    weld_strides(strides, &values->shape);
    for (int k = 0; k < rank; k++)
        mask.step[4 - rank + k] = k < rank - 1 && values->shape.dims[k] == 1 ? 0 : strides[k];
    mask.count = values->shape.dims[rank - 1];
    return mask;
}

/* Key and value have two parts, one after the other: the cached one and the new one. */
typedef struct weld_attention {
    int64_t batches, heads, kv_heads;      /* kv_heads divides heads */
    int64_t rows, part[2], columns;        /* columns = part[0] + part[1] */
    int64_t key_size, value_size;          /* > 0 */
    weld_heads query, key[2], value[2], y; /* [S, D], [L, D], [L, D'], [S, D'] of each head */
    weld_real scale, softcap;              /* softcap 0 = none */
    weld_attention_mask masks[2];
    weld_real masked;       /* added to the score of a masked entry */
    const int64_t *lengths; /* [B] columns from there on are masked; NULL = none are */
    bool causal;            /* row i sees columns 0..i + offset */
    bool offset_by_length;  /* offset = lengths[b] - rows, else the length of the cache */
    weld_real *kept;        /* [B, H, S, L] scores as of stage 0..3; NULL = not asked for */
    int64_t stage;          /* 0 product, 1 after softcap, 2 after masks, 3 after softmax */
    weld_real *scores;      /* scratch [WELD_ATTENTION_ROWS, L] */
} weld_attention;

static inline size_t weld_attention_scratch(int64_t rows, int64_t columns)
{
    const int64_t block = rows < WELD_ATTENTION_ROWS ? rows : WELD_ATTENTION_ROWS;
    return (size_t)block * (size_t)columns * sizeof(weld_real);
}

/* row: [L] scores of query row s */
static inline void weld_attention_bias(const weld_attention *a, int64_t b, int64_t h, int64_t s,
                                       weld_real *row)
{
    for (int m = 0; m < 2; m++) {
        const weld_attention_mask *mask = &a->masks[m];
        const int64_t from = b * mask->step[0] + h * mask->step[1] + s * mask->step[2];
        for (int64_t j = 0; mask->values && j < mask->count; j++) {
            const weld_real v =
                (weld_real)weld_tensor_number(mask->values, from + j * mask->step[3]);
            if (!mask->chooses)
                row[j] += v;
            else if (!(v > 0))
                row[j] += a->masked;
        }
        for (int64_t j = mask->count; mask->values && j < a->columns; j++)
            row[j] = -(weld_real)INFINITY;
    }
    for (int64_t j = a->lengths ? a->lengths[b] : a->columns; j < a->columns; j++)
        row[j] += a->masked;
    if (!a->causal)
        return;
    const int64_t seen = s + 1 + (a->offset_by_length ? a->lengths[b] - a->rows : a->part[0]);
    for (int64_t j = seen > 0 ? seen : 0; j < a->columns; j++)
        row[j] = -(weld_real)INFINITY;
}

/* A row that is masked throughout becomes 0. */
static inline void weld_attention_softmax(weld_real *row, int64_t count)
{
    weld_real top = -(weld_real)INFINITY;
    bool empty = true;
    for (int64_t j = 0; j < count; j++) {
        empty = empty && row[j] == -(weld_real)INFINITY;
        top = row[j] > top ? row[j] : top;
    }
    double sum = 0.0;
    for (int64_t j = 0; j < count; j++) {
        row[j] = empty ? 0 : exp(row[j] - top);
        sum += (double)row[j];
    }
    for (int64_t j = 0; j < count && !empty; j++)
        row[j] = (weld_real)((double)row[j] / sum);
}

/* row: [L], the product; becomes the weights of the values. */
static inline void weld_attention_row(const weld_attention *a, int64_t b, int64_t h, int64_t s,
                                      weld_real *row)
{
    for (int64_t stage = 0; stage < 4; stage++) {
        for (int64_t j = 0; stage == 1 && a->softcap > 0 && j < a->columns; j++)
            row[j] = a->softcap * tanh(row[j] / a->softcap);
        if (stage == 2)
            weld_attention_bias(a, b, h, s, row);
        if (stage == 3)
            weld_attention_softmax(row, a->columns);
        if (a->kept && stage == a->stage)
            memcpy(a->kept + ((b * a->heads + h) * a->rows + s) * a->columns, row,
                   (size_t)a->columns * sizeof *row);
    }
}

/* Query rows [from, from + count) of one head. */
static inline void weld_attention_block(const weld_attention *a, int64_t b, int64_t h, int64_t from,
                                        int64_t count)
{
    const int64_t kv = h / (a->heads / a->kv_heads);
    for (int64_t p = 0, column = 0; p < 2; column += a->part[p++]) {
        const weld_gemm_shape product = {.trans_b = true,
                                         .m = count,
                                         .n = a->part[p],
                                         .k = a->key_size,
                                         .lda = a->query.row,
                                         .ldb = a->key[p].row,
                                         .ldc = a->columns};
        if (product.n > 0)
            weld_real_gemm(&product, a->scale, weld_head_at(&a->query, b, h, from),
                           weld_head_at(&a->key[p], b, kv, 0), 0, a->scores + column);
    }
    for (int64_t r = 0; r < count; r++)
        weld_attention_row(a, b, h, from + r, a->scores + r * a->columns);
    for (int64_t p = 0, column = 0; p < 2; column += a->part[p++]) {
        const weld_gemm_shape product = {.m = count,
                                         .n = a->value_size,
                                         .k = a->part[p],
                                         .lda = a->columns,
                                         .ldb = a->value[p].row,
                                         .ldc = a->y.row};
        if (product.k > 0)
            weld_real_gemm(&product, 1, a->scores + column, weld_head_at(&a->value[p], b, kv, 0),
                           column > 0 ? 1 : 0, weld_head_at(&a->y, b, h, from));
    }
}

/* y: the tensor that a->y lies in; `lengths`: the name of a->lengths. */
static inline weld_status weld_attention_run(const weld_attention *a, const weld_tensor *y,
                                             const char *lengths, weld_error *err)
{
    for (int64_t b = 0; a->lengths && b < a->batches; b++)
        if (a->lengths[b] < 0 || a->lengths[b] > a->columns)
            return weld_fail(err, WELD_E_FORMAT,
                             "%s[%" PRId64 "] is %" PRId64 ", must be in 0..%" PRId64, lengths, b,
                             a->lengths[b], a->columns);
    if (a->columns == 0)
        memset(y->data, 0, (size_t)weld_shape_numel(&y->shape) * sizeof(weld_real));
    for (int64_t b = 0; b < a->batches && a->columns > 0; b++)
        for (int64_t h = 0; h < a->heads; h++)
            for (int64_t from = 0; from < a->rows; from += WELD_ATTENTION_ROWS) {
                const int64_t left = a->rows - from;
                weld_attention_block(a, b, h, from,
                                     left < WELD_ATTENTION_ROWS ? left : WELD_ATTENTION_ROWS);
            }
    return WELD_OK;
}

/* out: [B, H, L, size] = the two parts of key or value, one after the other. */
static inline void weld_attention_join(weld_real *out, const weld_attention *a,
                                       const weld_heads part[2], int64_t size)
{
    for (int64_t b = 0; b < a->batches; b++)
        for (int64_t h = 0; h < a->kv_heads; h++)
            for (int p = 0; p < 2; p++)
                for (int64_t r = 0; r < a->part[p]; r++, out += size)
                    memcpy(out, weld_head_at(&part[p], b, h, r), (size_t)size * sizeof *out);
}

/* ---- ties ---------------------------------------------------------------------- */

/* Column axis k of x holds columns from..: the cache is the first part of what it becomes. */
static inline void weld_attention_tie_columns(weld_ties *ties, int x, int k, int64_t from, int y,
                                              int l)
{
    if (x < 0 || y < 0)
        return;
    const int64_t n = weld_tie_shape(ties, x)->dims[k], m = weld_tie_shape(ties, y)->dims[l];
    for (int64_t i = 0; i < n && from + i < m; i++)
        weld_tie_unit(ties, x, k, i, y, l, from + i);
}

/* Axis k of x [.., heads * size] against axis l of y, from their units `from` and `to` on: heads of x
 * share those of y in groups (x_heads a multiple of y_heads), and the same units of each head are tied.
 * Heads of y move as blocks. */
static inline void weld_attention_tie_heads(weld_ties *ties, int node, int x, int k, int64_t from,
                                            int64_t x_heads, int y, int l, int64_t to,
                                            int64_t y_heads, int64_t size)
{
    const int64_t group = x_heads / y_heads;
    for (int64_t h = 0; h < x_heads; h++)
        for (int64_t i = 0; i < size; i++)
            weld_tie_unit(ties, x, k, from + h * size + i, y, l, to + h / group * size + i);
    weld_tie_blocks(ties, node, y, l, to, y_heads, size);
}

/* Does each head have numbers of its own in the mask [.., heads, rows, columns]? */
static inline bool weld_attention_mask_has_heads(const weld_ties *ties, int mask)
{
    const weld_shape *shape = mask < 0 ? NULL : weld_tie_shape(ties, mask);
    return shape && shape->rank >= 3 && shape->dims[shape->rank - 3] > 1;
}

/* Is there more by heads than queries, keys and values: caches (inputs from `first` on, outputs), biases
 * of each head (input 5)? */
static inline bool weld_attention_has_caches(const weld_ties *ties, const weld_node *node,
                                             int first)
{
    bool any = weld_attention_mask_has_heads(ties, weld_node_input(node, 5));
    for (int i = 1; i < node->output_count; i++)
        any = any || node->outputs[i] >= 0;
    for (int i = first; i < node->input_count; i++)
        any = any || (i != 5 && node->inputs[i] >= 0);
    return any;
}

/* A cache: all of its axes but that of the batch. */
static inline void weld_attention_pin_cache(weld_ties *ties, int index, int x, int batch_axis,
                                            int y)
{
    for (int axis = 0; x >= 0 && axis < weld_tie_shape(ties, x)->rank; axis++)
        if (axis == batch_axis)
            weld_tie_axes(ties, x, axis, y, 0);
        else
            weld_tie_pin(ties, index, x, axis, "attention cache");
}

/* Queries, keys, values and outputs, with the axis, the first unit and the width of their heads: those
 * move as blocks, queries with keys, values with outputs. */
static inline void weld_attention_tie_all(weld_ties *ties, int node, int64_t heads,
                                          const int operands[4], const int axes[4],
                                          const int64_t from[3], const int64_t width[3])
{
    weld_attention_tie_heads(ties, node, operands[0], axes[0], from[0], heads, operands[1], axes[1],
                             from[1], heads, width[1] / heads);
    weld_attention_tie_heads(ties, node, operands[3], axes[3], 0, heads, operands[2], axes[2],
                             from[2], heads, width[2] / heads);
    for (int i = 0; i < 4; i++)
        weld_tie_mix(ties, operands[i], axes[i]);
}

/* Axes of a mask that don't broadcast are those of `like`: its batch, head and row axes, -1 where
 * it has none that can move; the column axis is the caller's. */
static inline void weld_attention_tie_mask(weld_ties *ties, int index, int mask, int like,
                                           const int axes[3])
{
    if (mask < 0)
        return;
    const weld_shape *shape = weld_tie_shape(ties, mask);
    for (int k = 0; k < shape->rank - 1; k++) {
        const int axis = axes[4 - shape->rank + k];
        if (shape->dims[k] > 1 && axis >= 0)
            weld_tie_axes(ties, mask, k, like, axis);
        else if (shape->dims[k] > 1)
            weld_tie_pin(ties, index, mask, k, "Attention heads");
    }
}
#endif
