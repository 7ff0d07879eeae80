/* Canonicalisation: one file per pass, one line per pass in passes.def. Each pass edits a draft,
 * keeps what it computes, and logs what it did; homes keep the way back. */
#ifndef WELD_CANON_CANON_H
#define WELD_CANON_CANON_H
#include "ops/infer.h"

typedef struct weld_canon_options {
    bool fold_norms; /* BatchNormalization becomes part of the layer before it */
} weld_canon_options;

#define WELD_PASS(name, when) weld_status weld_pass_##name(weld_draft *draft, weld_error *err);
#include "canon/passes.def"
#undef WELD_PASS

/* All passes in their order. Types and shapes are inferred first, for two sizes of everything that
 * the file leaves open: passes find them in the values. What is the same for both and depends on no
 * parameter becomes a constant. A graph whose shapes can't be inferred stays as it is. */
weld_status weld_canonicalise(weld_draft *draft, const weld_canon_options *options,
                              weld_error *err);
#endif
