#include "cli.h"
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef enum option_kind {
    SWITCH,
    TEXT,
    TEXTS,
    INTEGER,
    REAL,
    NUMBERS,
    ALPHAS,
    GRID,
    SIZES,
    LIMIT,
    KEYS,
    ENDS
} option_kind;

typedef struct option {
    const char *flag;
    option_kind kind;
    size_t offset;
    const char *metavar, *commands, *help;
} option;

static const option table[] = {
#define WELD_OPTION(flag, kind, field, metavar, commands, help)                                    \
    {flag, kind, offsetof(options, field), metavar, commands, help},
#include "options.def"
#undef WELD_OPTION
};
enum { OPTIONS = sizeof table / sizeof table[0] };

weld_status bad_usage(weld_error *err, const char *format, ...)
{
    va_list ap;
    err->status = WELD_E_ARGUMENT;
    va_start(ap, format);
    vsnprintf(err->message, sizeof err->message, format, ap);
    va_end(ap);
    return WELD_E_ARGUMENT;
}

static weld_status parse_real(double *out, const char *flag, const char *text, weld_error *err)
{
    char *end;
    errno = 0;
    *out = strtod(text, &end);
    if (end == text || *end || errno || !(*out - *out == 0))
        return bad_usage(err, "%s: '%.100s' is not a finite number", flag, text);
    return WELD_OK;
}

static weld_status parse_integer(long long *out, const char *flag, const char *text,
                                 weld_error *err)
{
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (end == text || *end || errno || *out < 0)
        return bad_usage(err, "%s: '%.100s' is not a whole number from 0", flag, text);
    return WELD_OK;
}

/* "1,2,3" */
static weld_status parse_numbers(numbers *out, const char *flag, const char *text, weld_error *err)
{
    char item[64];
    out->count = 0;
    for (const char *at = text;; at++) {
        size_t n = strcspn(at, ",");
        if (n >= sizeof item || out->count == NUMBERS_MAX)
            return bad_usage(err, "%s: '%.100s' is too long", flag, text);
        memcpy(item, at, n);
        item[n] = '\0';
        weld_status st = parse_real(&out->at[out->count++], flag, item, err);
        if (st != WELD_OK)
            return st;
        at += n;
        if (!*at)
            return WELD_OK;
    }
}

/* "0.3,0.5" or "best" */
static weld_status parse_alphas(alphas *out, const char *flag, const char *text, weld_error *err)
{
    out->best = strcmp(text, "best") == 0;
    out->list.count = 0;
    weld_status st = out->best ? WELD_OK : parse_numbers(&out->list, flag, text, err);
    for (size_t k = 0; st == WELD_OK && k < out->list.count; k++)
        if (!(out->list.at[k] >= 0 && out->list.at[k] <= 1))
            st = bad_usage(err, "%s: %g, allowed 0 to 1 or best", flag, out->list.at[k]);
    return st;
}

/* "0:1:11": 11 values from 0 to 1 */
static weld_status parse_grid(numbers *out, const char *flag, const char *text, weld_error *err)
{
    double from, to;
    int count, used = 0;
    if (sscanf(text, "%lf:%lf:%d%n", &from, &to, &count, &used) != 3 || text[used] || count < 2 ||
        count > NUMBERS_MAX || !(from >= 0 && to <= 1 && from < to))
        return bad_usage(err, "%s: '%.100s', allowed FROM:TO:COUNT within 0 and 1, COUNT 2 to %d",
                         flag, text, NUMBERS_MAX);
    for (int k = 0; k < count; k++)
        out->at[k] = k == count - 1 ? to : from + (to - from) * k / (count - 1);
    out->count = (size_t)count;
    return WELD_OK;
}

/* "batch=4,seq=16" */
static weld_status parse_sizes(sizes *out, const char *flag, const char *text, weld_error *err)
{
    out->count = 0;
    if (strlen(text) >= sizeof out->text)
        return bad_usage(err, "%s: '%.100s' is too long", flag, text);
    memcpy(out->text, text, strlen(text) + 1);
    for (char *name = out->text, *end;; name = end + 1) {
        char *mark = strchr(name, '=');
        errno = 0;
        long long size = mark ? strtoll(mark + 1, &end, 10) : 0;
        if (size < 1 || errno || (*end && *end != ',') || out->count == SIZES_MAX)
            return bad_usage(err, "%s: '%.100s', allowed NAME=N,... with N from 1, at most %d",
                             flag, text, SIZES_MAX);
        *mark = '\0';
        out->names[out->count] = name;
        out->at[out->count++] = size;
        if (!*end)
            return WELD_OK;
    }
}

/* The limit of the gate that the option is of; the last one counts. */
static weld_status take_limit(limits *list, const char *flag, const char *text, weld_error *err)
{
    weld_gate_limit one = {weld_gate_of_option(flag), 0};
    size_t k = 0;
    const weld_status st = parse_real(&one.limit, flag, text, err);
    while (k < list->count && strcmp(list->at[k].id, one.id) != 0)
        k++;
    if (st != WELD_OK)
        return st;
    list->at[k] = one;
    list->count += k == list->count;
    return WELD_OK;
}

/* "NAME=KEY" */
static weld_status parse_key(input_keys *out, const char *flag, const char *text, weld_error *err)
{
    const char *mark = strchr(text, '=');
    const size_t n = strlen(text) + 1;
    if (!mark || mark == text || !mark[1])
        return bad_usage(err, "%s: '%.100s', allowed NAME=KEY", flag, text);
    if (out->count == REPORTS_MAX || n > sizeof out->text - out->used)
        return bad_usage(err, "%s: given more than %d times, or too long", flag, REPORTS_MAX);
    char *copy = out->text + out->used;
    memcpy(copy, text, n);
    copy[mark - text] = '\0';
    out->used += n;
    out->at[out->count++] = (weld_input_key){copy, copy + (mark - text) + 1};
    return WELD_OK;
}

/* "A=.93,B=.92", or one of them */
static weld_status parse_ends(expected *out, const char *flag, const char *text, weld_error *err)
{
    *out = (expected){.given = true};
    for (const char *at = text;; at++) {
        char *end = NULL;
        const bool named = (at[0] == 'A' || at[0] == 'B') && at[1] == '=';
        const double x = named ? strtod(at + 2, &end) : -1;
        if (!(x > 0 && x <= 1) || end == at + 2 || (*end && *end != ','))
            return bad_usage(err, "%s: '%.100s', allowed A=X,B=Y with numbers above 0 to 1", flag,
                             text);
        out->accuracy[at[0] - 'A'] = x;
        at = end;
        if (!*at)
            return WELD_OK;
    }
}

static weld_status take(options *o, const option *as, const char *value, weld_error *err)
{
    void *field = (char *)o + as->offset;
    texts *list = field;
    switch (as->kind) {
    case SWITCH: *(bool *)field = true; return WELD_OK;
    case TEXT: *(const char **)field = value; return WELD_OK;
    case TEXTS:
        if (list->count == REPORTS_MAX)
            return bad_usage(err, "%s: given more than %d times", as->flag, REPORTS_MAX);
        list->at[list->count++] = value;
        return WELD_OK;
    case INTEGER: return parse_integer(field, as->flag, value, err);
    case REAL: return parse_real(field, as->flag, value, err);
    case NUMBERS: return parse_numbers(field, as->flag, value, err);
    case ALPHAS: return parse_alphas(field, as->flag, value, err);
    case GRID: return parse_grid(field, as->flag, value, err);
    case SIZES: return parse_sizes(field, as->flag, value, err);
    case LIMIT: *(bool *)field = true; return take_limit(&o->limits, as->flag, value, err);
    case KEYS: return parse_key(field, as->flag, value, err);
    case ENDS: return parse_ends(field, as->flag, value, err);
    }
    return WELD_E_INTERNAL;
}

/* The option of this name that the command takes. */
static const option *find(const char *flag, char letter)
{
    const char *name = strcmp(flag, "--force") == 0   ? "-f"
                       : strcmp(flag, "--quiet") == 0 ? "-q"
                                                      : flag;
    for (int k = 0; k < OPTIONS; k++)
        if (strcmp(table[k].flag, name) == 0 && strchr(table[k].commands, letter))
            return &table[k];
    return NULL;
}

static weld_status unknown(const char *flag, const command *c, weld_error *err)
{
    const char *flags[OPTIONS];
    size_t count = 0;
    for (int k = 0; k < OPTIONS; k++)
        if (strchr(table[k].commands, c->letter))
            flags[count++] = table[k].flag;
    const char *near = nearest(flag, flags, count);
    return bad_usage(err, "%s has no option %.100s%s%s%s", c->name, flag,
                     near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

weld_status parse_options(options *o, const command *c, int argc, char **argv, weld_error *err)
{
    for (int k = 2; k < argc; k++) {
        const char *arg = argv[k];
        weld_status st = WELD_OK;
        const option *known = arg[0] == '-' && arg[1] ? find(arg, c->letter) : NULL;
        if (known) {
            if (known->kind != SWITCH && k + 1 == argc)
                return bad_usage(err, "%s lacks its value %s", arg, known->metavar);
            st = take(o, known, known->kind == SWITCH ? NULL : argv[++k], err);
        } else if (arg[0] == '-' && arg[1]) {
            st = unknown(arg, c, err);
        } else if (o->file_count < c->files_max) {
            o->files[o->file_count++] = arg;
        } else {
            st = bad_usage(err, "%s takes no further argument '%.100s'", c->name, arg);
        }
        if (st != WELD_OK)
            return st;
    }
    if (o->file_count < c->files_min)
        return bad_usage(err, "usage: onnxweld %s %s", c->name, c->arguments);
    return WELD_OK;
}

/* One line under an option; the first name is the default. */
static void print_names(FILE *to, const char *const *names)
{
    fprintf(to, "  %-22s ", "");
    for (int k = 0; names[k]; k++)
        fprintf(to, "%s%s", k ? ", " : "", names[k]);
    fprintf(to, "\n");
}

/* Options whose values are names that the library lists. */
static const struct {
    const char *flag;
    const char *const *(*names)(void);
} named[] = {{"--match", weld_align_methods},
             {"--method", weld_merge_methods},
             {"--stats", weld_statistics_names}};

void print_options(FILE *to, char letter)
{
    for (int k = 0; k < OPTIONS; k++) {
        char flag[64];
        if (!strchr(table[k].commands, letter))
            continue;
        snprintf(flag, sizeof flag, "%s %s", table[k].flag,
                 table[k].metavar ? table[k].metavar : "");
        fprintf(to, "  %-22s %s\n", flag, table[k].help);
        for (size_t n = 0; n < sizeof named / sizeof named[0]; n++)
            if (strcmp(table[k].flag, named[n].flag) == 0)
                print_names(to, named[n].names());
    }
}
