/* Einsum: operands are taken in one after the other, each pair contracted by a matrix product. */
#include "ops/einsum.h"
#include "ops/operand.h"
#include <stddef.h>
#include <string.h>

typedef struct einsum_attrs {
    const char *equation;
} einsum_attrs;

static weld_status read_equation(weld_einsum *e, const weld_node *node,
                                 const weld_shape *const *shapes, weld_error *err)
{
    return weld_einsum_make(e, ((const einsum_attrs *)node->attrs)->equation, shapes,
                            node->input_count, err);
}

static weld_status einsum_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_shape *shapes[WELD_EINSUM_INPUTS_MAX];
    weld_einsum e;
    weld_einsum_room room;
    weld_shape y = {0};
    for (int k = 0; k < node->input_count; k++) {
        WELD_TRY(weld_operand_type(inf, k, WELD_TYPES_FLOAT, err));
        WELD_TRY(weld_operand_agree(inf, 0, k, err));
        shapes[k] = weld_infer_shape(inf, k);
    }
    WELD_TRY(read_equation(&e, node, shapes, err));
    WELD_TRY(weld_einsum_measure(&room, &e, err));
    y.rank = e.out_rank;
    for (int k = 0; k < e.out_rank; k++)
        y.dims[k] = e.size[e.out[k]];
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &y, err));
done:
    return st;
}

/* ---- kernel --------------------------------------------------------------------------- */

/* Elements by index: the one at i_l of each label l lies at the sum of i_l stride[l]. */
typedef struct indexed {
    const weld_real *data;
    weld_labels labels;
    int64_t stride[WELD_LABELS_MAX];
} indexed;

static weld_labels bit(int label)
{
    return (weld_labels)1 << label;
}

/* An index that comes twice runs along the diagonal; an axis of size 1 is repeated. */
static indexed operand_of(const weld_einsum *e, int t, const weld_tensor *x)
{
    indexed r = {.data = weld_reals(x), .labels = e->full[t]};
    int64_t strides[WELD_RANK_MAX];
    weld_strides(strides, &x->shape);
    for (int a = 0; a < x->shape.rank; a++)
        if (e->full[t] & bit(e->label[t][a]))
            r.stride[e->label[t][a]] += strides[a];
    return r;
}

/* Labels in the order of their axes. */
typedef struct label_list {
    int count, label[2 * WELD_LABELS_MAX];
} label_list;

static void append(label_list *list, weld_labels set)
{
    for (int l = 0; l < WELD_LABELS_MAX; l++)
        if (set & bit(l))
            list->label[list->count++] = l;
}

/* Moves the offset to the next index of the listed labels; false when all are done. */
static bool next_index(int64_t *at, int64_t *index, const label_list *list, const weld_einsum *e,
                       const int64_t *stride)
{
    for (int k = list->count - 1; k >= 0; k--) {
        const int l = list->label[k];
        *at += stride[l];
        if (++index[k] < e->size[l])
            return true;
        *at -= stride[l] * e->size[l];
        index[k] = 0;
    }
    return false;
}

/* out[the listed labels], contiguous = the sum of x over its other labels. */
static void collect(weld_real *out, const indexed *x, const label_list *list, const weld_einsum *e)
{
    weld_labels listed = 0;
    label_list rest = {0};
    int64_t index[2 * WELD_LABELS_MAX] = {0}, at = 0, count = 1;
    for (int k = 0; k < list->count; k++) {
        listed |= bit(list->label[k]);
        count *= e->size[list->label[k]];
    }
    append(&rest, x->labels & ~listed);
    for (int k = 0; k < rest.count; k++)
        if (e->size[rest.label[k]] == 0) { /* a sum over nothing */
            memset(out, 0, (size_t)count * sizeof *out);
            return;
        }
    for (int64_t i = 0; i < count; i++) {
        int64_t inner[2 * WELD_LABELS_MAX] = {0}, from = at;
        double sum = 0;
        do
            sum += (double)x->data[from];
        while (next_index(&from, inner, &rest, e, x->stride));
        out[i] = (weld_real)sum;
        next_index(&at, index, list, e, x->stride);
    }
}

/* C[batch, m, n] = A[batch, m, k] B[batch, k, n]; what has been computed is C's. */
static void contract(indexed *so_far, const indexed *operand, const weld_einsum *e, int t,
                     weld_real *a, weld_real *b, weld_real *c)
{
    const weld_contraction s = weld_einsum_step(e, so_far->labels, t);
    label_list la = {0}, lb = {0}, lc = {0};
    append(&la, s.batch), append(&la, s.m), append(&la, s.k);
    append(&lb, s.batch), append(&lb, s.k), append(&lb, s.n);
    append(&lc, s.batch), append(&lc, s.m), append(&lc, s.n);
    collect(a, so_far, &la, e);
    collect(b, operand, &lb, e);
    const weld_gemm_shape shape = {.m = s.m_size,
                                   .n = s.n_size,
                                   .k = s.k_size,
                                   .lda = s.k_size,
                                   .ldb = s.n_size,
                                   .ldc = s.n_size};
    const int64_t sizes[] = {s.m_size * s.k_size, s.k_size * s.n_size, s.m_size * s.n_size};
    for (int64_t i = 0; i < s.batch_size && sizes[2] > 0; i++) {
        if (s.k_size > 0)
            weld_real_gemm(&shape, 1, a + i * sizes[0], b + i * sizes[1], 0, c + i * sizes[2]);
        else
            memset(c + i * sizes[2], 0, (size_t)sizes[2] * sizeof *c);
    }
    *so_far = (indexed){.data = c, .labels = s.batch | s.m | s.n};
    int64_t stride = 1;
    for (int k = lc.count - 1; k >= 0; k--) {
        so_far->stride[lc.label[k]] = stride;
        stride *= e->size[lc.label[k]];
    }
}

static size_t einsum_scratch(const weld_kernel_args *args, const weld_node *node)
{
    const weld_shape *shapes[WELD_EINSUM_INPUTS_MAX];
    weld_einsum e;
    weld_einsum_room room;
    for (int k = 0; k < node->input_count; k++)
        shapes[k] = &args->in[k]->shape;
    if (read_equation(&e, node, shapes, NULL) || weld_einsum_measure(&room, &e, NULL))
        return 0;
    return (size_t)(room.a + room.b + 2 * room.c) * sizeof(weld_real);
}

static weld_status einsum_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_shape *shapes[WELD_EINSUM_INPUTS_MAX];
    weld_einsum e;
    weld_einsum_room room;
    label_list out = {0};
    for (int k = 0; k < node->input_count; k++)
        shapes[k] = &args->in[k]->shape;
    WELD_TRY(read_equation(&e, node, shapes, err));
    WELD_TRY(weld_einsum_measure(&room, &e, err));
    weld_real *a = args->scratch, *b = a + room.a, *c = b + room.b;
    indexed so_far = operand_of(&e, 0, args->in[0]);
    for (int t = 1; t < e.count; t++) {
        const indexed operand = operand_of(&e, t, args->in[t]);
        contract(&so_far, &operand, &e, t, a, b, c + (t % 2 ? 0 : room.c));
    }
    for (int k = 0; k < e.out_rank; k++)
        out.label[out.count++] = e.out[k];
    collect(weld_reals(args->out[0]), &so_far, &out, &e);
done:
    return st;
}

/* ---- ties ------------------------------------------------------------------------------- */

/* Axes of one label hold the same units; what is summed up is mixed. */
static weld_status einsum_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index;
    weld_status st = WELD_OK;
    const weld_shape *shapes[WELD_EINSUM_INPUTS_MAX];
    weld_einsum e;
    int value[WELD_LABELS_MAX], axis[WELD_LABELS_MAX];
    for (int k = 0; k < node->input_count; k++)
        shapes[k] = weld_tie_shape(ties, node->inputs[k]);
    WELD_TRY(read_equation(&e, node, shapes, err));
    for (int l = 0; l < WELD_LABELS_MAX; l++)
        value[l] = -1;
    for (int k = 0; k < e.out_rank; k++) {
        value[e.out[k]] = node->outputs[0];
        axis[e.out[k]] = k;
    }
    for (int t = 0; t < e.count; t++)
        for (int a = 0; a < shapes[t]->rank; a++) {
            const int l = e.label[t][a], x = node->inputs[t];
            if (!(e.full[t] & bit(l)))
                continue;
            if (value[l] < 0 || value[l] != node->outputs[0])
                weld_tie_mix(ties, x, a);
            if (value[l] >= 0)
                weld_tie_axes(ties, x, a, value[l], axis[l]);
            else {
                value[l] = x;
                axis[l] = a;
            }
        }
done:
    return st;
}

static const weld_field einsum_fields[] = {{.name = "equation",
                                            .kind = WELD_FIELD_TEXT,
                                            .offset = offsetof(einsum_attrs, equation),
                                            .required = true},
                                           {0}};
WELD_DEFINE_OP(Einsum) = {.name = "Einsum",
                          .domain = "",
                          .opset_min = 12,
                          .opset_max = WELD_OPSET_MAX,
                          .inputs_min = 1,
                          .inputs_max = WELD_EINSUM_INPUTS_MAX,
                          .outputs_min = 1,
                          .outputs_max = 1,
                          .fields = einsum_fields,
                          .attrs_size = sizeof(einsum_attrs),
                          .infer = einsum_infer,
                          .run = einsum_run,
                          .tie = einsum_tie,
                          .scratch_bytes = einsum_scratch};
