/* LD_PRELOAD library: the nth write to a file fails as if the disk were full. A seccomp filter
 * traps the system calls themselves, so stdio, HDF5, libzip and cairo are all reached, however they
 * write. DNB_FAULT_WRITE=n      the nth watched call fails with ENOSPC (1 = the first)
 *   DNB_FAULT_STICKY=1     and so does every later one
 *   DNB_FAULT_PATH=text    watches only files whose path contains text (regular files only in any
 * case) DNB_FAULT_FIRED=file   is created when a call was made to fail, so a test knows that it
 * tested Watched: write, pwrite, writev, pwritev, ftruncate, fallocate; never descriptors 0 to 2.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* A sixth argument that none of the watched calls has: it marks the calls that the filter lets
 * pass. */
#define PASS 0x646e62u

typedef struct call {
    long number, arg[5];
} call;

#if defined(__x86_64__)
static call read_call(const ucontext_t *c)
{
    const greg_t *r = c->uc_mcontext.gregs;
    return (call){r[REG_RAX], {r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8]}};
}

static void set_result(ucontext_t *c, long value)
{
    c->uc_mcontext.gregs[REG_RAX] = value;
}
#elif defined(__aarch64__)
static call read_call(const ucontext_t *c)
{
    const unsigned long long *r = c->uc_mcontext.regs;
    return (call){(long)r[8], {(long)r[0], (long)r[1], (long)r[2], (long)r[3], (long)r[4]}};
}

static void set_result(ucontext_t *c, long value)
{
    c->uc_mcontext.regs[0] = (unsigned long long)value;
}
#else
#error "faultio knows the registers of x86-64 and AArch64 only"
#endif

static long fail_at;
static bool sticky;
static const char *path_filter, *fired_path;
static atomic_long watched_calls;

/* May run in a signal handler. */
static bool is_watched(int fd)
{
    struct stat st;
    if (fd <= 2 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    if (!path_filter)
        return true;
    char link[32] = "/proc/self/fd/", path[4096];
    char digits[12];
    size_t at = strlen(link), n = 0;
    do
        digits[n++] = (char)('0' + fd % 10);
    while ((fd /= 10) > 0);
    while (n > 0)
        link[at++] = digits[--n];
    link[at] = '\0';
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0)
        return false;
    path[size] = '\0';
    return strstr(path, path_filter) != NULL;
}

static void on_trap(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)info;
    int saved = errno;
    call c = read_call(context);
    long result = -ENOSPC;
    long n = is_watched((int)c.arg[0]) ? atomic_fetch_add(&watched_calls, 1) + 1 : 0;
    if (n > 0 && (n == fail_at || (sticky && n > fail_at))) {
        int fd = fired_path ? open(fired_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0666) : -1;
        if (fd >= 0)
            close(fd);
    } else {
        result = syscall(c.number, c.arg[0], c.arg[1], c.arg[2], c.arg[3], c.arg[4], (long)PASS);
        if (result < 0)
            result = -errno;
    }
    set_result(context, result);
    errno = saved;
}

static void give_up(const char *what)
{
    fprintf(stderr, "faultio: %s: %s\n", what, strerror(errno));
    _exit(77);
}

__attribute__((constructor)) static void start(void)
{
    const char *n = getenv("DNB_FAULT_WRITE");
    if (!n)
        return;
    fail_at = atol(n);
    sticky = getenv("DNB_FAULT_STICKY") != NULL;
    path_filter = getenv("DNB_FAULT_PATH");
    fired_path = getenv("DNB_FAULT_FIRED");

    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_NODEFER};
    if (sigaction(SIGSYS, &action, NULL) != 0)
        give_up("sigaction");
    static const unsigned numbers[] = {SYS_write,   SYS_pwrite64,  SYS_writev,
                                       SYS_pwritev, SYS_ftruncate, SYS_fallocate};
    enum { N = sizeof numbers / sizeof numbers[0] };
    struct sock_filter code[N + 5] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PASS, N + 1, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    };
    for (unsigned i = 0; i < N; i++) /* a listed call jumps to the trap, the last instruction */
        code[3 + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, numbers[i], N - i, 0);
    code[N + 3] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[N + 4] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
    struct sock_fprog program = {.len = N + 5, .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        give_up("seccomp");
}
