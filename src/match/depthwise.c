#include "match/depthwise.h"

/* One channel of A with one of B, in the taps of the part. */
typedef struct duo {
    const weld_objective_layer *layer;
    int64_t taps;    /* of the weight */
    int32_t k;       /* of the part */
    int32_t *a, *b;  /* [k] their columns */
    double *wa, *wb; /* [k] */
} duo;

static weld_status duo_init(duo *d, weld_context *ctx, const weld_objective_layer *layer,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    *d = (duo){.layer = layer, .taps = layer->in->layer->matrix.taps};
    WELD_NEW(d->a, ctx, d->taps);
    WELD_NEW(d->b, ctx, d->taps);
    WELD_NEW(d->wa, ctx, d->taps);
    WELD_NEW(d->wb, ctx, d->taps);
done:
    return st;
}

static void duo_free(duo *d, weld_context *ctx)
{
    weld_free(ctx, d->a);
    weld_free(ctx, d->b);
    weld_free(ctx, d->wa);
    weld_free(ctx, d->wb);
}

static void meet(duo *d, int64_t i, int64_t j)
{
    const weld_objective_layer *l = d->layer;
    d->k = 0;
    for (int64_t t = 0; t < d->taps; t++) {
        if (l->in->part_of[i * d->taps + t] < 0)
            continue; /* of another part, for all channels */
        d->a[d->k] = l->in->part_of[i * d->taps + t];
        d->b[d->k] = l->in->part_of[j * d->taps + t];
        d->wa[d->k] = l->weight->a[i * d->taps + t];
        d->wb[d->k] = l->weight->b[j * d->taps + t];
        d->k++;
    }
}

/* x' G y, G the entries of a gram at `rows` and `columns`. */
static double form(const duo *d, const double *x, const double *gram, const int32_t *rows,
                   const int32_t *columns, const double *y)
{
    const int64_t width = d->layer->in->columns;
    double sum = 0;
    for (int32_t p = 0; p < d->k; p++)
        for (int32_t q = 0; q < d->k; q++)
            sum += x[p] * gram[rows[p] * width + columns[q]] * y[q];
    return sum / d->layer->in->rows;
}

/* E |dw dh|^2 */
static double product_of(const duo *d)
{
    const weld_input_moments *in = d->layer->in;
    const int64_t width = in->columns;
    double sum = 0;
    for (int32_t p = 0; p < d->k; p++)
        for (int32_t q = 0; q < d->k; q++) {
            const double gram =
                (in->aa[d->a[p] * width + d->a[q]] - in->ab[d->a[p] * width + d->b[q]]) +
                (in->bb[d->b[p] * width + d->b[q]] - in->ab[d->a[q] * width + d->b[p]]);
            sum += (d->wa[p] - d->wb[p]) * gram * (d->wa[q] - d->wb[q]);
        }
    return sum / in->rows;
}

static void add_duo(weld_layer_sums *s, const duo *d)
{
    const weld_input_moments *in = d->layer->in;
    const int64_t width = in->columns;
    for (int32_t p = 0; p < d->k; p++) {
        const double dw = d->wa[p] - d->wb[p];
        const double ha = in->aa[d->a[p] * (width + 1)] / in->rows;
        const double hb = in->bb[d->b[p] * (width + 1)] / in->rows;
        s->weights += dw * dw;
        s->wa += d->wa[p] * d->wa[p];
        s->wb += d->wb[p] * d->wb[p];
        s->ha += ha;
        s->hb += hb;
        s->features += ha + hb - 2 * in->ab[d->a[p] * width + d->b[p]] / in->rows;
    }
    const double of_a = form(d, d->wa, in->aa, d->a, d->a, d->wa);
    const double of_b = form(d, d->wb, in->bb, d->b, d->b, d->wb);
    s->product += product_of(d);
    s->of_a += of_a;
    s->of_b += of_b;
    s->same += of_a + of_b + 2 * form(d, d->wa, in->ab, d->a, d->b, d->wb);
    s->crossed += form(d, d->wa, in->bb, d->b, d->b, d->wa) +
                  form(d, d->wb, in->aa, d->a, d->a, d->wb) +
                  2 * form(d, d->wb, in->ab, d->a, d->b, d->wa);
}

weld_status weld_depthwise_sums(weld_layer_sums *sums, const weld_objective_layer *layer,
                                const weld_element *e, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_linear_layer *of = layer->in->layer;
    const int64_t channels = of->matrix.channels;
    int32_t *index = NULL;
    duo d = {0};
    WELD_TRY(duo_init(&d, e->ctx, layer, err));
    WELD_NEW(index, e->ctx, channels);
    weld_stands_index(index, channels, &of->channels, e);
    for (int64_t i = 0; i < channels; i++) {
        meet(&d, i, index[i]);
        add_duo(sums, &d);
    }
done:
    weld_free(e->ctx, index);
    duo_free(&d, e->ctx);
    return st;
}

weld_status weld_depthwise_score(weld_qap *qap, const weld_objective_layer *layer, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = qap->symmetry->ctx;
    const weld_stands *channels = &layer->in->layer->channels;
    duo d = {0};
    WELD_TRY(duo_init(&d, ctx, layer, err));
    for (int k = 0; k < channels->count; k++) {
        const weld_stand *m = &channels->at[k];
        if (m->unit_class != qap->unit_class)
            continue;
        for (int64_t cell = 0; cell < (int64_t)qap->n * qap->n; cell++)
            for (int32_t at = 0; at < m->multiplicity; at++) {
                meet(&d, m->positions[cell / qap->n * m->multiplicity + at],
                     m->positions[cell % qap->n * m->multiplicity + at]);
                qap->score[cell] -= layer->weight_of * product_of(&d);
            }
    }
done:
    duo_free(&d, ctx);
    return st;
}
