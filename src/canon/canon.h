/* Canonicalisation: one file per pass, one line per pass in passes.def. Each pass edits a draft,
 * keeps what it computes, and logs what it did; homes keep the way back. */
#ifndef WELD_CANON_CANON_H
#define WELD_CANON_CANON_H
#include "ops/infer.h"

#define WELD_PASS(name) weld_status weld_pass_##name(weld_draft *draft, weld_error *err);
#include "canon/passes.def"
#undef WELD_PASS

/* All passes in their order. */
weld_status weld_canonicalise(weld_draft *draft, weld_error *err);
#endif
