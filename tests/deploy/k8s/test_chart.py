# SPDX-License-Identifier: Apache-2.0
"""What the chart renders to: valid, safe, and in accord with the daemons."""

import base64
import json
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

from cases import CASES
from chart import (
    CHART, KUBE_VERSIONS, NAMESPACE, OTHERS, Rendered, container_ports, helm, selects, validate, validate_others,
)
from fake_cluster import FakeCluster
from harness import daemon
from harness.build import BUILD, ROOT

DAEMONS = ("gateway", "logic")


@pytest.fixture(scope="module")
def default():
    return Rendered()


@pytest.fixture(scope="module", params=CASES)
def rendered(request):
    return Rendered(CASES[request.param])


@pytest.mark.parametrize("version", KUBE_VERSIONS)
def test_every_object_is_valid(rendered, version, tmp_path):
    own = [each for each in rendered.objects if each["kind"] not in OTHERS]
    done = validate(yaml.safe_dump_all(own), version, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.findall(r"passed for resource (\S+)", done.stdout + done.stderr)
    assert len(passed) == len(own) > 10
    assert all(each["metadata"]["namespace"] == NAMESPACE for each in rendered.objects)


def test_every_object_of_others_is_valid(rendered):
    others = rendered.of(*OTHERS)
    done = validate_others(others)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(others)


def test_the_validators_refuse_what_is_wrong(tmp_path):
    wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"prts": []}}
    assert validate(yaml.safe_dump(wrong), KUBE_VERSIONS[-1], tmp_path).returncode != 0
    wrong = {"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": "a"}, "spec": {"secret": "b"}}
    assert "unknown field" in validate_others([wrong]).stderr


def test_names_are_used_once(rendered):
    names = [(each["kind"], each["metadata"]["name"]) for each in rendered.objects]
    assert len(names) == len(set(names))
    assert all(len(name) <= 63 and name != "fanfare" for _, name in names)


def test_lint():
    done = helm("lint", "--strict", "--kube-version", f"{KUBE_VERSIONS[-1]}.0", CHART)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_chart_and_the_daemons_are_of_one_version():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert daemon.run("fanfare-gateway", "--version").stdout.split()[-1] == chart["appVersion"]


# Safety.


def test_pods_are_restricted(rendered):
    """What Pod Security's level `restricted` asks for, and a root file system that is read-only."""
    for labels, spec in rendered.pods():
        pod = spec["securityContext"]
        assert pod["runAsNonRoot"] is True and pod.get("runAsUser", 1) > 0  # none: the cluster gives one
        assert pod["seccompProfile"]["type"] in ("RuntimeDefault", "Localhost")
        assert spec["automountServiceAccountToken"] is False, labels
        assert spec["enableServiceLinks"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert {kind for volume in spec.get("volumes", []) for kind in volume if kind != "name"} <= {"configMap", "secret", "projected"}
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["requests"]["cpu"] and container["resources"]["limits"]["memory"]
            assert not any("hostPort" in port for port in container.get("ports", []))


def test_the_pods_user_is_the_images(default):
    containerfile = (ROOT / "deploy" / "Containerfile").read_text()
    (user, group), = re.findall(r"^USER (\d+):(\d+)$(?=[^$]*^EXPOSE)", containerfile, re.M)
    pod = default.pod("gateway")["spec"]["securityContext"]
    assert (int(user), int(group)) == (pod["runAsUser"], pod["runAsGroup"])


def test_no_fixed_user_where_the_cluster_gives_one():
    for labels, spec in Rendered(CASES["openshift"]).pods():
        assert not {"runAsUser", "runAsGroup", "fsGroup"} & set(spec["securityContext"]), labels


def test_security_can_be_overridden():
    values = {"podSecurityContext": {"runAsUser": 4711, "supplementalGroups": [5]}, "containerSecurityContext": {"readOnlyRootFilesystem": False}}
    for _, spec in Rendered(values).pods():
        assert spec["securityContext"]["runAsUser"] == 4711 and spec["securityContext"]["supplementalGroups"] == [5]
        assert spec["securityContext"]["runAsNonRoot"] is True
        context = spec["containers"][0]["securityContext"]
        assert context["readOnlyRootFilesystem"] is False and context["capabilities"] == {"drop": ["ALL"]}


def test_what_a_company_adds_stands_beside_the_daemon():
    rendered = Rendered(CASES["company"])
    for component in DAEMONS:
        spec = rendered.pod(component)["spec"]
        assert [each["name"] for each in spec["containers"]] == [component, "agent"]
        assert [each["name"] for each in spec["initContainers"]] == ["wait"]
        assert {"trust", "config", "tls"} <= {each["name"] for each in spec["volumes"]}
        assert {"name": "trust", "mountPath": "/etc/company", "readOnly": True} in spec["containers"][0]["volumeMounts"]
        assert rendered.env(component)["TZ"]["value"] == "UTC"


def test_services_have_the_fields_of_load_balancers(default):
    rendered = Rendered(CASES["balanced"])
    given = CASES["balanced"]["gateway"]["service"]
    gateway, logic = (rendered.get("Service", f"fanfare-{each}")["spec"] for each in DAEMONS)
    for field in set(given) - {"port", "annotations", "nodePort"}:
        assert gateway[field] == given[field], field
    assert gateway["ports"][0]["nodePort"] == 30777 and gateway["ports"][0]["port"] == 443
    assert rendered.get("Service", "fanfare-gateway")["metadata"]["annotations"] == given["annotations"]
    assert (logic["type"], logic["ports"][0]["nodePort"], logic["sessionAffinity"]) == ("NodePort", 30799, "ClientIP")
    for component in DAEMONS:
        assert default.get("Service", f"fanfare-{component}")["spec"].keys() == {"type", "selector", "ports"}


def test_name_servers_may_have_another_port(default):
    for rendered, ports in ((default, [53]), (Rendered(CASES["openshift"]), [53, 5353])):
        for component in DAEMONS:
            egress = policy(rendered, component)["egress"]
            (rule,) = [each for each in egress if {"port": 53, "protocol": "UDP"} in each["ports"]]
            assert rule["ports"] == [{"port": port, "protocol": each} for port in ports for each in ("UDP", "TCP")]
            assert ("to" in rule) == (ports != [53])
            assert any({"port": 8200} in each["ports"] for each in egress) == (ports != [53])


def schemes(rendered, component):
    container, *_ = rendered.pod(component)["spec"]["containers"]
    return {container[each]["httpGet"].get("scheme", "HTTP") for each in ("startupProbe", "livenessProbe", "readinessProbe")}


def test_https_for_the_api_is_one_value(default):
    """The daemon, its probes, its Service, its monitor and `helm test` change together; the gateways do not."""
    rendered = Rendered(CASES["https"])
    name = f"fanfare-logic.{NAMESPACE}.svc"
    assert (schemes(default, "logic"), schemes(rendered, "logic"), schemes(rendered, "gateway")) == ({"HTTP"}, {"HTTPS"}, {"HTTP"})
    assert rendered.config("logic")["api"].keys() == {"cert", "key", "tokensFile"} and "api" not in default.config("logic")
    mounts = {each["name"]: each["mountPath"] for each in rendered.pod("logic")["spec"]["containers"][0]["volumeMounts"]}
    volumes = {each["name"]: each for each in rendered.pod("logic")["spec"]["volumes"]}
    for key, file in (("cert", "tls.crt"), ("key", "tls.key")):
        assert rendered.config("logic")["api"][key] == f"{mounts['api-tls']}/{file}"
    assert volumes["api-tls"]["secret"] == {"secretName": "api-tls", "defaultMode": 0o440}
    for each, scheme in ((default, "http"), (rendered, "https")):
        assert each.get("Service", "fanfare-logic")["spec"]["ports"][0]["appProtocol"] == scheme
        (container,) = each.get("Pod", "fanfare-test-push")["spec"]["containers"]
        assert container["args"][2] == f"{scheme}://{name}:7799"
    endpoint = {each: rendered.get("ServiceMonitor", f"fanfare-{each}")["spec"]["endpoints"][0] for each in DAEMONS}
    assert endpoint["logic"]["scheme"] == "https"
    assert endpoint["logic"]["tlsConfig"] == {"serverName": name, "ca": {"secret": {"name": "api-tls", "key": "ca.crt"}}}
    assert not {"scheme", "tlsConfig"} & set(endpoint["gateway"])
    public = Rendered({**CASES["https"], "logic": {"apiTlsSecret": "api-tls", "apiTlsCa": ""}})
    assert public.get("ServiceMonitor", "fanfare-logic")["spec"]["endpoints"][0]["tlsConfig"] == {"serverName": name}
    pod = public.get("Pod", "fanfare-test-push")["spec"]
    assert "volumes" not in pod and "--ca" not in pod["containers"][0]["args"]


def test_helm_test_knows_the_ca():
    spec = Rendered(CASES["https"]).get("Pod", "fanfare-test-push")["spec"]
    (container,) = spec["containers"]
    file = container["args"][container["args"].index("--ca") + 1]
    (mount,) = [each for each in container["volumeMounts"] if each["name"] == "api-ca"]
    (volume,) = [each["secret"] for each in spec["volumes"] if each["name"] == "api-ca"]
    assert file == f"{mount['mountPath']}/{volume['items'][0]['path']}"
    assert volume["items"] == [{"key": "ca.crt", "path": "ca.crt"}] and volume["secretName"] == "api-tls", "never its key"


def test_helm_test_shows_a_token(default):
    for rendered, tokens in ((default, False), (Rendered(CASES["tokens"]), True)):
        spec = rendered.get("Pod", "fanfare-test-push")["spec"]
        (container,) = spec["containers"]
        assert ("--tokens" in container["args"]) == tokens
        if tokens:
            file = container["args"][container["args"].index("--tokens") + 1]
            assert file == rendered.config("logic")["api"]["tokensFile"]
            assert file.startswith(container["volumeMounts"][0]["mountPath"])
            assert spec["volumes"][0]["secret"]["secretName"] == "api-tokens"


def test_service_accounts_have_no_token(default):
    assert default.names("ServiceAccount") == {"fanfare-gateway", "fanfare-logic"}
    assert all(each["automountServiceAccountToken"] is False for each in default.of("ServiceAccount"))
    for component in DAEMONS:
        assert default.pod(component)["spec"]["serviceAccountName"] == f"fanfare-{component}"


def policy(rendered, component):
    return rendered.get("NetworkPolicy", f"fanfare-{component}")["spec"]


def peers(rules, port):
    return [peer for rule in rules if {"port": port} in rule["ports"] for peer in rule.get("from", rule.get("to", ["any"]))]


def reached(rendered, peer):
    return {labels["app.kubernetes.io/component"] for labels, _ in rendered.pods() if selects(peer["podSelector"], labels)}


@pytest.mark.parametrize("case", ["default", "redis"])
def test_network_policies(case):
    rendered = Rendered(CASES[case])
    for component in DAEMONS:
        assert reached(rendered, policy(rendered, component)) == {component}
        for rule in policy(rendered, component)["ingress"]:
            assert {port["port"] for port in rule["ports"]} <= set(container_ports(rendered.pod(component)["spec"]))
    gateway, logic = policy(rendered, "gateway"), policy(rendered, "logic")
    assert [reached(rendered, peer) for peer in peers(gateway["ingress"], "rpc")] == [{"logic"}]
    assert [peer.keys() for peer in peers(gateway["ingress"], "rpc")] == [{"podSelector"}]
    assert peers(gateway["ingress"], "ws") == ["any"]
    assert [reached(rendered, peer) for peer in peers(logic["egress"], 7788)] == [{"gateway"}]
    assert "any" not in peers(logic["ingress"], "api") + peers(gateway["ingress"], "admin")
    if case == "redis":
        redis = policy(rendered, "redis")
        assert set.union(*(reached(rendered, peer) for peer in peers(redis["ingress"], "redis"))) == set(DAEMONS)
        assert all([reached(rendered, peer) for peer in peers(each["egress"], 6379)] == [{"redis"}] for each in (gateway, logic))


def test_files_of_identity_are_mounted(default):
    """Each file that the config names is below what is mounted, for reading only and by the group only."""
    rendered = Rendered(CASES["identity"])
    spec = rendered.pod("gateway")["spec"]
    (mount,) = [each for each in spec["containers"][0]["volumeMounts"] if each["name"] == "auth"]
    (volume,) = [each["projected"] for each in spec["volumes"] if each["name"] == "auth"]
    assert mount == {"name": "auth", "mountPath": "/etc/fanfare/auth", "readOnly": True}
    assert volume == {"defaultMode": 0o440, "sources": [{"secret": {"name": "push-auth"}}, {"configMap": {"name": "push-keys"}}]}
    auth = rendered.config("gateway")["auth"]
    files = [value for each in [*auth["issuers"], auth["hook"]] for key, value in each.items() if key in ("secretFile", "jwks", "jwksCa", "ca", "tokenFile")]
    assert len(files) == 5 and all(file.startswith(mount["mountPath"] + "/") for file in files)
    assert not any("subPath" in each for each in spec["containers"][0]["volumeMounts"]), "would never change"
    only = Rendered({"gateway": {"authConfigMap": "push-keys"}}).pod("gateway")["spec"]["volumes"]
    assert [each["projected"]["sources"] for each in only if each["name"] == "auth"] == [[{"configMap": {"name": "push-keys"}}]]
    for other in (rendered.pod("logic"), default.pod("gateway")):
        assert "auth" not in {each["name"] for each in other["spec"]["volumes"]}


def test_gateways_reach_issuers_and_hook_when_they_are_told(default):
    rules = CASES["identity"]["networkPolicy"]["authEgress"]
    rendered = Rendered(CASES["identity"])
    assert [each for each in policy(rendered, "gateway")["egress"] if each in rules] == rules
    assert not any(each in rules for each in policy(rendered, "logic")["egress"])
    assert len(policy(default, "gateway")["egress"]) == 1, "name look-ups"
    anywhere = {"gateway": {"config": {"auth": {"hook": {"url": "https://h/c"}}}}, "networkPolicy": {"egress": False}}
    assert Rendered(anywhere).config("gateway")["auth"]["hook"]["url"] == "https://h/c"
    beside = {"gateway": {"config": {"auth": {"hook": {"url": "http://127.0.0.1:9000/c"}}}}}
    assert Rendered(beside).config("gateway")["auth"]["hook"]["url"].startswith("http://127"), "a sidecar needs no way out"


# In accord with the daemons.


def auth_files(directory, certs):
    """What a Secret and a ConfigMap mounted as /etc/fanfare/auth have."""
    directory.mkdir()
    key = directory / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    made = subprocess.run([BUILD / "fanfare", "token", "jwks", "--key-file", key], capture_output=True, text=True, check=True)
    (directory / "jwks.json").write_text(made.stdout)
    (directory / "secret").write_text("s" * 44 + "\n")
    (directory / "hook-token").write_text("a-token-of-sixteen\n")
    (directory / "ca.pem").write_bytes(pathlib.Path(certs.ca).read_bytes())
    return directory


def put_files(config, certs, tokens, auth="/nowhere"):
    """The config with files that exist here, for --check."""
    text = json.dumps(config).replace("/etc/fanfare/auth", str(auth))
    for mounted, file in (
        ("/etc/fanfare/tls/ca.crt", certs.ca),
        ("/etc/fanfare/tls/tls.crt", certs.path("SIDE.pem")), ("/etc/fanfare/tls/tls.key", certs.path("SIDE.key")),
        ("/etc/fanfare/api/tokens", str(tokens)),
        ("/etc/fanfare/api-tls/tls.crt", certs.path("gateway.pem")), ("/etc/fanfare/api-tls/tls.key", certs.path("gateway.key")),
        ("/etc/fanfare/ws-tls/tls.crt", certs.path("gateway.pem")), ("/etc/fanfare/ws-tls/tls.key", certs.path("gateway.key")),
    ):
        text = text.replace(mounted, file)
    return text


def literal_env(rendered, component):
    """The variables of the pod, with values such as they have there."""
    samples = {
        "FANFARE_REDIS_URL": "redis://:secret@redis:6379/0",
        "FANFARE_GATEWAY_ID": "fanfare-gateway-7d9-x2x",
        "FANFARE_ADVERTISE_HOST": "10.1.2.3",
        "FANFARE_REDIS_SENTINEL_PASSWORD": "secret",
        "TZ": "UTC",
    }
    return {name: samples[name] for name in rendered.env(component)}


@pytest.mark.parametrize("component", DAEMONS)
def test_the_daemon_takes_its_configuration(rendered, component, certs, tmp_path):
    """With --check: every key and value, and every variable's name, is the daemon's own."""
    container, *_ = rendered.pod(component)["spec"]["containers"]
    program = container["command"][0].removeprefix("/usr/local/bin/")
    assert program == f"fanfare-{component}"
    assert container["args"] == ["-config", f"/etc/fanfare/config/{component}.json"]
    path = tmp_path / "config.json"
    tokens = tmp_path / "tokens"
    tokens.write_text("a-token-of-sixteen\n")
    config = put_files(rendered.config(component), certs, tokens, auth_files(tmp_path / "auth", certs))
    path.write_text(config.replace("SIDE", component))
    done = daemon.run(program, "-config", path, "--check", env=literal_env(rendered, component))
    assert done.returncode == 0, done.stderr
    shown = json.loads(daemon.run(program, "-config", path, "--print-config").stdout)
    ports = {"gateway": ("wsPort", "servicePort", "adminPort"), "logic": ("servicePort",)}[component]
    assert sorted(shown[port] for port in ports) == sorted(container_ports({"containers": [container]}).values())
    spec = rendered.pod(component)["spec"]
    before = int(container["lifecycle"]["preStop"]["exec"]["command"][-1])
    assert spec["terminationGracePeriodSeconds"] > shown["drainSeconds"] + before


@pytest.mark.parametrize("component, port, case", [("gateway", "admin", "default"), ("logic", "api", "default"), ("logic", "api", "https")])
def test_probes_ask_what_the_daemon_answers(component, port, case, certs, tmp_path):
    default = Rendered(CASES[case])
    (tmp_path / "tokens").write_text("a-token-of-sixteen\n")
    config = json.loads(put_files(default.config(component), certs, tmp_path / "tokens").replace("SIDE", component))
    config.update(wsPort=0, servicePort=0, adminPort=0) if component == "gateway" else config.update(servicePort=0)
    config["drainSeconds"] = 1
    if component == "logic":
        config["discovery"] = {"mode": "dns", "name": "localhost", "port": 1}
    process = daemon.Daemon(f"fanfare-{component}", config, tmp_path)
    try:
        (container,) = default.pod(component)["spec"]["containers"]
        number = process.port({"admin": "admin", "api": "api"}[port])
        for probe, statuses in (("startupProbe", {200}), ("livenessProbe", {200}), ("readinessProbe", {200, 503})):
            get = container[probe]["httpGet"]
            assert get["port"] == port and container_ports({"containers": [container]})[port]
            url = f"{get.get('scheme', 'HTTP').lower()}://127.0.0.1:{number}{get['path']}"
            done = subprocess.run(["curl", "-sk",  # as kubelet, which verifies nothing
                                   "-o", "/dev/null", "-w", "%{http_code}", url], capture_output=True, text=True)
            assert int(done.stdout) in statuses
    finally:
        assert process.finish() == []


def test_services_point_to_pods(rendered):
    for service in rendered.of("Service"):
        matching = [spec for labels, spec in rendered.pods() if selects({"matchLabels": service["spec"]["selector"]}, labels)]
        assert len(matching) == 1, service["metadata"]["name"]
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= set(container_ports(matching[0]))


def test_selectors_do_not_change_with_the_version(default):
    for deployment in default.of("Deployment"):
        labels = deployment["spec"]["selector"]["matchLabels"]
        assert set(labels) == {f"app.kubernetes.io/{each}" for each in ("name", "instance", "component")}
        assert labels == deployment["spec"]["template"]["metadata"]["labels"]
        assert len(deployment["spec"]["template"]["metadata"]["annotations"]["checksum/config"]) == 64


def test_discovery_by_dns(default):
    config = default.config("logic")
    service = default.get("Service", "fanfare-gateway-rpc")["spec"]
    assert service["clusterIP"] == "None" and service["publishNotReadyAddresses"] is True
    assert {"name": "rpc", "port": config["discovery"]["port"], "targetPort": "rpc"} in service["ports"]
    assert config["discovery"]["name"] == f"fanfare-gateway-rpc.{NAMESPACE}.svc.cluster.local."
    assert "redis" not in config and "FANFARE_REDIS_URL" not in default.env("logic")


def test_redis_is_one_value():
    rendered = Rendered(CASES["redis"])
    assert rendered.config("logic")["discovery"] == {"mode": "redis", "refreshSeconds": 5}
    assert rendered.config("logic")["bus"] == {"mode": "mirror", "channel": "fanfare:bus"}
    assert rendered.config("gateway")["bus"] == {"listen": True, "channel": "fanfare:bus"}
    secret = rendered.get("Secret", "fanfare-redis")["stringData"]
    assert secret["url"] == f"redis://:{secret['password']}@fanfare-redis.{NAMESPACE}.svc.cluster.local:6379/0"
    for component in DAEMONS:
        reference = rendered.env(component)["FANFARE_REDIS_URL"]["valueFrom"]["secretKeyRef"]
        assert reference == {"name": "fanfare-redis", "key": "url"}
    outside = Rendered(CASES["outside redis"])
    assert outside.names("Deployment") == {"fanfare-gateway", "fanfare-logic"}
    assert outside.env("gateway")["FANFARE_REDIS_URL"]["valueFrom"]["secretKeyRef"] == {"name": "my-redis", "key": "address"}


def test_secrets_are_in_no_config(rendered):
    assert "PRIVATE KEY" not in rendered.text
    assert not any("redis://" in json.dumps(each) for each in rendered.of("ConfigMap", "Deployment"))


# Certificates.


def test_generated_certificates(default, tmp_path):
    """They work: a gateway and a logic verify each other under the name that the config gives."""
    for component in DAEMONS:
        data = default.get("Secret", f"fanfare-{component}-tls")["data"]
        for key in ("tls.crt", "tls.key", "ca.crt"):
            (tmp_path / f"{component}-{key}").write_bytes(base64.b64decode(data[key]))
    file = lambda name: str(tmp_path / name)
    gateway = daemon.Daemon("fanfare-gateway", {
        "wsPort": 0, "servicePort": 0, "adminPort": 0, "serverPem": file("gateway-tls.crt"),
        "serverKey": file("gateway-tls.key"), "rpc": {"ca": file("gateway-ca.crt")}, "drainSeconds": 1}, tmp_path)
    name = default.config("logic")["rpc"]["serverName"]
    logic = daemon.Daemon("fanfare-logic", {
        "servicePort": 0, "gatewayList": [{"hostname": "127.0.0.1", "port": gateway.port("rpc")}], "drainSeconds": 1,
        "rpc": {"ca": file("logic-ca.crt"), "cert": file("logic-tls.crt"), "key": file("logic-tls.key"), "serverName": name}},
        tmp_path)
    try:
        push = [str(BUILD / "fanfare"), "push", "--api", f"http://127.0.0.1:{logic.port('api')}", "--room", "r",
                "--items", "[1]", "--wait"]
        done = subprocess.run(push, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0 and "1" in done.stdout, done.stderr + logic.tail()
    finally:
        assert logic.finish() + gateway.finish() == []


def as_stored(secret):
    """A Secret as the API gives it back: stringData is data there."""
    data = {key: base64.b64encode(value.encode()).decode() for key, value in secret.get("stringData", {}).items()}
    stored = {key: value for key, value in secret.items() if key != "stringData"}
    return {**stored, "data": {**secret.get("data", {}), **data}}


def test_an_upgrade_keeps_what_was_generated(tmp_path, monkeypatch):
    first = {each["metadata"]["name"]: as_stored(each) for each in Rendered(CASES["redis"]).of("Secret")}
    other = {each["metadata"]["name"]: as_stored(each) for each in Rendered(CASES["redis"]).of("Secret")}
    assert set(first) == {"fanfare-gateway-tls", "fanfare-logic-tls", "fanfare-redis"}
    assert all(first[name]["data"] != other[name]["data"] for name in first)
    cluster = FakeCluster(tmp_path, first.values())
    try:
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        upgraded = Rendered(CASES["redis"], options=["--dry-run=server"])
    finally:
        cluster.stop()
    assert set(cluster.asked) == set(first)
    assert {each["metadata"]["name"]: as_stored(each)["data"] for each in upgraded.of("Secret")} == {
        name: each["data"] for name, each in first.items()}


def mounted_secret(rendered, component):
    volumes = {each["name"]: each for each in rendered.pod(component)["spec"]["volumes"]}
    return volumes["tls"]["secret"]["secretName"]


def test_pods_mount_the_certificates_that_are_made():
    for case in ("default", "cert-manager", "cert-manager with an issuer"):
        rendered = Rendered(CASES[case])
        made = {each["metadata"]["name"] for each in rendered.of("Secret")}
        made |= {each["spec"]["secretName"] for each in rendered.of("Certificate")}
        assert {mounted_secret(rendered, component) for component in DAEMONS} <= made
    existing = Rendered(CASES["existing certificates"])
    assert existing.of("Secret", "Certificate") == []
    assert [mounted_secret(existing, component) for component in DAEMONS] == ["gw-certs", "lg-certs"]
    assert existing.config("logic")["rpc"]["serverName"] == "gw"


def test_cert_manager_makes_the_name_that_logic_expects():
    rendered = Rendered(CASES["cert-manager"])
    gateway = rendered.get("Certificate", "fanfare-gateway-tls")["spec"]
    assert rendered.config("logic")["rpc"]["serverName"] in gateway["dnsNames"]
    assert gateway["issuerRef"]["name"] in rendered.names("Issuer")
    other = Rendered(CASES["cert-manager with an issuer"])
    assert other.of("Issuer") == [] and other.get("Certificate", "fanfare-logic-tls")["spec"]["issuerRef"]["kind"] == "ClusterIssuer"


# Running it.


def test_rolling_updates_take_no_gateway_away(rendered):
    for component in DAEMONS:
        deployment = rendered.get("Deployment", f"fanfare-{component}")["spec"]
        assert deployment["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
        spec = deployment["template"]["spec"]
        for constraint in spec.get("topologySpreadConstraints", []):
            assert selects(constraint["labelSelector"], deployment["template"]["metadata"]["labels"])


def test_scaling(default):
    gateway, logic = (default.get("HorizontalPodAutoscaler", f"fanfare-{each}")["spec"] for each in DAEMONS)
    metric = gateway["metrics"][0]["pods"]["metric"]["name"]
    assert f"`{metric}`" in (ROOT / "docs" / "metrics.md").read_text()
    assert gateway["behavior"]["scaleDown"]["stabilizationWindowSeconds"] >= 600
    assert gateway["behavior"]["scaleDown"]["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 600}]
    assert logic["metrics"][0]["resource"]["name"] == "cpu"
    assert all("replicas" not in each["spec"] for each in default.of("Deployment"))
    for component in DAEMONS:
        budget = default.get("PodDisruptionBudget", f"fanfare-{component}")["spec"]
        assert selects(budget["selector"], default.pod(component)["metadata"]["labels"]) and budget["maxUnavailable"] == 1
    fixed = Rendered(CASES["fixed size"])
    assert fixed.of("HorizontalPodAutoscaler") == []
    assert [fixed.get("Deployment", f"fanfare-{each}")["spec"]["replicas"] for each in DAEMONS] == [5, 3]


def test_the_way_in():
    rendered = Rendered(CASES["outside"])
    ingress = rendered.get("Ingress", "fanfare-gateway")
    heartbeat = json.loads(daemon.run("fanfare-gateway", "--print-config").stdout)["wsHeartbeatInterval"]
    for direction in ("read", "send"):
        assert int(ingress["metadata"]["annotations"][f"nginx.ingress.kubernetes.io/proxy-{direction}-timeout"]) > heartbeat
    backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    service = rendered.get("Service", backend["name"])["spec"]
    assert backend["port"]["name"] in {port["name"] for port in service["ports"]}
    route = rendered.get("HTTPRoute", "fanfare-gateway")["spec"]["rules"][0]
    assert route["timeouts"] == {"request": "0s", "backendRequest": "0s"}
    assert route["backendRefs"] == [{"name": "fanfare-gateway", "port": service["ports"][0]["port"]}]


def test_monitors_find_their_ports():
    rendered = Rendered(CASES["outside"])
    for monitor in rendered.of("ServiceMonitor"):
        (endpoint,) = monitor["spec"]["endpoints"]
        services = [each["spec"] for each in rendered.of("Service") if selects(monitor["spec"]["selector"], each["metadata"]["labels"])]
        assert sum(port["name"] == endpoint["port"] for each in services for port in each["ports"]) == 1


def test_monitors_name_the_jobs_as_the_alerts_do():
    alerts = (CHART / "monitoring" / "fanfare-alerts.yaml").read_text()
    monitors = Rendered(CASES["monitored"]).of("ServiceMonitor")
    jobs = {rule["replacement"] for each in monitors for rule in each["spec"]["endpoints"][0]["relabelings"] if rule["targetLabel"] == "job"}
    assert jobs == {"fanfare-gateway", "fanfare-logic"} and all(f'up{{job="{job}"}}' in alerts for job in jobs)


def test_alerts_and_dashboard_are_those_of_the_files(default):
    assert default.of("PrometheusRule") == [] and "fanfare-dashboard" not in default.names("ConfigMap")
    rendered = Rendered(CASES["monitored"])
    rule = rendered.get("PrometheusRule", "fanfare-alerts")
    assert rule["spec"] == yaml.safe_load((CHART / "monitoring" / "fanfare-alerts.yaml").read_text())
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    dashboard = rendered.get("ConfigMap", "fanfare-dashboard")
    assert dashboard["data"] == {"fanfare-dashboard.json": (CHART / "monitoring" / "fanfare-dashboard.json").read_text()}
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert dashboard["metadata"]["annotations"] == {"grafana_folder": "Push"}


def test_alerts_and_dashboard_are_kept_once():
    """The chart has the files, since helm reads nothing outside; deploy/monitoring points at them."""
    for name in ("fanfare-alerts.yaml", "fanfare-dashboard.json"):
        link = ROOT / "deploy" / "monitoring" / name
        assert link.is_symlink() and link.resolve() == (CHART / "monitoring" / name).resolve()
        assert not (CHART / "monitoring" / name).is_symlink()


def notes(directory, values):
    """What `helm install` says at its end, rendered as an object: without a cluster helm shows no notes."""
    chart = directory / "chart"
    shutil.copytree(CHART, chart, dirs_exist_ok=True)
    text = (chart / "templates" / "NOTES.txt").read_text()
    made = '{{- define "notes" -}}\n' + text + '{{- end -}}\nnotes: |\n{{ include "notes" . | indent 2 }}\n'
    (chart / "templates" / "notes.yaml").write_text(made)
    command = ["template", "fanfare", chart, "--kube-version", f"{KUBE_VERSIONS[-1]}.0", "--show-only", "templates/notes.yaml"]
    done = helm(*command, values=values)
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)["notes"]


@pytest.mark.parametrize("case, clients, callers", [("default", True, True), ("identity", False, True), ("tokens", True, False)])
def test_the_notes_say_what_is_open(tmp_path, case, clients, callers):
    shown = notes(tmp_path, CASES[case])
    assert ("may join any room" in shown, "may push" in shown) == (clients, callers)


def test_other_names():
    rendered = Rendered({}, release="blue")
    assert "blue-fanfare-gateway" in rendered.names("Deployment")
    rendered = Rendered({"fullnameOverride": "push"}, release="blue")
    assert rendered.names("Service") == {"push-gateway", "push-gateway-rpc", "push-logic"}
