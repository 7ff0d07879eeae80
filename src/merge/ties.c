/* ties: of each task vector the int(density count) elements of the largest magnitude (one at least), of
 * these what has the sign that weighs more, averaged over the models that have it (Yadav et al. 2023). Of
 * equal magnitudes the first are kept. */
#include "merge/task.h"
#include <string.h>

enum { BITS = 16, BINS = 1 << BITS };

/* Ordered as the magnitudes are. */
static uint64_t key_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits & ~(UINT64_C(1) << 63);
}

static bool is_large(weld_sieve *sieve, double value)
{
    const uint64_t key = key_of(value);
    return key > sieve->least || (key == sieve->least && sieve->equals-- > 0);
}

/* The key of rank `kept` from above, 16 bits at a time: the values are gone through four times, and none
 * of them is stored. */
static weld_status keep_largest(weld_sieve *sieve, weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t count = weld_sieve_count(sieve);
    int64_t kept = (int64_t)(sieve->job->density * (double)count), *bins = NULL;
    kept = kept < 1 ? 1 : kept;
    WELD_NEW(bins, sieve->job->ctx, BINS);
    for (int shift = 64 - BITS; count > 0 && shift >= 0; shift -= BITS) {
        int bin = BINS - 1;
        memset(bins, 0, BINS * sizeof *bins);
        for (int64_t i = 0; i < count; i++) {
            const uint64_t key = key_of(weld_sieve_value(sieve, i));
            if ((key ^ sieve->least) >> shift >> BITS == 0)
                bins[key >> shift & (BINS - 1)]++;
        }
        for (; bins[bin] < kept; bin--)
            kept -= bins[bin];
        sieve->least |= (uint64_t)bin << shift;
    }
    sieve->equals = kept;
    sieve->keeps = is_large;
done:
    weld_free(sieve->job->ctx, bins);
    return st;
}

static weld_status merge(weld_tensor *out, const weld_merge_job *job, int param, weld_error *err)
{
    static const weld_task_rule rule = {keep_largest, true, true};
    return weld_task_merge(out, &rule, job, param, err);
}

const weld_merger weld_merger_ties = {
    .name = "ties",
    .help = "the largest differences from a base, of the sign that weighs more",
    .needs_base = true,
    .takes_density = true,
    .tensor = merge};
