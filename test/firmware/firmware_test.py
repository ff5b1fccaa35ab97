#!/usr/bin/env python3
"""firmware_test.py SOURCE BUILD: builds the image for the MPS2 board, runs it in QEMU with its UART led to a real Postfix, and compares what
arrived with what was sent. Also: a wrong password and a refused recipient end with an error that names them, and deliver nothing."""
import pathlib
import shutil
import subprocess
import sys
import time
import unittest

SOURCE, BUILD = (pathlib.Path(a) for a in sys.argv[1:3])
sys.path.insert(0, str(SOURCE / "test" / "servers"))
import postfix  # noqa: E402

TOOLS = {
    "arm-none-eabi-g++": "gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib",
    "qemu-system-arm": "qemu-system-arm",
}
BODY = b"The tank is nearly empty.\n.hidden files keep their dot\nLevel: 7 %\n"


def build():
    for tool, packages in TOOLS.items():
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is missing: install the Debian packages {packages}")
    subprocess.run(["cmake", "-S", SOURCE, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=MinSizeRel", "-DPOSTRIDER_HOSTED=OFF",
                    "-DPOSTRIDER_TESTS=OFF", "-DPOSTRIDER_INSTALL=OFF", "-DPOSTRIDER_ARM_CPU=cortex-m3",
                    f"-DCMAKE_TOOLCHAIN_FILE={SOURCE / 'cmake' / 'arm-none-eabi.cmake'}"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", BUILD, "--target", "postrider_firmware"], check=True, stdout=subprocess.DEVNULL)
    return next(BUILD.rglob("postrider-mps2-an385.elf"))


def run(image, port, *arguments):
    words = ",".join("arg=" + a.replace(",", ",,") for a in ("postrider",) + arguments)
    return subprocess.run(["qemu-system-arm", "-M", "mps2-an385", "-display", "none", "-monitor", "none", "-semihosting-config",
                           "enable=on,target=native," + words, "-serial", "null", "-serial", f"tcp:127.0.0.1:{port}", "-kernel", image],
                          timeout=60, capture_output=True, text=True)


class Firmware(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.image = build()
        cls.server = cls.enterClassContext(postfix.Postfix())
        cls.port = cls.server.info["ports"]["plainauth"]
        cls.user, cls.password = next(iter(cls.server.info["users"].items()))

    def inbox(self, wait):
        folder = pathlib.Path(self.server.info["mailboxes"]["bob@mail.test"]) / "new"
        end = time.monotonic() + wait
        while time.monotonic() < end and not (folder.is_dir() and any(folder.iterdir())):
            time.sleep(0.05)
        return [f.read_bytes() for f in folder.iterdir()] if folder.is_dir() else []

    def test_1_wrong_password(self):
        done = run(self.image, self.port, self.user, "wrong", "alice@mail.test", "bob@mail.test")
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("the server refused the credentials", done.stderr)

    def test_2_refused_recipient(self):
        done = run(self.image, self.port, self.user, self.password, "alice@mail.test", "refused@mail.test")
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("refused@mail.test: permanent", done.stderr)

    def test_3_bad_address(self):
        done = run(self.image, self.port, self.user, self.password, "alice@mail.test", "bob@mail.test>")
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("an address is not valid", done.stderr)
        self.assertEqual(self.inbox(0), [])

    def test_4_delivered(self):
        done = run(self.image, self.port, self.user, self.password, "alice@mail.test", "bob@mail.test", "Tank", "7")
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("bob@mail.test: delivered", done.stderr)
        mails = self.inbox(20)
        self.assertEqual(len(mails), 1)
        header = b"From: <alice@mail.test>\nTo: <bob@mail.test>\nSubject: Tank 7\n"
        start = mails[0].index(b"From: <alice")
        self.assertIn(b"ESMTPA", mails[0][:start])  # Postfix saw it authenticated
        # Postfix adds what a submitted mail lacks (Date, Message-ID) behind our header.
        self.assertTrue(mails[0][start:].startswith(header), mails[0])
        self.assertTrue(mails[0].endswith(b"\n\n" + BODY), mails[0])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
