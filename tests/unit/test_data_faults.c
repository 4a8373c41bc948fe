/* Every allocation of every reader and writer of the data room made to fail in turn: a clean error
 * each time, outputs untouched, no file left behind. (Needs the fault hook of the debug and asan
 * builds; elsewhere it is skipped.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "dnnbrain/actfile.h"
#include "dnnbrain/array.h"
#include "dnnbrain/dmask.h"
#include "dnnbrain/rdmfile.h"
#include "dnnbrain/roifile.h"
#include "dnnbrain/stim.h"
#include "scratch.h"

static scratch dir;

/* The tasks. Each leaves nothing allocated; a failed one must leave its output as it was. */
typedef dnb_status task(dnb_err *err);

static float act_data[6 * 24];
static double rdm_data[6];
static const dnb_act_layer act_layers[2] = {{.name = "a/b", .shape = {2, 3, 4}, .data = act_data},
                                            {.name = "c", .shape = {24, 1, 1}, .data = act_data}};

static dnb_status write_act(dnb_err *err)
{
    return dnb_actfile_write(scratch_path(&dir, "w.act.h5"), 2, act_layers, 6, NULL, err);
}

static dnb_status write_act_gzip(dnb_err *err)
{
    dnb_save_options o = {.compress = 1, .provenance = "{}"};
    return dnb_actfile_write(scratch_path(&dir, "w.act.h5"), 2, act_layers, 6, &o, err);
}

static dnb_status resume_act(dnb_err *err)
{
    dnb_actwriter *w = NULL;
    dnb_actwriter_options o = {.signature = "s", .save.provenance = "{}"};
    size_t done = 99;
    dnb_status status =
        dnb_actwriter_open(&w, scratch_path(&dir, "r.act.h5"), 2, act_layers, 6, &o, &done, err);
    if (status != DNB_OK)
        return w || done != 99 ? DNB_EINTERNAL : status;
    dnb_actwriter_abort(w, true);
    return done == 3 ? DNB_OK : dnb_fail(err, DNB_EINTERNAL, "the part file was lost");
}

static dnb_status read_act(dnb_err *err)
{
    dnb_actfile *f = NULL;
    float got[6 * 24];
    dnb_status status = dnb_actfile_open(&f, scratch_path(&dir, "in.act.h5"), err);
    if (status != DNB_OK)
        return f ? DNB_EINTERNAL : status;
    size_t at;
    if (dnb_actfile_find(f, "none", &at, NULL) != DNB_ENOTFOUND)
        return DNB_EINTERNAL;
    status = dnb_actfile_read(f, 0, 0, 6, got, err);
    if (status == DNB_OK)
        status = dnb_actfile_read_units(f, 1, 0, 6, 3, 5, got, err);
    dnb_actfile_close(f);
    return status;
}

static dnb_status read_roi(dnb_err *err)
{
    dnb_roi r = {0};
    dnb_status status = dnb_roi_read(&r, scratch_path(&dir, "in.roi.h5"), err);
    if (status != DNB_OK && (r.names || r.data))
        return DNB_EINTERNAL;
    dnb_roi_release(&r);
    return status;
}

static dnb_status write_roi(dnb_err *err)
{
    dnb_roi r = {0};
    const char *names[2] = {"V1", "V2"};
    dnb_status status = dnb_roi_init(&r, 3, 2, names, err);
    if (status != DNB_OK)
        return r.names || r.data ? DNB_EINTERNAL : status;
    status = dnb_roi_write(&r, scratch_path(&dir, "w.roi.h5"), NULL, err);
    dnb_roi_release(&r);
    return status;
}

static dnb_status read_rdm(dnb_err *err)
{
    dnb_rdmfile *f = NULL;
    double got[6];
    dnb_status status = dnb_rdmfile_open(&f, scratch_path(&dir, "in.rdm.h5"), err);
    if (status != DNB_OK)
        return f ? DNB_EINTERNAL : status;
    status = dnb_rdmfile_read(f, 0, 0, 2, got, err);
    dnb_rdmfile_close(f);
    return status;
}

static dnb_status write_rdm(dnb_err *err)
{
    dnb_rdm_entry e = {.key = "x", .n_iter = 2, .n_pairs = 3, .data = rdm_data};
    dnb_save_options o = {.provenance = "{}"};
    return dnb_rdm_write(scratch_path(&dir, "w.rdm.h5"), DNB_DRDM, 1, &e, &o, err);
}

static dnb_status stim(dnb_err *err)
{
    dnb_stim s = {0}, part = {0};
    char hash[33];
    dnb_status status = dnb_stim_read(&s, scratch_path(&dir, "in.stim.csv"), err);
    if (status != DNB_OK)
        return s.path || s.data.columns ? DNB_EINTERNAL : status;
    status = dnb_stim_take(&part, &s, (size_t[]){1, 0}, 2, err);
    if (status != DNB_OK && part.path)
        status = DNB_EINTERNAL;
    if (status == DNB_OK)
        status = dnb_stim_hash(&s, hash, err);
    if (status == DNB_OK)
        status = dnb_stim_write(&part, scratch_path(&dir, "w.stim.csv"), NULL, err);
    dnb_stim_release(&part);
    dnb_stim_release(&s);
    return status;
}

static dnb_status dmask(dnb_err *err)
{
    dnb_dmask m = {0};
    dnb_select s = {0};
    dnb_status status = dnb_dmask_read(&m, scratch_path(&dir, "in.dmask.csv"), err);
    if (status != DNB_OK)
        return m.layers ? DNB_EINTERNAL : status;
    status = dnb_dmask_add(&m, "other", NULL, NULL, err);
    if (status == DNB_OK)
        status = dnb_select_init(&s, &m.layers[0], (size_t[]){4, 4, 4}, err);
    if (status == DNB_OK)
        status = dnb_dmask_write(&m, scratch_path(&dir, "w.dmask.csv"), err);
    dnb_select_release(&s);
    dnb_dmask_release(&m);
    return status;
}

static dnb_status table(dnb_err *err)
{
    dnb_table t = {0};
    dnb_status status = dnb_table_read(&t, scratch_path(&dir, "in.csv"), NULL, err);
    if (status != DNB_OK)
        return t.columns ? DNB_EINTERNAL : status;
    const char *texts[2] = {"p", "q"};
    status = dnb_table_add_text(&t, "more", texts, err);
    if (status == DNB_OK)
        status = dnb_table_write(&t, scratch_path(&dir, "w.csv"), NULL, err);
    dnb_table_release(&t);
    return status;
}

static dnb_status npy(dnb_err *err)
{
    dnb_array a = {0};
    dnb_status status = dnb_npy_read(&a, scratch_path(&dir, "in.npy"), err);
    if (status != DNB_OK)
        return a.data ? DNB_EINTERNAL : status;
    status = dnb_npy_write(&a, scratch_path(&dir, "w.npy"), err);
    dnb_array_release(&a);
    return status;
}

/* One task in a child with the nth allocation failing. */
enum { WORKED = 0, FAILED_WELL = 10, WRONG_STATUS, NO_MESSAGE };
static int run_with_fault(task *t, int n)
{
    pid_t child = fork();
    if (child == 0) {
        char text[16];
        dnb_err err = {0};
        snprintf(text, sizeof text, "%d", n);
        setenv("DNNBRAIN_FAULT_ALLOC", text, 1);
        dnb_status status = t(&err);
        exit(status == DNB_OK       ? WORKED
             : status != DNB_ENOMEM ? WRONG_STATUS
             : !*err.message        ? NO_MESSAGE
                                    : FAILED_WELL);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    return WEXITSTATUS(how);
}

static void prepare(void)
{
    dnb_err err;
    dnb_save_options gzip = {.compress = 1, .provenance = "{}"};
    scratch_text(
        &dir, "in.stim.csv",
        "type=video\npath=x\ntitle=t\ndata=stimID,label,condition,RT\n1,2,a,0.5\n2,3,b,1\n");
    scratch_text(&dir, "in.dmask.csv", "conv=chn,row\n1,2\n3\nfc=\n");
    scratch_text(&dir, "in.csv", "a,b,c\n1,x,0.5\n2,y,1\n");
    dnb_roi r = {0};
    const char *names[2] = {"V1", "V2"};
    dnb_rdm_entry e = {.key = "x", .n_iter = 2, .n_pairs = 3, .data = rdm_data};
    dnb_array a = {0};
    dnb_actwriter *w = NULL;
    dnb_actwriter_options o = {.signature = "s"};
    dnb_array_borrow(&a, DNB_F64, 2, (size_t[]){2, 3}, rdm_data);
    bool ok =
        dnb_roi_init(&r, 3, 2, names, &err) == DNB_OK &&
        dnb_roi_write(&r, scratch_path(&dir, "in.roi.h5"), &gzip, &err) == DNB_OK &&
        dnb_rdm_write(scratch_path(&dir, "in.rdm.h5"), DNB_DRDM, 1, &e, &gzip, &err) == DNB_OK &&
        dnb_actfile_write(scratch_path(&dir, "in.act.h5"), 2, act_layers, 6, &gzip, &err) ==
            DNB_OK &&
        dnb_npy_write(&a, scratch_path(&dir, "in.npy"), &err) == DNB_OK &&
        dnb_actwriter_open(&w, scratch_path(&dir, "r.act.h5"), 2, act_layers, 6, &o, NULL, &err) ==
            DNB_OK &&
        dnb_actwriter_push(w, 0, 0, 3, act_data, &err) == DNB_OK &&
        dnb_actwriter_push(w, 1, 0, 3, act_data, &err) == DNB_OK &&
        dnb_actwriter_done(w, 3, &err) == DNB_OK;
    if (ok)
        dnb_actwriter_abort(w, true);
    dnb_roi_release(&r);
    exit(ok ? 0 : 1);
}

/* Removes what the tasks write. */
static void clean(void)
{
    static const char *const made[] = {"w.act.h5",    "w.roi.h5", "w.rdm.h5", "w.stim.csv",
                                       "w.dmask.csv", "w.csv",    "w.npy"};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        unlink(scratch_path(&dir, made[i]));
}

static void test_each_allocation(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        task *run;
        int least; /* allocations there must be, so that the loop cannot end at once */
    } tasks[] = {{"write act", write_act, 10},
                 {"write act, gzip", write_act_gzip, 20},
                 {"resume act", resume_act, 15},
                 {"read act", read_act, 12},
                 {"read roi", read_roi, 8},
                 {"write roi", write_roi, 12},
                 {"read rdm", read_rdm, 6},
                 {"write rdm", write_rdm, 10},
                 {"stim", stim, 30},
                 {"dmask", dmask, 15},
                 {"table", table, 20},
                 {"npy", npy, 4}};
    setenv("OMP_NUM_THREADS", "1", 1);
#ifndef DNB_FAULTS
    skip();
#endif
    for (size_t k = 0; k < sizeof tasks / sizeof tasks[0]; k++) {
        clean();
        int n = 1, files = scratch_count(&dir), how;
        for (; (how = run_with_fault(tasks[k].run, n)) != WORKED || n < tasks[k].least; n++) {
            if (how != FAILED_WELL && how != WORKED)
                fail_msg("%s: allocation %d: exit %d", tasks[k].name, n, how);
            if (how == FAILED_WELL && scratch_count(&dir) != files)
                fail_msg("%s: allocation %d left a file", tasks[k].name, n);
            clean();
            assert_true(n < 1000);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_allocation)};
    int how = 0;
    scratch_open(&dir);
    /* The files are made by a child, so that this process has allocated nothing and used no OpenMP.
     */
    pid_t child = fork();
    if (child == 0)
        prepare();
    if (waitpid(child, &how, 0) != child || how != 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&dir);
    return failed;
}
