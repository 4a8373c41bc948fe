/* actwriter: streaming, resuming after a kill, full disks, two writers at once. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "dnnbrain/actfile.h"
#include "scratch.h"

static scratch dir;

enum { STIM = 24, LAYERS = 3 };
static const dnb_act_layer layers[LAYERS] = {{.name = "conv1", .shape = {4, 30, 31}},
                                             {.name = "block/conv2", .shape = {7, 3, 5}},
                                             {.name = "fc", .shape = {1000, 1, 1}}};

static size_t units(size_t layer)
{
    return layers[layer].shape[0] * layers[layer].shape[1] * layers[layer].shape[2];
}

static float value(size_t layer, size_t stim, size_t unit)
{
    return (float)(layer * 100000 + stim * 1000) + (float)(unit % 997) / 8;
}

/* Stimuli first..first+n-1 of a layer in a static buffer. */
static const float *rows(size_t layer, size_t first, size_t n)
{
    static float buf[STIM * 4000];
    for (size_t i = 0; i < n; i++)
        for (size_t u = 0; u < units(layer); u++)
            buf[i * units(layer) + u] = value(layer, first + i, u);
    return buf;
}

static void push(dnb_actwriter *w, size_t first, size_t n)
{
    dnb_err err;
    for (size_t l = 0; l < LAYERS; l++)
        assert_int_equal(dnb_actwriter_push(w, l, first, n, rows(l, first, n), &err), DNB_OK);
    assert_int_equal(dnb_actwriter_done(w, first + n, &err), DNB_OK);
}

static dnb_actwriter *open_job(const char *path, const char *signature, int compress, size_t *done)
{
    dnb_actwriter *w = NULL;
    dnb_err err;
    dnb_actwriter_options o = {.signature = signature,
                               .save = {.compress = compress, .provenance = "{}"}};
    if (dnb_actwriter_open(&w, path, LAYERS, layers, STIM, &o, done, &err) != DNB_OK)
        fail_msg("%s", err.message);
    return w;
}

/* Is the file complete and right, in every unit? */
static void check_file(const char *path)
{
    dnb_actfile *f = NULL;
    dnb_err err;
    static float got[STIM * 4000];
    if (dnb_actfile_open(&f, path, &err) != DNB_OK)
        fail_msg("%s", err.message);
    assert_int_equal(dnb_actfile_count(f), LAYERS);
    for (size_t l = 0; l < LAYERS; l++) {
        size_t at = 99;
        assert_int_equal(dnb_actfile_find(f, layers[l].name, &at, &err), DNB_OK);
        assert_int_equal(at, l); /* in the order of writing */
        assert_int_equal(dnb_actfile_shape(f, l)[0], STIM);
        assert_int_equal(dnb_actfile_read(f, l, 0, STIM, got, &err), DNB_OK);
        assert_memory_equal(got, rows(l, 0, STIM), STIM * units(l) * sizeof(float));
        /* a part of the rows, a part of the units */
        size_t u = 1, n_unit = units(l) - 3;
        assert_int_equal(dnb_actfile_read_units(f, l, 5, 4, u, n_unit, got, &err), DNB_OK);
        for (size_t i = 0; i < 4; i++)
            for (size_t k = 0; k < n_unit; k++)
                assert_true(got[i * n_unit + k] == value(l, 5 + i, u + k));
        assert_int_equal(dnb_actfile_read(f, l, 20, 5, got, &err), DNB_EARG);
        assert_int_equal(dnb_actfile_read(f, l, SIZE_MAX, 2, got, &err), DNB_EARG);
        assert_int_equal(dnb_actfile_read_units(f, l, 0, 1, 1, units(l), got, &err), DNB_EARG);
    }
    size_t at;
    assert_int_equal(dnb_actfile_read(f, LAYERS, 0, 1, got, &err), DNB_EARG);
    assert_int_equal(dnb_actfile_find(f, "conv2", &at, &err), DNB_ENOTFOUND);
    assert_non_null(strstr(err.message, "no layer 'conv2'; there is "));
    assert_non_null(strstr(err.message, "'block/conv2'"));
    dnb_actfile_close(f);
}

static void test_stream(void **state)
{
    (void)state;
    dnb_err err;
    for (int compress = 0; compress < 2; compress++) {
        const char *path = scratch_path(&dir, "s.act.h5"),
                   *part = scratch_path(&dir, "s.act.h5.part");
        size_t done = 9;
        dnb_actwriter *w = open_job(path, "job", compress, &done);
        assert_int_equal(done, 0);
        push(w, 0, 10);
        push(w, 10, 14);
        assert_int_not_equal(access(path, F_OK), 0);
        assert_int_equal(access(part, F_OK), 0);
        assert_int_equal(dnb_actwriter_commit(w, "{\"end\":1}", &err), DNB_OK);
        assert_int_not_equal(access(part, F_OK), 0);
        check_file(path);
        dnb_actfile *f = NULL;
        assert_int_equal(dnb_actfile_open(&f, path, &err), DNB_OK);
        assert_string_equal(dnb_actfile_provenance(f), "{\"end\":1}");
        dnb_actfile_close(f);
        assert_int_equal(scratch_count(&dir), 1);
        unlink(path);
    }
}

static void test_misuse(void **state)
{
    (void)state;
    dnb_err err;
    const char *path = scratch_path(&dir, "m.act.h5");
    dnb_actwriter *w = open_job(path, NULL, 0, NULL);
    assert_int_equal(dnb_actwriter_push(w, 0, 1, 1, rows(0, 0, 1), &err), DNB_EARG); /* a gap */
    assert_int_equal(dnb_actwriter_push(w, 0, 0, STIM + 1, rows(0, 0, 1), &err), DNB_EARG);
    assert_int_equal(dnb_actwriter_push(w, 0, 0, SIZE_MAX, rows(0, 0, 1), &err), DNB_EARG);
    assert_int_equal(dnb_actwriter_push(w, LAYERS, 0, 1, rows(0, 0, 1), &err), DNB_EARG);
    assert_int_equal(dnb_actwriter_push(w, 0, 0, 2, rows(0, 0, 2), &err), DNB_OK);
    assert_int_equal(dnb_actwriter_push(w, 0, 0, 1, rows(0, 0, 1), &err),
                     DNB_OK); /* again is fine */
    assert_int_equal(dnb_actwriter_push(w, 0, 2, 1, rows(0, 2, 1), &err), DNB_OK);
    assert_int_equal(dnb_actwriter_done(w, 1, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "layer 'block/conv2' has 0 stimuli, not 1"));
    assert_int_equal(dnb_actwriter_commit(w, NULL, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "layer 'conv1' has 3 of 24 stimuli"));
    assert_int_equal(scratch_count(&dir), 0);
    const char *names[] = {"", "/a", "a/", "a//b", ".", "a/./b"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        dnb_act_layer l = {.name = names[i], .shape = {1, 1, 1}};
        assert_int_equal(dnb_actwriter_open(&w, path, 1, &l, 1, NULL, NULL, &err), DNB_EARG);
    }
    dnb_act_layer two[2] = {{.name = "a/b", .shape = {1, 1, 1}}, {.name = "a", .shape = {1, 1, 1}}};
    assert_int_equal(dnb_actwriter_open(&w, path, 2, two, 1, NULL, NULL, &err), DNB_EARG);
    assert_non_null(strstr(err.message, "exclude each other"));
    two[1].name = "a/b";
    assert_int_equal(dnb_actwriter_open(&w, path, 2, two, 1, NULL, NULL, &err), DNB_EARG);
    two[1] = (dnb_act_layer){.name = "ab", .shape = {1, 0, 1}};
    assert_int_equal(dnb_actwriter_open(&w, path, 2, two, 1, NULL, NULL, &err), DNB_EARG);
    two[1].shape[1] = SIZE_MAX / 8;
    assert_int_equal(dnb_actwriter_open(&w, path, 2, two, 8, NULL, NULL, &err), DNB_EARG);
    two[1].shape[1] = (size_t)1 << 58; /* more than any disk */
    assert_int_equal(dnb_actwriter_open(&w, path, 2, two, 1, NULL, NULL, &err), DNB_EIO);
    assert_non_null(strstr(err.message, "GB free"));
    assert_int_equal(dnb_actwriter_open(&w, path, 0, two, 1, NULL, NULL, &err), DNB_EARG);
    assert_int_equal(dnb_actwriter_open(&w, path, 1, two, 0, NULL, NULL, &err), DNB_EARG);
    assert_int_equal(dnb_actwriter_open(&w, "/nonexistent/x", 1, two, 1, NULL, NULL, &err),
                     DNB_EIO);
    assert_int_equal(dnb_actwriter_open(&w, dir.dir, 1, two, 1, NULL, NULL, &err), DNB_EIO);
    dnb_actwriter_options o = {.signature = "x"};
    assert_int_equal(dnb_actwriter_open(&w, dir.dir, 1, two, 1, &o, NULL, &err), DNB_EIO);
    assert_int_equal(scratch_count(&dir), 0);
}

/* A child writes, says how far it is, and is killed in the middle of a batch, at every batch in
 * turn. */
static void test_kill_and_resume(void **state)
{
    (void)state;
    dnb_err err;
    for (size_t killed_at = 0; killed_at <= STIM; killed_at += 6) {
        const char *path = scratch_path(&dir, "k.act.h5");
        pid_t child = fork();
        if (child == 0) {
            size_t done = 0;
            dnb_actwriter *w = open_job(path, "job 1", 0, &done);
            for (size_t i = 0; i < killed_at; i += 3)
                push(w, i, 3);
            if (killed_at < STIM &&
                dnb_actwriter_push(w, 0, killed_at, 2, rows(1, 0, 2), &err) != DNB_OK)
                _exit(3);
            raise(SIGKILL);
        }
        int how = 0;
        assert_int_equal(waitpid(child, &how, 0), child);
        assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
        assert_int_not_equal(access(path, F_OK), 0);
        size_t done = 99;
        dnb_actwriter *w = open_job(path, "job 1", 0, &done);
        assert_int_equal(done, killed_at);
        if (done < STIM)
            push(w, done, STIM - done);
        assert_int_equal(dnb_actwriter_commit(w, NULL, &err), DNB_OK);
        check_file(path);
        unlink(path);
        assert_int_equal(scratch_count(&dir), 0);
    }
}

/* Writes half of a job and leaves it. */
static void leave_half(const char *path, const char *signature)
{
    size_t done = 99;
    dnb_actwriter *w = open_job(path, signature, 0, &done);
    push(w, 0, 12);
    dnb_actwriter_abort(w, true);
}

static size_t resumed(const char *path, const char *signature)
{
    size_t done = 99;
    dnb_actwriter *w = open_job(path, signature, 0, &done);
    dnb_actwriter_abort(w, true);
    return done;
}

static void test_what_resumes(void **state)
{
    (void)state;
    dnb_err err;
    size_t done = 99;
    const char *path = scratch_path(&dir, "r.act.h5"), *part = scratch_path(&dir, "r.act.h5.part");
    leave_half(path, "a");
    assert_int_equal(resumed(path, "a"), 12);
    assert_int_equal(resumed(path, "a"), 12);
    assert_int_equal(resumed(path, "b"), 0);  /* another job starts over */
    assert_int_equal(scratch_count(&dir), 0); /* and an empty one leaves nothing */
    leave_half(path, "a");
    dnb_actwriter *w = NULL;
    dnb_actwriter_options o = {.signature = "a"};
    assert_int_equal(dnb_actwriter_open(&w, path, LAYERS, layers, STIM + 1, &o, &done, &err),
                     DNB_OK);
    assert_int_equal(done, 0); /* other shapes are another job */
    dnb_actwriter_abort(w, false);
    /* a part file that was cut, spoilt, or is something else */
    leave_half(path, "a");
    assert_int_equal(truncate(part, 100000), 0);
    assert_int_equal(resumed(path, "a"), 0);
    leave_half(path, "a");
    int fd = open(part, O_RDWR);
    off_t end = lseek(fd, 0, SEEK_END);
    assert_int_equal(pwrite(fd, "x", 1, end - 8192 + 40), 1); /* one record torn: the other holds */
    assert_in_range(resumed(path, "a"), 0, 12);
    assert_int_equal(access(part, F_OK), 0);
    assert_int_equal(pwrite(fd, "xxxx", 4, 0), 4); /* no HDF5 any more */
    close(fd);
    assert_int_equal(resumed(path, "a"), 0);
    scratch_text(&dir, "r.act.h5.part", "something else");
    assert_int_equal(resumed(path, "a"), 0);
    assert_int_equal(symlink("/etc/hostname", part), 0);
    assert_int_equal(dnb_actwriter_open(&w, path, LAYERS, layers, STIM, &o, &done, &err), DNB_EIO);
    unlink(part);
}

static void test_one_writer_at_a_time(void **state)
{
    (void)state;
    dnb_err err;
    const char *path = scratch_path(&dir, "l.act.h5");
    dnb_actwriter *w = open_job(path, "a", 0, NULL), *other = NULL;
    dnb_actwriter_options o = {.signature = "a"};
    assert_int_equal(dnb_actwriter_open(&other, path, LAYERS, layers, STIM, &o, NULL, &err),
                     DNB_EIO);
    assert_non_null(strstr(err.message, "another process is writing"));
    push(w, 0, STIM); /* the first is not disturbed */
    assert_int_equal(dnb_actwriter_commit(w, NULL, &err), DNB_OK);
    check_file(path);
    unlink(path);
}

/* Runs f in a child whose files cannot grow beyond `limit` bytes: what a full disk looks like. */
static void with_file_limit(void (*f)(rlim_t limit), rlim_t limit)
{
    pid_t child = fork();
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        f(limit);
        _exit(0);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
}

static void set_limit(rlim_t limit)
{
    struct rlimit r = {.rlim_cur = limit, .rlim_max = RLIM_INFINITY};
    if (setrlimit(RLIMIT_FSIZE, &r) != 0)
        _exit(9);
}

#define EXPECT(what, code)                                                                         \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fprintf(stderr, "line %d: %s\n", __LINE__, #what);                                     \
            _exit(code);                                                                           \
        }                                                                                          \
    } while (0)

/* Room runs out while rows are written: an error, no final file, and the job goes on when there is
 * room. */
static void full_while_pushing(rlim_t limit)
{
    dnb_err err;
    const char *path = scratch_path(&dir, "f.act.h5");
    size_t done = 0;
    dnb_actwriter *w = open_job(path, "a", 0, NULL);
    push(w, 0, 6);
    set_limit(limit);
    dnb_status status = DNB_OK;
    for (size_t l = 0; l < LAYERS && status == DNB_OK; l++)
        status = dnb_actwriter_push(w, l, 6, 18, rows(l, 6, 18), &err);
    EXPECT(status == DNB_EIO, 1);
    EXPECT(strstr(err.message, "f.act.h5: cannot write") && strstr(err.message, "free some room"),
           2);
    dnb_actwriter_abort(w, true);
    EXPECT(access(path, F_OK) != 0, 3);
    set_limit(RLIM_INFINITY);
    w = open_job(path, "a", 0, &done);
    EXPECT(done == 6, 4);
    push(w, 6, 18);
    EXPECT(dnb_actwriter_commit(w, NULL, &err) == DNB_OK, 5);
    check_file(path);
    unlink(path);
}

/* Room runs out in commit (attributes, or the compressed copy). */
static void full_while_committing(rlim_t limit)
{
    dnb_err err;
    for (int compress = 0; compress < 2; compress++) {
        const char *path = scratch_path(&dir, "c.act.h5");
        size_t done = 0;
        char *text = calloc(1, 600001);
        memset(text, 'x', 600000);
        dnb_actwriter *w = open_job(path, "a", compress, NULL);
        push(w, 0, STIM);
        set_limit(compress ? 20000 : limit);
        dnb_status status = dnb_actwriter_commit(w, compress ? NULL : text, &err);
        EXPECT(status == DNB_EIO && strstr(err.message, "c.act.h5"), 1);
        EXPECT(access(path, F_OK) != 0, 2);
        set_limit(RLIM_INFINITY);
        w = open_job(path, "a", compress, &done);
        EXPECT(compress ? done == STIM : done == STIM || done == 0, 3);
        if (done < STIM)
            push(w, 0, STIM);
        EXPECT(dnb_actwriter_commit(w, NULL, &err) == DNB_OK, 4);
        check_file(path);
        unlink(path);
        free(text);
        EXPECT(scratch_count(&dir) == 0, 5);
    }
}

static void full_at_once(rlim_t limit)
{
    dnb_err err;
    dnb_act_layer whole[LAYERS];
    float *data = calloc(STIM * 4000, sizeof *data);
    for (size_t l = 0; l < LAYERS; l++) {
        whole[l] = layers[l];
        whole[l].data = data;
    }
    const char *path = scratch_path(&dir, "w.act.h5");
    set_limit(limit);
    EXPECT(dnb_actfile_write(path, LAYERS, whole, STIM, NULL, &err) == DNB_EIO, 1);
    EXPECT(strstr(err.message, "w.act.h5"), 2);
    EXPECT(scratch_count(&dir) == 0, 3);
    free(data);
}

static void test_full_disk(void **state)
{
    (void)state;
    rlim_t all = 0;
    for (size_t l = 0; l < LAYERS; l++)
        all += STIM * units(l) * sizeof(float);
    with_file_limit(full_while_pushing, all / 2);
    with_file_limit(full_while_committing, all + 100000);
    for (rlim_t limit = 0; limit < all; limit += all / 7)
        with_file_limit(full_at_once, limit);
}

/* Two layers pushed by two threads at once. */
static void test_threads(void **state)
{
    (void)state;
    dnb_err err;
    const char *path = scratch_path(&dir, "t.act.h5");
    float *data[LAYERS];
    int bad = 0;
    for (size_t l = 0; l < LAYERS; l++) {
        data[l] = malloc(STIM * units(l) * sizeof(float));
        memcpy(data[l], rows(l, 0, STIM), STIM * units(l) * sizeof(float));
    }
    dnb_actwriter *w = open_job(path, "a", 0, NULL);
#pragma omp parallel for num_threads(3) reduction(+ : bad)
    for (size_t l = 0; l < LAYERS; l++)
        for (size_t i = 0; i < STIM; i++)
            bad += dnb_actwriter_push(w, l, i, 1, data[l] + i * units(l), NULL) != DNB_OK;
    assert_int_equal(bad, 0);
    assert_int_equal(dnb_actwriter_commit(w, NULL, &err), DNB_OK);
    check_file(path);
    unlink(path);
    for (size_t l = 0; l < LAYERS; l++)
        free(data[l]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* Those that fork come first: OpenMP cannot be used in a child of a process that has used
           it. */
        cmocka_unit_test(test_full_disk),    cmocka_unit_test(test_kill_and_resume),
        cmocka_unit_test(test_stream),       cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_what_resumes), cmocka_unit_test(test_one_writer_at_a_time),
        cmocka_unit_test(test_threads),
    };
    scratch_open(&dir);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&dir);
    return failed;
}
