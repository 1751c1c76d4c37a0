# SPDX-License-Identifier: Apache-2.0
"""Values that are wrong are refused before anything is installed, by a message that says where and why."""

import json
import subprocess
import sys

import pytest

from chart import CHART, Rendered, refused
from harness import daemon
from harness.build import BUILD, ROOT


def at(path, value):
    """{"gateway": {"replicas": value}} for "gateway.replicas"."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


WRONG = [
    ("gatway.replicas", 3, ["gatway"]),
    ("gateway.replica", 3, ["/gateway", "replica"]),
    ("gateway.replicas", "three", ["/gateway/replicas", "integer"]),
    ("gateway.replicas", 0, ["/gateway/replicas", "1"]),
    ("gateway.config.wsPrt", 1, ["/gateway/config", "wsPrt"]),
    ("gateway.config.wsPort", 1, ["/gateway/config", "wsPort"]),
    ("gateway.config.maxClients", 0, ["/gateway/config/maxClients", "1"]),
    ("gateway.config.maxClients", "100", ["/gateway/config/maxClients", "integer"]),
    ("gateway.config.slowClientPolicy", "drop", ["slowClientPolicy", "'close', 'drop-oldest', 'drop-newest'"]),
    ("gateway.config.log.level", "loud", ["/gateway/config/log/level", "debug"]),
    ("gateway.config.rpc.ca", "/x", ["/gateway/config"]),
    ("logic.config.redis.url", "redis://:secret@h", ["/logic/config/redis", "url"]),
    ("logic.config.cors.origins", "*", ["/logic/config/cors/origins", "array"]),
    ("logic.config.gatewayList", [{"hostname": "a"}], ["gatewayList/0", "port"]),
    ("gateway.secretEnv.REDIS_URL", {"secretName": "a", "key": "b"}, ["/gateway/secretEnv", "REDIS_URL"]),
    ("gateway.secretEnv.FANFARE_REDIS_URL", "redis://h", ["FANFARE_REDIS_URL", "object"]),
    ("gateway.resources.limit", {}, ["/gateway/resources", "limit"]),
    ("gateway.resources.limits.memory", "2 GB", ["/gateway/resources/limits/memory"]),
    ("gateway.service.type", "Loadbalancer", ["/gateway/service/type", "LoadBalancer"]),
    ("gateway.service.loadBalancerClass", "a/b", ["gateway.service.loadBalancerClass", "type is ClusterIP", "LoadBalancer only"]),
    ("logic.service.loadBalancerSourceRanges", ["10.0.0.0/8"], ["logic.service.loadBalancerSourceRanges", "LoadBalancer only"]),
    ("gateway.service.loadBalancerSourceRanges", ["all"], ["loadBalancerSourceRanges/0"]),
    ("gateway.service.allocateLoadBalancerNodePorts", False, ["allocateLoadBalancerNodePorts", "LoadBalancer only"]),
    ("gateway.service.nodePort", 30000, ["gateway.service.nodePort", "NodePort or LoadBalancer"]),
    ("logic.service.externalTrafficPolicy", "Local", ["logic.service.externalTrafficPolicy", "NodePort or LoadBalancer"]),
    ("gateway.service.externalTrafficPolicy", "local", ["externalTrafficPolicy", "Local"]),
    ("gateway.service.sessionAffinity", "Cookie", ["sessionAffinity", "ClientIP"]),
    ("gateway.extraEnv", [{"value": "x"}], ["/gateway/extraEnv/0", "name"]),
    ("gateway.extraEnv", {"A": "b"}, ["/gateway/extraEnv", "array"]),
    ("logic.extraContainers", [{"name": "a"}], ["/logic/extraContainers/0", "image"]),
    ("gateway.extraVolumeMounts", [{"name": "a", "mountPath": "b"}], ["/gateway/extraVolumeMounts/0/mountPath"]),
    ("networkPolicy.dnsPorts", [], ["/networkPolicy/dnsPorts"]),
    ("networkPolicy.dnsPorts", ["dns"], ["/networkPolicy/dnsPorts/0", "integer"]),
    ("networkPolicy.extraEgress", [{"from": []}], ["extraEgress/0", "from"]),
    ("gateway.config.maxClients", 300000, ["gateway.config.maxClients is 300000", "need 2472Mi", "8 KiB", "is 2Gi", "allow 245760 clients"]),
    ("gateway.resources.limits.memory", "512Mi", ["gateway.config.maxClients is 60000", "need 597Mi", "is 512Mi", "allow 49152"]),
    ("gateway.resources.limits.memory", "100M", ["is 100M", "allow 0 clients"]),
    ("gateway.config.maxItemBytes", 1024, ["logic.config.maxItemBytes is 65536", "gateway.config.maxItemBytes is 1024", "to 65536"]),
    ("logic.config.maxItemBytes", 65537, ["logic.config.maxItemBytes is 65537", "gateway.config.maxItemBytes is 65536"]),
    ("logic.config.maxJsonDepth", 65, ["logic.config.maxJsonDepth is 65", "gateway.config.maxJsonDepth is 64"]),
    ("gateway.config.maxRoomNameBytes", 127, ["logic.config.maxRoomNameBytes is 128", "gateway.config.maxRoomNameBytes is 127"]),
    ("logic.config.maxBodyBytes", 8388609, ["logic.config.maxBodyBytes is 8388609", "gateway.config.maxRpcBytes is 8388608"]),
    ("gateway.config.auth.modus", "verify", ["/gateway/config/auth", "modus"]),
    ("gateway.config.auth.mode", "on", ["/gateway/config/auth/mode", "'none', 'verify'"]),
    ("gateway.config.auth.issuers", [{"aud": ["a"]}], ["/gateway/config/auth/issuers/0", "iss"]),
    ("gateway.config.auth.issuers", [{"iss": "a", "secret": "b"}], ["/gateway/config/auth/issuers/0", "secret"]),
    ("gateway.config.auth.issuers", {"iss": "a"}, ["/gateway/config/auth/issuers", "array"]),
    ("gateway.config.auth.issuers", [{"iss": "a", "aud": "b"}], ["/gateway/config/auth/issuers/0/aud", "array"]),
    ("gateway.config.auth.mode", "verify", ["gateway.config.auth.mode is verify", "auth.issuers, .header or .hook.url"]),
    ("gateway.config.auth.issuers", [{"iss": "https://a"}], ["auth.issuers[0] (https://a)", "exactly one of jwks"]),
    ("gateway.config.auth.issuers", [{"iss": "a", "jwks": "/a", "secretFile": "/b"}], ["auth.issuers[0] (a)", "exactly one of"]),
    ("gateway.config.auth.issuers", [{"iss": "a", "jwks": "/etc/fanfare/auth/keys.json"}],
     ["auth.issuers[0].jwks is /etc/fanfare/auth/keys.json", "with the key keys.json in gateway.authSecret"]),
    ("gateway.config.auth.hook.tokenFile", "/etc/fanfare/auth/t", ["auth.hook.tokenFile is /etc/fanfare/auth/t", "gateway.authSecret"]),
    ("gateway.config.auth.issuers", [{"iss": "a", "jwksUrl": "https://a/j"}], ["issuers[0].jwksUrl is https://a/j", "networkPolicy.authEgress"]),
    ("gateway.config.auth.hook.url", "https://h/c", ["gateway.config.auth.hook.url is https://h/c", "networkPolicy.authEgress"]),
    ("gateway.config.auth.header", "X-User", ["gateway.config.auth.header is set", "trustedProxies is empty"]),
    ("gateway.config.proxyProtocol", True, ["gateway.config.proxyProtocol is set", "trustedProxies is empty"]),
    ("gateway.config.auth.cookie", "push", ["gateway.config.auth.cookie is set", "gateway.config.ws.origins"]),
    ("gateway.config", {"auth": {"cookie": "push"}, "ws": {"origins": ["*"]}}, ["auth.cookie is set", "(without *)"]),
    ("gateway.config", {"auth": {"header": "X-User"}, "trustedProxies": ["10.0.0.1"]}, ["auth.header is set", "ws.origins"]),
    ("gateway.config.auth.hook.headers", ["Authorization", "COOKIE"], ["auth.hook.headers is set", "ws.origins"]),
    ("logic.apiTlsSecret", "No", ["/logic/apiTlsSecret"]),
    ("logic.apiTlsCa", "a/b", ["/logic/apiTlsCa"]),
    ("logic.config.api.cert", "/x", ["/logic/config"]),
    ("networkPolicy.authEgress", [{"from": []}], ["authEgress/0", "from"]),
    ("gateway.topologySpread.zone", "yes", ["topologySpread/zone", "ScheduleAnyway"]),
    ("gateway.autoscaling.scaleDown.stabilizationSeconds", 7200, ["stabilizationSeconds", "3,600"]),
    ("logic.autoscaling.cpuPercent", 0, ["/logic/autoscaling/cpuPercent"]),
    ("tls.source", "cert-manager", ["/tls/source", "certManager"]),
    ("tls.source", "existing", ["tls.existing.gatewaySecret", "tls.crt"]),
    ("discovery.mode", "static", ["/discovery/mode", "dns"]),
    ("discovery.mode", "redis", ["redis.enabled"]),
    ("redis.enabled", "yes", ["/redis/enabled", "boolean"]),
    ("networkPolicy.callersFrom", [{"podselector": {}}], ["callersFrom/0", "podselector"]),
    ("networkPolicy.metricsFrom", [{}], ["metricsFrom/0"]),
    ("seccompProfile.type", "Unconfined", ["/seccompProfile/type", "RuntimeDefault"]),
    ("seccompProfile.type", "Localhost", ["seccompProfile.localhostProfile"]),
    ("monitoring.prometheusRules.enabled", True, ["/monitoring", "prometheusRules"]),
    ("monitoring.dashboard.enabled", "yes", ["/monitoring/dashboard/enabled", "boolean"]),
    ("image.digest", "1234", ["/image/digest", "sha256"]),
    ("ingress.host", "https://example.com", ["/ingress/host"]),
    ("gatewayApi.enabled", True, ["gatewayApi.parentRefs"]),
    ("fullnameOverride", "a" * 41, ["/fullnameOverride", "40"]),
    ("gateway.terminationGracePeriodSeconds", 35, ["gateway.terminationGracePeriodSeconds is 35", "above", "(35)"]),
    ("gateway.drainSeconds", 60, ["gateway.terminationGracePeriodSeconds is 60", "(65)"]),
    ("logic.preStopSeconds", 20, ["logic.terminationGracePeriodSeconds is 30", "(30)"]),
    ("logic.autoscaling.minReplicas", 7, ["logic.autoscaling.minReplicas (7) is above maxReplicas (6)"]),
]


@pytest.mark.parametrize("path, value, words", WRONG, ids=[f"{path}={json.dumps(value)[:30]}" for path, value, _ in WRONG])
def test_a_wrong_value_is_refused(path, value, words):
    message = refused(at(path, value))
    assert all(word in message for word in words), message


LIMITS = {"maxItemBytes": "maxItemBytes", "maxJsonDepth": "maxJsonDepth", "maxRoomNameBytes": "maxRoomNameBytes",
          "maxBodyBytes": "maxRpcBytes"}


@pytest.mark.parametrize("ours, theirs", LIMITS.items())
def test_logic_may_allow_as_much_as_the_gateways_and_no_more(ours, theirs):
    """Held against the daemons' own defaults where the values say nothing."""
    default = {each: json.loads(daemon.run(f"fanfare-{each}", "--print-config").stdout) for each in ("gateway", "logic")}
    most, least = default["gateway"][theirs], default["logic"][ours]
    assert Rendered(at(f"logic.config.{ours}", most)).config("logic")[ours] == most
    assert f"logic.config.{ours} is {most + 1}" in refused(at(f"logic.config.{ours}", most + 1))
    assert Rendered(at(f"gateway.config.{theirs}", least)).config("gateway")[theirs] == least
    assert f"gateway.config.{theirs} is {least - 1}" in refused(at(f"gateway.config.{theirs}", least - 1))
    both = {"gateway": {"config": {theirs: most + 1}}, "logic": {"config": {ours: most + 1}}}
    assert Rendered(both).config("logic")[ours] == most + 1


@pytest.mark.parametrize("limit, clients", [
    ("2Gi", 245760), ("2G", 227712), ("1.5Gi", 180224), ("2097152Ki", 245760), (2147483648, 245760), ("0.01Ti", 1325696),
])
def test_clients_that_fit_the_memory_pass(limit, clients):
    values = {"gateway": {"config": {"maxClients": clients}, "resources": {"limits": {"memory": limit}}}}
    assert Rendered(values).config("gateway")["maxClients"] == clients
    values["gateway"]["config"]["maxClients"] = clients + 129
    assert f"allow {clients} clients" in refused(values)


def test_clients_over_tls_need_more():
    values = {"gateway": {"tlsSecret": "wss", "config": {"maxClients": 81920}}}
    assert Rendered(values).config("gateway")["maxClients"] == 81920
    values["gateway"]["config"]["maxClients"] = 82000
    assert "24 KiB each with tlsSecret" in refused(values) and "allow 81920 clients" in refused(values)
    values["gateway"]["resources"] = {"limits": {"memory": None}}
    assert Rendered(values).config("gateway")["maxClients"] == 82000, "no limit, nothing to hold it against"


def test_the_schema_is_up_to_date():
    done = subprocess.run([ROOT / "deploy" / "helm" / "make-schema", "--check", BUILD], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def undecided(schema, path=""):
    """Objects in the schema that let unknown keys pass, but for maps and what is Kubernetes' own."""
    found = []
    for key, each in schema.get("properties", {}).items():
        here = f"{path}/{key}"
        if each.get("type") == "object" and "properties" in each and each.get("additionalProperties") is not False:
            found.append(here)
        found += undecided(each, here)
    return found


def test_the_schema_takes_nothing_unknown():
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert schema["additionalProperties"] is False
    assert undecided(schema) == []
    assert [fault for part in schema["$defs"].values() for fault in undecided(part)] == []


@pytest.mark.parametrize("component", ["gateway", "logic"])
def test_every_default_of_the_daemon_is_a_value(component):
    """What --print-config shows, less what the chart sets, is taken by the schema and comes out the same."""
    shown = json.loads(daemon.run(f"fanfare-{component}", "--print-config").stdout)
    schema = json.loads((CHART / "values.schema.json").read_text())["$defs"][f"{component}Config"]
    config = known_part(shown, schema)
    assert len(config) > 15
    rendered = Rendered({component: {"config": config}}).config(component)
    assert known_part(rendered, schema) == config


def known_part(config, schema):
    """Of `config` what the schema knows."""
    return {
        key: known_part(value, schema["properties"][key]) if isinstance(value, dict) else value
        for key, value in config.items() if key in schema["properties"]
    }
