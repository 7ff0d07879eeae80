/* PCG32 (O'Neill 2014): small, seeded, the same everywhere. */
#ifndef WELD_CORE_RNG_H
#define WELD_CORE_RNG_H
#include <stdint.h>

typedef struct weld_rng {
    uint64_t state, increment;
} weld_rng;

void weld_rng_seed(weld_rng *rng, uint64_t seed, uint64_t stream);
uint32_t weld_rng_next(weld_rng *rng);
uint32_t weld_rng_below(weld_rng *rng, uint32_t bound); /* uniform in [0, bound) */
double weld_rng_normal(weld_rng *rng);
void weld_rng_shuffle(weld_rng *rng, int32_t *items, int32_t count);
#endif
