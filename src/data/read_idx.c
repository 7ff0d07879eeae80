/* MNIST's idx: big-endian header, then bytes. */
#include "core/size.h"
#include "data/readers.h"
#include <inttypes.h>
#include <string.h>

enum { IMAGES = 0x803, LABELS = 0x801 };

static uint32_t word_at(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int bid_idx(const unsigned char *bytes, size_t size, const char *path)
{
    uint32_t magic = size >= 4 ? word_at(bytes) : 0;
    if (magic >> 16 || (magic >> 8 & 255) < 8 || (magic >> 8 & 255) > 14 || !(magic & 255))
        return 0;
    if (strstr(path, "-idx") || strstr(path, ".idx"))
        return 80;
    if (magic == IMAGES && size >= 16) {
        size_t need;
        bool sane = weld_mul_size(word_at(bytes + 4), word_at(bytes + 8), &need) &&
                    weld_mul_size(need, word_at(bytes + 12), &need) &&
                    weld_add_size(need, 16, &need);
        return sane && need == size ? 90 : 45;
    }
    return magic == LABELS && size >= 8 && word_at(bytes + 4) + (uint64_t)8 == size ? 90 : 45;
}

static weld_status check_header(const weld_data_file *file, uint32_t magic, weld_error *err)
{
    weld_status st = WELD_OK;
    uint32_t found = file->size >= 4 ? word_at(file->bytes) : 0;
    size_t header = 4 + 4 * (size_t)(magic & 255);
    WELD_REQUIRE(file->size >= 4, WELD_E_FORMAT, "%s: ends at byte %zu, in its idx header",
                 file->path, file->size);
    WELD_REQUIRE(!(magic == IMAGES && found == LABELS), WELD_E_FORMAT,
                 "%s: holds labels (idx magic 0x801), expected images (0x803)", file->path);
    WELD_REQUIRE(!(magic == LABELS && found == IMAGES), WELD_E_FORMAT,
                 "%s: holds images (idx magic 0x803), expected labels (0x801)", file->path);
    WELD_REQUIRE(found == magic, WELD_E_FORMAT, "%s: idx magic 0x%x, expected 0x%x", file->path,
                 found, magic);
    WELD_REQUIRE(file->size >= header, WELD_E_FORMAT, "%s: ends at byte %zu, in its idx header",
                 file->path, file->size);
done:
    return st;
}

static weld_status read_idx(weld_dataset *out, const weld_data_file *file, weld_error *err)
{
    weld_status st = WELD_OK;
    char text[128];
    WELD_TRY(check_header(file, IMAGES, err));
    int64_t total = word_at(file->bytes + 4);
    int64_t dims[4] = {total, 1, word_at(file->bytes + 8), word_at(file->bytes + 12)};
    weld_shape whole = weld_shape_make(4, dims);
    WELD_TRY(weld_shape_check(out->ctx, &whole, file->path, err));
    uint64_t need = (uint64_t)weld_shape_numel(&whole);
    WELD_REQUIRE(file->size - 16 == need, WELD_E_FORMAT,
                 "%s: %zu bytes of pixels, expected %" PRIu64 " for shape %s", file->path,
                 file->size - 16, need, weld_shape_text(&whole, text));
    out->sample = weld_shape_make(3, dims + 1);
    out->stored = WELD_UINT8;
    WELD_TRY(weld_dataset_make_room(out, file, total, err));
    memcpy(out->raw_u8, file->bytes + 16,
           (size_t)out->count * (size_t)weld_shape_numel(&out->sample));
done:
    return st;
}

weld_status weld_idx_labels(weld_dataset *out, int64_t *count, const weld_data_file *file,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_TRY(check_header(file, LABELS, err));
    uint32_t total = word_at(file->bytes + 4);
    WELD_REQUIRE(file->size - 8 == total, WELD_E_FORMAT, "%s: %zu bytes of labels, expected %u",
                 file->path, file->size - 8, total);
    WELD_NEW(out->labels, out->ctx, total);
    for (size_t k = 0; k < total; k++)
        out->labels[k] = file->bytes[8 + k];
    *count = total;
done:
    return st;
}

const weld_reader weld_reader_idx = {"idx", false, bid_idx, read_idx};
