/* --help: a screenful; --help-all: everything. */
#include "table.h"
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH = 80, WIDTH_LEAST = 40, WIDTH_MOST = 120 };

/* Where text goes, wrapped. */
typedef struct page {
    FILE *to;
    int width, column;
} page;

static page open_page(FILE *to)
{
    struct winsize size = {0};
    page p = {to, WIDTH, 0};
    if (isatty(fileno(to)) && ioctl(fileno(to), TIOCGWINSZ, &size) == 0 && size.ws_col)
        p.width = size.ws_col < WIDTH_LEAST  ? WIDTH_LEAST
                  : size.ws_col > WIDTH_MOST ? WIDTH_MOST
                                             : size.ws_col;
    return p;
}

static void end_line(page *p)
{
    fputc('\n', p->to);
    p->column = 0;
}

/* Blanks up to the column; on a new line where the present one is beyond it. */
static void go_to(page *p, int column)
{
    if (p->column > column)
        end_line(p);
    fprintf(p->to, "%*s", column - p->column, "");
    p->column = column;
}

static void put(page *p, const char *text)
{
    fputs(text, p->to);
    p->column += (int)strlen(text);
}

/* `length` bytes of words from here on; further lines begin at the column `indent`, and a blank stands before
 * all words that do not begin there. */
static void put_words(page *p, const char *text, size_t length, int indent)
{
    const char *end = text + length;
    while (text < end) {
        const size_t blank = strcspn(text, " "), left = (size_t)(end - text);
        const int n = (int)(blank < left ? blank : left);
        if (p->column > indent && p->column + 1 + n > p->width)
            go_to(p, indent);
        else if (p->column > indent)
            put(p, " ");
        fprintf(p->to, "%.*s", n, text);
        p->column += n;
        text += (size_t)n < left ? n + 1 : n;
    }
}

static void put_text(page *p, const char *text, int indent)
{
    put_words(p, text, strlen(text), indent);
}

/* One of several: with a comma behind it where more follow. */
static void put_item(page *p, const char *text, bool more, int indent)
{
    char item[160];
    snprintf(item, sizeof item, "%s%s", text, more ? "," : "");
    put_text(p, item, indent);
}

static void put_names(page *p, const option *o)
{
    put(p, o->flags);
    if (o->metavar) {
        put(p, " ");
        put(p, o->metavar);
    }
}

static void put_usage(page *p, const command *c)
{
    put(p, "usage: onnxweld");
    put_text(p, c->name, 7);
    put_text(p, c->arguments, 7);
    put_text(p, "[options]", 7);
    end_line(p);
    put_text(p, c->help, 0);
    end_line(p);
    end_line(p);
}

/* ---- the short form ---------------------------------------------------------------------------- */

/* Is it in "-o --data ..."? */
static bool is_often(const option *o, const command *c)
{
    const char *list = next_text(NULL, c, OFTEN);
    for (const char *at = list; *at; at += strspn(at, " ")) {
        const size_t n = strcspn(at, " ");
        if (find_option(at, n, c) == o)
            return true;
        at += n;
    }
    return false;
}

/* "alignment  --match HOW   how to align"; the title only where it changes. */
static void put_often(page *p, const option *o, const char **title)
{
    enum { NAMES_AT = 11, TEXT_AT = 33 };
    if (!*title || strcmp(*title, option_group(o)) != 0)
        put(p, *title = option_group(o));
    go_to(p, NAMES_AT);
    put_names(p, o);
    if (p->column < TEXT_AT)
        go_to(p, TEXT_AT);
    put_words(p, o->help, brief_length(o->help), TEXT_AT);
    end_line(p);
}

static void print_short(page *p, const command *c)
{
    const char *title = NULL;
    put_usage(p, c);
    for (const option *o = next_option(NULL, c); o; o = next_option(o, c))
        if (is_often(o, c))
            put_often(p, o, &title);
    fprintf(p->to, "\nall options: onnxweld %s --help-all; manual: onnxweld-%s(1)\n", c->name,
            c->name);
}

/* ---- the long form ----------------------------------------------------------------------------- */

static void put_option(page *p, const option *o)
{
    enum { TEXT_AT = 26 };
    const char *const *words = option_words(o);
    go_to(p, 2);
    put_names(p, o);
    if (p->column >= TEXT_AT)
        end_line(p);
    go_to(p, TEXT_AT);
    put_text(p, o->help, TEXT_AT);
    if (words) {
        end_line(p);
        go_to(p, TEXT_AT);
    }
    for (int k = 0; words && words[k]; k++)
        put_item(p, words[k], words[k + 1], TEXT_AT);
    end_line(p);
}

static void print_long(page *p, const command *c)
{
    const char *title = NULL;
    put_usage(p, c);
    for (const option *o = next_option(NULL, c); o; o = next_option(o, c)) {
        if (!title || strcmp(title, option_group(o)) != 0)
            fprintf(p->to, "%s%s\n", title ? "\n" : "", option_group(o));
        title = option_group(o);
        put_option(p, o);
    }
}

void print_command_help(FILE *to, const command *c, bool all)
{
    page p = open_page(to);
    if (all)
        print_long(&p, c);
    else
        print_short(&p, c);
}

/* ---- of the program ----------------------------------------------------------------------------- */

enum { FACTS_AT = 13 };

static void begin_facts(page *p, const char *title)
{
    put(p, title);
    go_to(p, FACTS_AT);
}

static void put_variables(page *p)
{
    begin_facts(p, "environment");
    for (size_t k = 0; variable_at(k); k++) {
        char item[128];
        snprintf(item, sizeof item, "%s (%s)", variable_at(k)->name, variable_at(k)->text);
        put_item(p, item, variable_at(k + 1), FACTS_AT);
    }
    end_line(p);
}

static void put_exits(page *p)
{
    begin_facts(p, "exit codes");
    for (size_t k = 0; exit_at(k); k++) {
        char item[64];
        snprintf(item, sizeof item, "%d %s", exit_at(k)->code, exit_at(k)->brief);
        put_item(p, item, exit_at(k + 1), FACTS_AT);
    }
    end_line(p);
}

void print_help(FILE *to)
{
    page p = open_page(to);
    fprintf(to, "onnxweld: align and average ONNX models\n"
                "usage: onnxweld COMMAND FILE... [options]\n\n");
    for (size_t k = 0; command_at(k); k++) {
        go_to(&p, 2);
        put(&p, command_at(k)->name);
        go_to(&p, 11);
        put_text(&p, command_at(k)->help, 11);
        end_line(&p);
    }
    fprintf(to, "\nonnxweld COMMAND --help (most used options) or --help-all (every option)\n"
                "onnxweld --version | --build-info | --generate man|markdown|complete-SHELL\n\n");
    put_variables(&p);
    put_exits(&p);
}
