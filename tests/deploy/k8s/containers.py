# SPDX-License-Identifier: Apache-2.0
"""buildah and podman with a storage of their own, on machines without registry, systemd or cgroups of their own.

Every command runs in one mount namespace, where cgroups of the hybrid kind, which crun refuses, are put away.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess

from harness.build import BUILD, ROOT
from harness.waiting import wait_until

HERE = pathlib.Path(__file__).resolve().parent
BASE = "localhost/fanfare-test-base:12"
IMAGE = "localhost/fanfare:test"


class Containers:
    def __init__(self):
        self.directory = BUILD / "deploy-check"
        self.directory.mkdir(parents=True, exist_ok=True)
        where = ["--root", str(self.directory / "storage"), "--runroot", str(self.directory / "run")]
        self.buildah = ["buildah", *where]
        self.podman = ["podman", *where, "--cgroup-manager", "cgroupfs", "--runtime", str(HERE / "runtime" / "crun")]
        script = "umount /sys/fs/cgroup/unified 2>/dev/null; echo here; exec sleep infinity"
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
        self.holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "here\n"
        self.started = []

    def run(self, *command, timeout=600):
        namespace = ["nsenter", "--target", str(self.holder.pid), "--mount", "--"]
        return subprocess.run(
            [*namespace, *map(str, command)], capture_output=True, text=True, stdin=subprocess.DEVNULL,
            timeout=timeout, env={**os.environ, "BUILDAH_ISOLATION": "chroot"},
        )

    def must(self, *command, **options):
        done = self.run(*command, **options)
        assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def has(self, image):
        return self.run(*self.buildah, "inspect", "--type", "image", image).returncode == 0

    def make_base(self):
        """The image of a minimal Debian 12, kept for the next run."""
        if self.has(BASE):
            return
        root = os.environ.get("FANFARE_TEST_ROOT")
        if not root:
            root = self.directory / "debian"
            shutil.rmtree(root, ignore_errors=True)
            self.must("debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm", root, timeout=900)
        container = self.must(*self.buildah, "from", "scratch").strip()
        archive = self.directory / "base.tar"  # keeps owners and modes
        self.must("tar", "--numeric-owner", "-C", root, "-cf", archive, ".")
        self.must(*self.buildah, "add", "--quiet", container, archive, "/")
        archive.unlink()
        self.must(*self.buildah, "commit", "--quiet", "--rm", container, BASE)
        shutil.rmtree(self.directory / "debian", ignore_errors=True)

    def build(self, target, tag, **arguments):
        """With apt's sources of this machine, for the base's own may not be reached from here."""
        given = [word for key, value in {"BASE": BASE, **arguments}.items() for word in ("--build-arg", f"{key}={value}")]
        self.must(
            *self.buildah, "bud", "--format", "docker", "--layers", "--network", "host", "--volume", "/etc/apt:/etc/apt:ro",
            *given, "--target", target, "--file", ROOT / "deploy" / "Containerfile", "--tag", tag, ROOT, timeout=900)

    def inspect(self, image):
        return json.loads(self.must(*self.podman, "image", "inspect", image))[0]

    def start(self, name, *command, options=(), image=IMAGE):
        """A container as Kubernetes would start it: read-only, without capabilities, as the image's own user."""
        self.run(*self.podman, "rm", "--force", "--ignore", name)
        self.must(
            *self.podman, "run", "--detach", "--name", name, "--read-only", "--read-only-tmpfs=false", "--cap-drop", "all",
            "--security-opt", "no-new-privileges", "--cgroups", "disabled", "--no-healthcheck", *options, image, *command,
            timeout=60)
        self.started.append(name)
        return name

    def exec(self, name, *command, timeout=60):
        return self.run(*self.podman, "exec", name, *command, timeout=timeout)

    def log(self, name):
        done = self.run(*self.podman, "logs", name)
        return done.stdout + done.stderr

    def await_log(self, name, words, timeout=30):
        return wait_until(lambda: words in self.log(name), timeout, f"{name} to say {words!r}")

    def state(self, name):
        return json.loads(self.must(*self.podman, "inspect", name))[0]["State"]

    def stop(self, name):
        """The image's stop signal; the exit code."""
        self.must(*self.podman, "stop", "--time", "30", name)
        return self.state(name)["ExitCode"]

    def finish(self):
        for name in self.started:
            self.run(*self.podman, "rm", "--force", "--ignore", "--time", "2", name)
        self.holder.send_signal(signal.SIGKILL)
        self.holder.wait()
