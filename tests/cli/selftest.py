"""selftest.py: run.py finds what it is there to find. A stand-in program misbehaves in one way at a time."""
import os
import stat
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))

# Writes its second argument's file as the first argument says.
PROGRAM = r'''
import os, sys
how, out = sys.argv[1:3]
temp = out + ".tmp-1"

def fail(*lines):
    for line in lines:
        print(line, file=sys.stderr)
    if how != "leaves-temp" and os.path.exists(temp):
        os.unlink(temp)
    sys.exit(1)

fault = os.environ.get("DNNBRAIN_FAULT_ALLOC")
if fault in ("1", "3") or (fault == "2" and how != "ignores-alloc"):
    fail("dnnbrain act: out of memory for x (8 bytes)")
try:
    fd = os.open(out if how == "in-place" else temp, os.O_CREAT | os.O_WRONLY)
    for part in (b"one", b"two"):
        try:
            os.write(fd, part)
        except OSError:
            if how != "ignores-write":
                raise
    os.close(fd)
    if how != "in-place":
        os.rename(temp, out)
except OSError as e:
    if how == "two-lines":
        fail("dnnbrain act: %s: %s" % (out, e), "dnnbrain act: giving up")
    if how == "names-nothing":
        fail("dnnbrain act: cannot write")
    if how == "crashes":
        os.abort()
    fail("dnnbrain act: %s: %s" % (out, e))
if how == "sanitizer":
    print("==1==ERROR: AddressSanitizer: heap-use-after-free", file=sys.stderr)
print("done")
'''


class RunCase(unittest.TestCase):
    def setUp(self):
        self.temp = tempfile.TemporaryDirectory()
        self.addCleanup(self.temp.cleanup)
        self.program = os.path.join(self.temp.name, "dnnbrain")
        with open(self.program, "w", encoding="utf-8") as f:
            f.write("#!%s -IB\n%s" % (sys.executable, PROGRAM))
        os.chmod(self.program, os.stat(self.program).st_mode | stat.S_IXUSR)

    def run_case(self, how="well", faults=None, **files):
        case = tempfile.mkdtemp(dir=self.temp.name)
        content = {"cmd": "dnnbrain %s out.txt" % how, "expected.exit": "0", "expected.files": "out.txt\n"}
        content.update({k.replace("_", "."): v for k, v in files.items()})
        for name, text in content.items():
            if text is not None:
                with open(os.path.join(case, name), "w", encoding="utf-8") as f:
                    f.write(text)
        command = [sys.executable, os.path.join(HERE, "run.py")]
        command += ["--faults", faults] if faults else []
        done = subprocess.run(command + [case], env=dict(os.environ, DNNBRAIN=self.program), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.returncode, done.stdout

    def good(self, *args, **kwargs):
        code, out = self.run_case(*args, **kwargs)
        self.assertEqual(code, 0, out)

    def bad(self, message, *args, **kwargs):
        code, out = self.run_case(*args, **kwargs)
        self.assertEqual(code, 1, out)
        self.assertIn(message, out)

    def test_a_good_case_passes(self):
        self.good(expected_stdout="done\n", expected_stderr="", absent_files="*.bak\n")

    def test_each_expectation_can_fail(self):
        self.bad("exit 0, expected 2", expected_exit="2")
        self.bad("stdout is not as expected", expected_stdout="Done\n")
        self.bad("stdout does not match", expected_stdout_regex="^d.ner$")
        self.bad("stderr is not as expected", expected_stderr="x")
        self.bad("stderr does not match", expected_stderr_regex="warning")
        self.bad("no file other.txt", expected_files="other.txt\n")
        self.bad("should not exist", absent_files="*.txt\n")
        self.bad("is empty", cmd="dnnbrain well out.txt; : > out.txt")

    def test_what_holds_in_every_case(self):
        self.bad("temporary file is left", cmd="dnnbrain well out.txt; : > x.tmp-7")
        self.bad("sanitizer spoke", how="sanitizer")

    def test_a_case_without_expectations_is_refused(self):
        self.bad("expected.exit is missing", expected_exit=None)
        self.bad("expects nothing", expected_files=None)
        self.bad("expected.stdrr: not a name", expected_stdrr="x")
        self.bad("cmd is missing", cmd=None)

    def test_needs(self):
        code, out = self.run_case(needs="python:no_such_module\n")
        self.assertEqual(code, 77, out)
        self.bad("neither python:NAME", needs="h5py\n")

    def test_write_faults(self):
        code, out = self.run_case(faults="write", fault_write="out.txt")
        if code == 77:
            self.skipTest("no seccomp here")
        self.assertEqual(code, 0, out)
        self.assertIn("2 of 2 writes made to fail", out)
        for how, message in (("ignores-write", "exit 0, expected 1"), ("two-lines", "2 error lines"),
                             ("names-nothing", "names no file"), ("leaves-temp", "temporary file is left"),
                             ("in-place", "exists after the failure"), ("crashes", "expected 1")):
            with self.subTest(how):
                self.bad(message, how=how, faults="write", fault_write="out.txt")
        self.bad("no write to fail", faults="write", fault_write="elsewhere")

    def test_alloc_faults(self):
        self.good(faults="alloc", fault_alloc="")
        self.bad("failed unnoticed", how="ignores-alloc", faults="alloc", fault_alloc="")
        self.bad("no allocation failed", faults="alloc", fault_alloc="", cmd="echo x > out.txt")


class FaultLibrary(unittest.TestCase):
    """The fault library fails the write that it is told to, whatever way the program writes."""

    def writer(self, **variables):
        with tempfile.TemporaryDirectory() as folder:
            fired = os.path.join(folder, "fired")
            # The path keeps a coverage build's own counts out of it.
            env = dict(os.environ, LD_PRELOAD=os.environ["DNB_FAULTIO"], DNB_FAULT_FIRED=fired, LC_ALL="C",
                       DNB_FAULT_PATH="/out", ASAN_OPTIONS="verify_asan_link_order=0")
            env.update(variables)
            done = subprocess.run([os.environ["DNB_FAULT_WRITER"], os.path.join(folder, "out")], env=env,
                                  text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            if done.returncode == 77:
                self.skipTest(done.stdout)
            failed = [line.split()[0] for line in done.stdout.splitlines() if "No space left" in line]
            self.assertEqual(bool(failed), os.path.exists(fired))
            return failed

    def test_each_way_of_writing(self):
        ways = ["stdio", "write", "pwrite", "writev", "ftruncate"]
        for n, way in enumerate(ways):
            self.assertEqual(self.writer(DNB_FAULT_WRITE=str(n + 1)), [way])
        self.assertEqual(self.writer(DNB_FAULT_WRITE="6"), [])
        self.assertEqual(self.writer(DNB_FAULT_WRITE="3", DNB_FAULT_STICKY="1"), ways[2:])
        self.assertEqual(self.writer(DNB_FAULT_WRITE="1", DNB_FAULT_PATH="elsewhere"), [])
        self.assertEqual(self.writer(DNB_FAULT_WRITE="1", DNB_FAULT_PATH="ou"), ["stdio"])


if __name__ == "__main__":
    unittest.main()
