# SPDX-License-Identifier: Apache-2.0
"""The servers that are measured, each a context manager that ends its processes by their pids.

A server says where clients connect, how pushes reach it, and which processes are its own.
"""

import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile

from harness.build import BUILD, ROOT
from harness.daemon import Daemon
from harness.http import Caller
from harness.redis_server import RedisServer, free_port
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
LOGIC = {"canary.intervalSeconds": 0, "servicePort": 0, "serviceBind": "127.0.0.1", "drainSeconds": 0}


REFUSED = re.compile(r"unknown key|is not to be had")


class NotHere(Exception):
    """This server cannot run on this machine: not installed, or io_uring is forbidden, or it knows no such option."""


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

    ours = False

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
    """Gateways and one logic, which speak mutual TLS. The clients are all on the first gateway."""

    ours = True

    def __init__(self, directory, certs, gateway=None, logic=None, gateways=1):
        self.daemons = []
        self.directory, self.certs = pathlib.Path(directory), certs
        try:
            members = [self.start_gateway(f"gateway{number}", gateway or {}) for number in range(gateways)]
            front = self.start_logic(logic or {}, members)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        self.options = ["--ws", "%s:%d" % members[0].address("ws"), "--http", "%s:%d" % front.address("api"),
                        "--process", f"server={members[0].pid}", "--process", f"logic={front.pid}"]
        for number, other in enumerate(members[1:], 2):
            self.options += ["--process", f"gateway{number}={other.pid}"]

    def start_gateway(self, name, options):
        tls = {"serverPem": f"{self.certs}/gateway.pem", "serverKey": f"{self.certs}/gateway.key",
               "rpc.ca": f"{self.certs}/ca.pem"}
        return self.start("fanfare-gateway", name, {**GATEWAY, **tls, **options}, "ws")

    def start_logic(self, options, members):
        tls = {"rpc.ca": f"{self.certs}/ca.pem", "rpc.cert": f"{self.certs}/logic.pem",
               "rpc.key": f"{self.certs}/logic.key"}
        listed = [{"hostname": "127.0.0.1", "port": member.port("rpc")} for member in members]
        logic = self.start("fanfare-logic", "logic", {**LOGIC, **tls, **options, "gatewayList": listed}, "api")
        with Caller(*logic.address("api")) as caller:
            wait_until(lambda: self.all_up(caller, len(members)), 20, "logic to be ready")
        return logic

    @staticmethod
    def all_up(caller, count):
        metrics = caller.get("/metrics").body.decode()
        return caller.get("/readyz").status == 200 and f'fanfare_logic_links{{state="up"}} {count}\n' in metrics

    def start(self, program, name, options, listens):
        daemon = Daemon(program, nested(options), self.directory, name)
        try:
            daemon.address(listens)
        except AssertionError:
            if daemon.alive() or not REFUSED.search(daemon.log()):
                self.daemons.append(daemon)
                raise
            raise NotHere(daemon.tail(1)) from None
        self.daemons.append(daemon)
        return daemon

    def __enter__(self):
        return self

    def __exit__(self, *failed):
        faults = [fault for daemon in reversed(self.daemons) for fault in daemon.finish()]
        if faults and not any(failed):
            raise Broken("\n".join(faults))


class Mirrored(Cluster):
    """A cluster whose logic publishes every push in Redis too, where the gateway listens."""

    def __init__(self, directory, certs, mode="mirror"):
        if not shutil.which("redis-server"):
            raise NotHere("redis-server is not installed")
        self.redis = RedisServer(directory, "redis")
        found = self.redis.options()
        try:
            super().__init__(directory, certs, {**found, "bus.listen": True}, {**found, "bus.mode": mode})
        except BaseException:
            self.redis.finish()
            raise
        self.options += ["--process", f"redis={self.redis.process.pid}"]

    def __exit__(self, *failed):
        try:
            super().__exit__(*failed)
        finally:
            self.redis.finish()


NGINX = """{user}
load_module {module};
daemon off;
master_process {master};
worker_processes {workers};
worker_rlimit_nofile {files};
pid {directory}/nginx.pid;
error_log {directory}/nginx.log error;
events {{ worker_connections {connections}; multi_accept on; }}
http {{
    access_log off;
    client_body_buffer_size 128k;
    client_max_body_size 1m;
    keepalive_requests 1000000;
    nchan_shared_memory_size 256M;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = /sub {{
            nchan_subscriber websocket;
            nchan_channel_id $arg_id;
            nchan_subscriber_first_message newest;
        }}
        location = /pub {{ nchan_publisher http; nchan_channel_id $arg_id; nchan_message_buffer_length 16; }}
        location = /ready {{ return 200; }}
    }}
}}
"""
NCHAN_MODULES = ["/usr/lib/nginx/modules/ngx_nchan_module.so", "/usr/share/nginx/modules/ngx_nchan_module.so"]


class Nchan:
    """nginx with nchan (Debian: nginx, libnginx-mod-nchan). With one worker it is a single process."""

    ours = False

    def __init__(self, directory, workers=1):
        module = next((path for path in NCHAN_MODULES if os.path.exists(path)), None)
        program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if not module or not program:
            raise NotHere("nginx and libnginx-mod-nchan are not installed")
        self.directory = tempfile.mkdtemp(prefix="nginx-", dir=directory)
        self.port = free_port()
        self.process = self.start(program, module, workers)
        try:
            wait_until(self.answers, 10, "nginx to answer")
            wait_until(lambda: len(self.workers()) == workers, 10, "nginx's workers")
        except BaseException:
            self.__exit__()
            raise
        self.options = ["--nchan", f"127.0.0.1:{self.port}"]
        for number, pid in enumerate(self.workers()):
            self.options += ["--process", f"server{number or ''}={pid}"]

    def start(self, program, module, workers):
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        text = NGINX.format(
            user="user root;" if os.geteuid() == 0 else "", module=module, workers=workers, files=files,
            connections=files - 100, directory=self.directory, port=self.port, master="on" if workers > 1 else "off",
        )
        path = pathlib.Path(self.directory) / "nginx.conf"
        path.write_text(text, encoding="utf-8")
        with open(pathlib.Path(self.directory) / "stderr", "w", encoding="utf-8") as stderr:
            return subprocess.Popen([program, "-p", self.directory, "-e", f"{self.directory}/nginx.log", "-c", path],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr)

    def answers(self):
        if self.process.poll() is not None:
            text = (pathlib.Path(self.directory) / "stderr").read_text(encoding="utf-8", errors="replace")
            raise NotHere(text.strip() or "nginx ended at once")
        try:
            with Caller("127.0.0.1", self.port, timeout=2) as caller:
                return caller.get("/ready").status == 200
        except OSError:
            return False

    def workers(self):
        """The pids that serve: the process itself, or its children (nginx has cache helpers only with a cache)."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as children:
            return list(map(int, children.read().split())) or [self.process.pid]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()


def raise_file_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


raise_file_limit()
