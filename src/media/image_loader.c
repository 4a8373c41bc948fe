/* Decodes a list of images ahead of its consumer. Image i goes through slot i % n_slots; workers
 * take numbers in order and wait when they are n_slots ahead of the consumer. A slot holds 8-bit
 * pixels (a quarter of the floats); the consumer turns them into floats right where they are
 * wanted. */
#include "dnnbrain/image.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "media/image_codecs.h"
#include "media/image_prepare.h"
#include "media/image_resize.h"

enum { MAX_THREADS = 1024, SLOTS_PER_THREAD = 4, LEAST_SLOTS = 16 };

typedef struct slot {
    bool ready; /* guarded by the lock; the rest belongs to who holds the slot's number */
    dnb_status status;
    dnb_err err;
    char hash[33];
    uint8_t *rgb; /* prep.height x prep.width x 3 */
} slot;

struct dnb_image_loader {
    char **paths;
    size_t n_paths;
    dnb_image_prep prep;
    dnb_prep_table table;
    size_t pixels; /* of a prepared image */
    slot *slots;
    size_t n_slots;
    dnb_image_scratch scratch; /* of the caller's thread, when it decodes */
    pthread_t *threads;
    int n_threads;  /* started */
    bool sync_made; /* lock and conditions exist */
    pthread_mutex_t lock;
    pthread_cond_t work; /* a number may be taken, or stop */
    pthread_cond_t done; /* the slot of next_out is ready */
    size_t next_in;      /* next number to decode */
    size_t next_out;     /* next number to hand over */
    bool stop;
    dnb_status status; /* what reading has failed with; consumer only */
    dnb_err err;
};

/* Reads, hashes, decodes and resizes one file into a slot. */
static dnb_status fill(slot *s, dnb_image_scratch *scratch, const char *path,
                       const dnb_image_prep *prep, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_image im = {0};
    unsigned char *bytes = NULL;
    size_t size = 0;
    DNB_TRY(dnb_image_load(&bytes, &size, path, err));
    dnb_hash_bytes(bytes, size, s->hash);
    DNB_TRY(dnb_image_decode_into(&im, scratch, bytes, size, path, err));
    DNB_TRY(dnb_resize_into(s->rgb, prep->width, prep->height, &im, err));
done:
    dnb_free(bytes);
    dnb_image_release(&im);
    return status;
}

static void *worker(void *arg)
{
    dnb_image_loader *l = arg;
    dnb_image_scratch scratch = {0};
    pthread_mutex_lock(&l->lock);
    for (;;) {
        while (!l->stop && l->next_in < l->n_paths && l->next_in - l->next_out >= l->n_slots)
            pthread_cond_wait(&l->work, &l->lock);
        if (l->stop || l->next_in >= l->n_paths)
            break;
        size_t i = l->next_in++;
        slot *s = &l->slots[i % l->n_slots];
        pthread_mutex_unlock(&l->lock);
        s->status = fill(s, &scratch, l->paths[i], &l->prep, &s->err);
        pthread_mutex_lock(&l->lock);
        s->ready = true;
        if (i == l->next_out)
            pthread_cond_signal(&l->done);
    }
    pthread_mutex_unlock(&l->lock);
    dnb_free(scratch.data);
    return NULL;
}

static dnb_status check_options(const dnb_image_loader_options *o, dnb_err *err)
{
    if (o->threads < 0 || o->threads > MAX_THREADS)
        return dnb_fail(err, DNB_EARG, "%d loader threads: must be 0 to %d", o->threads,
                        (int)MAX_THREADS);
    return DNB_OK;
}

/* As many slots as asked for, but no more than there are images, and at least one. */
static size_t slot_count(const dnb_image_loader_options *o, size_t n_paths)
{
    size_t n = o->queue;
    if (o->threads == 0)
        n = 1;
    else if (n == 0)
        n = (size_t)o->threads * SLOTS_PER_THREAD;
    if (o->queue == 0 && o->threads > 0 && n < LEAST_SLOTS)
        n = LEAST_SLOTS;
    if (n > n_paths)
        n = n_paths;
    return n > 0 ? n : 1;
}

static dnb_status make_slots(dnb_image_loader *l, size_t n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_NEW(l->slots, n, "image queue");
    l->n_slots = n;
    for (size_t i = 0; i < n; i++) {
        l->slots[i].rgb = dnb_alloc_aligned(l->pixels, 3);
        if (!l->slots[i].rgb) {
            status = dnb_fail_memory(err, "image queue", l->pixels * 3);
            goto done;
        }
    }
done:
    return status;
}

static dnb_status copy_paths(dnb_image_loader *l, const char *const *paths, size_t n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    DNB_NEW(l->paths, n, "image list");
    for (size_t i = 0; i < n; i++) {
        l->paths[i] = dnb_strdup(paths[i]);
        if (!l->paths[i]) {
            status = dnb_fail_memory(err, "image list", strlen(paths[i]) + 1);
            goto done;
        }
        l->n_paths = i + 1;
    }
done:
    return status;
}

static dnb_status make_sync(dnb_image_loader *l, dnb_err *err)
{
    if (pthread_mutex_init(&l->lock, NULL) != 0)
        return dnb_fail(err, DNB_EINTERNAL, "cannot make a lock for the image loader");
    if (pthread_cond_init(&l->work, NULL) != 0) {
        pthread_mutex_destroy(&l->lock);
        return dnb_fail(err, DNB_EINTERNAL, "cannot make a condition for the image loader");
    }
    if (pthread_cond_init(&l->done, NULL) != 0) {
        pthread_cond_destroy(&l->work);
        pthread_mutex_destroy(&l->lock);
        return dnb_fail(err, DNB_EINTERNAL, "cannot make a condition for the image loader");
    }
    l->sync_made = true;
    return DNB_OK;
}

/* The workers take no signals: an interrupt belongs to the program's own threads. */
static dnb_status start_threads(dnb_image_loader *l, int n, dnb_err *err)
{
    dnb_status status = DNB_OK;
    sigset_t all, before;
    DNB_NEW(l->threads, (size_t)n, "loader threads");
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int i = 0; i < n && status == DNB_OK; i++) {
        int failed = pthread_create(&l->threads[i], NULL, worker, l);
        if (failed)
            status = dnb_fail(err, DNB_EINTERNAL,
                              "cannot start loader thread %d of %d: %s; ask for fewer", i + 1, n,
                              strerror(failed));
        else
            l->n_threads++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
done:
    return status;
}

dnb_status dnb_image_loader_new(dnb_image_loader **out, const char *const *paths, size_t n_paths,
                                const dnb_image_prep *prep, const dnb_image_loader_options *options,
                                dnb_err *err)
{
    static const dnb_image_loader_options defaults = {0};
    const dnb_image_loader_options *o = options ? options : &defaults;
    dnb_status status = DNB_OK;
    dnb_image_loader *l = NULL;
    DNB_TRY(dnb_image_prep_check(prep, err));
    DNB_TRY(check_options(o, err));
    DNB_NEW(l, 1, "image loader");
    l->prep = *prep;
    l->pixels = prep->width * prep->height;
    dnb_prep_table_init(&l->table, prep);
    DNB_TRY(copy_paths(l, paths, n_paths, err));
    DNB_TRY(make_slots(l, slot_count(o, n_paths), err));
    if (o->threads > 0) {
        DNB_TRY(make_sync(l, err));
        size_t useful = (size_t)o->threads < l->n_slots ? (size_t)o->threads : l->n_slots;
        DNB_TRY(start_threads(l, (int)useful, err));
    }
    *out = l;
    l = NULL;
done:
    dnb_image_loader_free(l);
    return status;
}

/* The slot of image next_out, filled: here, or by a worker we wait for. */
static slot *take(dnb_image_loader *l)
{
    slot *s = &l->slots[l->next_out % l->n_slots];
    if (l->n_threads == 0) {
        s->status = fill(s, &l->scratch, l->paths[l->next_out], &l->prep, &s->err);
        return s;
    }
    pthread_mutex_lock(&l->lock);
    while (!s->ready)
        pthread_cond_wait(&l->done, &l->lock);
    pthread_mutex_unlock(&l->lock);
    return s;
}

static void give_back(dnb_image_loader *l, slot *s)
{
    if (l->n_threads == 0) {
        l->next_out++;
        return;
    }
    pthread_mutex_lock(&l->lock);
    s->ready = false;
    l->next_out++;
    pthread_cond_signal(&l->work);
    pthread_mutex_unlock(&l->lock);
}

static void stop_workers(dnb_image_loader *l)
{
    if (l->n_threads == 0)
        return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
}

/* Image k of a batch, from its slot. */
static void deliver(const dnb_image_loader *l, const slot *s, const dnb_image_batch *batch,
                    size_t k)
{
    size_t values = l->pixels * 3;
    if (batch->planes)
        dnb_prep_planes(batch->planes + k * values, s->rgb, l->pixels, &l->table);
    if (batch->rgb)
        memcpy(batch->rgb + k * values, s->rgb, values);
    if (batch->hash)
        memcpy(batch->hash[k], s->hash, sizeof s->hash);
}

dnb_status dnb_image_loader_read(dnb_image_loader *l, const dnb_image_batch *batch, size_t *count,
                                 dnb_err *err)
{
    size_t n = 0;
    for (; l->status == DNB_OK && n < batch->n && l->next_out < l->n_paths; n++) {
        slot *s = take(l);
        if (s->status != DNB_OK) {
            l->status = s->status;
            l->err = s->err;
            stop_workers(l);
            break;
        }
        deliver(l, s, batch, n);
        give_back(l, s);
    }
    if (l->status != DNB_OK)
        return dnb_fail(err, l->status, "%s", l->err.message);
    *count = n;
    return DNB_OK;
}

void dnb_image_loader_free(dnb_image_loader *l)
{
    if (!l)
        return;
    stop_workers(l);
    for (int i = 0; i < l->n_threads; i++)
        pthread_join(l->threads[i], NULL);
    if (l->sync_made) {
        pthread_cond_destroy(&l->done);
        pthread_cond_destroy(&l->work);
        pthread_mutex_destroy(&l->lock);
    }
    for (size_t i = 0; i < l->n_slots; i++)
        dnb_free(l->slots[i].rgb);
    for (size_t i = 0; i < l->n_paths; i++)
        dnb_free(l->paths[i]);
    dnb_free(l->scratch.data);
    dnb_free(l->threads);
    dnb_free(l->slots);
    dnb_free(l->paths);
    dnb_free(l);
}
