/* pi(B) computes what B computes: checked before anything is written. */
#ifndef WELD_PROVE_PROVE_H
#define WELD_PROVE_PROVE_H
#include "data/feed.h"
#include "exec/plan.h"

typedef struct weld_proof {
    int64_t n;
    double max_abs, max_rel; /* max_rel = max_abs / scale */
    double scale;            /* largest |output| of B; 1 where all are 0 */
    double tolerance;        /* of max_rel: set by whoever judges */
    double argmax_agree;     /* fraction of samples with the same largest output */
} weld_proof;

/* One function with two parameter sets, or two graphs: each side has shapes of one batch size. */
typedef struct weld_side {
    const weld_shapes *shapes;
    const weld_paramset *params;
} weld_side;

/* Where the inputs and outputs of sides[0] stand in sides[1]; NULL = in the same places. */
typedef struct weld_ports {
    const weld_port *inputs, *outputs;
} weld_ports;

/* The data are fed to sides[0]; NULL = normally distributed numbers, and integers within the tables
 * that they index. All floating outputs are compared, the first one's argmax too. */
weld_status weld_prove(weld_proof *out, weld_context *ctx, const weld_side sides[2],
                       const weld_ports *ports, const weld_dataset *data, int64_t samples,
                       weld_error *err);
#endif
