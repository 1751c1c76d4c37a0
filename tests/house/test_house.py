# SPDX-License-Identifier: Apache-2.0
"""The walls of the house hold, and tests/house/check notices each kind of breach: planted in a copy of the
tree, compiled for real where the objects tell. FANFARE_BUILD says where the objects of the tree are."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("FANFARE_BUILD", "build")


class House:
    """A copy of the tree, and of its objects."""

    def __init__(self, root):
        self.root = root
        skip = shutil.ignore_patterns("build", ".git", "__pycache__", ".pytest_cache")
        shutil.copytree(ROOT, root, ignore=skip)
        shutil.copytree(BUILD / "obj", root / "build/obj", ignore=shutil.ignore_patterns("tests"))

    def append(self, file, text):
        path = self.root / file
        assert path.exists(), f"{file} is gone: take another for this test"
        path.write_text(path.read_text() + text)

    def write(self, file, text):
        path = self.root / file
        assert not path.exists()
        path.write_text("/* SPDX-License-Identifier: Apache-2.0 */\n" + text)

    def include(self, file, header):
        """`header` need not be of use there."""
        assert (self.root / header).exists(), f"{header} is gone: take another for this test"
        self.append(file, f'#include "{header}"\n')

    def compile(self, *files):
        objects = [f"build/obj/{file.removesuffix('.c')}.o" for file in files]
        for file in objects:
            (self.root / file).unlink(missing_ok=True)
        subprocess.run(["make", "--no-print-directory", "BUILD=build", "SAN=", *objects], cwd=self.root, check=True,
                       stdout=subprocess.PIPE)

    def breaches(self):
        """What the check says, an item a breach, and no more than it should."""
        command = [self.root / "tests/house/check", "--objects", self.root / "build/obj"]
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        assert (run.returncode, run.stdout != "") in ((0, False), (1, True)), run
        return run.stdout.replace("\n  ", " | ").splitlines()


@pytest.fixture
def house(tmp_path):
    return House(tmp_path / "house")


def only(breaches):
    assert len(breaches) == 1, breaches
    return breaches[0]


def test_the_tree_as_it_is_passes(house):
    assert house.breaches() == []


@pytest.mark.parametrize("file", ["gateway/admin_api.c", "gateway/admin_api.h", "shared/h2/h2_server.c"])
def test_a_private_header_of_another_folder(house, file):
    house.include(file, "shared/http/http_internal.h")
    text = only(house.breaches())
    assert text.startswith(f"{file}: includes shared/http/http_internal.h, which is private to its folder")
    assert "shared/http/README.md" in text


def test_a_header_is_private_once_its_page_does_not_name_it(house):
    page = house.root / "shared/redis/README.md"
    lines = page.read_text().splitlines(keepends=True)
    page.write_text("".join(line for line in lines if not line.startswith("- `redis_client.h`")))
    assert page.read_text() != "".join(lines)
    breaches = house.breaches()
    assert breaches and all("redis_client.h, which is private" in text for text in breaches), breaches


@pytest.mark.parametrize(("file", "header"), [
    ("shared/base/buf.c", "gateway/fanout/merger.h"),
    ("shared/base/buf.h", "shared/net/listener.h"),
    ("gateway/websocket/frame.c", "gateway/bucket/ticket.h"),
    ("gateway/fanout/merger.c", "logic/dispatch/dispatch.h"),
])
def test_an_include_upwards(house, file, header):
    house.include(file, header)
    assert only(house.breaches()) == f"{file}: includes {header}, which stands above it in tests/house/order"


def test_a_unit_test_in_the_wrong_folder(house):
    file = "tests/unit/shared/base/test_buf.c"
    house.include(file, "shared/http/http_internal.h")
    text = only(house.breaches())
    assert text.startswith(f"{file}: includes shared/http/http_internal.h, which is private")
    assert "tests/unit/shared/http" in text


def test_two_files_that_call_each_other(house):
    """http_conn.c calls http_reply.c already."""
    file = "shared/http/http_reply.c"
    house.append(file, "void planted(struct http_conn *conn);\n"
                       "void planted(struct http_conn *conn)\n{\n    http_conn_drop(conn);\n}\n")
    assert house.breaches() == []
    house.compile(file)
    text = only(house.breaches())
    assert text.startswith("files call each other in a circle:")
    assert f"{file} calls http_conn_drop of shared/http/http_conn.c" in text
    assert re.search(rf"shared/http/http_conn.c calls \w+ of {file}", text)


def test_a_circle_of_three_in_two_folders(house):
    files = ["shared/base/planted_0.c", "shared/base/planted_1.c", "shared/net/planted_2.c"]
    for number, file in enumerate(files):
        after = (number + 1) % 3
        house.write(file, f"void planted_{number}(int turns);\nvoid planted_{after}(int turns);\n\n"
                          f"void planted_{number}(int turns)\n{{\n    if (turns > 0)\n"
                          f"        planted_{after}(turns - 1);\n}}\n")
    house.compile(*files)
    text = only(house.breaches())
    for number, file in enumerate(files):
        after = (number + 1) % 3
        assert f"{file} calls planted_{after} of {files[after]}" in text


def test_who_is_called_back_through_a_pointer_makes_no_circle(house):
    house.write("shared/base/planted_low.c", "void planted_low(void (*tell)(void));\n\n"
                                             "void planted_low(void (*tell)(void))\n{\n    tell();\n}\n")
    house.write("shared/base/planted_high.c", "void planted_low(void (*tell)(void));\nvoid planted_high(void);\n\n"
                                              "void planted_high(void)\n{\n    planted_low(planted_high);\n}\n")
    house.compile("shared/base/planted_low.c", "shared/base/planted_high.c")
    assert house.breaches() == []


def test_a_file_that_was_not_compiled_is_not_passed_over(house):
    house.write("shared/base/planted.c", "extern int planted;\nint planted = 1;\n")
    text = only(house.breaches())
    assert text.startswith("shared/base/planted.c: no object file in ")


def test_a_folder_without_a_page(house):
    (house.root / "shared/h2/README.md").unlink()
    breaches = house.breaches()
    assert breaches[0].startswith("shared/h2/README.md: missing")
    assert all("which is private" in text for text in breaches[1:]), breaches


def test_a_door_that_does_not_exist(house):
    page = house.root / "shared/h2/README.md"
    page.write_text(page.read_text().replace("## Doors\n", "## Doors\n- `planted.h`: nothing.\n"))
    assert only(house.breaches()) == "shared/h2/README.md: names planted.h, which is not there"


def test_a_folder_that_has_no_place_in_the_order(house):
    (house.root / "shared/planted").mkdir()
    house.write("shared/planted/planted.h", "")
    assert only(house.breaches()) == "shared/planted/planted.h: its folder does not stand in tests/house/order"
