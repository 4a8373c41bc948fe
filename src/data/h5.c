/* Quiet HDF5 calls, their errors as messages, opening files and listing their datasets. */
#include "data/h5.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/near_name.h"
#include "data/h5_driver.h"
#include "data/h5_set.h"

enum { DEEPEST = 32, MOST_SETS = 1 << 20, LONGEST_NAME = 4096 };

dnb_h5_scope dnb_h5_enter(void)
{
    dnb_h5_scope s = {0};
    s.saved = H5Eget_auto2(H5E_DEFAULT, &s.print, &s.data) >= 0;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return s;
}

void dnb_h5_leave(dnb_h5_scope s)
{
    H5Eclear2(H5E_DEFAULT);
    if (s.saved)
        H5Eset_auto2(H5E_DEFAULT, s.print, s.data);
}

/* Keeps the innermost record: what went wrong first. */
static herr_t first_reason(unsigned n, const H5E_error2_t *e, void *text)
{
    if (n == 0 && e->desc)
        snprintf(text, DNB_ERR_SIZE / 2, "%s", e->desc);
    return 0;
}

/* HDF5 wraps strerror's text in a screenful of detail: "..., error message = 'No space left on
 * device', ...". */
static void shorten(char *reason)
{
    static const char mark[] = "error message = '";
    char *start = strstr(reason, mark), *stop = NULL;
    if (start) {
        start += sizeof mark - 1;
        stop = strchr(start, '\'');
    }
    if (stop) {
        memmove(reason, start, (size_t)(stop - start));
        reason[stop - start] = '\0';
    }
    for (char *s = reason; *s; s++)
        if (*s == '\n' || *s == '\r')
            *s = ' ';
}

dnb_status dnb_h5_fail(dnb_err *err, dnb_status status, const char *path, const char *fmt, ...)
{
    char what[DNB_ERR_SIZE / 2], reason[DNB_ERR_SIZE / 2] = "";
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first_reason, reason);
    H5Eclear2(H5E_DEFAULT);
    shorten(reason);
    if (*reason)
        return dnb_fail(err, status, "%s: %s: %s", path, what, reason);
    return dnb_fail(err, status, "%s: %s", path, what);
}

void dnb_h5_close(hid_t id)
{
    if (id < 0)
        return;
    switch (H5Iget_type(id)) {
    case H5I_FILE:
        H5Fclose(id);
        break;
    case H5I_GROUP:
        H5Gclose(id);
        break;
    case H5I_DATASET:
        H5Dclose(id);
        break;
    case H5I_DATASPACE:
        H5Sclose(id);
        break;
    case H5I_DATATYPE:
        H5Tclose(id);
        break;
    case H5I_ATTR:
        H5Aclose(id);
        break;
    case H5I_GENPROP_LST:
        H5Pclose(id);
        break;
    default:
        H5Idec_ref(id);
        break;
    }
}

/* One walk over the groups. */
typedef struct walk {
    dnb_h5_file *f;
    const char *prefix; /* of the group being listed, with its '/' */
    int depth;
    size_t seen; /* links, so that a loop of groups comes to an end */
    dnb_status status;
    dnb_err *err;
} walk;

static dnb_status list_group(walk *w, hid_t group);

static dnb_status add_set(dnb_h5_file *f, hid_t id, char *name, dnb_err *err)
{
    if (f->n == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : 16;
        dnb_h5_set *grown = dnb_realloc(f->sets, cap, sizeof *grown);
        if (!grown)
            return dnb_fail_memory(err, "dataset list", cap * sizeof *grown);
        f->sets = grown;
        f->cap = cap;
    }
    dnb_h5_set s = {.name = name};
    dnb_status status = dnb_h5_describe(f, id, &s, err);
    if (status == DNB_OK)
        f->sets[f->n++] = s;
    return status;
}

/* A hard link: a group is listed in turn, a dataset is noted, a named type is nothing to us. */
static dnb_status visit_object(walk *w, hid_t group, const char *link)
{
    dnb_status status = DNB_OK;
    dnb_err *err = w->err;
    char *name = NULL;
    const char *prefix = w->prefix;
    hid_t id = -1;
    size_t np = strlen(prefix), nl = strlen(link);
    if (np + nl > LONGEST_NAME)
        return dnb_fail(err, DNB_EFORMAT, "%s: a dataset's name is longer than %d bytes",
                        w->f->path, LONGEST_NAME);
    DNB_NEW(name, np + nl + 2, "dataset name");
    memcpy(name, prefix, np);
    memcpy(name + np, link, nl);
    id = H5Oopen(group, link, H5P_DEFAULT);
    if (id < 0) {
        status = dnb_h5_fail(err, DNB_EFORMAT, w->f->path, "cannot open '%.200s'", name);
        goto done;
    }
    if (H5Iget_type(id) == H5I_DATASET) {
        status = add_set(w->f, id, name, err);
        if (status == DNB_OK)
            name = NULL; /* the list's now */
    } else if (H5Iget_type(id) == H5I_GROUP) {
        name[np + nl] = '/';
        w->prefix = name;
        w->depth++;
        status = list_group(w, id);
        w->depth--;
        w->prefix = prefix;
    }
done:
    dnb_h5_close(id);
    dnb_free(name);
    return status;
}

static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *info, void *ctx)
{
    walk *w = ctx;
    if (++w->seen > MOST_SETS) {
        w->status = dnb_fail(w->err, DNB_EFORMAT, "%s: more than %d objects, or groups in a circle",
                             w->f->path, MOST_SETS);
        return -1;
    }
    if (info->type == H5L_TYPE_HARD)
        w->status = visit_object(w, group, name);
    return w->status == DNB_OK ? 0 : -1;
}

/* Does the group remember the order in which its links were made? */
static bool tracks_order(hid_t group)
{
    unsigned flags = 0;
    hid_t p = H5Gget_create_plist(group);
    bool known = p >= 0 && H5Pget_link_creation_order(p, &flags) >= 0;
    dnb_h5_close(p);
    return known && (flags & H5P_CRT_ORDER_TRACKED);
}

static dnb_status list_group(walk *w, hid_t group)
{
    if (w->depth > DEEPEST)
        return dnb_fail(w->err, DNB_EFORMAT, "%s: groups nested deeper than %d, or in a circle",
                        w->f->path, DEEPEST);
    H5_index_t order = tracks_order(group) ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
    herr_t rc = H5Literate(group, order, H5_ITER_INC, NULL, visit_link, w);
    if (w->status == DNB_OK && rc < 0)
        w->status = dnb_h5_fail(w->err, DNB_EFORMAT, w->f->path, "cannot list its datasets");
    return w->status;
}

/* HDF5 allows 512, 1024, 2048, ... bytes of something else before its signature. */
static bool has_signature(int fd, uint64_t size)
{
    static const char signature[] = "\x89HDF\r\n\x1a\n";
    char lead[8];
    for (uint64_t at = 0; at + sizeof lead <= size; at = at ? 2 * at : 512)
        if (pread(fd, lead, sizeof lead, (off_t)at) == (ssize_t)sizeof lead &&
            memcmp(lead, signature, sizeof lead) == 0)
            return true;
    return false;
}

/* Opens the descriptor: is it a file, is it HDF5, how long is it? */
static dnb_status open_file(dnb_h5_file *f, const char *kind, dnb_err *err)
{
    struct stat st;
    f->io->fd = open(f->path, O_RDONLY | O_CLOEXEC);
    if (f->io->fd < 0 || fstat(f->io->fd, &st) != 0)
        return dnb_fail(err, DNB_EIO, "%s: cannot open: %s", f->path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return dnb_fail(err, DNB_EIO, "%s: is not a regular file", f->path);
    f->size = (uint64_t)st.st_size;
    if (!has_signature(f->io->fd, f->size))
        return dnb_fail(err, DNB_EFORMAT, "%s: not an HDF5 file; a %s file is HDF5", f->path, kind);
    return DNB_OK;
}

/* (Unknown counts as yes.) */
static bool has_user_block(hid_t file)
{
    hsize_t size = 0;
    hid_t p = H5Fget_create_plist(file);
    bool known = p >= 0 && H5Pget_userblock(p, &size) >= 0;
    dnb_h5_close(p);
    return !known || size > 0;
}

dnb_status dnb_h5_open(dnb_h5_file **out, const char *path, const char *kind, const char *only,
                       dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_h5_file *f = NULL;
    hid_t access = -1, root = -1;
    dnb_h5_scope scope = dnb_h5_enter();
    DNB_NEW(f, 1, "HDF5 file");
    f->file = -1;
    DNB_NEW(f->io, 1, "HDF5 file");
    f->io->fd = -1;
    f->path = dnb_strdup(path);
    if (!f->path) {
        status = dnb_fail_memory(err, "path", strlen(path) + 1);
        goto done;
    }
    DNB_TRY(open_file(f, kind, err));
    access = dnb_h5_access(f->io, false);
    f->file = access < 0 ? -1 : H5Fopen(path, H5F_ACC_RDONLY, access);
    root = f->file < 0 ? -1 : H5Gopen2(f->file, "/", H5P_DEFAULT);
    if (root < 0) {
        status = dnb_h5_open_failed(f->io, path, "broken HDF5 file", DNB_EFORMAT, err);
        goto done;
    }
    f->has_user_block = has_user_block(f->file);
    walk w = {.f = f, .prefix = "", .err = err};
    if (!only)
        DNB_TRY(list_group(&w, root));
    else if (H5Lexists(root, only, H5P_DEFAULT) > 0)
        DNB_TRY(visit_object(&w, root, only));
    *out = f;
    f = NULL;
done:
    dnb_h5_close(root);
    dnb_h5_close(access);
    dnb_h5_file_close(f);
    dnb_h5_leave(scope);
    return status;
}

void dnb_h5_file_close(dnb_h5_file *f)
{
    if (!f)
        return;
    dnb_h5_scope scope = dnb_h5_enter();
    dnb_h5_close(f->file);
    dnb_h5_leave(scope);
    if (f->io && f->io->fd >= 0)
        close(f->io->fd);
    for (size_t i = 0; i < f->n; i++)
        dnb_free(f->sets[i].name);
    dnb_free(f->sets);
    dnb_free(f->io);
    dnb_free(f->path);
    dnb_free(f);
}

dnb_status dnb_h5_find(const dnb_h5_file *f, const char *what, const char *name, size_t *index,
                       dnb_err *err)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->sets[i].name, name) == 0) {
            *index = i;
            return DNB_OK;
        }
    dnb_status status = dnb_fail(err, DNB_ENOTFOUND, "%s: no %s '%.200s'", f->path, what, name);
    const char **names = dnb_alloc(f->n, sizeof *names);
    if (!names)
        return status; /* the message stands without the hint */
    for (size_t i = 0; i < f->n; i++)
        names[i] = f->sets[i].name;
    (void)dnb_fail_suggest(err, status, name, names, f->n);
    dnb_free(names);
    return status;
}
