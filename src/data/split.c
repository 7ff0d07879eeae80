/* Two disjoint parts of a data set, drawn at random. */
#include "core/rng.h"
#include "data/dataset.h"
#include <inttypes.h>
#include <string.h>

enum { STREAM = 0x5917, MATCH_MAX = 10000 }; /* no matcher draws from this stream */

/* `count` samples of the whole are to be placed. */
static weld_status make_part(weld_dataset **out, const weld_dataset *whole, int64_t count,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    weld_dataset *part = NULL;
    weld_context *ctx = whole->ctx;
    WELD_NEW(part, ctx, 1);
    *part = *whole;
    part->whole = whole;
    part->count = part->total = count;
    part->labels = part->place = NULL;
    part->targets = NULL;
    part->path = NULL;
    WELD_NEW(part->place, ctx, count);
    if (whole->labels)
        WELD_NEW(part->labels, ctx, count);
    if (whole->targets)
        WELD_NEW(part->targets, ctx, count * weld_shape_numel(&whole->target));
    part->path = weld_strdup(ctx, whole->path);
    WELD_REQUIRE(part->path, WELD_E_NOMEM, "out of memory");
    *out = part;
    part = NULL;
done:
    weld_dataset_free(part);
    return st;
}

/* Each sample goes to parts[0] with probability (places left there) / (samples left): every subset of
 * that size is equally likely, and both parts keep the order of the file. */
static void deal(weld_dataset *const parts[2], const weld_dataset *whole, uint64_t seed)
{
    int64_t used[2] = {0, 0};
    const int64_t each = whole->targets ? weld_shape_numel(&whole->target) : 0;
    weld_rng rng;
    weld_rng_seed(&rng, seed, STREAM);
    for (int64_t k = 0; k < whole->count; k++) {
        const int64_t left = whole->count - k, wanted = parts[0]->count - used[0];
        const int to = weld_rng_below(&rng, (uint32_t)left) < (uint32_t)wanted ? 0 : 1;
        parts[to]->place[used[to]] = k;
        if (whole->labels)
            parts[to]->labels[used[to]] = whole->labels[k];
        if (whole->targets)
            memcpy(parts[to]->targets + used[to] * each, whole->targets + k * each,
                   (size_t)each * sizeof *whole->targets);
        used[to]++;
    }
}

weld_status weld_dataset_split(weld_dataset *out[2], const weld_dataset *dataset,
                               int64_t match_samples, uint64_t seed, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_dataset *parts[2] = {NULL, NULL};
    const int64_t half = dataset->count / 2;
    const int64_t n = match_samples > 0 ? match_samples : half < MATCH_MAX ? half : MATCH_MAX;
    out[0] = out[1] = NULL;
    WELD_REQUIRE(!dataset->whole, WELD_E_ARGUMENT, "%s: a part is not split again", dataset->path);
    WELD_REQUIRE(n > 0 && n < dataset->count, WELD_E_ARGUMENT,
                 "%s: %" PRId64 " of %" PRId64 " samples for matching, must leave some for both",
                 dataset->path, n, dataset->count);
    WELD_REQUIRE(dataset->count <= UINT32_MAX, WELD_E_LIMIT, "%s: %" PRId64 " samples",
                 dataset->path, dataset->count);
    WELD_TRY(make_part(&parts[0], dataset, n, err));
    WELD_TRY(make_part(&parts[1], dataset, dataset->count - n, err));
    deal(parts, dataset, seed);
    for (int k = 0; k < 2; k++) {
        parts[k]->split_seed = seed;
        out[k] = parts[k];
        parts[k] = NULL;
    }
done:
    weld_dataset_free(parts[0]);
    weld_dataset_free(parts[1]);
    return st;
}
