/* Limits: Clip, Max and Min with a number become Clip with its limits as attributes, and Relu where
 * that is what they are. */
#include "canon/edit.h"
#include <float.h>
#include <math.h>

typedef struct limits {
    int x; /* the value that is limited */
    double low, high;
} limits;

/* The default of the old attribute is float32's largest number, for double as well. */
static double old_limit(const weld_node *node, const char *name, double none, bool wide)
{
    const double limit = weld_attr_number(node, name);
    return node->opset >= 11 || (!wide && fabs(limit) >= (double)FLT_MAX) ? none : limit;
}

static bool clip_limits(limits *l, const weld_draft *draft, int n)
{
    const weld_node *node = &draft->nodes[n];
    const int low = weld_draft_in(draft, n, 1), high = weld_draft_in(draft, n, 2);
    l->x = weld_draft_in(draft, n, 0);
    const bool wide = draft->values[l->x].dtype == WELD_DOUBLE;
    l->low = old_limit(node, "min", -INFINITY, wide);
    l->high = old_limit(node, "max", INFINITY, wide);
    return (low < 0 || weld_is_number(&l->low, draft, low)) &&
           (high < 0 || weld_is_number(&l->high, draft, high));
}

/* Max(x, number) or Min(x, number), with x of at least the number's rank. */
static bool extremum_limits(limits *l, const weld_draft *draft, int n, bool is_max)
{
    double number;
    const int slot = draft->nodes[n].input_count == 2 ? weld_number_slot(&number, draft, n) : -1;
    if (slot < 0)
        return false;
    l->x = weld_draft_in(draft, n, 1 - slot);
    l->low = is_max ? number : -INFINITY;
    l->high = is_max ? INFINITY : number;
    return draft->values[l->x].rank >= draft->values[weld_draft_in(draft, n, slot)].rank;
}

static bool limits_of(limits *l, const weld_draft *draft, int n)
{
    const weld_op *op = draft->nodes[n].op;
    if (draft->nodes[n].dead)
        return false;
    if (op == &weld_op_Clip)
        return clip_limits(l, draft, n);
    return (op == &weld_op_Max || op == &weld_op_Min) &&
           extremum_limits(l, draft, n, op == &weld_op_Max);
}

static bool is_real(const weld_draft *draft, int value)
{
    return weld_dtype_is_float(draft->values[value].dtype);
}

/* What no number of the type passes is no limit, which is written as infinity. */
static double limit_of(double x, weld_dtype dtype)
{
    const double largest = dtype == WELD_FLOAT16  ? 65504.0
                           : dtype == WELD_DOUBLE ? DBL_MAX
                                                  : (double)FLT_MAX;
    return fabs(x) >= largest ? copysign((double)INFINITY, x) : x;
}

/* The attributes are float32: a double's limit must be one. */
static bool can_hold(const limits *l, weld_dtype dtype)
{
    return dtype != WELD_DOUBLE ||
           ((double)(float)l->low == l->low && (double)(float)l->high == l->high);
}

static weld_status convert(weld_draft *draft, int n, const limits *l, weld_error *err)
{
    weld_status st = WELD_OK;
    const int output = draft->nodes[n].outputs[0];
    const weld_dtype dtype = draft->values[l->x].dtype;
    const double low = limit_of(l->low, dtype), high = limit_of(l->high, dtype);
    int node;
    if (low == 0 && high == INFINITY) {
        WELD_TRY(weld_make_node(NULL, draft, &weld_op_Relu, draft->nodes[n].name, (int[]){l->x}, 1,
                                output, err));
        goto done;
    }
    WELD_TRY(weld_make_node(&node, draft, &weld_op_Clip, draft->nodes[n].name, (int[]){l->x}, 1,
                            output, err));
    draft->nodes[node].opset = 6; /* the form with attributes */
    *(float *)weld_attr_slot(&draft->nodes[node], "min") = (float)low;
    *(float *)weld_attr_slot(&draft->nodes[node], "max") = (float)high;
done:
    return st;
}

/* Both limits at once where one stands behind the other. */
static void join_limits(limits *l, const weld_draft *draft)
{
    limits inner;
    const int n = weld_draft_producer(draft, l->x);
    const bool sole = n >= 0 && weld_draft_uses(draft, l->x) == 1;
    if (sole && draft->nodes[n].op == &weld_op_Relu)
        inner = (limits){weld_draft_in(draft, n, 0), 0, INFINITY};
    else if (!sole || !limits_of(&inner, draft, n))
        return;
    if (inner.low > l->high || l->low > inner.high)
        return;
    l->low = fmax(l->low, inner.low);
    l->high = fmin(l->high, inner.high);
    l->x = inner.x;
}

weld_status weld_pass_clips(weld_draft *draft, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t count = draft->node_count;
    for (size_t n = 0; n < count; n++) {
        limits l;
        if (!limits_of(&l, draft, (int)n) || !is_real(draft, l.x))
            continue;
        join_limits(&l, draft);
        if (!can_hold(&l, draft->values[l.x].dtype))
            continue;
        WELD_TRY(convert(draft, (int)n, &l, err));
    }
done:
    return st;
}
