#include "table.h"
#include <stddef.h>

static const option table[] = {
#define WELD_GROUP(title) {NULL, GROUP, 0, NULL, "", title},
#define WELD_OPTION(flags, kind, field, metavar, commands, help)                                   \
    {flags, kind, offsetof(options, field), metavar, commands, help},
#include "options.def"
#undef WELD_OPTION
#undef WELD_GROUP
};
enum { OPTIONS = sizeof table / sizeof table[0] };
_Static_assert((int)OPTIONS <= (int)OPTIONS_MAX, "more options than OPTIONS_MAX");

static const command commands[] = {
#define WELD_COMMAND(name, letter, least, most, arguments, help)                                   \
    {#name, letter, least, most, arguments, help, run_##name},
#include "commands.def"
#undef WELD_COMMAND
};

_Static_assert(sizeof commands / sizeof commands[0] <= COMMANDS_MAX, "more than COMMANDS_MAX");

static const struct {
    const char *command;
    topic about;
    const char *text;
} texts_of_commands[] = {
#define WELD_MANUAL(command, topic, text) {#command, topic, text},
#include "manual.def"
#undef WELD_MANUAL
};
enum { TEXTS_OF_COMMANDS = sizeof texts_of_commands / sizeof texts_of_commands[0] };

static const variable variables[] = {
#define WELD_VARIABLE(name, text) {name, text},
#include "environment.def"
#undef WELD_VARIABLE
};

static const exit_text exits[] = {
#define WELD_EXIT(code, brief, text) {code, brief, text},
#include "exits.def"
#undef WELD_EXIT
};

#define WORDS(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

/* Options whose values are words: of the library, or of a list. */
static const struct {
    const char *flag;
    const char *const *(*names)(void);
    const char *const *list;
} worded[] = {
    {"--match", weld_align_methods, NULL},
    {"--method", weld_merge_methods, NULL},
    {"--stats", weld_statistics_names, NULL},
    {"--preset", weld_dataset_presets, NULL},
    {"--external", NULL, WORDS("auto", "never", "always")},
    {"--gate-on", NULL, WORDS("point", "upper")},
    {"--normalize", NULL, WORDS("none", "layer", "neuron")},
    {"--color", NULL, WORDS("auto", "always", "never")},
    {"--layout", NULL, WORDS("nchw", "nhwc")},
};

static bool is_taken(const option *o, const command *c)
{
    return o->kind != GROUP && (!c || strchr(o->commands, c->letter));
}

const option *next_option(const option *after, const command *c)
{
    for (const option *o = after ? after + 1 : table; o < table + OPTIONS; o++)
        if (is_taken(o, c))
            return o;
    return NULL;
}

const option *find_option(const char *name, size_t length, const command *c)
{
    for (const option *o = next_option(NULL, c); o; o = next_option(o, c))
        for (const char *flag = o->flags; flag; flag = next_name(flag))
            if (name_length(flag) == length && strncmp(flag, name, length) == 0)
                return o;
    return NULL;
}

const char *option_group(const option *o)
{
    while (o->kind != GROUP)
        o--;
    return o->help;
}

size_t brief_length(const char *help)
{
    const size_t end = strcspn(help, ";:"), open = strcspn(help, "(");
    const char *closed = strchr(help, ')');
    return open > 0 && open < end && !(closed && closed < help + end) ? open - 1 : end;
}

size_t option_index(const option *o)
{
    return (size_t)(o - table);
}

bool takes_value(const option *o)
{
    return o->kind != SWITCH && o->kind != COUNT;
}

const char *const *option_words(const option *o)
{
    for (size_t k = 0; k < sizeof worded / sizeof worded[0]; k++)
        if (strcmp(worded[k].flag, o->flags) == 0)
            return worded[k].names ? worded[k].names() : worded[k].list;
    return NULL;
}

bool takes_word(const option *o, const char *word)
{
    const char *const *words = option_words(o);
    for (int k = 0; words && words[k]; k++)
        if (strcmp(words[k], word) == 0)
            return true;
    if (strcmp(o->flags, "--match") == 0)
        return is_permutation_file(word);
    return !words || (strcmp(o->flags, "--method") == 0 && weld_merge_has_method(word));
}

const command *command_at(size_t index)
{
    return index < sizeof commands / sizeof commands[0] ? &commands[index] : NULL;
}

const command *find_command(const char *name)
{
    for (size_t k = 0; command_at(k); k++)
        if (strcmp(command_at(k)->name, name) == 0)
            return command_at(k);
    return NULL;
}

const char *next_text(const char *after, const command *c, topic about)
{
    bool passed = !after;
    for (int k = 0; k < TEXTS_OF_COMMANDS; k++) {
        const char *text = texts_of_commands[k].text;
        if (passed && texts_of_commands[k].about == about &&
            strcmp(texts_of_commands[k].command, c->name) == 0)
            return text;
        passed |= text == after;
    }
    return NULL;
}

const variable *variable_at(size_t index)
{
    return index < sizeof variables / sizeof variables[0] ? &variables[index] : NULL;
}

const exit_text *exit_at(size_t index)
{
    return index < sizeof exits / sizeof exits[0] ? &exits[index] : NULL;
}

int word_index(const char *flag, const char *word)
{
    for (size_t k = 0; k < sizeof worded / sizeof worded[0]; k++)
        for (int n = 0; word && strcmp(worded[k].flag, flag) == 0 && worded[k].list[n]; n++)
            if (strcmp(worded[k].list[n], word) == 0)
                return n;
    return 0;
}
