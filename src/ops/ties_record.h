/* What a node says of its operands, written down instead of done: which axes are the same, and what is
 * marked. */
#ifndef WELD_OPS_TIES_RECORD_H
#define WELD_OPS_TIES_RECORD_H
#include "ops/ties_state.h"

typedef struct tie_link {
    int x, a, y, b;
    int32_t *to; /* [dims of x's axis] where entry i stands on y's, -1 = nowhere; NULL = at i */
} tie_link;

typedef struct axis_mark {
    int value, axis;
    unsigned marks;
} axis_mark;

struct tie_record {
    weld_context *ctx;
    tie_link *links;
    axis_mark *marks;
    size_t link_count, link_cap, mark_count, mark_cap;
};

void weld_record_clear(tie_record *record);
bool weld_record_has_mark(const tie_record *record, int value, int axis, tie_mark mark);
#endif
