/* pi(B) computes what B computes: checked before anything is written. */
#ifndef WELD_PROVE_PROVE_H
#define WELD_PROVE_PROVE_H
#include "data/dataset.h"
#include "exec/plan.h"

typedef struct weld_proof {
    int64_t n;
    double max_abs, max_rel; /* max_rel = max_abs / largest |output| of B */
    double argmax_agree;     /* fraction of samples with the same largest output */
} weld_proof;

/* One function with two parameter sets, or two graphs: each side has shapes of one batch size. */
typedef struct weld_side {
    const weld_shapes *shapes;
    const weld_paramset *params;
} weld_side;

/* data NULL: normally distributed input (integers: 0). First outputs are compared. */
weld_status weld_prove(weld_proof *out, weld_context *ctx, const weld_side sides[2],
                       const weld_dataset *data, int64_t samples, weld_error *err);
#endif
