/* Runs ONNX's own conformance data (Debian: libonnx-testdata) through the loader and the evaluator:
 *   onnx_conformance FOLDER [PREFIX] [--least N]
 * FOLDER holds node/, pytorch-converted/, pytorch-operator/, simple/, each with a folder per model
 * (model.onnx, test_data_set_K/{input,output}_I.pb). One line per model: pass, unsupported and why,
 * or FAIL and where; then the counts. Results must have the very type and shape, and agree within
 * the suite's own tolerances (relative 1e-3, absolute 1e-7; bfloat16: one unit in the last place,
 * as the suite's data were cut where we round). Bernoulli's draws are anyone's: for them type,
 * shape and being 0 or 1 count ("random", no pass). Exit status: 0 when nothing failed and at least
 * N passed; 77 when there is no FOLDER or, with --least, when it is not version 1.12's. Each model
 * runs in a process of its own. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "net/eval.h"
#include "net/onnx_load.h"
#include "net/onnx_tensor.h"

enum {
    VERSION_1_12 = 1072,
    PASS = 0,
    FAIL = 1,
    UNSUPPORTED = 2,
    RANDOM = 3,
    MOST = 256,
    SECONDS = 120
};

static char *format(const char *dir, const char *pattern, int i)
{
    static char text[8192];
    int at = snprintf(text, sizeof text, "%s/", dir);
    snprintf(text + at, sizeof text - (size_t)at, pattern, i);
    return text;
}

static dnb_status read_tensor(dnb_array *out, const char *path, dnb_err *err)
{
    unsigned char *data = NULL;
    size_t size;
    dnb_onnx_source from = {.name = path};
    dnb_status status = dnb_file_read(path, (size_t)1 << 30, &data, &size, err);
    if (status != DNB_OK)
        return status;
    Onnx__Tensor *t = onnx__tensor__unpack(NULL, size, data);
    dnb_array a = {0};
    if (!t)
        status = dnb_fail(err, DNB_EFORMAT, "%s: is no tensor", path);
    else
        status = dnb_onnx_tensor(&a, t, "tensor", &from, err);
    if (status == DNB_OK) /* a copy: the storage may be protobuf-c's */
        status = dnb_array_convert(out, &a, a.dtype, err);
    free(data);
    return status;
}

/* Element i as a number; integers exactly enough for the tests' ranges. */
static double number(const dnb_array *a, size_t i)
{
    dnb_array one, wide = {0};
    size_t size = dnb_dtype_size(a->dtype);
    dnb_array_borrow(&one, a->dtype, 0, NULL, (char *)a->data + i * size);
    if (dnb_array_convert(&wide, &one, DNB_F64, NULL) != DNB_OK)
        abort();
    double v = *(double *)wide.data;
    dnb_array_release(&wide);
    return v;
}

/* The suite's tensors of bfloat16 claim to be uint16: their bits are right. */
static void mend_bfloat(dnb_array *a, dnb_dtype declared)
{
    if (a->dtype == DNB_U16 && declared == DNB_BF16)
        a->dtype = DNB_BF16;
}

/* Are a and b the same within the tolerances? Says the first difference. */
static bool agree(const dnb_array *got, const dnb_array *want, bool random, char *why, size_t size)
{
    char g[128], w[128];
    dnb_array_shape_text(got, g, sizeof g);
    dnb_array_shape_text(want, w, sizeof w);
    if (got->dtype != want->dtype || strcmp(g, w) != 0) {
        snprintf(why, size, "is %s %s, expected %s %s", dnb_dtype_name(got->dtype), g,
                 dnb_dtype_name(want->dtype), w);
        return false;
    }
    if (memcmp(got->data, want->data, dnb_array_bytes(want)) == 0)
        return true;
    double relative = got->dtype == DNB_BF16 ? 0x1p-7 : 1e-3;
    for (size_t i = 0, n = dnb_array_count(want); i < n; i++) {
        double a = number(got, i), b = number(want, i);
        bool same = a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-7 + relative * fabs(b) ||
                    (random && (a == 0 || a == 1));
        if (!same) {
            snprintf(why, size, "element %zu is %.9g, expected %.9g", i, a, b);
            return false;
        }
    }
    return true;
}

static int verdict(dnb_status status, const dnb_err *err, char *why, size_t size)
{
    snprintf(why, size, "%s", err->message);
    return status == DNB_EUNSUPPORTED ? UNSUPPORTED : FAIL;
}

static int run_set(const dnb_graph *g, const char *dir, bool random, char *why, size_t size)
{
    dnb_array in[MOST] = {0}, out[MOST] = {0}, want = {0};
    dnb_value wanted[MOST];
    dnb_err err = {0};
    size_t n_in = dnb_graph_input_count(g), n_out = dnb_graph_output_count(g);
    dnb_status status;
    int result = PASS;
    if (n_in > MOST || n_out > MOST)
        return FAIL;
    for (size_t i = 0; i < n_in; i++) {
        status = read_tensor(&in[i], format(dir, "input_%d.pb", (int)i), &err);
        if (status != DNB_OK)
            return verdict(status, &err, why, size);
        mend_bfloat(&in[i], dnb_elem(&dnb_graph_value_at(g, dnb_graph_input_at(g, i))->declared));
    }
    for (size_t i = 0; i < n_out; i++)
        wanted[i] = dnb_graph_output_at(g, i);
    dnb_eval_options opt = {.f64 = dnb_eval_wants_f64(g, in), .any_shape = true};
    status = dnb_eval_run(g, in, wanted, n_out, &opt, out, &err);
    if (status != DNB_OK)
        return verdict(status, &err, why, size);
    for (size_t i = 0; i < n_out && result == PASS; i++) {
        char what[512];
        status = read_tensor(&want, format(dir, "output_%d.pb", (int)i), &err);
        if (status != DNB_OK)
            result = verdict(status, &err, why, size);
        mend_bfloat(&want, out[i].dtype);
        if (result == PASS && !agree(&out[i], &want, random, what, sizeof what)) {
            snprintf(why, size, "output %zu %s", i, what);
            result = FAIL;
        }
        dnb_array_release(&want);
    }
    for (size_t i = 0; i < n_in; i++)
        dnb_array_release(&in[i]);
    for (size_t i = 0; i < n_out; i++)
        dnb_array_release(&out[i]);
    return result;
}

static int run_model(const char *dir, char *why, size_t size)
{
    char model[8192];
    dnb_graph *g = NULL;
    dnb_err err = {0};
    int result = PASS;
    bool random = strstr(dir, "test_bernoulli") != NULL;
    snprintf(model, sizeof model, "%s/model.onnx", dir);
    dnb_status status = dnb_onnx_load_any(&g, model, &err);
    if (status != DNB_OK)
        return verdict(status, &err, why, size);
    for (int k = 0; result == PASS; k++) {
        char set[8192];
        struct stat st;
        snprintf(set, sizeof set, "%s/test_data_set_%d", dir, k);
        if (stat(set, &st) != 0)
            break;
        result = run_set(g, set, random, why, size);
    }
    dnb_graph_free(g);
    return result == PASS && random ? RANDOM : result;
}

/* In a process of its own: a crash is one model's failure, not the end. */
static int run_apart(const char *name, const char *dir)
{
    static const char *const words[] = {"pass", "FAIL", "unsupported", "random"};
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        char why[1024] = "";
        alarm(SECONDS);
        int result = run_model(dir, why, sizeof why);
        printf("%-11s %s%s%s\n", words[result], name, *why ? ": " : "", why);
        fflush(stdout);
        _exit(result);
    }
    int how = 0;
    if (child < 0 || waitpid(child, &how, 0) != child)
        return FAIL;
    if (WIFEXITED(how) && WEXITSTATUS(how) <= RANDOM)
        return WEXITSTATUS(how);
    printf("FAIL        %s: ended by signal or sanitizer (%d)\n", name, how);
    return FAIL;
}

static int visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    static const char *const parts[] = {"node", "pytorch-converted", "pytorch-operator", "simple"};
    const char *root = NULL, *prefix = "";
    int least = 0, count[4] = {0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--least") == 0 && i + 1 < argc)
            least = atoi(argv[++i]);
        else if (!root)
            root = argv[i];
        else
            prefix = argv[i];
    }
    struct stat st;
    if (!root || stat(root, &st) != 0) {
        puts("skipped: no conformance data (Debian package libonnx-testdata)");
        return 77;
    }
    for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
        char dir[2048];
        struct dirent **list = NULL;
        snprintf(dir, sizeof dir, "%s/%s", root, parts[p]);
        int n = scandir(dir, &list, visible, alphasort);
        for (int i = 0; i < n; i++) {
            char path[4096];
            snprintf(path, sizeof path, "%s/%s", dir, list[i]->d_name);
            if (strncmp(list[i]->d_name, prefix, strlen(prefix)) == 0)
                count[run_apart(list[i]->d_name, path)]++;
            free(list[i]);
        }
        free(list);
    }
    printf("%d models: %d pass, %d random, %d unsupported, %d fail\n",
           count[0] + count[1] + count[2] + count[3], count[PASS], count[RANDOM],
           count[UNSUPPORTED], count[FAIL]);
    if (least && count[0] + count[1] + count[2] + count[3] != VERSION_1_12) {
        puts("not version 1.12's data: not judged");
        return 77;
    }
    return count[FAIL] == 0 && count[PASS] >= least ? 0 : 1;
}
