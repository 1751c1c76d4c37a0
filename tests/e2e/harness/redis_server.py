# SPDX-License-Identifier: Apache-2.0
"""Real redis-server processes: started, killed, stopped, and asked through harness.resp."""

import pathlib
import signal
import subprocess
import urllib.parse

from harness.daemon import clean_environment
from harness.ports import free_port
from harness.resp import RedisError, Resp
from harness.waiting import patient, wait_until


class RedisProcess:
    """A redis-server or redis-sentinel on 127.0.0.1; it keeps its port when it is started again."""

    def __init__(self, program, args, directory, name, password=None, env=None):
        self.program, self.args, self.name = program, args, name
        self.directory = pathlib.Path(directory) / name
        self.directory.mkdir(parents=True, exist_ok=True)
        self.password, self.env = password, env
        self.port = free_port()
        self.process = None

    def start(self, **more):
        """Starts it, and waits until it answers (LOADING is an answer)."""
        args = self.args(**more)
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                [self.program, *args],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=clean_environment(self.env),
                cwd=self.directory,
            )
        wait_until(self._answers, 20, f"{self.name} to answer")
        return self

    def _answers(self):
        assert self.alive(), f"{self.name} left with {self.process.returncode}:\n{self.log()[-2000:]}"
        try:
            return self.call("PING") == "PONG"
        except RedisError as error:
            return "LOADING" in str(error) or "MASTERDOWN" in str(error)
        except OSError:
            return False

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    def log(self):
        return (self.directory / "log").read_text(errors="replace")

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def connect(self, db=0):
        return Resp(self.address, password=self.password, db=db)

    def call(self, *words, db=0):
        """One command on a connection of its own."""
        with self.connect(db) as resp:
            return resp.call(*words)

    def kill(self):
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def stop_the_clock(self):
        """SIGSTOP: it keeps its sockets but does nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def finish(self):
        if not self.alive():
            return
        self.go_on()
        self.process.terminate()
        try:
            self.process.wait(patient(10))
        except subprocess.TimeoutExpired:
            self.kill()


class RedisServer(RedisProcess):
    """`config` are directives of redis.conf with _ for -, `clock` a WallClock to live by."""

    def __init__(self, directory, name="redis", password=None, clock=None, start=True, **config):
        super().__init__("redis-server", self._args, directory, name, password, clock and clock.env)
        self.config = {"save": "", "appendonly": "no", "databases": 16, **config}
        self.unix_path = str(self.directory / "socket")
        if start:
            self.start()

    def _args(self, **more):
        config = {"port": self.port, "bind": "127.0.0.1", "unixsocket": self.unix_path, **self.config, **more}
        if self.password:
            config.update(requirepass=self.password, masterauth=self.password)
        args = []
        for key, value in config.items():
            args += ["--" + key.replace("_", "-"), *(value if isinstance(value, (list, tuple)) else [str(value)])]
        return args

    def url(self, db=0, user="", password=None):
        """Its URL; with the right password unless another one is given."""
        password = self.password if password is None else password
        login = f"{user}:{urllib.parse.quote(password, safe='')}@" if password else ""
        return f"redis://{login}127.0.0.1:{self.port}/{db}"

    def unix_url(self, db=0):
        return f"unix://{self.unix_path}?db={db}"

    def options(self):
        """What a daemon's config says of it."""
        return {"redis.url": self.url()}

    def info(self, section):
        lines = (line.partition(":") for line in self.call("INFO", section).splitlines())
        return {key: value for key, _, value in lines if value}

    def subscribers(self, channel="fanfare:bus"):
        return self.call("PUBSUB", "NUMSUB", channel)[1]
