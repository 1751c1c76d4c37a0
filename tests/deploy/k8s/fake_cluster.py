# SPDX-License-Identifier: Apache-2.0
"""As much of Kubernetes' API as helm's `lookup` asks for: discovery, and the Secrets that it is given."""

import http.server
import json
import threading

import yaml


class FakeCluster:
    """`secrets` are objects as the chart renders them; `kubeconfig` is a file that leads here."""

    def __init__(self, directory, secrets):
        self.secrets = {(each["metadata"]["namespace"], each["metadata"]["name"]): each for each in secrets}
        self.asked = []
        cluster = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, answer = cluster.answer(self.path.partition("?")[0])
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.kubeconfig = directory / "kubeconfig"
        url = f"http://127.0.0.1:{self.server.server_port}"
        self.kubeconfig.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": url}}], "users": [{"name": "fake", "user": {}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
        }))

    def answer(self, path):
        """(status, object) for a GET."""
        fixed = {
            "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
            "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [
                {"name": "secrets", "singularName": "secret", "namespaced": True, "kind": "Secret", "verbs": ["get", "list"]}]},
        }
        if path in fixed:
            return 200, fixed[path]
        _, _, rest = path.partition("/api/v1/namespaces/")
        namespace, _, name = rest.partition("/secrets/")
        self.asked.append(name)
        if found := self.secrets.get((namespace, name)):
            return 200, found
        return 404, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
