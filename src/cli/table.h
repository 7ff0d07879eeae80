/* The tables that parser, help, manual and completions are made of. */
#ifndef WELD_CLI_TABLE_H
#define WELD_CLI_TABLE_H
#include "cli.h"
#include <string.h>

typedef enum option_kind {
    GROUP, /* no option: the title of those that follow */
    SWITCH,
    COUNT,
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
    const char *flags; /* "-f, --force"; NULL for a group */
    option_kind kind;
    size_t offset; /* of its field in `options` */
    const char *metavar, *commands, *help;
} option;

/* The option after this one (NULL: the first) that the command takes (NULL: any); NULL after the last. */
const option *next_option(const option *after, const command *c);
/* By one of its names; NULL = the command has none of that name. */
const option *find_option(const char *name, size_t length, const command *c);
/* The title under which it stands. */
const char *option_group(const option *o);
/* The length of the short help: up to the first ';' or ':', without what is not closed there. */
size_t brief_length(const char *help);
/* Its place in the table, below OPTIONS_MAX. */
enum { OPTIONS_MAX = 128 };
size_t option_index(const option *o);
bool takes_value(const option *o);
/* The words that its value is one of, the default first; NULL = any value. */
const char *const *option_words(const option *o);
/* Words and, for --match, files */
bool takes_word(const option *o, const char *word);

/* The length of the first name in "-f, --force", and the name after it (NULL = it was the last). */
static inline size_t name_length(const char *names)
{
    return strcspn(names, ",");
}
static inline const char *next_name(const char *names)
{
    names += name_length(names);
    return *names ? names + 2 : NULL;
}

/* NULL after the last. */
enum { COMMANDS_MAX = 16 };
const command *command_at(size_t index);
const command *find_command(const char *name);

/* What else there is to say of a command. */
typedef enum topic { OFTEN, ABOUT, EXAMPLE } topic;
/* The text of this topic after `after` (NULL: the first), NULL after the last. OFTEN: the flags that its short
 * help shows. ABOUT: paragraphs. EXAMPLE: commands. */
const char *next_text(const char *after, const command *c, topic about);

/* Environment variables and exit codes; NULL after the last. */
typedef struct variable {
    const char *name, *text;
} variable;
const variable *variable_at(size_t index);
typedef struct exit_text {
    int code;
    const char *brief, *text;
} exit_text;
const exit_text *exit_at(size_t index);

void print_help(FILE *to);
/* A screenful, or every option */
void print_command_help(FILE *to, const command *c, bool all);
void print_manual(FILE *to);
void print_markdown(FILE *to);
void print_command_manual(FILE *to, const command *c);
/* --generate WHAT [COMMAND] */
weld_status generate(int argc, char **argv, weld_error *err);
#endif
