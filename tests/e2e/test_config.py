# SPDX-License-Identifier: Apache-2.0
"""Configuration: what is wrong is said with file, key, value and what is allowed. What is written wrong
exits with 2, what may pass with 1."""

import json
import socket

import pytest

from harness.cluster import GATEWAY, LOGIC, nested
from harness.daemon import Daemon, run

PROGRAMS = ["fanfare-gateway", "fanfare-logic"]


@pytest.fixture
def files(tmp_path, certs):
    """Writes a config for a program: the usual one with changes."""

    def write(program, raw=None, **changes):
        base = {**GATEWAY, **certs.gateway()} if program == "fanfare-gateway" else {**LOGIC, **certs.logic()}
        path = tmp_path / f"{program}.json"
        path.write_text(raw if raw is not None else json.dumps(nested({**base, **changes}), ensure_ascii=False))
        return path

    return write


def fault(done):
    assert done.returncode == 2, f"{done.returncode}: {done.stdout} {done.stderr}"
    return done.stderr


@pytest.mark.parametrize("program", PROGRAMS)
def test_check_passes_a_good_file_and_starts_nothing(files, program):
    done = run(program, "-config", files(program), "--check")
    assert done.returncode == 0, done.stderr
    assert "listening" not in done.stderr


@pytest.mark.parametrize("program, key, value, allowed", [
    ("fanfare-gateway", "wsPort", 70000, "0 to 65535"),
    ("fanfare-gateway", "wsPort", -1, "0 to 65535"),
    ("fanfare-gateway", "wsPort", "seven", "0 to 65535"),
    ("fanfare-gateway", "wsPort", 1.5, "0 to 65535"),
    ("fanfare-gateway", "wsPort", True, "0 to 65535"),
    ("fanfare-gateway", "maxMergerDelay", 99999999, "0 to 60000"),
    ("fanfare-gateway", "slowClientPolicy", "wait", "drop-oldest"),
    ("fanfare-gateway", "slowClientPolicy", 1, "drop-oldest"),
    ("fanfare-gateway", "mergeEdge", "", "trailing"),
    ("fanfare-gateway", "page.enabled", "perhaps", "true"),
    ("fanfare-gateway", "log.level", "loud", "info"),
    ("fanfare-logic", "servicePort", 65536, "0 to 65535"),
    ("fanfare-logic", "maxBodyBytes", 1, "1024 to 268435456"),
    ("fanfare-logic", "gatewayList", "x", ""),
    ("fanfare-logic", "gatewayList", [{"hostname": "x"}], "port"),
    ("fanfare-logic", "gatewayList", [{"hostname": "x", "port": 0}], "port"),
    ("fanfare-logic", "gatewayList", [{"hostname": "", "port": 1}], "hostname"),
    ("fanfare-logic", "cors.origins", 5, ""),
])
def test_a_bad_value_is_named_with_file_key_value_and_what_is_allowed(files, program, key, value, allowed):
    path = files(program, **{key: value})
    for args in (["--check"], []):
        said = fault(run(program, "-config", path, *args))
        assert said.startswith(f"{program}: ")
        assert str(path) in said and key in said and allowed in said, said
        if isinstance(value, (int, str)) and not isinstance(value, bool) and value != "":
            assert str(value) in said, said


@pytest.mark.parametrize("origin", ["a.example", "https://a.example/", "https://*", "https://a.example:0", "null"])
@pytest.mark.parametrize("program, key", [("fanfare-logic", "cors.origins"), ("fanfare-gateway", "ws.origins")])
def test_an_origin_of_odd_syntax_is_named(files, program, key, origin):
    said = fault(run(program, "-config", files(program, **{key: ["https://fine.example", origin]}), "--check"))
    assert f'{key}: "{origin}" is not allowed: ' in said and "https://*.example.org" in said, said


@pytest.mark.parametrize("name", ["_rpc.gateways", "_rpc._udp.gateways", "_rpc._tcp.", "_._tcp.x"])
def test_a_name_that_is_half_an_srv_name(files, name):
    path = files("fanfare-logic", gatewayList=None, discovery={"mode": "dns", "name": name})
    said = fault(run("fanfare-logic", "-config", path, "--check"))
    assert f'discovery.name: "{name}"' in said and "_service._tcp.name" in said, said


def test_a_star_is_no_origin_of_clients_and_a_subprotocol_is_a_token(files):
    said = fault(run("fanfare-gateway", "-config", files("fanfare-gateway", **{"ws.origins": ["*"]}), "--check"))
    assert 'ws.origins: "*" is not allowed: an empty list already lets every origin in' in said, said
    for name in ("a b", "a,b", "a/b", "\u00e4"):
        said = fault(run("fanfare-gateway", "-config", files("fanfare-gateway", **{"ws.subprotocols": ["ok", name]})))
        assert f'ws.subprotocols: "{name}" is not allowed: a name has letters, digits and' in said, said


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_unknown_key_is_named_with_its_nearest(files, program):
    said = fault(run(program, "-config", files(program, servicePrt=1)))
    assert "servicePrt" in said and "servicePort" in said


@pytest.mark.parametrize("program", PROGRAMS)
def test_comments_in_other_scripts_pass(files, program):
    path = files(program, **{"端口": "说明", "größe": 5})
    assert run(program, "-config", path, "--check").returncode == 0


@pytest.mark.parametrize("program", PROGRAMS)
def test_keys_match_without_regard_to_case(files, program):
    path = files(program, servicePort=None, SERVICEPORT=70000)
    assert "servicePort" in fault(run(program, "-config", path))


@pytest.mark.parametrize("raw", ["", "{", "[]", "{'a':1}", '{"servicePort":1,}', '{"servicePort":01}', "\xff", "null"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_file_that_is_no_json_object(files, program, raw):
    path = files(program, raw=raw)
    assert str(path) in fault(run(program, "-config", path))


@pytest.mark.parametrize("key", ["serverPem", "serverKey"])
def test_keys_that_cannot_be_read(files, key):
    said = fault(run("fanfare-gateway", "-config", files("fanfare-gateway", **{key: "/nowhere/x.pem"}), "--check"))
    assert key in said and "/nowhere/x.pem" in said


@pytest.mark.parametrize("key", ["serverPem", "serverKey"])
def test_the_gateway_needs_its_certificate(files, key):
    assert key in fault(run("fanfare-gateway", "-config", files("fanfare-gateway", **{key: None}), "--check"))


def test_a_key_that_belongs_to_another_certificate(files, certs):
    path = files("fanfare-gateway", serverKey=certs.path("logic.key"))
    assert "serverKey" in fault(run("fanfare-gateway", "-config", path))


def test_a_file_that_is_no_certificate(files, tmp_path):
    (tmp_path / "noise.pem").write_text("noise")
    for key in ("serverPem", "rpc.ca"):
        path = files("fanfare-gateway", **{key: str(tmp_path / "noise.pem")})
        said = fault(run("fanfare-gateway", "-config", path, "--check"))
        assert "noise.pem" in said


@pytest.mark.parametrize("program, one", [("fanfare-gateway", "ws.cert"), ("fanfare-gateway", "ws.key"),
                                          ("fanfare-logic", "rpc.cert"), ("fanfare-logic", "rpc.key"),
                                          ("fanfare-logic", "api.cert"), ("fanfare-logic", "api.key")])
def test_certificate_and_key_go_together(files, certs, program, one):
    both = tuple(f"{one.split('.')[0]}.{part}" for part in ("cert", "key"))
    name = "gateway.pem" if one.endswith("cert") else "gateway.key"
    changes = {key: None for key in both}
    changes[one] = certs.path(name)
    said = fault(run(program, "-config", files(program, **changes), "--check"))
    assert both[0] in said and both[1] in said


def passing_fault(done):
    """What may pass: systemd and the like try again."""
    assert done.returncode == 1, f"{done.returncode}: {done.stdout} {done.stderr}"
    return done.stderr


def run_and_check(program, path):
    """The fault of a start; --check says the same, and ends with 2 whatever it is."""
    said = passing_fault(run(program, "-config", path))
    assert fault(run(program, "-config", path, "--check")).endswith(said)
    return said


@pytest.mark.parametrize("program, port_key", [
    ("fanfare-gateway", "wsPort"),
    ("fanfare-gateway", "servicePort"),
    ("fanfare-gateway", "adminPort"),
    ("fanfare-logic", "servicePort"),
])
def test_a_port_that_is_taken(files, program, port_key):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = run_and_check(program, files(program, **{port_key: port}))
    assert f"{program}: {port_key}: cannot listen on 127.0.0.1:{port}: port taken; allowed: a free port" in said


BINDS = [
    ("fanfare-gateway", "wsBind"),
    ("fanfare-gateway", "serviceBind"),
    ("fanfare-gateway", "adminBind"),
    ("fanfare-logic", "serviceBind"),
]


@pytest.mark.parametrize("program, key", BINDS)
def test_an_address_that_is_not_ours_yet(files, program, key):
    said = run_and_check(program, files(program, **{key: "192.0.2.1"}))
    assert f"{program}: {key}: cannot listen on 192.0.2.1:0: not an address of this machine" in said


@pytest.mark.parametrize("program, key", BINDS)
def test_an_address_that_is_none(files, program, key):
    said = fault(run(program, "-config", files(program, **{key: "10.0.0.300"})))
    assert f"{program}: {key}: 10.0.0.300: not an address to listen on" in said


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_socket_file_in_a_folder_that_is_not_there_yet(files, tmp_path, program):
    said = passing_fault(run(program, "-config", files(program, serviceBind=f"unix:{tmp_path}/none/x.sock")))
    assert f"{program}: serviceBind: cannot listen on unix:{tmp_path}/none/x.sock: No such file" in said


@pytest.mark.parametrize("program, key", [("fanfare-gateway", "serverKey"), ("fanfare-logic", "rpc.key")])
def test_a_key_that_is_not_there_yet(files, tmp_path, program, key):
    said = run_and_check(program, files(program, **{key: str(tmp_path / "later.key")}))
    assert f"{program}: {key}: {tmp_path}/later.key cannot be read: No such file or directory" in said
    (tmp_path / "later.key").write_text("no key")
    assert "not usable as the private key" in fault(run(program, "-config", files(program, **{key: str(tmp_path / "later.key")})))


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_file_that_is_not_there_yet(tmp_path, program):
    later = tmp_path / "later.json"
    assert f"{program}: {later}: cannot be read: No such file" in passing_fault(run(program, "-config", later))
    assert f"{program}: {tmp_path}: cannot be read: Is a directory" in fault(run(program, "-config", tmp_path))


@pytest.mark.parametrize("program, other, whose", [
    ("fanfare-gateway", "fanfare-logic", "a logic's"),
    ("fanfare-logic", "fanfare-gateway", "a gateway's"),
])
def test_the_other_daemons_file(files, program, other, whose):
    said = fault(run(program, "-config", files(other, **({"gatewayList": []} if other == "fanfare-logic" else {}))))
    assert f"this looks like {whose} config: {other} has that option, {program} does not" in said


def printed(program, *args, env=None):
    done = run(program, *args, "--print-config", env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_flags_beat_environment_beats_file(files):
    path = files("fanfare-gateway", wsPort=1001, maxJoinRoom=11)
    env = {"FANFARE_WS_PORT": "1002"}
    assert printed("fanfare-gateway", "-config", path)["wsPort"] == 1001
    assert printed("fanfare-gateway", "-config", path, env=env)["wsPort"] == 1002
    for args in (["--ws-port", "1003"], ["--ws-port=1003"]):
        config = printed("fanfare-gateway", "-config", path, *args, env=env)
        assert (config["wsPort"], config["maxJoinRoom"]) == (1003, 11)


def test_nested_keys_in_file_environment_and_flags(files, certs):
    path = files("fanfare-logic", **{"log.level": "warn"})
    assert printed("fanfare-logic", "-config", path)["log"]["level"] == "warn"
    assert printed("fanfare-logic", "-config", path, env={"FANFARE_LOG_LEVEL": "error"})["log"]["level"] == "error"
    assert printed("fanfare-logic", "-config", path, "--log-level", "debug")["log"]["level"] == "debug"
    assert printed("fanfare-logic", "-config", path)["rpc"]["ca"] == certs.ca


def test_lists_in_environment_and_flags(files):
    path = files("fanfare-logic")
    want = [{"hostname": "a.example", "port": 1}, {"hostname": "::1", "port": 2}]
    assert printed("fanfare-logic", "-config", path, "--gateway-list", "a.example:1,[::1]:2")["gatewayList"] == want
    env = {"FANFARE_GATEWAY_LIST": "a.example:1,[::1]:2", "FANFARE_CORS_ORIGINS": "https://a.example,https://b.example"}
    config = printed("fanfare-logic", "-config", path, env=env)
    assert config["gatewayList"] == want
    assert config["cors"]["origins"] == ["https://a.example", "https://b.example"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_is_printed_loads_again(files, tmp_path, program):
    first = run(program, "-config", files(program), "--print-config").stdout
    again = tmp_path / "printed.json"
    again.write_text(first)
    assert run(program, "-config", again, "--print-config").stdout == first
    assert run(program, "-config", again, "--check").returncode == 0


def test_a_config_path_with_two_dashes_and_an_equals_sign(files):
    path = files("fanfare-logic", servicePort=1234)
    assert printed("fanfare-logic", "--config", path)["servicePort"] == 1234
    assert printed("fanfare-logic", f"--config={path}")["servicePort"] == 1234


@pytest.mark.parametrize("args, named", [
    (["--no-such-flag", "1"], "no-such-flag"),
    (["--service-port"], "service-port"),
    (["--service-port", "x"], "x"),
    (["--service-port", "70000"], "70000"),
    (["stray"], "stray"),
])
def test_bad_flags(files, args, named):
    assert named in fault(run("fanfare-logic", "-config", files("fanfare-logic"), *args))


@pytest.mark.parametrize("name, value", [("FANFARE_SERVICE_PROT", "1"), ("FANFARE_SERVICE_PORT", "x"),
                                         ("FANFARE_SERVICE_PORT", "")])
def test_bad_environment(files, name, value):
    assert name in fault(run("fanfare-logic", "-config", files("fanfare-logic"), "--check", env={name: value}))


@pytest.mark.parametrize("program", PROGRAMS)
def test_version_and_help(program):
    done = run(program, "--version")
    assert done.returncode == 0 and done.stdout.startswith(program) and "0." in done.stdout
    done = run(program, "--help")
    assert done.returncode == 0
    for flag in ("--config", "--check", "--print-config", "--service-port", "--drain-seconds"):
        assert flag in done.stdout, f"{flag} is not in --help"


@pytest.mark.parametrize("program", PROGRAMS)
def test_log_formats(files, tmp_path, program):
    daemon = Daemon(program, json.loads(files(program, **{"log.format": "json"}).read_text()), tmp_path, "json")
    daemon.port("rpc" if program == "fanfare-gateway" else "api")
    assert daemon.finish() == []
    for line in daemon.log().splitlines():
        event = json.loads(line)
        assert event["msg"] and event["level"] in ("debug", "info", "warn", "error")


def test_log_level_error_is_silent_about_the_rest(files):
    done = run("fanfare-gateway", "-config", files("fanfare-gateway", **{"log.level": "error"}), "--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_defaults_are_those_of_go_push_but_where_ours_are_better(tmp_path, certs):
    """Without a file: go-push's ports and limits, but for its names of certificates."""
    shown = ["--server-pem", certs.path("gateway.pem"), "--server-key", certs.path("gateway.key")]
    gateway = printed("fanfare-gateway", *shown)
    assert (gateway["wsPort"], gateway["servicePort"], gateway["adminPort"]) == (7777, 7788, 7789)
    assert (gateway["maxJoinRoom"], gateway["wsHeartbeatInterval"]) == (5, 60)
    assert (gateway["mergeEdge"], gateway["slowClientPolicy"]) == ("leading", "close"), "where ours is better"
    assert (gateway["maxMergerDelay"], gateway["maxMergerBatchSize"], gateway["maxMergerBatchBytes"]) == \
        (50, 1000, 65536), "a second message within a second does not wait for a second"
    logic = printed("fanfare-logic")
    assert (logic["servicePort"], logic["gatewayTimeout"], logic["gatewayMaxPendingCount"]) == (7799, 3000, 200000)
