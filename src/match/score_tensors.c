#include "match/score.h"
#include "match/dot.h"
#include "ops/norm_fold.h"
#include "core/parallel.h"
#include <math.h>
#include <string.h>

typedef struct maker {
    weld_scores *scores;
    const weld_paramset *a, *b;
    bool *plain; /* [param_count] counts as it is: some node uses it unfolded */
    size_t cap;
} maker;

/* What stands on the axes of the parameter; NULL: only how many. */
static int free_axes_of(const weld_symmetry *s, int param, weld_score_axis *axes)
{
    int count = 0;
    for (int c = 0; c < s->free_count; c++) {
        const weld_class *k = &s->classes[c];
        for (int m = 0; m < k->member_count + k->joint_count; m++) {
            const weld_member *member = m < k->member_count ? &k->members[m] : NULL;
            const weld_joint_member *joint = member ? NULL : &k->joints[m - k->member_count];
            if ((member ? member->param : joint->param) != param)
                continue;
            if (axes)
                axes[count] = (weld_score_axis){
                    c, member, joint, member ? member->axis : joint->axes[joint->axis_count - 1]};
            count++;
        }
    }
    return count;
}

static void zero_what_is_not_finite(float *x, int64_t count)
{
    for (int64_t k = 0; k < count; k++)
        x[k] = isfinite(x[k]) ? x[k] : 0;
}

/* |x| in double, which squares of single precision can't overflow: finite only if all of x is. */
static double norm_of(const float *x, int64_t count)
{
    return sqrt(weld_dot(x, x, count));
}

/* out [numel] = the parameter. */
static weld_status read_single(float *out, const weld_paramset *set, int param, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_dtype from = set->graph->params[param].dtype;
    const size_t count = weld_param_numel(set->graph, param);
    void *read = NULL;
    if (set->arrays[param]) {
        weld_convert_reals(out, WELD_FLOAT, set->arrays[param], from, count);
        return WELD_OK;
    }
    if (weld_compute_size(from) == sizeof *out)
        return weld_paramset_read(out, set, param, WELD_CANONICAL, 0, count, err);
    WELD_REQUIRE((read = weld_alloc(set->ctx, count, weld_compute_size(from))), WELD_E_NOMEM,
                 "no memory for %zu weights", count);
    WELD_TRY(weld_paramset_read(read, set, param, WELD_CANONICAL, 0, count, err));
    weld_convert_reals(out, WELD_FLOAT, read, from, count);
done:
    weld_free(set->ctx, read);
    return st;
}

/* One side of a tensor: the set's own array (`borrow`), where that is in single precision. */
static weld_status take_side(const float **out, float **owned, const weld_paramset *set, int param,
                             bool borrow, weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t count = (int64_t)weld_param_numel(set->graph, param);
    const bool single = weld_compute_size(set->graph->params[param].dtype) == sizeof **out;
    if (borrow && single && set->arrays[param]) {
        *out = set->arrays[param];
        return WELD_OK;
    }
    WELD_NEW(*owned, set->ctx, count);
    *out = *owned;
    WELD_TRY(read_single(*owned, set, param, err));
    zero_what_is_not_finite(*owned, count);
done:
    return st;
}

/* What is folded takes its parameters from arrays. */
static weld_status hold_folded(const weld_norm_fold *fold, const weld_paramset *set,
                               weld_error *err)
{
    const int params[] = {fold->weight, fold->bias, fold->scale,
                          fold->shift,  fold->mean, fold->variance};
    weld_status st = WELD_OK;
    for (size_t k = 0; k < sizeof params / sizeof params[0] && st == WELD_OK; k++)
        if (params[k] >= 0)
            st = weld_paramset_hold_one(set, params[k], err);
    return st;
}

static weld_status take_values(const weld_scores *s, weld_score_tensor *t, weld_error *err)
{
    const bool borrow = !t->drawn; /* what is drawn has its scale: it is finite each time */
    const weld_status st = take_side(&t->a, &t->owned[0], s->a, t->param, borrow, err);
    return st == WELD_OK ? take_side(&t->b, &t->owned[1], s->b, t->param, borrow, err) : st;
}

static void drop_values(const weld_scores *s, weld_score_tensor *t)
{
    weld_free(s->ctx, t->owned[0]);
    weld_free(s->ctx, t->owned[1]);
    t->owned[0] = t->owned[1] = NULL;
    t->a = t->b = NULL;
}

/* Makes the scale known; zeroes for what is not finite, which a borrowed array may have. */
static weld_status measure(const weld_scores *s, weld_score_tensor *t, weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t count = weld_shape_numel(&t->shape);
    t->scale = norm_of(t->a, count) * norm_of(t->b, count);
    if (isfinite(t->scale))
        return WELD_OK;
    WELD_TRY(weld_score_own(s, t, err));
    for (int side = 0; side < 2; side++)
        zero_what_is_not_finite(t->owned[side], count);
    t->scale = norm_of(t->a, count) * norm_of(t->b, count);
done:
    return st;
}

weld_status weld_score_open(const weld_scores *s, int tensor, weld_error *err)
{
    weld_score_tensor *t = &s->tensors[tensor];
    weld_status st = WELD_OK;
    if (t->drawn && t->users++ == 0)
        st = take_values(s, t, err);
    if (st != WELD_OK)
        weld_score_close(s, tensor);
    return st;
}

void weld_score_close(const weld_scores *s, int tensor)
{
    weld_score_tensor *t = &s->tensors[tensor];
    if (t->drawn && --t->users == 0)
        drop_values(s, t);
}

weld_status weld_score_keep(const weld_scores *s, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int k = 0; k < s->count && st == WELD_OK; k++) {
        st = weld_score_open(s, k, err);
        s->tensors[k].drawn = s->tensors[k].drawn && st != WELD_OK;
    }
    return st;
}

weld_status weld_score_own(const weld_scores *s, weld_score_tensor *t, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t count = (size_t)weld_shape_numel(&t->shape);
    const float **from[] = {&t->a, &t->b};
    for (int side = 0; side < 2; side++) {
        if (t->owned[side])
            continue;
        WELD_NEW(t->owned[side], s->ctx, count);
        memcpy(t->owned[side], *from[side], count * sizeof **from[side]);
        *from[side] = t->owned[side];
    }
done:
    return st;
}

typedef void fold_fn(float *out, const weld_norm_fold *fold, const weld_paramset *set);

static weld_status take_folded(const weld_scores *s, weld_score_tensor *t,
                               const weld_norm_fold *fold, fold_fn *fill, weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t count = weld_shape_numel(&t->shape);
    WELD_NEW(t->owned[0], s->ctx, count);
    WELD_NEW(t->owned[1], s->ctx, count);
    WELD_TRY(hold_folded(fold, s->a, err));
    WELD_TRY(hold_folded(fold, s->b, err));
    fill(t->owned[0], fold, s->a);
    fill(t->owned[1], fold, s->b);
    t->a = t->owned[0];
    t->b = t->owned[1];
done:
    return st;
}

/* A tensor with the shape and members of `param`, filled by `fill` or plainly if that is NULL. */
static weld_status add_tensor(maker *m, int param, const weld_norm_fold *fold, fold_fn *fill,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    weld_scores *s = m->scores;
    weld_score_tensor *t = NULL;
    const int axis_count = free_axes_of(s->symmetry, param, NULL);
    if (axis_count == 0)
        goto done;
    WELD_GROW(s->tensors, m->cap, s->ctx, (size_t)s->count + 1);
    t = &s->tensors[s->count++];
    memset(t, 0, sizeof *t);
    t->param = param;
    t->shape = s->symmetry->graph->params[param].shape;
    WELD_NEW(t->axes, s->ctx, axis_count);
    t->axis_count = free_axes_of(s->symmetry, param, t->axes);
    for (int k = 0; k < axis_count; k++)
        t->has_joint = t->has_joint || t->axes[k].joint;
    t->drawn = !fill && !(m->a->arrays[param] && m->b->arrays[param]);
    WELD_TRY(fill ? take_folded(s, t, fold, fill, err) : take_values(s, t, err));
    if (!t->drawn)
        goto done; /* measured with the others, in parallel */
    WELD_TRY(measure(s, t, err));
    drop_values(s, t);
done:
    return st;
}

static weld_status measure_held(void *user, int64_t item, int slot, weld_error *err)
{
    const weld_scores *s = user;
    (void)slot;
    return s->tensors[item].drawn ? WELD_OK : measure(s, &s->tensors[item], err);
}

static weld_status add_folded(maker *m, bool *folded, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = m->scores->symmetry->graph;
    for (int n = 0; n < g->node_count; n++) {
        const weld_norm_fold fold = weld_find_norm_fold(g, n);
        if (fold.norm_node < 0)
            continue;
        folded[n] = folded[fold.norm_node] = true;
        WELD_TRY(add_tensor(m, fold.weight, &fold, weld_norm_fold_weight, err));
        WELD_TRY(add_tensor(m, fold.shift, &fold, weld_norm_fold_shift, err));
    }
done:
    return st;
}

static weld_status make(maker *m, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = m->scores->ctx;
    const weld_graph *g = m->scores->symmetry->graph;
    bool *folded = NULL;
    WELD_NEW(folded, ctx, g->node_count);
    WELD_NEW(m->plain, ctx, g->param_count);
    WELD_TRY(add_folded(m, folded, err));
    for (int n = 0; n < g->node_count; n++)
        for (int i = 0; i < g->nodes[n].input_count && !folded[n]; i++) {
            const int value = g->nodes[n].inputs[i];
            const bool statistic = i < 32 && g->nodes[n].op->statistic_inputs >> i & 1u;
            if (value >= 0 && g->values[value].kind == WELD_VALUE_PARAM && !statistic)
                m->plain[g->values[value].param] = true;
        }
    for (int p = 0; p < g->param_count; p++)
        if (m->plain[p])
            WELD_TRY(add_tensor(m, p, NULL, NULL, err));
done:
    weld_free(ctx, folded);
    return st;
}

weld_status weld_scores_create(weld_scores **out, const weld_symmetry *symmetry,
                               const weld_paramset *a, const weld_paramset *b, weld_error *err)
{
    weld_status st = WELD_OK;
    maker m = {.a = a, .b = b};
    *out = NULL;
    WELD_NEW(m.scores, symmetry->ctx, 1);
    m.scores->ctx = symmetry->ctx;
    m.scores->symmetry = symmetry;
    m.scores->a = a;
    m.scores->b = b;
    WELD_TRY(make(&m, err));
    WELD_TRY(weld_parallel_for(symmetry->ctx, m.scores->count, measure_held, m.scores, err));
    *out = m.scores;
    m.scores = NULL;
done:
    weld_scores_free(m.scores);
    weld_free(symmetry->ctx, m.plain);
    return st;
}

void weld_scores_free(weld_scores *scores)
{
    if (!scores)
        return;
    for (int t = 0; t < scores->count; t++) {
        drop_values(scores, &scores->tensors[t]);
        weld_free(scores->ctx, scores->tensors[t].axes);
    }
    weld_free(scores->ctx, scores->tensors);
    weld_free(scores->ctx, scores);
}
