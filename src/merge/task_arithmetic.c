/* task-arithmetic: the sum of the weighted task vectors, lambda times, on top of the base (Ilharco et al.
 * 2023). With weights whose sum is 1 and lambda 1 that is the weighted mean of the models. */
#include "merge/task.h"

static weld_status merge(weld_tensor *out, const weld_merge_job *job, int param, weld_error *err)
{
    static const weld_task_rule rule = {NULL, false, false};
    return weld_task_merge(out, &rule, job, param, err);
}

const weld_merger weld_merger_task_arithmetic = {
    .name = "task-arithmetic",
    .help = "weighted differences from a base, added to it",
    .needs_base = true,
    .tensor = merge};
