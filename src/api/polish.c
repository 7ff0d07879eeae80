/* --polish: two units of a narrow class change places as long as that lowers the loss of the merge at
 * one half on labelled matching data. */
#include "api/objects.h"
#include "eval/replay.h"
#include "match/score.h"

enum { WIDTH_MAX = 64, SAMPLES_MAX = 2000, SWEEPS_MAX = 3, CHUNKS = 8 };
static const double gain_min = 1e-9; /* of the loss: less may be rounding */

typedef struct polisher {
    weld_alignment *al;
    weld_polish *out;
    weld_paramset *merged;
    weld_replay *replay;
    double loss, until; /* until: the clock when time is out */
    int valid;          /* what steps before it computed is that of al->element */
} polisher;

static weld_status merge(polisher *p, weld_error *err)
{
    weld_status st = weld_element_apply(p->al->aligned, p->al->element, p->al->naive, err);
    if (st == WELD_OK)
        weld_paramset_lerp(p->merged, p->al->a->params, p->al->aligned, 0.5);
    return st;
}

/* Units i and j of class c, with the blocks of other classes that move along with them. */
static void swap(weld_element *e, int c, int32_t i, int32_t j)
{
    const int32_t was = e->perms[c][i];
    e->perms[c][i] = e->perms[c][j];
    e->perms[c][j] = was;
    for (int k = c + 1; k < e->symmetry->free_count; k++) {
        const int32_t block = e->symmetry->classes[k].block;
        for (int32_t u = 0; e->symmetry->classes[k].parent == c && u < block; u++)
            swap(e, k, i * block + u, j * block + u);
    }
}

/* The first step that reads a parameter of the class, or of one that moves along with it. */
static int first_step(const polisher *p, int c)
{
    const weld_symmetry *s = p->al->symmetry;
    const weld_class *k = &s->classes[c];
    int first = weld_replay_steps(p->replay);
    for (int m = 0; m < k->member_count + k->joint_count; m++) {
        const int step = weld_replay_step_of(p->replay, m < k->member_count
                                                            ? k->members[m].param
                                                            : k->joints[m - k->member_count].param);
        first = step < first ? step : first;
    }
    for (int d = c + 1; d < s->free_count; d++) {
        const int step = s->classes[d].parent == c ? first_step(p, d) : first;
        first = step < first ? step : first;
    }
    return first;
}

/* Keeps the swap if it is worth it. `first`: the step where the class first counts. */
static weld_status try_swap(polisher *p, int c, const int32_t units[2], int first, weld_error *err)
{
    weld_status st = WELD_OK;
    double loss;
    swap(p->al->element, c, units[0], units[1]);
    WELD_TRY(merge(p, err));
    WELD_TRY(weld_replay_loss(&loss, p->replay, first < p->valid ? first : p->valid, err));
    p->out->tried++;
    if (loss < p->loss * (1 - gain_min)) {
        p->loss = loss;
        p->valid = weld_replay_steps(p->replay);
        p->out->kept++;
    } else {
        swap(p->al->element, c, units[0], units[1]);
        p->valid = first;
    }
    p->out->out_of_time = weld_clock() > p->until;
done:
    return st;
}

static weld_status polish_class(polisher *p, int c, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_class *k = &p->al->symmetry->classes[c];
    const int first = first_step(p, c);
    for (int32_t i = 0; i < k->size; i++) {
        const int32_t end = i - i % k->block + k->block; /* of the block in which it may move */
        for (int32_t j = i + 1; j < end && !p->out->out_of_time; j++)
            WELD_TRY(try_swap(p, c, (const int32_t[]){i, j}, first, err));
        WELD_TRY(weld_progress(p->al->ctx, "polish", (double)i / k->size, err));
    }
done:
    return st;
}

static weld_status sweep(polisher *p, weld_error *err)
{
    weld_status st = WELD_OK;
    int64_t kept = -1;
    while (p->out->sweeps < SWEEPS_MAX && p->out->kept != kept && !p->out->out_of_time) {
        kept = p->out->kept;
        for (int c = 0; c < p->al->symmetry->free_count; c++)
            if (p->al->symmetry->classes[c].size <= WIDTH_MAX)
                WELD_TRY(polish_class(p, c, err));
        p->out->sweeps++;
    }
done:
    return st;
}

/* The weight objective of what came out. */
static weld_status score(weld_alignment *al, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_scores *scores = NULL;
    WELD_TRY(weld_scores_create(&scores, al->symmetry, al->a->params, al->naive, err));
    WELD_TRY(weld_scores_objective(&al->objective[1], scores, al->element, -1, err));
done:
    weld_scores_free(scores);
    return st;
}

weld_status weld_polish_alignment(weld_alignment *al, const weld_dataset *data, double seconds,
                                  weld_error *err)
{
    weld_status st = WELD_OK;
    weld_shapes *shapes = NULL;
    polisher p = {.al = al, .out = &al->polish, .until = weld_clock() + seconds};
    WELD_REQUIRE(data && weld_dataset_has_truth(data), WELD_E_ARGUMENT,
                 "polishing needs matching data with labels");
    const int64_t samples = data->count < SAMPLES_MAX ? data->count : SAMPLES_MAX;
    al->polish = (weld_polish){.present = true, .samples = samples, .seconds = seconds};
    for (int c = 0; c < al->symmetry->free_count; c++)
        al->polish.wide += al->symmetry->classes[c].size > WIDTH_MAX;
    WELD_TRY(
        weld_structure_shapes(&shapes, al->a->structure, (samples + CHUNKS - 1) / CHUNKS, err));
    WELD_TRY(weld_paramset_copy(&p.merged, al->naive, err));
    WELD_TRY(weld_replay_create(&p.replay, shapes, p.merged, data, samples, err));
    WELD_TRY(merge(&p, err));
    WELD_TRY(weld_replay_loss(&p.loss, p.replay, 0, err));
    p.valid = weld_replay_steps(p.replay);
    al->polish.loss[0] = p.loss;
    WELD_TRY(sweep(&p, err));
    al->polish.loss[1] = p.loss;
    WELD_TRY(weld_element_apply(al->aligned, al->element, al->naive, err));
    WELD_TRY(score(al, err));
done:
    weld_replay_free(p.replay);
    weld_paramset_free(p.merged);
    weld_shapes_free(shapes);
    return st;
}
