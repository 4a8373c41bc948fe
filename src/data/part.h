/* Unfinished output that outlives its process: "<path>.part", one writer at a time, with a record
 * of how far it got. room: data (internal)
 *
 * The record stands twice, in the last two 4 KiB blocks of the file, each with a checksum; the
 * writer overwrites the older one, so a torn write costs one step. It holds the job's fingerprint,
 * the rows written, and the rows known to be on the disk itself. When the machine has not restarted
 * since, the page cache still has everything that was written and the former counts; after a
 * restart (or on another machine) the latter does. */
#ifndef DNB_DATA_PART_H
#define DNB_DATA_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "dnnbrain/status.h"

enum { DNB_PART_BLOCK = 4096, DNB_PART_TAIL = 2 * DNB_PART_BLOCK };

typedef struct dnb_part {
    int fd;
    uint64_t at; /* of the first record */
    uint64_t step, done, synced;
    char job[33], boot[33];
    time_t last_sync;
} dnb_part;

/* Opens or creates temp and locks it against other processes (DNB_EIO when one has it). path is the
 * final name, for messages. */
dnb_status dnb_part_lock(int *fd, const char *temp, const char *path, dnb_err *err) DNB_MUST_CHECK;
/* Is there a record of this job? Then *p is ready and p->done rows can be trusted. */
bool dnb_part_load(dnb_part *p, int fd, const char job[33]);
/* Puts fresh records behind the first `size` bytes of the file. */
dnb_status dnb_part_start(dnb_part *p, int fd, uint64_t size, const char job[33], const char *path,
                          dnb_err *err) DNB_MUST_CHECK;
/* Records progress; once a minute (or when sync is set) the data go to the disk itself first. On
 * failure the record before still stands, so a caller that gives up anyway need not look. */
dnb_status dnb_part_save(dnb_part *p, size_t done, bool sync, const char *path, dnb_err *err);

/* n bytes at an offset, whatever it takes; full disks are named as such. Used for rows, too. */
dnb_status dnb_write_at(int fd, uint64_t offset, const void *data, size_t n, const char *path,
                        dnb_err *err) DNB_MUST_CHECK;
/* Fails when the folder of path has less than `bytes` free. */
dnb_status dnb_check_room(const char *path, uint64_t bytes, dnb_err *err) DNB_MUST_CHECK;

#endif
