/* Attention that is spelt out, softmax(c Q Kᵀ + mask) V over [N, heads, length, size], becomes the
 * operator. c may be anywhere: at the scores, at Q, at K, or half at both; K may be transposed by a
 * node of its own or by one that also splits the heads. */
#include "canon/edit.h"
#include "canon/layout.h"
#include <math.h>

typedef struct attention_match {
    int q, k, v,
        mask; /* mask -1 = none; k: its value before the last two axes are swapped, or -1 */
    weld_layout turned; /* of Kᵀ, where a Transpose makes it */
    double scale;
} attention_match;

/* Takes numbers that multiply a value nobody else reads into the scale; returns the value below. */
static int take_numbers(double *scale, const weld_draft *draft, int value)
{
    for (int depth = 0; depth < 4; depth++) {
        double x;
        int n = weld_made_only(draft, value, &weld_op_Mul);
        int slot = n < 0 ? -1 : weld_number_slot(&x, draft, n);
        if (slot < 0) {
            n = weld_made_only(draft, value, &weld_op_Div);
            slot = n >= 0 && weld_is_number(&x, draft, weld_draft_in(draft, n, 1)) && x != 0 ? 1
                                                                                             : -1;
            x = slot < 0 ? 1 : 1 / x;
        }
        if (slot < 0)
            break;
        *scale *= x;
        value = weld_draft_in(draft, n, 1 - slot);
    }
    return value;
}

/* The MatMul of Q and Kᵀ below the scores, with numbers in front and perhaps a mask added. */
static int find_scores(attention_match *m, const weld_draft *draft, int scores)
{
    m->scale = 1;
    m->mask = -1;
    int below = take_numbers(&m->scale, draft, scores);
    int n = weld_made_only(draft, below, &weld_op_MatMul);
    if (n >= 0)
        return n;
    const int add = weld_made_only(draft, scores, &weld_op_Add);
    for (int k = 0; add >= 0 && k < 2; k++) {
        m->scale = 1;
        below = take_numbers(&m->scale, draft, weld_draft_in(draft, add, k));
        n = weld_made_only(draft, below, &weld_op_MatMul);
        m->mask = weld_draft_in(draft, add, 1 - k);
        if (n >= 0)
            return n;
    }
    return -1;
}

static bool is_last_axis(const weld_draft *draft, int softmax)
{
    const int rank = draft->values[weld_draft_in(draft, softmax, 0)].rank;
    const int64_t axis = (int64_t)weld_attr_number(&draft->nodes[softmax], "axis");
    return draft->nodes[softmax].opset >= 13 && rank == 4 && (axis == -1 || axis == rank - 1);
}

/* The mask reaches over all keys: one that is repeated along them means something else there. */
static bool mask_fits(const weld_draft *draft, int mask, int scores)
{
    const weld_value *m = &draft->values[mask], *s = &draft->values[scores];
    return m->rank >= 2 && m->rank <= 4 && weld_dtype_is_float(m->dtype) &&
           m->dims[m->rank - 1] == s->dims[s->rank - 1];
}

/* n: the MatMul with V. */
static bool find_attention(attention_match *m, const weld_draft *draft, int n)
{
    const int softmax = weld_made_only(draft, weld_draft_in(draft, n, 0), &weld_op_Softmax);
    if (softmax < 0 || !is_last_axis(draft, softmax))
        return false;
    const int scores = weld_draft_in(draft, softmax, 0);
    const int product = find_scores(m, draft, scores);
    if (product < 0 || (m->mask >= 0 && !mask_fits(draft, m->mask, scores)))
        return false;
    m->q = take_numbers(&m->scale, draft, weld_draft_in(draft, product, 0));
    const int turned = take_numbers(&m->scale, draft, weld_draft_in(draft, product, 1));
    m->v = weld_draft_in(draft, n, 1);
    m->k = turned;
    if (!weld_layout_of(&m->turned, draft, turned)) {
        m->turned = (weld_layout){turned, 4, {0, 1, 2, 3}};
        for (int k = 0; k < 4; k++)
            m->turned.perm[k] = k;
    }
    for (int k = 0; k < 2; k++) /* the same heads, known */
        if (draft->values[m->q].rank != 4 || draft->values[turned].rank != 4 ||
            draft->values[m->v].rank != 4 ||
            draft->values[m->q].dims[k] != draft->values[turned].dims[k] ||
            draft->values[m->q].dims[k] != draft->values[m->v].dims[k])
            return false;
    return draft->values[m->q].dims[1] > 0 && draft->values[m->q].dims[3] > 0 &&
           draft->values[m->q].kind == WELD_VALUE_NODE;
}

/* K from Kᵀ: the last two axes of the Transpose that makes it are swapped back. */
static weld_status make_keys(int *out, weld_draft *draft, const attention_match *m,
                             const char *name, weld_error *err)
{
    weld_status st = WELD_OK;
    const int *p = m->turned.perm;
    const int perm[] = {p[0], p[1], p[3], p[2]};
    *out = m->turned.from;
    if (perm[0] == 0 && perm[1] == 1 && perm[2] == 2 && perm[3] == 3)
        return WELD_OK;
    WELD_TRY(weld_value_like(out, draft, m->k, err));
    draft->values[*out].dims[2] = draft->values[m->k].dims[3];
    draft->values[*out].dims[3] = draft->values[m->k].dims[2];
    WELD_TRY(weld_make_transpose(draft, m->turned.from, perm, *out, name, err));
done:
    return st;
}

static weld_status convert(weld_draft *draft, int n, const attention_match *m, weld_error *err)
{
    weld_status st = WELD_OK;
    const char *name = draft->nodes[n].name;
    const double usual = 1 / sqrt((double)draft->values[m->q].dims[3]);
    int keys, node;
    WELD_TRY(make_keys(&keys, draft, m, name, err));
    WELD_TRY(weld_make_node(&node, draft, &weld_op_Attention, name,
                            (int[]){m->q, keys, m->v, m->mask}, m->mask < 0 ? 3 : 4,
                            draft->nodes[n].outputs[0], err));
    const bool narrow = draft->values[m->q].dtype == WELD_FLOAT16 ||
                        draft->values[m->q].dtype == WELD_BFLOAT16;
    if (fabs(m->scale - usual) > (narrow ? 4e-3 : 2e-4) * usual)
        *(float *)weld_attr_slot(&draft->nodes[node], "scale") = (float)m->scale;
done:
    return st;
}

weld_status weld_pass_attention(weld_draft *draft, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t count = draft->node_count;
    int made = 0;
    for (size_t n = 0; n < count; n++) {
        attention_match m;
        if (draft->nodes[n].dead || draft->nodes[n].op != &weld_op_MatMul ||
            !find_attention(&m, draft, (int)n))
            continue;
        WELD_TRY(convert(draft, (int)n, &m, err));
        made++;
    }
    if (made)
        WELD_TRY(weld_draft_log(draft, err,
                                "%d attentions that were spelt out read as one operator "
                                "each",
                                made));
done:
    return st;
}
