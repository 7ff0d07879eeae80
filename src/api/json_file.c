#include "api/json_file.h"
#include "io/source.h"

/* jansson's memory is not within the budget of the context. */
#define JSON_BYTES_MAX ((uint64_t)256 << 20)

weld_status weld_json_load(json_t **out, weld_context *ctx, const char *path, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_source *source = NULL;
    void *text = NULL;
    size_t size;
    json_error_t where;
    *out = NULL;
    WELD_TRY(weld_source_open(&source, ctx, path, err));
    WELD_REQUIRE(weld_source_size(source) <= JSON_BYTES_MAX, WELD_E_LIMIT,
                 "%s: %llu bytes of JSON, allowed %llu", path,
                 (unsigned long long)weld_source_size(source), (unsigned long long)JSON_BYTES_MAX);
    WELD_TRY(weld_source_read_all(&text, &size, source, err));
    *out = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
    WELD_REQUIRE(*out, WELD_E_FORMAT, "%s line %d: %s", path, where.line, where.text);
done:
    weld_free(ctx, text);
    weld_source_free(source);
    return st;
}

const char *weld_json_library(void)
{
    return jansson_version_str();
}
