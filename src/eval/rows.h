/* Which values of a graph are the features that connectivity is measured on (mission.md). */
#ifndef WELD_EVAL_ROWS_H
#define WELD_EVAL_ROWS_H
#include "ops/infer.h"

typedef struct weld_rows {
    weld_context *ctx;
    int *values;        /* in graph order, each once; the last one is the logits */
    int *axes;          /* of the value, along which the samples are; the logits' is 0 */
    const char **names; /* of the layer, borrowed from the graph */
    int count;
    int left_out;        /* of which no axis is that of the samples */
    int logits;          /* value before a trailing Softmax or LogSoftmax, else the output */
    const char *removed; /* that operator's name, NULL = none */
} weld_rows;

/* Post-activation value of every Dense and Conv, every residual sum after its activation, the
 * logits of the output that losses are of; of those only that have an axis of the samples. WELD_E_UNSUPPORTED
 * if that of the logits is not the first one. */
weld_status weld_rows_find(weld_rows *out, weld_context *ctx, const weld_shapes *shapes,
                           weld_error *err);
void weld_rows_free(weld_rows *rows);
#endif
