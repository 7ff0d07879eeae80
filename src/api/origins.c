/* Where the values of parameters come from while nobody holds them. A set made here keeps alive what it
 * draws from, and its graph. */
#include "api/objects.h"
#include <string.h>

typedef struct draw {
    weld_structure *structure;  /* whose graph the set is over; of a file: where its values are */
    weld_paramset *from, *with; /* NULL = none */
    int *map;                   /* [param_count] number in `from`; of `with` where it is -1 */
    bool *whole;                /* [param_count] canonical elements only, as a whole */
    weld_symmetry *symmetry;    /* of the element */
    weld_element *element;
} draw;

static void free_draw(void *user)
{
    draw *d = user;
    weld_context *ctx = d->structure->ctx;
    weld_paramset_free(d->from);
    weld_paramset_free(d->with);
    weld_element_free(d->element);
    weld_symmetry_free(d->symmetry);
    weld_free(ctx, d->map);
    weld_free(ctx, d->whole);
    weld_structure *structure = d->structure;
    weld_free(ctx, d);
    weld_structure_release(structure);
}

static weld_status new_draw(draw **out, weld_structure *structure, weld_paramset *from,
                            weld_paramset *with, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_NEW(*out, structure->ctx, 1);
    (*out)->structure = weld_structure_retain(structure);
    (*out)->from = from ? weld_paramset_retain(from) : NULL;
    (*out)->with = with ? weld_paramset_retain(with) : NULL;
done:
    return st;
}

static const weld_param *param_of(const draw *d, int p)
{
    return &d->structure->graph->params[p];
}

/* ---- a file ------------------------------------------------------------------------------- */

static weld_status read_file(void *out, void *user, int p, weld_order order, size_t first,
                             size_t count, weld_error *err)
{
    const weld_structure *s = ((const draw *)user)->structure;
    return weld_onnx_read_param(out, s->file, &s->graph->params[p], &s->homes[p], order, first,
                                count, err);
}

static bool file_in_parts(const void *user, int p, weld_order order)
{
    const weld_structure *s = ((const draw *)user)->structure;
    return weld_onnx_param_in_parts(s->file, &s->graph->params[p], &s->homes[p], order);
}

weld_status weld_params_of_file(weld_paramset **out, weld_structure *s, weld_error *err)
{
    weld_status st = WELD_OK;
    draw *d = NULL;
    *out = NULL;
    for (int p = 0; p < s->graph->param_count; p++)
        WELD_TRY(weld_onnx_check_tensor(s->file, s->homes[p].tensor, err));
    WELD_TRY(new_draw(&d, s, NULL, NULL, err));
    const weld_origin origin = {read_file, file_in_parts, free_draw, d};
    st = weld_paramset_from(out, s->ctx, s->graph, &origin, err);
done:
    return st;
}

/* ---- another model's, in the places of this one ------------------------------------------- */

static weld_status read_frame(void *out, void *user, int p, weld_order order, size_t first,
                              size_t count, weld_error *err)
{
    const draw *d = user;
    const weld_paramset *set = d->map[p] < 0 ? d->with : d->from;
    const int q = d->map[p] < 0 ? p : d->map[p];
    const weld_dtype to = param_of(d, p)->dtype, from = set ? set->graph->params[q].dtype : to;
    weld_status st = WELD_OK;
    void *read = NULL;
    if (!set) {
        memset(out, 0, count * weld_compute_size(to));
        return WELD_OK;
    }
    if (weld_compute_size(from) == weld_compute_size(to))
        return weld_paramset_read(out, set, q, order, first, count, err);
    WELD_REQUIRE((read = weld_alloc(set->ctx, count, weld_compute_size(from))), WELD_E_NOMEM,
                 "no memory for %zu elements", count);
    WELD_TRY(weld_paramset_read(read, set, q, order, first, count, err));
    weld_convert_reals(out, to, read, from, count);
done:
    weld_free(set->ctx, read);
    return st;
}

static bool frame_in_parts(const void *user, int p, weld_order order)
{
    const draw *d = user;
    if (d->map[p] < 0)
        return !d->with || weld_paramset_in_parts(d->with, p, order);
    return !(order == WELD_STORED && d->whole[p]) &&
           weld_paramset_in_parts(d->from, d->map[p], order);
}

weld_status weld_params_in_frame(weld_paramset **out, weld_structure *to, weld_paramset *from,
                                 const weld_home *from_homes, const int *map, weld_paramset *others,
                                 weld_error *err)
{
    weld_status st = WELD_OK;
    const int count = to->graph->param_count;
    draw *d = NULL;
    *out = NULL;
    WELD_TRY(new_draw(&d, to, from, others, err));
    WELD_NEW(d->map, to->ctx, count);
    WELD_NEW(d->whole, to->ctx, count);
    for (int p = 0; p < count; p++) {
        d->map[p] = map[p];
        d->whole[p] = map[p] >= 0 && !weld_homes_alike(&to->homes[p], &from_homes[map[p]]);
    }
    const weld_origin origin = {read_frame, frame_in_parts, free_draw, d};
    return weld_paramset_from(out, to->ctx, to->graph, &origin, err);
done:
    if (d)
        free_draw(d);
    return st;
}

/* ---- permuted ----------------------------------------------------------------------------- */

static weld_status read_permuted(void *out, void *user, int p, weld_order order, size_t first,
                                 size_t count, weld_error *err)
{
    const draw *d = user;
    weld_status st = WELD_OK;
    const size_t n = weld_param_numel(d->structure->graph, p);
    const size_t size = weld_compute_size(param_of(d, p)->dtype);
    char *before = NULL, *after = NULL;
    if (!d->whole[p])
        return weld_paramset_read(out, d->from, p, order, first, count, err);
    const bool all = first == 0 && count == n;
    const void *in = d->from->arrays[p];
    if (!in) {
        WELD_NEW(before, d->from->ctx, n * size);
        WELD_TRY(weld_paramset_read(before, d->from, p, WELD_CANONICAL, 0, n, err));
        in = before;
    }
    if (!all)
        WELD_NEW(after, d->from->ctx, n * size);
    WELD_TRY(weld_element_permute(all ? out : after, d->element, p, in, size, err));
    if (!all)
        memcpy(out, after + first * size, count * size);
done:
    weld_free(d->from->ctx, before);
    weld_free(d->from->ctx, after);
    return st;
}

static bool permuted_in_parts(const void *user, int p, weld_order order)
{
    const draw *d = user;
    return !d->whole[p] && weld_paramset_in_parts(d->from, p, order);
}

weld_status weld_params_permuted(weld_paramset **out, weld_structure *structure,
                                 weld_paramset *from, weld_symmetry *symmetry,
                                 const weld_element *element, weld_error *err)
{
    weld_status st = WELD_OK;
    draw *d = NULL;
    *out = NULL;
    WELD_TRY(new_draw(&d, structure, from, NULL, err));
    WELD_NEW(d->whole, structure->ctx, structure->graph->param_count);
    d->symmetry = weld_symmetry_retain(symmetry);
    WELD_TRY(weld_element_identity(&d->element, symmetry, err));
    weld_element_copy(d->element, element);
    weld_element_moves(d->whole, d->element);
    const weld_origin origin = {read_permuted, permuted_in_parts, free_draw, d};
    return weld_paramset_from(out, structure->ctx, structure->graph, &origin, err);
done:
    if (d)
        free_draw(d);
    return st;
}
