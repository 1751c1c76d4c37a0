# SPDX-License-Identifier: Apache-2.0
"""The log held against its own rules: every line one event, in logfmt or JSON, nothing beside it."""

import json
import re

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
LEVELS = ("debug", "info", "warn", "error")
BARE = r'[^\x00-\x20"=\\\x7f]+'
QUOTED = r'"(?:[^"\\\x00-\x1f\x7f]|\\["\\]|\\u[0-9a-f]{4})*"'
PAIR = re.compile(rf"([A-Za-z][A-Za-z0-9_]*)=({QUOTED}|{BARE})(?: |$)")


def parse_logfmt(line):
    """The fields of one line in their order; ValueError when it is none."""
    fields, at = {}, 0
    while at < len(line):
        pair = PAIR.match(line, at)
        if not pair or pair[1] in fields:
            raise ValueError(f"not logfmt at byte {at}")
        fields[pair[1]] = json.loads(pair[2]) if pair[2].startswith('"') else pair[2]
        at = pair.end()
    if line.endswith(" "):
        raise ValueError("a space at the end")
    return fields


def parse_json(line):
    fields = json.loads(line)
    if not isinstance(fields, dict) or not all(isinstance(each, (str, int)) for each in fields.values()):
        raise ValueError("not a flat object")
    return fields


def read_events(daemon, style="logfmt"):
    """Every line that the daemon wrote, as a dict; an AssertionError names the one that is no event."""
    text = daemon.log()
    assert text == "" or text.endswith("\n"), "the last line is cut"
    events = []
    for line in text.splitlines():
        try:
            event = parse_json(line) if style == "json" else parse_logfmt(line)
        except ValueError as fault:
            raise AssertionError(f"{daemon.name}: {fault}: {line!r}") from None
        assert list(event)[:3] == ["ts", "level", "msg"], f"{daemon.name}: {line!r}"
        assert TIME.fullmatch(event["ts"]) and event["level"] in LEVELS and event["msg"], f"{daemon.name}: {line!r}"
        events.append(event)
    return events
