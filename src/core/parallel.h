/* Parallel work over a fixed list of items. Which thread takes an item never shows in a result:
 * items write to places of their own, and whoever needs a sum adds those up in index order. */
#ifndef WELD_CORE_PARALLEL_H
#define WELD_CORE_PARALLEL_H
#include "core/context.h"

/* `slot` in [0, weld_parallel_slots()) is private to the running thread: for scratch memory. */
typedef weld_status (*weld_parallel_fn)(void *user, int64_t item, int slot, weld_error *err);

int weld_parallel_slots(const weld_context *ctx);
/* Runs fn for every item in [0, count). The error of the lowest failing item wins. */
weld_status weld_parallel_for(weld_context *ctx, int64_t count, weld_parallel_fn fn, void *user,
                              weld_error *err);
#endif
