/* Reading a file or a memory block by position. */
#include "net/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"

/* One thread's piece of a large read: big enough to hide the call, small enough to share out. */
#define PIECE ((size_t)4 << 20)

dnb_status dnb_bytes_open(dnb_bytes *out, const char *path, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_bytes b = {0};
    struct stat st;
    b.fd = open(path, O_RDONLY | O_CLOEXEC);
    b.is_file = b.fd >= 0;
    if (!b.is_file || fstat(b.fd, &st) != 0) {
        status = dnb_fail(err, DNB_EIO, "%s: cannot open: %s", path, strerror(errno));
        goto done;
    }
    if (!S_ISREG(st.st_mode)) {
        status = dnb_fail(err, DNB_EIO, "%s: is no ordinary file", path);
        goto done;
    }
    b.size = (size_t)st.st_size;
    b.name = dnb_strdup(path);
    if (!b.name) {
        status = dnb_fail_memory(err, "file name", strlen(path) + 1);
        goto done;
    }
    *out = b;
    b = (dnb_bytes){0};
done:
    dnb_bytes_release(&b);
    return status;
}

dnb_status dnb_bytes_borrow(dnb_bytes *out, const char *name, const void *mem, size_t size,
                            dnb_err *err)
{
    char *copy = dnb_strdup(name);
    if (!copy)
        return dnb_fail_memory(err, "file name", strlen(name) + 1);
    *out = (dnb_bytes){.name = copy, .mem = mem, .size = size};
    return DNB_OK;
}

void dnb_bytes_release(dnb_bytes *b)
{
    if (b->is_file)
        close(b->fd);
    dnb_free(b->name);
    *b = (dnb_bytes){0};
}

dnb_status dnb_bytes_read(const dnb_bytes *b, size_t at, void *dst, size_t n, dnb_err *err)
{
    if (at > b->size || n > b->size - at)
        return dnb_fail(err, DNB_EFORMAT,
                        "%s: truncated: %zu bytes are wanted at offset %zu, the file has %zu",
                        b->name, n, at, b->size);
    unsigned char *p = dst;
    size_t pieces = n / PIECE + (n % PIECE != 0);
    int fault = 0;
#pragma omp parallel for schedule(dynamic, 1) reduction(max : fault) if (pieces > 4)
    for (size_t i = 0; i < pieces; i++) {
        size_t from = i * PIECE, len = n - from < PIECE ? n - from : PIECE;
        int e = 0;
        if (b->is_file)
            e = dnb_file_read_at(b->fd, p + from, len, at + from, NULL);
        else
            memcpy(p + from, b->mem + at + from, len);
        fault = e > fault ? e : fault;
    }
    if (fault == EPIPE)
        return dnb_fail(err, DNB_EFORMAT, "%s: became shorter while it was read", b->name);
    if (fault)
        return dnb_fail(err, DNB_EIO, "%s: cannot read: %s", b->name, strerror(fault));
    return DNB_OK;
}

bool dnb_host_is_little(void)
{
    const unsigned one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 1;
}

void dnb_swap_bytes(void *data, size_t count, size_t width)
{
    unsigned char *p = data;
    for (size_t i = 0; i < count; i++, p += width)
        for (size_t k = 0; k < width / 2; k++) {
            unsigned char keep = p[k];
            p[k] = p[width - 1 - k];
            p[width - 1 - k] = keep;
        }
}
