"""What each language and tool needs to trust the root of a folder, and to find the real host names at
loopback. Texts for people; a test runs those of the languages that it finds."""

from __future__ import annotations

from msgspec import Struct

from chatmarks.certificates import TRUST_STORE_PASSWORD
from chatmarks.regions import Region
from chatmarks.tls_folder import TlsFolder


class Recipe(Struct, frozen=True):
    """What a tool needs. `environ`: variables that make it trust the root; `trust`: what else there is
    to say of that; `names`: how it finds the names at loopback, to be pasted; `note`: what to know."""

    environ: dict[str, str]
    trust: str
    names: str
    note: str = ""


def recipes(folder: TlsFolder, region: Region, port: int) -> dict[str, Recipe]:
    """The recipes by their tools, for the two hosts of `region` and a server on `port`."""
    root = str(folder.root)
    java = (
        f'"-Djavax.net.ssl.trustStore={folder.trust_store}" -Djavax.net.ssl.trustStoreType=PKCS12'
        f" -Djavax.net.ssl.trustStorePassword={TRUST_STORE_PASSWORD}"
    )

    def filled(text: str) -> str:
        words = {
            "@root": root,
            "@folder": str(folder.path),
            "@hosts_file": str(folder.hosts_file),
            "@host": region.host,
            "@backup": region.backup_host,
            "@port": str(port),
        }
        for word, value in words.items():
            text = text.replace(word, value)
        return text.strip()

    python = {"REQUESTS_CA_BUNDLE": root, "SSL_CERT_FILE": root}
    return {
        "curl": Recipe({"CURL_CA_BUNDLE": root}, filled(_CURL_TRUST), filled(_CURL)),
        "python": Recipe(python, filled(_PYTHON_TRUST), filled(_PYTHON), filled(_PYTHON_NOTE)),
        "httpx": Recipe({"SSL_CERT_FILE": root}, filled(_HTTPX_TRUST), filled(_HTTPX)),
        "node": Recipe({"NODE_EXTRA_CA_CERTS": root}, _NODE_TRUST, filled(_NODE), filled(_NODE_NOTE)),
        "java": Recipe({"JAVA_TOOL_OPTIONS": java}, filled(_JAVA_TRUST), filled(_JAVA), _KEEPS_PORT),
        "go": Recipe({"SSL_CERT_FILE": root}, filled(_GO_TRUST), filled(_GO)),
        "php": Recipe({}, filled(_PHP_TRUST), filled(_PHP), filled(_PHP_NOTE)),
        "docker": Recipe({}, filled(_DOCKER_TRUST), filled(_DOCKER), _DOCKER_NOTE),
    }


_CURL_TRUST = "Or: curl --cacert '@root' …"
_CURL = """
curl --connect-to @host:443:127.0.0.1:@port --connect-to @backup:443:127.0.0.1:@port https://@host/healthz
"""

_PYTHON_TRUST = """
requests reads the first of the two, ssl and httpx the second, in place of what they trust otherwise.
"""
_PYTHON = """
# conftest.py
import socket

import pytest


@pytest.fixture(autouse=True)
def chat_at_loopback(monkeypatch):
    resolve = socket.getaddrinfo

    def resolved(host, port, *more, **options):
        if host in ("@host", "@backup"):
            host, port = "127.0.0.1", @port
        return resolve(host, port, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
"""
_PYTHON_NOTE = """
This serves requests, urllib3, http.client and httpx.Client. httpx.AsyncClient takes only the address
from there, not the port: see httpx.
"""

_HTTPX_TRUST = "Or as below: verify."
_HTTPX = """
import ssl

import httpx


class AtLoopback(httpx.AsyncHTTPTransport):
    # For httpx.Client: HTTPTransport, handle_request and no async and await.
    async def handle_async_request(self, request):
        if request.url.host in ("@host", "@backup"):
            request.extensions["sni_hostname"] = request.url.host
            request.url = request.url.copy_with(host="127.0.0.1", port=@port)
        return await super().handle_async_request(request)


verify = ssl.create_default_context(cafile=r"@root")
client = httpx.AsyncClient(transport=AtLoopback(verify=verify))
"""

_NODE_TRUST = "It adds to what Node trusts. It must be set before the process starts."
_NODE = """
// at-loopback.cjs, for: node --require ./at-loopback.cjs … (or NODE_OPTIONS)
const net = require("node:net");
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...given) {
  // Within Node the options come in a list, from elsewhere as they are.
  const [holder, key] = Array.isArray(given[0]) ? [given[0], 0] : [given, 0];
  if (["@host", "@backup"].includes(holder[key]?.host)) {
    holder[key] = { ...holder[key], host: "127.0.0.1", port: @port };
  }
  return connect.apply(this, given);
};
"""
_NODE_NOTE = """
It serves fetch, node:https and what is built on them. Without it, for node:https alone and with the
port in the URL, among the options of a request or of an Agent:
lookup: (name, options, done) => done(null, [{ address: "127.0.0.1", family: 4 }])
"""

_JAVA_TRUST = """
It takes the place of the authorities that Java trusts. To add to a copy of those instead:
keytool -importcert -noprompt -alias chatmarks -file '@root' -keystore COPY -storepass changeit
"""
_JAVA = """
export JAVA_TOOL_OPTIONS="$JAVA_TOOL_OPTIONS '-Djdk.net.hosts.file=@hosts_file'"
"""
_KEEPS_PORT = """
No other names than those in that file are found any more. The port stays that of the URL, 443 unless it
names one. So give the client a URL with the port, or serve on 443: chatmarks serve --tls --port 443,
which on Linux takes root, or sysctl net.ipv4.ip_unprivileged_port_start=443, or a container.
""".strip()

_GO_TRUST = """
Not on macOS and Windows, where Go asks the system: there put '@root' into TLSClientConfig.RootCAs.
"""
_GO = """
transport := http.DefaultTransport.(*http.Transport).Clone()
transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
	if address == "@host:443" || address == "@backup:443" {
		address = "127.0.0.1:@port"
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}
client := &http.Client{Transport: transport}
"""

_PHP_TRUST = "php -d curl.cainfo='@root' -d openssl.cafile='@root' …, or the same two lines in php.ini"
_PHP = """
curl_setopt($curl, CURLOPT_CONNECT_TO, ['@host:443:127.0.0.1:@port', '@backup:443:127.0.0.1:@port']);
"""
_PHP_NOTE = """
With the port in the URL also: CURLOPT_RESOLVE => ['@host:@port:127.0.0.1']. In Guzzle either belongs
under the option 'curl'.
"""

_DOCKER_TRUST = "Mount '@root' into the container of the client; there its language says what to do."
_DOCKER = """
docker run --detach --network tests --network-alias @host --network-alias @backup \\
  --user "$(id -u)" --no-healthcheck --volume '@folder:/tls:ro' \\
  --env CHATMARKS_TLS=1 --env CHATMARKS_TLS_DIR=/tls --env CHATMARKS_PORT=443 \\
  --env CHATMARKS_STORE=memory: --env CHATMARKS_APP=1400000001:administrator \\
  --env CHATMARKS_APP_KEY_FILE=/run/key --volume "$PWD/key:/run/key:ro" chatmarks
"""
_DOCKER_NOTE = """
The clients are in the same network, tests, and need no change. If the server runs outside of Docker:
give the client --add-host NAME:host-gateway, and serve on port 443 of an address that containers reach.
""".strip()
