/* Parts of the pass `layout`. */
#ifndef WELD_CANON_LAYOUT_H
#define WELD_CANON_LAYOUT_H
#include "canon/canon.h"

/* A value T(from): axis k of it is axis perm[k] of `from`. */
typedef struct weld_layout {
    int from, rank;
    int perm[WELD_RANK_MAX];
} weld_layout;

/* True when a Transpose makes the value. */
bool weld_layout_of(weld_layout *out, const weld_draft *draft, int value);
/* `output` becomes T(from). */
weld_status weld_make_transpose(weld_draft *draft, int from, const int *perm, int output,
                                const char *name, weld_error *err);
/* Node n shows T(u) in another shape. Where each new axis still stands for axes that lie side by side
 * in u, u is reshaped and the Transpose follows. */
weld_status weld_move_view(bool *moved, weld_draft *draft, int n, const weld_layout *layout,
                           weld_error *err);
/* Dense node n over features that are a flattened T(u): the columns of its weight take the order of a
 * flattened u instead. Elementwise operators may stand between. */
weld_status weld_turn_features(bool *moved, weld_draft *draft, int n, weld_error *err);
#endif
