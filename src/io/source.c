#include "io/source.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct weld_source {
    weld_context *ctx;
    int references;
    int fd;               /* -1 for memory */
    unsigned char *bytes; /* memory only */
    char *name;
    uint64_t size;
    dev_t device;
    ino_t inode;
    struct timespec modified;
    weld_archive *archive; /* that it is a member of; NULL = none, or left */
    unsigned char *archive_bytes;
    size_t folder_at, folder_bytes; /* of `name`: the member's folder, with its slash */
};

static const char *kind_of(mode_t mode)
{
    if (S_ISDIR(mode))
        return "a directory";
    if (S_ISFIFO(mode))
        return "a pipe";
    if (S_ISCHR(mode) || S_ISBLK(mode))
        return "a device";
    return "not a regular file";
}

static weld_status adopt_file(weld_source *source, uint64_t max, weld_error *err)
{
    weld_status st = WELD_OK;
    struct stat info;
    WELD_REQUIRE(fstat(source->fd, &info) == 0, WELD_E_IO, "%s: %s", source->name, strerror(errno));
    WELD_REQUIRE(S_ISREG(info.st_mode), WELD_E_IO, "%s: is %s, expected a regular file",
                 source->name, kind_of(info.st_mode));
    source->size = (uint64_t)info.st_size;
    WELD_REQUIRE(source->size <= max && source->size <= SIZE_MAX / 2, WELD_E_LIMIT,
                 "%s: %" PRIu64 " bytes, allowed at most %" PRIu64, source->name, source->size,
                 max);
    source->device = info.st_dev;
    source->inode = info.st_ino;
    source->modified = info.st_mtim;
done:
    return st;
}

static weld_status source_new(weld_source **out, weld_context *ctx, const char *name,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    weld_source *source = NULL;
    *out = NULL;
    WELD_NEW(source, ctx, 1);
    source->ctx = ctx;
    source->references = 1;
    source->fd = -1;
    source->name = weld_strdup(ctx, name);
    WELD_REQUIRE(source->name, WELD_E_NOMEM, "out of memory");
    *out = source;
    source = NULL;
done:
    weld_source_free(source);
    return st;
}

bool weld_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

weld_status weld_source_open(weld_source **out, weld_context *ctx, const char *path,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    weld_source *source = NULL;
    *out = NULL;
    WELD_REQUIRE(path && *path, WELD_E_ARGUMENT, "the path of a file is empty");
    WELD_TRY(source_new(&source, ctx, path, err));
    do
        source->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    while (source->fd < 0 && errno == EINTR);
    WELD_REQUIRE(source->fd >= 0, WELD_E_IO, "%s: %s", path, strerror(errno));
    WELD_TRY(adopt_file(source, ctx->limits.file_bytes_max, err));
    *out = source;
    source = NULL;
done:
    weld_source_free(source);
    return st;
}

/* One step of the way: a folder, or at the end a file; never through a symbolic link. */
static int open_step(int folder, const char *name, size_t n, bool last)
{
    char step[NAME_MAX + 1];
    int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW;
    if (n == 0 || n > NAME_MAX || (n == 2 && memcmp(name, "..", 2) == 0)) {
        errno = EXDEV;
        return -1;
    }
    memcpy(step, name, n);
    step[n] = '\0';
    return openat(folder, step, last ? flags : flags | O_DIRECTORY);
}

static int open_beneath(const char *anchor, const char *relative)
{
    const char *slash = strrchr(anchor, '/');
    char folder[PATH_MAX] = ".";
    size_t n = slash ? (size_t)(slash - anchor) + 1 : 1;
    if (n >= sizeof folder) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (slash)
        memcpy(folder, anchor, n);
    int at = open(folder, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    while (at >= 0 && *relative) {
        size_t length = strcspn(relative, "/");
        bool last = !relative[length];
        int next = open_step(at, relative, length, last);
        int saved = errno;
        close(at);
        errno = saved;
        at = next;
        relative += length + !last;
    }
    return at;
}

static const char outside[] = "allowed are files below the model's folder, without .. and links";

/* The member of the anchor's archive, in its folder. */
static weld_status member_beneath(weld_source **out, weld_context *ctx, const weld_source *anchor,
                                  const char *relative, weld_error *err)
{
    weld_status st = WELD_OK;
    char *name = NULL;
    void *bytes = NULL;
    size_t size;
    for (const char *at = relative; at; at = strchr(at, '/')) {
        at += at > relative;
        WELD_REQUIRE(*at && *at != '/' && strncmp(at, "../", 3) != 0 && strcmp(at, "..") != 0,
                     WELD_E_IO, "external data '%s': %s", relative, outside);
    }
    WELD_NEW(name, ctx, anchor->folder_bytes + strlen(relative) + 1);
    memcpy(name, anchor->name + anchor->folder_at, anchor->folder_bytes);
    strcpy(name + anchor->folder_bytes, relative);
    WELD_TRY(weld_archive_member(&bytes, &size, anchor->archive, name, err));
    WELD_REQUIRE(bytes, WELD_E_IO, "external data '%s': the archive has no %s", relative, name);
    WELD_TRY(weld_source_adopt(out, ctx, &bytes, size, relative, err));
done:
    weld_free(ctx, name);
    weld_free(ctx, bytes);
    return st;
}

weld_status weld_source_beneath(weld_source **out, weld_context *ctx, const weld_source *anchor,
                                const char *relative, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_source *source = NULL;
    *out = NULL;
    if (anchor->archive)
        return member_beneath(out, ctx, anchor, relative, err);
    WELD_REQUIRE(anchor->fd >= 0, WELD_E_UNSUPPORTED,
                 "has external data, which a model from memory can't");
    WELD_TRY(source_new(&source, ctx, relative, err));
    source->fd = open_beneath(anchor->name, relative);
    WELD_REQUIRE(source->fd >= 0, WELD_E_IO, "external data '%s': %s", relative,
                 errno == EXDEV || errno == ELOOP ? outside : strerror(errno));
    WELD_TRY(adopt_file(source, INT64_MAX, err));
    *out = source;
    source = NULL;
done:
    weld_source_free(source);
    return st;
}

weld_status weld_source_memory(weld_source **out, weld_context *ctx, const void *bytes, size_t size,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    const uint64_t max = ctx->limits.file_bytes_max;
    void *copy = NULL;
    *out = NULL;
    WELD_REQUIRE(size <= max, WELD_E_LIMIT, "<memory>: %zu bytes, allowed at most %" PRIu64, size,
                 max);
    copy = weld_alloc(ctx, size, 1);
    if (!copy)
        return weld_fail_memory(ctx, err, size, 1);
    if (size)
        memcpy(copy, bytes, size);
    WELD_TRY(weld_source_adopt(out, ctx, &copy, size, "<memory>", err));
done:
    weld_free(ctx, copy);
    return st;
}

weld_status weld_source_adopt(weld_source **out, weld_context *ctx, void **bytes, size_t size,
                              const char *name, weld_error *err)
{
    weld_status st = WELD_OK;
    const uint64_t max = ctx->limits.file_bytes_max;
    *out = NULL;
    WELD_REQUIRE(size <= max, WELD_E_LIMIT, "%s: %zu bytes, allowed at most %" PRIu64, name, size,
                 max);
    WELD_TRY(source_new(out, ctx, name, err));
    (*out)->bytes = *bytes;
    (*out)->size = size;
    *bytes = NULL;
done:
    return st;
}

void weld_source_enter_archive(weld_source *source, weld_archive **archive, unsigned char **bytes,
                               const char *member)
{
    const char *slash = strrchr(member, '/');
    source->archive = *archive;
    source->archive_bytes = *bytes;
    source->folder_at = (size_t)(strlen(source->name) - strlen(member));
    source->folder_bytes = slash ? (size_t)(slash - member) + 1 : 0;
    *archive = NULL;
    *bytes = NULL;
}

void weld_source_leave_archive(weld_source *source)
{
    weld_archive_free(source->archive);
    weld_free(source->ctx, source->archive_bytes);
    source->archive = NULL;
    source->archive_bytes = NULL;
}

weld_status weld_source_stream(weld_source **out, weld_context *ctx, int fd, const char *name,
                               weld_error *err)
{
    enum { BLOCK_BYTES = 1 << 16 };
    weld_status st = WELD_OK;
    weld_source *source = NULL;
    size_t room = 0;
    *out = NULL;
    WELD_TRY(source_new(&source, ctx, name, err));
    for (;;) {
        WELD_GROW(source->bytes, room, ctx, source->size + BLOCK_BYTES);
        ssize_t n = read(fd, source->bytes + source->size, BLOCK_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        WELD_REQUIRE(n >= 0, WELD_E_IO, "%s: %s", name, strerror(errno));
        if (n == 0)
            break;
        source->size += (uint64_t)n;
        WELD_REQUIRE(source->size <= ctx->limits.file_bytes_max, WELD_E_LIMIT,
                     "%s: more than %" PRIu64 " bytes", name, ctx->limits.file_bytes_max);
    }
    *out = source;
    source = NULL;
done:
    weld_source_free(source);
    return st;
}

uint64_t weld_source_size(const weld_source *source)
{
    return source->size;
}

const char *weld_source_name(const weld_source *source)
{
    return source->name;
}

weld_status weld_source_read(const weld_source *source, uint64_t offset, void *buf, size_t n,
                             weld_error *err)
{
    if (offset > source->size || n > source->size - offset)
        return weld_fail(err, WELD_E_FORMAT,
                         "%s: ends at byte %" PRIu64 ", but %zu bytes at offset %" PRIu64
                         " are needed",
                         source->name, source->size, n, offset);
    if (source->fd < 0) {
        if (n)
            memcpy(buf, source->bytes + offset, n);
        return WELD_OK;
    }
    size_t got = 0;
    while (got < n) {
        ssize_t k = pread(source->fd, (char *)buf + got, n - got, (off_t)(offset + got));
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return weld_fail(err, WELD_E_IO, "%s: %s", source->name, strerror(errno));
        if (k == 0)
            break;
        got += (size_t)k;
    }
    const weld_status st = weld_source_unchanged(source, err);
    if (st == WELD_OK && got < n)
        return weld_fail(err, WELD_E_FORMAT, "%s: ends at byte %" PRIu64 ", expected %" PRIu64,
                         source->name, offset + got, source->size);
    return st;
}

weld_status weld_source_read_all(void **out, size_t *out_size, const weld_source *source,
                                 weld_error *err)
{
    weld_status st = WELD_OK;
    unsigned char *bytes = NULL;
    *out = NULL;
    *out_size = 0;
    WELD_NEW(bytes, source->ctx, source->size);
    WELD_TRY(weld_source_read(source, 0, bytes, (size_t)source->size, err));
    *out = bytes;
    *out_size = (size_t)source->size;
    bytes = NULL;
done:
    weld_free(source->ctx, bytes);
    return st;
}

weld_status weld_source_unchanged(const weld_source *source, weld_error *err)
{
    weld_status st = WELD_OK;
    struct stat info;
    if (source->fd < 0)
        return WELD_OK;
    WELD_REQUIRE(fstat(source->fd, &info) == 0, WELD_E_IO, "%s: %s", source->name, strerror(errno));
    WELD_REQUIRE((uint64_t)info.st_size == source->size && info.st_dev == source->device &&
                     info.st_ino == source->inode &&
                     info.st_mtim.tv_sec == source->modified.tv_sec &&
                     info.st_mtim.tv_nsec == source->modified.tv_nsec,
                 WELD_E_IO, "%s: changed while it was being read", source->name);
done:
    return st;
}

weld_source *weld_source_retain(weld_source *source)
{
    source->references++;
    return source;
}

void weld_source_free(weld_source *source)
{
    if (!source || --source->references > 0)
        return;
    if (source->fd >= 0)
        close(source->fd);
    weld_source_leave_archive(source);
    weld_free(source->ctx, source->bytes);
    weld_free(source->ctx, source->name);
    weld_free(source->ctx, source);
}
