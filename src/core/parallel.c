#include "core/parallel.h"
#include <pthread.h>
#include <string.h>

enum { SLOTS_MAX = 64 };

typedef struct job {
    weld_parallel_fn fn;
    void *user;
    int64_t count;
    _Atomic int64_t next;
    _Atomic int64_t stop_at; /* the lowest item that failed; later ones need not run */
    pthread_mutex_t lock;
    weld_error error;
    weld_status status;
} job;

typedef struct worker {
    job *job;
    int slot;
} worker;

int weld_parallel_slots(const weld_context *ctx)
{
    return ctx->threads < SLOTS_MAX ? ctx->threads : SLOTS_MAX;
}

static void record_failure(job *j, int64_t item, weld_status st, const weld_error *error)
{
    pthread_mutex_lock(&j->lock);
    if (item < atomic_load(&j->stop_at)) {
        atomic_store(&j->stop_at, item);
        j->error = *error;
        j->status = st;
    }
    pthread_mutex_unlock(&j->lock);
}

static void *work(void *arg)
{
    worker *w = arg;
    job *j = w->job;
    for (;;) {
        int64_t item = atomic_fetch_add(&j->next, 1);
        if (item >= j->count || item >= atomic_load(&j->stop_at))
            return NULL;
        weld_error error = WELD_ERROR_INIT;
        weld_status st = j->fn(j->user, item, w->slot, &error);
        if (st != WELD_OK)
            record_failure(j, item, st, &error);
    }
}

weld_status weld_parallel_for(weld_context *ctx, int64_t count, weld_parallel_fn fn, void *user,
                              weld_error *err)
{
    job j = {.fn = fn, .user = user, .count = count, .status = WELD_OK};
    pthread_t threads[SLOTS_MAX];
    worker workers[SLOTS_MAX];
    int started = 0, wanted = weld_parallel_slots(ctx);
    atomic_init(&j.next, 0);
    atomic_init(&j.stop_at, INT64_MAX);
    pthread_mutex_init(&j.lock, NULL);
    if (count < wanted)
        wanted = (int)count;
    /* The caller is worker 0. A thread that can't be had is done without. */
    for (int i = 1; i < wanted; i++) {
        workers[i] = (worker){&j, i};
        if (pthread_create(&threads[started + 1], NULL, work, &workers[i]) != 0)
            break;
        started++;
    }
    workers[0] = (worker){&j, 0};
    work(&workers[0]);
    for (int i = 1; i <= started; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&j.lock);
    if (j.status != WELD_OK && err)
        *err = j.error;
    return j.status;
}
