/* The registry: ops.def expanded, and the services of the attribute tables. */
#include "ops/op.h"
#include "ops/opaque.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const weld_op *const table[] = {
#define WELD_OP(name) &weld_op_##name,
#include "ops/ops.def"
#undef WELD_OP
};
static const char *const names[] = {
#define WELD_OP(name) #name,
#include "ops/ops.def"
#undef WELD_OP
    NULL};
/* The same operators with kernels for double (ops/real.h). */
#define WELD_OP(name) extern const weld_op weld_wide_op_##name;
#include "ops/ops.def"
#undef WELD_OP
static const weld_op *const wide_table[] = {
#define WELD_OP(name) &weld_wide_op_##name,
#include "ops/ops.def"
#undef WELD_OP
};
enum { OP_COUNT = sizeof table / sizeof table[0] };

const char *const *weld_op_names(void)
{
    return names;
}

const weld_op *weld_op_find(const char *domain, const char *name, int opset)
{
    const char *wanted = strcmp(domain, "ai.onnx") == 0 ? "" : domain;
    for (int k = 0; k < OP_COUNT; k++) {
        const weld_op *op = table[k];
        if (!(op->flags & WELD_OP_INTERNAL) && strcmp(op->name, name) == 0 &&
            strcmp(op->domain, wanted) == 0 && opset >= op->opset_min && opset <= op->opset_max)
            return op;
    }
    return NULL;
}

const weld_node *weld_find_opaque(const weld_graph *graph)
{
    for (int n = 0; n < graph->node_count; n++)
        if (graph->nodes[n].op == &weld_op_Opaque)
            return &graph->nodes[n];
    return NULL;
}

/* The first floating-point operand decides; inputs come before outputs. */
static const weld_op *op_for(const weld_node *node, const weld_kernel_args *args)
{
    weld_dtype dtype = WELD_UNDEFINED;
    for (int k = 0; k < node->input_count + node->output_count; k++) {
        const weld_tensor *t = k < node->input_count ? args->in[k]
                                                     : args->out[k - node->input_count];
        if (t && weld_dtype_is_float(t->dtype)) {
            dtype = t->dtype;
            break;
        }
    }
    for (int k = 0; dtype == WELD_DOUBLE && k < OP_COUNT; k++)
        if (table[k] == node->op)
            return wide_table[k];
    return node->op;
}

weld_status weld_op_run(const weld_node *node, const weld_kernel_args *args, weld_error *err)
{
    return op_for(node, args)->run(args, node, err);
}

size_t weld_op_scratch(const weld_node *node, const weld_kernel_args *args)
{
    const weld_op *op = op_for(node, args);
    return op->scratch_bytes ? op->scratch_bytes(args, node) : 0;
}

static const weld_field *field_of(const weld_op *op, const char *name)
{
    for (const weld_field *f = op->fields; f && f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

void *weld_attr_slot(const weld_node *node, const char *name)
{
    const weld_field *f = field_of(node->op, name);
    return f ? (char *)node->attrs + f->offset : NULL;
}

double weld_attr_number(const weld_node *node, const char *name)
{
    const weld_field *f = field_of(node->op, name);
    const void *slot = weld_attr_slot(node, name);
    if (!f)
        return 0;
    if (f->kind == WELD_FIELD_FLOAT)
        return (double)*(const float *)slot;
    return f->kind == WELD_FIELD_INT || f->kind == WELD_FIELD_ENUM ? (double)*(const int64_t *)slot
                                                                   : 0;
}

void weld_attrs_default(const weld_op *op, void *attrs)
{
    for (const weld_field *f = op->fields; f && f->name; f++) {
        char *slot = (char *)attrs + f->offset;
        if (f->kind == WELD_FIELD_FLOAT)
            *(float *)slot = (float)f->fallback;
        else if (f->kind == WELD_FIELD_INT || f->kind == WELD_FIELD_ENUM)
            *(int64_t *)slot = (int64_t)f->fallback;
        else if (f->kind == WELD_FIELD_INTS || f->kind == WELD_FIELD_ENUMS)
            ((weld_ints *)slot)->count = -1;
        else if (f->kind == WELD_FIELD_FLOATS)
            ((weld_floats *)slot)->count = -1;
    }
}

static bool texts_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool field_equal(const weld_field *f, const void *a, const void *b)
{
    const char *x = (const char *)a + f->offset, *y = (const char *)b + f->offset;
    switch (f->kind) {
    case WELD_FIELD_INT:
    case WELD_FIELD_ENUM: return memcmp(x, y, sizeof(int64_t)) == 0;
    case WELD_FIELD_FLOAT: return memcmp(x, y, sizeof(float)) == 0;
    case WELD_FIELD_INTS:
    case WELD_FIELD_ENUMS: return memcmp(x, y, sizeof(weld_ints)) == 0;
    case WELD_FIELD_FLOATS: return memcmp(x, y, sizeof(weld_floats)) == 0;
    case WELD_FIELD_TEXT: return texts_equal(*(const char *const *)x, *(const char *const *)y);
    case WELD_FIELD_TENSOR:
        return weld_tensors_equal(*(const weld_tensor *const *)x, *(const weld_tensor *const *)y);
    case WELD_FIELD_IGNORED: break;
    }
    return true;
}

/* The entries of a list attribute. */
static void print_list(char *text, size_t size, const weld_field *f, const void *slot)
{
    const bool is_floats = f->kind == WELD_FIELD_FLOATS;
    const weld_ints *ints = is_floats ? NULL : slot;
    const weld_floats *floats = is_floats ? slot : NULL;
    const int64_t count = is_floats ? floats->count : ints->count;
    size_t n = (size_t)snprintf(text, size, count < 0 ? "absent" : "[");
    for (int64_t k = 0; k < count && n + 24 < size; k++) {
        const char *comma = k ? ", " : "";
        if (is_floats)
            n += (size_t)snprintf(text + n, size - n, "%s%g", comma, (double)floats->at[k]);
        else if (f->kind == WELD_FIELD_ENUMS)
            n += (size_t)snprintf(text + n, size - n, "%s%s", comma, f->names[ints->at[k]]);
        else
            n += (size_t)snprintf(text + n, size - n, "%s%" PRId64, comma, ints->at[k]);
    }
    if (count >= 0)
        snprintf(text + n, size - n, "]");
}

static void print_text(char *text, size_t size, const char *value)
{
    if (value)
        snprintf(text, size, "'%s'", value);
    else
        snprintf(text, size, "absent");
}

static void print_field(char *text, size_t size, const weld_field *f, const void *attrs)
{
    const char *slot = (const char *)attrs + f->offset;
    switch (f->kind) {
    case WELD_FIELD_INT: snprintf(text, size, "%" PRId64, *(const int64_t *)slot); break;
    case WELD_FIELD_FLOAT: snprintf(text, size, "%g", (double)*(const float *)slot); break;
    case WELD_FIELD_ENUM: snprintf(text, size, "%s", f->names[*(const int64_t *)slot]); break;
    case WELD_FIELD_INTS:
    case WELD_FIELD_FLOATS:
    case WELD_FIELD_ENUMS: print_list(text, size, f, slot); break;
    case WELD_FIELD_TEXT: print_text(text, size, *(const char *const *)slot); break;
    case WELD_FIELD_TENSOR:
    case WELD_FIELD_IGNORED: snprintf(text, size, "a tensor"); break;
    }
}

bool weld_attrs_equal(const weld_op *op, const void *a, const void *b, const char *but, char *text,
                      size_t size)
{
    for (const weld_field *f = op->fields; f && f->name; f++) {
        char x[100], y[100];
        if ((but && strcmp(f->name, but) == 0) || field_equal(f, a, b))
            continue;
        print_field(x, sizeof x, f, a);
        print_field(y, sizeof y, f, b);
        if (text)
            snprintf(text, size, "%s %s / %s", f->name, x, y);
        return false;
    }
    return true;
}

weld_status weld_check_ints(const weld_ints *list, const char *name, int64_t count, int64_t low,
                            weld_error *err)
{
    if (list->count < 0)
        return WELD_OK;
    if (list->count != count)
        return weld_fail(err, WELD_E_FORMAT, "%s has %" PRId64 " values, must have %" PRId64, name,
                         list->count, count);
    for (int64_t k = 0; k < count; k++)
        if (list->at[k] < low || list->at[k] > INT32_MAX)
            return weld_fail(err, WELD_E_FORMAT,
                             "%s[%" PRId64 "] is %" PRId64 ", must be in %" PRId64 "..%d", name, k,
                             list->at[k], low, INT32_MAX);
    return WELD_OK;
}
