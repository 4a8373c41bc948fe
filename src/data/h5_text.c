/* Text attributes of the root group, in every form h5py writes. */
#include <string.h>

#include "base/mem.h"
#include "data/h5.h"

enum { MOST_TEXTS = 100 * 1000 * 1000 };

void dnb_h5_free_texts(char **texts, size_t n)
{
    for (size_t i = 0; texts && i < n; i++)
        dnb_free(texts[i]);
    dnb_free(texts);
}

static dnb_status broken(const dnb_h5_file *f, const char *name, dnb_err *err)
{
    return dnb_h5_bad(f, err, "attribute '%s' cannot be read", name);
}

/* Copies n variable-length texts out of HDF5's hands. */
static dnb_status read_variable(dnb_h5_file *f, hid_t attr, hid_t type, const char *name,
                                char **out, size_t n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    char **lent = NULL;
    hid_t space = H5Aget_space(attr), memory = H5Tcopy(type);
    DNB_NEW(lent, n, "attribute");
    if (space < 0 || memory < 0 || H5Aread(attr, memory, lent) < 0) {
        status = broken(f, name, err);
        goto done;
    }
    for (size_t i = 0; i < n && status == DNB_OK; i++) {
        out[i] = dnb_strdup(lent[i] ? lent[i] : "");
        if (!out[i])
            status = dnb_fail_memory(err, "attribute", lent[i] ? strlen(lent[i]) : 1);
    }
    H5Dvlen_reclaim(memory, space, H5P_DEFAULT, lent);
done:
    dnb_h5_close(memory);
    dnb_h5_close(space);
    dnb_free(lent);
    return status;
}

/* Copies n texts of one fixed size, padded with NULs or blanks. */
static dnb_status read_fixed(dnb_h5_file *f, hid_t attr, hid_t type, const char *name, char **out,
                             size_t n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t size = H5Tget_size(type), bytes;
    bool blanks = H5Tget_strpad(type) == H5T_STR_SPACEPAD;
    char *block = NULL;
    if (size == 0 || !dnb_mul_size(&bytes, n, size) || bytes > f->size)
        return broken(f, name, err);
    DNB_NEW(block, bytes, "attribute");
    if (H5Aread(attr, type, block) < 0) {
        status = broken(f, name, err);
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        const char *s = block + i * size;
        size_t len = strnlen(s, size);
        while (blanks && len && s[len - 1] == ' ')
            len--;
        out[i] = dnb_strndup(s, len);
        if (!out[i]) {
            status = dnb_fail_memory(err, "attribute", len + 1);
            goto done;
        }
    }
done:
    dnb_free(block);
    return status;
}

/* Number of elements; 1 for a scalar. */
static dnb_status count_texts(dnb_h5_file *f, hid_t attr, const char *name, size_t *n, dnb_err *err)
{
    hid_t space = H5Aget_space(attr);
    hssize_t count = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
    H5S_class_t kind = space < 0 ? H5S_NO_CLASS : H5Sget_simple_extent_type(space);
    dnb_h5_close(space);
    if (count < 0 || kind == H5S_NO_CLASS)
        return broken(f, name, err);
    if (kind == H5S_NULL || count == 0)
        return dnb_fail(err, DNB_EFORMAT, "%s: attribute '%s' is empty", f->path, name);
    if (count > MOST_TEXTS || (uint64_t)count > f->size)
        return dnb_fail(err, DNB_EFORMAT,
                        "%s: attribute '%s' claims %lld texts; the file is broken", f->path, name,
                        (long long)count);
    *n = (size_t)count;
    return DNB_OK;
}

dnb_status dnb_h5_get_texts(dnb_h5_file *f, const char *name, char ***out, size_t *n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_h5_scope scope = dnb_h5_enter();
    hid_t attr = -1, type = -1;
    char **texts = NULL;
    size_t count = 0;
    htri_t there = H5Aexists(f->file, name);
    if (there <= 0) {
        status = there < 0
                     ? broken(f, name, err)
                     : dnb_fail(err, DNB_ENOTFOUND, "%s: no root attribute '%s'", f->path, name);
        goto done;
    }
    attr = H5Aopen(f->file, name, H5P_DEFAULT);
    type = attr < 0 ? -1 : H5Aget_type(attr);
    if (type < 0) {
        status = broken(f, name, err);
        goto done;
    }
    if (H5Tget_class(type) != H5T_STRING) {
        status = dnb_fail(err, DNB_EFORMAT, "%s: attribute '%s' is not text", f->path, name);
        goto done;
    }
    DNB_TRY(count_texts(f, attr, name, &count, err));
    DNB_NEW(texts, count, "attribute");
    status = H5Tis_variable_str(type) > 0 ? read_variable(f, attr, type, name, texts, count, err)
                                          : read_fixed(f, attr, type, name, texts, count, err);
    if (status == DNB_OK) {
        *out = texts;
        *n = count;
        texts = NULL;
    }
done:
    dnb_h5_free_texts(texts, count);
    dnb_h5_close(type);
    dnb_h5_close(attr);
    dnb_h5_leave(scope);
    return status;
}

dnb_status dnb_h5_get_text(dnb_h5_file *f, const char *name, char **out, dnb_err *err)
{
    char **texts = NULL;
    size_t n = 0;
    dnb_err local;
    dnb_status status = dnb_h5_get_texts(f, name, &texts, &n, &local);
    if (status == DNB_ENOTFOUND) {
        *out = NULL;
        return DNB_OK;
    }
    if (status != DNB_OK) {
        if (err)
            *err = local;
        return status;
    }
    *out = texts[0];
    texts[0] = NULL;
    dnb_h5_free_texts(texts, n);
    return DNB_OK;
}

/* UTF-8, variable length: what h5py writes for a str. Negative on failure. */
static hid_t text_type(void)
{
    hid_t t = H5Tcopy(H5T_C_S1);
    if (t >= 0 && H5Tset_size(t, H5T_VARIABLE) >= 0 && H5Tset_cset(t, H5T_CSET_UTF8) >= 0)
        return t;
    dnb_h5_close(t);
    return -1;
}

static dnb_status put(hid_t file, const char *path, const char *name, hid_t space,
                      const char *const *texts, dnb_err *err)
{
    dnb_status status = DNB_OK;
    hid_t type = text_type(), attr = -1;
    bool ok = file >= 0 && space >= 0 && type >= 0;
    if (ok && H5Aexists(file, name) > 0)
        ok = H5Adelete(file, name) >= 0;
    if (ok)
        attr = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (attr < 0 || H5Awrite(attr, type, texts) < 0)
        status = dnb_h5_fail(err, DNB_EIO, path, "cannot write attribute '%s'", name);
    dnb_h5_close(attr);
    dnb_h5_close(type);
    return status;
}

dnb_status dnb_h5_put_text(hid_t file, const char *path, const char *name, const char *text,
                           dnb_err *err)
{
    hid_t space = H5Screate(H5S_SCALAR);
    dnb_status status = put(file, path, name, space, &text, err);
    dnb_h5_close(space);
    return status;
}

dnb_status dnb_h5_put_texts(hid_t file, const char *path, const char *name,
                            const char *const *texts, size_t n, dnb_err *err)
{
    hsize_t dims[1] = {n};
    hid_t space = H5Screate_simple(1, dims, NULL);
    dnb_status status = put(file, path, name, space, texts, err);
    dnb_h5_close(space);
    return status;
}
