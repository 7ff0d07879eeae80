/* The graph of a vector as if it stood inside a network: its inputs are hidden values that may be
 * permuted, and so are its outputs. Nothing is pinned but by the operators themselves. */
#ifndef WELD_TESTS_OPS_TRIAL_H
#define WELD_TESTS_OPS_TRIAL_H
#include "exec/plan.h"
#include "symmetry/group.h"

/* What the vector holds, in either form of its graph. */
typedef struct trial_source {
    weld_context *ctx;
    const weld_graph *graph;
    const weld_paramset *params;
    const weld_tensor *const *inputs; /* [input_count] */
} trial_source;

/* How the network around gives the inputs. Those that decide shapes are constants anyway. */
typedef struct trial_kind {
    bool shared; /* hidden ones are read by others, too: they are no weights of this node */
    bool known;  /* integers and bools are constants */
    int only;    /* all are constants but this one; -1 = none is for that reason */
    bool filled; /* those that are floating hold one number each */
} trial_kind;

typedef struct trial {
    weld_context *ctx;
    trial_source source;
    /* The source's inputs are parameters, or constants where their contents are needed. Each output is
     * added to another parameter, its target, which is then permuted as the output has to be. */
    weld_graph graph;
    int node_count; /* without the sums of outputs and targets */
    int *target;    /* [source output_count] parameter; -1 = a known output, which must stay */
    weld_tensor *constants; /* [source input_count] */
    weld_shapes *shapes;
    weld_plan *plan;
    weld_run *run;
    weld_paramset *params, *moved;
    weld_symmetry *symmetry;
} trial;

/* WELD_E_UNSUPPORTED: shapes depend on contents that are hidden in this kind. */
weld_status trial_create(trial **out, const trial_source *source, trial_kind kind, weld_error *err);
/* A random element permutes the inputs; the outputs must be permuted by it, or WELD_E_NEGATIVE. */
weld_status trial_run(trial *t, uint64_t seed, weld_error *err);
void trial_free(trial *t);
/* Does the parameter's axis move; else *why: the reason that the rule gives, or NULL = positions. */
bool trial_axis_moves(const trial *t, int param, int axis, const char **why);
#endif
