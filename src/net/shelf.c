/* Constants read when they are first wanted: one reader at a time. */
#include "net/shelf.h"

#include <pthread.h>

#include "base/mem.h"

struct dnb_shelf {
    dnb_graph_source source;
    pthread_mutex_t lock;
};

dnb_status dnb_shelf_new(dnb_shelf **out, const dnb_graph_source *source, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_shelf *s = NULL;
    DNB_NEW(s, 1, "graph");
    s->source = *source;
    if (pthread_mutex_init(&s->lock, NULL) != 0) {
        status = dnb_fail(err, DNB_EINTERNAL, "cannot make a lock for the graph");
        goto done;
    }
    *out = s;
    s = NULL;
done:
    dnb_free(s);
    return status;
}

void dnb_shelf_free(dnb_shelf *s)
{
    if (!s)
        return;
    s->source.close(s->source.from);
    pthread_mutex_destroy(&s->lock);
    dnb_free(s);
}

dnb_status dnb_shelf_fetch(dnb_shelf *s, dnb_graph_value *constant, dnb_err *err)
{
    dnb_status status = DNB_OK;
    pthread_mutex_lock(&s->lock);
    if (constant->later)
        status = s->source.fill(s->source.from, constant->later - 1, &constant->constant, err);
    if (status == DNB_OK)
        constant->later = 0;
    pthread_mutex_unlock(&s->lock);
    return status;
}
