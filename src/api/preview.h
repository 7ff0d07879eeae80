/* A run in the making that is only foreseen: api/preview.c refuses what it would refuse, api/preview_stages.c
 * lists what it would do. */
#ifndef WELD_API_PREVIEW_H
#define WELD_API_PREVIEW_H
#include "api/rates.h"

typedef struct weld_foreseen {
    const weld_model *a, *b;
    const weld_preview_options *o;
    const weld_align_options *align;
    weld_alignment *al;
    weld_way way;
    weld_pair_input wish; /* data NULL: nothing is measured */
    weld_shapes *shapes;  /* of the wish */
    weld_rates rates;
    weld_report *report;
    size_t held, most; /* bytes: in use when it begins; that a stage adds to these */
    int models;        /* all that are merged */
    int times;         /* that what is listed is done: with each of the others */
} weld_foreseen;

/* The steps of all stages, once there are rates; p->most. */
weld_status weld_preview_stages(weld_foreseen *p, weld_error *err);
#endif
