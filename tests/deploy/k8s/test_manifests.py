# SPDX-License-Identifier: Apache-2.0
"""The plain manifests: what the chart renders to, and valid."""

import os
import subprocess

import yaml

from chart import KUBE_VERSIONS, OTHERS, tool, validate, validate_others
from harness.build import ROOT


def test_the_plain_manifests_are_up_to_date():
    env = {**os.environ, "HELM": tool("HELM", "deploy-tools")}
    done = subprocess.run([ROOT / "deploy" / "kubernetes" / "render", "--check"], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr


def test_the_plain_manifests_are_valid(tmp_path):
    directory = ROOT / "deploy" / "kubernetes"
    kustomization = yaml.safe_load((directory / "kustomization.yaml").read_text())
    files = [*kustomization["resources"], "examples/with-redis.yaml", "examples/ingress.yaml"]
    for version in KUBE_VERSIONS:
        done = validate("\n---\n".join((directory / file).read_text() for file in files), version, tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    others = [each for file in sorted((directory / "examples").glob("*.yaml")) for each in yaml.safe_load_all(file.read_text())]
    others = [each for each in others if each and each["kind"] in OTHERS]
    done = validate_others(others)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == len(others) == 8, done.stdout + done.stderr
    text = (directory / "fanfare.yaml").read_text()
    assert f"image: {kustomization['images'][0]['name']}:" in text and "Helm" not in text
    assert "kind: Secret" not in text
