"""The files deploy/nginx.conf and deploy/Caddyfile, run by the real nginx and Caddy."""

import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import httpx
import pytest
from tests.harness import Process, eventually, free_port
from tests.house.sources import ROOT

#: A name that browsers resolve to this machine, and that is not `localhost` itself.
HOST: Final = "login.localhost"

TOOLS: Final = ("nginx", "caddy", "openssl")
MISSING: Final = [tool for tool in TOOLS if shutil.which(tool) is None]

needs_proxies = pytest.mark.skipif(
    bool(MISSING), reason=f"needs proxies: apt-get install {' '.join(MISSING)}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy that terminates TLS for one name.

    Attributes:
        port: Where it listens on 127.0.0.1.
        upstream: The port that it passes requests on to.
        logs: Every file that it writes about requests.
    """

    port: int
    upstream: int
    process: Process
    logs: tuple[Path, ...]

    @property
    def url(self) -> str:
        """The address as a browser knows it."""
        return f"https://{HOST}:{self.port}"

    @property
    def logged(self) -> str:
        """Everything that it has logged."""
        return "".join(file.read_text("utf-8") for file in self.logs if file.exists())

    @contextmanager
    def client(self, source: str = "127.0.0.1") -> Iterator[httpx.Client]:
        """Return a client at another loopback address, for whom the name need not resolve."""
        transport = httpx.HTTPTransport(verify=False, local_address=source)
        with httpx.Client(
            base_url=f"https://127.0.0.1:{self.port}",
            transport=transport,
            headers={"Host": f"{HOST}:{self.port}"},
            timeout=20,
        ) as client:
            yield client

    def request(
        self, client: httpx.Client, method: str, path: str, **more: object
    ) -> httpx.Response:
        """Send a request in the name's TLS session."""
        extensions = {"sni_hostname": HOST}
        return client.request(method, path, extensions=extensions, **more)  # type: ignore[arg-type]  # httpx's own parameters


@contextmanager
def nginx(folder: Path) -> Iterator[Proxy]:
    """Run nginx with our file as the only site."""
    certificate, key = self_signed(folder)
    port, upstream = free_port(), free_port()
    site = changed(
        ROOT / "deploy" / "nginx.conf",
        {
            "listen 80;": f"listen 127.0.0.1:{free_port()};",
            "    listen [::]:80;\n": "",
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "    listen [::]:443 ssl http2;\n": "",
            "login.example.org;": f"{HOST};",
            "/etc/letsencrypt/live/login.example.org/fullchain.pem": str(certificate),
            "/etc/letsencrypt/live/login.example.org/privkey.pem": str(key),
            "/var/log/nginx/": f"{folder}/",
            "server 127.0.0.1:8000;": f"server 127.0.0.1:{upstream};",
        },
    )
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    errors = folder / "nginx-error.log"
    whole = folder / "nginx.conf"
    # Run as root, the workers would else be somebody who may not enter the tests' folder.
    whole.write_text(
        f"user root;\npid {folder}/nginx.pid;\ndaemon off;\nworker_processes 2;\n"
        f"error_log {errors} info;\nevents {{}}\nhttp {{\n{temporary}{site}}}\n"
    )
    argv = ["nginx", "-e", str(errors), "-c", str(whole), "-p", str(folder)]
    with running(argv, folder, {}) as process:
        yield Proxy(
            port=port,
            upstream=upstream,
            process=process,
            logs=(folder / "tgauth.log", errors, folder / "proxy.log"),
        )


@contextmanager
def caddy(folder: Path) -> Iterator[Proxy]:
    """Run Caddy with our file, and with a certificate that it makes itself."""
    port, upstream = free_port(), free_port()
    for_tests = f"\tadmin off\n\tskip_install_trust\n\thttp_port {free_port()}\n"
    site = changed(
        ROOT / "deploy" / "Caddyfile",
        {"{\n\t# What goes wrong": f"{{\n{for_tests}\t# What goes wrong"},
    )
    whole = folder / "Caddyfile"
    whole.write_text(site)
    environment = {
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "LOGIN_HOST": f"{HOST}:{port}",
        "LOGIN_UPSTREAM": f"127.0.0.1:{upstream}",
    }
    argv = ["caddy", "run", "--config", str(whole), "--adapter", "caddyfile"]
    with running(argv, folder, environment) as process:
        yield Proxy(port=port, upstream=upstream, process=process, logs=(folder / "proxy.log",))


PROXIES: Final = {"nginx": nginx, "caddy": caddy}


@contextmanager
def proxy(name: str, folder: Path) -> Iterator[Proxy]:
    """Run one of them until it answers."""
    with PROXIES[name](folder) as started:
        eventually(lambda: _answers(started))
        yield started


def _answers(started: Proxy) -> bool:
    assert started.process.popen.poll() is None, started.logged
    try:
        with started.client() as client:
            return started.request(client, "GET", "/waiting").status_code > 0
    except httpx.HTTPError:
        return False


@contextmanager
def running(argv: list[str], folder: Path, environment: dict[str, str]) -> Iterator[Process]:
    """Run a proxy, and end it with all of its workers."""
    process = Process.start(argv, log=folder / "proxy.log", environment=environment)
    try:
        yield process
        process.stop()
    finally:
        process.end()


def changed(file: Path, changes: dict[str, str]) -> str:
    """Return a file of deploy/ with the few things changed that an operator changes."""
    text = file.read_text("utf-8")
    for old, new in changes.items():
        assert old in text, f"{file.name} has no {old!r} any more"
        text = text.replace(old, new)
    return text


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for the name, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -batch "
        f"-subj /CN={HOST} -addext subjectAltName=DNS:{HOST} "
        f"-out {certificate} -keyout {key}".split(),
        check=True,
        capture_output=True,
    )
    return certificate, key


@dataclass(slots=True)
class Recorder:
    """A small server that remembers what it was asked."""

    port: int
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)


@contextmanager
def recorder(
    port: int = 0, *, status: int = 200, more: Mapping[str, str] | None = None
) -> Iterator[Recorder]:
    """Run a recorder; `/events` streams one event, and goes on only when it is released."""
    seen = Recorder(port)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            if len(self.rfile.read(length)) < length:
                self.close_connection = True
                return
            seen.paths.append(self.path)
            seen.headers.append(dict(self.headers.items()))
            self.send_response(status)
            events = self.path == "/events"
            self.send_header("Content-Type", "text/event-stream" if events else "text/html")
            for header, text in (more or {}).items():
                self.send_header(header, text)
            self.end_headers()
            self.wfile.write(b"data: first\n\n")
            if events:
                seen.release.wait(20)
                self.wfile.write(b"data: last\n\n")

        do_POST = do_GET  # noqa: N815 - http.server's name

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    seen.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield seen
    finally:
        seen.release.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
