/* Activations that are spelt out as products: GELU by erf and by tanh, SiLU (Swish), HardSwish, Mish,
 * HardSigmoid. A chain of Mul and of Div by a number is read as its factors, so the order in which an
 * exporter multiplies does not matter. */
#include "canon/edit.h"
#include <math.h>

enum { FACTORS_MAX = 3 };
/* number * value[0] * value[1] * ... */
typedef struct product {
    double number;
    int value[FACTORS_MAX], count;
} product;

/* Multiplies p by the value, looking into products that nobody else reads. False: too many factors. */
static bool add_factor(product *p, const weld_draft *draft, int value, int depth)
{
    double x;
    const int n = weld_draft_producer(draft, value);
    const bool sole = n >= 0 && weld_draft_uses(draft, value) == 1 && depth < 8;
    if (weld_is_number(&x, draft, value)) {
        p->number *= x;
        return true;
    }
    if (sole && draft->nodes[n].op == &weld_op_Mul)
        return add_factor(p, draft, weld_draft_in(draft, n, 0), depth + 1) &&
               add_factor(p, draft, weld_draft_in(draft, n, 1), depth + 1);
    if (sole && draft->nodes[n].op == &weld_op_Div &&
        weld_is_number(&x, draft, weld_draft_in(draft, n, 1)) && x != 0) {
        p->number /= x;
        return add_factor(p, draft, weld_draft_in(draft, n, 0), depth + 1);
    }
    if (p->count == FACTORS_MAX)
        return false;
    p->value[p->count++] = value;
    return true;
}

/* The factors of a Mul, or of a Div by a number. */
static bool factors_of(product *p, const weld_draft *draft, int n)
{
    double x;
    *p = (product){.number = 1};
    if (draft->nodes[n].op == &weld_op_Mul)
        return add_factor(p, draft, weld_draft_in(draft, n, 0), 0) &&
               add_factor(p, draft, weld_draft_in(draft, n, 1), 0);
    if (draft->nodes[n].op != &weld_op_Div ||
        !weld_is_number(&x, draft, weld_draft_in(draft, n, 1)) || x == 0)
        return false;
    p->number = 1 / x;
    return add_factor(p, draft, weld_draft_in(draft, n, 0), 0);
}

/* The factors of any value: its own product, or itself. */
static product expand(const weld_draft *draft, int value)
{
    product p = {.number = 1};
    const int n = weld_draft_producer(draft, value);
    if (n < 0 || !factors_of(&p, draft, n))
        p = (product){.number = 1, .value = {value}, .count = 1};
    return p;
}

static bool is_near(double x, double y)
{
    return fabs(x - y) <= 4e-3 * fabs(y);
}

/* u of an Add of u and the number. */
static int added_to(const weld_draft *draft, int value, double number)
{
    double x;
    const int n = weld_made_by(draft, value, &weld_op_Add);
    const int slot = n < 0 ? -1 : weld_number_slot(&x, draft, n);
    return slot >= 0 && is_near(x, number) ? weld_draft_in(draft, n, 1 - slot) : -1;
}

static int argument_of(const weld_draft *draft, int value, const weld_op *op)
{
    const int n = weld_made_by(draft, value, op);
    return n < 0 ? -1 : weld_draft_in(draft, n, 0);
}

/* ---- the curves: the second factor of x, and the number in front ------------------------- */

/* 1 + erf(x / sqrt(2)), 0.5 in front */
static bool is_erf_gate(const weld_draft *draft, int gate, int x)
{
    const int erf = added_to(draft, gate, 1);
    const int u = erf < 0 ? -1 : argument_of(draft, erf, &weld_op_Erf);
    const product p = expand(draft, u < 0 ? x : u);
    return u >= 0 && p.count == 1 && p.value[0] == x && is_near(p.number, 0.70710678118654752);
}

/* x^3, as a power or a product */
static bool is_cube(const weld_draft *draft, const product *p, int x)
{
    int power = p->count == 1 ? weld_made_by(draft, p->value[0], &weld_op_Pow) : -1;
    if (power >= 0)
        return weld_draft_in(draft, power, 0) == x &&
               weld_is_about(draft, weld_draft_in(draft, power, 1), 3);
    if (p->count == 2) { /* x^2 x */
        const int k = p->value[0] == x ? 1 : 0;
        power = weld_made_by(draft, p->value[k], &weld_op_Pow);
        return p->value[1 - k] == x && power >= 0 && weld_draft_in(draft, power, 0) == x &&
               weld_is_about(draft, weld_draft_in(draft, power, 1), 2);
    }
    return p->count == 3 && p->value[0] == x && p->value[1] == x && p->value[2] == x;
}

/* 1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)), 0.5 in front */
static bool is_tanh_gate(const weld_draft *draft, int gate, int x)
{
    const int tanh_of = added_to(draft, gate, 1);
    const int u = tanh_of < 0 ? -1 : argument_of(draft, tanh_of, &weld_op_Tanh);
    if (u < 0)
        return false;
    const product p = expand(draft, u);
    const int sum = p.count == 1 ? weld_made_by(draft, p.value[0], &weld_op_Add) : -1;
    if (sum < 0 || !is_near(p.number, 0.79788456080286536))
        return false;
    for (int k = 0; k < 2; k++) {
        const product cubic = expand(draft, weld_draft_in(draft, sum, k));
        if (weld_draft_in(draft, sum, 1 - k) == x && is_near(cubic.number, 0.044715) &&
            is_cube(draft, &cubic, x))
            return true;
    }
    return false;
}

/* sigmoid(slope x) */
static bool is_sigmoid_gate(double *slope, const weld_draft *draft, int gate, int x)
{
    const int u = argument_of(draft, gate, &weld_op_Sigmoid);
    if (u < 0)
        return false;
    const product p = expand(draft, u);
    *slope = p.number;
    return p.count == 1 && p.value[0] == x;
}

/* clip(x + 3, 0, 6) (after the pass `clips`) */
static int relu6_of(const weld_draft *draft, int gate)
{
    const int n = weld_made_by(draft, gate, &weld_op_Clip);
    if (n < 0 || weld_attr_number(&draft->nodes[n], "min") != 0 ||
        weld_attr_number(&draft->nodes[n], "max") != 6)
        return -1;
    return added_to(draft, weld_draft_in(draft, n, 0), 3);
}

static bool is_hard_gate(const weld_draft *draft, const product *p, int gate, int x)
{
    const int n = weld_made_by(draft, gate, &weld_op_HardSigmoid);
    if (n >= 0)
        return weld_draft_in(draft, n, 0) == x && is_near(p->number, 1) &&
               is_near(weld_attr_number(&draft->nodes[n], "alpha"), 1.0 / 6) &&
               is_near(weld_attr_number(&draft->nodes[n], "beta"), 0.5);
    return relu6_of(draft, gate) == x && is_near(p->number, 1.0 / 6);
}

static bool is_mish_gate(const weld_draft *draft, int gate, int x)
{
    const int u = argument_of(draft, gate, &weld_op_Tanh);
    return u >= 0 && argument_of(draft, u, &weld_op_Softplus) == x;
}

typedef struct curve {
    const weld_op *op;
    int x;
    double slope; /* Swish */
    bool by_tanh; /* Gelu */
} curve;

/* x times one gate. */
static bool gated(curve *out, const weld_draft *draft, const product *p, int x, int gate)
{
    double slope;
    *out = (curve){.x = x, .slope = 1};
    if (is_near(p->number, 0.5) && is_erf_gate(draft, gate, x))
        out->op = &weld_op_Gelu;
    else if (is_near(p->number, 0.5) && is_tanh_gate(draft, gate, x)) {
        out->op = &weld_op_Gelu;
        out->by_tanh = true;
    } else if (is_near(p->number, 1) && is_sigmoid_gate(&slope, draft, gate, x)) {
        out->op = &weld_op_Swish;
        out->slope = slope;
    } else if (is_hard_gate(draft, p, gate, x))
        out->op = &weld_op_HardSwish;
    else if (is_near(p->number, 1) && is_mish_gate(draft, gate, x))
        out->op = &weld_op_Mish;
    return out->op != NULL;
}

static bool find_curve(curve *out, const weld_draft *draft, int n)
{
    product p;
    if (!factors_of(&p, draft, n))
        return false;
    if (p.count == 1 && is_near(p.number, 1.0 / 6)) {
        *out = (curve){&weld_op_HardSigmoid, relu6_of(draft, p.value[0]), 1, false};
        return out->x >= 0;
    }
    return p.count == 2 && (gated(out, draft, &p, p.value[0], p.value[1]) ||
                            gated(out, draft, &p, p.value[1], p.value[0]));
}

static weld_status convert(weld_draft *draft, int n, const curve *c, weld_error *err)
{
    weld_status st = WELD_OK;
    int node;
    WELD_TRY(weld_make_node(&node, draft, c->op, draft->nodes[n].name, (int[]){c->x}, 1,
                            draft->nodes[n].outputs[0], err));
    if (c->op == &weld_op_Swish)
        *(float *)weld_attr_slot(&draft->nodes[node], "alpha") = (float)c->slope;
    if (c->op == &weld_op_Gelu)
        *(int64_t *)weld_attr_slot(&draft->nodes[node], "approximate") = c->by_tanh;
    if (c->op == &weld_op_HardSigmoid) {
        *(float *)weld_attr_slot(&draft->nodes[node], "alpha") = 1.0f / 6;
        *(float *)weld_attr_slot(&draft->nodes[node], "beta") = 0.5f;
    }
done:
    return st;
}

weld_status weld_pass_curves(weld_draft *draft, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t count = draft->node_count;
    int made = 0;
    for (size_t n = 0; n < count; n++) {
        curve c;
        const weld_node *node = &draft->nodes[n];
        if (node->dead || (node->op != &weld_op_Mul && node->op != &weld_op_Div) ||
            !find_curve(&c, draft, (int)n) ||
            draft->values[c.x].rank != draft->values[node->outputs[0]].rank)
            continue;
        WELD_TRY(convert(draft, (int)n, &c, err));
        made++;
    }
    if (made)
        WELD_TRY(weld_draft_log(draft, err,
                                "%d activations that were spelt out read as one "
                                "operator each",
                                made));
done:
    return st;
}
