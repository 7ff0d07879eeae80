/* The tensors of weld_scores. */
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

typedef void (*fill_fn)(float *, const weld_norm_fold *, const weld_paramset *);

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

/* The parameter as it is, where it is in single precision; else its own copy, to be filled. */
static weld_status take_values(const float **out, float **owned, weld_context *ctx,
                               const weld_paramset *set, int param, const weld_norm_fold *fold,
                               fill_fn fill, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor t = weld_paramset_tensor(set, param);
    const int64_t count = weld_shape_numel(&t.shape);
    if (!fill && weld_dtype_is_float(t.dtype) && t.dtype != WELD_DOUBLE) {
        *out = t.f;
        return WELD_OK;
    }
    WELD_NEW(*owned, ctx, count);
    *out = *owned;
    if (fill)
        fill(*owned, fold, set);
    for (int64_t k = 0; !fill && k < count; k++)
        (*owned)[k] = (float)weld_tensor_number(&t, k);
done:
    return st;
}

/* A tensor with the shape and members of `param`, filled by `fill` or plainly if that is NULL. */
static weld_status add_tensor(maker *m, int param, const weld_norm_fold *fold, fill_fn fill,
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
    WELD_TRY(take_values(&t->a, &t->owned[0], s->ctx, m->a, param, fold, fill, err));
    WELD_TRY(take_values(&t->b, &t->owned[1], s->ctx, m->b, param, fold, fill, err));
done:
    return st;
}

/* Finishes a tensor: its scale; zeroes for what is not finite. */
static weld_status measure(void *user, int64_t item, int slot, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_scores *s = user;
    weld_score_tensor *t = &s->tensors[item];
    const int64_t count = weld_shape_numel(&t->shape);
    (void)slot;
    t->scale = sqrt(weld_dot(t->a, t->a, count)) * sqrt(weld_dot(t->b, t->b, count));
    if (isfinite(t->scale))
        return WELD_OK;
    WELD_TRY(weld_score_own(s, t, err));
    for (int64_t k = 0; k < 2 * count; k++) {
        float *x = k < count ? &t->owned[0][k] : &t->owned[1][k - count];
        *x = isfinite(*x) ? *x : 0;
    }
    t->scale = sqrt(weld_dot(t->a, t->a, count)) * sqrt(weld_dot(t->b, t->b, count));
done:
    return st;
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
    WELD_TRY(make(&m, err));
    WELD_TRY(weld_parallel_for(m.scores->ctx, m.scores->count, measure, m.scores, err));
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
        weld_free(scores->ctx, scores->tensors[t].owned[0]);
        weld_free(scores->ctx, scores->tensors[t].owned[1]);
        weld_free(scores->ctx, scores->tensors[t].axes);
    }
    weld_free(scores->ctx, scores->tensors);
    weld_free(scores->ctx, scores);
}

weld_status weld_score_own(weld_scores *scores, weld_score_tensor *t, weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t count = weld_shape_numel(&t->shape);
    const float **from[] = {&t->a, &t->b};
    for (int side = 0; side < 2; side++) {
        if (t->owned[side])
            continue;
        WELD_NEW(t->owned[side], scores->ctx, count);
        memcpy(t->owned[side], *from[side], (size_t)count * sizeof **from[side]);
        *from[side] = t->owned[side];
    }
done:
    return st;
}
