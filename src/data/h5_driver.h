/* HDF5's way to the disk: a file driver of ours over an open descriptor. room: data (internal)
 *
 * HDF5 does not survive a failed write: H5Fclose leaves a half-closed file behind, and the process
 * crashes when it ends. So our driver remembers the first write error, goes on as if nothing had
 * happened, and the caller asks after the close. When reading, nothing beyond the end of the file
 * is ever handed out. */
#ifndef DNB_DATA_H5_DRIVER_H
#define DNB_DATA_H5_DRIVER_H

#include <stdbool.h>

#include "data/h5.h"

/* Outlives the HDF5 file that uses it; the caller opens and closes fd. */
typedef struct dnb_h5_io {
    int fd;
    int error;                  /* errno of the first write that failed; 0 = none */
    struct dnb_h5_guard *guard; /* looks at what is read, or NULL */
    hid_t driver;               /* its registration, 0 = none; see dnb_h5_io_release */
} dnb_h5_io;

/* File access properties that make HDF5 read and write io->fd (the name given to H5Fopen/H5Fcreate
 * does not matter). v18 = write structures of HDF5 1.8 (needed for attributes above 64 KiB).
 * Negative on failure. */
hid_t dnb_h5_access(dnb_h5_io *io, bool v18);
/* Gives the driver up, once the file is closed: H5Fclose (1.10) drops its own hold on the driver
 * and then calls it, so that ours must outlive it. dnb_h5_finish does so. */
void dnb_h5_io_release(dnb_h5_io *io);
/* Closes a file that was written and tells whether everything reached it: DNB_EIO with path and
 * reason if not. */
dnb_status dnb_h5_finish(hid_t file, dnb_h5_io *io, const char *path, dnb_err *err) DNB_MUST_CHECK;
/* The message for an H5Fopen or H5Fcreate that failed; `status` unless memory was short. */
dnb_status dnb_h5_open_failed(const dnb_h5_io *io, const char *path, const char *what,
                              dnb_status status, dnb_err *err) DNB_MUST_CHECK;
/* The message for io->error, if there is one. */
dnb_status dnb_h5_io_check(const dnb_h5_io *io, const char *path, dnb_err *err) DNB_MUST_CHECK;

#endif
