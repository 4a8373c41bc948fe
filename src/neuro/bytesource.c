/* Random-access reading over files, memory and gzip streams. gzip goes through zlib's inflate
 * instead of gzread: gzread takes no memory blocks, passes non-gzip data through silently, and
 * hides where a cut stream ends. */
#include "neuro/bytesource.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/path.h"

#define PACKED_BLOCK ((size_t)1 << 17)
#define SKIP_BLOCK ((size_t)1 << 16)
/* zlib's documented limit is 1032:1; one input byte more for each member's rounding. */
#define MAX_RATIO 1033u

typedef struct gzip_state {
    z_stream z;
    bool live;         /* z is initialised */
    bool ended;        /* no further byte follows */
    bool cut;          /* ... because the stream stops in the middle */
    uint64_t packed;   /* next raw byte to feed */
    uint64_t unpacked; /* bytes delivered so far */
    unsigned char *in, *skip;
} gzip_state;

struct dnb_bytesource {
    char *name;
    int fd; /* -1 for memory */
    const unsigned char *memory;
    uint64_t size; /* raw */
    bool gzip;
    gzip_state gz;
};

static dnb_status read_raw(const dnb_bytesource *s, uint64_t offset, void *buf, size_t size,
                           size_t *got, dnb_err *err)
{
    if (offset >= s->size) {
        *got = 0;
        return DNB_OK;
    }
    if (size > s->size - offset)
        size = (size_t)(s->size - offset);
    if (s->fd < 0) {
        memcpy(buf, s->memory + offset, size);
        *got = size;
        return DNB_OK;
    }
    int fault = dnb_file_read_at(s->fd, buf, size, offset, got);
    return fault ? dnb_fail(err, DNB_EIO, "%s: cannot read: %s", s->name, strerror(fault)) : DNB_OK;
}

static voidpf zlib_alloc(voidpf ctx, uInt n, uInt size)
{
    (void)ctx;
    return dnb_alloc(n, size);
}

static void zlib_free(voidpf ctx, voidpf ptr)
{
    (void)ctx;
    dnb_free(ptr);
}

static dnb_status gzip_fail(const dnb_bytesource *s, int code, dnb_err *err)
{
    if (code == Z_MEM_ERROR)
        return dnb_fail_memory(err, s->name, (size_t)1 << 15);
    return dnb_fail(err, DNB_EFORMAT,
                    "%s: broken gzip stream after %llu unpacked bytes: %s; fetch the file again",
                    s->name, (unsigned long long)s->gz.unpacked,
                    s->gz.z.msg ? s->gz.z.msg : "unexpected data");
}

static dnb_status gzip_start(dnb_bytesource *s, dnb_err *err)
{
    gzip_state *g = &s->gz;
    if (!g->in && !(g->in = dnb_alloc(PACKED_BLOCK, 1)))
        return dnb_fail_memory(err, s->name, PACKED_BLOCK);
    if (g->live)
        inflateEnd(&g->z);
    g->live = false;
    memset(&g->z, 0, sizeof g->z);
    g->z.zalloc = zlib_alloc;
    g->z.zfree = zlib_free;
    int code = inflateInit2(&g->z, 16 + MAX_WBITS);
    if (code != Z_OK)
        return gzip_fail(s, code, err);
    g->live = true;
    g->ended = g->cut = false;
    g->packed = g->unpacked = 0;
    return DNB_OK;
}

/* Refills the input buffer once it is empty. */
static dnb_status gzip_feed(dnb_bytesource *s, dnb_err *err)
{
    gzip_state *g = &s->gz;
    size_t got = 0;
    if (g->z.avail_in)
        return DNB_OK;
    dnb_status status = read_raw(s, g->packed, g->in, PACKED_BLOCK, &got, err);
    if (status != DNB_OK)
        return status;
    g->packed += got;
    g->z.next_in = g->in;
    g->z.avail_in = (uInt)got;
    return DNB_OK;
}

/* At the end of a member: another gzip header starts the next one; anything else (padding) is
 * ignored, as gzip(1) does. */
static dnb_status gzip_next_member(dnb_bytesource *s, dnb_err *err)
{
    gzip_state *g = &s->gz;
    unsigned char head[2];
    size_t got = 0;
    dnb_status status = read_raw(s, g->packed - g->z.avail_in, head, 2, &got, err);
    if (status != DNB_OK)
        return status;
    if (got < 2 || head[0] != 0x1f || head[1] != 0x8b) {
        g->ended = true;
        return DNB_OK;
    }
    int code = inflateReset(&g->z);
    return code == Z_OK ? DNB_OK : gzip_fail(s, code, err);
}

/* The next `size` unpacked bytes. A stream that stops in the middle counts as the end of the data:
 * the caller knows how many bytes it expected and says so. */
static dnb_status gzip_pull(dnb_bytesource *s, void *buf, size_t size, size_t *got, dnb_err *err)
{
    gzip_state *g = &s->gz;
    dnb_status status = DNB_OK;
    size_t done = 0;
    while (done < size && !g->ended) {
        status = gzip_feed(s, err);
        if (status != DNB_OK)
            return status;
        if (!g->z.avail_in) {
            g->ended = g->cut = true;
            break;
        }
        size_t room = size - done;
        uInt ask = room > (1u << 30) ? 1u << 30 : (uInt)room;
        g->z.next_out = (Bytef *)buf + done;
        g->z.avail_out = ask;
        int code = inflate(&g->z, Z_NO_FLUSH);
        done += ask - g->z.avail_out;
        g->unpacked += ask - g->z.avail_out;
        if (code == Z_STREAM_END)
            status = gzip_next_member(s, err);
        else if (code != Z_OK && code != Z_BUF_ERROR)
            status = gzip_fail(s, code, err);
        if (status != DNB_OK)
            return status;
    }
    *got = done;
    return DNB_OK;
}

/* Unpacks and drops bytes until the position is `offset` or the data end. */
static dnb_status gzip_skip_to(dnb_bytesource *s, uint64_t offset, dnb_err *err)
{
    gzip_state *g = &s->gz;
    dnb_status status = DNB_OK;
    if (!g->live || offset < g->unpacked)
        status = gzip_start(s, err);
    if (status == DNB_OK && offset > g->unpacked && !g->skip &&
        !(g->skip = dnb_alloc(SKIP_BLOCK, 1)))
        status = dnb_fail_memory(err, s->name, SKIP_BLOCK);
    while (status == DNB_OK && g->unpacked < offset && !g->ended) {
        uint64_t left = offset - g->unpacked;
        size_t got;
        status = gzip_pull(s, g->skip, left < SKIP_BLOCK ? (size_t)left : SKIP_BLOCK, &got, err);
    }
    return status;
}

dnb_status dnb_bytesource_read(dnb_bytesource *s, uint64_t offset, void *buf, size_t size,
                               size_t *got, dnb_err *err)
{
    if (!s->gzip)
        return read_raw(s, offset, buf, size, got, err);
    size_t n = 0;
    dnb_status status = gzip_skip_to(s, offset, err);
    if (status == DNB_OK && s->gz.unpacked == offset)
        status = gzip_pull(s, buf, size, &n, err);
    if (status == DNB_OK)
        *got = n;
    return status;
}

dnb_status dnb_bytesource_finish(dnb_bytesource *s, uint64_t limit, dnb_err *err)
{
    if (!s->gzip || !s->gz.live)
        return DNB_OK;
    uint64_t end = s->gz.unpacked > UINT64_MAX - limit ? UINT64_MAX : s->gz.unpacked + limit;
    dnb_status status = gzip_skip_to(s, end, err);
    if (status == DNB_OK && s->gz.cut)
        status = dnb_fail(err, DNB_EFORMAT,
                          "%s: the gzip stream is cut short after %llu unpacked bytes; fetch the "
                          "file again",
                          s->name, (unsigned long long)s->gz.unpacked);
    return status;
}

static dnb_status source_init(dnb_bytesource *s, dnb_err *err)
{
    unsigned char head[2];
    size_t got = 0;
    dnb_status status = read_raw(s, 0, head, 2, &got, err);
    if (status != DNB_OK)
        return status;
    s->gzip = got == 2 && head[0] == 0x1f && head[1] == 0x8b;
    return s->gzip ? gzip_start(s, err) : DNB_OK;
}

static dnb_status source_new(dnb_bytesource **out, const char *name, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_bytesource *s = NULL;
    DNB_NEW(s, 1, name);
    s->fd = -1;
    s->name = dnb_strdup(name);
    if (!s->name) {
        status = dnb_fail_memory(err, name, strlen(name) + 1);
        goto done;
    }
    *out = s;
    s = NULL;
done:
    dnb_bytesource_close(s);
    return status;
}

dnb_status dnb_bytesource_open(dnb_bytesource **out, const char *path, dnb_err *err)
{
    dnb_bytesource *s = NULL;
    struct stat st;
    dnb_status status = source_new(&s, path, err);
    if (status != DNB_OK)
        return status;
    s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (s->fd < 0 || fstat(s->fd, &st) != 0)
        status = dnb_fail(err, DNB_EIO, "%s: cannot open: %s", path, strerror(errno));
    else if (S_ISDIR(st.st_mode))
        status = dnb_fail(err, DNB_EIO, "%s: is a folder, expected an image file", path);
    else if (!S_ISREG(st.st_mode))
        status = dnb_fail(err, DNB_EIO, "%s: is no regular file; copy its content to one", path);
    else {
        s->size = (uint64_t)st.st_size;
        status = source_init(s, err);
    }
    if (status != DNB_OK) {
        dnb_bytesource_close(s);
        return status;
    }
    *out = s;
    return DNB_OK;
}

dnb_status dnb_bytesource_memory(dnb_bytesource **out, const void *data, size_t size,
                                 const char *name, dnb_err *err)
{
    dnb_bytesource *s = NULL;
    dnb_status status = source_new(&s, name, err);
    if (status != DNB_OK)
        return status;
    s->memory = data;
    s->size = size;
    status = source_init(s, err);
    if (status != DNB_OK) {
        dnb_bytesource_close(s);
        return status;
    }
    *out = s;
    return DNB_OK;
}

void dnb_bytesource_close(dnb_bytesource *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    if (s->gz.live)
        inflateEnd(&s->gz.z);
    dnb_free(s->gz.in);
    dnb_free(s->gz.skip);
    dnb_free(s->name);
    dnb_free(s);
}

const char *dnb_bytesource_name(const dnb_bytesource *s)
{
    return s->name;
}

bool dnb_bytesource_is_gzip(const dnb_bytesource *s)
{
    return s->gzip;
}

uint64_t dnb_bytesource_max_size(const dnb_bytesource *s)
{
    if (!s->gzip)
        return s->size;
    return s->size > UINT64_MAX / MAX_RATIO ? UINT64_MAX : s->size * MAX_RATIO;
}
