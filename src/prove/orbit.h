/* The symmetry of a network holds: a random element of its group, applied to random weights, leaves the
 * function as it is. */
#ifndef WELD_PROVE_ORBIT_H
#define WELD_PROVE_ORBIT_H
#include "prove/prove.h"
#include "symmetry/group.h"

/* `params` serve as a measure of how large weights are: they are drawn anew, so that networks of
 * constants prove something too. */
weld_status weld_prove_symmetry(weld_proof *out, const weld_symmetry *symmetry,
                                const weld_shapes *shapes, const weld_paramset *params,
                                uint64_t seed, weld_error *err);
/* Which tree of classes is it that changes the function? Each is moved by itself, as `element` moves it;
 * *name is NULL if no single one is at fault. */
weld_status weld_find_culprit(const char **name, const weld_element *element,
                              const weld_shapes *shapes, const weld_paramset *params,
                              const weld_dataset *data, int64_t samples, double tolerance,
                              weld_error *err);
#endif
