/* dare-ties: random elements of each task vector, scaled up; of these the sum of what has the sign that
 * weighs more, which is not normalised (unlike ties). */
#include "merge/task.h"

static weld_status merge(weld_tensor *out, const weld_merge_job *job, int param, weld_error *err)
{
    static const weld_task_rule rule = {weld_sift_at_random, true, false};
    return weld_task_merge(out, &rule, job, param, err);
}

const weld_merger weld_merger_dare_ties = {
    .name = "dare-ties",
    .help = "random differences from a base, of the sign that weighs more",
    .needs_base = true,
    .takes_density = true,
    .tensor = merge};
