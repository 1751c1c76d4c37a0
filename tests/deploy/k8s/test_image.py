# SPDX-License-Identifier: Apache-2.0
"""The image: built on a Debian made by debootstrap, and run as in a cluster, with a push through both daemons.

All containers share the network of the first one, which has nothing but its own loopback.
"""

import json
import os
import re
import shutil
import subprocess

import pytest

from containers import IMAGE, Containers
from harness import daemon
from harness.build import ROOT

CERTS_IMAGE = "localhost/fanfare-certs:test"
PROFILE = ROOT / "deploy" / "seccomp" / "fanfare.json"
DEFAULT_PROFILE = "/usr/share/containers/seccomp.json"


@pytest.fixture(scope="module")
def containers():
    missing = [tool for tool in ("buildah", "podman", "crun", "debootstrap", "nsenter") if not shutil.which(tool)]
    assert os.geteuid() == 0 and not missing, f"the image's tests need root, and {missing}"
    made = Containers()
    try:
        made.make_base()
        made.build("certs", CERTS_IMAGE)
        made.build("fanfare", IMAGE, REVISION="0123abc")
        yield made
    finally:
        made.finish()


@pytest.fixture(scope="module")
def image(containers):
    return containers.inspect(IMAGE)


@pytest.fixture(scope="module")
def certificates(containers, tmp_path_factory):
    """Made by the image for that, as compose.yaml does, in a volume that the image's user owns."""
    volume = "fanfare-test-certs"
    containers.run(*containers.podman, "volume", "rm", "--force", volume)
    containers.start("fanfare-certs", "gateways", options=["--network", "none", "--volume", f"{volume}:/certs"], image=CERTS_IMAGE)
    containers.must(*containers.podman, "wait", "fanfare-certs")
    assert containers.state("fanfare-certs")["ExitCode"] == 0, containers.log("fanfare-certs")
    yield volume
    containers.run(*containers.podman, "rm", "--force", "--ignore", "fanfare-certs")
    containers.run(*containers.podman, "volume", "rm", "--force", volume)


@pytest.fixture(scope="module")
def gateway(containers, certificates):
    name = containers.start(
        "fanfare-gateway", "fanfare-gateway", "--server-pem", "/certs/gateway.pem", "--server-key", "/certs/gateway.key",
        "--rpc-ca", "/certs/ca.pem",
        options=["--network", "none", "--volume", f"{certificates}:/certs:ro", "--security-opt", f"seccomp={DEFAULT_PROFILE}",
                 # Nothing is in /usr/bin: neither a shell nor anything else there is needed.
                 "--mount", "type=tmpfs,destination=/usr/bin,ro=true"])
    containers.await_log(name, "msg=ready")
    return name


@pytest.fixture(scope="module")
def logic(containers, certificates, gateway):
    name = containers.start(
        "fanfare-logic", "fanfare-logic", "--gateway-list", "127.0.0.1:7788", "--rpc-ca", "/certs/ca.pem",
        "--rpc-cert", "/certs/logic.pem", "--rpc-key", "/certs/logic.key", "--rpc-server-name", "gateways",
        options=["--network", f"container:{gateway}", "--volume", f"{certificates}:/certs:ro",
                 "--mount", "type=tmpfs,destination=/usr/bin,ro=true"])
    containers.await_log(name, "gateway link up")
    return name


def test_what_the_image_says_of_itself(image):
    config = image["Config"]
    assert config["User"] == "10001:10001"
    assert config["StopSignal"] in ("SIGTERM", "15")
    assert not config.get("Entrypoint")
    version = daemon.run("fanfare-gateway", "--version").stdout.split()[-1]
    labels = config["Labels"]
    assert labels["org.opencontainers.image.version"] == version
    assert labels["org.opencontainers.image.revision"] == "0123abc"
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert image["HealthCheck" if "HealthCheck" in image else "Healthcheck"]["Test"][:2] == ["CMD", "/usr/local/bin/fanfare-health"]


def test_the_ports_are_the_daemons(image):
    shown = {side: json.loads(daemon.run(f"fanfare-{side}", "--print-config").stdout) for side in ("gateway", "logic")}
    ports = [shown["gateway"][key] for key in ("wsPort", "servicePort", "adminPort")] + [shown["logic"]["servicePort"]]
    assert set(image["Config"]["ExposedPorts"]) == {f"{port}/tcp" for port in ports}
    assert image["HealthCheck" if "HealthCheck" in image else "Healthcheck"]["Test"][2:] == [str(ports[2]), str(ports[3])]


def test_nothing_of_the_build_is_left(containers):
    done = containers.must(
        *containers.podman, "run", "--rm", "--cgroups", "disabled", "--no-healthcheck", "--network", "none", IMAGE,
        "sh", "-c", "ls /usr/local/bin; command -v gcc make curl openssl; dpkg-query -W -f '${Package}\\n' | grep -- '-dev$'; true")
    assert done.split() == ["fanfare", "fanfare-gateway", "fanfare-health", "fanfare-logic"]


def test_a_push_goes_through(containers, gateway, logic):
    """Both daemons as user 10001 on a read-only root, with no shell in sight."""
    sent = [f"/usr/local/bin/fanfare", "push", "--room", "r", "--items", '[{"msg":"hello"}]', "--wait", "--json"]
    tail = subprocess.Popen(
        ["nsenter", "--target", str(containers.holder.pid), "--mount", "--", *containers.podman, "exec", gateway,
         "/usr/local/bin/fanfare", "tail", "--room", "r", "--count", "1", "--json"], stdout=subprocess.PIPE, text=True)
    try:
        for _ in range(50):
            done = containers.exec(logic, *sent)
            assert done.returncode == 0, done.stdout + done.stderr + containers.log(logic)
            if json.loads(done.stdout)["clients"] == 1:
                break
        received, _ = tail.communicate(timeout=20)
    finally:
        tail.kill()
    assert '{"msg":"hello"}' in received.replace(" ", "")


def inside(containers, name):
    """The daemon as the kernel sees it from outside."""
    pid = containers.state(name)["Pid"]
    with open(f"/proc/{pid}/status") as status:
        return pid, dict(re.findall(r"^(\w+):\s*(.*)$", status.read(), re.M))


def test_the_daemons_have_no_rights(containers, gateway, logic):
    for name in (gateway, logic):
        pid, status = inside(containers, name)
        assert set(status["Uid"].split()) == set(status["Gid"].split()) == {"10001"}
        assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
        with open(f"/proc/{pid}/mountinfo") as mounts:
            (root,) = [line.split() for line in mounts if line.split()[4] == "/"]
        assert "ro" in root[5].split(",")


def test_the_health_check(containers, gateway, logic):
    for name, port, wrong in ((gateway, "7789", "7790"), (logic, "7799", "7788")):
        assert containers.exec(name, "/usr/local/bin/fanfare-health", wrong, port).returncode == 0
        assert containers.exec(name, "/usr/local/bin/fanfare-health", wrong).returncode == 1
    done = containers.exec(gateway, "/usr/local/bin/fanfare-health", "0", "70000", "http")
    assert done.returncode == 1 and "no daemon answers" in done.stderr


def test_prestop_is_a_program(containers):
    """What the chart's preStop runs is there, and is no script."""
    done = containers.must(
        *containers.podman, "run", "--rm", "--read-only", "--cgroups", "disabled", "--no-healthcheck", "--network", "none", IMAGE,
        "/usr/bin/sleep", "0.01")
    assert done == ""


def test_io_uring_is_a_matter_of_the_profile(containers, certificates, gateway):
    assert "wire=send" in containers.log(gateway)
    options = ["--network", "none", "--volume", f"{certificates}:/certs:ro", "--security-opt", f"seccomp={PROFILE}"]
    arguments = ["--server-pem", "/certs/gateway.pem", "--server-key", "/certs/gateway.key", "--drain-seconds", "1"]
    name = containers.start("fanfare-uring", "fanfare-gateway", *arguments, options=options)
    containers.await_log(name, "msg=ready")
    assert "wire=uring" in containers.log(name)
    assert inside(containers, name)[1]["Seccomp"] == "2"
    assert containers.stop(name) == 0


def test_the_profile_is_the_default_and_io_uring():
    def allowed(profile):
        rules = [rule for rule in profile["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW"]
        return {(name, json.dumps([rule["args"], rule["includes"], rule["excludes"]])) for rule in rules for name in rule["names"]}

    with open(DEFAULT_PROFILE) as file:
        default = json.load(file)
    ours = json.loads(PROFILE.read_text())
    assert ours["defaultAction"] == "SCMP_ACT_ERRNO" == default["defaultAction"]
    assert {name for name, _ in allowed(ours) - allowed(default)} == {"io_uring_setup", "io_uring_enter", "io_uring_register"}
    assert allowed(default) - allowed(ours) == set()


def test_sigterm_ends_both(containers, gateway, logic):
    """Last: what the others share ends here, gracefully."""
    for name in (logic, gateway):
        assert containers.stop(name) == 0, containers.log(name)
        assert "stopped" in containers.log(name)
