/* The command line: sees onnxweld.h only. */
#ifndef WELD_CLI_CLI_H
#define WELD_CLI_CLI_H
#include "onnxweld.h"
#include <stdio.h>

enum { FILES_MAX = 64, REPORTS_MAX = 8, NUMBERS_MAX = 1001, SIZES_MAX = 32 };

typedef struct numbers {
    double at[NUMBERS_MAX];
    size_t count;
} numbers;

typedef struct alphas {
    numbers list;
    bool best; /* to be found */
} alphas;

typedef struct texts {
    const char *at[REPORTS_MAX];
    size_t count;
} texts;

typedef struct input_keys {
    char text[2048]; /* that holds the names */
    size_t used;
    weld_input_key at[REPORTS_MAX];
    size_t count;
} input_keys;

/* Of A and B; 0 = nothing */
typedef struct expected {
    double accuracy[2];
    bool given;
} expected;

typedef struct sizes {
    char text[1024]; /* that holds the names */
    const char *names[SIZES_MAX];
    int64_t at[SIZES_MAX];
    size_t count;
} sizes;

typedef struct limits {
    weld_gate_limit at[REPORTS_MAX];
    size_t count;
} limits;

/* Everything that options.def lists, and the files. */
typedef struct options {
    const char *files[FILES_MAX];
    int file_count;
#define WELD_OPTION(flag, kind, field, metavar, commands, help) OPTION_FIELD_##kind(field);
#define WELD_GROUP(title)
#define OPTION_FIELD_SWITCH(field) bool field
#define OPTION_FIELD_COUNT(field) int field
#define OPTION_FIELD_TEXT(field) const char *field
#define OPTION_FIELD_TEXTS(field) texts field
#define OPTION_FIELD_INTEGER(field) long long field
#define OPTION_FIELD_REAL(field) double field
#define OPTION_FIELD_NUMBERS(field) numbers field
#define OPTION_FIELD_ALPHAS(field) alphas field
#define OPTION_FIELD_GRID(field) numbers field
#define OPTION_FIELD_SIZES(field) sizes field
#define OPTION_FIELD_LIMIT(field) bool field /* given; the limit is in `limits` */
#define OPTION_FIELD_KEYS(field) input_keys field
#define OPTION_FIELD_ENDS(field) expected field
#include "options.def"
#undef WELD_OPTION
#undef WELD_GROUP
    limits limits; /* of all options of the kind LIMIT that were given */
} options;

/* What a command works with. */
typedef struct talk talk;
typedef struct session {
    const options *o;
    talk *talk; /* talk.h */
    weld_context *ctx;
    int argc;
    char **argv;
} session;

typedef struct command {
    const char *name;
    char letter; /* by which options.def names it */
    int files_min, files_max;
    const char *arguments, *help;
    weld_status (*run)(const session *s, weld_error *err);
} command;

#define WELD_COMMAND(name, ...) weld_status run_##name(const session *s, weld_error *err);
#include "commands.def"
#undef WELD_COMMAND

/* An error with this message; returns `st`. */
weld_status failed(weld_error *err, weld_status st, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A usage error. */
#define bad_usage(err, ...) failed((err), WELD_E_ARGUMENT, __VA_ARGS__)
weld_status parse_options(options *o, const command *c, int argc, char **argv, weld_error *err);
/* The place of a word among those of an option that has a list of its own; 0 for NULL */
int word_index(const char *flag, const char *word);
/* "; did you mean ...?" with the candidate nearest to a mistyped word, "" when none is near. `text`: room. */
enum { SUGGESTION_MAX = 64 };
const char *suggest(char text[SUGGESTION_MAX], const char *word, const char *const *candidates,
                    size_t count);

/* Shared by the commands. */
/* --data or --raw is given */
bool has_data(const options *o);
/* path: NULL = --raw; labels: key or file, NULL = found; limit 0 = all samples */
weld_status open_data(weld_dataset **out, const session *s, const char *path, const char *labels,
                      long long limit, weld_error *err);
/* --match-data */
weld_status open_match_data(weld_dataset **out, const session *s, weld_error *err);
typedef struct datasets {
    weld_dataset *whole; /* --data, when it was split; else NULL */
    weld_dataset *data;  /* to judge by; NULL = none */
    weld_dataset *match; /* to learn from; NULL = none */
    weld_dataset *tune;  /* for --alpha best; NULL = what is learnt from */
} datasets;
/* --data, --match-data, --tune-data, and what is split of them; to be closed on failure as well. */
weld_status open_datasets(datasets *out, const session *s, weld_error *err);
void close_datasets(datasets *d);
weld_align_options read_align_wish(const session *s, const datasets *d);
/* --match takes a method's name or a permutation file. */
bool is_permutation_file(const char *method);
/* --stats: where a merge is written NULL (the library's default) unless given, else "none". */
const char *statistics_wanted(const session *s);
/* weld with three files and more. */
weld_status weld_many(const session *s, weld_error *err);
/* What weld_report_measure gets, but for the merges; it borrows from the options. */
/* What is out of range for the library stays so. */
int read_resamples(const options *o);
weld_measure_options read_measure_wish(const options *o);
/* What --alpha best is found on. */
const weld_dataset *search_data(const datasets *d);
typedef struct results {
    weld_outputs *outputs;
    weld_report *report;
} results;
/* One of the files, also named in the report. */
weld_status add_model(results *r, const session *s, const weld_model *model, const char *path,
                      double alpha, weld_error *err);
/* --bundle: all that follows goes into it. */
weld_status open_outputs(weld_outputs **out, const session *s, weld_error *err);
/* -o, or the name that the model has in a bundle; with {alpha} in it where there are several. */
const char *output_of(const session *s);
/* "m_{alpha}.onnx" -> "m_0.3.onnx" */
enum { PATH_ROOM = 4096 };
weld_status output_path(char path[PATH_ROOM], const char *pattern, double alpha, weld_error *err);
/* Where the permutation goes; NULL = nowhere. */
const char *permutation_of(const options *o);
/* Gates, then what leave() does. WELD_E_NEGATIVE where a gate failed: everything is written then. */
weld_status finish(results *r, const session *s, weld_error *err);
void close_results(results *r);
/* For commands that write nothing else: the reports and the summary of what was found. Returns that, or why it
 * could not be written; a report of NULL is none. */
weld_status report_on(weld_report *report, weld_status found, const session *s, weld_error *err);
/* The merges that the options ask for. */
typedef struct merge_wish {
    weld_merge_options options;
    weld_layer_alpha layers[REPORTS_MAX];
    char patterns[REPORTS_MAX][256];
    weld_model *base; /* NULL = none */
} merge_wish;
weld_status read_merge_wish(merge_wish *out, const session *s, const weld_dataset *data,
                            weld_error *err);
void close_merge_wish(merge_wish *wish);
/* In the order in which they are made: those that are written (of weld), then those that are only measured
 * (--compare; of lmc, the path with its statistics). With --alpha best, alpha is not known before. */
typedef struct merge_list {
    weld_merge_options *at; /* [count], to be freed; borrows from the wish and from `compared` */
    size_t count, written;
    char compared[1024]; /* names of --compare */
} merge_list;
weld_status list_merges(merge_list *out, const session *s, const merge_wish *wish, bool measured,
                        weld_error *err);
/* --method goes with --base, --density, --lambda. */
weld_status check_merge(const options *o, weld_error *err);
/* Another method than the wish's: what it does not take is left out. */
void take_method(weld_merge_options *how, const char *method);
/* The format by the end of a name; NULL = none has it. */
const char *report_format(const char *path);
/* Report k of those that are asked for; false after the last. */
typedef struct report_file {
    const char *format, *path;
} report_file;
bool report_at(report_file *out, const options *o, size_t k);
/* The files that a command is going to write. */
typedef struct output_file {
    const char *role;
    char *path;
    int64_t bytes; /* -1 = not known */
} output_file;
typedef struct output_files {
    output_file *at; /* [count] */
    size_t count;
} output_files;
/* What can't be written is refused. like: the model whose file the outputs are made of. */
weld_status list_outputs(output_files *out, weld_outputs *outputs, const session *s,
                         const merge_list *merges, const weld_model *like, weld_error *err);
void free_outputs(output_files *files);
/* --dry-run: names files and data in the plan, and prints it. */
weld_status say_preview(weld_report *preview, const session *s, const datasets *d,
                        const output_files *files, weld_error *err);
/* Are any gates asked for? */
bool wants_gates(const options *o);
/* *out borrows from the options. */
weld_status read_gates(weld_gate_options *out, const options *o, weld_error *err);
/* Mistakes in what is asked of the report, before there is any work. */
weld_status check_gates(const session *s, weld_error *err);
weld_status check_reports(const options *o, weld_error *err);
/* The options for preprocessing. */
weld_status read_preprocessing(weld_dataset_options *out, const options *o, weld_error *err);
/* A model for aligning: --freeze-unknown counts, and --output-name for the first of the files. */
weld_status load_model(weld_model **out, const session *s, const char *path, weld_error *err);
/* The stage of this name (stages.def) begins, and the one before it ends. NULL: nothing goes on any more, results
 * are printed. */
void begin_stage(talk *t, const char *name);
/* Lines on standard error, unless -q, and in the log. */
void say(talk *t, const char *text);
void say_line(talk *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Seconds since the program began. */
double seconds_run(void);
#endif
