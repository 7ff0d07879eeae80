/* Frontier execution: networks run over a whole set of samples at once, up to a cut of the graph, where
 * the values that later steps read are kept. So a layer can be corrected when all before it is final,
 * and still every step runs once. Where the values at a cut don't fit in a quarter of the memory budget,
 * an earlier cut is kept and the steps from there run again. */
#ifndef WELD_MERGE_FRONTIER_H
#define WELD_MERGE_FRONTIER_H
#include "exec/plan.h"
#include "merge/job.h"

enum { WELD_LANES = 8 }; /* batches of a round: the same for any number of threads */

typedef struct weld_frontier weld_frontier;

typedef struct weld_visitor {
    void *user;
    /* In parallel, a batch each: runs [net_count] after the step (network 0 before it, unless it was
     * asked for). `samples` samples are new, the rest of the batch repeats them. */
    weld_status (*lane)(void *user, int lane, weld_run *const *runs, int64_t samples,
                        weld_error *err);
    /* After each round, for lanes [0, lanes), whose samples follow each other. */
    weld_status (*round)(void *user, int lanes, weld_error *err);
} weld_visitor;

/* Networks: `merged` [merged_count], then the models of the job where `models`; all borrowed, on the job's
 * data. Network 0 is the one whose parameters the caller changes between visits, those of steps from the
 * last visited one on; the others stay as they are. */
weld_status weld_frontier_create(weld_frontier **out, const weld_merge_job *job,
                                 const weld_paramset *const *merged, int merged_count, bool models,
                                 weld_error *err);
void weld_frontier_free(weld_frontier *frontier);
/* *out: bytes that one of `nets` networks holds at most, of so many samples. */
weld_status weld_frontier_bytes(size_t *out, weld_context *ctx, const weld_shapes *shapes,
                                int64_t samples, int nets, weld_error *err);
const weld_plan *weld_frontier_plan(const weld_frontier *frontier);
int weld_frontier_nets(const weld_frontier *frontier);
/* All samples at `step`, which is not before the last one; its inputs are readable as well.
 * `moving`: network 0 runs the step, too, but without lasting effect. */
weld_status weld_frontier_visit(weld_frontier *frontier, int step, bool moving,
                                const weld_visitor *visitor, weld_error *err);
#endif
