#include "ops/einsum.h"
#include "core/size.h"
#include <inttypes.h>
#include <string.h>

/* ---- the equation -------------------------------------------------------------------------- */

/* Letters between two commas, the place of '...' among them. */
typedef struct term {
    int count, label[WELD_RANK_MAX];
    int dots; /* -1 = none */
} term;

static int label_of(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : -1;
}

static weld_labels bit(int label)
{
    return (weld_labels)1 << label;
}

/* Reads a term up to ',', '->' or the end; *at moves there. */
static weld_status read_term(term *t, const char **at, weld_error *err)
{
    weld_status st = WELD_OK;
    const char *p = *at;
    *t = (term){.dots = -1};
    for (; *p && *p != ',' && strncmp(p, "->", 2) != 0; p++) {
        if (*p == ' ')
            continue;
        if (strncmp(p, "...", 3) == 0) {
            WELD_REQUIRE(t->dots < 0, WELD_E_FORMAT, "a term of the equation has '...' twice");
            t->dots = t->count;
            p += 2;
            continue;
        }
        WELD_REQUIRE(label_of(*p) >= 0, WELD_E_FORMAT,
                     "the equation has '%c', allowed are letters, ',', '->' and '...'", *p);
        WELD_REQUIRE(t->count < WELD_RANK_MAX, WELD_E_LIMIT,
                     "a term of the equation has more than %d letters", WELD_RANK_MAX);
        t->label[t->count++] = label_of(*p);
    }
    *at = p;
done:
    return st;
}

/* The labels of `rank` axes by their term. */
static weld_status label_axes(int label[WELD_RANK_MAX], const term *t, int rank, weld_error *err)
{
    const int hidden = rank - t->count; /* axes that '...' stands for */
    int k = 0;
    if (hidden < 0 || (hidden > 0 && t->dots < 0))
        return weld_fail(err, WELD_E_FORMAT,
                         "the equation has a term of %d letters for an operand of rank %d",
                         t->count, rank);
    for (int i = 0; i <= t->count; i++) {
        for (int h = hidden - 1; i == t->dots && h >= 0; h--)
            label[k++] = 52 + h;
        if (i < t->count)
            label[k++] = t->label[i];
    }
    return WELD_OK;
}

/* Operand t has these axes. `times`: how often each label has come. */
static weld_status add_operand(weld_einsum *e, int t, const weld_shape *shape,
                               int times[WELD_LABELS_MAX], weld_error *err)
{
    for (int a = 0; a < shape->rank; a++) {
        const int l = e->label[t][a];
        const int64_t dim = shape->dims[a];
        bool fits = dim == 1 || e->size[l] == 1 || dim == e->size[l];
        for (int b = 0; fits && b < a; b++)
            fits = e->label[t][b] != l || shape->dims[b] == dim;
        if (!fits)
            return weld_fail(err, WELD_E_FORMAT,
                             "axis %d of operand %d has size %" PRId64 ", its index has size "
                             "%" PRId64,
                             a, t, dim, e->size[l]);
        if (dim != 1)
            e->size[l] = dim;
        times[l]++;
    }
    return WELD_OK;
}

/* The output without '->': axes of '...', then the letters that come once, in their order. */
static weld_status implicit_output(weld_einsum *e, const int times[WELD_LABELS_MAX],
                                   weld_error *err)
{
    for (int k = 0; k < WELD_LABELS_MAX; k++) {
        const int l = k < WELD_RANK_MAX ? WELD_LABELS_MAX - 1 - k : k - WELD_RANK_MAX;
        if (times[l] == 0 || (l < 52 && times[l] > 1))
            continue;
        if (e->out_rank == WELD_RANK_MAX)
            return weld_fail(err, WELD_E_LIMIT, "the output has a rank above %d", WELD_RANK_MAX);
        e->out[e->out_rank++] = l;
    }
    return WELD_OK;
}

static weld_status explicit_output(weld_einsum *e, const char *at, const int times[WELD_LABELS_MAX],
                                   weld_error *err)
{
    weld_status st = WELD_OK;
    term t;
    weld_labels seen = 0;
    int hidden = 0;
    while (hidden < WELD_RANK_MAX && times[52 + hidden] > 0)
        hidden++;
    WELD_TRY(read_term(&t, &at, err));
    WELD_REQUIRE(!*at, WELD_E_FORMAT, "the equation goes on after its output: '%.20s'", at);
    WELD_REQUIRE(hidden == 0 || t.dots >= 0, WELD_E_FORMAT,
                 "the output of the equation lacks the '...' of the operands");
    WELD_REQUIRE(t.count + hidden <= WELD_RANK_MAX, WELD_E_LIMIT,
                 "the output has rank %d, allowed %d", t.count + hidden, WELD_RANK_MAX);
    e->out_rank = t.count + hidden;
    WELD_TRY(label_axes(e->out, &t, e->out_rank, err));
    for (int k = 0; k < e->out_rank; k++) {
        const int l = e->out[k];
        WELD_REQUIRE(times[l] > 0 && !(seen & bit(l)), WELD_E_FORMAT,
                     "axis %d of the output must be an index of the operands that comes once", k);
        seen |= bit(l);
    }
done:
    return st;
}

/* Which labels are in full size where, and until when they are needed. */
static void find_uses(weld_einsum *e, const weld_shape *const *shapes)
{
    weld_labels later = 0;
    for (int k = 0; k < e->out_rank; k++)
        later |= bit(e->out[k]);
    for (int t = e->count - 1; t >= 0; t--) {
        e->needed[t] = later;
        for (int a = 0; a < shapes[t]->rank; a++) {
            const int l = e->label[t][a];
            later |= bit(l);
            if (shapes[t]->dims[a] == e->size[l])
                e->full[t] |= bit(l);
        }
    }
}

weld_status weld_einsum_make(weld_einsum *e, const char *equation, const weld_shape *const *shapes,
                             int count, weld_error *err)
{
    weld_status st = WELD_OK;
    int times[WELD_LABELS_MAX] = {0};
    const char *at = equation;
    *e = (weld_einsum){.count = count};
    for (int l = 0; l < WELD_LABELS_MAX; l++)
        e->size[l] = 1;
    for (int t = 0; t < count; t++) {
        term read;
        WELD_TRY(read_term(&read, &at, err));
        WELD_REQUIRE((*at == ',') == (t < count - 1), WELD_E_FORMAT,
                     "the equation has %s terms than the %d operands",
                     *at == ',' ? "more" : "fewer", count);
        at += *at == ',';
        WELD_TRY(label_axes(e->label[t], &read, shapes[t]->rank, err));
        WELD_TRY(add_operand(e, t, shapes[t], times, err));
    }
    WELD_TRY(*at ? explicit_output(e, at + 2, times, err) : implicit_output(e, times, err));
    find_uses(e, shapes);
done:
    return st;
}

/* ---- the plan -------------------------------------------------------------------------------- */

/* *size *= the sizes of the labels; false where that is beyond counting. */
static bool multiply_sizes(int64_t *size, const weld_einsum *e, weld_labels labels)
{
    for (int l = 0; l < WELD_LABELS_MAX; l++)
        if (labels & bit(l) && !weld_mul_i64(*size, e->size[l], size))
            return false;
    return true;
}

static weld_labels done_before(const weld_einsum *e, int t)
{
    weld_labels done = e->full[0];
    for (int k = 1; k < t; k++)
        done = (done | e->full[k]) & e->needed[k];
    return done;
}

/* Only the labels. */
static weld_contraction sort_labels(const weld_einsum *e, weld_labels done, int t)
{
    const weld_labels a = done, b = e->full[t], keep = e->needed[t];
    return (weld_contraction){
        .batch = a & b & keep, .m = a & ~b & keep, .n = b & ~a & keep, .k = a & b & ~keep};
}

weld_contraction weld_einsum_step(const weld_einsum *e, weld_labels done, int t)
{
    weld_contraction c = sort_labels(e, done, t);
    c.batch_size = c.m_size = c.n_size = c.k_size = 1;
    if (!multiply_sizes(&c.batch_size, e, c.batch) || !multiply_sizes(&c.m_size, e, c.m) ||
        !multiply_sizes(&c.n_size, e, c.n) || !multiply_sizes(&c.k_size, e, c.k))
        c.batch_size = 0; /* never after weld_einsum_measure */
    return c;
}

/* *most = max(*most, elements); false where they can't be counted. */
static bool raise_to(int64_t *most, const weld_einsum *e, weld_labels labels)
{
    int64_t size = sizeof(double);
    if (!multiply_sizes(&size, e, labels))
        return false;
    if (size > INT64_MAX / 8) /* four of them are added */
        return false;
    size /= (int64_t)sizeof(double);
    *most = size > *most ? size : *most;
    return true;
}

weld_status weld_einsum_measure(weld_einsum_room *room, const weld_einsum *e, weld_error *err)
{
    weld_status st = WELD_OK;
    *room = (weld_einsum_room){0, 0, 0};
    for (int t = 1; t < e->count; t++) {
        const weld_contraction c = sort_labels(e, done_before(e, t), t);
        int64_t m = 1, n = 1, k = 1;
        WELD_REQUIRE(raise_to(&room->a, e, c.batch | c.m | c.k) &&
                         raise_to(&room->b, e, c.batch | c.k | c.n) &&
                         raise_to(&room->c, e, c.batch | c.m | c.n) && multiply_sizes(&m, e, c.m) &&
                         multiply_sizes(&n, e, c.n) && multiply_sizes(&k, e, c.k) &&
                         m <= INT32_MAX && n <= INT32_MAX && k <= INT32_MAX,
                     WELD_E_LIMIT, "the product with operand %d is too large", t);
    }
done:
    return st;
}
