/* One pass over a model's wire bytes before protobuf-c sees any of it: nesting, lengths, counts
 * and strings within limits, and a table of all tensors with the places of their payloads. */
#ifndef WELD_ONNX_SCAN_H
#define WELD_ONNX_SCAN_H
#include "core/buffer.h"
#include "io/source.h"
#include "tensor/tensor.h"

/* Contiguous bytes of the file. */
typedef struct weld_span {
    uint64_t offset, size;
} weld_span;

/* A message around a tensor: the tensor itself first, then outwards to the graph. */
typedef struct weld_enclosure {
    uint64_t length_at, payload, size; /* of its length prefix and of its contents */
} weld_enclosure;

/* One TensorProto. Payload pieces of one field number, in file order. */
typedef struct weld_tensor_entry {
    int payload_field;      /* raw_data 9, float_data 4, ...; 0 = none; -1 = several kinds */
    weld_enclosure *pieces; /* length_at = payload where it has no length prefix (not packed) */
    int piece_count;
    uint64_t payload_bytes; /* sum over pieces */
    bool external;          /* data_location = EXTERNAL */
    weld_enclosure *around; /* [around_count] */
    int around_count;
    weld_span *location; /* all fields that hold the data or say where they lie */
    int location_count;
} weld_tensor_entry;

typedef struct weld_scan {
    weld_context *ctx;
    weld_tensor_entry *tensors;
    int tensor_count;
    weld_span *own_metadata; /* top-level metadata_props fields whose key starts with onnxweld. */
    int own_metadata_count;
    uint32_t node_count;
    weld_buffer skeleton; /* the model without payloads: raw_data of every tensor is its index in
                             `tensors` as 4 little-endian bytes */
} weld_scan;

/* `source` is the whole file. Errors name the offset. */
weld_status weld_scan_model(weld_scan **out, weld_context *ctx, const weld_source *source,
                            weld_error *err);
void weld_scan_free(weld_scan *scan);
#endif
