#include "ops/move.h"
#include <string.h>

/* The axes of a copy: those of size 1 dropped, those that are walked as one merged. */
typedef struct copy_walk {
    int rank;
    int64_t dims[WELD_RANK_MAX], step[WELD_RANK_MAX];
} copy_walk;

static void walk_axes(copy_walk *w, const weld_shape *shape, const int64_t step[WELD_RANK_MAX])
{
    w->rank = 0;
    for (int a = 0; a < shape->rank; a++) {
        if (shape->dims[a] == 1)
            continue;
        const int last = w->rank - 1;
        if (last >= 0 && w->step[last] == step[a] * shape->dims[a]) {
            w->dims[last] *= shape->dims[a];
            w->step[last] = step[a];
        } else {
            w->dims[w->rank] = shape->dims[a];
            w->step[w->rank++] = step[a];
        }
    }
}

/* One line of `count` elements, `step` elements apart in the input. */
static void copy_line(char *to, const char *from, int64_t count, int64_t step, size_t size)
{
    if (step == 1) {
        memcpy(to, from, (size_t)count * size);
        return;
    }
    const int64_t advance = step * (int64_t)size;
    for (int64_t k = 0; k < count; k++, to += size, from += advance)
        memcpy(to, from, size);
}

void weld_copy_strided(weld_tensor *y, const weld_tensor *x, int64_t from,
                       const int64_t step[WELD_RANK_MAX])
{
    const size_t size = weld_compute_size(y->dtype);
    const int64_t total = weld_shape_numel(&y->shape);
    int64_t at[WELD_RANK_MAX] = {0};
    copy_walk w;
    walk_axes(&w, &y->shape, step);
    const int last = w.rank - 1;
    const int64_t count = last >= 0 ? w.dims[last] : 1, line_step = last >= 0 ? w.step[last] : 1;
    for (int64_t k = 0; k < total; k += count) {
        copy_line((char *)y->data + (size_t)k * size, (const char *)x->data + (size_t)from * size,
                  count, line_step, size);
        for (int a = last - 1; a >= 0; a--) {
            from += w.step[a];
            if (++at[a] < w.dims[a])
                break;
            from -= w.step[a] * w.dims[a];
            at[a] = 0;
        }
    }
}

weld_status weld_run_copy(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)node, (void)err;
    const weld_tensor *x = args->in[0];
    memcpy(args->out[0]->data, x->data,
           (size_t)weld_shape_numel(&x->shape) * weld_compute_size(x->dtype));
    return WELD_OK;
}

weld_status weld_infer_same(weld_infer *inf, const weld_node *node, weld_error *err)
{
    (void)node;
    return weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), weld_infer_shape(inf, 0), err);
}

weld_status weld_tie_view(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)err;
    weld_tie_reshape(ties, index, node->inputs[0], node->outputs[0]);
    return WELD_OK;
}

weld_status weld_tie_nothing(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)ties, (void)index, (void)node, (void)err;
    return WELD_OK;
}

void weld_tie_other_axes(weld_ties *ties, int x, int y, int axis)
{
    for (int a = 0; a < weld_tie_shape(ties, x)->rank; a++)
        if (a != axis)
            weld_tie_axes(ties, x, a, y, a);
}

weld_status weld_check_moved(const weld_node *node, const char *name, bool is_attribute, int input,
                             int since, weld_error *err)
{
    if (is_attribute && node->opset >= since)
        return weld_fail(err, WELD_E_FORMAT, "%s is input %d from opset %d on, opset is %d", name,
                         input, since, node->opset);
    if (weld_node_input(node, input) >= 0 && node->opset < since)
        return weld_fail(err, WELD_E_FORMAT, "%s is an attribute before opset %d, opset is %d",
                         name, since, node->opset);
    return WELD_OK;
}
