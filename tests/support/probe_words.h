/* What the probes share: key=value words of their command lines, clocks, rows read piece by piece,
 * and leaving with a message. */
#ifndef DNB_TEST_PROBE_WORDS_H
#define DNB_TEST_PROBE_WORDS_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dnnbrain/rows.h"
#include "dnnbrain/status.h"

/* The words of a command line from the first with a '=' on. */
typedef struct probe_words {
    int n;
    char **word;
} probe_words;

/* *n_files: how many words without '=' stand at argv[first] and behind it. */
static inline probe_words probe_words_after(int argc, char **argv, int first, int *n_files)
{
    int at = first;
    while (at < argc && !strchr(argv[at], '='))
        at++;
    *n_files = at - first;
    return (probe_words){at < argc ? argc - at : 0, argv + at};
}

/* The text behind "key="; NULL when the word is not there. */
static inline const char *probe_text(const probe_words *w, const char *key)
{
    size_t len = strlen(key);
    for (int i = 0; i < w->n; i++)
        if (strncmp(w->word[i], key, len) == 0 && w->word[i][len] == '=')
            return w->word[i] + len + 1;
    return NULL;
}

static inline double probe_number(const probe_words *w, const char *key, double otherwise)
{
    const char *s = probe_text(w, key);
    return s ? strtod(s, NULL) : otherwise;
}

static inline size_t probe_size(const probe_words *w, const char *key, size_t otherwise)
{
    const char *s = probe_text(w, key);
    return s ? (size_t)strtoull(s, NULL, 10) : otherwise;
}

static inline bool probe_flag(const probe_words *w, const char *key)
{
    return probe_number(w, key, 0) != 0;
}

/* Numbers between commas; returns how many. */
static inline size_t probe_list(const probe_words *w, const char *key, double *to, size_t room)
{
    size_t n = 0;
    char *end;
    for (const char *s = probe_text(w, key); s && *s && n < room; s = *end ? end + 1 : end)
        to[n++] = strtod(s, &end);
    return n;
}

static inline int probe_said(dnb_status status, const dnb_err *err)
{
    if (status != DNB_OK)
        fprintf(stderr, "%s: %s\n", dnb_status_name(status), err->message);
    return status != DNB_OK;
}

/* Ends the program when status is a failure. */
static inline void probe_must(dnb_status status, const dnb_err *err)
{
    if (probe_said(status, err))
        exit(1);
}

/* Ends the program when a word's key is none of `keys` (between spaces): a mistyped one would
 * otherwise test the defaults. */
static inline void probe_check_keys(const probe_words *w, const char *keys)
{
    for (int i = 0; i < w->n; i++) {
        size_t len = strcspn(w->word[i], "=");
        const char *k = keys;
        while (k && !(strncmp(k, w->word[i], len) == 0 && (k[len] == ' ' || !k[len])))
            k = strchr(k, ' ') ? strchr(k, ' ') + 1 : NULL;
        if (!k) {
            fprintf(stderr, "no key %s; known: %s\n", w->word[i], keys);
            exit(2);
        }
    }
}

/* Seconds, of the wall or of this process. */
static inline double probe_clock(bool cpu)
{
    struct timespec t;
    clock_gettime(cpu ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A reader over an array in memory, as a file would be read. */
static inline dnb_status probe_read_tile(void *ctx, size_t row, size_t n_rows, size_t col,
                                         size_t n_cols, void *dst, dnb_err *err)
{
    const dnb_rows *x = ctx;
    size_t item = dnb_dtype_size(x->dtype);
    (void)err;
    for (size_t i = 0; i < n_rows; i++)
        memcpy((char *)dst + i * n_cols * item,
               (const char *)x->data + ((row + i) * x->stride + col) * item, n_cols * item);
    return DNB_OK;
}

/* held as it is, or with source=tiles|rows read piece by piece; held must stay. */
static inline dnb_rows probe_source(const probe_words *w, dnb_rows *held)
{
    const char *kind = probe_text(w, "source");
    dnb_rows x = *held;
    if (kind) {
        x.data = NULL;
        x.read = probe_read_tile;
        x.ctx = held;
        x.whole_rows = strcmp(kind, "rows") == 0;
    }
    return x;
}

#endif
