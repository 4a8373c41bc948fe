/* The results of dnnbrain rsa and how they are written: table, JSON, figure. */
#ifndef DNB_CLI_RSA_REPORT_H
#define DNB_CLI_RSA_REPORT_H

#include <dnnbrain/rdmtest.h>

#include "context.h"

typedef struct rsa_args {
    const char *drdm, *brdm, *method, *out, *format;
    cli_strings layer, roi;
    long long permute, boot, seed;
    bool two_sided, show;
} rsa_args;

/* RDMs of one file, a row each. */
typedef struct rsa_rdms {
    const char *path;
    bool brain; /* the file says that they are ROIs' */
    size_t count, n_pairs;
    char **names;
    double *values;
} rsa_rdms;

typedef struct rsa_result {
    rsa_rdms models, rois;
    size_t n;                    /* conditions */
    dnb_rdm_test *tests;         /* models x rois */
    dnb_rdm_interval *intervals; /* the same, or NULL */
} rsa_result;

dnb_status rsa_report(const rsa_result *r, const rsa_args *a, cli_context *ctx,
                      dnb_err *err) DNB_MUST_CHECK;

#endif
