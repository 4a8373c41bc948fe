/* Quiet HDF5 calls, their errors as messages, opening files and listing their datasets. */
#include "data/h5.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/near_name.h"
#include "data/h5_driver.h"
#include "data/h5_guard.h"
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
    if (strcmp(reason, "driver read request failed") == 0)
        strcpy(reason, "damaged or cut off");
    for (char *s = reason; *s; s++)
        if (*s == '\n' || *s == '\r')
            *s = ' ';
}

static dnb_status fail_with_reason(dnb_err *err, dnb_status status, const char *path,
                                   const char *fmt, va_list ap)
{
    char what[DNB_ERR_SIZE / 2], reason[DNB_ERR_SIZE / 2] = "";
    vsnprintf(what, sizeof what, fmt, ap);
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first_reason, reason);
    H5Eclear2(H5E_DEFAULT);
    shorten(reason);
    if (*reason)
        return dnb_fail(err, status, "%s: %s: %s", path, what, reason);
    return dnb_fail(err, status, "%s: %s", path, what);
}

dnb_status dnb_h5_fail(dnb_err *err, dnb_status status, const char *path, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    status = fail_with_reason(err, status, path, fmt, ap);
    va_end(ap);
    return status;
}

dnb_status dnb_h5_bad(const dnb_h5_file *f, dnb_err *err, const char *fmt, ...)
{
    va_list ap;
    if (f->io->error == ENOMEM)
        return dnb_fail_memory(err, f->path, 0);
    va_start(ap, fmt);
    dnb_status status = fail_with_reason(err, DNB_EFORMAT, f->path, fmt, ap);
    va_end(ap);
    return status;
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
    dnb_err *err;
} walk;

/* The hard links of one group. */
typedef struct link_item {
    char *name;
    int64_t order; /* of creation */
} link_item;
typedef struct link_list {
    link_item *items;
    size_t n, cap;
    bool ordered; /* every order is known */
    walk *w;
    dnb_status status;
} link_list;

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
        status = dnb_h5_bad(w->f, err, "cannot open '%.200s'", name);
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

static herr_t note_link(hid_t group, const char *name, const H5L_info_t *info, void *ctx)
{
    link_list *l = ctx;
    walk *w = l->w;
    (void)group;
    if (++w->seen > MOST_SETS) {
        l->status = dnb_fail(w->err, DNB_EFORMAT, "%s: more than %d objects, or groups in a circle",
                             w->f->path, MOST_SETS);
        return -1;
    }
    if (info->type != H5L_TYPE_HARD)
        return 0;
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 16;
        link_item *grown = dnb_realloc(l->items, cap, sizeof *grown);
        if (!grown) {
            l->status = dnb_fail_memory(w->err, "dataset list", cap * sizeof *grown);
            return -1;
        }
        l->items = grown;
        l->cap = cap;
    }
    l->items[l->n] = (link_item){.name = dnb_strdup(name), .order = info->corder};
    if (!l->items[l->n].name) {
        l->status = dnb_fail_memory(w->err, "dataset name", strlen(name) + 1);
        return -1;
    }
    l->n++;
    l->ordered = l->ordered && info->corder_valid;
    return 0;
}

static int by_order(const void *a, const void *b)
{
    const link_item *x = a, *y = b;
    return (x->order > y->order) - (x->order < y->order);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const link_item *)a)->name, ((const link_item *)b)->name);
}

/* Lists a group. The links are taken as they come and sorted here: HDF5's own sorting builds a
 * table that it overruns or frees half-filled when a file is broken. */
static dnb_status list_group(walk *w, hid_t group)
{
    link_list l = {.w = w, .ordered = true};
    if (w->depth > DEEPEST)
        return dnb_fail(w->err, DNB_EFORMAT, "%s: groups nested deeper than %d, or in a circle",
                        w->f->path, DEEPEST);
    herr_t rc = H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, note_link, &l);
    if (l.status == DNB_OK && rc < 0)
        l.status = dnb_h5_bad(w->f, w->err, "cannot list its datasets");
    if (l.n)
        qsort(l.items, l.n, sizeof *l.items, l.ordered ? by_order : by_name);
    for (size_t i = 0; i < l.n; i++) {
        if (l.status == DNB_OK)
            l.status = visit_object(w, group, l.items[i].name);
        dnb_free(l.items[i].name);
    }
    dnb_free(l.items);
    return l.status;
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

/* Opens the descriptor: is it a file, is it HDF5, how long is it? Readies the guard. */
static dnb_status open_file(dnb_h5_file *f, const char *kind, dnb_err *err)
{
    struct stat st;
    f->io->fd = open(f->path, O_RDONLY | O_CLOEXEC);
    if (f->io->fd < 0 || fstat(f->io->fd, &st) != 0)
        return dnb_fail(err, DNB_EIO, "%s: cannot open: %s", f->path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return dnb_fail(err, DNB_EIO, "%s: is not a regular file", f->path);
    f->size = (uint64_t)st.st_size;
    *f->io->guard = (dnb_h5_guard){.fd = f->io->fd, .size = f->size};
    if (!has_signature(f->io->fd, f->size))
        return dnb_fail(err, DNB_EFORMAT, "%s: not an HDF5 file; a %s file is HDF5", f->path, kind);
    return dnb_h5_guard_reserve(f->io->guard, err);
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
    htri_t there = 0;
    dnb_h5_scope scope = dnb_h5_enter();
    DNB_NEW(f, 1, "HDF5 file");
    f->file = -1;
    DNB_NEW(f->io, 1, "HDF5 file");
    f->io->fd = -1;
    DNB_NEW(f->io->guard, 1, "HDF5 file");
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
    there = only ? H5Lexists(root, only, H5P_DEFAULT) : 0;
    if (there < 0)
        status = dnb_h5_bad(f, err, "cannot look for '%s'", only);
    else if (there > 0)
        status = visit_object(&w, root, only);
    else if (!only)
        status = list_group(&w, root);
    if (status != DNB_OK)
        goto done;
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
    bool closed = f->file < 0 || H5Fclose(f->file) >= 0;
    if (f->io && closed)
        dnb_h5_io_release(f->io);
    dnb_h5_leave(scope);
    if (f->io && f->io->guard) {
        dnb_h5_guard_release(f->io->guard);
        dnb_free(f->io->guard);
        f->io->guard = NULL;
    }
    if (f->io && f->io->fd >= 0)
        close(f->io->fd);
    /* A broken file that HDF5 cannot let go of is looked at once more when the process ends: its
     * descriptor must then be there to say that it is closed. */
    if (f->io)
        f->io->fd = -1;
    if (closed)
        dnb_free(f->io);
    for (size_t i = 0; i < f->n; i++)
        dnb_free(f->sets[i].name);
    dnb_free(f->sets);
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
    const char **names = err ? dnb_alloc(f->n, sizeof *names) : NULL;
    if (!names)
        return status; /* nobody reads it, or the message stands without the hint */
    for (size_t i = 0; i < f->n; i++)
        names[i] = f->sets[i].name;
    (void)dnb_fail_suggest(err, status, name, names, f->n);
    dnb_free(names);
    return status;
}
