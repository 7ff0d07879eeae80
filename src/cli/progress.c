/* The line on a terminal that shows how far the work is. */
#include "talk.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { INTERVAL_MS = 200 };

/* "0:07" */
static int put_clock(char *to, size_t size, double seconds)
{
    const long s = (long)(seconds + 0.5);
    return s < 3600 ? snprintf(to, size, "%ld:%02ld", s / 60, s % 60)
                    : snprintf(to, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}

/* What is left of this pass, by the speed so far; < 0 = too early to say. */
static double seconds_left(const talk *t)
{
    const double spent = seconds_run() - t->pass_began;
    return t->fraction >= 0.05 && spent >= 1 ? spent * (1 - t->fraction) / t->fraction : -1;
}

static void draw(talk *t)
{
    char line[160], part[40] = "", percent[16] = "", left[40] = "", clock[24];
    struct winsize size = {0};
    const double rest = seconds_left(t);
    if (t->part >= 0 && strcmp(t->parts[t->part].name, t->stage) != 0)
        snprintf(part, sizeof part, " (%s)", t->parts[t->part].name);
    if (t->fraction >= 0)
        snprintf(percent, sizeof percent, "  %3d %%", (int)(100 * t->fraction));
    if (rest >= 1) {
        put_clock(clock, sizeof clock, rest);
        snprintf(left, sizeof left, ", about %s left", clock);
    }
    put_clock(clock, sizeof clock, seconds_run() - t->stage_began);
    snprintf(line, sizeof line, "%s%s%s  %s%s", t->stage, part, percent, clock, left);
    const int width = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col
                                                                                  : 80;
    fprintf(stderr, "\r\033[K%.*s", width - 1, line);
    fflush(stderr);
    t->drawn = true;
}

void erase_line(talk *t)
{
    if (t->drawn)
        fputs("\r\033[K", stderr);
    t->drawn = false;
}

static void *draw_on(void *user)
{
    talk *t = user;
    pthread_mutex_lock(&t->lock);
    while (!t->stopping) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += INTERVAL_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        if (pthread_cond_timedwait(&t->stop, &t->lock, &until) == ETIMEDOUT && t->stage)
            draw(t);
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

static bool is_wanted(const talk *t)
{
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && !t->o->quiet && !t->o->no_progress && !getenv("CI") &&
           !(term && strcmp(term, "dumb") == 0);
}

void start_drawing(talk *t)
{
    t->live = is_wanted(t) && pthread_create(&t->drawer, NULL, draw_on, t) == 0;
}

void stop_drawing(talk *t)
{
    if (!t->live)
        return;
    pthread_mutex_lock(&t->lock);
    t->stopping = true;
    erase_line(t);
    pthread_cond_signal(&t->stop);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->drawer, NULL);
    t->live = false;
}
