#include "ops/weight_matrix.h"

weld_weight_matrix weld_weight_matrix_of(const weld_graph *g, const weld_node *node)
{
    const weld_shape *weight = &g->params[weld_param_at(g, node, 1)].shape;
    const double groups = weld_attr_number(node, "group");
    weld_weight_matrix m = {
        .form = node->op->product, .taps = 1, .groups = groups > 1 ? (int64_t)groups : 1};
    if (m.form == WELD_PRODUCT_STACKED) {
        m.outputs = weight->dims[0] * weight->dims[1];
        m.channels = weight->dims[2];
        return m;
    }
    const bool out_first = m.form == WELD_PRODUCT_OUT_IN;
    m.outputs = out_first ? weight->dims[0] : weight->dims[1] * m.groups;
    m.channels = out_first ? weight->dims[1] * m.groups : weight->dims[0];
    m.taps = weld_shape_span(weight, 2, weight->rank);
    return m;
}

int64_t weld_weight_matrix_at(const weld_weight_matrix *m, int64_t output, int64_t column)
{
    const int64_t read = m->channels / m->groups, made = m->outputs / m->groups;
    const int64_t channel = column / m->taps, tap = column % m->taps;
    if (output / made != channel / read)
        return -1;
    if (m->form == WELD_PRODUCT_IN_OUT)
        return (channel * made + output % made) * m->taps + tap;
    return (output * read + channel % read) * m->taps + tap;
}
