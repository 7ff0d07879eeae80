/* What a user of the library writes: align, verify, merge, in memory. */
#include <onnxweld.h>
#include <stdio.h>

static weld_status merge(weld_context *ctx, char **paths, weld_error *err)
{
    weld_model *a = NULL, *b = NULL, *merged = NULL, *again = NULL;
    weld_alignment *alignment = NULL;
    void *bytes = NULL;
    size_t size = 0;
    weld_status st = weld_model_load(&a, ctx, paths[0], err);
    if (st == WELD_OK)
        st = weld_model_load(&b, ctx, paths[1], err);
    if (st == WELD_OK)
        st = weld_align(&alignment, a, b, NULL, err);
    if (st == WELD_OK)
        st = weld_alignment_verify(alignment, NULL, 64, 1e-5, err);
    if (st == WELD_OK)
        st = weld_merge(&merged, alignment, NULL, err);
    if (st == WELD_OK)
        st = weld_model_save_memory(&bytes, &size, merged, err);
    if (st == WELD_OK)
        st = weld_model_load_memory(&again, ctx, bytes, size, err);
    weld_bytes_free(ctx, bytes);
    weld_model_free(again);
    weld_model_free(merged);
    weld_alignment_free(alignment);
    weld_model_free(b);
    weld_model_free(a);
    return st;
}

int main(int argc, char **argv)
{
    weld_error err = WELD_ERROR_INIT;
    weld_context *ctx;
    if (argc != 3 || weld_context_create(&ctx, NULL, &err) != WELD_OK)
        return 2;
    weld_status st = merge(ctx, argv + 1, &err);
    if (st != WELD_OK)
        printf("%s: %s\n", weld_status_name(st), err.message);
    weld_context_free(ctx);
    return st != WELD_OK;
}
