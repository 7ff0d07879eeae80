#include "onnx/params.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

static weld_status home_forward(const weld_home *home, const weld_onnx_file *file, void *data,
                                void *scratch, weld_dtype dtype, weld_error *err);

/* The canonical elements of a home; `out` has room for `count` of the type. */
static weld_status read_home(void *out, const weld_onnx_file *file, const weld_home *home,
                             weld_dtype dtype, size_t count, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_tensor stored = {0};
    void *scratch = NULL;
    WELD_TRY(weld_onnx_read_tensor(&stored, file, home->tensor, err));
    WELD_REQUIRE((size_t)weld_shape_numel(&stored.shape) == count, WELD_E_INTERNAL,
                 "tensor '%s' has another size than its parameter",
                 file->tensors[home->tensor].name);
    weld_convert_reals(out, dtype, stored.data, stored.dtype, count);
    if (home->step_count) {
        WELD_REQUIRE((scratch = weld_alloc(file->ctx, count, weld_compute_size(dtype))),
                     WELD_E_NOMEM, "out of memory");
        WELD_TRY(home_forward(home, file, out, scratch, dtype, err));
    }
done:
    weld_tensor_free(file->ctx, &stored);
    weld_free(file->ctx, scratch);
    return st;
}

/* ---- folded normalisation ------------------------------------------------------------- */

typedef struct fold_values {
    double *factor, *offset, *work; /* [units] */
} fold_values;

static weld_status read_fold(fold_values *v, const weld_onnx_file *file, const weld_fold *fold,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t n = (size_t)fold->units;
    WELD_NEW(v->factor, file->ctx, n);
    WELD_NEW(v->offset, file->ctx, n);
    WELD_NEW(v->work, file->ctx, n);
    WELD_TRY(read_home(v->factor, file, &fold->scale, WELD_DOUBLE, n, err));
    WELD_TRY(read_home(v->work, file, &fold->variance, WELD_DOUBLE, n, err));
    for (size_t u = 0; u < n; u++)
        v->factor[u] /= sqrt(v->work[u] + fold->epsilon);
    if (!fold->of_shift)
        goto done;
    if (fold->has_bias)
        WELD_TRY(read_home(v->offset, file, &fold->bias, WELD_DOUBLE, n, err));
    WELD_TRY(read_home(v->work, file, &fold->mean, WELD_DOUBLE, n, err));
    for (size_t u = 0; u < n; u++)
        v->offset[u] = (v->offset[u] - v->work[u]) * v->factor[u];
done:
    return st;
}

static void free_fold(fold_values *v, weld_context *ctx)
{
    weld_free(ctx, v->factor);
    weld_free(ctx, v->offset);
    weld_free(ctx, v->work);
}

/* A unit that its normalisation multiplies by 0 shows nothing of its weights: what was merged into
 * it can't be written there. */
static weld_status check_factors(const fold_values *v, const weld_view_step *step, const void *data,
                                 weld_dtype dtype, const char *name, weld_error *err)
{
    const weld_fold *fold = step->fold;
    const weld_tensor t = {.dtype = dtype, .shape = step->in, .data = (void *)data};
    const int64_t inner = weld_shape_span(&step->in, fold->axis + 1, step->in.rank);
    for (int64_t k = 0; !fold->of_shift && k < weld_shape_numel(&step->in); k++)
        if (v->factor[k / inner % fold->units] == 0 && weld_tensor_number(&t, k) != 0)
            return weld_fail(err, WELD_E_UNSUPPORTED,
                             "unit %" PRId64 " of '%s' has a BatchNormalization scale of 0: merged "
                             "weights can't be written back to it",
                             k / inner % fold->units, name);
    return WELD_OK;
}

static weld_status run_step(const weld_view_step *step, const weld_onnx_file *file,
                            const char *name, void *data, void *scratch, weld_dtype dtype,
                            bool back, weld_error *err)
{
    weld_status st = WELD_OK;
    fold_values values = {0};
    if (step->kind == WELD_VIEW_FOLD)
        WELD_TRY(read_fold(&values, file, step->fold, err));
    if (step->kind == WELD_VIEW_FOLD && back)
        WELD_TRY(check_factors(&values, step, data, dtype, name, err));
    const weld_affine affine = {values.factor, values.offset};
    if (back)
        weld_step_backward(step, data, scratch, dtype, &affine);
    else
        weld_step_forward(step, data, scratch, dtype, &affine);
done:
    free_fold(&values, file->ctx);
    return st;
}

static weld_status home_forward(const weld_home *home, const weld_onnx_file *file, void *data,
                                void *scratch, weld_dtype dtype, weld_error *err)
{
    weld_status st = WELD_OK;
    const char *name = file->tensors[home->tensor].name;
    for (int s = 0; s < home->step_count && st == WELD_OK; s++)
        st = run_step(&home->steps[s], file, name, data, scratch, dtype, false, err);
    return st;
}

/* Canonical elements of `dtype` become stored ones in place. `scratch` is as large as `data`. */
static weld_status home_backward(const weld_home *home, const weld_onnx_file *file, void *data,
                                 void *scratch, weld_dtype dtype, weld_error *err)
{
    weld_status st = WELD_OK;
    const char *name = file->tensors[home->tensor].name;
    for (int s = home->step_count - 1; s >= 0 && st == WELD_OK; s--)
        st = run_step(&home->steps[s], file, name, data, scratch, dtype, true, err);
    return st;
}

/* ---- parameters --------------------------------------------------------------------------- */

static bool has_step(const weld_home *home, weld_view_kind kind)
{
    for (int k = 0; k < home->step_count; k++)
        if (home->steps[k].kind == kind)
            return true;
    return false;
}

bool weld_home_folds(const weld_home *home)
{
    return has_step(home, WELD_VIEW_FOLD);
}

bool weld_home_moves(const weld_home *home)
{
    return weld_home_folds(home) || has_step(home, WELD_VIEW_TRANSPOSE);
}

bool weld_homes_alike(const weld_home *a, const weld_home *b)
{
    if (weld_home_folds(a) || weld_home_folds(b))
        return false;
    if (!weld_home_moves(a) && !weld_home_moves(b))
        return true;
    bool alike = a->step_count == b->step_count;
    for (int k = 0; alike && k < a->step_count; k++) {
        const weld_view_step *x = &a->steps[k], *y = &b->steps[k];
        alike = x->kind == y->kind && weld_shape_equal(&x->in, &y->in) &&
                weld_shape_equal(&x->out, &y->out) &&
                (x->kind == WELD_VIEW_RESHAPE ||
                 memcmp(x->perm, y->perm, (size_t)x->in.rank * sizeof x->perm[0]) == 0);
    }
    return alike;
}

bool weld_onnx_param_in_parts(const weld_onnx_file *file, const weld_param *param,
                              const weld_home *home, weld_order order)
{
    return weld_onnx_is_plain(file, home->tensor) &&
           file->tensors[home->tensor].dtype == param->dtype &&
           !(order == WELD_STORED ? weld_home_folds(home) : weld_home_moves(home));
}

weld_status weld_onnx_read_param(void *out, const weld_onnx_file *file, const weld_param *param,
                                 const weld_home *home, weld_order order, size_t first,
                                 size_t count, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t numel = (size_t)weld_shape_numel(&param->shape);
    const size_t size = weld_compute_size(param->dtype);
    char *whole = NULL;
    if (weld_onnx_param_in_parts(file, param, home, order))
        return weld_onnx_read_part(out, file, home->tensor, first, count, err);
    WELD_REQUIRE(order == WELD_CANONICAL, WELD_E_INTERNAL, "'%s' has no stored order", param->name);
    if (first == 0 && count == numel)
        return read_home(out, file, home, param->dtype, count, err);
    WELD_NEW(whole, file->ctx, numel * size);
    WELD_TRY(read_home(whole, file, home, param->dtype, numel, err));
    memcpy(out, whole + first * size, count * size);
done:
    weld_free(file->ctx, whole);
    return st;
}

weld_status weld_onnx_stored_values(void **out, bool *same, const weld_onnx_file *file,
                                    const weld_paramset *values, int p, const weld_home *home,
                                    weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = file->ctx;
    const weld_param *param = &values->graph->params[p];
    const weld_dtype stored = file->tensors[home->tensor].dtype;
    const size_t n = weld_param_numel(values->graph, p);
    const size_t size = weld_compute_size(param->dtype), other = weld_compute_size(stored);
    weld_tensor kept = {0};
    void *work = NULL, *scratch = NULL; /* room for either compute type */
    *out = NULL;
    WELD_REQUIRE((work = weld_alloc(ctx, n, size > other ? size : other)) &&
                     (scratch = weld_alloc(ctx, n, size > other ? size : other)),
                 WELD_E_NOMEM, "no memory for %zu elements", n);
    WELD_TRY(read_home(scratch, file, home, param->dtype, n, err));
    WELD_TRY(weld_paramset_read(work, values, p, WELD_CANONICAL, 0, n, err));
    *same = n == 0 || memcmp(work, scratch, n * size) == 0;
    if (*same) { /* rounding on the way there and back must not show */
        WELD_TRY(weld_onnx_read_tensor(&kept, file, home->tensor, err));
        *out = kept.data;
        goto done;
    }
    WELD_TRY(home_backward(home, file, work, scratch, param->dtype, err));
    weld_convert_reals(scratch, stored, work, param->dtype, n);
    *out = scratch;
    scratch = NULL;
done:
    weld_free(ctx, work);
    weld_free(ctx, scratch);
    return st;
}
