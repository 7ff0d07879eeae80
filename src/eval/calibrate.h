/* The cross-entropy of class scores at the temperature that suits them. Logits are not kept: of each
 * network only sums at fixed temperatures, between which the mean loss is interpolated. */
#ifndef WELD_EVAL_CALIBRATE_H
#define WELD_EVAL_CALIBRATE_H
#include <stdint.h>

/* log T from log 16 down to -log 16, in steps of log 2 / 2. */
enum { WELD_TEMPERATURES = 17 };

/* Loss at each temperature with its first two derivatives by -log T, summed over samples. */
typedef struct weld_heat {
    double loss[WELD_TEMPERATURES], first[WELD_TEMPERATURES], second[WELD_TEMPERATURES];
    double count;
} weld_heat;

/* One more sample: class scores z [classes]. `room`: [2 classes]. */
void weld_heat_add(weld_heat *heat, const float *z, int64_t classes, int64_t label, double *room);
void weld_heat_join(weld_heat *to, const weld_heat *from);

typedef struct weld_calibrated {
    double loss; /* each half at the temperature of the other one, averaged over samples */
    double temperature[2]; /* that suits half 0 and half 1, within 1/16 and 16 */
} weld_calibrated;

/* NaN where a half is empty or a loss is not finite. */
weld_calibrated weld_calibrate(const weld_heat halves[2]);
#endif
