/* Gates: figures of a JSON report against limits. What has just been made and what was saved are judged
 * in the same way, as JSON. To add one: a descriptor in kinds.c, a line in gates.def, and one in
 * src/cli/options.def where it has an option. */
#ifndef WELD_REPORT_GATES_GATES_H
#define WELD_REPORT_GATES_GATES_H
#include "report/report.h"
#include <jansson.h>

/* A figure as the report has it. */
typedef struct weld_gate_figure {
    bool found;
    double value; /* NaN: it is there, but not finite */
} weld_gate_figure;

/* With what the finite number of samples leaves open, on the bad side. */
typedef struct weld_gate_reading {
    weld_gate_figure figure;
    weld_gate_figure bound; /* one-sided, 95 % */
    weld_gate_figure end;   /* of the 95 % interval */
} weld_gate_reading;

typedef struct weld_gate_kind weld_gate_kind;
struct weld_gate_kind {
    const char *id, *option; /* option NULL = only by configuration */
    bool at_most;            /* figure <= limit; else figure >= limit */
    const char *figure;      /* where it lies in the report, for people if `read` is not by path */
    const char *bound;       /* where its one-sided 95 % bound lies, likewise; NULL = it has none */
    const char *interval;    /* where its 95 % interval [low, high] lies if `read` is by path */
    const char *limit; /* where the limit lies that holds unless another is given; NULL = nowhere */
    const char *needs; /* what must be done for the report to have it */
    weld_status (*read)(weld_gate_reading *out, const json_t *report, const weld_gate_kind *kind,
                        weld_error *err);
};

enum {
#define WELD_GATE(name) WELD_GATE_##name,
#include "report/gates/gates.def"
#undef WELD_GATE
    WELD_GATE_COUNT
};

extern const weld_gate_kind *const weld_gate_kinds[WELD_GATE_COUNT];
/* -1 = there is none of this name. */
int weld_gate_find(const char *id);

/* What is asked of one gate. */
typedef struct weld_gate_rule {
    bool named; /* asked for by name: its figure must be there */
    bool bound; /* judge the bound */
    weld_gate_level level;
    double limit; /* NaN = none was given */
} weld_gate_rule;

typedef struct weld_gate_rules {
    weld_gate_rule of[WELD_GATE_COUNT];
} weld_gate_rules;

/* The preset recommended. */
void weld_gate_rules_default(weld_gate_rules *rules);
/* A configuration; `name` is that of its file. */
weld_status weld_gate_rules_read(weld_gate_rules *rules, const json_t *config, const char *name,
                                 weld_error *err);
/* What the options say beside configuration and baseline. */
weld_status weld_gate_rules_take(weld_gate_rules *rules, const weld_gate_options *options,
                                 weld_error *err);

/* Into `out` goes what the rules say of `report`; `name` says which report it is. */
weld_status weld_gates_judge(weld_report *out, const json_t *report, const weld_gate_rules *rules,
                             const char *name, weld_error *err);
/* The same of every figure that an older report has. worse < 0: see weld_gate_options. */
weld_status weld_gates_compare(weld_report *out, const json_t *report, const json_t *older,
                               const weld_gate_options *options, const char *name, weld_error *err);
/* WELD_E_NEGATIVE with the first gate in `out` that failed; `name` as above. */
weld_status weld_gates_result(const weld_report *out, const char *name, weld_error *err);

/* ---- figures -------------------------------------------------------------------------------- */

/* At a path of keys, "llfc.layers": a list, NULL where it is not there. WELD_E_FORMAT for anything else. */
weld_status weld_gate_list(const json_t **out, const json_t *root, const char *path,
                           weld_error *err);
/* The same of a number, or null. */
weld_status weld_gate_number(weld_gate_figure *out, const json_t *root, const char *path,
                             weld_error *err);
#endif
