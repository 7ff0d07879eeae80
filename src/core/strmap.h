/* Map from string to int; keys are borrowed. */
#ifndef WELD_CORE_STRMAP_H
#define WELD_CORE_STRMAP_H
#include "core/context.h"

typedef struct weld_strmap {
    weld_context *ctx;
    const char **keys; /* [cap], NULL = empty */
    int *values;
    size_t count, cap; /* cap is 0 or a power of two */
} weld_strmap;

void weld_strmap_init(weld_strmap *map, weld_context *ctx);
/* -1 when the key is absent. */
int weld_strmap_get(const weld_strmap *map, const char *key);
weld_status weld_strmap_put(weld_strmap *map, const char *key, int value, weld_error *err);
void weld_strmap_free(weld_strmap *map);
#endif
