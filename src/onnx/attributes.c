#include "onnx/attributes.h"
#include <string.h>
#include <strings.h>

weld_status weld_arena_tensor(const weld_tensor **out, weld_arena *arena,
                              const weld_onnx_file *file, int tensor, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_tensor read = {0}, *copy = NULL;
    *out = NULL;
    WELD_REQUIRE(tensor >= 0, WELD_E_FORMAT, "a tensor attribute without a tensor");
    WELD_TRY(weld_onnx_read_tensor(&read, file, tensor, err));
    size_t bytes = (size_t)weld_shape_numel(&read.shape) * weld_compute_size(read.dtype);
    WELD_ARENA_NEW(copy, arena, 1);
    *copy = read;
    copy->data = weld_arena_alloc(arena, bytes + 1, 1);
    if (!copy->data) {
        st = weld_fail_memory(file->ctx, err, bytes, 1);
        goto done;
    }
    memcpy(copy->data, read.data, bytes);
    *out = copy;
done:
    weld_tensor_free(file->ctx, &read);
    return st;
}

/* AttributeProto.type for a field kind: FLOAT 1, INT 2, STRING 3, TENSOR 4, FLOATS 6, INTS 7,
 * STRINGS 8. */
static int type_of(weld_field_kind kind)
{
    static const int types[] = {
        [WELD_FIELD_INT] = 2,    [WELD_FIELD_FLOAT] = 1,  [WELD_FIELD_INTS] = 7,
        [WELD_FIELD_FLOATS] = 6, [WELD_FIELD_ENUM] = 3,   [WELD_FIELD_ENUMS] = 8,
        [WELD_FIELD_TEXT] = 3,   [WELD_FIELD_TENSOR] = 4, [WELD_FIELD_IGNORED] = 0};
    return types[kind];
}

static bool is_named(const weld_field *field, const ProtobufCBinaryData *text, const char *name)
{
    if (text->len != strlen(name))
        return false;
    if (field->kind == WELD_FIELD_ENUMS)
        return strncasecmp((const char *)text->data, name, text->len) == 0;
    return memcmp(text->data, name, text->len) == 0;
}

static weld_status read_enum(int64_t *out, const weld_field *field, const ProtobufCBinaryData *text,
                             weld_error *err)
{
    for (int k = 0; field->names[k]; k++)
        if (is_named(field, text, field->names[k])) {
            *out = k;
            return WELD_OK;
        }
    return weld_fail(err, WELD_E_FORMAT, "attribute '%s' is '%.*s', allowed '%s' and its kin",
                     field->name, (int)(text->len < 40 ? text->len : 40),
                     text->data ? (const char *)text->data : "", field->names[0]);
}

/* INTS, FLOATS, ENUMS */
static weld_status read_list(void *slot, const weld_field *field, const Weld__Onnx__Attribute *a,
                             weld_error *err)
{
    const size_t count = field->kind == WELD_FIELD_INTS     ? a->n_ints
                         : field->kind == WELD_FIELD_FLOATS ? a->n_floats
                                                            : a->n_strings;
    weld_ints *ints = slot;
    weld_floats *floats = slot;
    if (count > WELD_INTS_MAX)
        return weld_fail(err, WELD_E_LIMIT, "attribute '%s' has %zu entries, allowed %d",
                         field->name, count, WELD_INTS_MAX);
    if (field->kind == WELD_FIELD_FLOATS)
        floats->count = (int64_t)count;
    else
        ints->count = (int64_t)count;
    for (size_t k = 0; k < count; k++) {
        weld_status st = WELD_OK;
        if (field->kind == WELD_FIELD_INTS)
            ints->at[k] = a->ints[k];
        else if (field->kind == WELD_FIELD_FLOATS)
            floats->at[k] = a->floats[k];
        else
            st = read_enum(&ints->at[k], field, &a->strings[k], err);
        if (st != WELD_OK)
            return st;
    }
    return WELD_OK;
}

static weld_status read_text(const char **out, weld_arena *arena, const weld_field *field,
                             const ProtobufCBinaryData *text, weld_error *err)
{
    weld_status st = WELD_OK;
    char *copy;
    WELD_REQUIRE(text->len == 0 || !memchr(text->data, 0, text->len), WELD_E_FORMAT,
                 "attribute '%s' holds a byte 0", field->name);
    WELD_ARENA_NEW(copy, arena, text->len + 1);
    if (text->len)
        memcpy(copy, text->data, text->len);
    *out = copy;
done:
    return st;
}

static weld_status read_one(void *slot, weld_arena *arena, const weld_field *field,
                            const Weld__Onnx__Attribute *a, const weld_onnx_file *file,
                            weld_error *err)
{
    int expected = type_of(field->kind);
    if (expected && a->has_type && a->type && a->type != expected)
        return weld_fail(err, WELD_E_FORMAT, "attribute '%s' has type %d, expected %d", field->name,
                         a->type, expected);
    switch (field->kind) {
    case WELD_FIELD_INT: *(int64_t *)slot = a->i; return WELD_OK;
    case WELD_FIELD_FLOAT: *(float *)slot = a->f; return WELD_OK;
    case WELD_FIELD_INTS:
    case WELD_FIELD_FLOATS:
    case WELD_FIELD_ENUMS: return read_list(slot, field, a, err);
    case WELD_FIELD_ENUM: return read_enum(slot, field, &a->s, err);
    case WELD_FIELD_TEXT: return read_text(slot, arena, field, &a->s, err);
    case WELD_FIELD_TENSOR:
        return weld_arena_tensor(slot, arena, file, weld_skeleton_index(file, a->t), err);
    case WELD_FIELD_IGNORED: break;
    }
    return WELD_OK;
}

static const weld_field *field_named(const weld_op *op, const char *name)
{
    for (const weld_field *f = op->fields; f && f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

weld_status weld_read_attributes(void **out, weld_arena *arena, const weld_op *op,
                                 const Weld__Onnx__Node *proto, const weld_onnx_file *file,
                                 weld_error *err)
{
    weld_status st = WELD_OK;
    uint64_t seen = 0;
    char *attrs = weld_arena_alloc(arena, 1, op->attrs_size + 1);
    WELD_REQUIRE(attrs, WELD_E_NOMEM, "out of memory");
    weld_attrs_default(op, attrs);
    for (size_t k = 0; k < proto->n_attribute; k++) {
        const Weld__Onnx__Attribute *a = proto->attribute[k];
        const char *name = a->name ? a->name : "";
        const weld_field *field = field_named(op, name);
        WELD_REQUIRE(field, WELD_E_FORMAT, "has an attribute '%s' that %s does not define", name,
                     op->name);
        uint64_t bit = UINT64_C(1) << (field - op->fields);
        WELD_REQUIRE(!(seen & bit), WELD_E_FORMAT, "has attribute '%s' twice", name);
        WELD_REQUIRE(!a->ref_attr_name || !a->ref_attr_name[0], WELD_E_FORMAT,
                     "attribute '%s' refers to a function's attribute", name);
        seen |= bit;
        WELD_TRY(read_one(attrs + field->offset, arena, field, a, file, err));
    }
    for (const weld_field *f = op->fields; f && f->name; f++)
        WELD_REQUIRE(!f->required || seen >> (f - op->fields) & 1, WELD_E_FORMAT,
                     "lacks the attribute '%s'", f->name);
    *out = attrs;
done:
    return st;
}
