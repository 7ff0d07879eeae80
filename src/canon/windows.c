/* Windows of convolutions and pools: sizes, strides, dilations and pads are written out, automatic
 * padding too where the sizes are known; zeros that a Pad puts around a convolution's input are its
 * padding. */
#include "canon/edit.h"
#include <string.h>

typedef struct window_lists {
    weld_ints *kernel, *strides, *dilations, *pads;
    int64_t *auto_pad; /* index of the name: 0 NOTSET, 1 SAME_UPPER, 2 SAME_LOWER, 3 VALID */
} window_lists;

static bool lists_of(window_lists *w, const weld_node *node)
{
    *w = (window_lists){weld_attr_slot(node, "kernel_shape"), weld_attr_slot(node, "strides"),
                        weld_attr_slot(node, "dilations"), weld_attr_slot(node, "pads"),
                        weld_attr_slot(node, "auto_pad")};
    return w->kernel && w->strides && w->pads && w->auto_pad && node->op != &weld_op_ConvTranspose;
}

static void fill(weld_ints *list, int64_t count, int64_t value)
{
    if (!list || list->count >= 0)
        return;
    list->count = count;
    for (int64_t k = 0; k < count; k++)
        list->at[k] = value;
}

/* Pads of SAME from the sizes of input and output; false when they are not known. */
static bool same_pads(weld_ints *out, const window_lists *w, const weld_value *x,
                      const weld_value *y, bool more_at_end)
{
    const int spatial = x->rank - 2;
    *out = (weld_ints){.count = 2 * spatial};
    for (int k = 0; k < spatial; k++) {
        const int64_t in = x->dims[k + 2], size = y->dims[k + 2];
        const int64_t dilation = w->dilations ? w->dilations->at[k] : 1;
        int64_t total = (size - 1) * w->strides->at[k] + (w->kernel->at[k] - 1) * dilation + 1 - in;
        if (in < 0 || size < 0)
            return false;
        total = total > 0 ? total : 0;
        out->at[k] = more_at_end ? total / 2 : total - total / 2;
        out->at[k + spatial] = total - out->at[k];
    }
    return true;
}

static void write_out(weld_draft *draft, int n, const window_lists *w)
{
    const weld_value *x = &draft->values[weld_draft_in(draft, n, 0)];
    const int weight = weld_draft_in(draft, n, 1), spatial = x->rank - 2;
    const weld_value *y = &draft->values[draft->nodes[n].outputs[0]];
    if (w->kernel->count < 0 && weight >= 0 && draft->values[weight].rank == x->rank) {
        w->kernel->count = spatial;
        memcpy(w->kernel->at, draft->values[weight].dims + 2, sizeof(int64_t) * (size_t)spatial);
    }
    fill(w->strides, spatial, 1);
    fill(w->dilations, spatial, 1);
    weld_ints pads;
    if (*w->auto_pad == 3) {
        w->pads->count = -1;
        *w->auto_pad = 0;
    } else if (*w->auto_pad && w->kernel->count == spatial && y->rank == x->rank &&
               same_pads(&pads, w, x, y, *w->auto_pad == 1)) {
        *w->pads = pads;
        *w->auto_pad = 0;
    }
    if (*w->auto_pad == 0)
        fill(w->pads, 2 * spatial, 0);
}

/* Zeros around the spatial axes only; false when the Pad does anything else. */
static bool is_zero_frame(weld_ints *pads, const weld_draft *draft, int pad)
{
    const weld_node *node = &draft->nodes[pad];
    const int input = weld_draft_in(draft, pad, 1), rank = draft->values[node->outputs[0]].rank;
    const weld_tensor *data = input < 0 ? NULL : draft->values[input].data;
    double value = weld_attr_number(node, "value");
    *pads = *(const weld_ints *)weld_attr_slot(node, "pads");
    if (data && weld_shape_numel(&data->shape) <= WELD_INTS_MAX) {
        pads->count = weld_shape_numel(&data->shape);
        memcpy(pads->at, data->i, sizeof(int64_t) * (size_t)pads->count);
    }
    if (weld_draft_in(draft, pad, 2) >= 0 &&
        !weld_is_number(&value, draft, weld_draft_in(draft, pad, 2)))
        return false;
    if (weld_attr_number(node, "mode") != 0 || value != 0 || pads->count != 2 * rank ||
        weld_draft_in(draft, pad, 3) >= 0)
        return false;
    for (int k = 0; k < 2 * rank; k++)
        if (pads->at[k] < 0 || (k % rank < 2 && pads->at[k] != 0))
            return false;
    return true;
}

static bool take_frame(weld_draft *draft, int n, const window_lists *w)
{
    const int x = weld_draft_in(draft, n, 0), pad = weld_made_only(draft, x, &weld_op_Pad);
    weld_ints frame;
    if (pad < 0 || draft->nodes[n].op != &weld_op_Conv || *w->auto_pad != 0 ||
        !is_zero_frame(&frame, draft, pad))
        return false;
    const int spatial = draft->values[x].rank - 2;
    for (int k = 0; k < spatial; k++) {
        w->pads->at[k] += frame.at[k + 2];
        w->pads->at[k + spatial] += frame.at[spatial + k + 4];
    }
    weld_draft_set_in(draft, n, 0, weld_draft_in(draft, pad, 0));
    return true;
}

weld_status weld_pass_windows(weld_draft *draft, weld_error *err)
{
    weld_status st = WELD_OK;
    int frames = 0;
    for (size_t n = 0; n < draft->node_count; n++) {
        window_lists w;
        const weld_node *node = &draft->nodes[n];
        if (node->dead || node->input_count < 1 || !lists_of(&w, node) ||
            draft->values[weld_draft_in(draft, (int)n, 0)].rank < 3)
            continue;
        write_out(draft, (int)n, &w);
        frames += take_frame(draft, (int)n, &w);
    }
    if (frames)
        WELD_TRY(weld_draft_log(draft, err, "%d Pads read as the padding of a Conv", frames));
done:
    return st;
}
