/* Write-then-rename output files. */
#include "base/outfile.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/strbuf.h"

struct dnb_outfile {
    char *path, *temp;
    FILE *stream;
};

static void free_outfile(dnb_outfile *f)
{
    dnb_free(f->path);
    dnb_free(f->temp);
    dnb_free(f);
}

dnb_status dnb_outfile_reserve(dnb_outfile **out, const char *path, dnb_err *err)
{
    dnb_status status = dnb_path_check_parent(path, err);
    dnb_outfile *f = NULL;
    dnb_strbuf name = {0};
    if (status != DNB_OK)
        return status;
    if (dnb_path_is_dir(path))
        return dnb_fail(err, DNB_EIO, "%s: is a folder, expected a file name", path);
    DNB_NEW(f, 1, "output file");
    f->path = dnb_strdup(path);
    dnb_strbuf_addf(&name, "%s.tmp-%ld", path, (long)getpid());
    if (!f->path) {
        status = dnb_fail_memory(err, "path", strlen(path) + 1);
        goto done;
    }
    DNB_TRY(dnb_strbuf_take(&name, &f->temp, err));
    for (int n = 1; dnb_path_exists(f->temp); n++) {
        dnb_strbuf_addf(&name, "%s.tmp-%ld-%d", path, (long)getpid(), n);
        dnb_free(f->temp);
        f->temp = NULL;
        DNB_TRY(dnb_strbuf_take(&name, &f->temp, err));
    }
    *out = f;
    f = NULL;
done:
    dnb_strbuf_release(&name);
    if (f)
        free_outfile(f);
    return status;
}

dnb_status dnb_outfile_open(dnb_outfile **out, const char *path, dnb_err *err)
{
    dnb_outfile *f = NULL;
    dnb_status status = dnb_outfile_reserve(&f, path, err);
    if (status != DNB_OK)
        return status;
    f->stream = fopen(f->temp, "wb");
    if (!f->stream) {
        status = dnb_fail(err, DNB_EIO, "%s: cannot create: %s", path, strerror(errno));
        free_outfile(f);
        return status;
    }
    *out = f;
    return DNB_OK;
}

const char *dnb_outfile_temp(const dnb_outfile *f)
{
    return f->temp;
}

static dnb_status write_failed(const dnb_outfile *f, dnb_err *err)
{
    return dnb_fail(err, DNB_EIO, "%s: cannot write: %s", f->path, strerror(errno));
}

dnb_status dnb_outfile_write(dnb_outfile *f, const void *data, size_t size, dnb_err *err)
{
    if (size && fwrite(data, 1, size, f->stream) != size)
        return write_failed(f, err);
    return DNB_OK;
}

dnb_status dnb_outfile_commit(dnb_outfile *f, dnb_err *err)
{
    dnb_status status = DNB_OK;
    if (f->stream) {
        bool bad = fflush(f->stream) != 0 || ferror(f->stream);
        if (bad)
            status = write_failed(f, err);
        if (fclose(f->stream) != 0 && !bad)
            status = write_failed(f, err);
        f->stream = NULL;
    }
    if (status == DNB_OK && rename(f->temp, f->path) != 0)
        status = dnb_fail(err, DNB_EIO, "%s: cannot rename %s to it: %s", f->path, f->temp,
                          strerror(errno));
    if (status != DNB_OK)
        unlink(f->temp);
    free_outfile(f);
    return status;
}

void dnb_outfile_abort(dnb_outfile *f)
{
    if (!f)
        return;
    if (f->stream)
        fclose(f->stream);
    unlink(f->temp);
    free_outfile(f);
}

dnb_status dnb_file_write(const char *path, const void *data, size_t size, dnb_err *err)
{
    dnb_outfile *f = NULL;
    dnb_status status = dnb_outfile_open(&f, path, err);
    if (status != DNB_OK)
        return status;
    status = dnb_outfile_write(f, data, size, err);
    if (status != DNB_OK) {
        dnb_outfile_abort(f);
        return status;
    }
    return dnb_outfile_commit(f, err);
}
