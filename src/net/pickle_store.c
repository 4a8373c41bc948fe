/* Arena and input window of the pickle machine, and look-ups in what it built. */
#include "net/pickle_store.h"

#include <string.h>

#include "base/mem.h"

#define CHUNK ((size_t)64 << 10)
#define WINDOW ((size_t)64 << 10)
/* Longest text line of protocol 0 that is looked for. */
#define LINE_MAX_BYTES ((size_t)1 << 20)

/* Memory a pickle of so many bytes may need: an opcode of one byte makes at most one small value.
 */
#define BYTES_PER_BYTE 512
#define BYTES_AT_START ((size_t)1 << 20)

struct dnb_pk_chunk {
    dnb_pk_chunk *next;
    size_t used, cap;
    _Alignas(16) unsigned char data[];
};

void *dnb_pk_arena_get(dnb_pk_arena *a, size_t n, size_t size, const char *file, dnb_err *err)
{
    size_t bytes, total;
    if (!dnb_mul_size(&bytes, n, size) || !dnb_add_size(&bytes, bytes, 15) ||
        !dnb_add_size(&total, a->used, bytes &= ~(size_t)15) || total > a->ceiling) {
        dnb_fail(err, DNB_EFORMAT,
                 "%s: its pickle asks for more memory than a file of its size needs", file);
        return NULL;
    }
    dnb_pk_chunk *c = a->chunks;
    if (!c || c->cap - c->used < bytes) {
        size_t cap = bytes > CHUNK / 4 ? bytes : CHUNK;
        c = dnb_alloc(sizeof *c + cap, 1);
        if (!c) {
            dnb_fail_memory(err, file, cap);
            return NULL;
        }
        *c = (dnb_pk_chunk){.cap = cap};
        if (bytes > CHUNK / 4 && a->chunks) { /* a block of its own: keep filling the open chunk */
            c->next = a->chunks->next;
            a->chunks->next = c;
        } else {
            c->next = a->chunks;
            a->chunks = c;
        }
    }
    void *p = c->data + c->used;
    c->used += bytes;
    a->used = total;
    memset(p, 0, bytes);
    return p;
}

void dnb_pk_arena_release(dnb_pk_arena *a)
{
    for (dnb_pk_chunk *c = a->chunks, *next; c; c = next) {
        next = c->next;
        dnb_free(c);
    }
    *a = (dnb_pk_arena){0};
}

dnb_status dnb_pk_append(dnb_pk_arena *a, dnb_pk_value *v, dnb_pk_value *x, const char *file,
                         dnb_err *err)
{
    if (v->n == v->cap) {
        size_t cap = v->cap ? v->cap * 2 : 4;
        dnb_pk_value **item = dnb_pk_arena_get(a, cap, sizeof *item, file, err);
        if (!item)
            return err->status;
        if (v->n)
            memcpy(item, v->item, v->n * sizeof *item);
        v->item = item;
        v->cap = cap;
    }
    v->item[v->n++] = x;
    return DNB_OK;
}

void dnb_pk_window_release(dnb_pk_window *w)
{
    dnb_free(w->buf);
    *w = (dnb_pk_window){0};
}

/* Makes the n bytes from pos on present in the window. */
static dnb_status fill(dnb_pk_window *w, size_t n, dnb_err *err)
{
    size_t size = w->in->size;
    if (w->pos > size || n > size - w->pos)
        return dnb_fail(err, DNB_EFORMAT, "%s: truncated inside its pickle (at byte %zu of %zu)",
                        w->in->name, w->pos, size);
    if (w->pos >= w->at && n <= w->len && w->pos - w->at <= w->len - n)
        return DNB_OK;
    size_t want = n > WINDOW ? n : WINDOW;
    if (want > size - w->pos)
        want = size - w->pos;
    if (want > w->cap) {
        dnb_free(w->buf);
        w->cap = w->len = 0;
        w->buf = dnb_alloc(want, 1);
        if (!w->buf)
            return dnb_fail_memory(err, w->in->name, want);
        w->cap = want;
    }
    w->len = 0;
    dnb_status status = dnb_bytes_read(w->in, w->pos, w->buf, want, err);
    if (status != DNB_OK)
        return status;
    w->at = w->pos;
    w->len = want;
    return DNB_OK;
}

dnb_status dnb_pk_take(dnb_pk_window *w, size_t n, const unsigned char **out, dnb_err *err)
{
    static const unsigned char nothing[1];
    if (n == 0) {
        *out = nothing;
        return DNB_OK;
    }
    dnb_status status = fill(w, n, err);
    if (status != DNB_OK)
        return status;
    *out = w->buf + (w->pos - w->at);
    w->pos += n;
    return DNB_OK;
}

dnb_status dnb_pk_take_line(dnb_pk_window *w, const unsigned char **out, size_t *n, dnb_err *err)
{
    for (size_t len = 64;; len *= 2) {
        size_t left = w->pos < w->in->size ? w->in->size - w->pos : 0;
        size_t have = len < left ? len : left;
        dnb_status status = fill(w, have ? have : 1, err);
        if (status != DNB_OK)
            return status;
        const unsigned char *p = w->buf + (w->pos - w->at), *nl = memchr(p, '\n', have);
        if (nl) {
            *out = p;
            *n = (size_t)(nl - p);
            w->pos += *n + 1;
            return DNB_OK;
        }
        if (have == left || len >= LINE_MAX_BYTES)
            return dnb_fail(err, DNB_EFORMAT,
                            "%s: its pickle has a line without an end at byte %zu", w->in->name,
                            w->pos);
    }
}

/* Copies n input bytes into the arena, with a NUL after them. */
static dnb_status keep(dnb_pk_arena *arena, const unsigned char *p, size_t n, const char *file,
                       const char **out, dnb_err *err)
{
    char *s = dnb_pk_arena_get(arena, n + 1, 1, file, err);
    if (!s)
        return err->status;
    memcpy(s, p, n);
    *out = s;
    return DNB_OK;
}

static void raise_ceiling(const dnb_pk_window *w, dnb_pk_arena *arena)
{
    size_t bytes;
    if (!dnb_mul_size(&bytes, w->pos - w->start, BYTES_PER_BYTE))
        bytes = SIZE_MAX / 2;
    arena->ceiling = BYTES_AT_START + bytes;
}

static dnb_status decode_lines(dnb_pk_window *w, dnb_pk_arena *arena, int lines, dnb_pk_argument *a,
                               dnb_err *err)
{
    dnb_status status = DNB_OK;
    for (int i = 0; i < lines; i++) {
        const unsigned char *p;
        size_t n;
        DNB_TRY(dnb_pk_take_line(w, &p, &n, err));
        raise_ceiling(w, arena);
        DNB_TRY(keep(arena, p, n, w->in->name, i ? &a->s2 : &a->s, err));
        if (i == 0)
            a->n = n;
    }
done:
    return status;
}

dnb_status dnb_pk_decode(dnb_pk_window *w, dnb_pk_arena *arena, dnb_pk_arg kind, dnb_pk_argument *a,
                         dnb_err *err)
{
    static const unsigned char width[] = {
        [DNB_PK_A_U1] = 1,   [DNB_PK_A_U2] = 2,   [DNB_PK_A_U4] = 4,   [DNB_PK_A_I4] = 4,
        [DNB_PK_A_U8] = 8,   [DNB_PK_A_F8] = 8,   [DNB_PK_A_LEN1] = 1, [DNB_PK_A_LEN4] = 4,
        [DNB_PK_A_LEN8] = 8, [DNB_PK_A_LINE2] = 0};
    dnb_status status = DNB_OK;
    const unsigned char *p = NULL;
    uint64_t u = 0;
    if (kind == DNB_PK_A_LINE || kind == DNB_PK_A_LINE2)
        return decode_lines(w, arena, kind == DNB_PK_A_LINE ? 1 : 2, a, err);
    DNB_TRY(dnb_pk_take(w, width[kind], &p, err));
    for (size_t i = width[kind]; i-- > 0;)
        u = u << 8 | p[kind == DNB_PK_A_F8 ? 7 - i : i];
    a->i = kind == DNB_PK_A_I4 ? (int64_t)(int32_t)(uint32_t)u : (int64_t)u;
    memcpy(&a->f, &u, sizeof a->f);
    if (kind >= DNB_PK_A_LEN1 && kind <= DNB_PK_A_LEN8) {
        a->n = (size_t)u;
        DNB_TRY(dnb_pk_take(w, a->n, &p, err));
    }
    raise_ceiling(w, arena);
    if (kind >= DNB_PK_A_LEN1 && kind <= DNB_PK_A_LEN8)
        DNB_TRY(keep(arena, p, a->n, w->in->name, &a->s, err));
done:
    return status;
}

bool dnb_pk_is(const dnb_pk_value *v, const char *text)
{
    return v && v->kind == DNB_PK_STR && v->size == strlen(text) &&
           memcmp(v->text, text, v->size) == 0;
}

const dnb_pk_value *dnb_pk_get(const dnb_pk_value *v, const char *key)
{
    if (!v || v->kind != DNB_PK_MAP)
        return NULL;
    for (size_t i = v->n; i >= 2; i -= 2)
        if (dnb_pk_is(v->item[i - 2], key))
            return v->item[i - 1];
    return NULL;
}

bool dnb_pk_size(const dnb_pk_value *v, size_t *out)
{
    if (!v || v->kind != DNB_PK_INT || v->integer < 0)
        return false;
    *out = (size_t)v->integer;
    return true;
}
