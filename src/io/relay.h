/* A writer in a thread of its own: what is written is taken over at once, while there is room, and comes
 * to the other writer in the same order. */
#ifndef WELD_IO_RELAY_H
#define WELD_IO_RELAY_H
#include "io/sink.h"

typedef struct weld_relay weld_relay;

/* `to` is borrowed. Without a thread (a context of one thread, or there is none to be had) each write
 * waits for it. */
weld_status weld_relay_create(weld_relay **out, weld_context *ctx, const weld_writer *to,
                              weld_error *err);
/* Copies the bytes. A failure of an earlier write may show here. */
weld_status weld_relay_write(weld_relay *relay, const void *bytes, size_t n, weld_error *err);
/* All has been written, or the first failure. Nothing is written after this. */
weld_status weld_relay_finish(weld_relay *relay, weld_error *err);
/* Waits for what is under way. */
void weld_relay_free(weld_relay *relay);
#endif
