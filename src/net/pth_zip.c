/* A reader of zip directories (PKWARE APPNOTE 6.3: end record, Zip64 end record, central headers).
 */
#include "net/pth_zip.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"

#define END_SIZE 22
#define END64_LOCATOR_SIZE 20
#define END64_SIZE 56
#define CENTRAL_SIZE 46
#define LOCAL_SIZE 30
#define MAX_COMMENT 65535

struct dnb_zip {
    const dnb_bytes *in;
    unsigned char *directory;
    char *names;
    dnb_zip_entry *entries; /* sorted by name */
    size_t n;
};

static uint64_t get(const unsigned char *p, int bytes)
{
    uint64_t v = 0;
    for (int i = bytes; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

static dnb_status broken(const dnb_bytes *in, const char *what, dnb_err *err)
{
    return dnb_fail(err, DNB_EFORMAT, "%s: broken or truncated zip archive: %s", in->name, what);
}

bool dnb_zip_looks_like(const dnb_bytes *in)
{
    unsigned char head[4];
    return in->size >= 4 && dnb_bytes_read(in, 0, head, 4, NULL) == DNB_OK &&
           memcmp(head, "PK\3\4", 4) == 0;
}

/* Where the central directory is. */
typedef struct directory {
    uint64_t at, size, n;
} directory;

/* The Zip64 end record, when a locator stands before the end record at `end`. */
static dnb_status find_end64(const dnb_bytes *in, size_t end, directory *d, dnb_err *err)
{
    unsigned char loc[END64_LOCATOR_SIZE], rec[END64_SIZE];
    if (end < END64_LOCATOR_SIZE)
        return DNB_OK;
    dnb_status status = dnb_bytes_read(in, end - END64_LOCATOR_SIZE, loc, sizeof loc, err);
    if (status != DNB_OK || memcmp(loc, "PK\6\7", 4) != 0)
        return status;
    uint64_t at = get(loc + 8, 8);
    if (at > end - END64_LOCATOR_SIZE || end - END64_LOCATOR_SIZE - at < END64_SIZE)
        return broken(in, "its Zip64 record lies outside the file", err);
    status = dnb_bytes_read(in, (size_t)at, rec, sizeof rec, err);
    if (status != DNB_OK)
        return status;
    if (memcmp(rec, "PK\6\6", 4) != 0)
        return broken(in, "its Zip64 record is missing", err);
    *d = (directory){.n = get(rec + 32, 8), .size = get(rec + 40, 8), .at = get(rec + 48, 8)};
    return DNB_OK;
}

static dnb_status find_end(const dnb_bytes *in, directory *d, dnb_err *err)
{
    dnb_status status = DNB_OK;
    size_t tail = in->size < END_SIZE + MAX_COMMENT ? in->size : END_SIZE + MAX_COMMENT;
    unsigned char *buf = NULL;
    DNB_NEW(buf, tail, in->name);
    DNB_TRY(dnb_bytes_read(in, in->size - tail, buf, tail, err));
    for (size_t i = tail < END_SIZE ? 0 : tail - END_SIZE + 1; i-- > 0;) {
        const unsigned char *p = buf + i;
        if (memcmp(p, "PK\5\6", 4) != 0 || get(p + 20, 2) > tail - END_SIZE - i)
            continue;
        *d = (directory){.n = get(p + 10, 2), .size = get(p + 12, 4), .at = get(p + 16, 4)};
        status = find_end64(in, in->size - tail + i, d, err);
        goto done;
    }
    status = broken(in, "its directory is missing; is the file complete?", err);
done:
    dnb_free(buf);
    return status;
}

/* 64-bit fields of the Zip64 extra block replace 32-bit ones that are all ones. */
static bool apply_zip64(const unsigned char *extra, size_t n, uint64_t *size, uint64_t *packed,
                        uint64_t *header)
{
    uint64_t *field[] = {size, packed, header};
    for (size_t i = 0; i + 4 <= n;) {
        size_t id = get(extra + i, 2), len = get(extra + i + 2, 2), at = i + 4;
        if (len > n - at)
            return false;
        if (id == 1)
            for (int k = 0; k < 3; k++)
                if (*field[k] == 0xffffffffu) {
                    if (at + 8 > i + 4 + len)
                        return false;
                    *field[k] = get(extra + at, 8);
                    at += 8;
                }
        i += 4 + len;
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const dnb_zip_entry *)a)->name, ((const dnb_zip_entry *)b)->name);
}

/* Walks the central headers in z->directory. */
static dnb_status read_entries(dnb_zip *z, size_t size, size_t count, dnb_err *err)
{
    size_t names = 0, at = 0;
    for (; z->n < count; z->n++) {
        const unsigned char *p = z->directory + at;
        if (size - at < CENTRAL_SIZE || memcmp(p, "PK\1\2", 4) != 0)
            return broken(z->in, "a directory entry is missing", err);
        size_t name = get(p + 28, 2), extra = get(p + 30, 2), comment = get(p + 32, 2);
        if (name + extra + comment > size - at - CENTRAL_SIZE)
            return broken(z->in, "a directory entry is cut off", err);
        uint64_t packed = get(p + 20, 4), full = get(p + 24, 4), header = get(p + 42, 4);
        if (!apply_zip64(p + CENTRAL_SIZE + name, extra, &full, &packed, &header))
            return broken(z->in, "a Zip64 field is cut off", err);
        if (header > z->in->size || packed > z->in->size || full > SIZE_MAX / 2)
            return broken(z->in, "an entry lies outside the file", err);
        if (get(p + 8, 2) & 1)
            return dnb_fail(err, DNB_EUNSUPPORTED, "%s: the archive is encrypted", z->in->name);
        char *s = z->names + names;
        memcpy(s, p + CENTRAL_SIZE, name);
        s[name] = '\0';
        names += name + 1;
        z->entries[z->n] = (dnb_zip_entry){.name = s,
                                           .header = (size_t)header,
                                           .packed = (size_t)packed,
                                           .size = (size_t)full,
                                           .method = (unsigned)get(p + 10, 2)};
        at += CENTRAL_SIZE + name + extra + comment;
    }
    qsort(z->entries, z->n, sizeof *z->entries, by_name);
    return DNB_OK;
}

dnb_status dnb_zip_open(dnb_zip **out, const dnb_bytes *in, dnb_err *err)
{
    dnb_status status = DNB_OK;
    directory d = {0};
    dnb_zip *z = NULL;
    DNB_TRY(find_end(in, &d, err));
    if (d.at > in->size || d.size > in->size - d.at || d.n > d.size / CENTRAL_SIZE) {
        status = broken(in, "its directory lies outside the file", err);
        goto done;
    }
    DNB_NEW(z, 1, in->name);
    z->in = in;
    DNB_NEW(z->directory, d.size, in->name);
    /* A name and its NUL take less room than its header did. */
    DNB_NEW(z->names, d.size, in->name);
    DNB_NEW(z->entries, d.n, in->name);
    DNB_TRY(dnb_bytes_read(in, (size_t)d.at, z->directory, (size_t)d.size, err));
    DNB_TRY(read_entries(z, (size_t)d.size, (size_t)d.n, err));
    *out = z;
    z = NULL;
done:
    dnb_zip_close(z);
    return status;
}

void dnb_zip_close(dnb_zip *z)
{
    if (!z)
        return;
    dnb_free(z->directory);
    dnb_free(z->names);
    dnb_free(z->entries);
    dnb_free(z);
}

const dnb_zip_entry *dnb_zip_find(const dnb_zip *z, const char *name)
{
    dnb_zip_entry key = {.name = name};
    return z->n ? bsearch(&key, z->entries, z->n, sizeof key, by_name) : NULL;
}

const dnb_zip_entry *dnb_zip_find_suffix(const dnb_zip *z, const char *suffix)
{
    size_t n = strlen(suffix);
    for (size_t i = 0; i < z->n; i++) {
        size_t len = strlen(z->entries[i].name);
        if (len >= n && strcmp(z->entries[i].name + len - n, suffix) == 0)
            return &z->entries[i];
    }
    return NULL;
}

dnb_status dnb_zip_place(const dnb_zip *z, const dnb_zip_entry *e, size_t *at, dnb_err *err)
{
    unsigned char p[LOCAL_SIZE];
    dnb_status status = dnb_bytes_read(z->in, e->header, p, sizeof p, err);
    if (status != DNB_OK)
        return status;
    size_t start = e->header + LOCAL_SIZE + get(p + 26, 2) + get(p + 28, 2);
    if (memcmp(p, "PK\3\4", 4) != 0 || start > z->in->size || e->packed > z->in->size - start)
        return dnb_fail(err, DNB_EFORMAT,
                        "%s: broken or truncated zip archive: entry '%.200s' lies outside the file",
                        z->in->name, e->name);
    *at = start;
    return DNB_OK;
}

static dnb_status inflate_all(const dnb_zip_entry *e, const unsigned char *src, unsigned char *dst,
                              const char *file, dnb_err *err)
{
    z_stream s = {0};
    if (inflateInit2(&s, -MAX_WBITS) != Z_OK)
        return dnb_fail_memory(err, file, e->packed);
    size_t in = 0, out = 0;
    int rc = Z_OK;
    while (rc == Z_OK) { /* zlib counts in 32 bits */
        const size_t most = (size_t)1 << 30;
        s.next_in = (Bytef *)(uintptr_t)(src + in);
        s.avail_in = (uInt)(e->packed - in < most ? e->packed - in : most);
        s.next_out = dst + out;
        s.avail_out = (uInt)(e->size - out < most ? e->size - out : most);
        uInt had_in = s.avail_in, had_out = s.avail_out;
        rc = inflate(&s, Z_NO_FLUSH);
        in += had_in - s.avail_in;
        out += had_out - s.avail_out;
        if (had_in == s.avail_in && had_out == s.avail_out)
            break;
    }
    inflateEnd(&s);
    return rc == Z_STREAM_END && out == e->size
               ? DNB_OK
               : dnb_fail(err, DNB_EFORMAT,
                          "%s: zip entry '%.200s' does not unpack to its %zu bytes", file, e->name,
                          e->size);
}

dnb_status dnb_zip_read(const dnb_zip *z, const dnb_zip_entry *e, size_t max, unsigned char **out,
                        dnb_err *err)
{
    dnb_status status = DNB_OK;
    unsigned char *data = NULL, *packed = NULL;
    size_t at;
    const char *file = z->in->name;
    DNB_TRY(dnb_zip_place(z, e, &at, err));
    /* No deflate stream unpacks to more than 1032 times its length. */
    if (e->size > max || (e->method == 0 && e->size != e->packed) || e->size / 1032 > e->packed) {
        status =
            dnb_fail(err, DNB_EFORMAT, "%s: zip entry '%.200s' states an absurd size (%zu bytes)",
                     file, e->name, e->size);
        goto done;
    }
    if (e->method != 0 && e->method != 8) {
        status = dnb_fail(err, DNB_EUNSUPPORTED,
                          "%s: zip entry '%.200s' uses compression method %u; repack it without",
                          file, e->name, e->method);
        goto done;
    }
    data = dnb_alloc(e->size, 1);
    if (!data) {
        status = dnb_fail_memory(err, file, e->size);
        goto done;
    }
    if (e->method == 0) {
        DNB_TRY(dnb_bytes_read(z->in, at, data, e->size, err));
    } else {
        packed = dnb_alloc(e->packed, 1);
        if (!packed) {
            status = dnb_fail_memory(err, file, e->packed);
            goto done;
        }
        DNB_TRY(dnb_bytes_read(z->in, at, packed, e->packed, err));
        DNB_TRY(inflate_all(e, packed, data, file, err));
    }
    *out = data;
    data = NULL;
done:
    dnb_free(data);
    dnb_free(packed);
    return status;
}
