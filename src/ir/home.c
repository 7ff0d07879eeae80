/* The way between a stored tensor and a canonical parameter. */
#include "ir/graph.h"
#include <string.h>

static void transpose(const weld_shape *shape, const int *perm, void *data, void *scratch,
                      size_t element_size)
{
    size_t bytes = (size_t)weld_shape_numel(shape) * element_size;
    if (bytes == 0)
        return;
    memcpy(scratch, data, bytes);
    weld_transpose(data, scratch, shape, perm, element_size);
}

/* x = x factor + offset of its unit, or the inverse; rounded once. */
static void scale(const weld_view_step *step, void *data, weld_dtype dtype, const weld_affine *a,
                  bool back)
{
    const weld_fold *fold = step->fold;
    weld_tensor t = {.dtype = dtype, .shape = step->in, .data = data};
    const int axis = fold->of_shift ? 0 : fold->axis;
    const int64_t inner = weld_shape_span(&step->in, axis + 1, step->in.rank);
    const int64_t count = weld_shape_numel(&step->in);
    for (int64_t k = 0; k < count; k++) {
        const int64_t u = k / inner % fold->units;
        const double x = weld_tensor_number(&t, k), factor = fold->of_shift ? 1 : a->factor[u];
        if (!back)
            weld_tensor_set_number(&t, k, x * factor + a->offset[u]);
        else if (factor != 0)
            weld_tensor_set_number(&t, k, (x - a->offset[u]) / factor);
    }
}

void weld_step_forward(const weld_view_step *step, void *data, void *scratch, weld_dtype dtype,
                       const weld_affine *affine)
{
    if (step->kind == WELD_VIEW_TRANSPOSE)
        transpose(&step->in, step->perm, data, scratch, weld_compute_size(dtype));
    else if (step->kind == WELD_VIEW_FOLD)
        scale(step, data, dtype, affine, false);
}

void weld_step_backward(const weld_view_step *step, void *data, void *scratch, weld_dtype dtype,
                        const weld_affine *affine)
{
    int inverse[WELD_RANK_MAX];
    if (step->kind == WELD_VIEW_TRANSPOSE) {
        weld_invert_perm(inverse, step->perm, step->in.rank);
        transpose(&step->out, inverse, data, scratch, weld_compute_size(dtype));
    } else if (step->kind == WELD_VIEW_FOLD) {
        scale(step, data, dtype, affine, true);
    }
}
