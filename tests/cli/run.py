"""run.py [--faults write|alloc] CASE: runs one case of the program and compares.

A case is a folder with
  cmd                     shell line(s), run by `sh -eu` in a new empty folder. `dnnbrain` and the command
                          names (dnn_act, ...) are on PATH; $DNNBRAIN is the program, $WORK the new folder,
                          $CASE the case's own, $DATA the folder of real data; links to what fixtures.py
                          made lie in the new folder
  expected.exit           the exit status; required, and at least one more of
  expected.stdout         the whole of it, to the letter   | expected.stdout.regex   found in it
  expected.stderr         the whole of it                  | expected.stderr.regex   found in it
  expected.files          a line per file that must exist and not be empty, the one written last at the end
  absent.files            a line per pattern that no file may match
  needs                   a line per thing the case skips without: python:h5py, data:models/x.onnx,
                          fixture:net.onnx
  fault.write             also run with writes to files whose path contains this text made to fail, one at
                          a time and with all that follow (no text: any file in $WORK)
  fault.alloc             also run with each allocation made to fail (in builds that can)
In every case no temporary file may be left and no sanitizer may have spoken. In a fault run the command must
exit 1, with one error line, that names a file of expected.files for a write, and not leave the last of them
(those before may be complete).

Environment: DNNBRAIN the program, DNB_FAULTIO the fault library, DNB_FIXTURES the folder fixtures.py filled,
DNB_TEST_DATA the real data. Exit 77: skipped."""
import fnmatch
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile

EXPECT = ["expected.stdout", "expected.stdout.regex", "expected.stderr", "expected.stderr.regex",
          "expected.files", "absent.files"]
KNOWN = set(EXPECT) | {"cmd", "expected.exit", "needs", "fault.write", "fault.alloc"}
RESERVED = ("expected", "absent", "fault", "need")
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:")
ERROR_LINE = re.compile(r"^dnnbrain(?: [\w-]+)?: (?!warning: )", re.M)
LEFTOVER = "*.tmp-*"
TIMEOUT = 300
MOST_FAULTS = 5000


class Case:
    """The files of a case folder; raises ValueError for a folder that is no valid case."""

    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        names = set(os.listdir(self.folder))
        for name in sorted(names - KNOWN):
            if name.startswith(RESERVED):
                raise ValueError("%s: not a name that means anything here" % name)
        for name in ("cmd", "expected.exit"):
            if name not in names:
                raise ValueError("%s is missing" % name)
        if not names & set(EXPECT):
            raise ValueError("expects nothing but an exit status: add one of " + ", ".join(EXPECT))
        self.names = names
        self.exit = int(self.text("expected.exit"))
        for name in ("fault.write", "fault.alloc"):
            if name in names and (self.exit != 0 or not self.lines("expected.files")):
                raise ValueError("%s needs a command that succeeds and expected.files" % name)

    def text(self, name):
        if name not in self.names:
            return None
        with open(os.path.join(self.folder, name), encoding="utf-8") as f:
            return f.read()

    def lines(self, name):
        return [line for line in (self.text(name) or "").splitlines() if line.strip()]


def missing_needs(case):
    for need in case.lines("needs"):
        kind, _, what = need.partition(":")
        if kind == "python":
            found = importlib.util.find_spec(what) is not None
        elif kind == "data":
            found = os.path.exists(os.path.join(data_folder(), what))
        elif kind == "fixture":
            found = os.path.exists(os.path.join(fixtures_folder(), what))
        else:
            raise ValueError("needs: '%s' is neither python:NAME, data:PATH nor fixture:PATH" % need)
        if not found:
            return need
    return None


def data_folder():
    beside = os.path.join(os.environ.get("DNB_SOURCE", ""), "..", "shared", "data")
    return os.environ.get("DNB_TEST_DATA") or os.path.abspath(beside)


def fixtures_folder():
    return os.environ.get("DNB_FIXTURES", "")


def put_on_path(folder, variables):
    """Wrappers for the program and the links beside it; the variables reach the program only, not the shell."""
    program = os.environ["DNNBRAIN"]
    names = {os.path.basename(program): program, "dnnbrain": program}
    for name in os.listdir(os.path.dirname(program)):
        path = os.path.join(os.path.dirname(program), name)
        if os.path.islink(path) and os.path.realpath(path) == os.path.realpath(program):
            names[name] = path
    settings = "".join("export %s='%s'\n" % item for item in variables.items())
    for name, path in names.items():
        wrapper = os.path.join(folder, name)
        with open(wrapper, "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\n%sexec '%s' \"$@\"\n" % (settings, path))
        os.chmod(wrapper, 0o755)
    return os.path.join(folder, "dnnbrain")


class Run:
    """One execution of cmd in a folder of its own."""

    def __init__(self, case, variables):
        self.top = tempfile.mkdtemp(prefix="dnb-case-")
        self.work = os.path.join(self.top, "work")
        path = os.path.join(self.top, "bin")
        os.mkdir(self.work)
        os.mkdir(path)
        for name in os.listdir(fixtures_folder()) if os.path.isdir(fixtures_folder()) else ():
            os.symlink(os.path.join(fixtures_folder(), name), os.path.join(self.work, name))
        variables = {name: value.replace("@WORK@", self.work) for name, value in variables.items()}
        env = dict(os.environ, LC_ALL="C.UTF-8", WORK=self.work, CASE=case.folder, DATA=data_folder(),
                   DNNBRAIN=put_on_path(path, variables), PATH=path + os.pathsep + os.environ.get("PATH", ""))
        done = subprocess.run(["sh", "-eu", os.path.join(case.folder, "cmd")], cwd=self.work, env=env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=TIMEOUT, check=False)
        self.exit = done.returncode
        self.stdout = done.stdout.decode("utf-8", "replace")
        self.stderr = done.stderr.decode("utf-8", "replace")
        self.files = [os.path.relpath(os.path.join(here, f), self.work)
                      for here, _, names in os.walk(self.work) for f in names
                      if not os.path.islink(os.path.join(here, f))]

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        shutil.rmtree(self.top, ignore_errors=True)

    def matching(self, pattern):
        return sorted(f for f in self.files
                      if fnmatch.fnmatch(f, pattern) or fnmatch.fnmatch(os.path.basename(f), pattern))

    def invariants(self):
        problems = ["a temporary file is left: %s" % f for f in self.matching(LEFTOVER)]
        m = SANITIZER.search(self.stderr)
        if m:
            problems.append("a sanitizer spoke: %s" % self.stderr[m.start():m.start() + 2000])
        return problems


def compare(case, run):
    problems = run.invariants()
    if run.exit != case.exit:
        problems.append("exit %d, expected %d" % (run.exit, case.exit))
    for stream in ("stdout", "stderr"):
        got = getattr(run, stream)
        exact, regex = case.text("expected." + stream), case.text("expected." + stream + ".regex")
        if exact is not None and got != exact:
            problems.append("%s is not as expected; expected:\n%s" % (stream, exact))
        if regex is not None and not re.search(regex.strip(), got, re.M):
            problems.append("%s does not match /%s/" % (stream, regex.strip()))
    for name in case.lines("expected.files"):
        path = os.path.join(run.work, name)
        if not os.path.exists(path):
            problems.append("no file %s" % name)
        elif os.path.isfile(path) and os.path.getsize(path) == 0:
            problems.append("%s is empty" % name)
    for pattern in case.lines("absent.files"):
        problems += ["%s should not exist" % f for f in run.matching(pattern)]
    if problems:
        problems.append("stdout:\n%s\nstderr:\n%s" % (run.stdout, run.stderr))
    return problems


def compare_failed(case, run, names_file):
    """What a run with a fault must look like."""
    problems = run.invariants()
    if run.exit != 1:
        problems.append("exit %d, expected 1" % run.exit)
    errors = [line for line in run.stderr.splitlines() if ERROR_LINE.match(line)]
    if len(errors) != 1:
        problems.append("%d error lines, expected one" % len(errors))
    elif names_file and not any(os.path.basename(f) in errors[0] for f in case.lines("expected.files")):
        problems.append("the error names no file: %s" % errors[0])
    last = case.lines("expected.files")[-1]
    if os.path.exists(os.path.join(run.work, last)):
        problems.append("%s exists after the failure" % last)
    if problems:
        problems.append("stderr:\n" + run.stderr)
    return problems


def write_fault(case, n, sticky):
    """One run whose nth write fails: whether there was an nth, and what was wrong; None where it cannot be done."""
    fired = tempfile.mktemp(prefix="dnb-fired-")
    variables = {"LD_PRELOAD": os.environ["DNB_FAULTIO"], "DNB_FAULT_WRITE": str(n), "DNB_FAULT_FIRED": fired,
                 "DNB_FAULT_PATH": case.text("fault.write").strip() or "@WORK@",
                 "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
    if sticky:
        variables["DNB_FAULT_STICKY"] = "1"
    with Run(case, variables) as run:
        if run.exit == 77:
            return None
        if not os.path.exists(fired):
            return False, compare(case, run)
        os.unlink(fired)
        return True, compare_failed(case, run, True)


def write_faults(case):
    """Each of the first writes in turn, then a sample and the last ones; once alone and once with all that
    follow."""
    if not os.path.exists(os.environ["DNB_FAULTIO"]):
        return ["%s is not built" % os.environ["DNB_FAULTIO"]]  # the loader would only warn
    for sticky in (False, True):
        n, last, tested, one_by_one = 1, 0, 0, False
        while n < MOST_FAULTS:
            answer = write_fault(case, n, sticky)
            if answer is None:
                return None
            hit, bad = answer
            if bad:
                return ["write %d%s fails: %s" % (n, " and all after" if sticky else "", bad)]
            if hit:
                tested, last = tested + 1, n
                n += 1 if one_by_one else 1 + n // 8
            elif n > last + 1:
                n, one_by_one = last + 1, True
            else:
                break
        else:
            return ["more than %d writes: name fewer files in fault.write" % MOST_FAULTS]
        if last == 0:
            return ["no write to fail: fault.write matches no file that is written"]
        print("%d of %d writes made to fail%s" % (tested, last, ", each with all after it" if sticky else ""))
    return []


def alloc_faults(case):
    """Each allocation in turn. After the first success some later numbers must succeed too: a fault that went
    unnoticed looks like the end."""
    n, after = 1, 0
    while after < 8 and n < MOST_FAULTS:
        with Run(case, {"DNNBRAIN_FAULT_ALLOC": str(n)}) as run:
            if run.exit == 0:
                after += 1
                bad = compare(case, run)
            else:
                bad = compare_failed(case, run, False)
                if after:
                    bad.append("allocation %d failed unnoticed, and %d did not" % (n - after, n))
        if bad:
            return ["allocation %d fails: %s" % (n, bad)]
        n += 1 if n < 200 else 7  # every early one, then a sample
    print("%d allocations reached" % (n - after - 1))
    return [] if n - after > 1 else ["no allocation failed: is this a build with DNB_FAULTS?"]


def main(args):
    faults = None
    if len(args) == 3 and args[0] == "--faults" and args[1] in ("write", "alloc"):
        faults, args = args[1], args[2:]
    if len(args) != 1:
        sys.exit("usage: run.py [--faults write|alloc] CASE")
    try:
        case = Case(args[0])
        need = missing_needs(case)
    except (ValueError, OSError) as e:
        print("%s: %s" % (args[0], e))
        return 1
    if need:
        print("skipped: needs %s" % need)
        return 77
    if faults == "write":
        problems = write_faults(case)
    elif faults == "alloc":
        problems = alloc_faults(case)
    else:
        with Run(case, {}) as run:
            problems = compare(case, run)
    if problems is None:
        print("skipped: no system call can be made to fail here")
        return 77
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
