/* GridSample: the input looked up at given points, with interpolation.
 * x [N, C, D1, ..., Dr], grid [N, E1, ..., Er, r] -> y [N, C, E1, ..., Er]; a point names its
 * coordinates from the last axis to the first, -1 to 1 across the image. */
#include "ops/move.h"
#include <inttypes.h>
#include <math.h>
#include <stddef.h>

typedef struct grid_attrs {
    int64_t mode, padding, align_corners;
} grid_attrs;

enum { MODE_LINEAR, MODE_NEAREST, MODE_CUBIC, MODE_BILINEAR, MODE_BICUBIC };
enum { PADDING_ZEROS, PADDING_BORDER, PADDING_REFLECTION };
static const char *const mode_names[] = {"linear", "nearest", "cubic", "bilinear", "bicubic", NULL};
static const char *const padding_names[] = {"zeros", "border", "reflection", NULL};

/* The entries of one axis that a coordinate mixes; index -1 is a zero beyond the border. */
enum { TAPS_MAX = 4 };
typedef struct taps {
    int count;
    int64_t index[TAPS_MAX];
    double weight[TAPS_MAX];
} taps;

static weld_status grid_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_TRY(weld_operand_type(inf, 0, WELD_TYPES_FLOAT, err));
    WELD_TRY(weld_operand_type(inf, 1, WELD_TYPES_FLOAT, err));
    const weld_shape *x = weld_infer_shape(inf, 0), *grid = weld_infer_shape(inf, 1);
    weld_shape shape = *x;
    char tx[128], tg[128];
    WELD_REQUIRE(x->rank >= 3 && grid->rank == x->rank && grid->dims[0] == x->dims[0] &&
                     grid->dims[grid->rank - 1] == x->rank - 2,
                 WELD_E_FORMAT, "inputs %s and %s, must be [N, C, r sizes] and [N, r sizes, r]",
                 weld_shape_text(x, tx), weld_shape_text(grid, tg));
    WELD_REQUIRE(node->opset >= 20 || x->rank == 4, WELD_E_FORMAT,
                 "input has rank %d, must be 4 before opset 20", x->rank);
    for (int a = 2; a < x->rank; a++) {
        WELD_REQUIRE(x->dims[a] > 0, WELD_E_FORMAT, "axis %d has size 0, must have an entry", a);
        shape.dims[a] = grid->dims[a - 1];
    }
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &shape, err));
done:
    return st;
}

/* x mirrored at both ends until it lies between them. */
static double reflect(double x, double low, double high)
{
    const double range = high - low;
    if (!isfinite(x) || range <= 0.0)
        return low;
    const double beyond = x < low ? low - x : x > high ? x - high : -1.0;
    if (beyond < 0.0)
        return x;
    const double turns = floor(beyond / range), rest = beyond - turns * range;
    const bool from_low = (x < low) == (fmod(turns, 2.0) == 0.0);
    return from_low ? low + rest : high - rest;
}

/* Entry i of an axis of size n under the padding. */
static int64_t padded_index(double i, int64_t n, const grid_attrs *attrs)
{
    const double edge = attrs->align_corners ? 0.0 : -0.5, last = (double)(n - 1);
    if (attrs->padding == PADDING_ZEROS)
        return i >= 0.0 && i <= last ? (int64_t)i : -1;
    if (attrs->padding == PADDING_REFLECTION)
        i = reflect(i, edge, last - edge);
    return i >= 0.0 ? (int64_t)(i < last ? i : last) : 0;
}

/* Keys' cubic, a = -0.75, at distance t of the point from the second of four entries. */
static void cubic_weights(double weight[TAPS_MAX], double t)
{
    const double a = -0.75, u = 1.0 - t;
    weight[0] = ((a * (t + 1.0) - 5.0 * a) * (t + 1.0) + 8.0 * a) * (t + 1.0) - 4.0 * a;
    weight[1] = ((a + 2.0) * t - (a + 3.0)) * t * t + 1.0;
    weight[2] = ((a + 2.0) * u - (a + 3.0)) * u * u + 1.0;
    weight[3] = ((a * (u + 1.0) - 5.0 * a) * (u + 1.0) + 8.0 * a) * (u + 1.0) - 4.0 * a;
}

static void find_taps(taps *out, double coordinate, int64_t n, const grid_attrs *attrs)
{
    const weld_real g = (weld_real)coordinate;
    const weld_real p = attrs->align_corners ? (g + 1.0f) / 2.0f * (weld_real)(n - 1)
                                             : ((g + 1.0f) * (weld_real)n - 1.0f) / 2.0f;
    const double edge = attrs->align_corners ? 0.0 : -0.5, last = (double)(n - 1);
    double at = attrs->mode == MODE_NEAREST ? nearbyint((double)p) : (double)p;
    const bool cubic = attrs->mode == MODE_CUBIC || attrs->mode == MODE_BICUBIC;
    if (attrs->padding == PADDING_BORDER && !cubic)
        at = at >= 0.0 ? (at < last ? at : last) : 0.0;
    else if (attrs->padding == PADDING_REFLECTION)
        at = reflect(at, edge, last - edge);
    else if (!isfinite(at))
        at = -TAPS_MAX; /* beyond the border */
    const double first = floor(at), t = at - first;
    out->count = attrs->mode == MODE_NEAREST ? 1 : cubic ? 4 : 2;
    for (int k = 0; k < out->count; k++)
        out->index[k] = padded_index(first + k - (cubic ? 1 : 0), n, attrs);
    out->weight[0] = out->count == 1 ? 1.0 : 1.0 - t;
    out->weight[1] = t;
    if (cubic)
        cubic_weights(out->weight, t);
}

/* The mix of one channel x [D1, ..., Dr] by the taps of every axis. */
static double mix(const weld_real *x, const int64_t *dims, const taps *axes, int rank)
{
    double sum = 0.0;
    int64_t step = 1;
    for (int a = 1; a < rank; a++)
        step *= dims[a];
    for (int k = 0; k < axes->count; k++) {
        if (axes->index[k] < 0)
            continue;
        const weld_real *line = x + axes->index[k] * step;
        const double value = rank > 1 ? mix(line, dims + 1, axes + 1, rank - 1) : (double)line[0];
        sum += axes->weight[k] * value;
    }
    return sum;
}

static weld_status grid_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)err;
    const weld_shape *shape = &args->in[0]->shape;
    const int rank = shape->rank - 2;
    const int64_t *dims = shape->dims + 2, channels = shape->dims[1];
    const int64_t inner = weld_shape_span(shape, 2, shape->rank);
    const int64_t points = weld_shape_span(&args->out[0]->shape, 2, shape->rank);
    taps axes[WELD_RANK_MAX];
    for (int64_t n = 0; n < shape->dims[0]; n++)
        for (int64_t k = 0; k < points; k++) {
            for (int a = 0; a < rank; a++)
                find_taps(&axes[a],
                          weld_tensor_number(args->in[1], (n * points + k + 1) * rank - 1 - a),
                          dims[a], node->attrs);
            for (int64_t c = n * channels; c < (n + 1) * channels; c++)
                weld_reals(args->out[0])[c * points + k] =
                    (weld_real)mix(weld_reals(args->in[0]) + c * inner, dims, axes, rank);
        }
    return WELD_OK;
}

static weld_status grid_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)err;
    const int x = node->inputs[0], grid = node->inputs[1], y = node->outputs[0];
    const int rank = weld_tie_shape(ties, x)->rank;
    weld_tie_axes(ties, x, 0, y, 0);
    weld_tie_axes(ties, x, 1, y, 1);
    weld_tie_axes(ties, grid, 0, y, 0);
    for (int a = 2; a < rank; a++) {
        weld_tie_axes(ties, grid, a - 1, y, a);
        weld_tie_pin(ties, index, x, a, "looked up by coordinates");
        weld_tie_position(ties, x, a);
        weld_tie_position(ties, y, a);
    }
    weld_tie_pin(ties, index, grid, rank - 1, "coordinates");
    return WELD_OK;
}

static weld_status grid_check(const weld_node *node, weld_error *err)
{
    const int64_t mode = ((const grid_attrs *)node->attrs)->mode;
    if (node->opset >= 20 ? mode > MODE_CUBIC : mode == MODE_CUBIC)
        return weld_fail(err, WELD_E_FORMAT, "mode is '%s' in opset %d", mode_names[mode],
                         node->opset);
    return WELD_OK;
}

static const weld_field grid_fields[] = {
    {"mode", WELD_FIELD_ENUM, offsetof(grid_attrs, mode), 0.0, mode_names, false},
    {"padding_mode", WELD_FIELD_ENUM, offsetof(grid_attrs, padding), 0.0, padding_names, false},
    {"align_corners", WELD_FIELD_INT, offsetof(grid_attrs, align_corners), 0.0, NULL, false},
    {0}};

WELD_MOVE_OP(GridSample, 16, 2, 2, .fields = grid_fields, .attrs_size = sizeof(grid_attrs),
             .check = grid_check, .infer = grid_infer, .run = grid_run, .tie = grid_tie);
