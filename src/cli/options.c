#include "table.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

weld_status failed(weld_error *err, weld_status st, const char *format, ...)
{
    va_list ap;
    err->status = st;
    va_start(ap, format);
    vsnprintf(err->message, sizeof err->message, format, ap);
    va_end(ap);
    return st;
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

/* A word that the option does not have is refused with all that it has. */
static weld_status take_text(const char **out, const option *as, const char *name,
                             const char *value, weld_error *err)
{
    char list[512] = "", near[SUGGESTION_MAX];
    const char *const *words = option_words(as);
    size_t count = 0;
    *out = value;
    if (takes_word(as, value))
        return WELD_OK;
    for (size_t used = 0; words[count]; count++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", count ? ", " : "",
                                 words[count]);
    return bad_usage(err, "%s: '%.100s', allowed %s%s", name, value, list,
                     suggest(near, value, words, count));
}

/* `name`: as it was typed */
static weld_status take(options *o, const option *as, const char *name, const char *value,
                        weld_error *err)
{
    void *field = (char *)o + as->offset;
    texts *list = field;
    switch (as->kind) {
    case GROUP: break;
    case SWITCH: *(bool *)field = true; return WELD_OK;
    case COUNT: ++*(int *)field; return WELD_OK;
    case TEXT: return take_text(field, as, name, value, err);
    case TEXTS:
        if (list->count == REPORTS_MAX)
            return bad_usage(err, "%s: given more than %d times", name, REPORTS_MAX);
        list->at[list->count++] = value;
        return WELD_OK;
    case INTEGER: return parse_integer(field, name, value, err);
    case REAL: return parse_real(field, name, value, err);
    case NUMBERS: return parse_numbers(field, name, value, err);
    case ALPHAS: return parse_alphas(field, name, value, err);
    case GRID: return parse_grid(field, name, value, err);
    case SIZES: return parse_sizes(field, name, value, err);
    case LIMIT: *(bool *)field = true; return take_limit(&o->limits, name, value, err);
    case KEYS: return parse_key(field, name, value, err);
    case ENDS: return parse_ends(field, name, value, err);
    }
    return WELD_E_INTERNAL;
}

static weld_status unknown(const char *flag, const command *c, weld_error *err)
{
    char flags[OPTIONS_MAX][32], near[SUGGESTION_MAX];
    const char *names[OPTIONS_MAX];
    size_t count = 0;
    for (const option *o = next_option(NULL, c); o; o = next_option(o, c)) {
        const char *longest = next_name(o->flags) ? next_name(o->flags) : o->flags;
        snprintf(flags[count], sizeof flags[count], "%s", longest);
        names[count] = flags[count];
        count++;
    }
    return bad_usage(err, "%s has no option %.100s%s", c->name, flag,
                     suggest(near, flag, names, count));
}

/* ---- the command line -------------------------------------------------------------------------- */

typedef struct parser {
    options *o;
    const command *c;
    char **argv;
    int argc, at; /* the next argument */
    bool given[OPTIONS_MAX];
} parser;

/* "--name=value", "--name value", "--switch" */
static weld_status take_long(parser *p, const char *arg, weld_error *err)
{
    char name[64];
    const size_t length = strcspn(arg, "=");
    const option *known = find_option(arg, length, p->c);
    snprintf(name, sizeof name, "%.*s", (int)length, arg);
    if (!known)
        return unknown(name, p->c, err);
    p->given[option_index(known)] = true;
    if (!takes_value(known))
        return arg[length] ? bad_usage(err, "%s takes no value", name)
                           : take(p->o, known, name, NULL, err);
    if (!arg[length] && p->at == p->argc)
        return bad_usage(err, "%s lacks its value %s", name, known->metavar);
    return take(p->o, known, name, arg[length] ? arg + length + 1 : p->argv[p->at++], err);
}

/* "-o FILE", "-oFILE", "-f", "-qf" */
static weld_status take_short(parser *p, const char *arg, weld_error *err)
{
    weld_status st = WELD_OK;
    for (const char *letter = arg + 1; st == WELD_OK && *letter; letter++) {
        const char name[] = {'-', *letter, '\0'};
        const option *known = find_option(name, 2, p->c);
        if (!known)
            return unknown(arg, p->c, err);
        p->given[option_index(known)] = true;
        if (!takes_value(known)) {
            st = take(p->o, known, name, NULL, err);
            continue;
        }
        if (!letter[1] && p->at == p->argc)
            return bad_usage(err, "%s lacks its value %s", name, known->metavar);
        return take(p->o, known, name, letter[1] ? letter + 1 : p->argv[p->at++], err);
    }
    return st;
}

static weld_status take_file(parser *p, const char *arg, weld_error *err)
{
    if (p->o->file_count == p->c->files_max)
        return bad_usage(err, "%s takes no further argument '%.100s'", p->c->name, arg);
    p->o->files[p->o->file_count++] = arg;
    return WELD_OK;
}

typedef enum rule_kind { NEEDS, EXCLUDES } rule_kind;

static const struct {
    const char *flag;
    rule_kind kind;
    const char *others; /* flags with blanks between them */
} rules[] = {
#define WELD_RULE(flag, kind, others) {flag, kind, others},
#include "rules.def"
#undef WELD_RULE
};

static bool is_given(const parser *p, const char *flag, size_t length)
{
    const option *o = find_option(flag, length, p->c);
    return o && p->given[option_index(o)];
}

/* "--data --raw" -> "--data or --raw": those that the command has; "" = none. *given: the first that is given */
static void read_others(char *list, size_t size, const char **given, const parser *p,
                        const char *others)
{
    size_t used = 0;
    *given = NULL;
    list[0] = '\0';
    for (const char *at = others; *at; at += strspn(at, " ")) {
        const size_t n = strcspn(at, " ");
        if (find_option(at, n, p->c) && used < size)
            used += (size_t)snprintf(list + used, size - used, "%s%.*s", used ? " or " : "", (int)n,
                                     at);
        if (!*given && is_given(p, at, n))
            *given = at;
        at += n;
    }
}

static weld_status check_rules(const parser *p, weld_error *err)
{
    for (size_t k = 0; k < sizeof rules / sizeof rules[0]; k++) {
        const char *flag = rules[k].flag, *given;
        char list[64];
        read_others(list, sizeof list, &given, p, rules[k].others);
        if (!is_given(p, flag, strlen(flag)) || !list[0])
            continue;
        if (rules[k].kind == NEEDS && !given)
            return bad_usage(err, "%s: %s needs %s", p->c->name, flag, list);
        if (rules[k].kind == EXCLUDES && given)
            return bad_usage(err, "%s: %s and %s contradict each other", p->c->name, flag, list);
    }
    return WELD_OK;
}

weld_status parse_options(options *o, const command *c, int argc, char **argv, weld_error *err)
{
    parser p = {.o = o, .c = c, .argv = argv, .argc = argc, .at = 2};
    bool only_files = false; /* after "--" */
    weld_status st = WELD_OK;
    while (st == WELD_OK && p.at < argc) {
        const char *arg = argv[p.at++];
        if (!only_files && strcmp(arg, "--") == 0)
            only_files = true;
        else if (only_files || arg[0] != '-' || !arg[1])
            st = take_file(&p, arg, err);
        else
            st = arg[1] == '-' ? take_long(&p, arg, err) : take_short(&p, arg, err);
    }
    if (st == WELD_OK && o->file_count < c->files_min)
        st = bad_usage(err, "usage: onnxweld %s %s", c->name, c->arguments);
    return st == WELD_OK ? check_rules(&p, err) : st;
}
