/* Operators that do nothing at inference: Identity, Dropout. */
#include "ops/move.h"
#include <inttypes.h>
#include <stddef.h>

WELD_MOVE_OP(Identity, 1, 1, 1, .flags = WELD_OP_VIEW, .fields = weld_no_fields,
             .infer = weld_infer_same, .run = weld_run_copy, .tie = weld_tie_elementwise);

/* ---- Dropout ------------------------------------------------------------------------ */

typedef struct dropout_attrs {
    int64_t is_test; /* before opset 7: 0 trains */
} dropout_attrs;

static weld_status check_dropout(const weld_node *node, weld_error *err)
{
    if (node->opset < 7 && ((const dropout_attrs *)node->attrs)->is_test == 0)
        return weld_fail(err, WELD_E_UNSUPPORTED, "is_test is 0 (training), supported: 1");
    if (node->opset >= 7 && ((const dropout_attrs *)node->attrs)->is_test != 0)
        return weld_fail(err, WELD_E_FORMAT, "is_test is defined before opset 7, opset is %d",
                         node->opset);
    return WELD_OK;
}

/* Training that drops nothing is inference. */
static weld_status refuse_training(const weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor *mode, *ratio = weld_infer_data(inf, 1);
    if (weld_node_input(node, 2) < 0)
        return WELD_OK;
    WELD_TRY(weld_infer_need(&mode, inf, 2, err));
    WELD_REQUIRE(mode->dtype == WELD_BOOL && weld_shape_numel(&mode->shape) == 1, WELD_E_FORMAT,
                 "training_mode must be one bool");
    WELD_REQUIRE(mode->i[0] == 0 || (ratio && weld_shape_numel(&ratio->shape) == 1 &&
                                     weld_tensor_number(ratio, 0) == 0.0),
                 WELD_E_UNSUPPORTED, "training_mode is true, supported: false, or ratio 0");
done:
    return st;
}

/* The mask has the type of the data before opset 10. */
static weld_status infer_dropout(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_dtype mask = node->opset < 10 ? weld_infer_dtype(inf, 0) : WELD_BOOL;
    WELD_TRY(weld_operand_type(inf, 0, WELD_TYPES_FLOAT, err));
    WELD_REQUIRE(node->opset >= 12 || node->input_count == 1, WELD_E_FORMAT,
                 "has %d inputs, opset %d has 1", node->input_count, node->opset);
    WELD_TRY(refuse_training(inf, node, err));
    WELD_TRY(weld_infer_same(inf, node, err));
    WELD_TRY(weld_infer_set(inf, 1, mask, weld_infer_shape(inf, 0), err));
done:
    return st;
}

static weld_status run_dropout(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    weld_tensor *mask = node->output_count > 1 ? args->out[1] : NULL;
    const int64_t count = mask ? weld_shape_numel(&mask->shape) : 0;
    for (int64_t k = 0; k < count; k++)
        weld_tensor_set_number(mask, k, 1.0);
    return args->out[0] ? weld_run_copy(args, node, err) : WELD_OK;
}

static weld_status tie_dropout(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index, (void)err;
    for (int k = 0; k < node->output_count; k++)
        if (node->outputs[k] >= 0)
            weld_tie_other_axes(ties, node->inputs[0], node->outputs[k], -1);
    return WELD_OK;
}

static const weld_field dropout_fields[] = {
    {"is_test", WELD_FIELD_INT, offsetof(dropout_attrs, is_test), 0.0, NULL, false},
    {"ratio", WELD_FIELD_IGNORED, 0, 0.0, NULL, false},
    {"seed", WELD_FIELD_IGNORED, 0, 0.0, NULL, false},
    {"consumed_inputs", WELD_FIELD_IGNORED, 0, 0.0, NULL, false},
    {0}};

WELD_DEFINE_OP(Dropout) = {.name = "Dropout",
                           .domain = "",
                           .opset_min = 1,
                           .opset_max = WELD_OPSET_MAX,
                           .inputs_min = 1,
                           .inputs_max = 3,
                           .outputs_min = 1,
                           .outputs_max = 2,
                           .flags = WELD_OP_VIEW,
                           .static_inputs = 6,
                           .fields = dropout_fields,
                           .attrs_size = sizeof(dropout_attrs),
                           .check = check_dropout,
                           .infer = infer_dropout,
                           .run = run_dropout,
                           .tie = tie_dropout};
