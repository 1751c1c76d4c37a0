# SPDX-License-Identifier: Apache-2.0
"""Items: strict at the door, byte for byte behind it."""

import re
import urllib.parse

import pytest

# What is not JSON: the text, and the first and last byte offset that may be blamed.
BAD = [
    ("", 0, 0),
    ("   ", 0, 3),
    ("[", 1, 1),
    ("[1", 2, 2),
    ("[1,", 2, 3),
    ("[1,]", 2, 3),
    ("[,1]", 1, 1),
    ("[1 2]", 3, 3),
    ("[1]]", 3, 3),
    ("[1] x", 4, 4),
    ("[01]", 1, 2),
    ("[-]", 1, 2),
    ("[+1]", 1, 1),
    ("[.5]", 1, 1),
    ("[1.]", 1, 3),
    ("[1e]", 1, 3),
    ("[0x10]", 1, 2),
    ("[NaN]", 1, 2),
    ("[Infinity]", 1, 1),
    ("[True]", 1, 1),
    ("[nul]", 1, 4),
    ("[truefalse]", 1, 5),
    ("['a']", 1, 1),
    ('["a]', 1, 4),
    ('["\\x"]', 2, 3),
    ('["\\u12"]', 2, 6),
    ('["\\u12G4"]', 2, 6),
    ('["a\nb"]', 3, 3),
    ('["a\tb"]', 3, 3),
    ('["a\x00b"]', 3, 3),
    ('[{"a"}]', 5, 5),
    ('[{"a":}]', 6, 6),
    ('[{"a":1,}]', 7, 8),
    ("[{a:1}]", 2, 2),
    ("[{1:1}]", 2, 2),
    ('[{"a" 1}]', 6, 6),
    ("[1] // note", 4, 4),
    ("[/* */1]", 1, 1),
    ("\ufeff[1]", 0, 0),
    ('["\\ud83d"]', 2, 2),
    ('["\\ude00"]', 2, 2),
    ('["ok","\\ud83d\\ud83d"]', 7, 7),
    ('["\\ud83d\\u0041"]', 2, 2),
    ('[{"\\ud83d":1}]', 3, 3),
    ('[{"a":[{"\\ude00":1}]}]', 9, 9),
]

# What is not UTF-8 inside a string: the bytes, and the offset of the first bad one behind `["`.
BAD_UTF8 = [
    (b"\x80", 0),
    (b"\xff", 0),
    (b"\xc0\xaf", 0),
    (b"\xc1\xbf", 0),
    (b"\xe0\x80\xaf", 0),
    (b"\xed\xa0\x80", 0),
    (b"\xf0\x80\x80\xaf", 0),
    (b"\xf4\x90\x80\x80", 0),
    (b"\xf5\x80\x80\x80", 0),
    (b"\xc3", 0),
    (b"\xe2\x82", 0),
    (b"\xf0\x9f\x98", 0),
    (b"ok\xc3\xa9\xfe", 4),
]

# What is JSON, however odd, and must arrive as it stands.
VERBATIM = [
    "9007199254740993",
    "-9223372036854775809",
    "18446744073709551616",
    "1e400",
    "-0",
    "0.10",
    "1E+2",
    "123456789012345678901234567890.123456789",
    '{"b":1,"a":2,"b":3}',
    '{"z": [1, 2,   3], "a" :\t{}}',
    '"\\u0041\\/\\ud83d\\ude00"',
    '{"\\uD83D\\uDE00":["\\udbff\\udfff"]}',
    '"\u00e9\u4e2d\U0001f600"',
    '"\\u0000"',
    '"\x7f"',
    '"\u2028\u2029"',
    '""',
    "[]",
    "{}",
    "[[[[[[[[[[]]]]]]]]]]",
    "null",
    "true",
    '{"":""}',
    '"</script>&amp;%41+"',
]


def blamed(answer):
    assert (answer.status, answer.error) == (400, "invalid_json"), answer
    found = re.search(r"at byte (\d+): \S", answer.message)
    assert found, f"no byte offset in {answer.message!r}"
    return int(found.group(1))


@pytest.fixture
def member(cluster, room):
    """A client whose only next item must be the marker: nothing of a refused push arrived, and it stayed."""
    client = cluster.client(room)
    yield client
    cluster.push(room, "marker")
    assert client.push() == ["marker"]


@pytest.mark.parametrize("text, first, last", BAD, ids=[repr(text)[:20] for text, _, _ in BAD])
def test_bad_json_is_refused_with_its_byte(cluster, room, member, text, first, last):
    items = text.encode()
    with cluster.caller() as caller:
        form = caller.form("/push/room", f"room={room}&items=".encode() + urllib.parse.quote(items).encode())
        assert first <= blamed(form) <= last, "counted in the decoded items field"
        before = b'{"room":"%s","items":' % room.encode()
        body = caller.post("/push/room", before + items + b"}")
        assert blamed(body) >= first + len(before), "counted in the JSON body"
        if last < len(items):
            assert blamed(body) <= last + len(before)


@pytest.mark.parametrize("bad, at", BAD_UTF8, ids=[bad.hex() for bad, _ in BAD_UTF8])
def test_bad_utf8_is_refused_with_its_byte(cluster, room, member, bad, at):
    with cluster.caller() as caller:
        raw = caller.form("/push/room", b"room=%s&items=[\"%s\"]" % (room.encode(), bad))
        assert at + 2 <= blamed(raw) <= at + 1 + len(bad)
        encoded = caller.form("/push/room", f"room={room}&items=%5B%22{urllib.parse.quote(bad)}%22%5D")
        assert blamed(encoded) == blamed(raw), "encoded or not, the offset is that of the decoded field"
        before = b'{"room":"%s","items":["' % room.encode()
        body = caller.post("/push/room", before + bad + b'"]}')
        assert blamed(body) == blamed(raw) - 2 + len(before)


def test_bad_utf8_outside_strings_is_refused(cluster, room, member):
    with cluster.caller() as caller:
        assert blamed(caller.form("/push/room", b"room=%s&items=[1\xff]" % room.encode())) == 2


def test_one_bad_item_refuses_the_whole_push(cluster, room, member):
    with cluster.caller() as caller:
        answer = caller.form("/push/room", f'room={room}&items=[{{"good":1}},{{"bad":01}},{{"good":2}}]')
        assert blamed(answer) in (19, 20)


@pytest.mark.parametrize("item", VERBATIM)
@pytest.mark.parametrize("by", ["form", "encoded form", "json"])
def test_items_arrive_byte_for_byte(cluster, room, item, by):
    client = cluster.client(room)
    with cluster.caller() as caller:
        if by == "form" and not set("&+%") & set(item):
            answer = caller.form("/push/room", f"room={room}&items=[{item}]".encode())
        elif by == "json":
            answer = caller.post("/push/room", ('{"items":[%s],"room":"%s"}' % (item, room)).encode())
        else:
            answer = caller.form("/push/room", {"room": room, "items": f"[{item}]"})
        assert answer.status == 200, answer
    assert client.receive() == '{"type":"PUSH","data":{"items":[%s]}}' % item


def test_space_around_items_is_not_part_of_them(cluster, room):
    client = cluster.client(room)
    with cluster.caller() as caller:
        assert caller.form("/push/room", f'room={room}&items= [ 1 ,\n{{"a" : 1}}\t, "x" ] ').status == 200
    assert client.receive() == '{"type":"PUSH","data":{"items":[1,{"a" : 1},"x"]}}'


def test_every_printable_character_survives_both_ways(cluster, room):
    client = cluster.client(room)
    text = "".join(chr(c) for c in range(32, 0x250) if chr(c) not in '"\\')
    cluster.push(room, text)
    with cluster.caller() as caller:
        caller.form("/push/room", {"room": room, "items": f'["{text}"]'})
    assert client.items(2) == [text, text]


def test_room_names_are_any_utf8(cluster):
    name = "r\u00e4ume & 100% / \u4e2d\u6587 \U0001f600 \"q\" \\"
    client = cluster.client(name)
    cluster.push(name, 1)
    assert client.push() == [1]
    with cluster.caller() as caller:
        assert caller.form("/push/room", {"room": name, "items": "[2]"}).status == 200
    assert client.push() == [2]


def test_escaped_and_plain_room_names_are_the_same(cluster, room):
    client = cluster.client(room + "\u00e9")
    with cluster.caller() as caller:
        assert caller.post("/push/room", '{"room":"%s\\u00e9","items":[1]}' % room).status == 200
    assert client.push() == [1]
