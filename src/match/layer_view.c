#include "match/layer_view.h"

weld_status weld_layer_places(int32_t *place, const weld_objective_layer *layer,
                              const weld_element *e, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_linear_layer *of = layer->in->layer;
    const int64_t taps = of->matrix.taps;
    int32_t *index = NULL;
    WELD_NEW(index, e->ctx, of->matrix.channels);
    weld_stands_index(index, of->matrix.channels, &of->channels, e);
    for (int32_t k = 0; k < layer->in->columns; k++) {
        const int64_t column = layer->in->column[k];
        place[k] = layer->in->part_of[index[column / taps] * taps + column % taps];
    }
done:
    weld_free(e->ctx, index);
    return st;
}

/* out[o, k] = w[row[o], column[place[k]]] */
static void take_weight(double *out, const float *w, const weld_objective_layer *layer,
                        const int32_t *row, const int32_t *place)
{
    const weld_input_moments *in = layer->in;
    const weld_weight_matrix *m = &in->layer->matrix;
    for (int64_t o = 0; o < m->outputs; o++)
        for (int32_t k = 0; k < in->columns; k++) {
            const int64_t at = weld_weight_matrix_at(m, row[o], in->column[place[k]]);
            out[o * in->columns + k] = at < 0 ? 0 : w[at];
        }
}

/* out[i, j] = gram[row[i], column[j]] */
static void take_gram(double *out, const double *gram, const weld_input_moments *in,
                      const int32_t *row, const int32_t *column)
{
    const int64_t n = in->columns;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            out[i * n + j] = gram[row[i] * n + column[j]] / in->rows;
}

static void count_up(int32_t *index, int64_t count)
{
    for (int32_t k = 0; k < count; k++)
        index[k] = k;
}

weld_status weld_layer_view_init(weld_layer_view *v, const weld_objective_layer *layer,
                                 const weld_element *e, bool rows, bool columns, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = e->ctx;
    const weld_input_moments *in = layer->in;
    const size_t k = (size_t)in->columns, o = (size_t)in->layer->matrix.outputs;
    int32_t *row = NULL, *same_row = NULL, *place = NULL, *same = NULL;
    *v = (weld_layer_view){.ctx = ctx, .outputs = (int64_t)o, .k = in->columns};
    WELD_NEW(v->wa, ctx, o * k);
    WELD_NEW(v->wb, ctx, o * k);
    WELD_NEW(v->aa, ctx, k * k);
    WELD_NEW(v->bb, ctx, k * k);
    WELD_NEW(v->ab, ctx, k * k);
    WELD_NEW(row, ctx, o);
    WELD_NEW(same_row, ctx, o);
    WELD_NEW(place, ctx, k);
    WELD_NEW(same, ctx, k);
    count_up(row, v->outputs);
    count_up(same_row, v->outputs);
    count_up(place, in->columns);
    count_up(same, in->columns);
    if (rows)
        weld_stands_index(row, v->outputs, &in->layer->rows, e);
    if (columns)
        WELD_TRY(weld_layer_places(place, layer, e, err));
    take_weight(v->wa, layer->weight->a, layer, same_row, same);
    take_weight(v->wb, layer->weight->b, layer, row, place);
    take_gram(v->aa, in->aa, in, same, same);
    take_gram(v->bb, in->bb, in, place, place);
    take_gram(v->ab, in->ab, in, same, place);
done:
    weld_free(ctx, row);
    weld_free(ctx, same_row);
    weld_free(ctx, place);
    weld_free(ctx, same);
    return st;
}

void weld_layer_view_free(weld_layer_view *v)
{
    weld_free(v->ctx, v->wa);
    weld_free(v->ctx, v->wb);
    weld_free(v->ctx, v->aa);
    weld_free(v->ctx, v->bb);
    weld_free(v->ctx, v->ab);
}
