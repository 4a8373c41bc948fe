"""use_installed.py CMAKE CC SOURCE BUILD LIBDIR VERSION LINK...: installs the build into a new folder, moves that
folder (nothing may depend on where it was), and then: runs the program and the command links, builds and runs every
program of examples/ through pkg-config, and one of them through the CMake package."""
import os
import subprocess
import sys
import tempfile
import unittest

CMAKE, CC, SOURCE, BUILD, LIBDIR, VERSION = sys.argv[1:7]
LINKS = sys.argv[7:]

PROJECT = """cmake_minimum_required(VERSION 3.22)
project(user LANGUAGES C)
find_package(dnnbrain %s REQUIRED)
add_executable(user %s)
target_link_libraries(user PRIVATE dnnbrain::dnnbrain)
"""


def output(command, **kwargs):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **kwargs)
    if done.returncode != 0:
        raise AssertionError("%s: exit %d\n%s" % (command, done.returncode, done.stdout))
    return done.stdout


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temp = tempfile.TemporaryDirectory()
        first = os.path.join(cls.temp.name, "first")
        output([CMAKE, "--install", BUILD, "--prefix", first])
        cls.prefix = os.path.join(cls.temp.name, "moved here")
        os.rename(first, cls.prefix)
        # No trace of the build or of another installation may help.
        cls.env = dict(os.environ, PKG_CONFIG_PATH=cls.at(LIBDIR, "pkgconfig"))
        cls.env.pop("LD_LIBRARY_PATH", None)

    @classmethod
    def tearDownClass(cls):
        cls.temp.cleanup()

    @classmethod
    def at(cls, *parts):
        return os.path.join(cls.prefix, *parts)

    def test_program_finds_its_library(self):
        self.assertIn("libdnnbrain.so", os.listdir(self.at(LIBDIR)))
        self.assertEqual(output([self.at("bin", "dnnbrain"), "--version"], env=self.env).split(), ["dnnbrain", VERSION])
        linked = output(["ldd", self.at("bin", "dnnbrain")], env=self.env)
        where = [line for line in linked.splitlines() if "libdnnbrain" in line]
        self.assertEqual(len(where), 1, linked)
        self.assertIn(self.prefix, os.path.realpath(where[0].split("=>")[1].rsplit("(", 1)[0].strip()))

    def test_command_links(self):
        self.assertTrue(LINKS)
        for name in LINKS:
            path = self.at("bin", name)
            self.assertEqual(os.readlink(path), "dnnbrain", path)
            self.assertTrue(os.access(path, os.X_OK))

    def test_documents(self):
        for name in ("LICENSE", "README.md", "CHANGELOG.md"):
            self.assertTrue(os.path.getsize(self.at("share", "doc", "dnnbrain", name)))
        pages = [p for p in os.listdir(os.path.join(SOURCE, "docs", "man")) if p.endswith(".1")] \
            if os.path.isdir(os.path.join(SOURCE, "docs", "man")) else []
        for page in pages:
            self.assertTrue(os.path.getsize(self.at("share", "man", "man1", page)))

    def test_every_public_header_and_no_other(self):
        have = sorted(os.listdir(self.at("include", "dnnbrain")))
        self.assertEqual(have, sorted(os.listdir(os.path.join(SOURCE, "include", "dnnbrain"))))

    def flags(self, *what):
        # The folder has a space in its name, which pkg-config prints with a backslash.
        text = output(["pkg-config", *what, "dnnbrain"], env=self.env).strip()
        return [word.replace("\0", " ") for word in text.replace("\\ ", "\0").split()]

    def test_examples_through_pkg_config(self):
        self.assertEqual(self.flags("--modversion"), [VERSION])
        folder = os.path.join(SOURCE, "examples")
        sources = [f for f in sorted(os.listdir(folder)) if f.endswith(".c")]
        self.assertTrue(sources)
        for source in sources:
            program = os.path.join(self.temp.name, source[:-2])
            output([CC, "-std=c17", "-Wall", "-Wextra", "-Werror", os.path.join(folder, source), "-o", program]
                   + self.flags("--cflags", "--libs") + ["-Wl,-rpath," + self.at(LIBDIR), "-lm"])
            with tempfile.TemporaryDirectory() as work:
                said = output([program], cwd=work, env=self.env)
            self.assertTrue(said.strip(), source)

    def test_cmake_package(self):
        user = os.path.join(self.temp.name, "user")
        os.mkdir(user)
        source = sorted(f for f in os.listdir(os.path.join(SOURCE, "examples")) if f.endswith(".c"))[0]
        with open(os.path.join(user, "CMakeLists.txt"), "w", encoding="utf-8") as f:
            f.write(PROJECT % (VERSION, os.path.join(SOURCE, "examples", source)))
        build = os.path.join(user, "build")
        output([CMAKE, "-S", user, "-B", build, "-G", "Ninja", "-DCMAKE_C_COMPILER=" + CC,
                "-DCMAKE_PREFIX_PATH=" + self.prefix])
        output([CMAKE, "--build", build])
        output([os.path.join(build, "user")], cwd=user, env=self.env)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
