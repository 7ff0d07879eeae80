#include "match/relaxed.h"
#include "match/assign.h"
#include "match/dot.h"
#include "match/lap.h"
#include <string.h>

void weld_relaxed_free(weld_relaxed *classes, weld_context *ctx, int count)
{
    for (int c = 0; classes && c < count; c++) {
        weld_free(ctx, classes[c].x);
        weld_free(ctx, classes[c].gradient);
        weld_free(ctx, classes[c].step);
        weld_free(ctx, classes[c].corner);
    }
    weld_free(ctx, classes);
}

weld_status weld_relaxed_create(weld_relaxed **out, const weld_blocks *blocks, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = blocks->ctx;
    const weld_symmetry *s = blocks->scores->symmetry;
    weld_relaxed *classes = NULL;
    WELD_NEW(classes, ctx, s->free_count);
    for (int c = 0; c < s->free_count; c++) {
        weld_relaxed *r = &classes[c];
        if (!blocks->whole[c] || !weld_class_is_alone(s, c))
            continue;
        r->n = s->classes[c].size;
        WELD_NEW(r->x, ctx, r->n * r->n);
        WELD_NEW(r->gradient, ctx, r->n * r->n);
        WELD_NEW(r->step, ctx, r->n * r->n);
        WELD_NEW(r->corner, ctx, r->n);
    }
    *out = classes;
    classes = NULL;
done:
    weld_relaxed_free(classes, ctx, s->free_count);
    return st;
}

void weld_relaxed_start(weld_relaxed *r, int start, const int32_t *perm, weld_rng *rng)
{
    const int32_t n = (int32_t)r->n;
    const float mean = start == 1 ? 0.0f : (start == 0 ? 1.0f : 0.5f) / (float)n;
    for (int64_t k = 0; k < r->n * r->n; k++)
        r->x[k] = mean;
    for (int32_t i = 0; i < n; i++)
        r->corner[i] = i;
    if (start == 1)
        weld_invert_perm(r->corner, perm, n);
    else if (start > 1)
        weld_rng_shuffle(rng, r->corner, n);
    for (int32_t i = 0; i < n && start > 0; i++)
        r->x[i * r->n + r->corner[i]] += start == 1 ? 1.0f : 0.5f;
}

/* corner := the assignment of `score`, the places as they are where nothing else is better. */
static weld_status assign(const weld_relaxed *r, weld_context *ctx, const float *score,
                          weld_error *err)
{
    double gain;
    for (int32_t i = 0; i < r->n; i++)
        r->corner[i] = i;
    return weld_lap_max_single(r->corner, ctx, score, (int32_t)r->n, &gain, err);
}

weld_status weld_relaxed_aim(double *slope, const weld_relaxed *classes, weld_context *ctx,
                             int count, weld_error *err)
{
    weld_status st = WELD_OK;
    *slope = 0;
    for (int c = 0; c < count; c++) {
        const weld_relaxed *r = &classes[c];
        if (r->n == 0)
            continue;
        WELD_TRY(assign(r, ctx, r->gradient, err));
        for (int64_t k = 0; k < r->n * r->n; k++)
            r->step[k] = -r->x[k];
        for (int32_t i = 0; i < r->n; i++)
            r->step[i * r->n + r->corner[i]] += 1.0f;
        *slope += weld_dot(r->gradient, r->step, r->n * r->n);
    }
done:
    return st;
}

weld_status weld_relaxed_round(weld_element *element, const weld_relaxed *classes,
                               weld_context *ctx, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int c = 0; c < element->symmetry->free_count; c++) {
        const weld_relaxed *r = &classes[c];
        if (r->n == 0)
            continue;
        WELD_TRY(assign(r, ctx, r->x, err));
        for (int32_t i = 0; i < r->n; i++)
            r->corner[i] = element->perms[c][r->corner[i]];
        memcpy(element->perms[c], r->corner, (size_t)r->n * sizeof *r->corner);
    }
done:
    return st;
}
