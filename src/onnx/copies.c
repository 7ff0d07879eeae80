#include "onnx/copies.h"
#include "io/cursor.h"
#include "onnx/skeleton.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static weld_status append_copy(weld_copies *c, int tensor, const char *name, weld_error *err)
{
    weld_status st = WELD_OK;
    const char *kept = weld_arena_strdup(&c->arena, name);
    WELD_REQUIRE(kept, WELD_E_NOMEM, "out of memory");
    WELD_GROW(c->copies, c->cap, c->ctx, c->count + 1);
    c->copies[c->count++] = (weld_copy){tensor, kept};
done:
    return st;
}

static weld_status append_reader(weld_copies *c, weld_reader reader, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_GROW(c->readers, c->reader_cap, c->ctx, c->reader_count + 1);
    c->readers[c->reader_count++] = reader;
done:
    return st;
}

weld_status weld_copies_create(weld_copies **out, weld_context *ctx, const weld_copies *from,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    weld_copies *c = NULL;
    *out = NULL;
    WELD_NEW(c, ctx, 1);
    c->ctx = ctx;
    weld_arena_init(&c->arena, ctx);
    for (size_t k = 0; from && k < from->count; k++)
        WELD_TRY(append_copy(c, from->copies[k].tensor, from->copies[k].name, err));
    for (size_t k = 0; from && k < from->reader_count; k++)
        WELD_TRY(append_reader(c, from->readers[k], err));
    *out = c;
    c = NULL;
done:
    weld_copies_free(c);
    return st;
}

void weld_copies_free(weld_copies *c)
{
    if (!c)
        return;
    weld_free(c->ctx, c->copies);
    weld_free(c->ctx, c->readers);
    weld_arena_free(&c->arena);
    weld_free(c->ctx, c);
}

/* ---- readers of a tensor -------------------------------------------------------------- */

/* What the main graph calls the tensor; NULL = nothing: it belongs to a branch or a body. */
static const char *name_of(const weld_onnx_file *file, const Weld__Onnx__Graph *g, int tensor)
{
    for (size_t k = 0; k < g->n_initializer; k++)
        if (weld_skeleton_index(file, g->initializer[k]) == tensor)
            return g->initializer[k]->name;
    for (size_t k = 0; k < g->n_sparse_initializer; k++)
        if (weld_skeleton_index(file, g->sparse_initializer[k]->values) == tensor)
            return g->sparse_initializer[k]->values->name;
    for (size_t n = 0; n < g->n_node; n++)
        for (size_t k = 0; k < g->node[n]->n_attribute; k++) {
            const Weld__Onnx__Attribute *a = g->node[n]->attribute[k];
            const Weld__Onnx__Tensor *t = a->sparse_tensor ? a->sparse_tensor->values : a->t;
            if (g->node[n]->n_output && weld_skeleton_index(file, t) == tensor)
                return g->node[n]->output[0];
        }
    return NULL;
}

/* Is the text somewhere in the file? */
static weld_status occurs(bool *out, const weld_onnx_file *file, const char *text, weld_error *err)
{
    enum { PART_BYTES = 1 << 16 };
    weld_status st = WELD_OK;
    const size_t n = strlen(text);
    weld_cursor in;
    weld_cursor_init(&in, file->ctx, file->source);
    *out = false;
    for (uint64_t at = 0; !*out && at + n <= file->size; at += PART_BYTES - n + 1) {
        const size_t count = file->size - at < PART_BYTES ? (size_t)(file->size - at) : PART_BYTES;
        const unsigned char *bytes = weld_cursor_at(&in, at, count);
        if (!bytes)
            WELD_TRY(weld_cursor_check(&in, err));
        *out = memmem(bytes, count, text, n) != NULL;
    }
done:
    weld_cursor_free(&in);
    return st;
}

/* The start of names that the file has nowhere. */
static weld_status fresh_stem(char *out, size_t size, const weld_onnx_file *file, const char *base,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    bool taken = true;
    int n = snprintf(out, size, "%s.copy", base);
    while (taken) {
        WELD_REQUIRE(n > 0 && (size_t)n + 1 < size, WELD_E_LIMIT,
                     "tensor '%.60s...': its name is too long for a copy", base);
        WELD_TRY(occurs(&taken, file, out, err));
        if (taken)
            n += snprintf(out + n, size - (size_t)n, "_");
    }
done:
    return st;
}

static weld_status add_readers(weld_copies *c, const weld_onnx_file *file,
                               const Weld__Onnx__Graph *g, int tensor, const char *base,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    char stem[1000], name[1024];
    int met = 0;
    WELD_TRY(fresh_stem(stem, sizeof stem, file, base, err));
    for (size_t n = 0; n < g->n_node; n++)
        for (size_t k = 0; k < g->node[n]->n_input; k++) {
            if (strcmp(g->node[n]->input[k], base) != 0 || met++ == 0)
                continue;
            snprintf(name, sizeof name, "%s%d", stem, met - 1);
            WELD_TRY(append_copy(c, tensor, name, err));
            WELD_TRY(append_reader(c, (weld_reader){(int)n, (int)k, (int)c->count}, err));
        }
done:
    return st;
}

static int by_place(const void *a, const void *b)
{
    const weld_reader *x = a, *y = b;
    return x->node != y->node ? (x->node > y->node) - (x->node < y->node)
                              : (x->input > y->input) - (x->input < y->input);
}

weld_status weld_copies_add(bool *added, weld_copies *c, const weld_onnx_file *file, int tensor,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    Weld__Onnx__Model *model = NULL;
    const size_t before = c->count;
    *added = false;
    for (size_t k = 0; k < c->count; k++)
        if (c->copies[k].tensor == tensor)
            return WELD_OK;
    WELD_TRY(weld_skeleton_unpack(&model, file, err));
    const char *name = name_of(file, model->graph, tensor);
    if (name && name[0])
        WELD_TRY(add_readers(c, file, model->graph, tensor, name, err));
    *added = c->count > before;
    if (*added)
        qsort(c->readers, c->reader_count, sizeof c->readers[0], by_place);
done:
    weld_skeleton_free(file, model);
    return st;
}

void weld_copies_join(weld_copies *c, int copy, int with)
{
    for (size_t k = 0; k < c->reader_count; k++)
        if (c->readers[k].copy == copy)
            c->readers[k].copy = with;
}

const char *weld_copies_name(const weld_copies *c, int node, int input)
{
    const weld_reader key = {node, input, 0};
    const weld_reader *r = c && c->reader_count
                               ? bsearch(&key, c->readers, c->reader_count, sizeof key, by_place)
                               : NULL;
    return r && r->copy > 0 ? c->copies[r->copy - 1].name : NULL;
}
