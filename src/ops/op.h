/* Everything onnxweld knows about one operator, in one descriptor, in one .c file.
 *
 * Life of a node: import reads its attributes by the field table and calls check(); infer() gives
 * types and shapes of its outputs from those of its inputs; run() is the plain reference kernel;
 * tie() says which axes carry the same units, which is all the permutation symmetry needs.
 * To add an operator: its descriptor in the file of its family, one line in ops.def, and vectors
 * in tests/ops. */
#ifndef WELD_OPS_OP_H
#define WELD_OPS_OP_H
#include "ir/graph.h"

/* ---- attributes: one table per operator reads, compares and prints them ------- */

enum { WELD_INTS_MAX = 64 };
typedef struct weld_ints {
    int64_t count; /* -1 = the attribute is absent */
    int64_t at[WELD_INTS_MAX];
} weld_ints;
typedef struct weld_floats {
    int64_t count; /* -1 = the attribute is absent */
    float at[WELD_INTS_MAX];
} weld_floats;

typedef enum weld_field_kind {
    WELD_FIELD_INT,    /* int64_t */
    WELD_FIELD_FLOAT,  /* float */
    WELD_FIELD_INTS,   /* weld_ints */
    WELD_FIELD_FLOATS, /* weld_floats */
    WELD_FIELD_ENUM,   /* int64_t index into `names`, written as a string in the file */
    WELD_FIELD_ENUMS,  /* weld_ints of such indices, written as strings in upper or lower case */
    WELD_FIELD_TEXT,   /* const char *, in the graph's arena; NULL = absent */
    WELD_FIELD_TENSOR, /* const weld_tensor *, in the graph's arena; NULL = absent */
    WELD_FIELD_IGNORED /* legal, without meaning at inference */
} weld_field_kind;

typedef struct weld_field {
    const char *name;
    weld_field_kind kind;
    size_t offset;            /* into the operator's attribute struct */
    double fallback;          /* INT, FLOAT, ENUM when absent */
    const char *const *names; /* ENUM, ENUMS: NULL-terminated */
    bool required;
} weld_field;

/* ---- shape inference ---------------------------------------------------------- */

/* The view that infer() has of one node; see ops/infer.h for the driver. */
typedef struct weld_infer weld_infer;
/* NULL when input i is left out. */
const weld_shape *weld_infer_shape(const weld_infer *inf, int i);
weld_dtype weld_infer_dtype(const weld_infer *inf, int i);
/* The value of input i when it is known now, else NULL (float or int64 elements by its dtype). */
const weld_tensor *weld_infer_data(const weld_infer *inf, int i);
/* As weld_infer_data, but a WELD_E_UNSUPPORTED error when the value is not known. */
weld_status weld_infer_need(const weld_tensor **out, const weld_infer *inf, int i, weld_error *err);
/* True where a literal batch size in a Reshape target is to be read as the actual one. */
bool weld_infer_rebatch(const weld_infer *inf, int64_t literal_dim, int64_t input_dim,
                        int64_t *actual);
/* The size of an axis that the file leaves open; symbol -1: it has no name, then axis 0 is the batch.
 * 0 = not known. */
int64_t weld_infer_open_size(const weld_infer *inf, int axis, int symbol);
weld_status weld_infer_set(weld_infer *inf, int output, weld_dtype dtype, const weld_shape *shape,
                           weld_error *err);
/* Output `output` has the known int64 value `values` [count] with the given shape. */
weld_status weld_infer_set_data(weld_infer *inf, int output, const weld_shape *shape,
                                const int64_t *values, weld_error *err);

/* ---- kernels ------------------------------------------------------------------ */

typedef struct weld_kernel_args {
    weld_context *ctx;
    const weld_tensor *const *in; /* NULL = left out */
    weld_tensor *const *out;      /* shapes as inferred, data allocated; NULL = left out */
    void *scratch;                /* op->scratch_bytes() bytes */
} weld_kernel_args;

/* ---- axis ties ---------------------------------------------------------------- */

/* The view that tie() has of the whole graph; ops/ties.h has the driver. Axis k of input slot i
 * is named (weld_node_input(node, i), k). Everything is a no-op on a value that is left out, and on
 * axes along which a known value is the same; where it differs, it pins what it is tied to. */
typedef struct weld_ties weld_ties;
const weld_shape *weld_tie_shape(const weld_ties *ties, int value);
/* The inferred constant of a value (slice bounds, reshape target), or NULL. */
const weld_tensor *weld_tie_data(const weld_ties *ties, int value);
/* Index i of axis a of value x is the same unit as index i of axis b of value y. */
void weld_tie_axes(weld_ties *ties, int x, int a, int y, int b);
void weld_tie_unit(weld_ties *ties, int x, int a, int64_t i, int y, int b, int64_t j);
/* The units of the axis can't move. `why` is a static string for the report. */
void weld_tie_pin(weld_ties *ties, int node, int x, int a, const char *why);
void weld_tie_pin_unit(weld_ties *ties, int node, int x, int a, int64_t i, const char *why);
/* Positions in space or time, not units of the network: never counted as hidden. */
void weld_tie_position(weld_ties *ties, int x, int a);
/* Entries along the axis are copies of one entry (Expand): nothing moves there, until they meet
 * entries that differ. */
void weld_tie_copies(weld_ties *ties, int x, int a);
/* Entries along the axis are combined (summed, normalised): harmless for units, but samples
 * along it are not independent. */
void weld_tie_mix(weld_ties *ties, int x, int a);
/* x and y hold the same elements in the same row-major order under two shapes (Reshape). */
void weld_tie_reshape(weld_ties *ties, int node, int x, int y);
/* Units from + k size .. + size - 1 of the axis are block k of `count` that the node treats alike: they
 * move only as a whole, and within it. All blocks k that a node names are one. */
void weld_tie_blocks(weld_ties *ties, int node, int x, int a, int64_t from, int64_t count,
                     int64_t size);
/* The same units have places 0 to size - 1 within their blocks, which can't move. */
void weld_tie_places(weld_ties *ties, int node, int x, int a, int64_t from, int64_t count,
                     int64_t size, const char *why);
/* Entry (i, j) on axes (rows, columns) of v is unit `unit` of `count` that the node has of its own: where
 * each row (a direction) has units of its own on one axis. */
void weld_tie_pair(weld_ties *ties, int node, int v, int rows, int columns, int64_t i, int64_t j,
                   int64_t unit, int64_t count);
/* A parameter that one node reads. */
bool weld_tie_is_weight(const weld_ties *ties, int value);
/* Grouped weights: entry (i, j) on axes (rows, columns) of w belongs to unit g columns + j of axis a of
 * x, g the group of row i. */
void weld_tie_grouped(weld_ties *ties, int w, int rows, int columns, int64_t groups, int x, int a);
/* All inputs and outputs aligned under numpy broadcasting; an axis of size 1 ties nothing. */
weld_status weld_tie_elementwise(weld_ties *ties, int index, const weld_node *node,
                                 weld_error *err);

/* ---- the descriptor ------------------------------------------------------------ */

enum {
    WELD_OP_LINEAR = 1,      /* Dense or Conv: input 1 is W[out, in...], input 2 the bias */
    WELD_OP_ACTIVATION = 2,  /* elementwise nonlinearity: ends a layer */
    WELD_OP_NORM = 4,        /* normalisation between a linear layer and its activation */
    WELD_OP_SUM = 8,         /* Add, Sum: a residual sum when all inputs are activations */
    WELD_OP_SOFTMAX = 16,    /* Softmax */
    WELD_OP_LOGSOFTMAX = 32, /* LogSoftmax */
    WELD_OP_VIEW = 64,       /* moves no element (Reshape family) */
    WELD_OP_INTERNAL = 128,  /* made by canon/, never read from a file */
    WELD_OP_COMMUTES = 256   /* the order of the inputs does not matter */
};

/* How an operator multiplies the rows of input 0 with its weight at input 1 (ops/patches.h). */
typedef enum weld_product_form {
    WELD_PRODUCT_NONE,
    WELD_PRODUCT_OUT_IN,  /* Dense and Conv: [out, in / group, kernel...] */
    WELD_PRODUCT_IN_OUT,  /* ConvTranspose: [in, out / group, kernel...] */
    WELD_PRODUCT_STACKED, /* recurrent layers: [directions, out, in] */
} weld_product_form;

typedef struct weld_op {
    const char *name;
    const char *domain; /* "" = ai.onnx */
    int opset_min, opset_max;
    int inputs_min, inputs_max, outputs_min, outputs_max;
    unsigned flags;
    weld_product_form product;
    unsigned static_inputs;    /* bit i: input i must be constant (shapes, bounds, limits) */
    unsigned zero_inputs;      /* bit i: input i of zeros is the same as none (initial states) */
    unsigned statistic_inputs; /* bit i: input i is a running statistic: moved, never scored */
    const weld_field *fields;  /* ends with a NULL name */
    size_t attrs_size;
    weld_status (*check)(const weld_node *node, weld_error *err); /* attribute values */
    weld_status (*infer)(weld_infer *inf, const weld_node *node, weld_error *err);
    weld_status (*run)(const weld_kernel_args *args, const weld_node *node, weld_error *err);
    weld_status (*tie)(weld_ties *ties, int index, const weld_node *node, weld_error *err);
    /* Bytes of scratch for given shapes; NULL = none. `in`/`out` as in run, data not set. */
    size_t (*scratch_bytes)(const weld_kernel_args *args, const weld_node *node);
} weld_op;

#define WELD_OPSET_MAX 28

/* The descriptor for an operator of a file, NULL if we have none. */
const weld_op *weld_op_find(const char *domain, const char *name, int opset);
#define WELD_OP(name) extern const weld_op weld_op_##name;
#include "ops/ops.def"
#undef WELD_OP

/* Runs the node by its kernel for the element type; scratch as weld_op_scratch says. */
weld_status weld_op_run(const weld_node *node, const weld_kernel_args *args, weld_error *err);
size_t weld_op_scratch(const weld_node *node, const weld_kernel_args *args);

/* The attribute's place in a node's attributes; NULL when the operator has none of the name. */
void *weld_attr_slot(const weld_node *node, const char *name);
/* The number that a node holds in its attribute `name` (FLOAT, INT, ENUM); 0 if it has none. */
double weld_attr_number(const weld_node *node, const char *name);

/* Generic attribute services, by the field table. */
void weld_attrs_default(const weld_op *op, void *attrs);
/* True if they agree but for the field `but` (NULL = in all); else *text (may be NULL) tells the
 * first that differs, as "strides [1, 1] / [2, 2]". */
bool weld_attrs_equal(const weld_op *op, const void *a, const void *b, const char *but, char *text,
                      size_t size);
/* The attribute has `count` values in low..INT32_MAX, or is absent. */
weld_status weld_check_ints(const weld_ints *list, const char *name, int64_t count, int64_t low,
                            weld_error *err);
#endif
