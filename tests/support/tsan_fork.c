/* Linked into test programs under ThreadSanitizer: the OpenMP runtime's own shutdown (Archer)
 * crashes in a forked child, so a child leaves without it, with the status it chose. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void leave(int status, void *unused)
{
    (void)unused;
    fflush(NULL);
    _exit(status);
}

static void in_child(void)
{
    on_exit(leave, NULL);
}

__attribute__((constructor)) static void start(void)
{
    pthread_atfork(NULL, NULL, in_child);
}
