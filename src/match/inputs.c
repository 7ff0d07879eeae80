#include "match/inputs.h"
#include "ops/patches.h"
#include "tensor/blas.h"
#include <string.h>

enum {
    COLUMNS_MAX = 2048,   /* of an input that is taken as a whole */
    POSITIONS_MAX = 1024, /* of a sample */
    TILE = 1024           /* rows at a time */
};
static const int64_t cells_max = INT64_C(1) << 25; /* of all parts of a layer */

/* ---- which columns ------------------------------------------------------------------------- */

/* place[d]: which of the places of its unit channel d is; returns how many places a unit has at most. */
static int32_t list_places(int32_t *place, const weld_symmetry *s, const weld_stands *channels)
{
    int32_t most = 1;
    for (int c = 0; c < s->free_count; c++) {
        int32_t before = 0; /* a class may stand there several times */
        for (int k = 0; k < channels->count; k++) {
            const weld_stand *t = &channels->at[k];
            if (t->unit_class != c)
                continue;
            for (int32_t i = 0; i < s->classes[c].size * t->multiplicity; i++)
                place[t->positions[i]] = before + i % t->multiplicity;
            before += t->multiplicity;
        }
        most = before > most ? before : most;
    }
    return most;
}

/* The part of column (d, tap): all in one, or by places and taps. */
typedef struct division {
    const weld_linear_layer *layer;
    const int32_t *place;
    int64_t taps, columns;
    int parts;
} division;

static int part_at(const division *d, int64_t column)
{
    if (d->parts == 1)
        return 0;
    return (int)(d->place[column / d->taps] * d->taps + column % d->taps);
}

static weld_status add_part(weld_moments *m, const division *d, int part, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_input_moments *in = &m->inputs[m->input_count++];
    *in = (weld_input_moments){.layer = d->layer};
    WELD_NEW(in->part_of, m->ctx, d->columns);
    for (int64_t k = 0; k < d->columns; k++)
        in->part_of[k] = part_at(d, k) == part ? in->columns++ : -1;
    const size_t side = (size_t)in->columns;
    WELD_NEW(in->column, m->ctx, side);
    for (int32_t k = 0; k < d->columns; k++)
        if (in->part_of[k] >= 0)
            in->column[in->part_of[k]] = k;
    WELD_NEW(in->aa, m->ctx, side * side);
    WELD_NEW(in->bb, m->ctx, side * side);
    WELD_NEW(in->ab, m->ctx, side * side);
done:
    return st;
}

static int64_t count_cells(const division *d, int64_t *size)
{
    int64_t cells = 0;
    for (int64_t k = 0; k < d->columns; k++)
        size[part_at(d, k)]++;
    for (int p = 0; p < d->parts; p++)
        cells += size[p] * size[p];
    return cells;
}

static weld_status add_layer(weld_moments *m, const weld_symmetry *s,
                             const weld_linear_layer *layer, size_t *cap, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_weight_matrix *w = &layer->matrix;
    int32_t *place = NULL;
    int64_t *size = NULL;
    division d = {.layer = layer, .taps = w->taps, .columns = w->channels * w->taps, .parts = 1};
    WELD_NEW(place, m->ctx, w->channels);
    d.place = place;
    if (d.columns > COLUMNS_MAX)
        d.parts = (int)(list_places(place, s, &layer->channels) * d.taps);
    WELD_NEW(size, m->ctx, d.parts);
    if (count_cells(&d, size) > cells_max) {
        WELD_TRY(weld_layers_leave_out(m->layers, layer->node, "its input is too wide", err));
        goto done;
    }
    m->wide += d.parts > 1;
    WELD_GROW(m->inputs, *cap, m->ctx, (size_t)m->input_count + (size_t)d.parts);
    for (int p = 0; p < d.parts; p++)
        if (size[p] > 0)
            WELD_TRY(add_part(m, &d, p, err));
done:
    weld_free(m->ctx, place);
    weld_free(m->ctx, size);
    return st;
}

weld_status weld_inputs_list(weld_moments *m, const weld_symmetry *s, const weld_shapes *shapes,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    size_t cap = 0;
    WELD_TRY(weld_layers_create(&m->layers, s, shapes, err));
    for (int k = 0; k < m->layers->count; k++)
        WELD_TRY(add_layer(m, s, &m->layers->layers[k], &cap, err));
done:
    return st;
}

void weld_inputs_free(weld_moments *m)
{
    for (int k = 0; k < m->input_count; k++) {
        weld_free(m->ctx, m->inputs[k].column);
        weld_free(m->ctx, m->inputs[k].part_of);
        weld_free(m->ctx, m->inputs[k].aa);
        weld_free(m->ctx, m->inputs[k].bb);
        weld_free(m->ctx, m->inputs[k].ab);
    }
    weld_free(m->ctx, m->inputs);
    weld_layers_free(m->layers);
}

/* ---- their rows ----------------------------------------------------------------------------- */

static void add_grams(weld_input_moments *in, double *const x[2], int64_t rows)
{
    const int64_t n = in->columns;
    const weld_gemm_shape gemm = {true, false, n, n, rows, n, n, n};
    weld_dgemm(&gemm, 1.0, x[0], x[0], 1.0, in->aa);
    weld_dgemm(&gemm, 1.0, x[1], x[1], 1.0, in->bb);
    weld_dgemm(&gemm, 1.0, x[0], x[1], 1.0, in->ab);
    in->rows += (double)rows;
}

weld_status weld_inputs_add(weld_input_moments *in, weld_context *ctx, const weld_graph *g,
                            weld_run *const runs[2], int64_t entries, weld_error *err)
{
    weld_status st = WELD_OK;
    double *x[2] = {NULL, NULL};
    int64_t *offset = NULL;
    const weld_node *node = &g->nodes[in->layer->node];
    const weld_tensor *values[2] = {weld_run_value(runs[0], node->inputs[0]),
                                    weld_run_value(runs[1], node->inputs[0])};
    weld_patches p;
    WELD_TRY(weld_patches_init(&p, g, node, &values[0]->shape, POSITIONS_MAX, err));
    const int64_t rows = entries * p.positions;
    WELD_NEW(offset, ctx, p.matrix.taps);
    for (int s = 0; s < 2; s++)
        WELD_NEW(x[s], ctx, (rows < TILE ? rows : TILE) * in->columns);
    for (int64_t first = 0; first < rows; first += TILE) {
        const int64_t count = rows - first < TILE ? rows - first : TILE;
        for (int s = 0; s < 2; s++)
            for (int64_t k = 0; k < count; k++)
                weld_patches_row(x[s] + k * in->columns, &p, values[s], first + k, in->column,
                                 in->columns, offset);
        add_grams(in, x, count);
    }
done:
    weld_free(ctx, x[0]);
    weld_free(ctx, x[1]);
    weld_free(ctx, offset);
    return st;
}
