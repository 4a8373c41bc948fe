/* Threads, the memory limit of this process (cgroups included), and its peak use. */
#include "dnnbrain/runtime.h"

#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

const char *dnb_version(void)
{
    return DNB_VERSION;
}

void dnb_threads_set(int n)
{
    omp_set_num_threads(n > 0 ? n : omp_get_num_procs());
}

int dnb_threads_get(void)
{
    return omp_get_max_threads();
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* First number in a file; SIZE_MAX when absent or "max". */
static size_t read_number(const char *path)
{
    char buf[64];
    FILE *f = fopen(path, "r");
    if (!f)
        return SIZE_MAX;
    size_t value = SIZE_MAX;
    if (fgets(buf, sizeof buf, f)) {
        char *end;
        unsigned long long v = strtoull(buf, &end, 10);
        if (end != buf && v < SIZE_MAX)
            value = (size_t)v;
    }
    fclose(f);
    return value;
}

/* The tightest limit between the process's cgroup and the root of one hierarchy. */
static size_t cgroup_limit(const char *mount, const char *group, const char *leaf)
{
    char dir[4096], file[4400];
    size_t limit = SIZE_MAX;
    if (snprintf(dir, sizeof dir, "%s%s", mount, group) >= (int)sizeof dir)
        return limit;
    for (size_t root = strlen(mount);;) {
        snprintf(file, sizeof file, "%s/%s", dir, leaf);
        limit = min_size(limit, read_number(file));
        char *slash = strrchr(dir, '/');
        if (!slash || (size_t)(slash - dir) < root)
            return limit;
        *slash = '\0';
    }
}

static size_t all_cgroup_limits(void)
{
    size_t limit = SIZE_MAX;
    char line[4096];
    FILE *f = fopen("/proc/self/cgroup", "r");
    if (!f)
        return limit;
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        *group++ = '\0';
        if (controllers[1] == '\0')
            limit = min_size(limit, cgroup_limit("/sys/fs/cgroup", group, "memory.max"));
        else if (strstr(controllers + 1, "memory"))
            limit = min_size(limit,
                             cgroup_limit("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes"));
    }
    fclose(f);
    return limit;
}

size_t dnb_memory_limit(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    size_t limit = pages > 0 && page > 0 ? (size_t)pages * (size_t)page : (size_t)1 << 31;
    struct rlimit rl;
    if (getrlimit(RLIMIT_AS, &rl) == 0 && rl.rlim_cur != RLIM_INFINITY)
        limit = min_size(limit, (size_t)rl.rlim_cur);
    return min_size(limit, all_cgroup_limits());
}

size_t dnb_memory_budget(void)
{
    return dnb_memory_limit() / 2;
}

size_t dnb_memory_peak(void)
{
    struct rusage ru;
    if (getrusage(RUSAGE_SELF, &ru) != 0)
        return 0;
#ifdef __APPLE__
    return (size_t)ru.ru_maxrss;
#else
    return (size_t)ru.ru_maxrss * 1024;
#endif
}
