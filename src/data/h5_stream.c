/* Rows straight to their place in an HDF5 file; progress that survives the process. */
#include "data/h5_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/outfile.h"
#include "base/path.h"
#include "base/strbuf.h"
#include "data/part.h"
#include "dnnbrain/provenance.h"

struct dnb_h5_stream {
    dnb_h5_job job;     /* path, plans and the plans' names are ours */
    dnb_h5_plan *plans; /* = job.plans */
    char *path, *temp;
    dnb_outfile *unique; /* the temporary name of a job that cannot resume */
    int fd;
    dnb_part part; /* resumable jobs */
    uint64_t *offsets;
    size_t *pushed; /* rows each dataset has, without gaps */
    bool resumable;
};

static void free_stream(dnb_h5_stream *s)
{
    if (!s)
        return;
    for (size_t i = 0; s->plans && i < s->job.n; i++)
        dnb_free((char *)s->plans[i].name);
    dnb_free(s->plans);
    dnb_free(s->path);
    dnb_free(s->temp);
    dnb_free(s->offsets);
    dnb_free(s->pushed);
    if (s->fd >= 0)
        close(s->fd);
    dnb_free(s);
}

/* Copies what the stream keeps of the job. */
static dnb_status copy_job(dnb_h5_stream *s, const dnb_h5_job *job, dnb_err *err)
{
    dnb_status status = DNB_OK;
    bool copied = true;
    s->job = *job;
    s->job.signature = NULL;
    s->resumable = job->signature != NULL;
    s->path = dnb_strdup(job->path);
    DNB_NEW(s->offsets, job->n, "output file");
    DNB_NEW(s->pushed, job->n, "output file");
    DNB_NEW(s->plans, job->n, "output file");
    for (size_t i = 0; i < job->n; i++) {
        s->plans[i] = job->plans[i];
        s->plans[i].name = dnb_strdup(job->plans[i].name);
        copied = copied && s->plans[i].name;
    }
    if (!copied || !s->path)
        status = dnb_fail_memory(err, "output file", strlen(job->path) + 1);
    s->job.path = s->path;
    s->job.plans = s->plans;
done:
    return status;
}

/* Everything that must agree for a part file to be this job's. */
static dnb_status fingerprint(const dnb_h5_job *job, char out[33], dnb_err *err)
{
    dnb_strbuf b = {0};
    dnb_strbuf_addf(&b, "%s;%zu:%s;", dnb_dtype_name(job->type), strlen(job->signature),
                    job->signature);
    for (size_t i = 0; i < job->n; i++) {
        const dnb_h5_plan *p = &job->plans[i];
        dnb_strbuf_addf(&b, "%zu:%s=%d:%zux%zux%zux%zu;", strlen(p->name), p->name, p->ndim,
                        p->rows, p->shape[0], p->shape[1], p->shape[2]);
    }
    dnb_status status = b.failed ? dnb_fail_memory(err, "fingerprint", b.len) : DNB_OK;
    if (status == DNB_OK)
        dnb_hash_bytes(b.text, b.len, out);
    dnb_strbuf_release(&b);
    return status;
}

static size_t row_bytes(const dnb_h5_stream *s, size_t set)
{
    return dnb_h5_plan_items(&s->plans[set]) * dnb_dtype_size(s->job.type);
}

/* Is dataset p of the job in f, with its shape, and where? */
static bool locate_set(const dnb_h5_stream *s, const dnb_h5_file *f, const dnb_h5_plan *p,
                       uint64_t *offset)
{
    size_t lengths[4] = {p->rows, p->shape[0], p->shape[1], p->shape[2]}, at;
    hsize_t dims[DNB_H5_DIMS];
    int ndim = dnb_h5_file_dims(p, lengths, dims);
    if (dnb_h5_find(f, s->job.what, p->name, &at, NULL) != DNB_OK)
        return false;
    const dnb_h5_set *set = &f->sets[at];
    if (!set->direct || set->type != s->job.type || set->ndim != ndim)
        return false;
    for (int k = 0; k < ndim; k++)
        if (set->shape[k] != dims[k])
            return false;
    *offset = set->offset;
    return true;
}

/* *resumed = the part file holds this job: then progress and offsets are taken from it. A file that
 * is not ours is no error. */
static dnb_status try_resume(dnb_h5_stream *s, const char job[33], bool *resumed, dnb_err *err)
{
    dnb_h5_file *f = NULL;
    *resumed = false;
    if (!dnb_part_load(&s->part, s->fd, job))
        return DNB_OK;
    dnb_status status = dnb_h5_open(&f, s->temp, "part", NULL, err);
    if (status != DNB_OK)
        return status == DNB_EFORMAT ? DNB_OK : status;
    bool same = f->n == s->job.n;
    for (size_t i = 0; same && i < s->job.n; i++) {
        uint64_t bytes = (uint64_t)row_bytes(s, i) * s->plans[i].rows;
        same = locate_set(s, f, &s->plans[i], &s->offsets[i]) && s->part.done <= s->plans[i].rows &&
               s->offsets[i] + bytes <= s->part.at;
        s->pushed[i] = (size_t)s->part.done;
    }
    dnb_h5_file_close(f);
    *resumed = same;
    return DNB_OK;
}

/* Byte offsets of the new datasets. */
static dnb_status note_offsets(dnb_h5_stream *s, hid_t file, dnb_err *err)
{
    for (size_t i = 0; i < s->job.n; i++) {
        hid_t set = H5Dopen2(file, s->plans[i].name, H5P_DEFAULT);
        haddr_t at = set < 0 ? HADDR_UNDEF : H5Dget_offset(set);
        dnb_h5_close(set);
        if (at == HADDR_UNDEF)
            return dnb_h5_fail(err, DNB_EINTERNAL, s->path, "HDF5 gave %s '%.200s' no place",
                               s->job.what, s->plans[i].name);
        s->offsets[i] = (uint64_t)at;
    }
    return DNB_OK;
}

/* A new, empty file behind the temporary name. */
static dnb_status start_over(dnb_h5_stream *s, const char job[33], dnb_err *err)
{
    dnb_status status = DNB_OK;
    hid_t file = -1;
    struct stat st;
    uint64_t bytes = 0;
    dnb_h5_io io = {.fd = s->fd};
    for (size_t i = 0; i < s->job.n; i++) {
        bytes += (uint64_t)row_bytes(s, i) * s->plans[i].rows;
        s->pushed[i] = 0;
    }
    s->part.done = 0;
    if (ftruncate(s->fd, 0) != 0)
        return dnb_fail(err, DNB_EIO, "%s: cannot write: %s", s->path, strerror(errno));
    status = dnb_check_room(s->path, bytes, err);
    if (status != DNB_OK)
        return status;
    dnb_h5_scope scope = dnb_h5_enter();
    DNB_TRY(dnb_h5_create(&file, &io, &s->job, false, err));
    status = note_offsets(s, file, err);
    dnb_status closed = dnb_h5_finish(file, &io, s->path, status == DNB_OK ? err : NULL);
    DNB_TRY(status == DNB_OK ? closed : status);
    if (fstat(s->fd, &st) != 0) {
        status = dnb_fail(err, DNB_EIO, "%s: cannot open: %s", s->temp, strerror(errno));
        goto done;
    }
    if (s->resumable)
        status = dnb_part_start(&s->part, s->fd, (uint64_t)st.st_size, job, s->path, err);
done:
    dnb_h5_leave(scope);
    return status;
}

dnb_status dnb_h5_stream_open(dnb_h5_stream **out, const dnb_h5_job *job, size_t *done,
                              dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_h5_stream *s = NULL;
    dnb_strbuf name = {0};
    char fingerprint_text[33] = "";
    bool resumed = false;
    DNB_TRY(dnb_h5_check_plans(job, err));
    DNB_TRY(dnb_path_check_parent(job->path, err));
    DNB_NEW(s, 1, "output file");
    s->fd = -1;
    DNB_TRY(copy_job(s, job, err));
    if (s->resumable) {
        if (dnb_path_is_dir(job->path)) {
            status = dnb_fail(err, DNB_EIO, "%s: is a folder, expected a file name", job->path);
            goto done;
        }
        dnb_strbuf_addf(&name, "%s.part", job->path);
        DNB_TRY(dnb_strbuf_take(&name, &s->temp, err));
        DNB_TRY(fingerprint(job, fingerprint_text, err));
        DNB_TRY(dnb_part_lock(&s->fd, s->temp, s->path, err));
    } else {
        DNB_TRY(dnb_outfile_reserve(&s->unique, job->path, err));
        s->temp = dnb_strdup(dnb_outfile_temp(s->unique));
        if (!s->temp) {
            status = dnb_fail_memory(err, "path", strlen(job->path));
            goto done;
        }
        s->fd = open(s->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (s->fd < 0) {
            status = dnb_fail(err, DNB_EIO, "%s: cannot create: %s", job->path, strerror(errno));
            goto done;
        }
    }
    if (s->resumable)
        DNB_TRY(try_resume(s, fingerprint_text, &resumed, err));
    if (!resumed)
        DNB_TRY(start_over(s, fingerprint_text, err));
    if (done)
        *done = s->pushed[0];
    *out = s;
    s = NULL;
done:
    dnb_strbuf_release(&name);
    dnb_h5_stream_abort(s, true);
    return status;
}

dnb_status dnb_h5_stream_push(dnb_h5_stream *s, size_t set, size_t first, size_t n,
                              const void *rows, dnb_err *err)
{
    if (set >= s->job.n)
        return dnb_fail(err, DNB_EARG, "%s: %s %zu of %zu", s->path, s->job.what, set, s->job.n);
    const dnb_h5_plan *p = &s->plans[set];
    if (first > s->pushed[set] || n > p->rows - first)
        return dnb_fail(err, DNB_EARG,
                        "%s: %s '%s': cannot write %s %zu..%zu; it has %zu of %zu so far", s->path,
                        s->job.what, p->name, s->job.row, first + 1, first + n, s->pushed[set],
                        p->rows);
    size_t bytes = row_bytes(s, set);
    dnb_status status = dnb_write_at(s->fd, s->offsets[set] + (uint64_t)first * bytes, rows,
                                     n * bytes, s->path, err);
    if (status == DNB_OK && first + n > s->pushed[set])
        s->pushed[set] = first + n;
    return status;
}

dnb_status dnb_h5_stream_done(dnb_h5_stream *s, size_t n, dnb_err *err)
{
    for (size_t i = 0; i < s->job.n; i++)
        if (s->pushed[i] < n)
            return dnb_fail(err, DNB_EARG, "%s: %s '%s' has %zu %s, not %zu", s->path, s->job.what,
                            s->plans[i].name, s->pushed[i], s->job.row, n);
    return s->resumable ? dnb_part_save(&s->part, n, false, s->path, err) : DNB_OK;
}

static dnb_status put_attributes(dnb_h5_stream *s, hid_t file, const char *provenance, dnb_err *err)
{
    const dnb_h5_job *job = &s->job;
    dnb_status status = DNB_OK;
    if (job->type_text)
        status = dnb_h5_put_text(file, s->path, "type", job->type_text, err);
    if (status == DNB_OK && job->roi)
        status = dnb_h5_put_texts(file, s->path, "roi", job->roi, job->n_roi, err);
    for (size_t i = 0; i < job->n_texts && status == DNB_OK; i++) {
        const dnb_h5_texts *t = &job->texts[i];
        status = t->scalar ? dnb_h5_put_text(file, s->path, t->name, t->texts[0], err)
                           : dnb_h5_put_texts(file, s->path, t->name, t->texts, t->n, err);
    }
    if (status == DNB_OK && provenance)
        status = dnb_h5_put_text(file, s->path, "provenance", provenance, err);
    return status;
}

/* Adds the attributes to the contiguous file. */
static dnb_status add_attributes(dnb_h5_stream *s, const char *provenance, dnb_err *err)
{
    dnb_h5_io io = {.fd = s->fd};
    hid_t access = dnb_h5_access(&io, dnb_h5_needs_v18(&s->job));
    hid_t file = access < 0 ? -1 : H5Fopen(s->temp, H5F_ACC_RDWR, access);
    dnb_h5_close(access);
    if (file < 0) {
        dnb_status failed =
            dnb_h5_open_failed(&io, s->path, "cannot reopen the part file", DNB_EIO, err);
        dnb_h5_io_release(&io);
        return failed;
    }
    dnb_status status = put_attributes(s, file, provenance, err);
    dnb_status closed = dnb_h5_finish(file, &io, s->path, status == DNB_OK ? err : NULL);
    return status == DNB_OK ? closed : status;
}

/* Attributes, final name. HDF5 may append to the file where our records stand, so they are written
 * anew behind it: should a later step fail, the job still resumes. */
static dnb_status finish_plain(dnb_h5_stream *s, const char *provenance, dnb_err *err)
{
    struct stat st;
    dnb_status status = add_attributes(s, provenance, err);
    if (status != DNB_OK)
        return status;
    if (!s->resumable) {
        dnb_outfile *unique = s->unique;
        s->unique = NULL;
        return dnb_outfile_commit(unique, err);
    }
    if (fstat(s->fd, &st) != 0)
        return dnb_fail(err, DNB_EIO, "%s: %s", s->path, strerror(errno));
    status = dnb_part_start(&s->part, s->fd, (uint64_t)st.st_size, s->part.job, s->path, err);
    if (status == DNB_OK)
        status = dnb_part_save(&s->part, s->plans[0].rows, false, s->path, err);
    if (status != DNB_OK)
        return status;
    if (ftruncate(s->fd, st.st_size) != 0 || rename(s->temp, s->path) != 0)
        return dnb_fail(err, DNB_EIO, "%s: cannot rename %s to it: %s", s->path, s->temp,
                        strerror(errno));
    return DNB_OK;
}

/* Fills the compressed copy behind io. */
static dnb_status write_compressed(dnb_h5_stream *s, dnb_h5_io *io, const char *provenance,
                                   dnb_err *err)
{
    hid_t file = -1;
    dnb_status status = dnb_h5_create(&file, io, &s->job, true, err);
    if (status != DNB_OK)
        return status;
    status = dnb_h5_compress(file, io, &s->job, s->fd, s->offsets, err);
    if (status == DNB_OK)
        status = put_attributes(s, file, provenance, err);
    dnb_status closed = dnb_h5_finish(file, io, s->path, status == DNB_OK ? err : NULL);
    return status == DNB_OK ? closed : status;
}

/* Compresses into a second file, which takes the final name; the first is then in the way. */
static dnb_status finish_compressed(dnb_h5_stream *s, const char *provenance, dnb_err *err)
{
    dnb_outfile *packed = NULL;
    dnb_status status = dnb_outfile_reserve(&packed, s->path, err);
    if (status != DNB_OK)
        return status;
    dnb_h5_io io = {
        .fd = open(dnb_outfile_temp(packed), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666)};
    if (io.fd < 0) {
        status = dnb_fail(err, DNB_EIO, "%s: cannot create: %s", s->path, strerror(errno));
    } else {
        status = write_compressed(s, &io, provenance, err);
        close(io.fd);
    }
    if (status != DNB_OK) {
        dnb_outfile_abort(packed);
        return status;
    }
    status = dnb_outfile_commit(packed, err);
    if (status == DNB_OK && s->resumable)
        unlink(s->temp);
    return status;
}

dnb_status dnb_h5_stream_commit(dnb_h5_stream *s, const char *provenance, dnb_err *err)
{
    for (size_t i = 0; i < s->job.n; i++)
        if (s->pushed[i] < s->plans[i].rows) {
            dnb_status status =
                dnb_fail(err, DNB_EARG, "%s: %s '%s' has %zu of %zu %s", s->path, s->job.what,
                         s->plans[i].name, s->pushed[i], s->plans[i].rows, s->job.row);
            dnb_h5_stream_abort(s, true);
            return status;
        }
    dnb_h5_scope scope = dnb_h5_enter();
    dnb_status status =
        s->job.compress ? finish_compressed(s, provenance, err) : finish_plain(s, provenance, err);
    dnb_h5_leave(scope);
    if (status != DNB_OK) {
        dnb_h5_stream_abort(s, true);
        return status;
    }
    dnb_outfile_abort(s->unique); /* what compression read from */
    free_stream(s);
    return DNB_OK;
}

void dnb_h5_stream_abort(dnb_h5_stream *s, bool keep)
{
    if (!s)
        return;
    bool kept = keep && s->part.done > 0;
    if (s->resumable && s->fd >= 0 && !kept)
        unlink(s->temp);
    else if (s->resumable && s->fd >= 0) /* what was reported done now outlives the machine, too */
        dnb_part_save(&s->part, (size_t)s->part.done, true, s->path, NULL);
    dnb_outfile_abort(s->unique);
    free_stream(s);
}
