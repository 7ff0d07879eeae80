#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "io/sink.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEMP_BYTES = 64, TEMP_TRIES = 16 };

struct weld_sink {
    weld_context *ctx;
    char *path;
    const char *base; /* last part of path */
    int dir_fd, fd;
    off_t size, started; /* bytes written; of them, on their way to the disk */
    bool replace, to_stdout, published;
    bool backup;           /* temp is the file that was replaced */
    char temp[TEMP_BYTES]; /* "" while the file has no name */
};

static weld_status fail_errno(const weld_sink *sink, const char *what, weld_error *err)
{
    return weld_fail(err, WELD_E_IO, "%s: %s: %s", sink->path, what, strerror(errno));
}

/* Short on purpose: a suffix to a name of 255 bytes would not fit. */
static void make_temp_name(char name[TEMP_BYTES], unsigned attempt)
{
    unsigned long long random = attempt;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        random = attempt;
    snprintf(name, TEMP_BYTES, ".onnxweld-%ld-%016llx", (long)getpid(), random);
}

static weld_status open_parent(weld_sink *sink, weld_error *err)
{
    weld_status st = WELD_OK;
    char *slash = strrchr(sink->path, '/');
    sink->base = slash ? slash + 1 : sink->path;
    WELD_REQUIRE(*sink->base && strcmp(sink->base, ".") != 0 && strcmp(sink->base, "..") != 0,
                 WELD_E_ARGUMENT, "%s: is a directory, expected the name of a file", sink->path);
    const char *dir = !slash ? "." : slash == sink->path ? "/" : sink->path;
    if (slash && slash != sink->path)
        *slash = '\0';
    sink->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int saved = errno;
    if (slash)
        *slash = '/';
    WELD_REQUIRE(sink->dir_fd >= 0, WELD_E_IO, "%s: its directory: %s", sink->path,
                 strerror(saved));
done:
    return st;
}

static weld_status check_target(const weld_sink *sink, weld_error *err)
{
    weld_status st = WELD_OK;
    struct stat info;
    if (fstatat(sink->dir_fd, sink->base, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? WELD_OK : fail_errno(sink, "stat", err);
    WELD_REQUIRE(!S_ISDIR(info.st_mode), WELD_E_ARGUMENT,
                 "%s: is a directory, expected the name of a file", sink->path);
    WELD_REQUIRE(sink->replace, WELD_E_ARGUMENT, "%s: exists; use -f to replace it", sink->path);
    WELD_REQUIRE(S_ISREG(info.st_mode), WELD_E_ARGUMENT,
                 "%s: is not a regular file; only those are replaced", sink->path);
done:
    return st;
}

static weld_status open_temp(weld_sink *sink, weld_error *err)
{
    if (access("/proc/self/fd", X_OK) == 0)
        sink->fd = openat(sink->dir_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    for (unsigned k = 0; sink->fd < 0 && k < TEMP_TRIES; k++) {
        make_temp_name(sink->temp, k);
        sink->fd = openat(sink->dir_fd, sink->temp,
                          O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (sink->fd < 0) {
            sink->temp[0] = '\0';
            if (errno != EEXIST)
                break;
        }
    }
    return sink->fd >= 0 ? WELD_OK : fail_errno(sink, "can't create", err);
}

weld_status weld_sink_create(weld_sink **out, weld_context *ctx, const char *path, bool replace,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    weld_sink *sink = NULL;
    *out = NULL;
    WELD_REQUIRE(path && *path, WELD_E_ARGUMENT, "the path of the output is empty");
    WELD_NEW(sink, ctx, 1);
    sink->ctx = ctx;
    sink->dir_fd = sink->fd = -1;
    sink->replace = replace;
    WELD_NEW(sink->path, ctx, strlen(path) + 1);
    memcpy(sink->path, path, strlen(path) + 1);
    sink->to_stdout = strcmp(path, "-") == 0;
    if (sink->to_stdout) {
        sink->fd = memfd_create("onnxweld", MFD_CLOEXEC);
        if (sink->fd < 0)
            WELD_TRY(fail_errno(sink, "memory file", err));
    } else {
        WELD_TRY(open_parent(sink, err));
        WELD_TRY(check_target(sink, err));
        WELD_TRY(open_temp(sink, err));
    }
    *out = sink;
    sink = NULL;
done:
    weld_sink_free(sink);
    return st;
}

const char *weld_sink_path(const weld_sink *sink)
{
    return sink->path;
}

/* The disk starts on what is there, so that little is left for the commit to wait for. It is no failure
 * where it does not. */
static void start_writeback(weld_sink *sink)
{
    enum { LEAST_BYTES = 8 << 20 };
    if (sink->to_stdout || sink->size - sink->started < LEAST_BYTES)
        return;
    sync_file_range(sink->fd, sink->started, sink->size - sink->started, SYNC_FILE_RANGE_WRITE);
    sink->started = sink->size;
}

weld_status weld_sink_write(weld_sink *sink, const void *bytes, size_t n, weld_error *err)
{
    const char *p = bytes;
    if (sink->fd < 0)
        return weld_fail(err, WELD_E_INTERNAL, "%s: written after its commit", sink->path);
    while (n) {
        ssize_t k = write(sink->fd, p, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return fail_errno(sink, "write", err);
        p += k;
        n -= (size_t)k;
        sink->size += k;
    }
    start_writeback(sink);
    return WELD_OK;
}

/* From /proc, because asking umask() means changing it for every thread. */
static mode_t current_umask(void)
{
    char line[256];
    FILE *status = fopen("/proc/self/status", "re");
    while (status && fgets(line, sizeof line, status)) {
        if (strncmp(line, "Umask:", 6) != 0)
            continue;
        fclose(status);
        return (mode_t)strtoul(line + 6, NULL, 8) & 0777;
    }
    if (status)
        fclose(status);
    mode_t mask = umask(077);
    umask(mask);
    return mask;
}

static int link_unnamed(const weld_sink *sink, const char *name)
{
    char self[64];
    snprintf(self, sizeof self, "/proc/self/fd/%d", sink->fd);
    return linkat(AT_FDCWD, self, sink->dir_fd, name, AT_SYMLINK_FOLLOW);
}

static weld_status link_temp(weld_sink *sink, weld_error *err)
{
    for (unsigned k = 0; k < TEMP_TRIES; k++) {
        char name[TEMP_BYTES];
        make_temp_name(name, k);
        if (link_unnamed(sink, name) == 0) {
            memcpy(sink->temp, name, sizeof name);
            return WELD_OK;
        }
        if (errno != EEXIST)
            break;
    }
    return fail_errno(sink, "link", err);
}

/* Never overwrites: NOREPLACE where the file system has it, else a link, which can't. */
static int rename_fresh(weld_sink *sink)
{
    if (renameat2(sink->dir_fd, sink->temp, sink->dir_fd, sink->base, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (linkat(sink->dir_fd, sink->temp, sink->dir_fd, sink->base, 0) != 0)
        return -1;
    return unlinkat(sink->dir_fd, sink->temp, 0);
}

/* The file that is replaced stays, under the temporary name, until the whole set is there. */
static int rename_over(weld_sink *sink)
{
    char name[TEMP_BYTES];
    if (renameat2(sink->dir_fd, sink->temp, sink->dir_fd, sink->base, RENAME_EXCHANGE) == 0) {
        sink->backup = true;
        return 0;
    }
    if (errno == ENOENT)
        return rename_fresh(sink);
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    make_temp_name(name, TEMP_TRIES);
    if (linkat(sink->dir_fd, sink->base, sink->dir_fd, name, 0) != 0)
        return -1;
    if (renameat(sink->dir_fd, sink->temp, sink->dir_fd, sink->base) != 0) {
        unlinkat(sink->dir_fd, name, 0);
        return -1;
    }
    memcpy(sink->temp, name, sizeof name);
    sink->backup = true;
    return 0;
}

static weld_status publish_file(weld_sink *sink, weld_error *err)
{
    weld_status st = WELD_OK;
    int rc;
    if (!sink->temp[0] && !sink->replace) {
        rc = link_unnamed(sink, sink->base);
    } else {
        if (!sink->temp[0])
            WELD_TRY(link_temp(sink, err));
        WELD_TRY(check_target(sink, err));
        rc = sink->replace ? rename_over(sink) : rename_fresh(sink);
    }
    WELD_REQUIRE(rc == 0 || errno != EEXIST, WELD_E_ARGUMENT, "%s: exists; use -f to replace it",
                 sink->path);
    if (rc != 0)
        return fail_errno(sink, "rename", err);
    if (!sink->backup)
        sink->temp[0] = '\0';
    sink->published = true;
done:
    return st;
}

/* What was collected in memory goes out at the very end: it can't be taken back. */
static weld_status publish_stdout(weld_sink *sink, weld_error *err)
{
    char part[1 << 16];
    ssize_t n;
    if (lseek(sink->fd, 0, SEEK_SET) != 0)
        return fail_errno(sink, "seek", err);
    while ((n = read(sink->fd, part, sizeof part)) > 0)
        for (ssize_t at = 0, k; at < n; at += k) {
            k = write(STDOUT_FILENO, part + at, (size_t)(n - at));
            if (k < 0 && errno != EINTR)
                return fail_errno(sink, "write", err);
            k = k < 0 ? 0 : k;
        }
    return n < 0 ? fail_errno(sink, "read", err) : WELD_OK;
}

static weld_status prepare(weld_sink *sink, weld_error *err)
{
    if (sink->fd < 0 || sink->published)
        return weld_fail(err, WELD_E_INTERNAL, "%s: committed twice", sink->path);
    if (sink->to_stdout)
        return WELD_OK;
    if (fchmod(sink->fd, 0666 & ~current_umask()) != 0)
        return fail_errno(sink, "chmod", err);
    return fsync(sink->fd) == 0 ? WELD_OK : fail_errno(sink, "fsync", err);
}

static void revert(weld_sink *sink)
{
    if (!sink->published)
        return;
    if (sink->backup)
        renameat(sink->dir_fd, sink->temp, sink->dir_fd, sink->base);
    else
        unlinkat(sink->dir_fd, sink->base, 0);
    sink->temp[0] = '\0';
    sink->published = false;
}

static void settle(weld_sink *sink)
{
    if (sink->backup)
        unlinkat(sink->dir_fd, sink->temp, 0);
    sink->temp[0] = '\0';
    if (sink->dir_fd >= 0)
        fsync(sink->dir_fd); /* some file systems can't: the file is there all the same */
    close(sink->fd);
    sink->fd = -1;
}

weld_status weld_sink_commit_all(weld_sink *const *sinks, size_t count, weld_error *err)
{
    weld_status st = WELD_OK;
    for (size_t k = 0; k < count; k++)
        WELD_TRY(prepare(sinks[k], err));
    for (size_t k = 0; k < count; k++)
        if (!sinks[k]->to_stdout)
            WELD_TRY(publish_file(sinks[k], err));
    for (size_t k = 0; k < count; k++)
        if (sinks[k]->to_stdout)
            WELD_TRY(publish_stdout(sinks[k], err));
    for (size_t k = 0; k < count; k++)
        settle(sinks[k]);
done:
    for (size_t k = count; st != WELD_OK && k > 0; k--)
        revert(sinks[k - 1]);
    return st;
}

weld_status weld_sink_commit(weld_sink *sink, weld_error *err)
{
    return weld_sink_commit_all(&sink, 1, err);
}

void weld_sink_free(weld_sink *sink)
{
    if (!sink)
        return;
    if (sink->temp[0])
        unlinkat(sink->dir_fd, sink->temp, 0);
    if (sink->fd >= 0)
        close(sink->fd);
    if (sink->dir_fd >= 0)
        close(sink->dir_fd);
    weld_free(sink->ctx, sink->path);
    weld_free(sink->ctx, sink);
}
