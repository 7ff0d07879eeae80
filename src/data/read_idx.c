#include "data/idx.h"
#include "core/size.h"
#include "data/readers.h"
#include <inttypes.h>
#include <string.h>

enum { IMAGES = 0x803, LABELS = 0x801 };

static const struct {
    unsigned char code;
    weld_dtype dtype;
    unsigned size;
} types[] = {{0x08, WELD_UINT8, 1}, {0x09, WELD_INT8, 1},  {0x0b, WELD_INT16, 2},
             {0x0c, WELD_INT32, 4}, {0x0d, WELD_FLOAT, 4}, {0x0e, WELD_DOUBLE, 8}};

static uint32_t word_at(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The bytes that a file with this header has; false where it has none, or they are too many. */
static bool size_of(size_t *out, const weld_data_file *file)
{
    const size_t rank = file->size >= 4 ? file->bytes[3] : 0, header = 4 + 4 * rank;
    if (!rank || rank > WELD_RANK_MAX || file->size < header)
        return false;
    size_t need = 0;
    for (size_t k = 0; k < sizeof types / sizeof *types; k++)
        need = types[k].code == file->bytes[2] ? types[k].size : need;
    for (size_t k = 0; k < rank; k++)
        if (!weld_mul_size(need, word_at(file->bytes + 4 + 4 * k), &need))
            return false;
    return weld_add_size(need, header, out);
}

static int bid_idx(const weld_data_file *file)
{
    size_t need;
    const uint32_t magic = file->bytes && file->size >= 4 ? word_at(file->bytes) : 0;
    if (magic >> 16 || (magic >> 8 & 255) < 8 || (magic >> 8 & 255) > 14 || !(magic & 255))
        return 0;
    if (strstr(file->path, "-idx") || strstr(file->path, ".idx"))
        return 80;
    return size_of(&need, file) && need == file->size ? 90 : 45;
}

weld_status weld_idx_parse(weld_npy *out, const weld_context *ctx, const void *bytes, size_t size,
                           const char *name, weld_error *err)
{
    weld_status st = WELD_OK;
    char text[128];
    size_t need = 0;
    const unsigned char *p = bytes;
    *out = (weld_npy){.big_endian = true, .name = name};
    const size_t rank = size >= 4 ? p[3] : 0, header = 4 + 4 * rank;
    WELD_REQUIRE(size >= 4 && size >= header, WELD_E_FORMAT,
                 "%s: ends at byte %zu, in its idx header", name, size);
    for (size_t k = 0; k < sizeof types / sizeof *types; k++)
        if (types[k].code == p[2]) {
            out->dtype = types[k].dtype;
            out->size = types[k].size;
        }
    WELD_REQUIRE(!p[0] && !p[1] && out->size, WELD_E_FORMAT,
                 "%s: idx magic 0x%x, expected 0x8RR to 0xeRR", name, word_at(p));
    WELD_REQUIRE(rank >= 1 && rank <= WELD_RANK_MAX, WELD_E_LIMIT, "%s: rank %zu, allowed 1 to %d",
                 name, rank, WELD_RANK_MAX);
    out->shape.rank = (int)rank;
    for (size_t k = 0; k < rank; k++)
        out->shape.dims[k] = word_at(p + 4 + 4 * k);
    WELD_TRY(weld_shape_check(ctx, &out->shape, name, err));
    out->count = weld_shape_numel(&out->shape);
    out->data = p + header;
    WELD_REQUIRE(weld_mul_size((size_t)out->count, out->size, &need) && need == size - header,
                 WELD_E_FORMAT, "%s: %zu bytes of elements, expected %zu for shape %s", name,
                 size - header, need, weld_shape_text(&out->shape, text));
done:
    return st;
}

/* What a tensor is written as: its own type, or that of integers that idx has and that holds them all. */
static weld_dtype written_type(const weld_tensor *t)
{
    bool bytes = true, words = true;
    for (size_t k = 0; k < sizeof types / sizeof *types; k++)
        if (types[k].dtype == t->dtype)
            return t->dtype;
    if (weld_dtype_is_float(t->dtype))
        return WELD_UNDEFINED;
    for (int64_t k = 0; k < weld_shape_numel(&t->shape); k++) {
        bytes = bytes && t->i[k] >= 0 && t->i[k] <= UINT8_MAX;
        words = words && t->i[k] >= INT32_MIN && t->i[k] <= INT32_MAX;
    }
    return bytes ? WELD_UINT8 : words ? WELD_INT32 : WELD_UNDEFINED;
}

weld_status weld_idx_write(weld_buffer *out, const weld_tensor *tensor, weld_error *err)
{
    weld_status st = WELD_OK;
    unsigned char stored[8];
    const weld_dtype dtype = written_type(tensor);
    size_t size = 0;
    unsigned char code = 0;
    for (size_t k = 0; k < sizeof types / sizeof *types; k++)
        if (types[k].dtype == dtype) {
            size = types[k].size;
            code = types[k].code;
        }
    WELD_REQUIRE(size, WELD_E_UNSUPPORTED,
                 "idx has no %s; allowed uint8, int8, int16, int32, float, double",
                 weld_dtype_name(tensor->dtype));
    weld_buffer_append(out, (const unsigned char[]){0, 0, code, (unsigned char)tensor->shape.rank},
                       4);
    for (int k = 0; k < tensor->shape.rank; k++)
        for (int b = 24; b >= 0; b -= 8)
            weld_buffer_append(out, &(unsigned char){(unsigned char)(tensor->shape.dims[k] >> b)},
                               1);
    const char *data = tensor->data;
    for (int64_t k = 0; k < weld_shape_numel(&tensor->shape); k++) {
        WELD_TRY(weld_encode(stored, dtype, data + (size_t)k * weld_compute_size(tensor->dtype), 1,
                             err));
        for (size_t b = size; b-- > 0;)
            weld_buffer_append(out, &stored[b], 1);
    }
    WELD_TRY(weld_buffer_check(out, err));
done:
    return st;
}

static weld_status read_idx(weld_dataset *out, const weld_data_file *file, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_npy idx;
    WELD_REQUIRE(file->size < 4 || word_at(file->bytes) != LABELS, WELD_E_FORMAT,
                 "%s: holds labels (idx magic 0x801), expected images (0x803)", file->path);
    WELD_TRY(weld_idx_parse(&idx, out->ctx, file->bytes, file->size, file->path, err));
    if (word_at(file->bytes) == IMAGES) { /* grey pictures: one channel */
        const weld_shape s = idx.shape;
        idx.shape = weld_shape_make(4, (const int64_t[]){s.dims[0], 1, s.dims[1], s.dims[2]});
    }
    WELD_TRY(weld_dataset_add_npy(out, file, "", &idx, err));
done:
    return st;
}

const weld_reader weld_reader_idx = {"idx", false, NULL, bid_idx, read_idx};
