#include "core/strmap.h"
#include <string.h>

void weld_strmap_init(weld_strmap *map, weld_context *ctx)
{
    *map = (weld_strmap){.ctx = ctx};
}

/* FNV-1a with a final mix, keyed by the map's address: names that were chosen to collide in one
 * run do not in the next. Iteration order is never used, so results do not depend on it. */
static size_t hash(const weld_strmap *map, const char *key)
{
    uint64_t h = UINT64_C(1469598103934665603) ^ (uint64_t)(uintptr_t)map;
    for (; *key; key++)
        h = (h ^ (unsigned char)*key) * UINT64_C(1099511628211);
    h ^= h >> 29;
    return (size_t)(h * UINT64_C(0x9e3779b97f4a7c15) >> 20);
}

static size_t slot_of(const weld_strmap *map, const char *key)
{
    size_t i = hash(map, key) & (map->cap - 1);
    while (map->keys[i] && strcmp(map->keys[i], key) != 0)
        i = (i + 1) & (map->cap - 1);
    return i;
}

int weld_strmap_get(const weld_strmap *map, const char *key)
{
    if (map->cap == 0)
        return -1;
    size_t i = slot_of(map, key);
    return map->keys[i] ? map->values[i] : -1;
}

static weld_status rehash(weld_strmap *map, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_strmap old = *map;
    const char **keys = NULL;
    int *values = NULL;
    size_t cap = old.cap ? old.cap * 2 : 64;
    WELD_NEW(keys, map->ctx, cap);
    WELD_NEW(values, map->ctx, cap);
    map->keys = keys;
    map->values = values;
    map->cap = cap;
    for (size_t i = 0; i < old.cap; i++) {
        if (!old.keys[i])
            continue;
        size_t slot = slot_of(map, old.keys[i]);
        map->keys[slot] = old.keys[i];
        map->values[slot] = old.values[i];
    }
    weld_free(map->ctx, old.keys);
    weld_free(map->ctx, old.values);
    return WELD_OK;
done:
    weld_free(map->ctx, keys);
    return st;
}

weld_status weld_strmap_put(weld_strmap *map, const char *key, int value, weld_error *err)
{
    if (map->count * 4 >= map->cap * 3) {
        weld_status st = rehash(map, err);
        if (st != WELD_OK)
            return st;
    }
    size_t i = slot_of(map, key);
    if (!map->keys[i])
        map->count++;
    map->keys[i] = key;
    map->values[i] = value;
    return WELD_OK;
}

void weld_strmap_free(weld_strmap *map)
{
    weld_free(map->ctx, map->keys);
    weld_free(map->ctx, map->values);
    *map = (weld_strmap){.ctx = map->ctx};
}
