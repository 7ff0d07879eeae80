#include "io/relay.h"
#include <pthread.h>
#include <string.h>

enum { ROOM_BYTES = 8 << 20, STEP_BYTES = 1 << 20 };

struct weld_relay {
    weld_context *ctx;
    const weld_writer *to;
    unsigned char
        *room; /* [ROOM_BYTES] a ring: byte k of all that is written stands at k % ROOM_BYTES */
    uint64_t taken, done; /* bytes written to the relay, and by it */
    bool threaded, closed;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    weld_error failure; /* status WELD_OK = none */
};

/* Bytes that lie side by side in the ring, at most one step. */
static size_t stretch(uint64_t from, uint64_t count)
{
    const uint64_t left = ROOM_BYTES - from % ROOM_BYTES;
    const uint64_t n = count < left ? count : left;
    return n < STEP_BYTES ? (size_t)n : STEP_BYTES;
}

static void *pass_on(void *arg)
{
    weld_relay *r = arg;
    pthread_mutex_lock(&r->lock);
    while (r->failure.status == WELD_OK) {
        if (r->done == r->taken && r->closed)
            break;
        if (r->done == r->taken) {
            pthread_cond_wait(&r->changed, &r->lock);
            continue;
        }
        const size_t n = stretch(r->done, r->taken - r->done);
        weld_error error = WELD_ERROR_INIT;
        pthread_mutex_unlock(&r->lock);
        const weld_status st = r->to->write(r->to->user, r->room + r->done % ROOM_BYTES, n, &error);
        pthread_mutex_lock(&r->lock);
        if (st != WELD_OK)
            r->failure = error;
        r->done += n;
        pthread_cond_signal(&r->changed);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

weld_status weld_relay_create(weld_relay **out, weld_context *ctx, const weld_writer *to,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    weld_relay *r = NULL;
    *out = NULL;
    WELD_NEW(r, ctx, 1);
    r->ctx = ctx;
    r->to = to;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    if (ctx->threads > 1) {
        WELD_NEW(r->room, ctx, ROOM_BYTES);
        r->threaded = pthread_create(&r->thread, NULL, pass_on, r) == 0;
    }
    *out = r;
    r = NULL;
done:
    weld_relay_free(r);
    return st;
}

static weld_status check(const weld_relay *r, weld_error *err)
{
    if (r->failure.status != WELD_OK && err)
        *err = r->failure;
    return r->failure.status;
}

weld_status weld_relay_write(weld_relay *r, const void *bytes, size_t n, weld_error *err)
{
    const unsigned char *from = bytes;
    if (!r->threaded)
        return r->to->write(r->to->user, bytes, n, err);
    pthread_mutex_lock(&r->lock);
    while (n && r->failure.status == WELD_OK) {
        if (r->taken - r->done == ROOM_BYTES) {
            pthread_cond_wait(&r->changed, &r->lock);
            continue;
        }
        const uint64_t room = ROOM_BYTES - (r->taken - r->done);
        const size_t part = stretch(r->taken, room < n ? room : n);
        pthread_mutex_unlock(&r->lock);
        memcpy(r->room + r->taken % ROOM_BYTES, from, part);
        pthread_mutex_lock(&r->lock);
        from += part;
        n -= part;
        r->taken += part;
        pthread_cond_signal(&r->changed);
    }
    const weld_status st = check(r, err);
    pthread_mutex_unlock(&r->lock);
    return st;
}

weld_status weld_relay_finish(weld_relay *r, weld_error *err)
{
    if (r->threaded) {
        pthread_mutex_lock(&r->lock);
        r->closed = true;
        pthread_cond_signal(&r->changed);
        pthread_mutex_unlock(&r->lock);
        pthread_join(r->thread, NULL);
        r->threaded = false;
    }
    return check(r, err);
}

void weld_relay_free(weld_relay *r)
{
    if (!r)
        return;
    weld_relay_finish(r, NULL);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    weld_free(r->ctx, r->room);
    weld_free(r->ctx, r);
}
