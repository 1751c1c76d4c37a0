# SPDX-License-Identifier: Apache-2.0
"""A directory that holds a whole Debian, and commands that run in it. No systemd runs there."""

import os
import pathlib
import shlex
import subprocess

# What a package manager changes by itself, beside the packages' files.
CHURN = ("var/lib/dpkg", "var/lib/apt", "var/log", "var/cache", "tmp", "run", "proc", "sys", "dev", "root")
BACKUPS = {"etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-", "etc/subuid-", "etc/subgid-", "etc/.pwd.lock"}


class DebianRoot:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)

    def path(self, name):
        return self.directory / name.lstrip("/")

    def command(self, *args, user=None):
        """The command line that runs `args` inside, with a /proc that goes with it."""
        chroot = ["chroot", *([f"--userspec={user}"] if user else []), str(self.directory), *map(str, args)]
        script = f"mount -t proc proc {shlex.quote(str(self.path('proc')))} 2>/dev/null; exec {shlex.join(chroot)}"
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]

    def environment(self):
        keep = {key: value for key, value in os.environ.items() if "proxy" in key.lower()}
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return {**keep, "PATH": path, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}

    def run(self, *args, user=None, timeout=600):
        return subprocess.run(
            self.command(*args, user=user), capture_output=True, text=True, stdin=subprocess.DEVNULL,
            env=self.environment(), timeout=timeout,
        )

    def must(self, *args, **options):
        done = self.run(*args, **options)
        assert done.returncode == 0, f"{args}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def start(self, *args, user=None, stderr=None):
        return subprocess.Popen(
            self.command(*args, user=user), stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr,
            env=self.environment(),
        )

    def files(self):
        """Every path below the root, but for what changes with any package."""
        found = set()
        for directory, names, files in os.walk(self.directory):
            here = os.path.relpath(directory, self.directory)
            names[:] = [name for name in names if os.path.normpath(os.path.join(here, name)) not in CHURN]
            found.update(os.path.normpath(os.path.join(here, name)) for name in names + files)
        return found - BACKUPS
