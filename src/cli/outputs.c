/* Names and small text files of a command's outputs. */
#include "outputs.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

char *cli_output_name(const char *out, const char *const *known, const char *suffix)
{
    size_t len = strlen(out);
    for (; *known; known++) {
        size_t n = strlen(*known);
        if (len > n && strcasecmp(out + len - n, *known) == 0) {
            len -= n;
            break;
        }
    }
    char *name = malloc(len + strlen(suffix) + 1);
    if (name) {
        memcpy(name, out, len);
        strcpy(name + len, suffix);
    }
    return name;
}

char *cli_join(const char *dir, const char *name)
{
    size_t size = strlen(dir) + strlen(name) + 2;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s/%s", dir, name);
    return path;
}

dnb_status cli_write_file(const char *path, const void *data, size_t n, dnb_err *err)
{
    size_t size = strlen(path) + 32;
    char *temp = malloc(size);
    if (!temp)
        return dnb_fail(err, DNB_ENOMEM, "%s: out of memory", path);
    snprintf(temp, size, "%s.tmp-%ld", path, (long)getpid());
    FILE *f = fopen(temp, "wb");
    bool ok = f && fwrite(data, 1, n, f) == n && fflush(f) == 0;
    int why = errno;
    if (f && fclose(f) != 0 && ok) {
        why = errno;
        ok = false;
    }
    if (ok && rename(temp, path) != 0) {
        why = errno;
        ok = false;
    }
    if (!ok && f)
        unlink(temp);
    free(temp);
    return ok ? DNB_OK : dnb_fail(err, DNB_EIO, "%s: cannot write: %s", path, strerror(why));
}

dnb_status cli_write_text(const char *path, const char *text, dnb_err *err)
{
    return cli_write_file(path, text, strlen(text), err);
}

dnb_status cli_write_json(const char *path, cJSON *root, dnb_err *err)
{
    char *text = root ? cJSON_Print(root) : NULL;
    dnb_status status = text ? cli_write_text(path, text, err)
                             : dnb_fail(err, DNB_ENOMEM, "%s: out of memory", path);
    cJSON_free(text);
    cJSON_Delete(root);
    return status;
}

bool cli_any_number(const double *column, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isnan(column[i]))
            return true;
    return false;
}

dnb_status cli_make_dir(const char *path, dnb_err *err)
{
    struct stat st;
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
        return DNB_OK;
    return dnb_fail(err, DNB_EIO, "%s: cannot create folder: %s", path, strerror(errno));
}
