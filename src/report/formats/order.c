#include "report/formats/order.h"
#include <math.h>
#include <string.h>

/* How far a layer is from linear. */
static double defect(const weld_report_llfc *l, size_t layer, size_t at)
{
    const double mean = l->layers[layer].variant[WELD_REPORT_ALIGNED].one_minus_cos[at].mean;
    return isfinite(mean) ? mean : -1;
}

size_t weld_order_worst_first(size_t *order, size_t max, const weld_report_llfc *l, size_t at)
{
    size_t count = 0;
    for (size_t i = 0; i < l->layer_count && max; i++) {
        size_t k = count < max ? count++ : max - 1;
        if (k == max - 1 && i >= max && defect(l, order[k], at) >= defect(l, i, at))
            continue;
        for (; k && defect(l, order[k - 1], at) < defect(l, i, at); k--)
            order[k] = order[k - 1];
        order[k] = i;
    }
    return count;
}

static const char *name_of(const weld_report_llfc *l, size_t layer)
{
    return l->layers[layer].name ? l->layers[layer].name : "";
}

/* Where the path's next part ends; 0 = it is the last one. */
static size_t part_end(const char *name, size_t from)
{
    const size_t slash = from + strspn(name + from, "/"), end = slash + strcspn(name + slash, "/.");
    return name[end] ? end : 0;
}

/* How much all paths share, in whole parts. */
static size_t shared_prefix(const weld_report_llfc *l, const size_t *order, size_t count)
{
    const char *path = NULL;
    size_t shared = 0;
    for (size_t k = 0; k < count; k++) {
        const char *name = name_of(l, order[k]);
        size_t same = 0, end = 0;
        if (!part_end(name, 0))
            continue;
        while (path && name[same] && name[same] == path[same])
            same++;
        for (size_t next = part_end(name, 0); next && next < same; next = part_end(name, end))
            end = next + 1;
        shared = !path ? strlen(name) : end < shared ? end : shared;
        path = path ? path : name;
    }
    return shared;
}

/* Length of the block's name; 0 = the layer is of none. */
static size_t block_length(const char *name, size_t shared)
{
    return shared < strlen(name) && part_end(name, 0) ? part_end(name, shared) : 0;
}

static weld_block block_of(const weld_report_llfc *l, size_t layer, const size_t *order,
                           size_t count, size_t shared)
{
    const char *name = name_of(l, layer);
    const size_t length = block_length(name, shared);
    size_t members = 0, first = layer;
    for (size_t k = 0; k < count && length; k++) {
        const char *other = name_of(l, order[k]);
        if (block_length(other, shared) != length || memcmp(other, name, length) != 0)
            continue;
        members++;
        first = order[k] < first ? order[k] : first;
    }
    return members > 1 && members < count ? (weld_block){first, length}
                                          : (weld_block){l->layer_count, 0};
}

void weld_order_by_block(size_t *order, weld_block *block, size_t count, const weld_report_llfc *l)
{
    const size_t shared = shared_prefix(l, order, count);
    for (size_t k = 0; k < count; k++)
        block[k] = block_of(l, order[k], order, count, shared);
    for (size_t i = 1; i < count; i++) { /* equal ones stay as they are */
        const size_t layer = order[i];
        const weld_block of = block[i];
        size_t k = i;
        for (; k && block[k - 1].first > of.first; k--) {
            order[k] = order[k - 1];
            block[k] = block[k - 1];
        }
        order[k] = layer;
        block[k] = of;
    }
}
