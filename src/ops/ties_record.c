#include "ops/ties_record.h"
#include <string.h>

void weld_record_mark(weld_ties *t, int x, int a, tie_mark mark)
{
    weld_error *err = &t->error;
    weld_status st = WELD_OK;
    tie_record *r = t->record;
    WELD_GROW(r->marks, r->mark_cap, r->ctx, r->mark_count + 1);
    r->marks[r->mark_count++] = (axis_mark){x, a, mark};
done:
    weld_ties_fail(t, st);
}

static tie_link *add_link(weld_ties *t, const tie_link *link)
{
    weld_error *err = &t->error;
    weld_status st = WELD_OK;
    tie_record *r = t->record;
    WELD_GROW(r->links, r->link_cap, r->ctx, r->link_count + 1);
    r->links[r->link_count] = *link;
    return &r->links[r->link_count++];
done:
    weld_ties_fail(t, st);
    return NULL;
}

void weld_record_axes(weld_ties *t, int x, int a, int y, int b)
{
    add_link(t, &(tie_link){x, a, y, b, NULL});
}

void weld_record_unit(weld_ties *t, int x, int a, int64_t i, int y, int b, int64_t j)
{
    weld_error *err = &t->error;
    weld_status st = WELD_OK;
    tie_record *r = t->record;
    tie_link *last = r->link_count ? &r->links[r->link_count - 1] : NULL;
    if (weld_ties_base(t, x, a) < 0 || weld_ties_base(t, y, b) < 0)
        return;
    const int64_t n = weld_tie_shape(t, x)->dims[a];
    if (!last || !last->to || last->x != x || last->a != a || last->y != y || last->b != b) {
        int32_t *to = NULL;
        WELD_NEW(to, r->ctx, n);
        memset(to, -1, (size_t)n * sizeof *to);
        last = add_link(t, &(tie_link){x, a, y, b, to});
        if (!last)
            weld_free(r->ctx, to);
    }
    if (!last)
        return;
    if (last->to[i] >= 0 && last->to[i] != j) /* in two places: not a plain map */
        weld_record_mark(t, x, a, TIE_PLAIN);
    last->to[i] = (int32_t)j;
done:
    weld_ties_fail(t, st);
}

void weld_record_clear(tie_record *r)
{
    for (size_t k = 0; k < r->link_count; k++)
        weld_free(r->ctx, r->links[k].to);
    weld_free(r->ctx, r->links);
    weld_free(r->ctx, r->marks);
}

bool weld_record_has_mark(const tie_record *r, int value, int axis, tie_mark mark)
{
    for (size_t k = 0; k < r->mark_count; k++)
        if (r->marks[k].value == value && r->marks[k].axis == axis && r->marks[k].marks & mark)
            return true;
    return false;
}
