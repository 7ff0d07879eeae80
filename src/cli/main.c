#include "table.h"
#include "talk.h"
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

/* -j, else ONNXWELD_THREADS, else OMP_NUM_THREADS ("4" or "4,2"), else 0: all processors. What is no number is
 * left out with a warning. */
static int read_threads(const options *o, talk *t)
{
    static const char *const variables[] = {"ONNXWELD_THREADS", "OMP_NUM_THREADS"};
    long long threads = o->threads;
    for (int k = 0; k < 2 && !threads; k++) {
        const char *text = getenv(variables[k]);
        char *end = NULL;
        const long long n = text ? strtoll(text, &end, 10) : 0;
        if (!text || !*text)
            continue;
        if (n < 1 || (*end && *end != ','))
            say_line(t, "warning   %s: '%.40s' is not a number of threads, it is ignored",
                     variables[k], text);
        else
            threads = n;
    }
    return threads > 1024 ? 1024 : (int)threads;
}

static weld_status run_within(const session *s, const command *c, weld_error *err)
{
    weld_status st = check_gates(s, err);
    if (st == WELD_OK)
        st = c->run(s, err);
    begin_stage(s->talk, NULL);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return st;
    return failed(err, WELD_E_IO, "standard output: %s", strerror(errno));
}

static weld_status run_command(const command *c, options *o, talk *t, int argc, char **argv,
                               weld_error *err)
{
    weld_context_options context = WELD_CONTEXT_OPTIONS_INIT;
    session s = {.o = o, .talk = t, .argc = argc, .argv = argv};
    context.threads = read_threads(o, t);
    context.memory_bytes_max = (uint64_t)o->memory;
    context.progress = follow;
    context.user = t;
    catch_signals();
    weld_status st = weld_context_create(&s.ctx, &context, err);
    if (st == WELD_OK)
        st = run_within(&s, c, err);
    weld_context_free(s.ctx);
    if (st != WELD_OK && was_interrupted()) /* also where it was a call that was interrupted */
        return failed(err, WELD_E_CANCELLED, "interrupted");
    return st;
}

/* A program whose reader went away ends as all others do. */
static int leave(int code)
{
    if (code && lost_reader()) {
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
    return code;
}

static int fail(weld_status st, const weld_error *err)
{
    fprintf(stderr, "onnxweld: error: %s\n", err->message);
    return exit_code(st);
}

static int command_main(const command *c, int argc, char **argv)
{
    static options o; /* large: not for the stack */
    static talk t;
    weld_error err = WELD_ERROR_INIT;
    const weld_measure_options measure = WELD_MEASURE_OPTIONS_INIT;
    o.density = o.lambda = 1;
    o.worse = NAN; /* not given */
    o.resamples = measure.resamples;
    o.delta = measure.delta;
    weld_status st = parse_options(&o, c, argc, argv, &err);
    if (st == WELD_OK)
        st = check_reports(&o, &err);
    if (st == WELD_OK)
        st = open_talk(&t, &o, argc, argv, &err);
    if (st != WELD_OK)
        return o.quiet < 2 ? fail(st, &err) : exit_code(st);
    st = run_command(c, &o, &t, argc, argv, &err);
    if (st != WELD_OK && !lost_reader())
        say_error(&t, err.message);
    close_talk(&t, exit_code(st));
    return leave(exit_code(st));
}

static weld_status unknown_command(const char *name, weld_error *err)
{
    const char *names[COMMANDS_MAX];
    char near[SUGGESTION_MAX];
    size_t count = 0;
    for (; command_at(count); count++)
        names[count] = command_at(count)->name;
    suggest(near, name, names, count);
    return bad_usage(err, "no command '%.100s'%s", name, near[0] ? near : "; see onnxweld --help");
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
        return command_main(c, argc, argv);
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
