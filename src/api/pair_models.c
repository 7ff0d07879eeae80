/* Two files of one network may have been written in different ways. They are paired as they are, and
 * where that fails read anew: tensors that A stores once and B apart are read apart in A, and where
 * one of the two lost its BatchNormalizations both are read with those folded. */
#include "api/objects.h"
#include "ops/op.h"
#include <string.h>

typedef struct attempt {
    const weld_model *given[2], *now[2]; /* A and B; now: given or reread */
    weld_model *reread[2];
    weld_copies *copies; /* of A; NULL = none yet */
    bool fold_norms;
    weld_pairing *pairing; /* of now[] */
} attempt;

static bool norms_differ(const weld_model *const m[2])
{
    int count[2] = {0, 0};
    for (int k = 0; k < 2; k++) {
        const weld_graph *g = m[k]->structure->graph;
        for (int n = 0; n < g->node_count; n++)
            count[k] += g->nodes[n].op->statistic_inputs != 0;
    }
    return count[0] != count[1];
}

static weld_status read_anew(attempt *t, int side, weld_error *err)
{
    const weld_structure *s = t->given[side]->structure;
    const weld_reading reading = {.freeze = s->reading.freeze,
                                  .fold_norms = t->fold_norms,
                                  .loss_output = s->reading.loss_output,
                                  .copies = side == 0 ? t->copies : NULL};
    weld_model_free(t->reread[side]);
    t->reread[side] = NULL;
    weld_status st = weld_model_read(&t->reread[side], s->file, &reading, err);
    t->now[side] = t->reread[side];
    return st;
}

/* ---- tensors that A shares ------------------------------------------------------------ */

/* The readers of A's parameter's tensor get copies. */
static weld_status read_apart(bool *changed, attempt *t, int param, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_structure *s = t->now[0]->structure;
    bool added;
    if (!t->copies)
        WELD_TRY(weld_copies_create(&t->copies, s->ctx, NULL, err));
    WELD_TRY(weld_copies_add(&added, t->copies, s->file, s->homes[param].tensor, err));
    *changed = *changed || added;
done:
    return st;
}

static weld_status part_torn(bool *changed, attempt *t, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int p = 0; p < t->now[0]->structure->graph->param_count; p++)
        if (t->pairing->torn[p])
            WELD_TRY(read_apart(changed, t, p, err));
done:
    return st;
}

static bool is_folded(const weld_home *home)
{
    for (int k = 0; k < home->step_count; k++)
        if (home->steps[k].kind == WELD_VIEW_FOLD)
            return true;
    return false;
}

/* What A has in one place although it is several parameters (their BatchNormalizations share a vector)
 * is read apart; copies that turned out to be one parameter in B as well are one again. */
static weld_status settle(bool *changed, attempt *t, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = t->now[0]->structure->graph;
    const weld_home *homes = t->now[0]->structure->homes;
    int *first = NULL; /* [tensor_count] parameters of one tensor in a list, 1 + index; 0 = none */
    int *next = NULL;  /* [param_count] */
    WELD_NEW(first, g->arena.ctx, t->now[0]->structure->file->scan->tensor_count);
    WELD_NEW(next, g->arena.ctx, g->param_count);
    for (int p = 0; p < g->param_count; p++) {
        for (int q = first[homes[p].tensor]; q; q = next[q - 1]) {
            const weld_home *other = &homes[q - 1];
            if (homes[p].copy == other->copy) {
                WELD_TRY(read_apart(changed, t, p, err));
                break;
            }
            if (t->pairing->param_of[p] == t->pairing->param_of[q - 1] && !is_folded(&homes[p]) &&
                !is_folded(other)) {
                const int a = homes[p].copy, b = other->copy;
                weld_copies_join(t->copies, a > b ? a : b, a > b ? b : a);
                *changed = true;
            }
        }
        next[p] = first[homes[p].tensor];
        first[homes[p].tensor] = p + 1;
    }
done:
    weld_free(g->arena.ctx, first);
    weld_free(g->arena.ctx, next);
    return st;
}

/* ---- attempts ----------------------------------------------------------------------------- */

/* Another way to read the files, where there is one: *changed. */
static weld_status next_way(bool *changed, attempt *t, weld_error *err)
{
    weld_status st = WELD_OK;
    *changed = false;
    if (t->pairing->difference_count == 0) {
        WELD_TRY(settle(changed, t, err));
        if (*changed)
            WELD_TRY(read_anew(t, 0, err));
        goto done;
    }
    WELD_TRY(part_torn(changed, t, err));
    if (*changed) {
        WELD_TRY(read_anew(t, 0, err));
    } else if (!t->fold_norms && norms_differ(t->now)) {
        *changed = t->fold_norms = true;
        WELD_TRY(read_anew(t, 0, err));
        WELD_TRY(read_anew(t, 1, err));
    }
done:
    return st;
}

static void drop_reread(attempt *t)
{
    for (int k = 0; k < 2; k++) {
        weld_model_free(t->reread[k]);
        t->reread[k] = NULL;
    }
}

weld_status weld_pair_models(weld_pairing **out, weld_model *reread[2], const weld_model *a,
                             const weld_model *b, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = a->ctx;
    weld_pairing *plain = NULL;
    attempt t = {.given = {a, b}, .now = {a, b}};
    *out = NULL;
    reread[0] = reread[1] = NULL;
    for (bool again = true; again;) {
        WELD_TRY(weld_pair_graphs(&t.pairing, ctx, t.now[0]->structure->graph,
                                  t.now[1]->structure->graph, err));
        WELD_TRY(next_way(&again, &t, err));
        if (!again)
            break;
        weld_pairing_free(plain ? t.pairing : NULL);
        plain = plain ? plain : t.pairing;
        t.pairing = NULL;
    }
    if (t.pairing->difference_count && plain) { /* nothing helped: the differences as they are */
        drop_reread(&t);
        weld_pairing_free(t.pairing);
        t.pairing = plain;
        plain = NULL;
    }
    memcpy(reread, t.reread, sizeof t.reread);
    memset(t.reread, 0, sizeof t.reread);
    *out = t.pairing;
    t.pairing = NULL;
done:
    drop_reread(&t);
    weld_copies_free(t.copies);
    weld_pairing_free(t.pairing);
    weld_pairing_free(plain);
    return st;
}

weld_status weld_report_rereading(weld_report *report, weld_model *const reread[2], weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_reading *a = reread[0] ? &reread[0]->structure->reading : NULL;
    if (a && a->fold_norms)
        WELD_TRY(
            weld_report_warn(report, err, "W010",
                             "BatchNormalization is folded in one of the two: aligned, compared "
                             "and merged as folded weights, written in A's structure"));
    if (a && a->copies)
        WELD_TRY(weld_report_warn(
            report, err, "W012",
            "A stores one tensor for layers that B has apart ('%s'): they are "
            "read apart, and written apart where they differ",
            reread[0]->structure->file->tensors[a->copies->copies[0].tensor].name));
done:
    return st;
}
