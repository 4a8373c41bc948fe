/* Scratch files. Reads and writes go through the page cache, not a mapping, so what is cached is
 * the system's to drop and does not count as memory of the process. */
#include "base/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"

struct dnb_scratch {
    int fd;
    char *folder; /* for messages */
};

static dnb_status check_room(const dnb_scratch *s, uint64_t size, dnb_err *err)
{
    struct statvfs v = {0};
    if (fstatvfs(s->fd, &v) != 0 || v.f_frsize == 0 || v.f_blocks == 0 ||
        size / v.f_frsize < v.f_bavail)
        return DNB_OK;
    return dnb_fail(err, DNB_EIO,
                    "%s: the scratch file needs %.1f MB, the disk of this folder has %.1f MB free; "
                    "free some room, choose another folder or allow more memory",
                    s->folder, 1e-6 * (double)size, 1e-6 * (double)v.f_bavail * (double)v.f_frsize);
}

static dnb_status fail(const dnb_scratch *s, const char *what, int why, dnb_err *err)
{
    bool full = why == ENOSPC || why == EDQUOT || why == EFBIG;
    return dnb_fail(err, DNB_EIO, "%s: cannot %s the scratch file: %s%s", s->folder, what,
                    strerror(why), full ? "; free some room or choose another folder" : "");
}

dnb_status dnb_scratch_open(dnb_scratch **out, const char *folder, uint64_t size, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const char *usual = getenv("TMPDIR");
    char *name = NULL;
    dnb_scratch *s = NULL;
    if (!folder)
        folder = usual && usual[0] ? usual : "/tmp";
    s = dnb_calloc(1, sizeof *s);
    if (!s)
        return dnb_fail_memory(err, "scratch file", sizeof *s);
    s->fd = -1;
    s->folder = dnb_strdup(folder);
    name = dnb_path_join(folder, "dnnbrain-scratch.tmp-XXXXXX");
    if (!s->folder || !name) {
        status = dnb_fail_memory(err, "scratch file", strlen(folder));
        goto done;
    }
    s->fd = mkstemp(name);
    if (s->fd < 0 || unlink(name) != 0) {
        status = fail(s, "make", errno, err);
        goto done;
    }
    (void)fcntl(s->fd, F_SETFD, FD_CLOEXEC);
    DNB_TRY(check_room(s, size, err));
    if (ftruncate(s->fd, (off_t)size) != 0) {
        status = fail(s, "size", errno, err);
        goto done;
    }
    *out = s;
    s = NULL;
done:
    dnb_scratch_close(s);
    dnb_free(name);
    return status;
}

void dnb_scratch_close(dnb_scratch *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    dnb_free(s->folder);
    dnb_free(s);
}

dnb_status dnb_scratch_write(dnb_scratch *s, uint64_t at, const void *data, size_t n, dnb_err *err)
{
    const char *from = data;
    while (n > 0) {
        ssize_t put = pwrite(s->fd, from, n, (off_t)at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return fail(s, "write", put < 0 ? errno : ENOSPC, err);
        from += put;
        at += (uint64_t)put;
        n -= (size_t)put;
    }
    return DNB_OK;
}

dnb_status dnb_scratch_read(dnb_scratch *s, uint64_t at, void *data, size_t n, dnb_err *err)
{
    char *to = data;
    while (n > 0) {
        ssize_t got = pread(s->fd, to, n, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return fail(s, "read", got < 0 ? errno : EIO, err);
        to += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return DNB_OK;
}

void dnb_scratch_expect(dnb_scratch *s, uint64_t at, uint64_t n)
{
#ifdef POSIX_FADV_WILLNEED
    (void)posix_fadvise(s->fd, (off_t)at, (off_t)n, POSIX_FADV_WILLNEED);
#else
    (void)s, (void)at, (void)n;
#endif
}
