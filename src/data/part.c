/* Locked, resumable partial files. */
#include "data/part.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "dnnbrain/provenance.h"

enum { SYNC_SECONDS = 60 };

static const char mark[] = "dnnbrain part 1";

/* Names this run of the machine; empty when the system does not tell. */
static void boot_name(char out[33])
{
    char text[128];
    size_t n = 0;
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "rb");
    if (f) {
        n = fread(text, 1, sizeof text, f);
        fclose(f);
    }
    if (n)
        dnb_hash_bytes(text, n, out);
    else
        memset(out, '0', 32);
    out[32] = '\0';
}

static bool known_boot(const char boot[33])
{
    return strspn(boot, "0") < 32;
}

/* Is fd still the file of that name? (Another process may have renamed it while we waited.) */
static bool same_file(int fd, const char *name)
{
    struct stat a, b;
    return fstat(fd, &a) == 0 && stat(name, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

dnb_status dnb_part_lock(int *out, const char *temp, const char *path, dnb_err *err)
{
    struct stat st;
    for (int attempt = 0; attempt < 8; attempt++) {
        int fd = open(temp, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd < 0)
            return dnb_fail(err, DNB_EIO, "%s: cannot create %s: %s", path, temp, strerror(errno));
        if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
            close(fd);
            return dnb_fail(err, DNB_EIO, "%s: %s is in the way; remove it", path, temp);
        }
        /* A file system without locks is taken as it is. */
        if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
            close(fd);
            return dnb_fail(err, DNB_EIO,
                            "%s: another process is writing %s; wait for it or choose another "
                            "output",
                            path, temp);
        }
        if (same_file(fd, temp)) {
            *out = fd;
            return DNB_OK;
        }
        close(fd);
    }
    return dnb_fail(err, DNB_EIO, "%s: %s keeps changing under us", path, temp);
}

/* The record as text: everything but the checksum has a fixed width. */
static size_t print_record(const dnb_part *p, char buf[DNB_PART_BLOCK])
{
    memset(buf, 0, DNB_PART_BLOCK);
    int n = snprintf(buf, DNB_PART_BLOCK, "%s %s %s %020" PRIu64 " %020" PRIu64 " %020" PRIu64 " ",
                     mark, p->job, p->boot, p->step, p->done, p->synced);
    dnb_hash_bytes(buf, (size_t)n, buf + n);
    return (size_t)n + 32;
}

static bool parse_record(dnb_part *p, const char buf[DNB_PART_BLOCK])
{
    char again[DNB_PART_BLOCK], word[16];
    int version;
    dnb_part r = {.fd = p->fd, .at = p->at};
    if (memcmp(buf, mark, sizeof mark - 1) != 0 ||
        sscanf(buf, "dnnbrain %15s %d %32s %32s %" SCNu64 " %" SCNu64 " %" SCNu64, word, &version,
               r.job, r.boot, &r.step, &r.done, &r.synced) != 7)
        return false;
    print_record(&r, again); /* the same text, checksum included, or it is not ours */
    if (memcmp(again, buf, DNB_PART_BLOCK) != 0)
        return false;
    *p = r;
    return true;
}

bool dnb_part_load(dnb_part *p, int fd, const char job[33])
{
    struct stat st;
    char buf[DNB_PART_BLOCK], boot[33];
    bool found = false;
    if (fstat(fd, &st) != 0 || st.st_size <= DNB_PART_TAIL || st.st_size % DNB_PART_BLOCK)
        return false;
    dnb_part best = {.fd = fd, .at = (uint64_t)st.st_size - DNB_PART_TAIL};
    for (int i = 0; i < 2; i++) {
        dnb_part r = best;
        if (pread(fd, buf, sizeof buf, (off_t)(best.at + (uint64_t)i * DNB_PART_BLOCK)) !=
                (ssize_t)sizeof buf ||
            !parse_record(&r, buf) || strcmp(r.job, job) != 0)
            continue;
        if (!found || r.step > best.step)
            best = r;
        found = true;
    }
    if (!found)
        return false;
    boot_name(boot);
    if (!known_boot(boot) || strcmp(boot, best.boot) != 0)
        best.done = best.synced;
    memcpy(best.boot, boot, sizeof boot);
    best.last_sync = time(NULL);
    *p = best;
    return true;
}

static dnb_status save_record(dnb_part *p, const char *path, dnb_err *err)
{
    char buf[DNB_PART_BLOCK];
    p->step++;
    print_record(p, buf);
    return dnb_write_at(p->fd, p->at + p->step % 2 * DNB_PART_BLOCK, buf, sizeof buf, path, err);
}

dnb_status dnb_part_start(dnb_part *p, int fd, uint64_t size, const char job[33], const char *path,
                          dnb_err *err)
{
    dnb_part r = {.fd = fd, .last_sync = time(NULL)};
    r.at = (size + DNB_PART_BLOCK - 1) / DNB_PART_BLOCK * DNB_PART_BLOCK;
    memcpy(r.job, job, sizeof r.job);
    boot_name(r.boot);
    if (ftruncate(fd, (off_t)(r.at + DNB_PART_TAIL)) != 0)
        return dnb_fail(err, DNB_EIO, "%s: cannot reserve room for the part file: %s", path,
                        strerror(errno));
    dnb_status status = save_record(&r, path, err);
    if (status == DNB_OK)
        *p = r;
    return status;
}

dnb_status dnb_part_save(dnb_part *p, size_t done, bool sync, const char *path, dnb_err *err)
{
    time_t now = time(NULL);
    p->done = done;
    if (sync || now - p->last_sync >= SYNC_SECONDS || now < p->last_sync) {
        if (ftruncate(p->fd, (off_t)(p->at + DNB_PART_TAIL)) != 0 || fdatasync(p->fd) != 0)
            return dnb_fail(err, DNB_EIO, "%s: cannot write: %s", path, strerror(errno));
        p->synced = done;
        p->last_sync = now;
    }
    return save_record(p, path, err);
}

dnb_status dnb_write_at(int fd, uint64_t offset, const void *data, size_t n, const char *path,
                        dnb_err *err)
{
    const char *from = data;
    while (n > 0) {
        ssize_t put = pwrite(fd, from, n, (off_t)offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            int why = put < 0 ? errno : ENOSPC;
            bool full = why == ENOSPC || why == EDQUOT || why == EFBIG;
            return dnb_fail(err, DNB_EIO, "%s: cannot write: %s%s", path, strerror(why),
                            full ? "; free some room and start again" : "");
        }
        from += put;
        offset += (uint64_t)put;
        n -= (size_t)put;
    }
    return DNB_OK;
}

dnb_status dnb_check_room(const char *path, uint64_t bytes, dnb_err *err)
{
    struct statvfs v = {0};
    char *dir = dnb_path_dir(path);
    if (!dir)
        return dnb_fail_memory(err, "path", strlen(path) + 1);
    bool known = statvfs(dir, &v) == 0 && v.f_frsize > 0 && v.f_blocks > 0;
    dnb_status status = DNB_OK;
    double need = (double)bytes / 1e6, room = (double)v.f_bavail * (double)v.f_frsize / 1e6;
    if (known && bytes / v.f_frsize >= v.f_bavail)
        status = dnb_fail(
            err, DNB_EIO,
            "%s: the file needs %.*f %s, the disk of folder %s has %.*f %s free; free "
            "some room or choose another output",
            path, need < 1000 ? 0 : 2, need < 1000 ? need : need / 1000, need < 1000 ? "MB" : "GB",
            dir, room < 1000 ? 0 : 2, room < 1000 ? room : room / 1000, room < 1000 ? "MB" : "GB");
    dnb_free(dir);
    return status;
}
