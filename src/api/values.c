#include "api/values.h"
#include "data/test_data.h"
#include "io/archive.h"
#include "io/archive_write.h"
#include "io/npy.h"
#include "io/packed.h"
#include "io/source.h"
#include "onnx/tensor_file.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

weld_status weld_values_new(weld_values **out, weld_context *ctx, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_NEW(*out, ctx, 1);
    (*out)->ctx = ctx;
done:
    return st;
}

void weld_values_free(weld_values *values)
{
    if (!values)
        return;
    for (size_t k = 0; k < values->count; k++) {
        weld_free(values->ctx, values->items[k].name);
        weld_tensor_free(values->ctx, &values->items[k].tensor);
    }
    weld_free(values->ctx, values->items);
    weld_free(values->ctx, values);
}

weld_status weld_values_add(weld_values *values, const char *name, weld_tensor *tensor,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    char *copy = weld_strdup(values->ctx, name);
    WELD_REQUIRE(copy, WELD_E_NOMEM, "out of memory");
    WELD_GROW(values->items, values->cap, values->ctx, values->count + 1);
    values->items[values->count++] = (weld_named){copy, *tensor};
    *tensor = (weld_tensor){0};
    copy = NULL;
done:
    weld_free(values->ctx, copy);
    weld_tensor_free(values->ctx, tensor);
    return st;
}

const weld_tensor *weld_values_find(const weld_values *values, const char *name)
{
    for (size_t k = 0; k < values->count; k++)
        if (strcmp(values->items[k].name, name) == 0)
            return &values->items[k].tensor;
    return NULL;
}

size_t weld_values_count(const weld_values *values)
{
    return values->count;
}

weld_array weld_values_at(const weld_values *values, size_t index)
{
    const weld_named *item = &values->items[index];
    const weld_tensor *t = &item->tensor;
    const bool real = weld_dtype_is_float(t->dtype), wide = t->dtype == WELD_DOUBLE;
    return (weld_array){.name = item->name,
                        .dtype = (int)t->dtype,
                        .rank = t->shape.rank,
                        .dims = t->shape.dims,
                        .f = real && !wide ? t->f : NULL,
                        .d = wide ? t->d : NULL,
                        .i = real ? NULL : t->i};
}

/* ---- reading -------------------------------------------------------------------- */

static weld_status add_npy(weld_values *values, const char *key, const weld_npy *npy,
                           weld_error *err)
{
    weld_status st = WELD_OK;
    weld_tensor tensor = {0};
    WELD_TRY(weld_tensor_create(&tensor, values->ctx, npy->dtype, &npy->shape, err));
    WELD_TRY(weld_npy_decode(tensor.data, npy, 0, npy->count, err));
    WELD_TRY(weld_values_add(values, key, &tensor, err));
done:
    weld_tensor_free(values->ctx, &tensor);
    return st;
}

/* A member "x.npy" is the array x. */
static weld_status add_member(weld_values *values, weld_archive *archive, const char *member,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = values->ctx;
    weld_npy npy;
    void *bytes = NULL;
    size_t size;
    char *key = weld_strdup(ctx, member);
    WELD_REQUIRE(key, WELD_E_NOMEM, "out of memory");
    if (weld_ends_with(key, ".npy"))
        key[strlen(key) - 4] = '\0';
    WELD_TRY(weld_archive_read(&bytes, &size, archive, err));
    WELD_TRY(weld_npy_parse(&npy, ctx, bytes, size, key, err));
    WELD_TRY(add_npy(values, key, &npy, err));
done:
    weld_free(ctx, bytes);
    weld_free(ctx, key);
    return st;
}

static weld_status add_npz(weld_values *values, const void *bytes, size_t size, const char *path,
                           weld_error *err)
{
    weld_status st = WELD_OK;
    weld_archive *archive = NULL;
    const char *member;
    WELD_TRY(weld_archive_open(&archive, values->ctx, bytes, size, path, err));
    for (;;) {
        WELD_TRY(weld_archive_next(&member, archive, err));
        if (!member)
            break;
        WELD_TRY(add_member(values, archive, member, err));
    }
done:
    weld_archive_free(archive);
    return st;
}

static weld_status add_pb_bytes(weld_values *values, const void *bytes, size_t size,
                                const char *label, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_tensor tensor = {0};
    char *name = NULL;
    WELD_TRY(weld_tensor_parse(&tensor, &name, values->ctx, bytes, size, label, err));
    WELD_TRY(weld_values_add(values, name, &tensor, err));
done:
    weld_free(values->ctx, name);
    return st;
}

static weld_status add_pb(weld_values *values, const char *path, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_tensor tensor = {0};
    char *name = NULL;
    WELD_TRY(weld_tensor_file_read(&tensor, &name, values->ctx, path, err));
    WELD_TRY(weld_values_add(values, name, &tensor, err));
done:
    weld_free(values->ctx, name);
    return st;
}

weld_status weld_values_load(weld_values **out, weld_context *ctx, const char *path,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    weld_packed packed = {0};
    weld_values *values = NULL;
    weld_npy npy;
    *out = NULL;
    WELD_TRY(weld_values_new(&values, ctx, err));
    WELD_TRY(weld_packed_read(&packed, ctx, path, err));
    if (weld_is_zip(packed.bytes, packed.size)) {
        WELD_TRY(add_npz(values, packed.bytes, packed.size, path, err));
    } else if (weld_is_npy(packed.bytes, packed.size)) {
        WELD_TRY(weld_npy_parse(&npy, ctx, packed.bytes, packed.size, path, err));
        WELD_TRY(add_npy(values, "", &npy, err));
    } else {
        WELD_TRY(add_pb_bytes(values, packed.bytes, packed.size, path, err));
    }
    *out = values;
    values = NULL;
done:
    weld_packed_free(&packed);
    weld_values_free(values);
    return st;
}

weld_status weld_values_load_folder(weld_values **out, weld_context *ctx, const char *folder,
                                    const char *prefix, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_values *values = NULL;
    char path[4096];
    *out = NULL;
    WELD_TRY(weld_values_new(&values, ctx, err));
    for (int k = 0;; k++) {
        int n = snprintf(path, sizeof path, "%s/%s_%d.pb", folder, prefix, k);
        WELD_REQUIRE(n > 0 && (size_t)n < sizeof path, WELD_E_ARGUMENT, "%.200s...: path too long",
                     folder);
        if (access(path, F_OK) != 0)
            break;
        WELD_TRY(add_pb(values, path, err));
    }
    *out = values;
    values = NULL;
done:
    weld_values_free(values);
    return st;
}

/* PREFIX_place.pb of the set, if the archive has it. */
static weld_status add_packed(weld_values *values, bool *none, weld_archive *archive, int set,
                              int place, const char *prefix, weld_error *err)
{
    weld_status st = WELD_OK;
    const char *member;
    void *bytes = NULL;
    size_t size, folder;
    int s, p;
    *none = true;
    WELD_TRY(weld_archive_rewind(archive, err));
    for (;;) {
        WELD_TRY(weld_archive_next(&member, archive, err));
        if (!member)
            break;
        if (!weld_test_data_name(&s, &p, &folder, member, prefix) || s != set || p != place)
            continue;
        WELD_REQUIRE(*none, WELD_E_FORMAT, "a second %s_%d.pb of set %d: %s", prefix, place, set,
                     member);
        *none = false;
        WELD_TRY(weld_archive_read(&bytes, &size, archive, err));
        WELD_TRY(add_pb_bytes(values, bytes, size, member, err));
        weld_free(values->ctx, bytes);
        bytes = NULL;
    }
done:
    weld_free(values->ctx, bytes);
    return st;
}

static weld_status load_packed_set(weld_values *values, const char *path, int set,
                                   const char *prefix, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_packed packed = {0};
    weld_archive *archive = NULL;
    bool none = false;
    WELD_TRY(weld_packed_read(&packed, values->ctx, path, err));
    if (!weld_is_zip(packed.bytes, packed.size) && !weld_is_tar(packed.bytes, packed.size))
        goto done;
    WELD_TRY(weld_archive_open(&archive, values->ctx, packed.bytes, packed.size, path, err));
    for (int place = 0; !none; place++)
        WELD_TRY(add_packed(values, &none, archive, set, place, prefix, err));
done:
    weld_archive_free(archive);
    weld_packed_free(&packed);
    return st;
}

weld_status weld_values_load_set(weld_values **out, weld_context *ctx, const char *path, int set,
                                 const char *prefix, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_values *values = NULL;
    char folder[4096];
    *out = NULL;
    if (weld_is_folder(path)) {
        const int n = snprintf(folder, sizeof folder, "%s/test_data_set_%d", path, set);
        WELD_REQUIRE(n > 0 && (size_t)n < sizeof folder, WELD_E_ARGUMENT,
                     "%.200s...: path too long", path);
        return weld_values_load_folder(out, ctx, folder, prefix, err);
    }
    WELD_TRY(weld_values_new(&values, ctx, err));
    WELD_TRY(load_packed_set(values, path, set, prefix, err));
    *out = values;
    values = NULL;
done:
    weld_values_free(values);
    return st;
}

/* ---- writing -------------------------------------------------------------------- */

weld_status weld_values_npz(weld_buffer *out, const weld_values *values, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = values->ctx;
    weld_buffer *files = NULL;
    weld_archive_part *parts = NULL;
    char(*names)[256] = NULL;
    WELD_NEW(files, ctx, values->count);
    for (size_t k = 0; k < values->count; k++)
        weld_buffer_init(&files[k], ctx);
    WELD_NEW(parts, ctx, values->count);
    WELD_NEW(names, ctx, values->count);
    for (size_t k = 0; k < values->count; k++) {
        WELD_TRY(weld_npy_write(&files[k], &values->items[k].tensor, err));
        snprintf(names[k], sizeof names[k], "%.250s.npy", values->items[k].name);
        parts[k] = (weld_archive_part){names[k], files[k].data, files[k].size};
    }
    WELD_TRY(weld_archive_write_zip(out, parts, values->count, err));
done:
    for (size_t k = 0; files && k < values->count; k++)
        weld_buffer_free(&files[k]);
    weld_free(ctx, files);
    weld_free(ctx, parts);
    weld_free(ctx, names);
    return st;
}

/* ---- comparing ------------------------------------------------------------------ */

/* Half the distance of neighbours in the type that `want` was stored in. */
static double rounding(weld_dtype dtype)
{
    return dtype == WELD_BFLOAT16 ? 0x1p-7 : dtype == WELD_FLOAT16 ? 0x1p-10 : 0;
}

static bool agrees(const weld_tensor *got, const weld_tensor *want, int64_t k, double rtol,
                   double atol)
{
    if (!weld_dtype_is_float(want->dtype))
        return got->i[k] == want->i[k];
    double g = weld_tensor_number(got, k), w = weld_tensor_number(want, k);
    return g == w || (isnan(g) && isnan(w)) || fabs(g - w) <= atol + rtol * fabs(w);
}

static weld_status compare_one(const weld_named *got, const weld_named *want, double rtol,
                               double atol, weld_error *err)
{
    const weld_tensor *g = &got->tensor, *w = &want->tensor;
    char shape[2][128];
    weld_shape_text(&g->shape, shape[0]);
    weld_shape_text(&w->shape, shape[1]);
    if (g->dtype != w->dtype || !weld_shape_equal(&g->shape, &w->shape))
        return weld_fail(err, WELD_E_NEGATIVE, "'%s' is %s %s, expected %s %s", want->name,
                         weld_dtype_name(g->dtype), shape[0], weld_dtype_name(w->dtype), shape[1]);
    if (rtol < rounding(w->dtype))
        rtol = rounding(w->dtype);
    for (int64_t k = 0; k < weld_shape_numel(&w->shape); k++) {
        if (agrees(g, w, k, rtol, atol))
            continue;
        return weld_fail(err, WELD_E_NEGATIVE, "'%s' element %" PRId64 " is %.9g, expected %.9g",
                         want->name, k, weld_tensor_number(g, k), weld_tensor_number(w, k));
    }
    return WELD_OK;
}

weld_status weld_values_compare(const weld_values *got, const weld_values *want, double rtol,
                                double atol, weld_error *err)
{
    if (got->count < want->count)
        return weld_fail(err, WELD_E_NEGATIVE, "%zu outputs, expected %zu", got->count,
                         want->count);
    weld_status st = WELD_OK;
    for (size_t k = 0; k < want->count && st == WELD_OK; k++)
        st = compare_one(&got->items[k], &want->items[k], rtol, atol, err);
    return st;
}
