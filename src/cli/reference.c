/* --generate markdown: docs/options.md, from the tables. */
#include "table.h"
#include <ctype.h>

static const struct {
    const char *flag, *verb;
    const char *others; /* flags with blanks between them */
} rules[] = {
#define NEEDS "needs"
#define EXCLUDES "contradicts"
#define WELD_RULE(flag, kind, others) {flag, kind, others},
#include "rules.def"
#undef WELD_RULE
#undef EXCLUDES
#undef NEEDS
};

/* Within a table a bar would end the cell, even in code; '*', '_' and '<' would be markup. */
static void put_cell(FILE *to, const char *text, const char *special)
{
    for (; *text; text++)
        fprintf(to, "%s%c", strchr(special, *text) ? "\\" : "", *text);
}

static void put_title(FILE *to, const char *title)
{
    fprintf(to, "\n## %c%s\n\n", toupper((unsigned char)title[0]), title + 1);
}

static void put_names(FILE *to, const option *o)
{
    for (const char *flag = o->flags; flag; flag = next_name(flag)) {
        fprintf(to, "%s`%.*s", flag == o->flags ? "" : ", ", (int)name_length(flag), flag);
        if (o->metavar && !next_name(flag)) {
            fputc(' ', to);
            put_cell(to, o->metavar, "|");
        }
        fputc('`', to);
    }
}

static void put_option(FILE *to, const option *o)
{
    const char *const *words = option_words(o);
    const char *separator = "";
    fputs("| ", to);
    put_names(to, o);
    fputs(" | ", to);
    for (size_t k = 0; command_at(k); k++)
        if (strchr(o->commands, command_at(k)->letter)) {
            fprintf(to, "%s%s", separator, command_at(k)->name);
            separator = " ";
        }
    fputs(" | ", to);
    put_cell(to, o->help, "|*_<");
    for (int k = 0; words && words[k]; k++)
        fprintf(to, "%s`%s`",
                k                                     ? ", "
                : o->help[strlen(o->help) - 1] == ':' ? " "
                                                      : ": ",
                words[k]);
    fputs(" |\n", to);
}

static void put_options(FILE *to)
{
    const char *title = NULL;
    for (const option *o = next_option(NULL, NULL); o; o = next_option(o, NULL)) {
        if (!title || strcmp(title, option_group(o)) != 0) {
            put_title(to, title = option_group(o));
            fputs("| option | commands | what it does |\n|---|---|---|\n", to);
        }
        put_option(to, o);
    }
}

static void put_command(FILE *to, const command *c)
{
    fprintf(to, "\n### %s\n\n`onnxweld %s %s [options]`: %s.\n", c->name, c->name, c->arguments,
            c->help);
    for (const char *text = next_text(NULL, c, ABOUT); text; text = next_text(text, c, ABOUT))
        fprintf(to, "\n%s\n", text);
    fputs("\n```sh\n", to);
    for (const char *text = next_text(NULL, c, EXAMPLE); text; text = next_text(text, c, EXAMPLE))
        fprintf(to, "%s\n", text);
    fputs("```\n", to);
}

static void put_rules(FILE *to)
{
    put_title(to, "what needs what");
    fputs("A rule counts for the commands that have both options.\n\n", to);
    for (size_t k = 0; k < sizeof rules / sizeof rules[0]; k++) {
        fprintf(to, "- `%s` %s", rules[k].flag, rules[k].verb);
        for (const char *at = rules[k].others; *at; at += strspn(at, " ")) {
            const size_t n = strcspn(at, " ");
            fprintf(to, "%s `%.*s`", at == rules[k].others ? "" : " or", (int)n, at);
            at += n;
        }
        fputc('\n', to);
    }
}

static void put_environment(FILE *to)
{
    put_title(to, "environment");
    fputs("| variable | meaning |\n|---|---|\n", to);
    for (size_t k = 0; variable_at(k); k++) {
        fprintf(to, "| `%s` | ", variable_at(k)->name);
        put_cell(to, variable_at(k)->text, "|*_<");
        fputs(" |\n", to);
    }
}

static void put_exits(FILE *to)
{
    put_title(to, "exit codes");
    fputs("| code | | meaning |\n|---|---|---|\n", to);
    for (size_t k = 0; exit_at(k); k++)
        fprintf(to, "| %d | %s | %s |\n", exit_at(k)->code, exit_at(k)->brief, exit_at(k)->text);
}

void print_markdown(FILE *to)
{
    fputs(
        "# Options\n\n"
        "<!-- Written by tools/reference: onnxweld --generate markdown. Not to be edited. -->\n\n"
        "Every command and every option. `onnxweld COMMAND --help` shows those that are used most, "
        "`--help-all` all\nof a command; `--option=value`, `-jN` and `--` are understood.\n\n"
        "## Commands\n",
        to);
    for (size_t k = 0; command_at(k); k++)
        put_command(to, command_at(k));
    fputs(
        "\n### of the program\n\n"
        "`onnxweld --version`, `--build-info` (or `-vV`), `--help`, and `--generate WHAT`: manual "
        "pages (`man`,\n`man COMMAND`), this page (`markdown`), completions (`complete-bash`, "
        "`complete-zsh`, `complete-fish`).\n",
        to);
    put_options(to);
    put_rules(to);
    put_environment(to);
    put_exits(to);
}
