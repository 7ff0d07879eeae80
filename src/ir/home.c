/* The way between a stored tensor and a canonical parameter. */
#include "ir/graph.h"
#include <string.h>

static void run_step(const weld_shape *shape, const int *perm, void *data, void *scratch,
                     size_t element_size)
{
    size_t bytes = (size_t)weld_shape_numel(shape) * element_size;
    if (bytes == 0)
        return;
    memcpy(scratch, data, bytes);
    weld_transpose(data, scratch, shape, perm, element_size);
}

void weld_home_forward(const weld_home *home, void *data, void *scratch, size_t element_size)
{
    for (int s = 0; s < home->step_count; s++)
        if (home->steps[s].kind == WELD_VIEW_TRANSPOSE)
            run_step(&home->steps[s].in, home->steps[s].perm, data, scratch, element_size);
}

void weld_home_backward(const weld_home *home, void *data, void *scratch, size_t element_size)
{
    for (int s = home->step_count - 1; s >= 0; s--) {
        const weld_view_step *step = &home->steps[s];
        int inverse[WELD_RANK_MAX];
        if (step->kind != WELD_VIEW_TRANSPOSE)
            continue;
        for (int k = 0; k < step->in.rank; k++)
            inverse[step->perm[k]] = k;
        run_step(&step->out, inverse, data, scratch, element_size);
    }
}
