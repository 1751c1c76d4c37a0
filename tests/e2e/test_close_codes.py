# SPDX-License-Identifier: Apache-2.0
"""The table of close codes in docs/protocol.md says what shared/contract/close_codes.h says."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
ADVICE = {
    "ANY": ("as it likes",),
    "TOLD": ("come back after so many ms",),
    "NEVER": ("repair the client", "do not come back before it is repaired"),
    "BACK_OFF": ("back off",),
    "NOW": ("come back now",),
}


def rows_of_the_code():
    header = (ROOT / "shared/contract/close_codes.h").read_text()
    return re.findall(r"^    X\((\d+), (\w+), (\w+)\)", header, re.M)


def rows_of_the_document():
    section = (ROOT / "docs/protocol.md").read_text().split("### Close codes\n")[1].split("\n###")[0]
    return re.findall(r"^\| (\d+) \| (\w+) \|.*\| ([^|]+) \|$", section, re.M)


def test_the_document_has_the_rows_of_the_code():
    ours = rows_of_the_code()
    assert len(ours) > 10
    assert [row[:2] for row in ours] == [row[:2] for row in rows_of_the_document()]


def test_the_document_advises_what_the_code_advises():
    for (code, _, advice), (_, _, text) in zip(rows_of_the_code(), rows_of_the_document()):
        assert text.startswith(ADVICE[advice]), code
