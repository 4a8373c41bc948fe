"""coverage.py SOURCE BUILD: adds up what gcov counted, per room (src/<room>) and per file."""
import gzip
import json
import os
import subprocess
import sys
import tempfile


def counted_lines(source, build):
    """{file: {line: hit}} over all objects; a line counts as hit when it ran in any of them."""
    data = [os.path.abspath(os.path.join(here, f)) for here, _, names in os.walk(build) for f in names
            if f.endswith(".gcda")]
    lines = {}
    with tempfile.TemporaryDirectory() as out:
        for path in data:
            subprocess.run(["gcov", "--json-format", "--preserve-paths", path], cwd=out, check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for name in os.listdir(out):
            with gzip.open(os.path.join(out, name), "rt", encoding="utf-8") as f:
                for entry in json.load(f)["files"]:
                    file = os.path.relpath(os.path.join(source, entry["file"]), source)
                    if file.startswith("src" + os.sep):
                        seen = lines.setdefault(file, {})
                        for line in entry["lines"]:
                            number = line["line_number"]
                            seen[number] = seen.get(number, False) or line["count"] > 0
    return lines


def row(name, files):
    all_lines = sum(len(f) for f in files)
    hit = sum(sum(f.values()) for f in files)
    return "%-34s %7d %7d %6.1f %%" % (name, all_lines, hit, 100.0 * hit / all_lines if all_lines else 100)


def main(source, build):
    source = os.path.abspath(source)
    lines = counted_lines(source, build)
    # A file that no test links has no counts: it would look like no file at all.
    silent = sorted(os.path.relpath(os.path.join(here, f), source)
                    for here, _, names in os.walk(os.path.join(source, "src")) for f in names if f.endswith(".c"))
    silent = [f for f in silent if f not in lines]
    if not lines:
        sys.exit("coverage: no counts below %s: run the tests of the coverage preset first" % build)
    print("%-34s %7s %7s" % ("room", "lines", "run"))
    for room in sorted({f.split(os.sep)[1] for f in lines}):
        print(row("src/" + room, [v for f, v in lines.items() if f.split(os.sep)[1] == room]))
    print(row("all", list(lines.values())))
    print("\nleast covered")
    for file in sorted(lines, key=lambda f: sum(lines[f].values()) / max(1, len(lines[f])))[:15]:
        print(row(file, [lines[file]]))
    for file in silent:
        print("%-34s not in the build" % file)


if __name__ == "__main__":
    main(*sys.argv[1:])
