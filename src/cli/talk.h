/* What the user is told while a command works: stages, their progress, the summary, errors; and the log. */
#ifndef WELD_CLI_TALK_H
#define WELD_CLI_TALK_H
#include "cli.h"
#include <pthread.h>

enum { PARTS_MAX = 8, NAME_MAX_BYTES = 24 };

/* A piece of work and the seconds that it has taken. */
typedef struct piece {
    char name[NAME_MAX_BYTES];
    double seconds;
} piece;

struct talk {
    const options *o;
    FILE *log; /* NULL = none */
    bool coloured;
    /* The stage, and what the library says that it does within it. */
    const char *stage; /* NULL = none */
    double stage_began;
    piece parts[PARTS_MAX];
    size_t part_count;
    int part; /* that goes on; -1 = none */
    double part_began;
    /* The line that shows the progress, drawn by a thread of its own. */
    bool live, stopping, drawn;
    double fraction, pass_began; /* of the pass that goes on; fraction < 0 = not known */
    pthread_t drawer;
    pthread_mutex_t lock; /* over all but o */
    pthread_cond_t stop;
};

weld_status open_talk(talk *t, const options *o, int argc, char **argv, weld_error *err);
void close_talk(talk *t, int exit_code);
/* A weld_progress_fn; `user` is the talk. False after Ctrl-C. */
bool follow(const char *part, double fraction, void *user);
void say_error(talk *t, const char *message);

/* Ctrl-C, SIGTERM, SIGHUP are noted, and that the reader of standard output went away. */
void catch_signals(void);
bool was_interrupted(void);
bool lost_reader(void);

/* Of progress.c, for talk.c; the lock is held. */
void start_drawing(talk *t);
void erase_line(talk *t);
void stop_drawing(talk *t); /* the lock is not held */
#endif
