"""golden.py, on which the other scripts here stand, finds what it is there to find."""
import os
import subprocess
import sys

from golden import *

NAN, INF = np.nan, np.inf
HERE = os.path.dirname(os.path.abspath(__file__))


def ends_with(status, body, text):
    """A script of these lines ends with this status and prints the text."""
    done = subprocess.run([sys.executable, "-c", "from golden import *\n" + body], cwd=HERE, capture_output=True, text=True)
    expect(done.returncode == status and text in done.stdout, f"{body!r}: exit {done.returncode}, {done.stdout!r} {done.stderr!r}")


for ours, theirs, options, want in (
        ([1, 2], [1, 2], {}, 0), ([1, 2.5], [1, 2], {}, .25), ([.1, 0], [0, 0], {}, .1), ([1, 2], [1, 2, 3], {}, INF),
        ([[1], [2]], [1, 2], {}, INF), (None, [1.0], {}, INF), ([1, NAN], [1, 2], {}, INF), ([1, INF], [1, 2], {}, INF),
        ([1, 2], [1, INF], {"odd": True}, INF), ([NAN, 4], [NAN, 2], {"odd": True}, 1), ([NAN, 2], [2, NAN], {"odd": True}, INF),
        ([INF, 1], [-INF, 1], {"odd": True}, INF), ([INF, 1], [INF, 1], {"odd": True}, 0), ([.2], [.1], {"floor": 1}, .1),
        ([], [], {}, 0), (3, 3, {}, 0)):
    expect(abs(error_of(ours, theirs, **options) - want) < 1e-15 or error_of(ours, theirs, **options) == want,
           f"error_of({ours}, {theirs}, {options}) is {error_of(ours, theirs, **options)}, not {want}")
for ours, theirs in (([NAN], [NAN]), ([1.0], [NAN]), ([INF], [INF])):  # unless they are asked for, these never pass
    expect(not error_of(ours, theirs) <= 1e300, f"error_of({ours}, {theirs}) passes")

ends_with(0, "expect(True, 'a')\nfinish()", "1 checks, 0 failures")
ends_with(1, "expect(True, 'a')\nexpect(False, 'b')\nfinish()", "FAIL b\n2 checks, 1 failures")
ends_with(1, "report('a', False, 'text')\nfinish()", "FAIL a: text")
ends_with(1, "finish()", "0 checks")
ends_with(1, "check('a', [1.0], [1.1], 1e-3)\nfinish()", "FAIL a: error 9.1e-02")
ends_with(0, "check('a', [1.0], [1.1], .1)\nfinish('more')", "1 checks, more, 0 failures")
ends_with(1, "close([1.0], [1.0, 2.0], 'a')\nfinish()", "shape (1,) against (2,)")
ends_with(1, "refused('a', 'word', lambda: None)\nfinish()", "FAIL a: was accepted")
RAISES = "def f():\n    raise Refused('some other thing')\n"
ends_with(1, RAISES + "refused('a', 'word', f)\nfinish()", "FAIL a: refused: some other thing")
ends_with(1, RAISES + "refused('a', ['some', 'word'], f)\nfinish()", "FAIL a")
ends_with(0, RAISES + "refused('a', ['some', 'thing'], f)\nfinish()", "ok   a")
ends_with(1, "def test_a():\n    expect(False, 'b')\nrun_tests(globals())\nfinish()", "1 failures")
for line in ("no_such_command -x", "dnnbrain no-such-command"):
    try:
        run_quietly(line)
        expect(False, line + " was accepted")
    except (AssertionError, OSError):
        expect(True, line)
finish()
