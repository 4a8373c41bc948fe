"""selftest.py: each structural check finds what it is there to find, on small trees made for it."""
import os
import shutil
import subprocess
import tempfile
import unittest

import check_files
import check_format
import check_generated
import check_headers
import check_layers
import check_links
import check_scripts
import check_symbols
import declarations
import tree

HEADER = "/* What it is.\n * room: %s */\n#ifndef G_%s\n#define G_%s\n%s\n#endif\n"


class Tree(unittest.TestCase):
    def setUp(self):
        temp = tempfile.TemporaryDirectory()
        self.addCleanup(temp.cleanup)
        self.root = temp.name

    def put(self, path, text, mode=None):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as f:
            f.write(text)
        if mode:
            os.chmod(full, mode)
        return full

    def header(self, name, room, body=""):
        guard = name.upper()
        self.put("include/dnnbrain/%s.h" % name, HEADER % (room, guard, guard, body))

    def assert_only(self, problems, *parts):
        self.assertEqual(len(problems), len(parts), problems)
        for problem, part in zip(problems, parts):
            self.assertIn(part, problem)


class Layers(Tree):
    def check(self):
        return check_layers.check(self.root)

    def test_allowed(self):
        self.header("status", "base")
        self.header("image", "media", '#include "dnnbrain/status.h"')
        self.put("src/base/mem.h", "")
        self.put("src/media/image.c", '#include "dnnbrain/image.h"\n#include "base/mem.h"\n#include "png_in.h"\n')
        self.put("src/media/png_in.h", "#include <stdio.h>\n")
        self.put("src/cli/main.c", '#include <dnnbrain/image.h>\n#include "option.h"\n')
        self.put("src/cli/option.h", "")
        self.assert_only(self.check())

    def test_to_the_right(self):
        self.put("src/net/graph.h", "")
        self.put("src/base/mem.c", '# include "net/graph.h"\n')
        self.assert_only(self.check(), "room base includes")

    def test_sibling(self):
        self.put("src/net/graph.h", "")
        self.put("src/media/image.c", '#include "net/graph.h"\n')
        self.assert_only(self.check(), "room media includes")

    def test_sibling_through_a_relative_path_and_a_public_header(self):
        self.put("src/net/graph.h", "")
        self.header("net", "net")
        self.put("src/media/image.c", '#include "../net/graph.h"\n#include "dnnbrain/net.h"\n')
        self.put("src/stats/pca.c", "#include <dnnbrain/net.h>\n")
        self.assert_only(self.check(), "../net/graph.h", "dnnbrain/net.h", "room stats")

    def test_cli_sees_public_headers_only(self):
        self.put("src/base/mem.h", "")
        self.put("src/cli/main.c", '#include "base/mem.h"\n')
        self.assert_only(self.check(), "cli reaches into")

    def test_public_header_to_the_right_or_internal(self):
        self.header("net", "net")
        self.put("src/base/mem.h", "")
        self.header("array", "array", '#include "dnnbrain/net.h"\n#include "base/mem.h"')
        self.assert_only(self.check(), 'room array includes "dnnbrain/net.h"', "includes the internal")

    def test_generated_header_belongs_to_its_room(self):
        self.put("src/net/load_onnx.c", '#include "onnx.pb-c.h"\n')
        self.put("src/scan/scan.c", '#include "onnx.pb-c.h"\n')
        self.put("src/stats/pca.c", '#include "onnx.pb-c.h"\n')
        self.assert_only(self.check(), "src/stats/pca.c")

    def test_room_must_be_named_and_known(self):
        self.put("include/dnnbrain/x.h", "/* No room. */\n")
        self.header("y", "kitchen")
        self.put("src/kitchen/z.c", "")
        self.put("src/base/w.c", '#include "gone.h"\n#include "dnnbrain/gone.h"\n')
        self.assert_only(self.check(), "names no file", "no such public header", "no room", "needs a line",
                         "needs a line")

    def test_umbrella_includes_them_all(self):
        self.header("status", "base")
        self.header("array", "array")
        self.put("include/dnnbrain/dnnbrain.h", '#include "dnnbrain/status.h"\n')
        self.put("src/map/rsa.c", '#include "dnnbrain/dnnbrain.h"\n')
        self.assert_only(self.check(), "room map includes", 'lacks #include "dnnbrain/array.h"')


class Files(Tree):
    def check(self):
        return check_files.check(self.root)

    def test_unique_names(self):
        self.put("src/base/mem.c", "")
        self.put("src/base/mem.h", "")
        self.assert_only(self.check())
        self.put("include/dnnbrain/mem.h", "")
        self.put("src/net/mem.c", "")
        self.assert_only(self.check(), "taken by", "taken by")

    def test_length(self):
        self.put("src/net/graph.c", "\n" * 600)
        self.put("tests/x.py", "\n" * 601)
        self.put("docs/long.md", "\n" * 1000)
        self.assert_only(self.check(), "tests/x.py: 601 lines")

    def test_machine_paths(self):
        self.put("docs/fine.md", "src/work/x, $X/root/y, http://h/home/z, /usr/share, a /works/ b\n")
        self.assert_only(self.check())
        for i, folder in enumerate(("work", "root", "home", "Users")):
            self.put("docs/%d.md" % i, "x\nsee /%s/somebody\n" % folder)
        self.put("build/release/log", "/%s/x" % "home")
        self.assert_only(self.check(), *["docs/%d.md:2" % i for i in range(4)])


class Symbols(Tree):
    def compare(self, symbols):
        declared, bare = declarations.declared(self.root)
        return check_symbols.compare(declared, bare, set(symbols))

    def test_reads_declarations(self):
        self.header("a", "base", r'''
            #define DNB_X(a) dnb_not_me(a)
            /* DNB_API int dnb_commented(void); */
            typedef enum dnb_kind { DNB_ONE, DNB_TWO } dnb_kind;
            typedef struct dnb_hook { int (*call)(void *ctx); } dnb_hook;
            typedef int (*dnb_visit)(void *ctx);
            struct dnb_plain;
            DNB_API dnb_status dnb_long(int a,
                int b) DNB_MUST_CHECK;
            DNB_API __attribute__((cold)) const char *const *dnb_names(void);
            static inline int dnb_twice(int x)
            {
                return 2 * x;
            }
            DNB_API extern const int dnb_table[3];
            #ifdef __cplusplus
            }
            #endif''')
        declared, bare = declarations.declared(self.root)
        self.assertEqual(set(declared), {"dnb_long", "dnb_names", "dnb_table"})
        self.assertEqual(bare, {})

    def test_both_directions(self):
        self.header("a", "base", "DNB_API int dnb_one(void);\nDNB_API int dnb_two(void);\nint dnb_three(void);")
        self.assert_only(self.compare(["dnb_one", "dnb_two"]), "dnb_three has no DNB_API")
        self.header("a", "base", "DNB_API int dnb_one(void);\nDNB_API int dnb_two(void);\nDNB_API int four(void);")
        self.assert_only(self.compare(["dnb_one", "helper", "four"]), "dnb_two is declared",
                         "helper is exported but", "four does not start", "helper does not start")

    def test_real_library(self):
        source = self.put("x.c", "int dnb_one(void); int dnb_one(void) { return 1; }\n"
                                 "int leak(void); int leak(void) { return 2; }\n")
        library = os.path.join(self.root, "x.so")
        subprocess.run([os.environ["DNB_CC"], "-shared", "-fPIC", "-o", library, source], check=True)
        self.header("a", "base", "DNB_API int dnb_one(void);")
        self.assert_only(check_symbols.check(self.root, library), "leak is exported", "leak does not start")


class Headers(Tree):
    def check(self):
        return check_headers.check(self.root, os.environ["DNB_CC"], os.environ.get("DNB_CXX") or None)

    def test_good(self):
        self.header("a", "base", "#include <stddef.h>\nsize_t f(void);")
        self.assert_only(self.check())

    def test_not_alone(self):
        self.header("a", "base", "size_t f(void);")
        self.assertTrue(self.check())
        self.assertIn("a.h", self.check()[0])

    def test_no_guard(self):
        self.put("include/dnnbrain/a.h", "typedef struct a { int x; } a;\n")
        self.assertTrue(self.check())

    def test_c_only(self):
        if not os.environ.get("DNB_CXX"):
            self.skipTest("no C++ compiler")
        self.header("a", "base", "void f(int class);")
        self.assert_only(self.check(), "c++11")


class Others(Tree):
    def test_format(self):
        tool = check_format.clang_format()
        if not tool:
            self.skipTest("no clang-format 14")
        self.put(".clang-format", "BasedOnStyle: LLVM\n")
        self.put("src/base/a.c", "int x;\n")
        self.assert_only(check_format.check(self.root))
        self.put("src/base/b.c", "int    y ;\n")
        self.assert_only(check_format.check(self.root), "src/base/b.c")

    def test_scripts(self):
        if not shutil.which("shellcheck"):
            self.skipTest("no shellcheck")
        self.put("scripts/good", '#!/bin/sh\necho "$1"\n', 0o755)
        self.put("scripts/data.txt", "echo $1\n")
        self.assert_only(check_scripts.check(self.root))
        self.put("scripts/bad", "#!/bin/sh\necho $1\n", 0o755)
        self.put("scripts/plain", "#!/usr/bin/env bash\ntrue\n", 0o644)
        self.assert_only(check_scripts.check(self.root), "SC2086", "not executable")

    def test_links(self):
        self.put("docs/a.md", "[b](b.md#part) [up](../README.md) [web](https://example.org/x) `scripts/test`\n")
        self.put("docs/b.md", "")
        self.put("README.md", "[docs](docs/)\n")
        self.put("scripts/test", "")
        self.assert_only(check_links.check(self.root))
        self.put("docs/b.md", "[gone](gone.md) `tests/gone`\n")
        self.assert_only(check_links.check(self.root), "gone.md leads nowhere", "tests/gone")

    def test_generated(self):
        fresh = os.path.join(self.root, "fresh")
        for top in ("", "fresh/"):
            self.put(top + "docs/man/a.1", "x\n")
            self.put(top + "docs/commands.md", "x\n")
        self.assert_only(check_generated.compare(self.root, fresh))
        self.put("docs/man/a.1", "edited\n")
        self.put("docs/man/old.1", "x\n")
        self.put("fresh/docs/completions/new", "x\n")
        self.assert_only(check_generated.compare(self.root, fresh), "completions/new is missing",
                         "old.1 is generated by nothing", "a.1 is out of date")

    def test_man_pages(self):
        if not shutil.which("man"):
            self.skipTest("no man")
        self.put("docs/man/a.1", ".TH A 1\n.SH NAME\na \\- b\n.PP\ntext\n")
        self.assert_only(check_generated.check_man_page(self.root, "docs/man/a.1"))
        self.put("docs/man/a.1", ".TH A 1\n.SH NAME\na \\- b\n.NOSUCHMACRO x\n")
        self.assert_only(check_generated.check_man_page(self.root, "docs/man/a.1"), "NOSUCHMACRO")

    def test_walk_leaves_out_what_is_built(self):
        for path in ("src/a.c", "build/a.c", "build-x/a.c", "src/__pycache__/a.c", ".git/a.c"):
            self.put(path, "")
        self.assertEqual(tree.walk(self.root), ["src/a.c"])


if __name__ == "__main__":
    unittest.main()
