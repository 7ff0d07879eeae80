/* The loss of one set of parameters that changes a little at a time: where memory allows, what stands
 * before the first changed parameter is not computed again. */
#ifndef WELD_EVAL_REPLAY_H
#define WELD_EVAL_REPLAY_H
#include "data/feed.h"
#include "exec/plan.h"

typedef struct weld_replay weld_replay;

/* On the first `samples` of the data, which have labels or targets. All borrowed; the caller writes to the arrays
 * of `params` between two calls. */
weld_status weld_replay_create(weld_replay **out, const weld_shapes *shapes,
                               const weld_paramset *params, const weld_dataset *data,
                               int64_t samples, weld_error *err);
void weld_replay_free(weld_replay *replay);
/* Steps of a whole pass, and the first of them that reads the parameter. */
int weld_replay_steps(const weld_replay *replay);
int weld_replay_step_of(const weld_replay *replay, int param);
/* The mean loss. No parameter of a step before `from` has changed since the last call, nor
 * has one that an earlier call with a smaller `from` would have had to see. The same for any number of
 * threads. */
weld_status weld_replay_loss(double *out, weld_replay *replay, int from, weld_error *err);
#endif
