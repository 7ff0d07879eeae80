/* The files of one run appear together or not at all. */
#include "api/objects.h"
#include "api/values.h"
#include "data/idx.h"
#include "io/bundle.h"
#include "io/hash.h"
#include "io/relay.h"
#include "io/sink.h"
#include "onnx/splice.h"
#include "onnx/tensor_file.h"
#include "report/report.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct weld_outputs {
    weld_context *ctx;
    bool replace;
    weld_sink **sinks;
    const char **paths; /* owned copies */
    size_t count, cap, path_cap;
    weld_bundle *bundle;    /* that outputs are members of; NULL = they are files */
    weld_sink *bundle_sink; /* one of the sinks: where it goes */
    char **folders;         /* [folder_count] that were made; owned copies */
    size_t folder_count, folder_cap;
    char **expected; /* [expected_count] owned copies of paths */
    size_t expected_count, expected_cap;
};

weld_status weld_outputs_create(weld_outputs **out, weld_context *ctx, bool replace,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_NEW(*out, ctx, 1);
    (*out)->ctx = ctx;
    (*out)->replace = replace;
done:
    return st;
}

void weld_outputs_free(weld_outputs *outputs)
{
    if (!outputs)
        return;
    for (size_t k = 0; k < outputs->count; k++) {
        weld_sink_free(outputs->sinks[k]);
        weld_free(outputs->ctx, (char *)outputs->paths[k]);
    }
    for (size_t k = outputs->folder_count; k-- > 0;) {
        rmdir(outputs->folders[k]); /* stays where there is something in it */
        weld_free(outputs->ctx, outputs->folders[k]);
    }
    weld_free(outputs->ctx, outputs->folders);
    for (size_t k = 0; k < outputs->expected_count; k++)
        weld_free(outputs->ctx, outputs->expected[k]);
    weld_free(outputs->ctx, outputs->expected);
    weld_bundle_free(outputs->bundle);
    weld_free(outputs->ctx, outputs->sinks);
    weld_free(outputs->ctx, outputs->paths);
    weld_free(outputs->ctx, outputs);
}

static weld_status write_sink(void *user, const void *bytes, size_t n, weld_error *err)
{
    return weld_sink_write(user, bytes, n, err);
}

static weld_status write_member(void *user, const void *bytes, size_t n, weld_error *err)
{
    return weld_bundle_write(user, bytes, n, err);
}

static weld_status check_once(const char *other, const char *path, weld_error *err)
{
    return strcmp(other, path) == 0
               ? weld_fail(err, WELD_E_ARGUMENT, "%s: named for two outputs", path)
               : WELD_OK;
}

/* Appends the sink of a path. *out is borrowed; what is to stand there is written to it. */
static weld_status add_sink(weld_sink **out, weld_outputs *o, const char *path, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_sink *sink = NULL;
    char *copy = NULL;
    for (size_t k = 0; k < o->count; k++)
        WELD_TRY(check_once(o->paths[k], path, err));
    WELD_TRY(weld_sink_create(&sink, o->ctx, path, o->replace, err));
    WELD_GROW(o->sinks, o->cap, o->ctx, o->count + 1);
    WELD_GROW(o->paths, o->path_cap, o->ctx, o->count + 1);
    copy = weld_strdup(o->ctx, path);
    WELD_REQUIRE(copy, WELD_E_NOMEM, "out of memory");
    o->paths[o->count] = copy;
    o->sinks[o->count++] = sink;
    *out = sink;
    sink = NULL;
done:
    weld_sink_free(sink);
    return st;
}

/* Where the output of this path goes: a file, or a member of the bundle. Good until the next one. */
static weld_status add_output(weld_writer *out, weld_outputs *o, const char *path, weld_error *err)
{
    weld_sink *sink = NULL;
    if (o->bundle) {
        *out = (weld_writer){write_member, o->bundle};
        return weld_bundle_begin(o->bundle, path, err);
    }
    const weld_status st = add_sink(&sink, o, path, err);
    *out = (weld_writer){write_sink, sink};
    return st;
}

weld_status weld_outputs_bundle(weld_outputs *outputs, const char *path, int64_t mtime,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    weld_bundle *bundle = NULL;
    WELD_REQUIRE(!outputs->bundle && !outputs->count, WELD_E_ARGUMENT,
                 "%s: a bundle after other outputs", path);
    WELD_REQUIRE(mtime >= 0, WELD_E_ARGUMENT, "%s: a time before 1970", path);
    WELD_TRY(weld_bundle_create(&bundle, outputs->ctx, path, mtime, err));
    WELD_TRY(add_sink(&outputs->bundle_sink, outputs, path, err));
    outputs->bundle = bundle;
    bundle = NULL;
done:
    weld_bundle_free(bundle);
    return st;
}

static weld_status add_bytes(weld_outputs *o, const char *path, const void *bytes, size_t size,
                             weld_error *err)
{
    weld_writer to;
    const weld_status st = add_output(&to, o, path, err);
    return st == WELD_OK ? to.write(to.user, bytes, size, err) : st;
}

/* ---- models ----------------------------------------------------------------------------- */

/* beside = PATH.data, and *location the name of that file in its folder. */
static weld_status data_path(char *beside, size_t size, const char *path, const char **location,
                             weld_error *err)
{
    int n = snprintf(beside, size, "%s.data", path);
    if (n < 0 || (size_t)n >= size)
        return weld_fail(err, WELD_E_ARGUMENT, "%.100s...: the path is too long", path);
    const char *slash = strrchr(beside, '/');
    *location = slash ? slash + 1 : beside;
    return WELD_OK;
}

/* What goes beside the model is decided here: all that is external in A, or all large tensors where they
 * are wanted there or one protobuf can't hold them. */
static weld_status plan_model(weld_splice **out, weld_relocation *r, char *beside, size_t size,
                              const weld_model *model, const char *path, weld_external external,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    const bool possible = external != WELD_EXTERNAL_NEVER && strcmp(path, "-") != 0;
    const bool has = weld_onnx_has_external(model->structure->file);
    *r = (weld_relocation){.all = external == WELD_EXTERNAL_ALWAYS && possible};
    if (r->all || (possible && has))
        WELD_TRY(data_path(beside, size, path, &r->location, err));
    WELD_TRY(weld_model_splice(out, model, r, err));
    if (!possible || r->all || weld_splice_size(*out) <= INT32_MAX)
        goto done;
    weld_splice_free(*out);
    *out = NULL;
    r->all = true;
    WELD_TRY(data_path(beside, size, path, &r->location, err));
    WELD_TRY(weld_model_splice(out, model, r, err));
done:
    return st;
}

static weld_status write_hash(void *user, const void *bytes, size_t n, weld_error *err)
{
    return weld_sha256_update(user, bytes, n, err);
}

/* Where the bytes of a model go: to the file, and into its hash. */
typedef struct hashed {
    weld_writer file;
    weld_relay *hash;
} hashed;

static weld_status write_hashed(void *user, const void *bytes, size_t n, weld_error *err)
{
    const hashed *to = user;
    const weld_status st = weld_relay_write(to->hash, bytes, n, err);
    return st == WELD_OK ? to->file.write(to->file.user, bytes, n, err) : st;
}

/* Writes the model itself; it is hashed on the way. */
static weld_status write_model(char sha256[WELD_SHA256_TEXT], const weld_writer *file,
                               const weld_splice *splice, weld_context *ctx, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_sha256 *hash = NULL;
    hashed out = {.file = *file};
    WELD_TRY(weld_sha256_create(&hash, ctx, err));
    const weld_writer into_hash = {write_hash, hash}, to = {write_hashed, &out};
    WELD_TRY(weld_relay_create(&out.hash, ctx, &into_hash, err));
    WELD_TRY(weld_splice_write(splice, &to, err));
    WELD_TRY(weld_relay_finish(out.hash, err));
    WELD_TRY(weld_sha256_finish(sha256, hash, err));
done:
    weld_relay_free(out.hash);
    weld_sha256_free(hash);
    return st;
}

weld_status weld_outputs_add_model(weld_outputs *outputs, const weld_model *model, const char *path,
                                   weld_external external, char sha256[65], weld_error *err)
{
    weld_status st = WELD_OK;
    char beside[4096], hex[WELD_SHA256_TEXT];
    weld_relocation relocation;
    weld_splice *splice = NULL;
    weld_writer to;
    WELD_TRY(plan_model(&splice, &relocation, beside, sizeof beside, model, path, external, err));
    WELD_TRY(add_output(&to, outputs, path, err));
    st = write_model(hex, &to, splice, outputs->ctx, err);
    if (st == WELD_E_LIMIT)
        weld_error_wrap(err, "%s", path);
    if (st == WELD_OK && weld_splice_outside_size(splice)) {
        WELD_TRY(add_output(&to, outputs, beside, err));
        WELD_TRY(weld_splice_write_outside(splice, &to, err));
    }
    if (st == WELD_OK && sha256)
        memcpy(sha256, hex, sizeof hex);
done:
    weld_splice_free(splice);
    return st;
}

weld_status weld_outputs_add_alignment(weld_outputs *outputs, const weld_alignment *alignment,
                                       const char *path, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_buffer text;
    weld_buffer_init(&text, outputs->ctx);
    WELD_TRY(weld_alignment_text(&text, alignment, err));
    WELD_TRY(add_bytes(outputs, path, text.data, text.size, err));
done:
    weld_buffer_free(&text);
    return st;
}

weld_status weld_outputs_add_report(weld_outputs *outputs, const weld_report *report,
                                    const char *format, const char *path, weld_error *err)
{
    weld_status st = WELD_OK;
    char *text = NULL;
    WELD_TRY(weld_report_text(&text, report, format, err));
    WELD_TRY(add_bytes(outputs, path, text, strlen(text), err));
done:
    weld_free(outputs->ctx, text);
    return st;
}

weld_status weld_outputs_add_values(weld_outputs *outputs, const weld_values *values,
                                    const char *path, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_buffer zip;
    weld_buffer_init(&zip, outputs->ctx);
    WELD_TRY(weld_values_npz(&zip, values, err));
    WELD_TRY(add_bytes(outputs, path, zip.data, zip.size, err));
done:
    weld_buffer_free(&zip);
    return st;
}

weld_status weld_outputs_add_array(weld_outputs *outputs, const weld_values *values, size_t index,
                                   const char *path, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_named *item = &values->items[index];
    weld_tensor t = item->tensor; /* its shape may change */
    weld_buffer bytes;
    weld_buffer_init(&bytes, outputs->ctx);
    if (weld_ends_with(path, ".pb")) {
        WELD_TRY(weld_tensor_file_write(&bytes, item->name, &t, err));
    } else if (weld_ends_with(path, ".npy")) {
        WELD_TRY(weld_npy_write(&bytes, &t, err));
    } else {
        const int64_t *d = t.shape.dims;
        if (t.shape.rank == 4 && d[1] == 1)
            t.shape = weld_shape_make(3, (const int64_t[]){d[0], d[2], d[3]});
        WELD_TRY(weld_idx_write(&bytes, &t, err));
    }
    WELD_TRY(add_bytes(outputs, path, bytes.data, bytes.size, err));
done:
    if (st == WELD_E_UNSUPPORTED)
        weld_error_wrap(err, "%s: '%s'", path, item->name);
    weld_buffer_free(&bytes);
    return st;
}

weld_status weld_outputs_add_folder(weld_outputs *o, const char *path, weld_error *err)
{
    weld_status st = WELD_OK;
    char *copy = NULL;
    WELD_GROW(o->folders, o->folder_cap, o->ctx, o->folder_count + 1);
    copy = weld_strdup(o->ctx, path);
    WELD_REQUIRE(copy, WELD_E_NOMEM, "out of memory");
    if (mkdir(path, 0777) == 0) {
        o->folders[o->folder_count++] = copy;
        copy = NULL;
    } else {
        WELD_REQUIRE(errno == EEXIST, WELD_E_IO, "%s: %s", path, strerror(errno));
    }
done:
    weld_free(o->ctx, copy);
    return st;
}

weld_status weld_outputs_expect(weld_outputs *o, const char *path, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_sink *sink = NULL;
    char *copy = NULL;
    for (size_t k = 0; k < o->expected_count; k++)
        WELD_TRY(check_once(o->expected[k], path, err));
    WELD_GROW(o->expected, o->expected_cap, o->ctx, o->expected_count + 1);
    WELD_REQUIRE((copy = weld_strdup(o->ctx, path)), WELD_E_NOMEM, "out of memory");
    o->expected[o->expected_count++] = copy;
    if (!o->bundle)
        st = weld_sink_create(&sink, o->ctx, path, o->replace, err);
done:
    weld_sink_free(sink);
    return st;
}

weld_status weld_outputs_expect_model(weld_outputs *outputs, const weld_model *like,
                                      const char *path, weld_external external, int64_t sizes[2],
                                      weld_error *err)
{
    weld_status st = WELD_OK;
    char beside[4096];
    weld_model changed =
        *like; /* borrows; one that says where it comes from takes external data along */
    weld_relocation relocation;
    weld_splice *splice = NULL;
    changed.metadata[0][0] = changed.metadata[0][1] = "";
    changed.metadata_count = 1;
    WELD_TRY(
        plan_model(&splice, &relocation, beside, sizeof beside, &changed, path, external, err));
    WELD_TRY(weld_outputs_expect(outputs, path, err));
    if (weld_splice_outside_size(splice))
        WELD_TRY(weld_outputs_expect(outputs, beside, err));
    if (sizes) {
        sizes[0] = (int64_t)weld_splice_size(splice);
        sizes[1] = (int64_t)weld_splice_outside_size(splice);
    }
done:
    weld_splice_free(splice);
    return st;
}

weld_status weld_outputs_commit(weld_outputs *outputs, weld_error *err)
{
    const weld_writer to = {write_sink, outputs->bundle_sink};
    const weld_status st = outputs->bundle ? weld_bundle_finish(outputs->bundle, &to, err)
                                           : WELD_OK;
    return st != WELD_OK ? st : weld_sink_commit_all(outputs->sinks, outputs->count, err);
}

weld_status weld_model_save(const weld_model *model, const char *path, bool replace,
                            weld_error *err)
{
    weld_outputs *alone = NULL;
    weld_status st = weld_outputs_create(&alone, model->ctx, replace, err);
    if (st == WELD_OK)
        st = weld_outputs_add_model(alone, model, path, WELD_EXTERNAL_AUTO, NULL, err);
    if (st == WELD_OK)
        st = weld_outputs_commit(alone, err);
    weld_outputs_free(alone);
    return st;
}
