/* Manual pages in mdoc. */
#include "table.h"

/* ---- manual pages ------------------------------------------------------------------------------ */

/* A plain hyphen would be typeset as another character, which nobody can type. */
static int put_escaped(FILE *to, const char *text, size_t length)
{
    for (size_t k = 0; k < length; k++)
        if (text[k] == '\\')
            fputs("\\e", to);
        else
            fprintf(to, "%s%c", text[k] == '-' ? "\\" : "", text[k]);
    return (int)length;
}

/* Text of mdoc: short lines, a new one for each sentence, no word that would be taken for a macro. */
static void put_mdoc(FILE *to, const char *text)
{
    enum { WIDTH = 72 };
    int column = 0;
    for (const char *at = text; *at;) {
        const size_t n = strcspn(at, " ");
        if (column && column + 1 + (int)n > WIDTH) {
            fputc('\n', to);
            column = 0;
        }
        column += fprintf(to, "%s", column ? " " : *at == '.' || *at == '\'' ? "\\&" : "");
        column += put_escaped(to, at, n);
        const bool ends = n > 1 && at[n - 1] == '.' && at[n];
        at += n + (at[n] == ' ');
        if (ends) {
            fputc('\n', to);
            column = 0;
        }
    }
    fputc('\n', to);
}

static void put_header(FILE *to, const char *title, const char *name, const char *what)
{
    fprintf(to, ".Dd November 24, 2026\n.Dt %s 1\n.Os\n", title);
    fprintf(to, ".Sh NAME\n.Nm %s\n.Nd %s\n", name, what);
}

static void put_option(FILE *to, const option *o)
{
    const char *const *words = option_words(o);
    fputs(".It", to);
    for (const char *flag = o->flags; flag; flag = next_name(flag))
        fprintf(to, " Fl %.*s%s", (int)name_length(flag) - 1, flag + 1,
                next_name(flag) ? " ," : "");
    fprintf(to, "%s%s\n", o->metavar ? " Ar " : "", o->metavar ? o->metavar : "");
    put_mdoc(to, o->help);
    for (int k = 0; words && words[k]; k++) {
        if (k == 0)
            fputs(".br\n", to);
        fprintf(to, ".Cm %s%s\n", words[k], words[k + 1] ? " ," : "");
    }
}

static void put_options(FILE *to, const command *c)
{
    const char *title = NULL;
    fputs(".Sh OPTIONS\n", to);
    for (const option *o = next_option(NULL, c); o; o = next_option(o, c)) {
        if (!title || strcmp(title, option_group(o)) != 0)
            fprintf(to, "%s.Ss %s\n.Bl -tag -width Ds\n", title ? ".El\n" : "", option_group(o));
        title = option_group(o);
        put_option(to, o);
    }
    fputs(".El\n", to);
}

static void put_environment(FILE *to)
{
    fputs(".Sh ENVIRONMENT\n.Bl -tag -width Ds\n", to);
    for (size_t k = 0; variable_at(k); k++) {
        fprintf(to, ".It Ev %s\n", variable_at(k)->name);
        put_mdoc(to, variable_at(k)->text);
    }
    fputs(".El\n", to);
}

static void put_exits(FILE *to)
{
    fputs(".Sh EXIT STATUS\n.Bl -tag -width Ds\n", to);
    for (size_t k = 0; exit_at(k); k++) {
        fprintf(to, ".It %d\n", exit_at(k)->code);
        put_mdoc(to, exit_at(k)->text);
    }
    fputs(".El\n", to);
}

static void put_examples(FILE *to, const command *c)
{
    fputs(".Sh EXAMPLES\n", to);
    for (const char *text = next_text(NULL, c, EXAMPLE); text; text = next_text(text, c, EXAMPLE)) {
        fputs(".Dl ", to);
        put_escaped(to, text, strlen(text));
        fputc('\n', to);
    }
}

void print_command_manual(FILE *to, const command *c)
{
    char title[32] = "ONNXWELD-", name[32];
    for (size_t k = 0, at = strlen(title); c->name[k]; k++)
        title[at + k] = (char)(c->name[k] - 'a' + 'A');
    snprintf(name, sizeof name, "onnxweld-%s", c->name);
    put_header(to, title, name, c->help);
    fprintf(to, ".Sh SYNOPSIS\n.Nm onnxweld %s\n", c->name);
    put_mdoc(to, c->arguments);
    fputs(".Op Ar options\n.Sh DESCRIPTION\n", to);
    for (const char *text = next_text(NULL, c, ABOUT); text; text = next_text(text, c, ABOUT)) {
        put_mdoc(to, text);
        fputs(next_text(text, c, ABOUT) ? ".Pp\n" : "", to);
    }
    put_options(to, c);
    put_environment(to);
    put_exits(to);
    put_examples(to, c);
    fputs(".Sh SEE ALSO\n.Xr onnxweld 1\n", to);
}

/* The pages of all commands in alphabetical order, as mdoc wants them. */
static void put_see_also(FILE *to)
{
    fputs(".Sh SEE ALSO\n", to);
    for (const command *last = NULL, *next = NULL;; last = next, next = NULL) {
        for (size_t k = 0; command_at(k); k++) {
            const command *c = command_at(k);
            if ((!last || strcmp(c->name, last->name) > 0) &&
                (!next || strcmp(c->name, next->name) < 0))
                next = c;
        }
        if (!next)
            break;
        fprintf(to, "%s.Xr onnxweld-%s 1", last ? " ,\n" : "", next->name);
    }
    fputc('\n', to);
}

void print_manual(FILE *to)
{
    put_header(to, "ONNXWELD", "onnxweld", "align and average ONNX models");
    fputs(".Sh SYNOPSIS\n.Nm\n.Ar command\n.Ar\n.Op Ar options\n.Sh DESCRIPTION\n", to);
    put_mdoc(to, "Models of one architecture that were trained separately are merged into one: the "
                 "hidden units of the second are permuted so that they line up with those of the "
                 "first, and the weights are averaged. The commands:");
    fputs(".Bl -tag -width Ds\n", to);
    for (size_t k = 0; command_at(k); k++) {
        fprintf(to, ".It Xr onnxweld-%s 1\n", command_at(k)->name);
        put_mdoc(to, command_at(k)->help);
    }
    fputs(".El\n.Pp\nOptions of the program itself:\n.Bl -tag -width Ds\n", to);
    fputs(".It Fl -version\nthe version, in one line\n"
          ".It Fl vV , -build-info\nthe version, and what the program was built with\n"
          ".It Fl -help\nin short; after a command: its most used options\n"
          ".It Fl -help-all\nafter a command: all of its options\n"
          ".It Fl -generate Ar what\nthis page (man, with the name of a command that of the "
          "command),\nthe reference of all options (markdown)\n"
          "or completions for a shell (complete-bash, complete-zsh, complete-fish)\n"
          ".El\n",
          to);
    put_environment(to);
    put_exits(to);
    put_see_also(to);
}
