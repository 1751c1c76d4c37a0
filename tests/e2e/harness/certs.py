# SPDX-License-Identifier: Apache-2.0
"""A private CA with a server and a client certificate, as deploy/make-certs makes them."""

import os
import pathlib
import shutil
import ssl
import subprocess
import tempfile

from harness.build import ROOT


def make(directory):
    """Makes what is missing there."""
    subprocess.run([str(ROOT / "deploy" / "make-certs"), str(directory)], check=True, capture_output=True)


class Certs:
    """ca.pem, gateway.pem/.key and logic.pem/.key in one directory."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        make(self.directory)

    def copy(self, directory):
        """The same files in a directory of a test's own, which it may change."""
        shutil.copytree(self.directory, directory)
        return Certs(directory)

    def renew(self, name):
        """Puts a new key and certificate of the same CA in the place of `name` (gateway or logic)."""
        with tempfile.TemporaryDirectory() as work:
            fresh = shutil.copytree(self.directory, pathlib.Path(work) / "certs")
            files = [f"{name}.key", f"{name}.pem"]
            for each in files:
                (fresh / each).unlink()
            make(fresh)
            for each in files:
                self.put(each, (fresh / each).read_bytes())

    def make_pair(self, name, algorithm="EC", days=99):
        """NAME.pem and NAME.key of the CA, beside the others."""
        key = {"EC": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
               "RSA": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]}
        (self.directory / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        sign = f"-CA ca.pem -CAkey ca.key -set_serial 0x{os.urandom(16).hex()} -days {days} -extfile names"
        for command in (["genpkey", "-algorithm", *key[algorithm], "-out", f"{name}.key"],
                        ["req", "-new", "-key", f"{name}.key", "-subj", "/CN=fanfare-gateway", "-out", f"{name}.csr"],
                        ["x509", "-req", "-in", f"{name}.csr", *sign.split(), "-out", f"{name}.pem"]):
            subprocess.run(["openssl", *command], cwd=self.directory, check=True, capture_output=True)

    def put(self, name, content):
        """Replaces one file in one step."""
        beside = self.directory / f".{name}.fresh"
        beside.write_bytes(content)
        os.replace(beside, self.directory / name)

    def field(self, name, option):
        """What `openssl x509` says of a certificate: -serial, -enddate."""
        command = ["openssl", "x509", "-in", self.path(name), "-noout", option]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip().split("=", 1)[1]

    def serial(self, name):
        return int(self.field(name, "-serial"), 16)

    def expiry(self, name):
        """Seconds since 1970."""
        return ssl.cert_time_to_seconds(self.field(name, "-enddate"))

    def path(self, name):
        return str(self.directory / name)

    @property
    def ca(self):
        return self.path("ca.pem")

    def gateway(self):
        """The keys that make a gateway verify its callers."""
        return {"serverPem": self.path("gateway.pem"), "serverKey": self.path("gateway.key"), "rpc.ca": self.ca}

    def logic(self):
        """The keys with which logic shows itself and verifies the gateways."""
        return {"rpc.ca": self.ca, "rpc.cert": self.path("logic.pem"), "rpc.key": self.path("logic.key")}

    def client_context(self, alpn=("h2",), show=True):
        """An ssl context that trusts this CA and, with `show`, has the client's certificate."""
        context = ssl.create_default_context(cafile=self.ca)
        context.check_hostname = False
        context.set_alpn_protocols(list(alpn))
        if show:
            context.load_cert_chain(self.path("logic.pem"), self.path("logic.key"))
        return context

    def server_context(self, alpn=("h2",)):
        """An ssl context for a fake gateway; it asks for no certificate, as go-push."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path("gateway.pem"), self.path("gateway.key"))
        context.set_alpn_protocols(list(alpn))
        return context
