#include "cli.h"
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const command commands[] = {
#define WELD_COMMAND(name, letter, least, most, arguments, help)                                   \
    {#name, letter, least, most, arguments, help, run_##name},
#include "commands.def"
#undef WELD_COMMAND
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

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

static void print_help(FILE *to)
{
    fprintf(to, "onnxweld: align and average ONNX models\n"
                "usage: onnxweld COMMAND [options]; onnxweld COMMAND --help\n\n");
    for (int k = 0; k < COMMANDS; k++)
        fprintf(to, "  %-8s %s\n           %s\n", commands[k].name, commands[k].arguments,
                commands[k].help);
    fprintf(to, "\nexit: 0 done, 1 negative result, 2 usage, 3 not weldable, 4 unsupported,\n"
                "      5 I/O or malformed, 6 limit, 70 internal, 130 interrupted\n");
}

static int print_command_help(const command *c)
{
    printf("usage: onnxweld %s %s\n%s\n\n", c->name, c->arguments, c->help);
    print_options(stdout, c->letter);
    return 0;
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

static int unknown_command(const char *name)
{
    const char *names[COMMANDS];
    for (int k = 0; k < COMMANDS; k++)
        names[k] = commands[k].name;
    const char *near = nearest(name, names, COMMANDS);
    fprintf(stderr, "onnxweld: error: no command '%.100s'", name);
    if (near)
        fprintf(stderr, "; did you mean %s?\n", near);
    else
        fprintf(stderr, "; see onnxweld --help\n");
    return 2;
}

int main(int argc, char **argv)
{
    clock_gettime(CLOCK_MONOTONIC, &began);
    if (argc < 2) {
        print_help(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("onnxweld %s\n", weld_version());
        return 0;
    }
    for (int k = 0; k < COMMANDS; k++) {
        if (strcmp(commands[k].name, argv[1]) != 0)
            continue;
        bool help = argc == 3 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0);
        return help ? print_command_help(&commands[k]) : run_command(&commands[k], argc, argv);
    }
    return unknown_command(argv[1]);
}
