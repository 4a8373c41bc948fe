/* Makes PyTorch checkpoints in memory for tests: a pickle of a state_dict emitted opcode by opcode,
 * packed by libzip (zip format) or laid out after the magic number (legacy format). */
#ifndef DNB_TEST_MAKE_PTH_H
#define DNB_TEST_MAKE_PTH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

typedef struct make_buffer {
    unsigned char *data;
    size_t n, cap;
} make_buffer;

static inline void make_add(make_buffer *b, const void *p, size_t n)
{
    if (b->n + n > b->cap) {
        b->cap = 2 * (b->n + n);
        b->data = realloc(b->data, b->cap);
        if (!b->data)
            abort();
    }
    memcpy(b->data + b->n, p, n);
    b->n += n;
}

/* A literal, NULs inside included. */
#define MAKE_ADD(b, literal) make_add((b), (literal), sizeof(literal) - 1)

static inline void make_int(make_buffer *b, long v)
{
    const int32_t i = (int32_t)v;
    MAKE_ADD(b, "J");
    make_add(b, &i, 4);
}

static inline void make_text(make_buffer *b, const char *s)
{
    const uint32_t n = (uint32_t)strlen(s);
    MAKE_ADD(b, "X");
    make_add(b, &n, 4);
    make_add(b, s, n);
}

/* A tensor over a storage. */
typedef struct make_tensor {
    const char *name, *key;
    const char *type; /* "FloatStorage" */
    long count, offset;
    int ndim;
    long shape[4], stride[4];
} make_tensor;

static inline void make_tensor_value(make_buffer *b, const make_tensor *t)
{
    MAKE_ADD(b, "ctorch._utils\n_rebuild_tensor_v2\n((");
    make_text(b, "storage");
    MAKE_ADD(b, "ctorch\n");
    make_add(b, t->type, strlen(t->type));
    MAKE_ADD(b, "\n");
    make_text(b, t->key);
    make_text(b, "cpu");
    make_int(b, t->count);
    MAKE_ADD(b, "tQ");
    make_int(b, t->offset);
    for (int pass = 0; pass < 2; pass++) {
        MAKE_ADD(b, "(");
        for (int i = 0; i < t->ndim; i++)
            make_int(b, pass ? t->stride[i] : t->shape[i]);
        MAKE_ADD(b, "t");
    }
    MAKE_ADD(b, "\x89"
                "ccollections\nOrderedDict\n)RtR");
}

/* An OrderedDict of n tensors, inside {wrap: ...} when wrap is given; ends with STOP. */
static inline void make_pickle(make_buffer *b, const make_tensor *t, size_t n, const char *wrap)
{
    MAKE_ADD(b, "\x80\x02");
    if (wrap) {
        MAKE_ADD(b, "}");
        make_text(b, wrap);
    }
    MAKE_ADD(b, "ccollections\nOrderedDict\n)R(");
    for (size_t i = 0; i < n; i++) {
        make_text(b, t[i].name);
        make_tensor_value(b, &t[i]);
    }
    MAKE_ADD(b, "u");
    if (wrap)
        MAKE_ADD(b, "s");
    MAKE_ADD(b, ".");
}

typedef struct make_entry {
    const char *name;
    const void *data;
    size_t size;
    int deflate;
} make_entry;

/* A zip archive of the entries. Free out->data. */
static inline void make_zip(make_buffer *out, const make_entry *e, size_t n)
{
    zip_error_t error;
    zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, &error);
    zip_source_keep(source);
    zip_t *z = zip_open_from_source(source, ZIP_TRUNCATE, &error);
    if (!z)
        abort();
    for (size_t i = 0; i < n; i++) {
        zip_int64_t at =
            zip_file_add(z, e[i].name, zip_source_buffer(z, e[i].data, e[i].size, 0), 0);
        if (at < 0 ||
            zip_set_file_compression(z, (zip_uint64_t)at,
                                     e[i].deflate ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0) != 0)
            abort();
    }
    zip_stat_t st;
    if (zip_close(z) != 0 || zip_source_open(source) != 0 || zip_source_stat(source, &st) != 0)
        abort();
    *out = (make_buffer){.data = malloc(st.size), .n = st.size, .cap = st.size};
    if (!out->data || zip_source_read(source, out->data, st.size) != (zip_int64_t)st.size)
        abort();
    zip_source_close(source);
    zip_source_free(source);
}

/* The legacy head: magic number, version, system facts. */
static inline void make_legacy_head(make_buffer *b, int little_endian)
{
    MAKE_ADD(b, "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}");
    make_text(b, "little_endian");
    make_add(b, little_endian ? "\x88s." : "\x89s.", 3);
}

#endif
