/* The file driver: pread, pwrite, and a memory for errors. Interface: HDF5 Virtual File Layer
 * (H5FDpublic.h; H5FDdevelop.h from 1.14 on). */
#include "data/h5_driver.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

#include "base/mem.h"
#include "data/h5_guard.h"

/* An open file, as HDF5 sees it: the public part first. */
typedef struct driver_file {
    H5FD_t base;
    dnb_h5_io *io;
    bool writing;
    haddr_t eoa, eof; /* end of what HDF5 has allocated, of the file itself */
} driver_file;

/* What travels in the access properties. */
typedef struct driver_info {
    dnb_h5_io *io;
} driver_info;

static void note_error(driver_file *f)
{
    if (f->io->error == 0)
        f->io->error = errno ? errno : EIO;
}

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t fapl, haddr_t maxaddr)
{
    const driver_info *info = H5Pget_driver_info(fapl);
    struct stat st;
    (void)name;
    (void)maxaddr;
    driver_file *f = info ? dnb_calloc(1, sizeof *f) : NULL;
    if (!f) {
        if (info)
            info->io->error = ENOMEM;
        return NULL;
    }
    f->io = info->io;
    f->writing = flags & H5F_ACC_RDWR;
    if (((flags & H5F_ACC_TRUNC) && ftruncate(f->io->fd, 0) != 0) || fstat(f->io->fd, &st) != 0) {
        dnb_free(f);
        return NULL;
    }
    f->eof = (haddr_t)st.st_size;
    return &f->base;
}

static herr_t driver_close(H5FD_t *file)
{
    dnb_free(file);
    return 0;
}

static herr_t driver_query(const H5FD_t *file, unsigned long *flags)
{
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_DATA_SIEVE | H5FD_FEAT_AGGREGATE_SMALLDATA;
    /* Without the accumulator each read is one structure, as the guard needs it. */
    if (!file || !((const driver_file *)file)->io->guard)
        *flags |= H5FD_FEAT_ACCUMULATE_METADATA;
    return 0;
}

static haddr_t driver_get_eoa(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const driver_file *)file)->eoa;
}

static herr_t driver_set_eoa(H5FD_t *file, H5FD_mem_t type, haddr_t addr)
{
    (void)type;
    ((driver_file *)file)->eoa = addr;
    return 0;
}

static haddr_t driver_get_eof(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const driver_file *)file)->eof;
}

static dnb_h5_read_kind kind_of(H5FD_mem_t type)
{
    switch (type) {
    case H5FD_MEM_SUPER:
        return DNB_H5_READ_SUPER;
    case H5FD_MEM_BTREE:
        return DNB_H5_READ_TREE;
    case H5FD_MEM_LHEAP:
        return DNB_H5_READ_LOCAL_HEAP;
    case H5FD_MEM_OHDR:
        return DNB_H5_READ_HEADER;
    default:
        return DNB_H5_READ_DATA;
    }
}

static herr_t driver_read(H5FD_t *file, H5FD_mem_t type, hid_t dxpl, haddr_t addr, size_t size,
                          void *buffer)
{
    driver_file *f = (driver_file *)file;
    (void)dxpl;
    if (!f->writing && (addr > f->eof || size > f->eof - addr))
        return -1;
    for (size_t done = 0; done < size;) {
        char *to = (char *)buffer + done;
        ssize_t got = pread(f->io->fd, to, size - done, (off_t)(addr + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || (got == 0 && !f->writing))
            return -1;
        if (got == 0) { /* space HDF5 has allocated but not written */
            memset(to, 0, size - done);
            break;
        }
        done += (size_t)got;
    }
    dnb_h5_guard *g = f->io->guard;
    if (!g || dnb_h5_guard_check(g, kind_of(type), addr, buffer, size))
        return 0;
    if (g->no_memory)
        f->io->error = ENOMEM;
    return -1;
}

static herr_t driver_write(H5FD_t *file, H5FD_mem_t type, hid_t dxpl, haddr_t addr, size_t size,
                           const void *buffer)
{
    driver_file *f = (driver_file *)file;
    const char *from = buffer;
    (void)type;
    (void)dxpl;
    while (size > 0 && f->io->error == 0) {
        errno = 0;
        ssize_t put = pwrite(f->io->fd, from, size, (off_t)addr);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            note_error(f);
            break;
        }
        from += put;
        addr += (haddr_t)put;
        size -= (size_t)put;
    }
    if (addr + size > f->eof)
        f->eof = addr + size;
    return 0;
}

static herr_t driver_truncate(H5FD_t *file, hid_t dxpl, hbool_t closing)
{
    driver_file *f = (driver_file *)file;
    (void)dxpl;
    (void)closing;
    if (f->eoa == f->eof)
        return 0;
    if (f->io->error == 0 && ftruncate(f->io->fd, (off_t)f->eoa) != 0)
        note_error(f);
    f->eof = f->eoa;
    return 0;
}

static const H5FD_class_t driver_class = {
#if H5_VERSION_GE(1, 13, 0)
    .version = H5FD_CLASS_VERSION,
    .value = 0x2d6e62, /* any number that is nobody else's */
#endif
    .name = "dnnbrain",
    .maxaddr = (haddr_t)1 << 62,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(driver_info),
    .open = driver_open,
    .close = driver_close,
    .query = driver_query,
    .get_eoa = driver_get_eoa,
    .set_eoa = driver_set_eoa,
    .get_eof = driver_get_eof,
    .read = driver_read,
    .write = driver_write,
    .truncate = driver_truncate,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

hid_t dnb_h5_access(dnb_h5_io *io, bool v18)
{
    driver_info info = {.io = io};
    hid_t p = H5Pcreate(H5P_FILE_ACCESS), driver = H5FDregister(&driver_class);
    bool ok = p >= 0 && driver >= 0 && H5Pset_driver(p, driver, &info) >= 0 &&
              H5Pset_fclose_degree(p, H5F_CLOSE_STRONG) >= 0;
#if H5_VERSION_GE(1, 10, 2)
    if (v18)
        ok = ok && H5Pset_libver_bounds(p, H5F_LIBVER_V18, H5F_LIBVER_V18) >= 0;
#else
    if (v18)
        ok = ok && H5Pset_libver_bounds(p, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST) >= 0;
#endif
    io->driver = driver < 0 ? 0 : driver;
    if (!ok) {
        dnb_h5_close(p);
        dnb_h5_io_release(io);
        return -1;
    }
    return p;
}

void dnb_h5_io_release(dnb_h5_io *io)
{
    if (io->driver > 0)
        H5FDunregister(io->driver);
    io->driver = 0;
}

dnb_status dnb_h5_io_check(const dnb_h5_io *io, const char *path, dnb_err *err)
{
    if (io->error == 0)
        return DNB_OK;
    bool full = io->error == ENOSPC || io->error == EDQUOT || io->error == EFBIG;
    return dnb_fail(err, DNB_EIO, "%s: cannot write: %s%s", path, strerror(io->error),
                    full ? "; free some room and start again" : "");
}

dnb_status dnb_h5_open_failed(const dnb_h5_io *io, const char *path, const char *what,
                              dnb_status status, dnb_err *err)
{
    if (io->error == ENOMEM)
        return dnb_fail_memory(err, path, sizeof(driver_file));
    return dnb_h5_fail(err, status, path, "%s", what);
}

dnb_status dnb_h5_finish(hid_t file, dnb_h5_io *io, const char *path, dnb_err *err)
{
    bool closed = H5Fclose(file) >= 0;
    dnb_status status = !closed && io->error == 0 ? dnb_h5_fail(err, DNB_EIO, path, "cannot write")
                                                  : dnb_h5_io_check(io, path, err);
    if (closed)
        dnb_h5_io_release(io);
    return status;
}
