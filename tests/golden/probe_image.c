/* What diff_image.py asks of the image reader.
 *   probe_image each < lines of "path <tab> width <tab> height <tab> prefix"
 *     writes prefix.full and prefix.small (two uint32: width, height; then RGB), or prefix.err
 *   probe_image load threads queue batch height width bgr range m m m s s s out < paths
 *     writes out.planes (float32) and out.rgb, prints the hashes and the seconds taken */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dnnbrain/image.h"
#include "probe_words.h"

static void die(const char *what)
{
    fprintf(stderr, "probe_image: %s\n", what);
    exit(1);
}

static void write_all(const char *prefix, const char *suffix, const char *mode, const void *data,
                      size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s%s", prefix, suffix);
    FILE *f = fopen(path, mode);
    if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0)
        die(path);
}

static void write_image(const char *prefix, const char *suffix, const dnb_image *im)
{
    uint32_t size[2] = {(uint32_t)im->width, (uint32_t)im->height};
    write_all(prefix, suffix, "wb", size, sizeof size);
    write_all(prefix, suffix, "ab", im->data, im->width * im->height * 3);
}

static void one(char *line)
{
    dnb_image im = {0}, small = {0};
    dnb_err err;
    const char *path = strtok(line, "\t");
    const char *width = strtok(NULL, "\t"), *height = strtok(NULL, "\t");
    const char *prefix = strtok(NULL, "\t");
    if (!prefix)
        die("bad line");
    if (dnb_image_read(&im, path, &err) != DNB_OK) {
        char text[DNB_ERR_SIZE + 64];
        snprintf(text, sizeof text, "%s: %s", dnb_status_name(err.status), err.message);
        write_all(prefix, ".err", "wb", text, strlen(text));
        return;
    }
    if (dnb_image_resize(&small, &im, strtoul(width, NULL, 10), strtoul(height, NULL, 10), &err) !=
        DNB_OK)
        die(err.message);
    write_image(prefix, ".full", &im);
    write_image(prefix, ".small", &small);
    dnb_image_release(&im);
    dnb_image_release(&small);
}

static int each(void)
{
    char line[8192];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        one(line);
    }
    return 0;
}

static size_t read_paths(char ***out)
{
    char line[4096];
    char **paths = NULL;
    size_t n = 0;
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        paths = realloc(paths, (n + 1) * sizeof *paths);
        if (!paths || !(paths[n++] = dnb_strdup(line)))
            die("out of memory");
    }
    *out = paths;
    return n;
}

static int load(char **a)
{
    dnb_image_loader_options options = {.threads = atoi(a[0]), .queue = strtoul(a[1], NULL, 10)};
    size_t n = strtoul(a[2], NULL, 10), count = 0;
    dnb_image_prep prep = {.height = strtoul(a[3], NULL, 10),
                           .width = strtoul(a[4], NULL, 10),
                           .bgr = atoi(a[5]),
                           .range = strtof(a[6], NULL)};
    for (int c = 0; c < 3; c++) {
        prep.mean[c] = strtof(a[7 + c], NULL);
        prep.std[c] = strtof(a[10 + c], NULL);
    }
    char **paths = NULL;
    size_t n_paths = read_paths(&paths), values = 3 * prep.height * prep.width;
    dnb_image_loader *loader = NULL;
    dnb_err err;
    dnb_image_batch batch = {.n = n,
                             .planes = malloc(n * values * sizeof(float)),
                             .rgb = malloc(n * values),
                             .hash = malloc(n * 33)};
    int rc = 0;
    double seconds = probe_clock(false);
    if (dnb_image_loader_new(&loader, (const char *const *)paths, n_paths, &prep, &options, &err) !=
        DNB_OK)
        die(err.message);
    while (rc == 0) {
        if (dnb_image_loader_read(loader, &batch, &count, &err) != DNB_OK) {
            fprintf(stderr, "%s\n", err.message);
            rc = 2;
        } else if (count == 0) {
            break;
        } else if (strcmp(a[13], "-") != 0) {
            write_all(a[13], ".planes", "ab", batch.planes, count * values * sizeof(float));
            write_all(a[13], ".rgb", "ab", batch.rgb, count * values);
            for (size_t i = 0; i < count; i++)
                printf("%s\n", batch.hash[i]);
        }
    }
    printf("seconds %.6f\n", probe_clock(false) - seconds);
    dnb_image_loader_free(loader);
    for (size_t i = 0; i < n_paths; i++)
        dnb_free(paths[i]);
    free(paths);
    free(batch.planes);
    free(batch.rgb);
    free(batch.hash);
    return rc;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "each") == 0)
        return each();
    if (argc == 16 && strcmp(argv[1], "load") == 0)
        return load(argv + 2);
    die("usage: see the head of probe_image.c");
    return 1;
}
