#include "onnx/new_tensors.h"
#include "io/wire.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

weld_status weld_new_tensors_init(weld_new_tensors *out, weld_payloads *payloads,
                                  const weld_copies *copies, const weld_relocation *relocation,
                                  weld_error *err)
{
    weld_status st = WELD_OK;
    *out = (weld_new_tensors){
        .file = payloads->file, .payloads = payloads, .copies = copies, .relocation = relocation};
    weld_buffer_init(&out->fields, payloads->ctx);
    weld_arena_init(&out->arena, payloads->ctx);
    WELD_NEW(out->made, payloads->ctx, copies ? copies->count : 0);
done:
    return st;
}

void weld_new_tensors_free(weld_new_tensors *all)
{
    if (!all->file)
        return;
    weld_buffer_free(&all->fields);
    weld_arena_free(&all->arena);
    weld_free(all->file->ctx, all->made);
}

/* ---- messages ------------------------------------------------------------------------- */

static void put_number(weld_buffer *out, uint32_t field, uint64_t value)
{
    unsigned char bytes[20];
    size_t n = weld_wire_put_varint(bytes, (uint64_t)field << 3 | WELD_WIRE_VARINT);
    n += weld_wire_put_varint(bytes + n, value);
    weld_buffer_append(out, bytes, n);
}

static void put_text(weld_buffer *out, uint32_t field, const char *text)
{
    weld_wire_put_bytes(out, field, text, strlen(text));
}

/* The message as a field of `out`; it is empty then. */
static void put_message(weld_buffer *out, uint32_t field, weld_buffer *message)
{
    weld_wire_put_bytes(out, field, message->data, message->size);
    out->failed = out->failed || message->failed;
    weld_buffer_free(message);
    weld_buffer_init(message, out->ctx);
}

static void put_entry(weld_buffer *out, const char *key, const char *value)
{
    weld_buffer entry;
    weld_buffer_init(&entry, out->ctx);
    put_text(&entry, 1, key);
    put_text(&entry, 2, value);
    put_message(out, 13, &entry);
}

void weld_put_outside(weld_buffer *fields, const weld_relocation *to, weld_payloads *payloads,
                      int payload)
{
    char number[24];
    weld_payloads_move_out(payloads, payload);
    put_entry(fields, "location", to->location);
    snprintf(number, sizeof number, "%" PRIu64, payloads->items[payload].offset);
    put_entry(fields, "offset", number);
    snprintf(number, sizeof number, "%" PRIu64, payloads->items[payload].size);
    put_entry(fields, "length", number);
    put_number(fields, 14, 1); /* data_location = EXTERNAL */
}

/* TensorProto: dims 1, data_type 2, name 8, raw_data 9. `bytes` in the arena. */
static weld_status put_tensor(weld_new_tensors *all, const weld_copy *copy, const void *bytes,
                              size_t size, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor_meta *meta = &all->file->tensors[copy->tensor];
    const weld_shape *shape = weld_onnx_shape(all->file, copy->tensor);
    const weld_payload payload = {.bytes = bytes, .tensor = copy->tensor, .size = size};
    int number;
    weld_buffer tensor;
    weld_buffer_init(&tensor, all->file->ctx);
    for (int k = 0; k < shape->rank; k++)
        put_number(&tensor, 1, (uint64_t)shape->dims[k]);
    put_number(&tensor, 2, (uint64_t)meta->dtype);
    put_text(&tensor, 8, copy->name);
    if (all->relocation->location && (meta->external || all->relocation->all)) {
        WELD_TRY(weld_payloads_add(&number, all->payloads, &payload, err));
        weld_put_outside(&tensor, all->relocation, all->payloads, number);
    } else {
        weld_wire_put_bytes(&tensor, 9, bytes, size);
    }
    put_message(&all->fields, 5, &tensor);
done:
    weld_buffer_free(&tensor);
    return st;
}

/* IR versions below 4 demand that initializers are inputs of the graph. ValueInfo: name 1, type 2;
 * TypeProto: tensor_type 1 { elem_type 1, shape 2 { dim 1 { dim_value 1 } } } */
static void put_input(weld_new_tensors *all, const weld_copy *copy)
{
    const weld_shape *shape = weld_onnx_shape(all->file, copy->tensor);
    weld_context *ctx = all->file->ctx;
    weld_buffer message, around;
    weld_buffer_init(&message, ctx);
    weld_buffer_init(&around, ctx);
    for (int k = 0; k < shape->rank; k++) {
        weld_buffer dim;
        weld_buffer_init(&dim, ctx);
        put_number(&dim, 1, (uint64_t)shape->dims[k]);
        put_message(&message, 1, &dim);
    }
    put_number(&around, 1, (uint64_t)all->file->tensors[copy->tensor].dtype);
    put_message(&around, 2, &message); /* TensorType */
    put_message(&message, 1, &around); /* TypeProto */
    put_text(&around, 1, copy->name);
    put_message(&around, 2, &message); /* ValueInfo */
    put_message(&all->fields, 11, &around);
}

weld_status weld_new_tensors_add(weld_new_tensors *all, int copy, const void *values,
                                 weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_copy *c = &all->copies->copies[copy - 1];
    const weld_dtype dtype = all->file->tensors[c->tensor].dtype;
    const size_t count = (size_t)weld_shape_numel(weld_onnx_shape(all->file, c->tensor));
    unsigned char *bytes;
    WELD_ARENA_NEW(bytes, &all->arena, count * weld_dtype_size(dtype) + 1);
    WELD_TRY(weld_encode(bytes, dtype, values, count, err));
    WELD_TRY(put_tensor(all, c, bytes, count * weld_dtype_size(dtype), err));
    if (all->file->ir_version < 4)
        put_input(all, c);
    all->made[copy - 1] = true;
    st = weld_buffer_check(&all->fields, err);
done:
    if (st != WELD_OK)
        weld_error_wrap(err, "tensor '%s'", c->name);
    return st;
}

/* ---- their readers ---------------------------------------------------------------------- */

static bool is_made(const weld_new_tensors *all, const char *name)
{
    for (size_t k = 0; k < all->copies->count; k++)
        if (all->copies->copies[k].name == name)
            return all->made[k];
    return false;
}

static weld_enclosure enclosure(const weld_wire_field *f)
{
    return (weld_enclosure){f->length_at, f->payload, f->size};
}

/* NodeProto: input 1 */
static weld_status rename_inputs(weld_edits *edits, const weld_new_tensors *all, weld_cursor *in,
                                 const weld_wire_field *node, int number, weld_error *err)
{
    weld_status st = WELD_OK;
    uint64_t at = node->payload;
    const uint64_t end = node->payload + node->size;
    for (int input = 0; at < end;) {
        weld_wire_field f;
        WELD_TRY(weld_wire_next(&f, in, &at, end, err));
        if (f.number != 1)
            continue;
        const char *name = weld_copies_name(all->copies, number, input++);
        if (!name || !is_made(all, name))
            continue;
        const weld_enclosure text = enclosure(&f), around = enclosure(node);
        WELD_TRY(
            weld_edits_replace(edits, (weld_span){f.payload, f.size}, name, strlen(name), err));
        WELD_TRY(weld_edits_around(edits, &text, 1, err));
        WELD_TRY(weld_edits_around(edits, &around, 1, err));
    }
done:
    return st;
}

/* GraphProto: node 1. New fields come first: at its end they would lie in the last message as well. */
static weld_status edit_graph(weld_edits *edits, const weld_new_tensors *all, weld_cursor *in,
                              const weld_wire_field *graph, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_enclosure around = enclosure(graph);
    const uint64_t end = graph->payload + graph->size;
    uint64_t at = graph->payload;
    WELD_TRY(
        weld_edits_replace(edits, (weld_span){at, 0}, all->fields.data, all->fields.size, err));
    WELD_TRY(weld_edits_around(edits, &around, 1, err));
    for (int node = 0; at < end;) {
        weld_wire_field f;
        WELD_TRY(weld_wire_next(&f, in, &at, end, err));
        if (f.number == 1)
            WELD_TRY(rename_inputs(edits, all, in, &f, node++, err));
    }
done:
    return st;
}

/* ModelProto: graph 7 */
weld_status weld_new_tensors_insert(weld_edits *edits, const weld_new_tensors *all, weld_cursor *in,
                                    weld_error *err)
{
    weld_status st = WELD_OK;
    uint64_t at = 0;
    while (all->fields.size && at < all->file->size) {
        weld_wire_field f;
        WELD_TRY(weld_wire_next(&f, in, &at, all->file->size, err));
        if (f.number == 7)
            WELD_TRY(edit_graph(edits, all, in, &f, err));
    }
done:
    return st;
}
