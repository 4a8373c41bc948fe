/* Makes the 1st, 2nd, ... allocation of a job fail, each in a process of its own, until the job
 * succeeds untouched. Needs a build with DNB_FAULTS; others run the job once. */
#ifndef DNB_TEST_FAILING_ALLOC_H
#define DNB_TEST_FAILING_ALLOC_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dnnbrain/status.h"

/* Returns the number of allocations that were made to fail; -1 when one of them did not give
 * DNB_ENOMEM with a message (or crashed, or leaked under a leak checker). The job must not have run
 * before in this process under the fault variable. */
static inline int dnb_each_failing_alloc(dnb_status (*job)(const void *ctx, dnb_err *err),
                                         const void *ctx)
{
    for (int n = 1;; n++) {
        char text[16];
        int how = 0;
        snprintf(text, sizeof text, "%d", n);
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            dnb_err err = {0};
            setenv("DNNBRAIN_FAULT_ALLOC", text, 1);
            dnb_status status = job(ctx, &err);
            if (status != DNB_OK && (status != DNB_ENOMEM || !err.message[0]))
                fprintf(stderr, "allocation %d: %s: %s\n", n, dnb_status_name(status), err.message);
            exit(status == DNB_OK ? 0 : status == DNB_ENOMEM && err.message[0] ? 1 : 2);
        }
        if (child < 0 || waitpid(child, &how, 0) != child || !WIFEXITED(how) ||
            WEXITSTATUS(how) > 1) {
            fprintf(stderr, "allocation %d: ended with %#x\n", n, (unsigned)how);
            return -1;
        }
        if (WEXITSTATUS(how) == 0)
            return n - 1;
    }
}

#endif
