"""Servers that demand TLS and a login. They are devstack's, whatever the rest of the run uses."""

import json
import subprocess
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import time
from typing import NamedTuple

import pytest

import devstack
from devstack import kafka
from devstack.stack import HOME
from devstack.supervisor import free_ports
from tests.secured.certificates import Authority, Certificate

USER, PASSWORD = "crm", "p%20#/word"
LOCAL = ("IP:127.0.0.1", "DNS:localhost")
_LOGIN = "org.apache.kafka.common.security"


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def certificate(authority: Authority) -> Certificate:
    """A certificate of a server on this machine."""
    return authority.sign("server", *LOCAL)


class Broker(NamedTuple):
    """`plain` is for the test alone. `secure` demands TLS and a login, `mutual` TLS and a client's certificate."""

    plain: str
    secure: str
    mutual: str


@pytest.fixture(scope="session")
def broker(
    authority: Authority, certificate: Certificate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Broker]:
    *ports, controller = free_ports(4)
    plain, secure, mutual = (f"127.0.0.1:{port}" for port in ports)
    keystore = tmp_path_factory.mktemp("broker") / "keystore.pem"
    keystore.write_text(certificate.key.read_text() + certificate.cert.read_text())
    inside = f"PLAINTEXT://{plain},SECURE://{secure},MUTUAL://{mutual}"
    properties = {
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"{inside},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": inside,
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL,MUTUAL:SSL",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(keystore),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.cert),
        "listener.name.mutual.ssl.client.auth": "required",
        "listener.name.secure.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
        "listener.name.secure.plain.sasl.jaas.config": (
            f'{_LOGIN}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
        ),
        **{
            f"listener.name.secure.scram-sha-{bits}.sasl.jaas.config": f"{_LOGIN}.scram.ScramLoginModule required;"
            for bits in (256, 512)
        },
        # Kafka's own check of unsigned tokens: for tests only.
        "listener.name.secure.oauthbearer.sasl.jaas.config": (
            f'{_LOGIN}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";'
        ),
    }
    with devstack.start(in_memory=True, postgres={"shared_buffers": "16MB"}, kafka=properties):
        jars = kafka.jars((HOME / "cache").resolve())
        tool = (kafka.java(), "-cp", f"{jars}/*", "kafka.admin.ConfigCommand", "--bootstrap-server", plain)
        for bits in 256, 512:
            login = f"SCRAM-SHA-{bits}=[iterations=4096,password={PASSWORD}]"
            alter = ("--alter", "--entity-type", "users", "--entity-name", USER, "--add-config", login)
            done = subprocess.run([*tool, *alter], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
        yield Broker(plain, secure, mutual)


@pytest.fixture(scope="session")
def token_url() -> Iterator[str]:
    """Gives unsigned tokens to the client that knows the password."""
    right = {"grant_type=client_credentials"}

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            known = self.headers["Authorization"] == "Basic " + _encoded(f"{USER}:{PASSWORD}", padded=True)
            claims = {"sub": USER, "iat": int(time()), "exp": int(time()) + 300}
            token = f"{_encoded(json.dumps({'alg': 'none'}))}.{_encoded(json.dumps(claims))}."
            answer = json.dumps({"access_token": token, "expires_in": 300} if known and body in right else {}).encode()
            self.send_response(200 if known else 401)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/token"
        server.shutdown()
        thread.join()


def _encoded(text: str, *, padded: bool = False) -> str:
    encoded = urlsafe_b64encode(text.encode()).decode()
    return encoded if padded else encoded.rstrip("=")


def settings(database: str, servers: str, prefix: str) -> dict[str, str]:
    return {
        "G3N_KAFKA_BOOTSTRAP_SERVERS": servers, "G3N_POSTGRES_DSN": database, "G3N_CARD_KEY": "0f" * 32,
        "G3N_TOPIC_PREFIX": prefix, "G3N_CONSUMER_GROUP": prefix + "worker", "G3N_PARTITIONS": "1",
        "G3N_HTTP_PORT": "0", "G3N_LOG_FORMAT": "json", "G3N_ON_FAILURE": "crash",
    }  # fmt: skip
