# SPDX-License-Identifier: Apache-2.0
"""deploy/install-deps with apt and dpkg in the test's hands: which services may start, and what is there afterwards."""

import os
import subprocess

import pytest

from harness.build import ROOT
from harness.waiting import patient

STUBS = {
    "id": "echo 0",
    "node": "exit 0",
    "apt-cache": "exit 1",
    "systemctl": 'echo "$@" >>"$STATE/systemctl"',
    # `dpkg-query -W -f FORMAT PACKAGE`
    "dpkg-query": 'for last; do :; done; if [ -e "$STATE/installed/$last" ]; then echo installed; else exit 1; fi',
    "apt-get": """
case " $* " in
*" -s "*|*" update "*) exit 0 ;;
esac
for word; do
    case $word in
    redis-server|cron)
        "$POLICY_RC_D" --quiet "$word.service" start
        echo "$word $?" >>"$STATE/asked" ;;
    esac
    case $word in -*|*::*|install) ;; *) touch "$STATE/installed/$word" ;; esac
done
"$POLICY_RC_D" cron.service restart
echo "cron $?" >>"$STATE/asked"
exit ${APT_STATUS:-0}
""",
}


@pytest.fixture
def debian(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "installed").mkdir()
    for name, text in STUBS.items():
        path = tmp_path / "bin" / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    return tmp_path


def install(debian, level, **env):
    env = {**os.environ, "PATH": f"{debian}/bin:{os.environ['PATH']}", "STATE": str(debian),
           "POLICY_RC_D": str(debian / "policy-rc.d"), **env}
    return subprocess.run([ROOT / "deploy" / "install-deps", level], env=env, capture_output=True, text=True,
                          timeout=patient(30))


def read(path):
    return path.read_text().splitlines() if path.exists() else []


def test_new_services_do_not_start_and_others_may(debian):
    done = install(debian, "redis")
    assert done.returncode == 0, done
    assert read(debian / "asked") == ["redis-server 101", "cron 0"]
    assert not (debian / "policy-rc.d").exists()
    assert read(debian / "systemctl") == ["disable --quiet redis-server"]
    assert install(debian, "redis").stdout == "", "all is there"


def test_a_policy_that_was_there_is_asked_and_put_back(debian):
    policy = debian / "policy-rc.d"
    policy.write_text('#!/bin/sh\necho "$@" >>"$STATE/policy"\nexit 104\n')
    policy.chmod(0o755)
    before = policy.read_text()
    assert install(debian, "test").returncode == 0
    assert read(debian / "asked") == ["redis-server 101", "cron 104"]
    assert read(debian / "policy") == ["cron.service restart"]
    assert policy.read_text() == before and policy.stat().st_mode & 0o777 == 0o755
    assert [each.name for each in debian.glob("policy-rc.d*")] == ["policy-rc.d"]


def test_the_policy_goes_when_apt_fails(debian):
    done = install(debian, "redis", APT_STATUS="100")
    assert done.returncode == 1 and "apt failed" in done.stderr
    assert list(debian.glob("policy-rc.d*")) == []


def test_services_that_were_installed_before_are_left_alone(debian):
    for name in ("redis-server", "redis-sentinel", "prometheus", "haproxy", "nginx"):
        (debian / "installed" / name).touch()
    (debian / "policy-rc.d").write_text("#!/bin/sh\nexit 0\n")
    (debian / "policy-rc.d").chmod(0o755)
    assert install(debian, "test").returncode == 0
    assert read(debian / "systemctl") == []


def test_the_level_deb_has_what_make_deb_needs(debian):
    assert install(debian, "deb").returncode == 0
    installed = {each.name for each in (debian / "installed").iterdir()}
    assert installed >= {"dpkg-dev", "binutils", "gcc", "make"} and "redis-server" not in installed
