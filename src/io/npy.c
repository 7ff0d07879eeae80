#include "io/npy.h"
#include "core/size.h"
#include <inttypes.h>
#include <string.h>

enum { HEADER_MAX = 65536, DESCR_MAX = 16, CHUNK = 256 };

/* The header is a Python literal; we read exactly the form that numpy writes. */
typedef struct header_parser {
    const char *at, *end, *start;
    const char *name;
    bool has_descr, has_order, has_shape;
    char descr[DESCR_MAX];
} header_parser;

bool weld_is_npy(const void *bytes, size_t size)
{
    return size >= 6 && memcmp(bytes, "\x93NUMPY", 6) == 0;
}

static weld_status fail_header(const header_parser *p, const char *expected, weld_error *err)
{
    return weld_fail(err, WELD_E_FORMAT, "%s: .npy header at character %td: expected %s", p->name,
                     p->at - p->start, expected);
}

static void skip_space(header_parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' || *p->at == '\t'))
        p->at++;
}

static bool take(header_parser *p, char c)
{
    skip_space(p);
    if (p->at == p->end || *p->at != c)
        return false;
    p->at++;
    return true;
}

static weld_status take_string(header_parser *p, char *out, size_t room, weld_error *err)
{
    size_t n = 0;
    skip_space(p);
    if (p->at == p->end || (*p->at != '\'' && *p->at != '"'))
        return fail_header(p, "a string", err);
    char quote = *p->at++;
    while (p->at < p->end && *p->at != quote) {
        if (*p->at < 0x20 || *p->at > 0x7e || *p->at == '\\' || n + 1 == room)
            return fail_header(p, "a short plain string", err);
        out[n++] = *p->at++;
    }
    if (p->at == p->end)
        return fail_header(p, "the end of a string", err);
    p->at++;
    out[n] = '\0';
    return WELD_OK;
}

static weld_status take_word(header_parser *p, bool *out, weld_error *err)
{
    size_t left;
    skip_space(p);
    left = (size_t)(p->end - p->at);
    *out = left >= 4 && memcmp(p->at, "True", 4) == 0;
    if (!*out && !(left >= 5 && memcmp(p->at, "False", 5) == 0))
        return fail_header(p, "True or False", err);
    p->at += *out ? 4 : 5;
    return WELD_OK;
}

static weld_status take_dim(header_parser *p, int64_t *out, weld_error *err)
{
    int64_t value = 0;
    skip_space(p);
    const char *first = p->at;
    for (; p->at < p->end && *p->at >= '0' && *p->at <= '9'; p->at++)
        if (!weld_mul_i64(value, 10, &value) || !weld_add_i64(value, *p->at - '0', &value))
            return fail_header(p, "a dimension of less than 2^63", err);
    if (p->at == first)
        return fail_header(p, "a dimension (digits only)", err);
    *out = value;
    return WELD_OK;
}

static weld_status take_shape(header_parser *p, weld_shape *shape, weld_error *err)
{
    weld_status st = WELD_OK;
    bool comma = true;
    shape->rank = 0;
    if (!take(p, '('))
        return fail_header(p, "a tuple", err);
    while (!take(p, ')')) {
        if (!comma)
            return fail_header(p, "a comma", err);
        WELD_REQUIRE(shape->rank < WELD_RANK_MAX, WELD_E_LIMIT, "%s: rank above %d", p->name,
                     WELD_RANK_MAX);
        WELD_TRY(take_dim(p, &shape->dims[shape->rank], err));
        shape->rank++;
        comma = take(p, ',');
    }
    if (shape->rank == 1 && !comma)
        return fail_header(p, "a comma after the only dimension", err);
done:
    return st;
}

static weld_status take_descr(header_parser *p, weld_error *err)
{
    skip_space(p);
    if (p->at < p->end && (*p->at == '[' || *p->at == '('))
        return weld_fail(err, WELD_E_FORMAT, "%s: structured array, expected plain numbers",
                         p->name);
    return take_string(p, p->descr, sizeof p->descr, err);
}

static weld_status take_pair(header_parser *p, weld_npy *npy, weld_error *err)
{
    weld_status st = WELD_OK;
    char key[32];
    bool *seen;
    WELD_TRY(take_string(p, key, sizeof key, err));
    seen = strcmp(key, "descr") == 0           ? &p->has_descr
           : strcmp(key, "fortran_order") == 0 ? &p->has_order
           : strcmp(key, "shape") == 0         ? &p->has_shape
                                               : NULL;
    WELD_REQUIRE(seen, WELD_E_FORMAT, "%s: .npy header has unknown key '%s'", p->name, key);
    WELD_REQUIRE(!*seen, WELD_E_FORMAT, "%s: .npy header has two keys '%s'", p->name, key);
    *seen = true;
    if (!take(p, ':'))
        return fail_header(p, "':'", err);
    if (seen == &p->has_descr)
        return take_descr(p, err);
    if (seen == &p->has_order)
        return take_word(p, &npy->fortran, err);
    return take_shape(p, &npy->shape, err);
done:
    return st;
}

static weld_status parse_header(header_parser *p, weld_npy *npy, weld_error *err)
{
    weld_status st = WELD_OK;
    bool comma = true;
    if (!take(p, '{'))
        return fail_header(p, "'{'", err);
    while (!take(p, '}')) {
        if (!comma)
            return fail_header(p, "',' or '}'", err);
        WELD_TRY(take_pair(p, npy, err));
        comma = take(p, ',');
    }
    skip_space(p);
    if (p->at != p->end)
        return fail_header(p, "nothing after '}'", err);
    WELD_REQUIRE(p->has_descr && p->has_order && p->has_shape, WELD_E_FORMAT,
                 "%s: .npy header lacks '%s'", p->name,
                 !p->has_descr   ? "descr"
                 : !p->has_order ? "fortran_order"
                                 : "shape");
done:
    return st;
}

static weld_status set_dtype(weld_npy *npy, const char *descr, weld_error *err)
{
    static const struct {
        char text[3];
        weld_dtype dtype;
        size_t size;
    } types[] = {{"b1", WELD_BOOL, 1},    {"i1", WELD_INT8, 1},   {"i2", WELD_INT16, 2},
                 {"i4", WELD_INT32, 4},   {"i8", WELD_INT64, 8},  {"u1", WELD_UINT8, 1},
                 {"u2", WELD_UINT16, 2},  {"u4", WELD_UINT32, 4}, {"u8", WELD_UINT64, 8},
                 {"f2", WELD_FLOAT16, 2}, {"f4", WELD_FLOAT, 4},  {"f8", WELD_DOUBLE, 8}};
    weld_status st = WELD_OK;
    char order = descr[0], kind = order ? descr[1] : '\0';
    WELD_REQUIRE(kind != 'O', WELD_E_FORMAT,
                 "%s: holds pickled objects (dtype '%s'), which are never read", npy->name, descr);
    WELD_REQUIRE(kind != 'V', WELD_E_FORMAT, "%s: structured array (dtype '%s')", npy->name, descr);
    WELD_REQUIRE(kind != 'U' && kind != 'S', WELD_E_FORMAT,
                 "%s: holds text (dtype '%s'), expected numbers", npy->name, descr);
    WELD_REQUIRE(kind != 'c', WELD_E_FORMAT,
                 "%s: holds complex numbers (dtype '%s'), expected real", npy->name, descr);
    for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
        if (!strchr("<>|", order) || !order || strcmp(descr + 1, types[k].text) != 0)
            continue;
        if (types[k].size > 1 && order == '|')
            break;
        npy->dtype = types[k].dtype;
        npy->size = types[k].size;
        npy->big_endian = order == '>';
        return WELD_OK;
    }
    st = weld_fail(err, WELD_E_FORMAT, "%s: dtype '%s', allowed b1, i1 to i8, u1 to u8, f2, f4, f8",
                   npy->name, descr);
done:
    return st;
}

/* Where the header text begins and how long it is. */
static weld_status find_header(size_t *start, size_t *length, const unsigned char *bytes,
                               size_t size, const char *name, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_REQUIRE(weld_is_npy(bytes, size), WELD_E_FORMAT, "%s: is not .npy", name);
    WELD_REQUIRE(size >= 10, WELD_E_FORMAT, "%s: .npy ends in its header", name);
    WELD_REQUIRE(bytes[6] >= 1 && bytes[6] <= 3 && bytes[7] == 0, WELD_E_FORMAT,
                 "%s: .npy version %d.%d, allowed 1.0 to 3.0", name, bytes[6], bytes[7]);
    *start = bytes[6] == 1 ? 10 : 12;
    *length = bytes[8] | (size_t)bytes[9] << 8;
    WELD_REQUIRE(size >= *start, WELD_E_FORMAT, "%s: .npy ends in its header", name);
    if (bytes[6] > 1)
        *length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    WELD_REQUIRE(*length <= HEADER_MAX, WELD_E_LIMIT, "%s: .npy header of %zu bytes, allowed %d",
                 name, *length, HEADER_MAX);
    WELD_REQUIRE(*length <= size - *start, WELD_E_FORMAT,
                 "%s: ends at byte %zu, in its .npy header of %zu", name, size, *length);
done:
    return st;
}

weld_status weld_npy_parse(weld_npy *out, const weld_context *ctx, const void *bytes, size_t size,
                           const char *name, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_npy npy = {.name = name};
    header_parser p = {.name = name};
    size_t start = 0, length = 0, need = 0;
    char text[128];
    memset(out, 0, sizeof *out);
    WELD_TRY(find_header(&start, &length, bytes, size, name, err));
    p.start = p.at = (const char *)bytes + start;
    p.end = p.at + length;
    WELD_TRY(parse_header(&p, &npy, err));
    WELD_TRY(set_dtype(&npy, p.descr, err));
    WELD_TRY(weld_shape_check(ctx, &npy.shape, name, err));
    npy.count = weld_shape_numel(&npy.shape);
    npy.data = (const unsigned char *)bytes + start + length;
    size -= start + length;
    WELD_REQUIRE(weld_mul_size((size_t)npy.count, npy.size, &need), WELD_E_LIMIT,
                 "%s: %" PRId64 " elements of %zu bytes", name, npy.count, npy.size);
    WELD_REQUIRE(size == need, WELD_E_FORMAT, "%s: %zu bytes of data, expected %zu for shape %s",
                 name, size, need, weld_shape_text(&npy.shape, text));
    *out = npy;
done:
    return st;
}

/* Place in the file of the element that is `index`-th in C order. */
static int64_t place_of(const weld_npy *npy, int64_t index)
{
    int64_t place = 0, stride = 1, coords[WELD_RANK_MAX];
    if (!npy->fortran)
        return index;
    for (int k = npy->shape.rank - 1; k >= 0; k--) {
        coords[k] = index % npy->shape.dims[k];
        index /= npy->shape.dims[k];
    }
    for (int k = 0; k < npy->shape.rank; k++) {
        place += coords[k] * stride;
        stride *= npy->shape.dims[k];
    }
    return place;
}

/* Elements in C order, little-endian, checked. */
static weld_status gather(unsigned char *out, const weld_npy *npy, int64_t first, size_t n,
                          weld_error *err)
{
    for (size_t k = 0; k < n; k++) {
        int64_t index = first + (int64_t)k;
        const unsigned char *from = npy->data + (size_t)place_of(npy, index) * npy->size;
        unsigned char *to = out + k * npy->size;
        for (size_t b = 0; b < npy->size; b++)
            to[b] = from[npy->big_endian ? npy->size - 1 - b : b];
        if (npy->dtype == WELD_BOOL && to[0] > 1)
            return weld_fail(err, WELD_E_FORMAT, "%s: bool %" PRId64 " is %d, allowed 0 and 1",
                             npy->name, index, to[0]);
        if (npy->dtype == WELD_UINT64 && to[7] > 127)
            return weld_fail(err, WELD_E_FORMAT, "%s: element %" PRId64 " is above 2^63 - 1",
                             npy->name, index);
    }
    return WELD_OK;
}

static weld_status check_range(const weld_npy *npy, int64_t first, int64_t n, weld_error *err)
{
    if (first < 0 || n < 0 || n > npy->count || first > npy->count - n)
        return weld_fail(err, WELD_E_INTERNAL, "%s: elements %" PRId64 " + %" PRId64 " of %" PRId64,
                         npy->name, first, n, npy->count);
    return WELD_OK;
}

weld_status weld_npy_decode(void *out, const weld_npy *npy, int64_t first, int64_t n,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    unsigned char stored[CHUNK * 8];
    const size_t each = weld_compute_size(npy->dtype);
    WELD_TRY(check_range(npy, first, n, err));
    for (int64_t at = 0; at < n;) {
        size_t part = n - at < CHUNK ? (size_t)(n - at) : CHUNK;
        WELD_TRY(gather(stored, npy, first + at, part, err));
        weld_decode((char *)out + (size_t)at * each, npy->dtype, stored, part);
        at += (int64_t)part;
    }
done:
    return st;
}

weld_status weld_npy_to_int64(int64_t *out, const weld_npy *npy, int64_t first, int64_t n,
                              weld_error *err)
{
    if (weld_dtype_is_float(npy->dtype))
        return weld_fail(err, WELD_E_FORMAT, "%s: holds %s, expected integers", npy->name,
                         weld_dtype_name(npy->dtype));
    return weld_npy_decode(out, npy, first, n, err);
}

weld_status weld_npy_to_float(float *out, const weld_npy *npy, int64_t first, int64_t n,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    double decoded[CHUNK]; /* room for any compute type */
    const weld_tensor part_of = {.dtype = npy->dtype, .data = decoded};
    for (int64_t at = 0; at < n;) {
        int64_t part = n - at < CHUNK ? n - at : CHUNK;
        WELD_TRY(weld_npy_decode(decoded, npy, first + at, part, err));
        for (int64_t k = 0; k < part; k++)
            out[at + k] = (float)weld_tensor_number(&part_of, k);
        at += part;
    }
done:
    return st;
}
