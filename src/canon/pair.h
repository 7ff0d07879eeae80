/* Pairing of two canonical graphs: by structure from the outputs, never by names or by the order
 * of initializers. */
#ifndef WELD_CANON_PAIR_H
#define WELD_CANON_PAIR_H
#include "ir/graph.h"

enum { WELD_DIFFERENCES_MAX = 32 };

typedef struct weld_pairing {
    weld_context *ctx;
    int *param_of; /* [a->param_count] the parameter of B in the role of A's */
    char *differences[WELD_DIFFERENCES_MAX]; /* one line each: both places, both values */
    int difference_count;
} weld_pairing;

/* Literal batch sizes (0 = none) are the same thing in both graphs. *out is made even when the
 * graphs differ: then difference_count > 0. */
weld_status weld_pair_graphs(weld_pairing **out, weld_context *ctx, const weld_graph *a,
                             const weld_graph *b, const int64_t literal_batch[2], weld_error *err);
void weld_pairing_free(weld_pairing *pairing);
#endif
