# SPDX-License-Identifier: Apache-2.0
"""deploy/compose.yaml: its parts fit each other and the daemons; its configurations make a cluster that works."""

import json
import re
import subprocess

import pytest
import yaml

from harness import daemon
from harness.build import ROOT
from harness.http import Caller
from harness.redis_server import RedisServer
from harness.waiting import wait_until

DEPLOY = ROOT / "deploy"
GATEWAYS, LOGICS = ("gateway-1", "gateway-2", "gateway-3"), ("logic-1", "logic-2")


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def services(compose):
    return compose["services"]


def test_the_parts(services):
    assert set(services) == {*GATEWAYS, *LOGICS, "redis", "certs", "prometheus", "grafana"}
    for name, service in services.items():
        assert re.search(r":[v\d][\w.-]+$", service["image"]), f"{name}: {service['image']} is not pinned"
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
    published = [port.split(":")[1] for service in services.values() for port in service.get("ports", [])]
    assert len(published) == len(set(published))


def test_what_is_mounted_and_used_is_there(compose, services):
    for service in services.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in compose["volumes"]
        assert set(service.get("networks", [])) <= set(compose["networks"])
        if "build" in service:
            file = (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).resolve()
            assert re.search(rf"^FROM \w+ AS {service['build']['target']}$", file.read_text(), re.M)
    assert {name for name in services if "ports" not in services[name]} == {"certs", "redis"}


@pytest.mark.parametrize("tls", [False, True])
def test_the_health_check_knows_a_logic_that_speaks_https(tls, certs, tmp_path):
    program = tmp_path / "fanfare-health"
    source = DEPLOY / "image" / "fanfare-health.c"
    subprocess.run(["gcc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-o", program, source], check=True)
    api = {"cert": certs.path("gateway.pem"), "key": certs.path("gateway.key")} if tls else {}
    logic = daemon.Daemon("fanfare-logic", {"servicePort": 0, "gatewayList": [], "api": api, "drainSeconds": 1}, tmp_path)
    port = str(logic.port("api"))
    assert subprocess.run([program, port]).returncode == 0
    assert logic.finish() == []
    assert subprocess.run([program, port], capture_output=True).returncode == 1


def test_the_daemons_are_confined(services):
    for name in (*GATEWAYS, *LOGICS):
        service = services[name]
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        drain = json.loads(daemon.run(service["command"][0], "--print-config").stdout)["drainSeconds"]
        assert int(service["stop_grace_period"].rstrip("s")) > drain
        assert service["hostname"] == name


def test_ports_of_the_daemons(services):
    gateway = json.loads(daemon.run("fanfare-gateway", "--print-config").stdout)
    logic = json.loads(daemon.run("fanfare-logic", "--print-config").stdout)
    for name in GATEWAYS:
        assert services[name]["healthcheck"]["test"][-1] == str(gateway["adminPort"])
        assert services[name]["ports"][0].endswith(f":{gateway['wsPort']}")
    for name in LOGICS:
        assert services[name]["healthcheck"]["test"][-1] == str(logic["servicePort"])
        assert services[name]["ports"][0].endswith(f":{logic['servicePort']}")
    scraped = yaml.safe_load((DEPLOY / "compose" / "prometheus.yml").read_text())["scrape_configs"]
    targets = [target for job in scraped for each in job["static_configs"] for target in each["targets"]]
    assert targets == [f"{name}:{gateway['adminPort']}" for name in GATEWAYS] + [f"{name}:{logic['servicePort']}" for name in LOGICS]


def test_the_dashboard_and_the_alerts_are_loaded(services):
    """Those of deploy/monitoring, which tests/e2e/test_monitoring.py tests."""
    def mounted(name, path):
        (source,) = [each.split(":")[0] for each in services[name]["volumes"] if each.split(":")[1] == path]
        return (DEPLOY / source).resolve()

    provider = yaml.safe_load((DEPLOY / "compose/grafana/provisioning/dashboards/fanfare.yaml").read_text())["providers"][0]
    dashboard = mounted("grafana", provider["options"]["path"]) / "fanfare-dashboard.json"
    assert dashboard == (DEPLOY / "monitoring" / "fanfare-dashboard.json").resolve() and dashboard.is_file()
    (rules,) = yaml.safe_load((DEPLOY / "compose" / "prometheus.yml").read_text())["rule_files"]
    assert mounted("prometheus", f"/etc/prometheus/{rules}") == (DEPLOY / "monitoring" / "fanfare-alerts.yaml").resolve()
    kinds = [each["type"] for each in json.loads(dashboard.read_text())["templating"]["list"]]
    assert "datasource" in kinds


def config(name, certs, redis, **ports):
    text = (DEPLOY / "compose" / f"{name}.json").read_text()
    assert "/certs/" in text and "redis://redis:6379/0" in text
    text = text.replace("/certs/", f"{certs.directory}/").replace("redis://redis:6379/0", redis.url())
    return {**json.loads(text), "drainSeconds": 1, **ports}


def test_its_configurations_make_a_cluster(services, certs, tmp_path):
    """Three gateways and two logics find each other in Redis; certificates as the service certs makes them."""
    assert services["certs"]["command"] == [json.loads((DEPLOY / "compose" / "logic.json").read_text())["rpc"]["serverName"]]
    subprocess.run([DEPLOY / "make-certs", certs.directory, *services["certs"]["command"]], check=True, capture_output=True)
    redis = RedisServer(tmp_path, "redis")
    started = []
    try:
        for name in GATEWAYS:
            settings = config("gateway", certs, redis, wsPort=0, servicePort=0, adminPort=0, serviceBind="127.0.0.1")
            started.append(daemon.Daemon("fanfare-gateway", settings, tmp_path, name))
        for name in LOGICS:
            started.append(daemon.Daemon("fanfare-logic", config("logic", certs, redis, servicePort=0), tmp_path, name))
        for logic in started[len(GATEWAYS):]:
            with Caller("127.0.0.1", logic.port("api")) as caller:
                wait_until(lambda: states(caller) == ["up"] * len(GATEWAYS), 20, "every link to be up")
                answer = caller.post("/push/room", {"room": "r", "items": [1], "wait": True})
                assert answer.json["gateways"]["acked"] == len(GATEWAYS)
    finally:
        faults = [fault for each in reversed(started) for fault in each.finish()]
        redis.finish()
    assert faults == []


def states(caller):
    return [each["state"] for each in caller.get("/gateways").json["gateways"]]
