#include "table.h"
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Set by Ctrl-C; read when the library reports progress. */
static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

typedef struct progress {
    bool shown; /* standard error is a terminal */
    int last;   /* per cent of the last line */
} progress;

static bool show_progress(const char *stage, double fraction, void *user)
{
    progress *p = user;
    int percent = (int)(100 * fraction);
    if (p->shown && percent != p->last)
        fprintf(stderr, "\r%-8s %3d %%%s", stage, percent, percent >= 100 ? "\r\033[K" : "");
    p->last = percent;
    return !interrupted;
}

static struct timespec began;

double seconds_run(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - began.tv_sec) + 1e-9 * (double)(now.tv_nsec - began.tv_nsec);
}

weld_status load_model(weld_model **out, const session *s, const char *path, weld_error *err)
{
    weld_load_options how = WELD_LOAD_OPTIONS_INIT;
    how.freeze_unknown = s->o->freeze_unknown;
    how.output_name = path == s->o->files[0] ? s->o->output_name : NULL;
    return weld_model_load_as(out, s->ctx, path, &how, err);
}

static int exit_code(weld_status st)
{
    static const int codes[] = {0, 6, 5, 5, 6, 4, 3, 2, 1, 130, 70};
    int index = -(int)st;
    return index >= 0 && index < 11 ? codes[index] : 70;
}

static int run_command(const command *c, int argc, char **argv)
{
    static options o; /* large: not for the stack */
    weld_error err = WELD_ERROR_INIT;
    weld_context_options context = WELD_CONTEXT_OPTIONS_INIT;
    weld_context *ctx = NULL;
    const weld_measure_options measure = WELD_MEASURE_OPTIONS_INIT;
    o.density = o.lambda = 1;
    o.worse = NAN; /* not given */
    o.resamples = measure.resamples;
    o.delta = measure.delta;
    weld_status st = parse_options(&o, c, argc, argv, &err);
    if (st == WELD_OK)
        st = check_reports(&o, &err);
    progress shown = {isatty(STDERR_FILENO) && !o.quiet && !o.json && !getenv("CI"), -1};
    context.threads = o.threads > 1024 ? 1024 : (int)o.threads;
    context.memory_bytes_max = (uint64_t)o.memory;
    context.progress = show_progress;
    context.user = &shown;
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
    if (st == WELD_OK)
        st = weld_context_create(&ctx, &context, &err);
    if (st == WELD_OK) {
        const session s = {&o, ctx, argc, argv};
        st = check_gates(&s, &err);
        if (st == WELD_OK)
            st = c->run(&s, &err);
    }
    if (st != WELD_OK)
        fprintf(stderr, "%sonnxweld: error: %s\n", shown.shown && shown.last >= 0 ? "\r\033[K" : "",
                err.message);
    weld_context_free(ctx);
    return exit_code(st);
}

static weld_status unknown_command(const char *name, weld_error *err)
{
    const char *names[COMMANDS_MAX];
    size_t count = 0;
    for (; command_at(count); count++)
        names[count] = command_at(count)->name;
    const char *near = nearest(name, names, count);
    return near ? bad_usage(err, "no command '%.100s'; did you mean %s?", name, near)
                : bad_usage(err, "no command '%.100s'; see onnxweld --help", name);
}

/* "--help", "-h" or "--help-all" before "--"; NULL = none */
static const char *find_help(int argc, char **argv)
{
    for (int k = 2; k < argc && strcmp(argv[k], "--") != 0; k++)
        if (strcmp(argv[k], "--help") == 0 || strcmp(argv[k], "-h") == 0 ||
            strcmp(argv[k], "--help-all") == 0)
            return argv[k];
    return NULL;
}

static void print_build(void)
{
    for (size_t k = 0; weld_build_fact_at(k).name; k++)
        printf("%-11s %s\n", weld_build_fact_at(k).name, weld_build_fact_at(k).value);
}

static int fail(weld_status st, const weld_error *err)
{
    fprintf(stderr, "onnxweld: error: %s\n", err->message);
    return exit_code(st);
}

int main(int argc, char **argv)
{
    weld_error err = WELD_ERROR_INIT;
    clock_gettime(CLOCK_MONOTONIC, &began);
    if (argc < 2) {
        print_help(stderr);
        return 2;
    }
    const char *name = argv[1], *help = find_help(argc, argv);
    const command *c = find_command(name);
    weld_status st = WELD_OK;
    if (c && !help)
        return run_command(c, argc, argv);
    if (c)
        print_command_help(stdout, c, strcmp(help, "--help-all") == 0);
    else if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        print_help(stdout);
    else if (strcmp(name, "--version") == 0)
        printf("onnxweld %s\n", weld_version());
    else if (strcmp(name, "--build-info") == 0 || strcmp(name, "-vV") == 0)
        print_build();
    else if (strcmp(name, "--generate") == 0)
        st = generate(argc, argv, &err);
    else
        st = unknown_command(name, &err);
    return st == WELD_OK ? 0 : fail(st, &err);
}
