# SPDX-License-Identifier: Apache-2.0
"""A private CA with a server and a client certificate, as deploy/make-certs makes them."""

import pathlib
import ssl
import subprocess

from harness.build import ROOT


class Certs:
    """ca.pem, gateway.pem/.key and logic.pem/.key in one directory."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        subprocess.run([str(ROOT / "deploy" / "make-certs"), str(self.directory)], check=True, capture_output=True)

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
