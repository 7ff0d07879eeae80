#include "onnx/sparse.h"
#include <inttypes.h>
#include <string.h>

weld_status weld_sparse_note(weld_onnx_file *file, const Weld__Onnx__SparseTensor *sparse,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    weld_sparse *note;
    WELD_REQUIRE(sparse->values && sparse->indices, WELD_E_FORMAT,
                 "a sparse tensor lacks its values or its indices");
    const int values = weld_skeleton_index(file, sparse->values);
    weld_tensor_meta *meta = &file->tensors[values];
    WELD_REQUIRE(sparse->n_dims >= 1 && sparse->n_dims <= WELD_RANK_MAX, WELD_E_LIMIT,
                 "sparse tensor '%s' has rank %zu, allowed 1 to %d", meta->name, sparse->n_dims,
                 WELD_RANK_MAX);
    WELD_ARENA_NEW(note, &file->arena, 1);
    note->indices = weld_skeleton_index(file, sparse->indices);
    note->shape = weld_shape_make((int)sparse->n_dims, sparse->dims);
    WELD_TRY(weld_shape_check(file->ctx, &note->shape, meta->name, err));
    const weld_tensor_meta *at = &file->tensors[note->indices];
    const int64_t n = weld_shape_numel(&meta->shape);
    const bool fits = at->shape.rank >= 1 && at->shape.rank <= 2 && at->shape.dims[0] == n &&
                      (at->shape.rank == 1 || at->shape.dims[1] == note->shape.rank);
    WELD_REQUIRE(at->dtype == WELD_INT64 && meta->shape.rank == 1 && fits, WELD_E_FORMAT,
                 "sparse tensor '%s': values and indices do not fit", meta->name);
    meta->sparse = note;
done:
    return st;
}

/* Places in the dense tensor of all stored values: places [n], freed with weld_free. */
static weld_status read_places(int64_t **places, int64_t *count, const weld_onnx_file *file,
                               int tensor, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_sparse *sparse = file->tensors[tensor].sparse;
    weld_tensor indices = {0};
    int64_t strides[WELD_RANK_MAX];
    weld_strides(strides, &sparse->shape);
    *places = NULL;
    *count = weld_shape_numel(&file->tensors[tensor].shape);
    WELD_TRY(weld_onnx_read_tensor(&indices, file, sparse->indices, err));
    WELD_NEW(*places, file->ctx, *count);
    const int each = indices.shape.rank == 2 ? sparse->shape.rank : 1;
    const int64_t total = weld_shape_numel(&sparse->shape);
    for (int64_t k = 0; k < *count; k++)
        for (int a = 0; a < each; a++) {
            const int64_t i = indices.i[k * each + a];
            const int64_t limit = each == 1 && indices.shape.rank == 1 ? total
                                                                       : sparse->shape.dims[a];
            WELD_REQUIRE(i >= 0 && i < limit, WELD_E_FORMAT,
                         "sparse tensor '%s' has an index %" PRId64 ", allowed 0 to %" PRId64,
                         file->tensors[tensor].name, i, limit - 1);
            (*places)[k] += indices.shape.rank == 1 ? i : i * strides[a];
        }
done:
    weld_tensor_free(file->ctx, &indices);
    if (st != WELD_OK) {
        weld_free(file->ctx, *places);
        *places = NULL;
    }
    return st;
}

weld_status weld_sparse_expand(weld_tensor *t, const weld_onnx_file *file, int tensor,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    weld_tensor dense = {0};
    int64_t *places = NULL, count;
    const size_t size = weld_compute_size(t->dtype);
    WELD_TRY(read_places(&places, &count, file, tensor, err));
    WELD_TRY(
        weld_tensor_create(&dense, file->ctx, t->dtype, &file->tensors[tensor].sparse->shape, err));
    for (int64_t k = 0; k < count; k++)
        memcpy((char *)dense.data + (size_t)places[k] * size,
               (const char *)t->data + (size_t)k * size, size);
    weld_tensor_free(file->ctx, t);
    *t = dense;
done:
    weld_free(file->ctx, places);
    return st;
}

weld_status weld_sparse_compress(void *values, const weld_onnx_file *file, int tensor,
                                 weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor_meta *meta = &file->tensors[tensor];
    const size_t size = weld_compute_size(meta->dtype);
    const int64_t total = weld_shape_numel(&meta->sparse->shape);
    int64_t *places = NULL, count;
    char *kept = NULL;
    bool *inside = NULL;
    const weld_tensor dense = {.dtype = meta->dtype, .data = values};
    WELD_TRY(read_places(&places, &count, file, tensor, err));
    WELD_NEW(inside, file->ctx, total);
    WELD_NEW(kept, file->ctx, (size_t)count * size);
    for (int64_t k = 0; k < count; k++) {
        inside[places[k]] = true;
        memcpy(kept + (size_t)k * size, (const char *)values + (size_t)places[k] * size, size);
    }
    for (int64_t k = 0; k < total; k++)
        WELD_REQUIRE(inside[k] || weld_tensor_number(&dense, k) == 0, WELD_E_UNSUPPORTED,
                     "tensor '%s' is stored sparse, and the merged one is not 0 outside its "
                     "pattern: store it dense first",
                     meta->name);
    if (count)
        memcpy(values, kept, (size_t)count * size);
done:
    weld_free(file->ctx, places);
    weld_free(file->ctx, inside);
    weld_free(file->ctx, kept);
    return st;
}
