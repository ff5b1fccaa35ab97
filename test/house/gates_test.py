"""The gates themselves: each must turn away what it is there for."""
import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

CLANG = next((c for c in ("clang++-14", "clang++") if shutil.which(c)), "clang++-14")
ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


class CoreIncludes(unittest.TestCase):
    def check(self, source, header="#pragma once\n"):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in {
                "cmake/hosted_headers.txt": "# list\nclient.hpp client\n",
                "src/core/a.cpp": source,
                "include/postrider/a.hpp": header,
                "include/postrider/client.hpp": "#include <string>\n",
            }.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            return run(ROOT / "tools/check_core_includes", root)

    def test_clean_core_passes(self):
        code, text = self.check('#include "postrider/a.hpp"\n#include <span>\n// new string, try again\nint f();\n')
        self.assertEqual(code, 0, text)

    def test_allocating_header_is_refused(self):
        code, text = self.check("#include <string>\n")
        self.assertEqual(code, 1)
        self.assertIn("src/core/a.cpp:1: includes <string>", text)

    def test_hosted_header_is_refused_in_core(self):
        self.assertEqual(self.check('#include "postrider/client.hpp"\n')[0], 1)

    def test_public_core_header_is_checked_too(self):
        self.assertEqual(self.check("", header="#include <vector>\n")[0], 1)

    def test_language_features_are_refused(self):
        for line in ("auto* p = new char[3];", "throw 1;", "delete p;", "try { f(); } catch (...) {}", "malloc(3);"):
            self.assertEqual(self.check(line + "\n")[0], 1, line)

    def test_deleted_functions_and_placement_names_pass(self):
        self.assertEqual(self.check("struct s { s(const s&) = delete; };\n")[0], 0)


class Headers(unittest.TestCase):
    def check(self, text, compiler="g++"):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "a.hpp").write_text(text)
            flags = pathlib.Path(folder) / "flags"
            flags.write_text(f"-I{folder}\n")
            return run(ROOT / "tools/check_headers", compiler, "c++20", flags, "a.hpp")

    def test_standing_alone_passes(self):
        for compiler in ("g++", CLANG):
            code, text = self.check("#pragma once\n#include <cstdint>\ninline std::uint8_t f() { return 1; }\n", compiler)
            self.assertEqual(code, 0, text)

    def test_missing_include_fails(self):
        self.assertNotEqual(self.check("#pragma once\ninline std::uint8_t f();\n")[0], 0)

    def test_second_include_fails_without_a_guard(self):
        self.assertNotEqual(self.check("struct a {};\n")[0], 0)

    def test_missing_compiler_fails_by_name(self):
        code, text = self.check("#pragma once\n", "no-such-compiler")
        self.assertNotEqual(code, 0)
        self.assertIn("no-such-compiler is missing", text)


class SizeReport(unittest.TestCase):
    FLAGS = ("-mcpu=cortex-m4 -mthumb -std=c++20 -Os -fno-exceptions -fno-rtti -ffunction-sections -fdata-sections "
             "-fno-threadsafe-statics -fstack-usage -fcallgraph-info=su").split()

    def setUp(self):
        self.assertTrue(shutil.which("arm-none-eabi-g++"), "install the Debian package gcc-arm-none-eabi")

    def report(self, source):
        with tempfile.TemporaryDirectory() as folder:
            build = pathlib.Path(folder)
            (build / "a.cpp").write_text(source)
            subprocess.run(["arm-none-eabi-g++", *self.FLAGS, "-c", "a.cpp", "-o", "a.o"], cwd=build, check=True)
            subprocess.run(["arm-none-eabi-ar", "rc", "libpostrider_core.a", "a.o"], cwd=build, check=True)
            command = " ".join(["arm-none-eabi-g++", *self.FLAGS, "-o", "a.o", "-c", "a.cpp",
                                f"-I{ROOT / 'include'}"])
            (build / "compile_commands.json").write_text(json.dumps(
                [{"directory": str(build), "command": command, "file": "/src/core/a.cpp"}]))
            return run(ROOT / "tools/size_report", build)

    def test_clean_code_passes_and_its_stack_is_counted(self):
        code, text = self.report("void sink(char*); extern \"C\" void* memset(void*, int, unsigned);\n"
                                 "__attribute__((noinline)) static int deep(int n) { volatile char b[512]; "
                                 "memset((char*)b, n, 512); return b[n]; }\n"
                                 "int outer(int n) { volatile char b[256]; b[n] = 1; return deep(n) + b[n]; }\n")
        self.assertEqual(code, 0, text)
        self.assertRegex(text, r"\b(77\d|78\d|79\d|8\d\d)  outer\(int\)")

    def test_foreign_symbol_fails(self):
        code, text = self.report("void* operator new(decltype(sizeof 0)); int* f() { return new int(3); }\n")
        self.assertEqual(code, 1)
        self.assertIn("needs the symbol operator new", text)

    def test_static_data_fails(self):
        code, text = self.report("int counter; int f() { return ++counter; }\n")
        self.assertEqual(code, 1)
        self.assertIn("static data", text)

    def test_recursion_fails(self):
        code, text = self.report("int g(int); __attribute__((noinline)) int f(int n) { volatile int x = n; "
                                 "return n ? g(n - 1) + x : 0; } int g(int n) { volatile int x = n; return f(n - 2) + x; }\n")
        self.assertEqual(code, 1)
        self.assertIn("recurses", text)

    def test_call_through_a_vtable_is_counted(self):
        code, text = self.report("struct base { virtual int f(int) const = 0; protected: ~base() = default; };\n"
                                 "namespace { struct deep final : base { int f(int n) const override { "
                                 "volatile char b[600]; b[n] = 1; return b[n]; } }; const deep d; }\n"
                                 "const base& one() { return d; }\n"
                                 "int outer(const base& b) { return b.f(2) + 1; }\n")
        self.assertIn("1 reachable through pointers", text)
        self.assertRegex(text, r"\b6\d\d  outer\(base const&\)")

    def test_variable_frame_fails(self):
        code, text = self.report("int f(int n) { char b[n]; b[0] = 1; volatile char* p = b; p[n - 1] = 2; return p[0]; }\n")
        self.assertEqual(code, 1)
        self.assertIn("unbounded size", text)


if __name__ == "__main__":
    unittest.main()
