/* A plan: graph + shapes of one batch size -> buffers by liveness, kernel per node. A run: the
 * memory of one execution of it; one per thread slot. Nothing here knows files. */
#ifndef WELD_EXEC_PLAN_H
#define WELD_EXEC_PLAN_H
#include "ir/paramset.h"
#include "ops/infer.h"

typedef struct weld_plan weld_plan;
typedef struct weld_run weld_run;

/* `taps`: values that stay readable to the end of a run, besides graph outputs. Borrows shapes. */
weld_status weld_plan_create(weld_plan **out, weld_context *ctx, const weld_shapes *shapes,
                             const int *taps, int tap_count, weld_error *err);
void weld_plan_free(weld_plan *plan);
int weld_plan_steps(const weld_plan *plan);
/* What a run of it holds. */
size_t weld_plan_bytes(const weld_plan *plan);
/* The first step that reads the value; all of them = none does. */
int weld_plan_first_use(const weld_plan *plan, int value);
/* The step that runs the node. */
int weld_plan_step_of(const weld_plan *plan, int node);
/* Values that earlier steps made and that `step` or a later one reads, and graph inputs of which that
 * is so; returns how many. values: room for all of the graph's. */
int weld_plan_live(int *values, const weld_plan *plan, int step);

weld_status weld_run_create(weld_run **out, const weld_plan *plan, weld_error *err);
void weld_run_free(weld_run *run);
/* Binds parameters and inputs (one per graph input, shapes as planned); both are borrowed. Parameters
 * that are not held are read for each step that needs them, and can't be had by weld_run_value. */
void weld_run_bind(weld_run *run, const weld_paramset *params, const weld_tensor *const *inputs);
/* Puts a computed value where steps will read it. */
void weld_run_restore(weld_run *run, int value, const void *data);
/* Steps [from, to). Values that a later step or a tap needs stay. */
weld_status weld_run_steps(weld_run *run, int from, int to, weld_error *err);
/* bind + all steps */
weld_status weld_run_all(weld_run *run, const weld_paramset *params,
                         const weld_tensor *const *inputs, weld_error *err);
/* A tap, a graph output, an input, a parameter or a constant. */
const weld_tensor *weld_run_value(const weld_run *run, int value);
/* The elements of a floating tap or graph output as float, narrowed where it is double; good until
 * the next call for this value. */
const float *weld_run_floats(weld_run *run, int value);
#endif
