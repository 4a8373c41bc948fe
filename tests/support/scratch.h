/* A scratch folder for a test, and small files in it. Everything asserts; the folder is removed
 * with scratch_close. */
#ifndef DNB_TESTS_SCRATCH_H
#define DNB_TESTS_SCRATCH_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct scratch {
    char dir[64];
    char path[8][512]; /* the last names given out */
    unsigned next;
} scratch;

static inline void scratch_open(scratch *s)
{
    memset(s, 0, sizeof *s);
    strcpy(s->dir, "/tmp/dnb_test_XXXXXX");
    if (!mkdtemp(s->dir))
        abort();
}

/* "<folder>/name"; valid until eight more were asked for. */
static inline const char *scratch_path(scratch *s, const char *name)
{
    char *p = s->path[s->next++ % 8];
    size_t n = strlen(s->dir);
    if (n + 1 + strlen(name) >= sizeof s->path[0])
        abort();
    memcpy(p, s->dir, n);
    p[n] = '/';
    strcpy(p + n + 1, name);
    return p;
}

/* Writes a text file there and returns its path. */
static inline const char *scratch_text(scratch *s, const char *name, const char *text)
{
    const char *p = scratch_path(s, name);
    FILE *f = fopen(p, "wb");
    if (!f || fwrite(text, 1, strlen(text), f) != strlen(text) || fclose(f) != 0)
        abort();
    return p;
}

/* Number of files in the folder. */
static inline int scratch_count(const scratch *s)
{
    int n = 0;
    DIR *d = opendir(s->dir);
    for (struct dirent *e; d && (e = readdir(d));)
        n += e->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

/* Removes the folder, its files, and one level of folders in it. */
static inline void scratch_remove(const char *dir, int depth)
{
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[1024];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (snprintf(path, sizeof path, "%s/%s", dir, e->d_name) >= (int)sizeof path)
            abort();
        if (unlink(path) != 0 && depth > 0)
            scratch_remove(path, depth - 1);
    }
    if (d)
        closedir(d);
    rmdir(dir);
}

static inline void scratch_close(scratch *s)
{
    scratch_remove(s->dir, 3);
}

/* cmocka's set-up and tear-down of a group: *state is a folder for all its tests. */
static inline int scratch_set_up(void **state)
{
    static scratch s;
    scratch_open(&s);
    *state = &s;
    return 0;
}

static inline int scratch_tear_down(void **state)
{
    scratch_close(*state);
    return 0;
}

#endif
