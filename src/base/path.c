/* File names and reading files. */
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

char *dnb_path_join(const char *dir, const char *name)
{
    size_t nd = strlen(dir), nn = strlen(name);
    if (nd == 0 || name[0] == '/')
        return dnb_strdup(name);
    bool slash = dir[nd - 1] != '/';
    char *path = dnb_alloc(nd + slash + nn + 1, 1);
    if (!path)
        return NULL;
    memcpy(path, dir, nd);
    if (slash)
        path[nd] = '/';
    memcpy(path + nd + slash, name, nn + 1);
    return path;
}

char *dnb_path_dir(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return dnb_strdup(".");
    return dnb_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

const char *dnb_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool dnb_path_has_suffix(const char *path, const char *suffix)
{
    size_t np = strlen(path), ns = strlen(suffix);
    return np >= ns && strcasecmp(path + np - ns, suffix) == 0;
}

bool dnb_path_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

bool dnb_path_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

dnb_status dnb_path_make_dir(const char *path, dnb_err *err)
{
    if (dnb_path_is_dir(path))
        return DNB_OK;
    char *copy = dnb_strdup(path);
    if (!copy)
        return dnb_fail_memory(err, "path", strlen(path) + 1);
    dnb_status status = DNB_OK;
    for (char *p = copy + 1;; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char keep = *p;
        *p = '\0';
        if (mkdir(copy, 0777) != 0 && !(errno == EEXIST && dnb_path_is_dir(copy))) {
            status = dnb_fail(err, DNB_EIO, "%s: cannot create folder: %s", copy, strerror(errno));
            break;
        }
        *p = keep;
        if (keep == '\0')
            break;
    }
    dnb_free(copy);
    return status;
}

dnb_status dnb_path_check_parent(const char *path, dnb_err *err)
{
    char *dir = dnb_path_dir(path);
    if (!dir)
        return dnb_fail_memory(err, "path", strlen(path) + 1);
    dnb_status status = DNB_OK;
    if (!dnb_path_exists(dir))
        status = dnb_fail(err, DNB_EIO, "%s: folder %s does not exist; create it first", path, dir);
    else if (!dnb_path_is_dir(dir))
        status = dnb_fail(err, DNB_EIO, "%s: %s is not a folder", path, dir);
    dnb_free(dir);
    return status;
}

dnb_status dnb_file_read(const char *path, size_t max, unsigned char **out, size_t *size,
                         dnb_err *err)
{
    dnb_status status = DNB_OK;
    unsigned char *data = NULL;
    size_t len = 0, cap = 0;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        status = dnb_fail(err, DNB_EIO, "%s: cannot open: %s", path, strerror(errno));
        goto done;
    }
    if (S_ISDIR(st.st_mode)) {
        status = dnb_fail(err, DNB_EIO, "%s: is a folder, expected a file", path);
        goto done;
    }
    cap = st.st_size > 0 ? (size_t)st.st_size + 1 : 4096;
    if (max && cap > max + 1)
        cap = max + 1;
    for (;;) {
        if (!data || len + 1 >= cap) {
            size_t grown = data ? cap * 2 : cap;
            unsigned char *p = dnb_realloc(data, grown + 1, 1);
            if (!p) {
                status = dnb_fail_memory(err, path, grown);
                goto done;
            }
            data = p;
            cap = grown;
        }
        ssize_t n = read(fd, data + len, cap - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            status = dnb_fail(err, DNB_EIO, "%s: cannot read: %s", path, strerror(errno));
            goto done;
        }
        if (n == 0)
            break;
        len += (size_t)n;
        if (max && len > max) {
            status = dnb_fail(err, DNB_EFORMAT, "%s: larger than %zu bytes", path, max);
            goto done;
        }
    }
    data[len] = '\0';
    *out = data;
    *size = len;
    data = NULL;
done:
    if (fd >= 0)
        close(fd);
    dnb_free(data);
    return status;
}

int dnb_file_read_at(int fd, void *dst, size_t n, uint64_t at, size_t *got)
{
    size_t done = 0;
    while (done < n) {
        ssize_t more = pread(fd, (char *)dst + done, n - done, (off_t)(at + done));
        if (more < 0 && errno == EINTR)
            continue;
        if (more < 0)
            return errno;
        if (more == 0)
            break;
        done += (size_t)more;
    }
    if (got)
        *got = done;
    return got || done == n ? 0 : EPIPE;
}
