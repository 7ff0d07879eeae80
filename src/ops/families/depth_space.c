/* DepthToSpace and SpaceToDepth: blocks of pixels as channels, and back. */
#include "ops/operand.h"
#include <inttypes.h>
#include <stddef.h>

enum { MODE_DCR, MODE_CRD };
static const char *const mode_names[] = {"DCR", "CRD", NULL};

typedef struct block_attrs {
    int64_t blocksize, mode;
} block_attrs;

#define BLOCKSIZE_FIELD                                                                            \
    {                                                                                              \
        .name = "blocksize", .kind = WELD_FIELD_INT, .offset = offsetof(block_attrs, blocksize),   \
        .required = true                                                                           \
    }
static const weld_field depth_to_space_fields[] = {BLOCKSIZE_FIELD,
                                                   {.name = "mode",
                                                    .kind = WELD_FIELD_ENUM,
                                                    .offset = offsetof(block_attrs, mode),
                                                    .names = mode_names},
                                                   {0}};
static const weld_field space_to_depth_fields[] = {BLOCKSIZE_FIELD, {0}};

static weld_status check_block(const weld_node *node, weld_error *err)
{
    const block_attrs *attrs = node->attrs;
    if (attrs->blocksize >= 1 && attrs->blocksize <= INT32_MAX)
        return WELD_OK;
    return weld_fail(err, WELD_E_FORMAT, "blocksize is %" PRId64 ", must be in 1..%d",
                     attrs->blocksize, INT32_MAX);
}

static weld_status check_input(const weld_infer *inf, weld_error *err)
{
    weld_status st;
    char text[128];
    WELD_TRY(weld_operand_type(inf, 0, WELD_TYPES_ANY, err));
    const weld_shape *x = weld_infer_shape(inf, 0);
    WELD_REQUIRE(x->rank == 4, WELD_E_FORMAT, "input has shape %s, rank must be 4",
                 weld_shape_text(x, text));
done:
    return st;
}

/* ---- DepthToSpace -------------------------------------------------------------------- */

static weld_status depth_to_space_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st;
    const block_attrs *attrs = node->attrs;
    const int64_t b = attrs->blocksize;
    WELD_TRY(check_input(inf, err));
    const weld_shape *x = weld_infer_shape(inf, 0);
    WELD_REQUIRE(x->dims[1] % (b * b) == 0, WELD_E_FORMAT,
                 "input has %" PRId64 " channels, must be a multiple of %" PRId64 " * %" PRId64,
                 x->dims[1], b, b);
    const weld_shape y = {4, {x->dims[0], x->dims[1] / (b * b), x->dims[2] * b, x->dims[3] * b}};
    st = weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &y, err);
done:
    return st;
}

static weld_status depth_to_space_run(const weld_kernel_args *args, const weld_node *node,
                                      weld_error *err)
{
    (void)err;
    static const int dcr[] = {0, 3, 4, 1, 5, 2}, crd[] = {0, 1, 4, 2, 5, 3};
    const block_attrs *attrs = node->attrs;
    const weld_tensor *x = args->in[0];
    const int64_t b = attrs->blocksize, *n = x->shape.dims, channels = n[1] / (b * b);
    const bool is_dcr = attrs->mode == MODE_DCR;
    weld_shape blocks = {6, {n[0], b, b, channels, n[2], n[3]}};
    if (!is_dcr)
        blocks = (weld_shape){6, {n[0], channels, b, b, n[2], n[3]}};
    weld_transpose(args->out[0]->data, x->data, &blocks, is_dcr ? dcr : crd,
                   weld_compute_size(x->dtype));
    return WELD_OK;
}

/* ---- SpaceToDepth -------------------------------------------------------------------- */

static weld_status space_to_depth_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st;
    const block_attrs *attrs = node->attrs;
    const int64_t b = attrs->blocksize;
    WELD_TRY(check_input(inf, err));
    const weld_shape *x = weld_infer_shape(inf, 0);
    WELD_REQUIRE(x->dims[2] % b == 0 && x->dims[3] % b == 0, WELD_E_FORMAT,
                 "input is %" PRId64 " x %" PRId64 ", must be multiples of blocksize %" PRId64,
                 x->dims[2], x->dims[3], b);
    weld_shape y = {4, {x->dims[0], x->dims[1], x->dims[2] / b, x->dims[3] / b}};
    WELD_REQUIRE(x->dims[1] <= INT32_MAX / b && x->dims[1] * b <= INT32_MAX / b, WELD_E_LIMIT,
                 "%" PRId64 " channels with blocksize %" PRId64 ", the output may have %d",
                 x->dims[1], b, INT32_MAX);
    y.dims[1] *= b * b;
    st = weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &y, err);
done:
    return st;
}

static weld_status space_to_depth_run(const weld_kernel_args *args, const weld_node *node,
                                      weld_error *err)
{
    (void)err;
    static const int perm[] = {0, 3, 5, 1, 2, 4};
    const block_attrs *attrs = node->attrs;
    const weld_tensor *x = args->in[0];
    const int64_t b = attrs->blocksize, *n = x->shape.dims;
    const weld_shape blocks = {6, {n[0], n[1], n[2] / b, b, n[3] / b, b}};
    weld_transpose(args->out[0]->data, x->data, &blocks, perm, weld_compute_size(x->dtype));
    return WELD_OK;
}

/* ---- ties, descriptors ----------------------------------------------------------------- */

/* Channel c of the tensor with few channels is the same unit as its b * b channels of the other,
 * `deep`: they lie `step` apart from `c * first` on. */
static void tie_blocks(weld_ties *ties, int flat, int deep, int64_t first, int64_t step)
{
    const int64_t channels = weld_tie_shape(ties, flat)->dims[1];
    const int64_t blocks = channels ? weld_tie_shape(ties, deep)->dims[1] / channels : 0;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t k = 0; k < blocks; k++)
            weld_tie_unit(ties, flat, 1, c, deep, 1, c * first + k * step);
    weld_tie_axes(ties, flat, 0, deep, 0);
    for (int a = 2; a < 4; a++) {
        weld_tie_position(ties, flat, a);
        weld_tie_position(ties, deep, a);
        weld_tie_mix(ties, flat, a);
        weld_tie_mix(ties, deep, a);
    }
}

static weld_status depth_to_space_tie(weld_ties *ties, int index, const weld_node *node,
                                      weld_error *err)
{
    (void)index, (void)err;
    const block_attrs *attrs = node->attrs;
    const int x = node->inputs[0], y = node->outputs[0];
    if (attrs->mode == MODE_DCR)
        tie_blocks(ties, y, x, 1, weld_tie_shape(ties, y)->dims[1]);
    else
        tie_blocks(ties, y, x, attrs->blocksize * attrs->blocksize, 1);
    return WELD_OK;
}

static weld_status space_to_depth_tie(weld_ties *ties, int index, const weld_node *node,
                                      weld_error *err)
{
    (void)index, (void)err;
    const int x = node->inputs[0], y = node->outputs[0];
    tie_blocks(ties, x, y, 1, weld_tie_shape(ties, x)->dims[1]);
    return WELD_OK;
}

#define BLOCK_OP(op, prefix)                                                                       \
    WELD_DEFINE_OP(op) = {.name = #op,                                                             \
                          .domain = "",                                                            \
                          .opset_min = 1,                                                          \
                          .opset_max = WELD_OPSET_MAX,                                             \
                          .inputs_min = 1,                                                         \
                          .inputs_max = 1,                                                         \
                          .outputs_min = 1,                                                        \
                          .outputs_max = 1,                                                        \
                          .fields = prefix##_fields,                                               \
                          .attrs_size = sizeof(block_attrs),                                       \
                          .check = check_block,                                                    \
                          .infer = prefix##_infer,                                                 \
                          .run = prefix##_run,                                                     \
                          .tie = prefix##_tie}

BLOCK_OP(DepthToSpace, depth_to_space);
BLOCK_OP(SpaceToDepth, space_to_depth);
