# SPDX-License-Identifier: Apache-2.0
"""The chart, rendered by helm with some values, as objects of Kubernetes."""

import json
import os
import pathlib
import subprocess

import yaml

from harness.build import BUILD, ROOT

CHART = ROOT / "deploy" / "helm" / "fanfare"
KUBE_VERSIONS = ("1.27", "1.34")  # the oldest that the chart takes, and the newest that is known here
RELEASE, NAMESPACE = "fanfare", "push"
OTHERS = ("Certificate", "Issuer", "ServiceMonitor", "PrometheusRule", "HTTPRoute")  # kinds of other projects


def tool(variable, target):
    """The program that `make deploy-check` has fetched; made now when pytest was called by hand."""
    if variable not in os.environ:
        command = ["make", "-C", str(ROOT), "--no-print-directory", f"BUILD={BUILD}", target]
        env = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
        done = subprocess.run(command, capture_output=True, text=True, env=env)
        assert done.returncode == 0, f"`make {target}` failed:\n{done.stdout}{done.stderr}"
        patterns = {"HELM": "bin/helm-*", "KUBERNETES_VALIDATE": "validate-*/bin/kubernetes-validate", "STRICT": "bin/strict"}
        os.environ[variable] = str(next((BUILD / "deploy-check").glob(patterns[variable])))
    return os.environ[variable]


def helm(*args, values=None):
    """Runs helm; `values` is what a file given with -f holds."""
    command = [tool("HELM", "deploy-tools"), *map(str, args)]
    if values is not None:
        command += ["-f", "-"]
    return subprocess.run(command, input=json.dumps(values or {}), capture_output=True, text=True, timeout=60)


def template(values=None, *args, release=RELEASE, version=KUBE_VERSIONS[-1]):
    command = ["template", release, CHART, "--namespace", NAMESPACE, "--kube-version", f"{version}.0"]
    return helm(*command, *args, values=values or {})


def refused(values):
    """What helm says to values that are wrong."""
    done = template(values)
    assert done.returncode != 0, f"taken: {values}"
    return done.stderr


class Rendered:
    """All objects of one rendering."""

    def __init__(self, values=None, options=(), release=RELEASE):
        done = template(values, *options, release=release)
        assert done.returncode == 0, done.stderr
        self.text = done.stdout
        self.objects = [each for each in yaml.safe_load_all(done.stdout) if each]

    def of(self, *kinds):
        return [each for each in self.objects if each["kind"] in kinds]

    def get(self, kind, name):
        found = [each for each in self.of(kind) if each["metadata"]["name"] == name]
        assert len(found) == 1, f"{kind} {name}: {[each['metadata']['name'] for each in self.of(kind)]}"
        return found[0]

    def names(self, kind):
        return {each["metadata"]["name"] for each in self.of(kind)}

    def config(self, component):
        """What the daemon's configuration file holds."""
        data = self.get("ConfigMap", f"{RELEASE}-{component}")["data"]
        return json.loads(data[f"{component}.json"])

    def pod(self, component):
        return self.get("Deployment", f"{RELEASE}-{component}")["spec"]["template"]

    def pods(self):
        """Every pod that is made, as (labels, spec)."""
        made = [each["spec"]["template"] for each in self.of("Deployment")] + self.of("Pod")
        return [(each["metadata"]["labels"], each["spec"]) for each in made]

    def env(self, component):
        container, *_ = self.pod(component)["spec"]["containers"]
        return {each["name"]: each for each in container.get("env", [])}


def selects(selector, labels):
    """Whether a label selector takes these labels; only matchLabels are used here."""
    assert set(selector) <= {"matchLabels"}
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


def container_ports(spec):
    return {port["name"]: port["containerPort"] for each in spec["containers"] for port in each.get("ports", [])}


def validate(text, version, directory):
    """What kubernetes-validate objects to, in objects of Kubernetes itself."""
    path = pathlib.Path(directory) / "objects.yaml"
    path.write_text(text)
    command = [tool("KUBERNETES_VALIDATE", "deploy-tools"), "--strict", "-k", version, str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def validate_others(objects):
    """What the types of cert-manager, the Prometheus operator and the Gateway API object to."""
    text = yaml.safe_dump_all(objects)
    return subprocess.run([tool("STRICT", "deploy-tools")], input=text, capture_output=True, text=True, timeout=60)
