# SPDX-License-Identifier: Apache-2.0
"""A private CA with a server and a client certificate, as deploy/make-certs makes them."""

import pathlib
import ssl
import subprocess

from harness.daemon import ROOT


class Certs:
    """ca.pem, server.pem/.key and client.pem/.key in one directory."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        maker = ROOT / "deploy" / "make-certs"
        if maker.exists():
            subprocess.run([str(maker), str(self.directory)], check=True, capture_output=True)
        else:
            self._openssl()

    def _openssl(self):
        def openssl(*args):
            subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=self.directory)

        ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650"]
        openssl("req", "-x509", *ec, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test-ca")
        for name in ("server", "client"):
            openssl("req", *ec, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
            self.directory.joinpath("ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\n")
            openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                    "-days", "3650", "-extfile", "ext", "-out", f"{name}.pem")

    def path(self, name):
        return str(self.directory / name)

    @property
    def ca(self):
        return self.path("ca.pem")

    def gateway(self):
        """The keys that make a gateway verify its callers."""
        return {"serverPem": self.path("server.pem"), "serverKey": self.path("server.key"), "rpc.ca": self.ca}

    def logic(self):
        """The keys with which logic shows itself and verifies the gateways."""
        return {"rpc.ca": self.ca, "rpc.cert": self.path("client.pem"), "rpc.key": self.path("client.key")}

    def client_context(self, alpn=("h2",), show=True):
        """An ssl context that trusts this CA and, with `show`, has the client's certificate."""
        context = ssl.create_default_context(cafile=self.ca)
        context.check_hostname = False
        context.set_alpn_protocols(list(alpn))
        if show:
            context.load_cert_chain(self.path("client.pem"), self.path("client.key"))
        return context

    def server_context(self, alpn=("h2",)):
        """An ssl context for a fake gateway; it asks for no certificate, as go-push."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path("server.pem"), self.path("server.key"))
        context.set_alpn_protocols(list(alpn))
        return context
