/* Files of nothing but elements, whose type and shape the user says: INPUT=TYPE:DIMSxDIMS:FILE. */
#include "core/size.h"
#include "data/readers.h"
#include "io/packed.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    weld_dtype dtype;
} types[] = {{"f16", WELD_FLOAT16}, {"bf16", WELD_BFLOAT16}, {"f32", WELD_FLOAT},
             {"f64", WELD_DOUBLE},  {"i8", WELD_INT8},       {"i16", WELD_INT16},
             {"i32", WELD_INT32},   {"i64", WELD_INT64},     {"u8", WELD_UINT8},
             {"u16", WELD_UINT16},  {"u32", WELD_UINT32},    {"u64", WELD_UINT64}};

/* What one of them says; text is cut up. */
typedef struct raw_array {
    char *input, *path;
    weld_dtype dtype;
    weld_shape sample;
} raw_array;

static int bid_raw(const weld_data_file *file)
{
    return file->options->raw_count ? 100 : 0;
}

static bool parse_type(weld_dtype *out, const char *name)
{
    for (size_t k = 0; k < sizeof types / sizeof *types; k++)
        if (strcmp(types[k].name, name) == 0) {
            *out = types[k].dtype;
            return true;
        }
    return false;
}

/* "3x224x224"; "" is a single number. */
static bool parse_dims(weld_shape *out, const char *text)
{
    out->rank = 0;
    while (*text) {
        char *end;
        if (*text < '1' || *text > '9' || out->rank == WELD_RANK_MAX - 1)
            return false;
        const long long dim = strtoll(text, &end, 10);
        if (dim > INT32_MAX || (*end && (*end != 'x' || !end[1])))
            return false;
        out->dims[out->rank++] = dim;
        text = end + (*end == 'x');
    }
    return true;
}

static bool parse(raw_array *out, char *text)
{
    char *type = strchr(text, '=');
    char *dims = type ? strchr(type, ':') : NULL;
    char *path = dims ? strchr(dims + 1, ':') : NULL;
    if (!path || type == text || !path[1])
        return false;
    *type++ = *dims++ = *path++ = '\0';
    out->input = text;
    out->path = path;
    return parse_type(&out->dtype, type) && parse_dims(&out->sample, dims);
}

static weld_status add_file(weld_dataset *out, const raw_array *raw, const weld_data_file *file,
                            weld_sha256 *hash, weld_error *err)
{
    weld_status st = WELD_OK;
    char text[128];
    weld_packed packed = {0};
    weld_npy view = {.dtype = raw->dtype, .size = weld_dtype_size(raw->dtype), .name = raw->path};
    WELD_TRY(weld_shape_check(out->ctx, &raw->sample, raw->path, err));
    const uint64_t each = (uint64_t)weld_shape_numel(&raw->sample) * view.size;
    WELD_TRY(weld_packed_read(&packed, out->ctx, raw->path, err));
    WELD_TRY(weld_sha256_update(hash, packed.sha256, WELD_SHA256_TEXT - 1, err));
    WELD_REQUIRE(packed.size && packed.size % each == 0, WELD_E_FORMAT,
                 "%s: %zu bytes, expected a multiple of %" PRIu64 " (%s of shape %s)", raw->path,
                 packed.size, each, weld_dtype_name(raw->dtype),
                 weld_shape_text(&raw->sample, text));
    view.shape.rank = raw->sample.rank + 1;
    view.shape.dims[0] = (int64_t)(packed.size / each);
    memcpy(view.shape.dims + 1, raw->sample.dims, (size_t)raw->sample.rank * sizeof(int64_t));
    WELD_TRY(weld_shape_check(out->ctx, &view.shape, raw->path, err));
    view.count = weld_shape_numel(&view.shape);
    view.data = packed.bytes;
    WELD_TRY(weld_dataset_add_npy(out, file, raw->input, &view, err));
done:
    weld_packed_free(&packed);
    return st;
}

static weld_status read_raw(weld_dataset *out, const weld_data_file *file, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_dataset_options *o = file->options;
    weld_sha256 *hash = NULL;
    char *text = NULL;
    WELD_TRY(weld_sha256_create(&hash, out->ctx, err));
    for (size_t k = 0; k < o->raw_count; k++) {
        raw_array raw;
        weld_free(out->ctx, text);
        text = weld_strdup(out->ctx, o->raw[k]);
        WELD_REQUIRE(text, WELD_E_NOMEM, "out of memory");
        WELD_REQUIRE(parse(&raw, text), WELD_E_ARGUMENT,
                     "raw data '%s', allowed INPUT=TYPE:DIMSxDIMS:FILE with TYPE f16, bf16, f32, "
                     "f64, i8 to i64, u8 to u64",
                     o->raw[k]);
        WELD_TRY(add_file(out, &raw, file, hash, err));
    }
    WELD_TRY(weld_sha256_finish(out->sha256, hash, err));
done:
    weld_sha256_free(hash);
    weld_free(out->ctx, text);
    return st;
}

const weld_reader weld_reader_raw = {"raw", false, NULL, bid_raw, read_raw};
