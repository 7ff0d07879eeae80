/* --generate: manual pages, the reference of options, completions for shells, from the tables. */
#include "table.h"

static void print_bash(FILE *to);
static void print_zsh(FILE *to);
static void print_fish(FILE *to);

static const struct {
    const char *name;
    void (*print)(FILE *to);
} products[] = {{"man", print_manual},
                {"markdown", print_markdown},
                {"complete-bash", print_bash},
                {"complete-zsh", print_zsh},
                {"complete-fish", print_fish}};
enum { PRODUCTS = sizeof products / sizeof products[0] };

static void put_products(FILE *to)
{
    for (int k = 0; k < PRODUCTS; k++)
        fprintf(to, "%s%s", k ? " " : "", products[k].name);
}

static void put_words(FILE *to, const char *const *words)
{
    for (int k = 0; words[k]; k++)
        fprintf(to, "%s%s", k ? " " : "", words[k]);
}

static bool wants_file(const option *o)
{
    static const char *const files[] = {"FILE", "D", "OLD.json", "KEY|FILE"};
    for (size_t k = 0; o->metavar && k < sizeof files / sizeof files[0]; k++)
        if (strcmp(o->metavar, files[k]) == 0)
            return true;
    return false;
}

/* The short help, with a backslash before what is special within single quotes and `special`. */
static void put_brief(FILE *to, const char *help, const char *special)
{
    const size_t n = brief_length(help);
    for (size_t k = 0; k < n; k++)
        if (help[k] == '\'')
            fputs("'\\''", to);
        else
            fprintf(to, "%s%c", strchr(special, help[k]) ? "\\" : "", help[k]);
}

/* ---- bash -------------------------------------------------------------------------------------- */

static void put_bash_flags(FILE *to, const command *c)
{
    fprintf(to, "    %s) flags=\"--help --help-all", c->name);
    for (const option *o = next_option(NULL, c); o; o = next_option(o, c))
        for (const char *flag = o->flags; flag; flag = next_name(flag))
            fprintf(to, " %.*s", (int)name_length(flag), flag);
    fputs("\" ;;\n", to);
}

/* What stands after an option that has a value. */
static void put_bash_values(FILE *to, const command *c)
{
    for (const option *o = next_option(NULL, c); o; o = next_option(o, c)) {
        if (!takes_value(o))
            continue;
        fputs("    ", to);
        for (const char *flag = o->flags; flag; flag = next_name(flag))
            fprintf(to, "%s%s:%.*s", flag == o->flags ? "" : " | ", c->name, (int)name_length(flag),
                    flag);
        fputs(") ", to);
        if (option_words(o)) {
            fputs("words=\"", to);
            put_words(to, option_words(o));
            fputs("\" ;;\n", to);
        } else {
            fputs("return ;;\n", to);
        }
    }
}

static void print_bash(FILE *to)
{
    fputs("# bash completion for onnxweld, made by: onnxweld --generate complete-bash\n"
          "_onnxweld()\n{\n"
          "  local cur=${COMP_WORDS[COMP_CWORD]} flag=${COMP_WORDS[COMP_CWORD - 1]}\n"
          "  local words= flags=\n"
          "  COMPREPLY=()\n"
          "  # --flag=value comes as three words\n"
          "  if [[ $cur == = ]]; then\n    cur=\n"
          "  elif [[ $flag == = ]]; then\n    flag=${COMP_WORDS[COMP_CWORD - 2]}\n  fi\n"
          "  if ((COMP_CWORD == 1)); then\n"
          "    words=\"--help --version --build-info --generate",
          to);
    for (size_t k = 0; command_at(k); k++)
        fprintf(to, " %s", command_at(k)->name);
    fputs("\"\n  fi\n  case ${COMP_WORDS[1]} in\n", to);
    for (size_t k = 0; command_at(k); k++)
        put_bash_flags(to, command_at(k));
    fputs("  esac\n  case ${COMP_WORDS[1]}:$flag in\n    --generate:--generate) words=\"", to);
    put_products(to);
    fputs("\" ;;\n", to);
    for (size_t k = 0; command_at(k); k++)
        put_bash_values(to, command_at(k));
    fputs("  esac\n"
          "  if [[ -z $words && $cur == -* ]]; then\n    words=$flags\n  fi\n"
          "  [[ -z $words ]] || COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
          "}\n"
          "complete -o default -o bashdefault -F _onnxweld onnxweld\n",
          to);
}

/* ---- zsh --------------------------------------------------------------------------------------- */

/* '--match=[how to align]:HOW:(auto none)' */
static void put_zsh_option(FILE *to, const option *o, const char *flag)
{
    const bool isolated = name_length(flag) == 2;
    fprintf(to, " \\\n        '%s%.*s", o->kind == TEXTS || o->kind == COUNT ? "*" : "",
            (int)name_length(flag), flag);
    fputs(!takes_value(o) ? "" : isolated ? "+" : "=", to);
    fputs("[", to);
    put_brief(to, o->help, "[]\\");
    fputs("]", to);
    if (takes_value(o)) {
        fprintf(to, ":%s:", o->metavar);
        if (option_words(o)) {
            fputs("(", to);
            put_words(to, option_words(o));
            fputs(")", to);
        } else {
            fputs(wants_file(o) ? "_files" : " ", to);
        }
    }
    fputs("'", to);
}

static void put_zsh_command(FILE *to, const command *c)
{
    fprintf(to, "    %s)\n      _arguments -s", c->name);
    for (const option *o = next_option(NULL, c); o; o = next_option(o, c))
        for (const char *flag = o->flags; flag; flag = next_name(flag))
            put_zsh_option(to, o, flag);
    fputs(" \\\n        '--help[in short]' '--help-all[every option]' '*:file:_files' ;;\n", to);
}

static void print_zsh(FILE *to)
{
    fputs("#compdef onnxweld\n"
          "# zsh completion for onnxweld, made by: onnxweld --generate complete-zsh\n"
          "_onnxweld() {\n  local -a commands\n  commands=(\n",
          to);
    for (size_t k = 0; command_at(k); k++) {
        fprintf(to, "    '%s:", command_at(k)->name);
        put_brief(to, command_at(k)->help, "\\");
        fputs("'\n", to);
    }
    fputs("  )\n  if ((CURRENT == 2)); then\n"
          "    _describe command commands\n"
          "    compadd -- --help --version --build-info --generate\n    return\n  fi\n"
          "  shift words\n  ((CURRENT--))\n  case $words[1] in\n    --generate) compadd -- ",
          to);
    put_products(to);
    fputs(" ;;\n", to);
    for (size_t k = 0; command_at(k); k++)
        put_zsh_command(to, command_at(k));
    fputs("  esac\n}\n_onnxweld \"$@\"\n", to);
}

/* ---- fish -------------------------------------------------------------------------------------- */

static void put_fish_option(FILE *to, const option *o, const command *c)
{
    fprintf(to, "complete -c onnxweld -n '__fish_seen_subcommand_from %s'", c->name);
    for (const char *flag = o->flags; flag; flag = next_name(flag)) {
        const bool isolated = name_length(flag) == 2;
        fprintf(to, " %s %.*s", isolated ? "-s" : "-l", (int)name_length(flag) - (isolated ? 1 : 2),
                flag + (isolated ? 1 : 2));
    }
    if (option_words(o)) {
        fputs(" -x -a '", to);
        put_words(to, option_words(o));
        fputs("'", to);
    } else if (takes_value(o)) {
        fputs(wants_file(o) ? " -r -F" : " -x", to);
    }
    fputs(" -d '", to);
    put_brief(to, o->help, "\\");
    fputs("'\n", to);
}

static void print_fish(FILE *to)
{
    fputs("# fish completion for onnxweld, made by: onnxweld --generate complete-fish\n", to);
    for (size_t k = 0; command_at(k); k++) {
        const command *c = command_at(k);
        fprintf(to, "complete -c onnxweld -n __fish_use_subcommand -f -a %s -d '", c->name);
        put_brief(to, c->help, "\\");
        fputs("'\n", to);
        for (const option *o = next_option(NULL, c); o; o = next_option(o, c))
            put_fish_option(to, o, c);
    }
    fputs("complete -c onnxweld -n __fish_use_subcommand -f -l help -l version -l build-info\n"
          "complete -c onnxweld -n __fish_use_subcommand -l generate -x -a '",
          to);
    put_products(to);
    fputs("'\n", to);
}

/* ---- all of them ------------------------------------------------------------------------------- */

weld_status generate(int argc, char **argv, weld_error *err)
{
    const char *names[PRODUCTS], *what = argc > 2 ? argv[2] : "";
    char near[SUGGESTION_MAX];
    for (int k = 0; k < PRODUCTS; k++)
        names[k] = products[k].name;
    const command *c = argc == 4 && strcmp(what, "man") == 0 ? find_command(argv[3]) : NULL;
    if (c) {
        print_command_manual(stdout, c);
        return WELD_OK;
    }
    for (int k = 0; argc == 3 && k < PRODUCTS; k++)
        if (strcmp(products[k].name, what) == 0) {
            products[k].print(stdout);
            return WELD_OK;
        }
    return bad_usage(err,
                     "--generate: '%.40s', allowed man [COMMAND], markdown, complete-bash, "
                     "complete-zsh, complete-fish%s",
                     what, suggest(near, what, names, PRODUCTS));
}
