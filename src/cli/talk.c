#include "talk.h"
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- signals ----------------------------------------------------------------------------------- */

static volatile sig_atomic_t interrupted, piped;

static void note_signal(int signal_number)
{
    if (signal_number == SIGPIPE)
        piped = 1;
    else
        interrupted = 1;
}

bool was_interrupted(void)
{
    return interrupted;
}

bool lost_reader(void)
{
    return piped;
}

/* Calls that wait are not taken up again: who waits for a file or a pipe is interrupted as well. */
void catch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    const struct sigaction how = {.sa_handler = note_signal};
    for (size_t k = 0; k < sizeof signals / sizeof signals[0]; k++)
        sigaction(signals[k], &how, NULL);
}

/* ---- lines ------------------------------------------------------------------------------------- */

enum colour { RED = 31, GREEN = 32, YELLOW = 33 };

/* The first words of lines that have a colour. */
static const struct {
    const char *word;
    enum colour colour;
} coloured_words[] = {{"PASS", GREEN},     {"WARN", YELLOW}, {"FAIL", RED},
                      {"warning", YELLOW}, {"FAILED", RED},  {"onnxweld: error:", RED}};

static bool wants_colour(const options *o)
{
    const char *term = getenv("TERM"), *none = getenv("NO_COLOR");
    const char *const when = o->color ? o->color : "auto";
    if (strcmp(when, "auto") != 0)
        return strcmp(when, "always") == 0;
    return isatty(STDERR_FILENO) && !(none && *none) && !(term && strcmp(term, "dumb") == 0);
}

static void put_coloured(const char *line, size_t length)
{
    for (size_t k = 0; k < sizeof coloured_words / sizeof coloured_words[0]; k++) {
        const size_t n = strlen(coloured_words[k].word);
        if (n > length || strncmp(line, coloured_words[k].word, n) != 0 ||
            (n < length && line[n] != ' '))
            continue;
        fprintf(stderr, "\033[1;%dm%.*s\033[0m%.*s\n", (int)coloured_words[k].colour, (int)n, line,
                (int)(length - n), line + n);
        return;
    }
    fprintf(stderr, "%.*s\n", (int)length, line);
}

/* Lines to the log and, if they are shown, to standard error; the lock is held. */
static void put_lines(talk *t, const char *text, bool shown)
{
    erase_line(t);
    for (const char *at = text; *at;) {
        const size_t n = strcspn(at, "\n");
        if (shown && t->coloured)
            put_coloured(at, n);
        else if (shown)
            fprintf(stderr, "%.*s\n", (int)n, at);
        if (t->log)
            fprintf(t->log, "%.*s\n", (int)n, at);
        at += n + (at[n] == '\n');
    }
    if (t->log)
        fflush(t->log);
}

void say(talk *t, const char *text)
{
    pthread_mutex_lock(&t->lock);
    put_lines(t, text, !t->o->quiet);
    pthread_mutex_unlock(&t->lock);
}

void say_line(talk *t, const char *format, ...)
{
    char line[4200];
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    say(t, line);
}

void say_error(talk *t, const char *message)
{
    char line[1200];
    snprintf(line, sizeof line, "onnxweld: error: %s", message);
    pthread_mutex_lock(&t->lock);
    put_lines(t, line, t->o->quiet < 2);
    pthread_mutex_unlock(&t->lock);
}

/* ---- stages ------------------------------------------------------------------------------------ */

static const char *what_it_does(const char *stage)
{
    static const struct {
        const char *name, *text;
    } stages[] = {
#define WELD_STAGE(name, text) {name, text},
#include "stages.def"
#undef WELD_STAGE
    };
    for (size_t k = 0; k < sizeof stages / sizeof stages[0]; k++)
        if (strcmp(stages[k].name, stage) == 0)
            return stages[k].text;
    return "";
}

static void end_part(talk *t)
{
    if (t->part >= 0)
        t->parts[t->part].seconds += seconds_run() - t->part_began;
    t->part = -1;
}

/* "align     finds the permutation ...: 0.31 s (match 0.20 s, choose 0.10 s)" */
static void end_stage(talk *t)
{
    char line[512];
    if (!t->stage)
        return;
    end_part(t);
    size_t used = (size_t)snprintf(line, sizeof line, "%-9s %s: %.2f s", t->stage,
                                   what_it_does(t->stage), seconds_run() - t->stage_began);
    const bool alone = t->part_count == 1 && strcmp(t->parts[0].name, t->stage) == 0;
    for (size_t k = 0; !alone && k < t->part_count && used < sizeof line; k++)
        used += (size_t)snprintf(line + used, sizeof line - used, "%s%s %.2f s%s", k ? ", " : " (",
                                 t->parts[k].name, t->parts[k].seconds,
                                 k + 1 == t->part_count ? ")" : "");
    put_lines(t, line, t->o->verbose);
    t->stage = NULL;
}

void begin_stage(talk *t, const char *name)
{
    pthread_mutex_lock(&t->lock);
    end_stage(t);
    erase_line(t);
    t->stage = name;
    t->part_count = 0;
    t->fraction = -1;
    t->stage_began = t->pass_began = seconds_run();
    pthread_mutex_unlock(&t->lock);
}

static void begin_part(talk *t, const char *name)
{
    int k = 0;
    while (k < (int)t->part_count && strcmp(t->parts[k].name, name) != 0)
        k++;
    if (k == t->part && k < (int)t->part_count)
        return;
    end_part(t);
    if (k == PARTS_MAX)
        return;
    if (k == (int)t->part_count) {
        t->part_count++;
        t->parts[k].seconds = 0;
        snprintf(t->parts[k].name, sizeof t->parts[k].name, "%s", name);
    }
    t->part = k;
    t->part_began = t->pass_began = seconds_run();
    t->fraction = 0;
}

bool follow(const char *part, double fraction, void *user)
{
    talk *t = user;
    pthread_mutex_lock(&t->lock);
    begin_part(t, part);
    if (fraction < t->fraction) /* another pass */
        t->pass_began = seconds_run();
    t->fraction = fraction;
    pthread_mutex_unlock(&t->lock);
    return !interrupted;
}

/* ---- from beginning to end ---------------------------------------------------------------------- */

static void begin_log(FILE *log, int argc, char **argv)
{
    char when[32] = "";
    const time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc))
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    fprintf(log, "%s onnxweld %s:", when, weld_version());
    for (int k = 1; k < argc; k++)
        fprintf(log, " %s", argv[k]);
    fputc('\n', log);
}

weld_status open_talk(talk *t, const options *o, int argc, char **argv, weld_error *err)
{
    *t = (talk){.o = o, .part = -1, .fraction = -1, .coloured = wants_colour(o)};
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->stop, NULL);
    if (o->log) {
        t->log = fopen(o->log, "ae");
        if (!t->log)
            return failed(err, WELD_E_IO, "--log %.900s: %s", o->log, strerror(errno));
        begin_log(t->log, argc, argv);
    }
    start_drawing(t);
    return WELD_OK;
}

void close_talk(talk *t, int exit_code)
{
    stop_drawing(t);
    if (t->log) {
        fprintf(t->log, "exit %d after %.2f s\n", exit_code, seconds_run());
        fclose(t->log);
    }
    pthread_cond_destroy(&t->stop);
    pthread_mutex_destroy(&t->lock);
}
