/* dare-linear: random elements of each task vector, scaled up, then added as in task-arithmetic. */
#include "merge/task.h"

static weld_status merge(weld_tensor *out, const weld_merge_job *job, int param, weld_error *err)
{
    static const weld_task_rule rule = {weld_sift_at_random, false, false};
    return weld_task_merge(out, &rule, job, param, err);
}

const weld_merger weld_merger_dare_linear = {.name = "dare-linear",
                                             .help = "random differences from a base, scaled up",
                                             .needs_base = true,
                                             .takes_density = true,
                                             .tensor = merge};
