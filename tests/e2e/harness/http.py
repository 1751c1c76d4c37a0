# SPDX-License-Identifier: Apache-2.0
"""An HTTP/1.1 caller that shows what came over the wire: statuses, headers, bytes."""

import http.client
import json
import socket
import urllib.parse

from harness.waiting import patient

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


class Answer:
    """Status, headers (names in lower case) and body of one answer."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {name.lower(): value for name, value in headers}
        self.body = body

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body!r}>"

    @property
    def json(self):
        assert self.headers.get("content-type", "").split(";")[0] == JSON, self
        return json.loads(self.body)

    @property
    def error(self):
        """The error's code; the answer must have the error shape."""
        error = self.json["error"]
        assert set(error) == {"code", "message"} and error["message"], self
        return error["code"]

    @property
    def message(self):
        return self.json["error"]["message"]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Caller:
    """One keep-alive connection to logic or to an admin port."""

    def __init__(self, host="127.0.0.1", port=0, unix=None, timeout=15, headers=None, tls=None):
        timeout = patient(timeout)
        self.headers = {} if headers is None else headers  # of every request
        if unix:
            self.connection = UnixConnection(unix, timeout)
        elif tls:  # an ssl.SSLContext
            self.connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=tls)
        else:
            self.connection = http.client.HTTPConnection(host, port, timeout=timeout)
        self.connects = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.connection.close()

    def request(self, method, path, body=None, content_type=None, headers=None):
        headers = {**self.headers, **(headers or {})}
        if content_type:
            headers["Content-Type"] = content_type
        if isinstance(body, str):
            body = body.encode()
        if self.connection.sock is None:
            self.connects += 1
        self.connection.request(method, path, body=body, headers=headers)
        response = self.connection.getresponse()
        return Answer(response.status, response.getheaders(), response.read())

    def get(self, path, **kwargs):
        return self.request("GET", path, **kwargs)

    def form(self, path, body, **kwargs):
        """POSTs a form body as it stands (str or bytes), or a dict percent-encoded."""
        if isinstance(body, dict):
            body = urllib.parse.urlencode(body)
        return self.request("POST", path, body, FORM, **kwargs)

    def post(self, path, value, **kwargs):
        """POSTs JSON: a str or bytes as it stands, anything else encoded."""
        if not isinstance(value, (str, bytes)):
            value = json.dumps(value)
        return self.request("POST", path, value, JSON, **kwargs)


def raw_exchange(address, data, timeout=10):
    """Sends bytes on a new connection and reads until the peer closes; gives all that came."""
    with socket.create_connection(address, timeout=patient(timeout)) as sock:
        try:
            sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return read_to_end(sock)


def read_to_end(sock):
    gathered = b""
    while True:
        try:
            piece = sock.recv(65536)
        except ConnectionResetError:
            return gathered
        if not piece:
            return gathered
        gathered += piece


def read_answer(sock, method="GET"):
    """Reads one answer off a socket, which stays open."""
    response = http.client.HTTPResponse(sock, method=method)
    response.begin()
    return Answer(response.status, response.getheaders(), response.read())
