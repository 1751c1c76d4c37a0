# SPDX-License-Identifier: Apache-2.0
"""RFC 6455 held against clients that break it, and against clients that use all of it.

Each attack runs beside a bystander in the same bucket, who must notice nothing.
"""

import json
import os
import struct

import pytest

from harness.raw_ws import BINARY, CLOSE, CONT, PING, PONG, TEXT, RawClient, close_payload, frame, handshake

PING_TEXT = b'{"type":"PING","data":{}}'
PONG_TEXT = b'{"type":"PONG","data":{}}'


@pytest.fixture
def bystander(cluster, room):
    """A client that must still be there, with nothing heard but the last push, when the test ends."""
    client = cluster.client(room)
    yield client
    cluster.push(room, "marker")
    assert client.push() == ["marker"]


PROTOCOL_ERRORS = {
    "unmasked": frame(TEXT, PING_TEXT, mask=False),
    "unmasked empty": frame(TEXT, b"", mask=False),
    "unmasked close": frame(CLOSE, close_payload(1000), mask=False),
    "rsv1": frame(TEXT, PING_TEXT, rsv=4),
    "rsv2": frame(TEXT, PING_TEXT, rsv=2),
    "rsv3": frame(TEXT, PING_TEXT, rsv=1),
    "rsv on a ping": frame(PING, b"x", rsv=4),
    "rsv on a continuation": frame(TEXT, b"{", fin=False) + frame(CONT, b"}", rsv=4),
    "opcode 3": frame(3, b"x"),
    "opcode 7": frame(7, b""),
    "opcode 11": frame(11, b""),
    "opcode 15": frame(15, b"x"),
    "fragmented ping": frame(PING, b"x", fin=False),
    "fragmented close": frame(CLOSE, close_payload(1000), fin=False),
    "ping of 126": frame(PING, b"x" * 126),
    "ping of 70000": frame(PING, b"x" * 70000),
    "pong of 126": frame(PONG, b"x" * 126),
    "close of 126": frame(CLOSE, close_payload(1000, b"x" * 124)),
    "continuation of nothing": frame(CONT, b"x"),
    "continuation of nothing, not last": frame(CONT, b"x", fin=False),
    "text within a message": frame(TEXT, b"{", fin=False) + frame(TEXT, b"}"),
    "binary within a message": frame(TEXT, b"{", fin=False) + frame(BINARY, b"}"),
    "continuation after the last": frame(TEXT, b"{", fin=False) + frame(CONT, b'"type":"X"}') + frame(CONT, b"x"),
    "16-bit length of 5": frame(TEXT, b"hello", length_form=16),
    "16-bit length of 125": frame(BINARY, b"x" * 125, length_form=16),
    "64-bit length of 5": frame(BINARY, b"hello", length_form=64),
    "64-bit length of 65535": frame(BINARY, b"x" * 65535, length_form=64),
    "64-bit length with the top bit": frame(BINARY, b"", length_form=64, length=1 << 63),
    "64-bit length of all ones": frame(TEXT, b"", length_form=64, length=(1 << 64) - 1),
    "close of one byte": frame(CLOSE, b"\x03"),
    "close 0": frame(CLOSE, close_payload(0)),
    "close 999": frame(CLOSE, close_payload(999)),
    "close 1004": frame(CLOSE, close_payload(1004)),
    "close 1005": frame(CLOSE, close_payload(1005)),
    "close 1006": frame(CLOSE, close_payload(1006)),
    "close 1015": frame(CLOSE, close_payload(1015)),
    "close 1016": frame(CLOSE, close_payload(1016)),
    "close 1100": frame(CLOSE, close_payload(1100)),
    "close 2000": frame(CLOSE, close_payload(2000)),
    "close 2999": frame(CLOSE, close_payload(2999)),
    "close 5000": frame(CLOSE, close_payload(5000)),
    "close 65535": frame(CLOSE, close_payload(65535)),
}


@pytest.mark.parametrize("name", PROTOCOL_ERRORS)
def test_protocol_errors_close_with_1002(cluster, bystander, name):
    raw = cluster.raw()
    raw.send_bytes(PROTOCOL_ERRORS[name])
    frames = raw.until_closed()
    assert frames and frames[-1].opcode == CLOSE, frames
    assert struct.unpack(">H", frames[-1].payload[:2])[0] == 1002, frames[-1]


@pytest.mark.parametrize("name", PROTOCOL_ERRORS)
def test_the_same_byte_by_byte(cluster, bystander, name):
    raw = cluster.raw()
    raw.send_bytes(PROTOCOL_ERRORS[name][:200], one_by_one=True)
    assert raw.close_code() == 1002


INVALID_UTF8 = {
    "lone continuation": [b"\x80"],
    "ff": [b"\xff"],
    "overlong": [b"\xc0\xaf"],
    "overlong of three": [b"\xe0\x80\xaf"],
    "surrogate": [b"\xed\xa0\x80"],
    "past U+10FFFF": [b"\xf4\x90\x80\x80"],
    "cut at the end": [b"ok \xe2\x82"],
    "cut at the end of the last fragment": [b"ok", b"\xe2\x82"],
    "broken over fragments": [b"\xe2\x82", b"\x41"],
    "broken over an empty fragment": [b"\xe2", b"", b"\x41"],
    "surrogate over fragments": [b"\xed", b"\xa0", b"\x80"],
}


def message(parts, opcode=TEXT):
    last = len(parts) - 1
    return [frame(CONT if i else opcode, part, fin=i == last) for i, part in enumerate(parts)]


@pytest.mark.parametrize("name", INVALID_UTF8)
def test_text_that_is_not_utf8_closes_with_1007(cluster, bystander, name):
    raw = cluster.raw()
    raw.send_bytes(b"".join(message(INVALID_UTF8[name])))
    assert raw.close_code() == 1007


def test_a_close_reason_that_is_not_utf8_closes_with_1007(cluster, bystander):
    raw = cluster.raw()
    raw.send(CLOSE, close_payload(1000, b"\xff"))
    assert raw.close_code() == 1007


def test_binary_need_not_be_utf8(cluster):
    raw = cluster.raw()
    raw.send_bytes(b"".join(message([b"\xff", b"\xc0"], BINARY)))
    assert raw.request("PING", {})["type"] == "ACK"


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999,
                                  4000, 4999])
def test_allowed_close_codes_are_answered(cluster, bystander, code):
    raw = cluster.raw()
    raw.send(CLOSE, close_payload(code, "gr\u00fc\u00dfe".encode()))
    assert raw.close_code() in (code, 1000)


def test_bytes_behind_a_close_frame_are_ignored(cluster, bystander):
    raw = cluster.raw()
    raw.send_bytes(frame(CLOSE, close_payload(1000)) + frame(TEXT, PING_TEXT) + b"\xff" * 100)
    frames = raw.until_closed()
    assert [each.opcode for each in frames] == [CLOSE]
    assert frames[0].payload[:2] == close_payload(1000)


# Too large

@pytest.mark.parametrize("data", [
    frame(TEXT, b" " * 4097),
    frame(BINARY, b" " * 4097),
    frame(TEXT, b"", length_form=16, length=65535),
    frame(TEXT, b"", length_form=64, length=1 << 40),
    frame(TEXT, b"", length_form=64, length=(1 << 63) - 1),
    frame(TEXT, b" " * 4000, fin=False) + frame(CONT, b" " * 97),
    b"".join([frame(TEXT, b"", fin=False)] + [frame(CONT, b" " * 64, fin=False) for _ in range(65)]),
], ids=["text", "binary", "promised 65535", "promised 1 TB", "promised all", "over two fragments", "over many"])
def test_messages_past_the_limit_close_with_1009(cluster, bystander, data):
    raw = cluster.raw()
    raw.send_bytes(data)
    assert raw.close_code() == 1009


def test_a_message_of_exactly_the_limit_is_read(cluster):
    raw = cluster.raw()
    text = b'{"type":"PING","data":{}}'
    raw.send(TEXT, text + b" " * (4096 - len(text)))
    assert raw.receive().payload == PONG_TEXT


def test_fragments_count_against_the_rate(cluster, bystander):
    raw = cluster.raw()
    raw.send(TEXT, b"", fin=False)
    raw.send_bytes(frame(CONT, b"", fin=False) * 2500)
    assert raw.close_code() == 4100


def test_a_message_has_at_most_1024_fragments(make_cluster):
    cluster = make_cluster(gateway={"clientMessagesPerSecond": 0})
    raw = cluster.raw()
    raw.send_bytes(frame(TEXT, b"", fin=False) + frame(CONT, b"", fin=False) * 1022 + frame(CONT, PING_TEXT))
    assert raw.receive().payload == PONG_TEXT
    raw.send_bytes(frame(TEXT, b"", fin=False) + frame(CONT, b"", fin=False) * 1024)
    assert raw.close_code() == 1009


def test_a_flood_behind_the_close_is_cut(make_cluster):
    """Whoever goes on sending after the close frame is not read for the whole time that a close may take."""
    cluster = make_cluster(gateway={"clientMessagesPerSecond": 10})
    raw = cluster.raw()
    raw.send(TEXT, b"", fin=False)
    with pytest.raises(OSError):
        for _ in range(4096):  # 240 MB
            raw.sock.sendall(frame(CONT, b"", fin=False) * 10000)
    assert cluster.gateway_metrics().get("fanfare_gateway_closes_total", code="4100") == 1


def test_messages_byte_by_byte(cluster):
    raw = cluster.raw()
    raw.send_bytes(frame(TEXT, PING_TEXT) + frame(PING, b"hello"), one_by_one=True)
    assert raw.receive().payload == PONG_TEXT
    got = raw.receive()
    assert (got.opcode, got.payload) == (PONG, b"hello")


def test_many_messages_in_one_write(cluster):
    raw = cluster.raw()
    raw.send_bytes(b"".join(frame(TEXT, '{"type":"PING","id":%d}' % n) for n in range(80)))
    assert [json.loads(raw.receive().payload)["id"] for _ in range(80)] == list(range(80))


@pytest.mark.parametrize("cuts", [[1], [10], [24], [1, 2, 3], [5, 5, 5], list(range(1, 25))])
def test_fragmented_messages_are_put_together(cluster, cuts):
    raw = cluster.raw()
    edges = [0, *cuts, len(PING_TEXT)]
    raw.send_bytes(b"".join(message([PING_TEXT[a:b] for a, b in zip(edges, edges[1:])])))
    assert raw.receive().payload == PONG_TEXT


def test_utf8_split_over_fragments_and_bytes_is_valid(cluster, room):
    raw = cluster.raw()
    text = '{"type":"JOIN","id":1,"data":{"room":"%s \u00e9\u4e2d\U0001f600"}}' % room
    raw.send_bytes(b"".join(message([bytes([byte]) for byte in text.encode()])), one_by_one=True)
    assert json.loads(raw.receive().payload) == {"type": "ACK", "id": 1}
    cluster.push(room + " \u00e9\u4e2d\U0001f600", 1)
    assert raw.items(1) == [1]


def test_control_frames_between_fragments(cluster):
    raw = cluster.raw()
    raw.send(TEXT, PING_TEXT[:7], fin=False)
    raw.send(PING, b"between")
    got = raw.receive()
    assert (got.opcode, got.payload) == (PONG, b"between")
    raw.send(PONG, b"unasked")
    raw.send(CONT, PING_TEXT[7:])
    assert raw.receive().payload == PONG_TEXT


@pytest.mark.parametrize("size", [0, 1, 125])
def test_ping_payload_is_echoed(cluster, size):
    raw = cluster.raw()
    payload = os.urandom(size)
    raw.send(PING, payload)
    got = raw.receive()
    assert (got.opcode, got.payload, got.fin) == (PONG, payload, True)


@pytest.mark.parametrize("size", [1, 124, 125, 126, 127, 300])
def test_all_forms_of_length_are_read(cluster, size):
    raw = cluster.raw()
    raw.send(BINARY, b"x" * size)
    assert raw.request("PING", {})["type"] == "ACK"


@pytest.mark.parametrize("size", [50, 90, 125, 126, 127, 65000])
def test_frames_to_clients_have_the_shortest_length(cluster, room, size):
    raw = cluster.raw()
    raw.join(room)
    cluster.push(room, "x" * size)
    got = raw.receive()
    assert (got.fin, got.opcode) == (True, TEXT)
    assert json.loads(got.payload)["data"]["items"] == ["x" * size]


def test_large_merged_frames_use_the_64_bit_length(cluster, room):
    raw = cluster.raw()
    raw.join(room)
    cluster.push(room, "a" * 40000, "b" * 40000)
    assert raw.items(2) == ["a" * 40000, "b" * 40000]


def test_a_message_in_the_same_packet_as_the_handshake_is_read(cluster):
    raw = RawClient(cluster.ws(), shake=False)
    raw.send_bytes(handshake() + frame(TEXT, PING_TEXT))
    assert raw.http_answer().status == 101
    assert raw.receive().payload == PONG_TEXT
    raw.close()


def test_pings_before_the_answer_count_too(cluster):
    raw = RawClient(cluster.ws(), shake=False)
    raw.send_bytes(handshake() + frame(PING, b"a") + frame(PING, b"b"), one_by_one=True)
    assert raw.http_answer().status == 101
    assert [raw.receive().payload, raw.receive().payload] == [b"a", b"b"]
    raw.close()
