"""check_symbols.py ROOT LIBRARY: what the shared library exports is what the headers declare DNB_API,
name by name in both directions, and every name starts with dnb_."""
import subprocess

import declarations
import tree

# The linker's own, and the sanitizers' and profilers' in their builds.
LINKER = {"_init", "_fini", "_edata", "_end", "__bss_start"}
RUNTIMES = ("__odr_asan", "__asan_", "__ubsan_", "__tsan_", "__sanitizer_", "__gcov_", "__llvm_", "mangle_path",
            "__start_", "__stop_")


def exported_symbols(library):
    out = subprocess.run(["nm", "-D", "--defined-only", library], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    names = {line.split()[-1].split("@")[0] for line in out.splitlines()}
    return {n for n in names if n not in LINKER and not n.startswith(RUNTIMES)}


def compare(declared, bare, symbols):
    problems = ["%s: %s is declared DNB_API but not in the library" % (declared[n], n)
                for n in sorted(set(declared) - symbols)]
    problems += ["%s is exported but no public header declares it DNB_API" % n
                 for n in sorted(symbols - set(declared))]
    problems += ["%s: %s has no DNB_API, so no program can call it" % (bare[n], n) for n in sorted(bare)]
    problems += ["%s does not start with dnb_" % n for n in sorted(symbols | set(declared))
                 if not n.startswith("dnb_")]
    return problems


def check(root, library):
    declared, bare = declarations.declared(root)
    return compare(declared, bare, exported_symbols(library))


if __name__ == "__main__":
    tree.run(check, 2)
