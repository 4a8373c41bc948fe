/* Stimulus lists: the .stim.csv file.
 * room: data */
#ifndef DNNBRAIN_STIM_H
#define DNNBRAIN_STIM_H

#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/save.h"
#include "dnnbrain/status.h"
#include "dnnbrain/table.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum dnb_stim_type {
    DNB_STIM_IMAGE = 0, /* stimID = a file below path */
    DNB_STIM_VIDEO,     /* path = one video; stimID = 1-based frame number */
    DNB_STIM_VIDEO_CLIP /* stimID = a video file below path */
} dnb_stim_type;

/* "image", "video", "video_clip". */
DNB_API const char *dnb_stim_type_name(dnb_stim_type type);

/* A header line key=value other than type, path and data. */
typedef struct dnb_stim_meta {
    char *key, *value;
} dnb_stim_meta;

/* A list of data.n_rows stimuli. Columns of `data`, in file order: stimID (TEXT), label (INT),
 * condition (TEXT), all others REAL. Owns everything; read freely, free with dnb_stim_release. */
typedef struct dnb_stim {
    dnb_stim_type type;
    char *path; /* as written in the file */
    char *root; /* the same folder (video: file) as this process reaches it; see dnb_stim_read */
    char *file; /* the .stim.csv it was read from; NULL when made by dnb_stim_init */
    size_t n_meta;
    dnb_stim_meta *meta;
    dnb_table data;
    int64_t *frames; /* video: stimID as numbers (>= 1), n_rows of them; else NULL */
} dnb_stim;

/* Reads and checks a .stim.csv. Accepts CRLF, a byte order mark, blank lines, blanks around fields;
 * fields are cut at every comma (the format has no quotes). A relative path is tried against the
 * working directory, then against the folder of the .stim.csv; when neither exists root is the
 * first (the list is still usable: labels need no files). Errors name file, line, column and mend.
 * Cost: one pass; memory a few times the file. */
DNB_API dnb_status dnb_stim_read(dnb_stim *out, const char *path, dnb_err *err) DNB_MUST_CHECK;
/* Starts a list by hand: type, path (also taken as root) and the stimIDs; add columns with
 * dnb_stim_add_*. */
DNB_API dnb_status dnb_stim_init(dnb_stim *out, dnb_stim_type type, const char *path, size_t n,
                                 const char *const *ids, dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_stim_release(dnb_stim *s);
/* Writes atomically; reading it back gives the same list. options->provenance becomes a header line
 * `provenance=` (with '=' inside it escaped, so that readers that cut at every '=' cope). DNB_EARG
 * when a text holds a comma, a line break or blanks at its ends. */
DNB_API dnb_status dnb_stim_write(const dnb_stim *s, const char *path,
                                  const dnb_save_options *options, dnb_err *err) DNB_MUST_CHECK;

/* Sets (or replaces) a header line. DNB_EARG for type, path, data, an empty key, '=' in the key or
 * a line break. */
DNB_API dnb_status dnb_stim_set_meta(dnb_stim *s, const char *key, const char *value,
                                     dnb_err *err) DNB_MUST_CHECK;
/* The value of a header line, or NULL. */
DNB_API const char *dnb_stim_get_meta(const dnb_stim *s, const char *key);
/* Adds a column: `label` must be whole numbers, `condition` texts, any other name reals. */
DNB_API dnb_status dnb_stim_add_labels(dnb_stim *s, const int64_t *labels,
                                       dnb_err *err) DNB_MUST_CHECK;
DNB_API dnb_status dnb_stim_add_conditions(dnb_stim *s, const char *const *conditions,
                                           dnb_err *err) DNB_MUST_CHECK;
DNB_API dnb_status dnb_stim_add_real(dnb_stim *s, const char *name, const double *values,
                                     dnb_err *err) DNB_MUST_CHECK;
/* out = the stimuli rows[0..n) of s (0-based, any order), with all columns and header lines. */
DNB_API dnb_status dnb_stim_take(dnb_stim *out, const dnb_stim *s, const size_t *rows, size_t n,
                                 dnb_err *err) DNB_MUST_CHECK;

DNB_API size_t dnb_stim_count(const dnb_stim *s);
/* stimID of stimulus i (0-based, < count) as written. */
DNB_API const char *dnb_stim_id(const dnb_stim *s, size_t i);
/* Its file: root/stimID, or root itself for a video. Free *out with dnb_stim_free_file. */
DNB_API dnb_status dnb_stim_file(const dnb_stim *s, size_t i, char **out,
                                 dnb_err *err) DNB_MUST_CHECK;
DNB_API void dnb_stim_free_file(char *file);
/* The label / condition of every stimulus, or NULL when the list has none. */
DNB_API const int64_t *dnb_stim_labels(const dnb_stim *s);
DNB_API char *const *dnb_stim_conditions(const dnb_stim *s);
/* Copies a numeric column (label included) into values[count]; DNB_ENOTFOUND names the nearest
 * columns. */
DNB_API dnb_status dnb_stim_numbers(const dnb_stim *s, const char *column, double *values,
                                    dnb_err *err) DNB_MUST_CHECK;
/* Looks whether every stimulus file exists, before long work: DNB_EIO names the first missing one,
 * where it was looked for, and how many are missing. Cost: one stat per stimulus. */
DNB_API dnb_status dnb_stim_check_files(const dnb_stim *s, dnb_err *err) DNB_MUST_CHECK;
/* XXH3-128 over type, root and every column: identifies the list in provenance and job signatures.
 * It does not read the stimulus files; their size and modification time are mixed in when they can
 * be had. */
DNB_API dnb_status dnb_stim_hash(const dnb_stim *s, char out[33], dnb_err *err) DNB_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
