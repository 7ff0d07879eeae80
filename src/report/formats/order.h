/* In which order layers are shown. */
#ifndef WELD_REPORT_FORMATS_ORDER_H
#define WELD_REPORT_FORMATS_ORDER_H
#include "report/report.h"

/* Layers whose names begin alike: the first of them, and how much of its name the block has. Layers of
 * no block have the number of all layers there. */
typedef struct weld_block {
    size_t first, length;
} weld_block;

/* order[at most `max`]: numbers of the layers, the worst of the aligned pair at the alpha of index `at`
 * first, equal ones as they are, what is not known last. Returns how many. */
size_t weld_order_worst_first(size_t *order, size_t max, const weld_report_llfc *llfc, size_t at);
/* The same order by blocks, which stand as in the network, behind them the layers of no block. Names are
 * paths, "/layers.3.body.0/Conv": a block is what comes behind the part that all paths share, here
 * /layers.3. Blocks of one layer are none, nor is one that all layers are of. */
void weld_order_by_block(size_t *order, weld_block *block, size_t count,
                         const weld_report_llfc *llfc);
#endif
