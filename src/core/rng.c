#include "core/rng.h"
#include <math.h>

uint32_t weld_rng_next(weld_rng *rng)
{
    uint64_t old = rng->state;
    rng->state = old * UINT64_C(6364136223846793005) + rng->increment;
    uint32_t shifted = (uint32_t)(((old >> 18) ^ old) >> 27);
    uint32_t turn = (uint32_t)(old >> 59);
    return (shifted >> turn) | (shifted << ((32 - turn) & 31));
}

void weld_rng_seed(weld_rng *rng, uint64_t seed, uint64_t stream)
{
    rng->state = 0;
    rng->increment = (stream << 1) | 1;
    weld_rng_next(rng);
    rng->state += seed;
    weld_rng_next(rng);
}

uint32_t weld_rng_below(weld_rng *rng, uint32_t bound)
{
    uint32_t threshold = -bound % bound; /* values below it would make the rest uneven */
    for (;;) {
        uint32_t value = weld_rng_next(rng);
        if (value >= threshold)
            return value % bound;
    }
}

double weld_rng_normal(weld_rng *rng)
{
    double u = (weld_rng_next(rng) + 1.0) / 4294967296.0;
    double v = weld_rng_next(rng) / 4294967296.0;
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

void weld_rng_shuffle(weld_rng *rng, int32_t *items, int32_t count)
{
    for (int32_t i = count - 1; i > 0; i--) {
        int32_t j = (int32_t)weld_rng_below(rng, (uint32_t)i + 1);
        int32_t item = items[i];
        items[i] = items[j];
        items[j] = item;
    }
}
