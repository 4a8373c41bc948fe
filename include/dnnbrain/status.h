/* Status codes and error messages: how every fallible function reports.
 * room: base
 *
 * A fallible function returns dnb_status and takes a dnb_err * last (may be NULL). The function
 * that detects the fault writes one message naming the file, the thing and the mend; functions in
 * between pass it on. On failure outputs are untouched. */
#ifndef DNNBRAIN_STATUS_H
#define DNNBRAIN_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DNB_API __attribute__((visibility("default")))
#define DNB_MUST_CHECK __attribute__((warn_unused_result))
#define DNB_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define DNB_API
#define DNB_MUST_CHECK
#define DNB_PRINTF(fmt, args)
#endif

typedef enum dnb_status {
    DNB_OK = 0,
    DNB_ENOMEM,       /* an allocation failed, or a job does not fit the memory budget */
    DNB_EIO,          /* a file cannot be opened, read or written (disk full included) */
    DNB_EFORMAT,      /* a file's content breaks its format */
    DNB_EARG,         /* an argument is out of its range */
    DNB_ESHAPE,       /* two things whose shapes must agree do not */
    DNB_ENOTFOUND,    /* a named thing (layer, key, net, ROI) does not exist */
    DNB_EUNSUPPORTED, /* a valid request this build or version cannot serve */
    DNB_ECANCELLED,   /* the caller's cancel hook said stop */
    DNB_EINTERNAL     /* a dependency failed where it should not */
} dnb_status;

#define DNB_ERR_SIZE 1024

/* One error. Plain value; no ownership. `message` is UTF-8, NUL-terminated, without a newline. */
typedef struct dnb_err {
    dnb_status status;
    char message[DNB_ERR_SIZE];
} dnb_err;

/* Short English name of a status ("out of memory"). Never NULL. */
DNB_API const char *dnb_status_name(dnb_status status);

/* Writes status and message into err (if not NULL) and returns status, so a detector can
 * `return dnb_fail(err, DNB_EIO, "%s: cannot open: %s", path, strerror(errno));`.
 * A message that does not fit is cut at DNB_ERR_SIZE - 1 bytes. */
DNB_API dnb_status dnb_fail(dnb_err *err, dnb_status status, const char *fmt, ...) DNB_PRINTF(3, 4);

/* Puts "prefix: " before the message already in err; status is unchanged and returned. */
DNB_API dnb_status dnb_fail_prefix(dnb_err *err, dnb_status status, const char *fmt, ...)
    DNB_PRINTF(3, 4);

#ifdef __cplusplus
}
#endif
#endif
