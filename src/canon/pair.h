/* Pairing of two canonical graphs: by structure from the outputs, never by names or by the order
 * of initializers. */
#ifndef WELD_CANON_PAIR_H
#define WELD_CANON_PAIR_H
#include "ir/graph.h"

enum { WELD_DIFFERENCES_MAX = 32 };

typedef struct weld_pairing {
    weld_context *ctx;
    int *param_of;               /* [a->param_count] the parameter of B in the role of A's */
    bool *torn;                  /* [a->param_count] stands for several of B's */
    bool *foreign;               /* [a->param_count] B's has another shape; see weld_pair_bodies */
    weld_port *inputs, *outputs; /* [a->input_count], [a->output_count] where they stand in B */
    char *differences[WELD_DIFFERENCES_MAX]; /* one line each: both places, both values */
    int difference_count;
} weld_pairing;

/* Reshapes and casts between floating types are looked through: only the shapes that arrive at an
 * operator count, and of those only what matters to it. *out is made even when the graphs differ:
 * then difference_count > 0. */
weld_status weld_pair_graphs(weld_pairing **out, weld_context *ctx, const weld_graph *a,
                             const weld_graph *b, weld_error *err);
/* The same, but parameters may have other shapes, and values that are computed with them: those of A are
 * marked as foreign, and param_of is -1 there. */
weld_status weld_pair_bodies(weld_pairing **out, weld_context *ctx, const weld_graph *a,
                             const weld_graph *b, weld_error *err);
void weld_pairing_free(weld_pairing *pairing);
#endif
