/* Prints the registry for tests/ops/registry.py, one operator of files a line:
 *
 *     NAME_IN_OPS_DEF DOMAIN|- OPERATOR FIRST_OPSET LAST_OPSET */
#include "ops/op.h"
#include <stdio.h>

#define WELD_OP(key) {#key, &weld_op_##key},
static const struct {
    const char *key;
    const weld_op *op;
} entries[] = {
#include "ops/ops.def"
};
#undef WELD_OP

int main(void)
{
    for (size_t k = 0; k < sizeof entries / sizeof entries[0]; k++) {
        const weld_op *op = entries[k].op;
        if (!(op->flags & WELD_OP_INTERNAL))
            printf("%s %s %s %d %d\n", entries[k].key, op->domain[0] ? op->domain : "-", op->name,
                   op->opset_min, op->opset_max);
    }
    return 0;
}
