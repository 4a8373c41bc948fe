/* A sleeping team of threads, so that the OpenMP runtime knows that processors are shared. */
#include "base/waits.h"

#include <omp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include "base/mem.h"

struct dnb_waits {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool over;
};

static void *keep_team(void *arg)
{
    dnb_waits *w = arg;
    int team = 0;
#ifndef __clang__
#pragma omp parallel num_threads(2) reduction(+ : team)
#endif
    team++;
    pthread_mutex_lock(&w->lock);
    while (team > 0 && !w->over)
        pthread_cond_wait(&w->changed, &w->lock);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* Signals belong to the program's own threads. */
static bool start(dnb_waits *w)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool ok = pthread_create(&w->thread, NULL, keep_team, w) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

dnb_waits *dnb_waits_shorten(void)
{
    /* With processors to spare nobody needs the spinning one. */
    if (omp_get_max_threads() < omp_get_num_procs())
        return NULL;
    dnb_waits *w = dnb_calloc(1, sizeof *w);
    if (!w)
        return NULL;
    if (pthread_mutex_init(&w->lock, NULL) != 0)
        goto no_lock;
    if (pthread_cond_init(&w->changed, NULL) != 0)
        goto no_condition;
    if (start(w))
        return w;
    pthread_cond_destroy(&w->changed);
no_condition:
    pthread_mutex_destroy(&w->lock);
no_lock:
    dnb_free(w);
    return NULL;
}

void dnb_waits_restore(dnb_waits *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->over = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    dnb_free(w);
}
