/* The canonical graph: immutable once finished, topological, indices instead of pointers. It holds
 * no weights, no protobuf types and no layout of the file; A, B and every merged model share it. */
#ifndef WELD_IR_GRAPH_H
#define WELD_IR_GRAPH_H
#include "core/arena.h"
#include "tensor/tensor.h"

struct weld_op;

typedef enum weld_value_kind {
    WELD_VALUE_INPUT, /* of the graph; dims may be symbolic */
    WELD_VALUE_PARAM, /* a floating-point weight */
    WELD_VALUE_CONST, /* known when shapes are inferred: integers, static inputs of operators */
    WELD_VALUE_NODE   /* made by a node */
} weld_value_kind;

typedef struct weld_value {
    const char *name; /* as in the file; unique */
    weld_value_kind kind;
    weld_dtype dtype;            /* declared or stored; of NODE: as inferred, else UNDEFINED */
    int rank;                    /* -1 = not declared, and not inferred yet */
    int64_t dims[WELD_RANK_MAX]; /* -1 = symbolic; of NODE: differs with the size of the input */
    int symbol[WELD_RANK_MAX];   /* INPUT: index of the graph's symbol of a symbolic axis */
    bool zero;                   /* PARAM: all elements are 0 (looked at in small ones only) */
    int producer;                /* node index, NODE only; else -1 */
    int param;                   /* param index, PARAM only; else -1 */
    const weld_tensor *data;     /* CONST; of a PARAM with one element: what the file holds */
} weld_value;

/* A size that the file leaves open, by its name there ("" = it has none). */
typedef struct weld_symbol {
    const char *name;
    int64_t size; /* one that works, 0 = none known: for when no data say what it is */
    bool batch;   /* it is that of axis 0 of the first input, whatever it is called */
} weld_symbol;

typedef struct weld_node {
    const struct weld_op *op;
    int opset;        /* of the operator's domain, as imported */
    const char *name; /* for people: the file's, or made from the first output */
    int input_count, output_count;
    int *inputs;  /* value indices, -1 = left out */
    int *outputs; /* value indices, -1 = left out */
    void *attrs;  /* op->attrs_size bytes, zero-padded: equal attributes have equal bytes */
    bool dead;    /* only in a draft: dropped by weld_draft_finish */
    int next;     /* only in a draft: list of nodes to drop */
} weld_node;

/* How a stored tensor becomes a canonical parameter: steps in order, each with an inverse. */
typedef enum weld_view_kind {
    WELD_VIEW_TRANSPOSE,
    WELD_VIEW_RESHAPE,
    WELD_VIEW_FOLD
} weld_view_kind;
typedef struct weld_view_step {
    weld_view_kind kind;
    int perm[WELD_RANK_MAX]; /* TRANSPOSE: out axis k is in axis perm[k] */
    weld_shape in, out;
    const struct weld_fold *fold; /* FOLD */
} weld_view_step;

enum { WELD_VIEW_STEPS_MAX = 8 };
/* Where a parameter is stored: an index of the file's tensor table, and the way there. */
typedef struct weld_home {
    int tensor;
    int copy; /* 0 = there; k > 0: in copy k of the tensor, which only an export makes */
    int step_count;
    weld_view_step steps[WELD_VIEW_STEPS_MAX];
} weld_home;

/* A BatchNormalization that is part of the layer before it: factor = scale / sqrt(variance +
 * epsilon) for each unit. The weight is W factor; the shift becomes the bias of the layer, shift +
 * (bias - mean) factor. The vectors stay in the file: [units] each. */
typedef struct weld_fold {
    weld_home scale, mean, variance, bias;
    bool has_bias, of_shift; /* of_shift: this is the home of the bias */
    int axis;                /* of the units in the weight */
    int64_t units;
    double epsilon;
} weld_fold;
/* The fold for given vectors [units]; `offset` is 0 for weights. */
typedef struct weld_affine {
    const double *factor, *offset;
} weld_affine;

typedef struct weld_param {
    int value;
    const char *name;
    weld_dtype dtype; /* as stored */
    weld_shape shape; /* canonical */
} weld_param;

typedef struct weld_graph {
    weld_arena arena;
    weld_value *values;
    weld_node *nodes;
    weld_param *params;
    int *inputs, *outputs; /* value indices */
    int loss_output;       /* the one, of outputs[], that losses are of */
    weld_symbol *symbols;  /* [symbol_count] */
    int symbol_count;
    int value_count, node_count, param_count, input_count, output_count;
    int **consumers; /* [value_count] node indices, ascending, each once */
    int *consumer_count;
    const char **log; /* what the passes did, for the report */
    int log_count;
} weld_graph;

/* How an input or output of graph A stands in graph B: B's number `index` holds the elements of
 * A's, transposed by perm where it is turned, and in B's shape. */
typedef struct weld_port {
    int index; /* -1 = B has none */
    bool turned;
    int perm[WELD_RANK_MAX]; /* axis k of B's is axis perm[k] of A's */
} weld_port;

void weld_graph_free(weld_context *ctx, weld_graph *graph);
bool weld_graph_is_output(const weld_graph *graph, int value);
/* Axis 0 of input k is the batch, as axis 0 of the first input is; `joined` false takes that back. Returns
 * whether the file has names for both that differ. */
bool weld_graph_join_batch(const weld_graph *graph, int k, bool joined);
/* The value index of input slot i of a node, -1 when left out or beyond the end. */
static inline int weld_node_input(const weld_node *node, int i)
{
    return i < node->input_count ? node->inputs[i] : -1;
}
/* The parameter that is input i of a node, -1 when none is. */
static inline int weld_param_at(const weld_graph *graph, const weld_node *node, int i)
{
    const int value = weld_node_input(node, i);
    return value >= 0 ? graph->values[value].param : -1;
}

/* A graph under construction: what the importer fills and the passes of canon/ edit. Uses of values
 * are counted, and a node whose outputs nobody uses any more is dropped with all that only it used,
 * so an edit costs no more than what it touches. */
typedef struct weld_draft {
    weld_context *ctx;
    weld_arena arena;
    weld_value *values;
    weld_node *nodes;
    weld_home *homes; /* [value_count], of PARAM values */
    int *uses;        /* [value_count] by live nodes and graph outputs */
    int *forward;     /* [value_count] the value that replaces it, -1 = none */
    int *inputs, *outputs;
    weld_symbol *symbols;
    const char **log;
    size_t value_count, value_cap, home_cap, use_cap, forward_cap, node_count, node_cap,
        input_count, input_cap, output_count, output_cap, symbol_count, symbol_cap, log_count,
        log_cap;
} weld_draft;

void weld_draft_init(weld_draft *draft, weld_context *ctx);
void weld_draft_free(weld_draft *draft);
/* Appends a value; the name is copied. *out = its index. */
weld_status weld_draft_value(int *out, weld_draft *draft, const char *name, weld_value_kind kind,
                             weld_error *err);
/* Appends a copy of `like`: its name and operator; attrs must lie in the draft's arena; inputs and
 * outputs get room for the counts given and are all -1. *out = its index. */
weld_status weld_draft_node(int *out, weld_draft *draft, const weld_node *like, weld_error *err);
weld_status weld_draft_input(weld_draft *draft, int value, weld_error *err);
weld_status weld_draft_output(weld_draft *draft, int value, weld_error *err);
/* Appends a symbol; the name is copied. *out = its index. */
weld_status weld_draft_symbol(int *out, weld_draft *draft, const char *name, weld_error *err);

/* What stands for the value now. */
int weld_draft_at(const weld_draft *draft, int value);
/* Input k of a node, -1 when left out or beyond the end. */
int weld_draft_in(const weld_draft *draft, int node, int k);
void weld_draft_set_in(weld_draft *draft, int node, int k, int value);
/* The value is made by this node from now on. */
void weld_draft_set_out(weld_draft *draft, int node, int k, int value);
/* Every use of value `from` (also as a graph output) becomes `to`, which is not made from it. */
void weld_draft_replace(weld_draft *draft, int from, int to);
/* Drops the node, and what only it used. */
void weld_draft_kill(weld_draft *draft, int node);
int weld_draft_uses(const weld_draft *draft, int value);
/* Index of the live node that makes the value, -1 if none. */
int weld_draft_producer(const weld_draft *draft, int value);
weld_status weld_draft_log(weld_draft *draft, weld_error *err, const char *fmt, ...)
    WELD_PRINTF(3, 4);
/* Drops dead and unreachable nodes and unused parameters, sorts topologically (ties by file order),
 * numbers parameters by first use. WELD_E_FORMAT for a cycle or a value that nobody makes.
 * *homes_out: [param_count], freed with weld_free. The draft stays the caller's to free. */
weld_status weld_draft_finish(weld_graph **out, weld_home **homes_out, weld_draft *draft,
                              weld_error *err);
/* Fills an initialised draft with a graph: values and nodes keep their indices. Takes over the
 * graph's memory; graph and homes stay the caller's to free, and can't be used for anything else. */
weld_status weld_draft_reopen(weld_draft *draft, weld_graph *graph, const weld_home *homes,
                              weld_error *err);

/* One step from the stored elements to the canonical ones, and back; elements of a floating `dtype`.
 * `scratch`: as many bytes as the data. `affine`: of FOLD. Back, a unit whose factor is 0 stays as it
 * is. */
void weld_step_forward(const weld_view_step *step, void *data, void *scratch, weld_dtype dtype,
                       const weld_affine *affine);
void weld_step_backward(const weld_view_step *step, void *data, void *scratch, weld_dtype dtype,
                        const weld_affine *affine);
#endif
