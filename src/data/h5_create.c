/* New HDF5 files with all their datasets: names, shapes, layouts. */
#include <string.h>

#include "base/mem.h"
#include "data/h5_stream.h"

enum { CHUNK_BYTES = 512 << 10, COMPACT_TEXTS = 3500, LONGEST_NAME = 1024 };

size_t dnb_h5_plan_items(const dnb_h5_plan *p)
{
    return p->shape[0] * p->shape[1] * p->shape[2];
}

/* A name is a path of non-empty parts; HDF5 reads "." as "here". */
static bool is_path(const char *name)
{
    if (!*name || strlen(name) > LONGEST_NAME)
        return false;
    for (const char *part = name;; part++) {
        size_t n = strcspn(part, "/");
        if (n == 0 || (n == 1 && part[0] == '.'))
            return false;
        part += n;
        if (!*part)
            return true;
    }
}

/* Is a the same path as b, or a folder above it? */
static bool covers(const char *a, const char *b)
{
    size_t n = strlen(a);
    return strncmp(a, b, n) == 0 && (b[n] == '\0' || b[n] == '/');
}

dnb_status dnb_h5_check_plans(const dnb_h5_job *job, dnb_err *err)
{
    if (job->n == 0)
        return dnb_fail(err, DNB_EARG, "%s: nothing to write: no %s", job->path, job->what);
    for (size_t i = 0; i < job->n; i++) {
        const dnb_h5_plan *p = &job->plans[i];
        size_t bytes = dnb_dtype_size(job->type);
        if (!is_path(p->name))
            return dnb_fail(err, DNB_EARG,
                            "%s: '%s' cannot name a %s (empty, longer than 1024 bytes, or a part "
                            "between '/' is empty or '.')",
                            job->path, p->name, job->what);
        if (p->rows == 0 || p->shape[0] == 0 || p->shape[1] == 0 || p->shape[2] == 0)
            return dnb_fail(err, DNB_EARG, "%s: %s '%s' is empty (%zu %s of %zux%zux%zu)",
                            job->path, job->what, p->name, p->rows, job->row, p->shape[0],
                            p->shape[1], p->shape[2]);
        if (!dnb_mul_size(&bytes, bytes, p->rows) || !dnb_mul_size(&bytes, bytes, p->shape[0]) ||
            !dnb_mul_size(&bytes, bytes, p->shape[1]) ||
            !dnb_mul_size(&bytes, bytes, p->shape[2]) || bytes > INT64_MAX / 4)
            return dnb_fail(err, DNB_EARG, "%s: %s '%s' is too large", job->path, job->what,
                            p->name);
        for (size_t k = 0; k < i; k++)
            if (covers(p->name, job->plans[k].name) || covers(job->plans[k].name, p->name))
                return dnb_fail(err, DNB_EARG,
                                "%s: %s names '%s' and '%s' exclude each other in an HDF5 file",
                                job->path, job->what, job->plans[k].name, p->name);
    }
    return DNB_OK;
}

void dnb_h5_chunk_shape(const dnb_h5_plan *p, size_t item, size_t chunk[4])
{
    size_t most = CHUNK_BYTES / item;
    size_t line = p->shape[2], plane = line * p->shape[1], row = plane * p->shape[0];
    chunk[0] = 1;
    for (int a = 0; a < 3; a++)
        chunk[a + 1] = p->shape[a];
    if (row <= most) {
        chunk[0] = most / row < p->rows ? most / row : p->rows;
        return;
    }
    /* Cut the outermost axis that leaves pieces small enough, into pieces of nearly equal length.
     */
    size_t inner[3] = {plane, line, 1};
    for (int a = 0; a < 3; a++) {
        if (inner[a] <= most) {
            size_t longest = most / inner[a], pieces = (p->shape[a] + longest - 1) / longest;
            chunk[a + 1] = (p->shape[a] + pieces - 1) / pieces;
            return;
        }
        chunk[a + 1] = 1;
    }
}

int dnb_h5_file_dims(const dnb_h5_plan *p, const size_t lengths[4], hsize_t dims[DNB_H5_DIMS])
{
    for (int i = 0; i < p->ndim; i++)
        dims[i] = lengths[p->ndim == 1 ? 1 : i];
    return p->ndim;
}

/* Makes the groups above a dataset, remembering the order of their members. */
static bool make_groups(hid_t file, const char *name, hid_t links)
{
    char path[LONGEST_NAME + 1];
    bool ok = true;
    strcpy(path, name); /* checked by dnb_h5_check_plans */
    for (char *slash = path; ok && (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        htri_t there = H5Lexists(file, path, H5P_DEFAULT);
        if (there == 0) {
            hid_t plist = H5Pcreate(H5P_GROUP_CREATE);
            hid_t group = -1;
            if (H5Pset_link_creation_order(plist, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) >=
                    0 &&
                H5Pset_obj_track_times(plist, false) >= 0)
                group = H5Gcreate2(file, path, links, plist, H5P_DEFAULT);
            dnb_h5_close(plist);
            dnb_h5_close(group);
            ok = group >= 0;
        } else {
            ok = there > 0;
        }
        *slash = '/';
    }
    return ok;
}

static hid_t dataset_properties(const dnb_h5_plan *p, const dnb_h5_job *job, bool compressed)
{
    hsize_t dims[DNB_H5_DIMS];
    size_t chunk[4];
    hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
    /* The time of writing would make every run's file another. */
    bool ok = plist >= 0 && H5Pset_fill_time(plist, H5D_FILL_TIME_NEVER) >= 0 &&
              H5Pset_obj_track_times(plist, false) >= 0;
    if (compressed) {
        dnb_h5_chunk_shape(p, dnb_dtype_size(job->type), chunk);
        int ndim = dnb_h5_file_dims(p, chunk, dims);
        ok = ok && H5Pset_chunk(plist, ndim, dims) >= 0 && H5Pset_shuffle(plist) >= 0 &&
             H5Pset_deflate(plist, (unsigned)job->compress) >= 0;
    } else {
        ok = ok && H5Pset_layout(plist, H5D_CONTIGUOUS) >= 0 &&
             H5Pset_alloc_time(plist, H5D_ALLOC_TIME_EARLY) >= 0;
    }
    if (!ok) {
        dnb_h5_close(plist);
        return -1;
    }
    return plist;
}

static bool make_dataset(hid_t file, const dnb_h5_plan *p, const dnb_h5_job *job, bool compressed)
{
    size_t lengths[4] = {p->rows, p->shape[0], p->shape[1], p->shape[2]};
    hsize_t dims[DNB_H5_DIMS];
    int ndim = dnb_h5_file_dims(p, lengths, dims);
    hid_t type = job->type == DNB_F64 ? H5T_NATIVE_DOUBLE : H5T_NATIVE_FLOAT;
    hid_t links = H5Pcreate(H5P_LINK_CREATE), set = -1;
    hid_t space = H5Screate_simple(ndim, dims, NULL);
    hid_t plist = dataset_properties(p, job, compressed);
    if (links >= 0 && space >= 0 && plist >= 0 && H5Pset_char_encoding(links, H5T_CSET_UTF8) >= 0 &&
        make_groups(file, p->name, links))
        set = H5Dcreate2(file, p->name, type, space, links, plist, H5P_DEFAULT);
    dnb_h5_close(set);
    dnb_h5_close(plist);
    dnb_h5_close(space);
    dnb_h5_close(links);
    return set >= 0;
}

bool dnb_h5_needs_v18(const dnb_h5_job *job)
{
    bool many = job->n_roi > COMPACT_TEXTS;
    for (size_t i = 0; i < job->n_texts; i++)
        many = many || job->texts[i].n > COMPACT_TEXTS;
    return many;
}

dnb_status dnb_h5_create(hid_t *out, dnb_h5_io *io, const dnb_h5_job *job, bool compressed,
                         dnb_err *err)
{
    dnb_status status = DNB_OK;
    hid_t file = -1;
    bool v18 = dnb_h5_needs_v18(job);
    hid_t access = dnb_h5_access(io, v18), creation = H5Pcreate(H5P_FILE_CREATE);
    bool ok =
        access >= 0 && creation >= 0 &&
        H5Pset_link_creation_order(creation, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) >= 0 &&
        H5Pset_obj_track_times(creation, false) >= 0;
    if (v18)
        ok = ok && H5Pset_attr_phase_change(creation, 0, 0) >= 0;
    if (ok)
        file = H5Fcreate(job->path, H5F_ACC_TRUNC, creation, access);
    if (file < 0) {
        status = dnb_h5_open_failed(io, job->path, "cannot create", DNB_EIO, err);
        goto done;
    }
    for (size_t i = 0; i < job->n; i++)
        if (!make_dataset(file, &job->plans[i], job, compressed)) {
            status = dnb_h5_fail(err, DNB_EIO, job->path, "cannot create %s '%.200s'", job->what,
                                 job->plans[i].name);
            goto done;
        }
    *out = file;
    file = -1;
done:
    dnb_h5_close(file);
    dnb_h5_close(access);
    dnb_h5_close(creation);
    if (status != DNB_OK)
        dnb_h5_io_release(io);
    return status;
}
