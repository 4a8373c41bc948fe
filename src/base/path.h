/* File names and reading files. room: base (internal) */
#ifndef DNB_BASE_PATH_H
#define DNB_BASE_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

/* dir + "/" + name (name alone when it is absolute or dir is empty). NULL on no memory. */
char *dnb_path_join(const char *dir, const char *name);
/* The folder part ("." when there is none). NULL on no memory. */
char *dnb_path_dir(const char *path);
/* Pointer to the part after the last '/'. */
const char *dnb_path_base(const char *path);
/* Case-insensitive: does the name end in suffix (".nii.gz")? */
bool dnb_path_has_suffix(const char *path, const char *suffix);
bool dnb_path_exists(const char *path);
bool dnb_path_is_dir(const char *path);
/* Creates the folder and its parents; an existing folder is fine. */
dnb_status dnb_path_make_dir(const char *path, dnb_err *err) DNB_MUST_CHECK;
/* Fails with a message that names the folder when `path`'s folder does not exist or is no folder;
 * call before long work whose result goes to `path`. */
dnb_status dnb_path_check_parent(const char *path, dnb_err *err) DNB_MUST_CHECK;

/* Reads a whole file (at most max bytes, 0 = no bound); *out has a NUL after size bytes. Free *out
 * with dnb_free. An empty file is fine. */
dnb_status dnb_file_read(const char *path, size_t max, unsigned char **out, size_t *size,
                         dnb_err *err) DNB_MUST_CHECK;
/* n bytes of an open file from offset `at` on, through interruptions and short reads: 0 or errno.
 * *got (may be NULL) = how many there were; without it the end of the file before the last of them
 * is EPIPE. Threads may share fd. */
int dnb_file_read_at(int fd, void *dst, size_t n, uint64_t at, size_t *got) DNB_MUST_CHECK;

#endif
