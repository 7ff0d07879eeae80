/* Elements of tensors that an export writes, each made when its turn comes: into the model, or into a
 * file of external data beside it. Only what could not be known before is in memory until then. */
#ifndef WELD_ONNX_PAYLOADS_H
#define WELD_ONNX_PAYLOADS_H
#include "io/sink.h"
#include "ir/paramset.h"
#include "onnx/file.h"

typedef struct weld_payload {
    const void *bytes; /* [size] as they are written; NULL = made when they are: */
    int tensor;        /* of the table, and of its type and size */
    int param;         /* whose values; -1 = as the file has them, as raw data */
    uint64_t size;
    bool outside; /* in the file beside the model, from `offset` on */
    uint64_t offset;
} weld_payload;

typedef struct weld_payloads {
    weld_context *ctx;
    const weld_onnx_file *file; /* borrowed, as the next two */
    const weld_paramset *values;
    const weld_home *homes;
    weld_payload *items;
    size_t count, cap;
    uint64_t outside_size;
} weld_payloads;

/* Appends one that is not outside; *out = its number. */
weld_status weld_payloads_add(int *out, weld_payloads *all, const weld_payload *payload,
                              weld_error *err);
/* It goes outside, to the next whole page. */
void weld_payloads_move_out(weld_payloads *all, int payload);
/* Writes one; the sizes that all of them have been given hold. */
weld_status weld_payload_write(const weld_payloads *all, int payload, const weld_writer *to,
                               weld_error *err);
/* The file beside the model. */
weld_status weld_payloads_write_outside(const weld_payloads *all, const weld_writer *to,
                                        weld_error *err);
void weld_payloads_free(weld_payloads *all);
#endif
