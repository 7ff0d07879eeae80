/* Opaque stands for operators of a file that we can't run: see ops/opaque.h. */
#include "ops/opaque.h"
#include "ops/operand.h"
#include <stddef.h>

static weld_status opaque_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_opaque *o = node->attrs;
    for (int k = 0; k < node->output_count; k++) {
        const weld_opaque_output *out = &o->outputs[k];
        weld_shape shape = {.rank = out->rank};
        if (node->outputs[k] < 0)
            continue;
        WELD_REQUIRE(out->rank >= 0, WELD_E_UNSUPPORTED,
                     "output %d of %s has no declared shape: it can't be frozen", k, o->what);
        for (int a = 0; a < out->rank; a++)
            shape.dims[a] = out->dims[a] >= 0 ? out->dims[a]
                                              : weld_infer_open_size(inf, a, out->symbol[a]);
        WELD_TRY(weld_infer_set(inf, k, out->dtype, &shape, err));
    }
done:
    return st;
}

static weld_status opaque_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)args;
    return weld_fail(err, WELD_E_UNSUPPORTED, "%s can't be run",
                     ((const weld_opaque *)node->attrs)->what);
}

static const weld_field opaque_fields[] = {{.name = "what",
                                            .kind = WELD_FIELD_TEXT,
                                            .offset = offsetof(weld_opaque, what),
                                            .required = true},
                                           {0}};
/* No rule for ties: all axes of all operands are pinned. */
WELD_DEFINE_OP(Opaque) = {.name = "Opaque",
                          .domain = "onnxweld",
                          .opset_min = 1,
                          .opset_max = 1,
                          .inputs_max = INT32_MAX,
                          .outputs_min = 1,
                          .outputs_max = INT32_MAX,
                          .flags = WELD_OP_INTERNAL,
                          .fields = opaque_fields,
                          .attrs_size = sizeof(weld_opaque),
                          .infer = opaque_infer,
                          .run = opaque_run};
