#include "match/assign.h"
#include "match/lap.h"

weld_status weld_assign_class(int32_t *perm, const weld_symmetry *symmetry, int unit_class,
                              const double *score, double *gain, weld_error *err)
{
    return weld_lap_max(perm, symmetry->ctx, score, symmetry->classes[unit_class].size, gain, err);
}
