# SPDX-License-Identifier: Apache-2.0
"""The servers that are measured, each a context manager that ends its processes by their pids.

A server says where clients connect, how pushes reach it, and which processes are its own.
"""

import json
import pathlib
import re
import resource
import subprocess
import tempfile

from harness.build import BUILD, ROOT
from harness.daemon import Daemon
from harness.http import Caller
from harness.waiting import wait_until

GATEWAY = {
    "wsPort": 0,
    "wsBind": "127.0.0.1",
    "servicePort": 0,
    "serviceBind": "127.0.0.1",
    "adminPort": 0,
    "maxMergerDelay": 20,
    "wsHeartbeatInterval": 3600,
    "drainSeconds": 0,
}
LOGIC = {"servicePort": 0, "serviceBind": "127.0.0.1", "drainSeconds": 0}


class NotHere(Exception):
    """This server cannot run on this machine (io_uring forbidden)."""


class Broken(Exception):
    """A measurement that gave no result."""


def make_certs(directory):
    """A directory with a CA and the two certificates of mutual TLS."""
    path = pathlib.Path(directory) / "certs"
    subprocess.run([str(ROOT / "deploy" / "make-certs"), str(path)], check=True, stdout=subprocess.DEVNULL)
    return path


def nested(options):
    """{"rpc.ca": x} as {"rpc": {"ca": x}}, which is how a config file has it."""
    result = {}
    for key, value in options.items():
        group, _, last = key.rpartition(".")
        (result.setdefault(group, {}) if group else result)[last] = value
    return result


class Bare:
    """One process without a config, which says on stderr where it listens."""

    def __init__(self, directory, program, *args):
        self.stderr = tempfile.NamedTemporaryFile("w+", dir=directory, prefix=program)
        command = [str(BUILD / "bench" / program), *map(str, args)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=self.stderr)
        self.options = []

    def address(self, what):
        def announced():
            with open(self.stderr.name, encoding="utf-8") as stderr:
                text = stderr.read()
            if self.process.poll() is not None:
                raise NotHere(text.strip().splitlines()[-1] if text.strip() else "it ended at once")
            found = re.search(rf"what={what} addr=(\S+)", text)
            return found and found.group(1)

        return wait_until(announced, 10, f"{what} to listen")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()
        self.stderr.close()


class BareLoop(Bare):
    def __init__(self, directory, *args):
        super().__init__(directory, "bare_loop", *args)
        self.options = ["--ws", self.address("ws"), "--datagram", self.address("push"),
                        "--process", f"server={self.process.pid}"]


class BareHttp(Bare):
    def __init__(self, directory):
        super().__init__(directory, "bare_http")
        self.options = ["--http", self.address("api"), "--clients", 0, "--process", f"server={self.process.pid}"]


class Cluster:
    """One gateway and one logic, which speak mutual TLS."""

    def __init__(self, directory, certs, gateway=None, load=()):
        self.daemons = []
        try:
            self.start(pathlib.Path(directory), certs, gateway or {})
        except BaseException:
            self.__exit__()
            raise
        gateway, logic = self.daemons
        self.options = [*load, "--ws", "%s:%d" % gateway.address("ws"), "--http", "%s:%d" % logic.address("api"),
                        "--process", f"server={gateway.pid}", "--process", f"logic={logic.pid}"]

    def start(self, directory, certs, options):
        tls = {"serverPem": f"{certs}/gateway.pem", "serverKey": f"{certs}/gateway.key", "rpc.ca": f"{certs}/ca.pem"}
        gateway = Daemon("fanfare-gateway", nested({**GATEWAY, **options, **tls}), directory, "gateway")
        self.daemons.append(gateway)
        listed = [{"hostname": "127.0.0.1", "port": gateway.port("rpc")}]
        tls = {"rpc.ca": f"{certs}/ca.pem", "rpc.cert": f"{certs}/logic.pem", "rpc.key": f"{certs}/logic.key"}
        logic = nested({**LOGIC, **tls, "gatewayList": listed})
        self.daemons.append(Daemon("fanfare-logic", logic, directory, "logic"))
        with Caller(*self.daemons[1].address("api")) as caller:
            wait_until(lambda: caller.get("/readyz").status == 200, 20, "logic to be ready")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        faults = [fault for daemon in reversed(self.daemons) for fault in daemon.finish()]
        if faults:
            raise Broken("\n".join(faults))


def raise_file_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


raise_file_limit()


def measure(server, label, load):
    """Runs fanfare-bench against `server` and gives its report as a dict."""
    with tempfile.NamedTemporaryFile("r", suffix=".json") as out:
        command = [BUILD / "fanfare-bench", "--label", label, "--json", out.name, *load, *server.options]
        done = subprocess.run([*map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        text = out.read()
    if done.returncode not in (0, 1) or not text:
        raise Broken(f"{label}: fanfare-bench left with {done.returncode}")
    return json.loads(text)
