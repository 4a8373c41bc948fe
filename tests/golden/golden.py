"""What the differential tests share: counting and printing checks, errors against a peer's answer, arrays to and from
the probes (tests/golden/probe_*.c), the program by its command lines, and where real data are."""
import contextlib
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError as missing:
    print("skipped:", missing)
    sys.exit(77)

BIN = os.path.dirname(os.environ["DNNBRAIN"])


class Refused(Exception):
    """The probe failed; its message."""


class Tally:
    checks = failures = 0
    worst = 0.0  # of the errors that passed


tally = Tally()


def report(what, fine, text=""):
    """A line per check."""
    tally.checks += 1
    tally.failures += not fine
    print(f"{'ok  ' if fine else 'FAIL'} {what}{': ' if text else ''}{text}", flush=True)


def expect(fine, what):
    """A line per failure."""
    tally.checks += 1
    if not fine:
        tally.failures += 1
        print("FAIL", what, flush=True)


def finish(*more):
    print(", ".join([f"{tally.checks} checks", *more, f"{tally.failures} failures"]))
    sys.exit(tally.failures > 0 or tally.checks == 0)


def error_of(ours, theirs, floor=0, odd=False):
    """The largest difference over the largest number of the peer's answer, or over `floor` if that is larger; infinite
    when shapes differ. Ours must be finite; odd: NaN and infinities must stand where the peer has them."""
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    if ours.shape != theirs.shape:
        return np.inf
    fine = np.isfinite(theirs) if odd else np.ones(theirs.shape, bool)
    if not np.all(np.isfinite(ours[fine])) or not np.array_equal(ours[~fine], theirs[~fine], equal_nan=True):
        return np.inf
    scale = max(np.max(np.abs(theirs[fine]), initial=0), floor) or 1.0
    return np.max(np.abs(ours[fine] - theirs[fine]), initial=0) / scale


def judge(ours, theirs, tolerance, floor, odd):
    error = error_of(ours, theirs, floor, odd)
    fine = bool(error <= tolerance)
    tally.worst = max(tally.worst, error if fine else 0)
    shapes = "" if np.shape(ours) == np.shape(theirs) else f", shape {np.shape(ours)} against {np.shape(theirs)}"
    return fine, f"error {error:.1e} (allowed {tolerance:.0e}){shapes}"


def check(what, ours, theirs, tolerance=1e-6, floor=0, odd=False):
    """Reports error_of."""
    report(what, *judge(ours, theirs, tolerance, floor, odd))


def close(ours, theirs, what, tolerance=1e-6, floor=0, odd=False):
    """Expects error_of to be small."""
    fine, text = judge(ours, theirs, tolerance, floor, odd)
    expect(fine, f"{what}: {text}")


def refused(what, words, call, *args, **options):
    """call must raise Refused, and say every one of `words` (a text or several)."""
    message = None
    try:
        call(*args, **options)
    except Refused as why:
        message = str(why)
    words = [words] if isinstance(words, str) else words
    report(what, message is not None and all(w in message for w in words),
           "was accepted" if message is None else f"refused: {message}")


class Probe:
    """A helper program with a folder for its files."""

    def __init__(self, name):
        self.program = os.path.join(os.environ["DNB_BUILD"], "tests", name)
        self.folder = tempfile.TemporaryDirectory(prefix=name + "_")

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def save(self, name, array):
        """The path of a .npy with the array."""
        np.save(self.path(name + ".npy"), np.ascontiguousarray(array))
        return self.path(name + ".npy")

    def call(self, *words, **options):
        """Runs it on words and key=value options (arrays travel as files, lists between commas); what it prints."""
        for key, value in options.items():
            if isinstance(value, np.ndarray) and value.ndim and key != "alphas":
                value = self.save(key, value)
            elif isinstance(value, (list, tuple, np.ndarray)):
                value = ",".join(repr(float(v)) for v in np.atleast_1d(value))
            words += (f"{key}={value}",)
        done = subprocess.run([self.program, *map(str, words)], capture_output=True, text=True)
        if done.returncode:
            raise Refused(done.stderr.strip() or f"exit {done.returncode}")
        return done.stdout

    def run(self, command, *arrays, **options):
        """PROBE COMMAND IN.npy ... OUT.npy key=value ...: the array it makes."""
        names = [self.save(f"in{i}", a) for i, a in enumerate(arrays)]
        self.call(command, *names, self.path("out.npy"), **options)
        return np.load(self.path("out.npy"))


def data_dir(*parts):
    """A place in the folder of real data; None where it is not."""
    where = os.environ.get("DNB_TEST_DATA") or os.path.join(os.environ["DNB_SOURCE"], "..", "shared", "data")
    where = os.path.join(where, *parts)
    return where if os.path.exists(where) else None


def run_quietly(line, *more, warns=""):
    """A command line, by the program's or the toolbox's name, that must succeed and print nothing, or a warning."""
    words = line.split() + [str(w) for w in more]
    done = subprocess.run([os.path.join(BIN, words[0]), *words[1:], "-quiet"], capture_output=True, text=True)
    if done.returncode or done.stdout or (warns not in done.stderr if warns else done.stderr):
        raise AssertionError(f"{line}\nexit {done.returncode}\n{done.stdout}{done.stderr}")


@contextlib.contextmanager
def own_folder():
    """Inside, the working folder is a new one."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        yield folder
        os.chdir("/")


def run_tests(names, call=lambda test: test()):
    """Every test_... of a script's globals(), a line each."""
    for name, test in list(names.items()):
        if name.startswith("test_"):
            before = tally.failures
            call(test)
            failed = tally.failures - before
            print("%-34s %s" % (name, f"{failed} failures" if failed else "ok"), flush=True)
