/* One unit of a BatchNormalization: y = factor x + offset. */
#ifndef WELD_MERGE_NORM_UNIT_H
#define WELD_MERGE_NORM_UNIT_H
#include "ir/paramset.h"

typedef struct weld_norm_unit {
    double factor, offset;
} weld_norm_unit;

/* `node` normalises with running statistics, all four of which are parameters. */
weld_norm_unit weld_norm_unit_at(const weld_paramset *set, int node, int64_t unit);
/* The factor that its scale makes with this variance. */
double weld_norm_factor(const weld_paramset *set, int node, int64_t unit, double variance);
/* Statistics as measured, and what makes the factor with them; y has the mean `goal`. */
void weld_norm_unit_set(weld_paramset *set, int node, int64_t unit, double mean, double variance,
                        double factor, double goal);
/* Element k of a parameter := value, rounded to its type. */
void weld_put_number(weld_paramset *set, int param, int64_t k, double value);
#endif
