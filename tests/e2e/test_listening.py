"""Promises about where the real command listens: unix sockets, and sockets of a service manager."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.harness import Process, Tgauth, answers, eventually, free_port, tgauth

ACTIVATE = shutil.which("systemd-socket-activate")

needs_systemd = pytest.mark.skipif(
    ACTIVATE is None, reason="needs systemd: apt-get install systemd"
)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Tgauth]:
    """An installation that does not run yet, without a Telegram."""
    with tgauth(tmp_path, "http://127.0.0.1:9") as prepared:
        yield prepared


def over(path: Path, address: str = "/healthz", **headers: str) -> httpx.Response:
    """Ask over a unix socket."""
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), timeout=20) as client:
        return client.get(f"http://login.example.org{address}", headers=headers)


def answers_over(path: Path) -> bool:
    """Say whether somebody answers there."""
    # By hand: httpx leaves a socket open that it could not connect.
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as wire:
        wire.settimeout(20)
        try:
            wire.connect(str(path))
            wire.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return wire.recv(4096).startswith(b"HTTP/1.1 200")
        except OSError:
            return False


@pytest.mark.parametrize("command", [("serve",), ("run", "api")], ids=" ".join)
def test_a_unix_socket_is_served(installation: Tgauth, command: tuple[str, ...]) -> None:
    """With the mode that was chosen; it is made anew after a kill, and gone after a stop."""
    path = installation.folder / "api.sock"
    settings = {"TGAUTH_API__HOST": f"unix:{path}", "TGAUTH_API__SOCKET_MODE": "0606"}
    killed = installation.start(*command, wait=False, environment=settings)
    eventually(lambda: answers_over(path))
    killed.stop(signal.SIGKILL)
    eventually(lambda: not answers_over(path))  # its children die with it, a moment later
    assert path.is_socket()

    served = installation.start(*command, wait=False, environment=settings)
    eventually(lambda: answers_over(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o606
    assert over(path, "/.well-known/jwks.json").json()["keys"]
    assert f"address=unix:{path}" in installation.output
    assert served.stop() == 0
    assert not path.exists()


def test_failures_over_a_unix_socket_count_by_who_the_proxy_says(installation: Tgauth) -> None:
    """One visitor's guesses do not shut out the next, nor the proxy."""
    path = installation.folder / "api.sock"
    settings = {"TGAUTH_API__HOST": f"unix:{path}", "TGAUTH_API__FAILURES_PER_MINUTE": "2"}
    served = installation.start("serve", wait=False, environment=settings)
    eventually(lambda: answers_over(path))
    statuses = [
        over(
            path, "/api/auth/me", **{"Authorization": "Bearer forged", "X-Forwarded-For": visitor}
        ).status_code
        for visitor in ("203.0.113.1",) * 4 + ("203.0.113.2",)
    ]
    assert statuses == [401, 401, 429, 429, 401]
    assert served.stop() == 0


def test_a_path_where_no_socket_can_be_ends_with_78(installation: Tgauth) -> None:
    """And the line names the setting."""
    path = installation.folder / "missing" / "api.sock"
    served = installation.start(
        "serve", wait=False, environment={"TGAUTH_API__HOST": f"unix:{path}"}
    )
    assert served.popen.wait(20) == 78
    said = f"TGAUTH_API__HOST: cannot listen on unix:{path}: its folder does not exist"
    assert said in installation.output


def activated(
    installation: Tgauth, *options: str, command: tuple[str, ...] = ("serve",)
) -> Process:
    """Run a command as systemd does for a socket's first connection."""
    passed = [f"--setenv={name}" for name in installation.environment]
    argv = [str(ACTIVATE), *options, *passed, sys.executable, "-m", "tgauth", *command]
    process = Process.start(
        argv, log=installation.folder / "tgauth.log", environment=installation.environment
    )
    installation.running.append(process)
    return process


@pytest.mark.systemd
@needs_systemd
@pytest.mark.parametrize("command", [("serve",), ("run", "api")], ids=" ".join)
def test_a_socket_of_the_service_manager_is_served(
    installation: Tgauth, command: tuple[str, ...]
) -> None:
    """It goes before the settings, and the connection that woke us is answered."""
    port = free_port()
    served = activated(installation, f"--listen=127.0.0.1:{port}", command=command)
    eventually(lambda: answers(f"http://127.0.0.1:{port}/healthz"))
    assert f"address=http://127.0.0.1:{port}" in installation.output
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(installation.url.rpartition(":")[2])))
    assert served.stop() == 0


@pytest.mark.systemd
@needs_systemd
def test_a_unix_socket_of_the_service_manager_is_served(installation: Tgauth) -> None:
    """And left where it is: it is not ours."""
    path = installation.folder / "activated.sock"
    served = activated(installation, f"--listen={path}")
    eventually(lambda: answers_over(path))
    assert served.stop() == 0
    assert path.is_socket()


@pytest.mark.systemd
@needs_systemd
def test_of_several_sockets_one_has_to_be_named(installation: Tgauth) -> None:
    """Or it would be anybody's guess what they are for."""
    one, two = free_port(), free_port()
    listens = (f"--listen=127.0.0.1:{one}", f"--listen=127.0.0.1:{two}")
    served = activated(installation, *listens, "--fdname=other:another")
    eventually(lambda: connects(one))
    assert served.popen.wait(20) == 78
    assert "LISTEN_FDS: 2 sockets were handed over: other, another" in installation.output
    served = activated(installation, *listens, "--fdname=other:api")
    eventually(lambda: answers(f"http://127.0.0.1:{two}/healthz"))
    assert served.stop() == 0


def connects(port: int) -> bool:
    """Connect once, where somebody listens."""
    try:
        with socket.create_connection(("127.0.0.1", port)):
            return True
    except ConnectionRefusedError:
        return False


NGINX = """
pid {folder}/nginx.pid; daemon off; error_log {folder}/nginx-error.log; worker_processes 1;
{user}events {{}}
http {{
  access_log off; {paths}
  upstream tgauth {{ server unix:{path}; keepalive 4; keepalive_timeout 5s; }}
  server {{ listen 127.0.0.1:{port};
    location / {{ proxy_pass http://tgauth; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr; }} }}
}}
"""


@pytest.mark.proxy
@pytest.mark.skipif(shutil.which("nginx") is None, reason="needs nginx: apt-get install nginx")
def test_nginx_reaches_a_unix_socket(installation: Tgauth) -> None:
    """As docs/settings.md says, with kept connections, over a reload."""
    folder, port = installation.folder, free_port()
    path = folder / "api.sock"
    served = installation.start(
        "serve", wait=False, environment={"TGAUTH_API__HOST": f"unix:{path}"}
    )
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    user = "user root;\n" if os.getuid() == 0 else ""
    file = folder / "nginx.conf"
    file.write_text(NGINX.format(folder=folder, path=path, port=port, paths=paths, user=user))
    nginx = Process.start(
        ["nginx", "-e", f"{folder}/nginx-error.log", "-c", str(file), "-p", str(folder)],
        log=folder / "nginx.log",
        environment={},
    )
    try:
        eventually(lambda: answers(f"http://127.0.0.1:{port}/healthz"))
        served.popen.send_signal(signal.SIGHUP)
        while "supervisor.reloaded" not in served.output:
            assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
        assert served.stop() == 0
    finally:
        nginx.stop()
        nginx.end()


def test_check_looks_at_a_unix_socket(installation: Tgauth) -> None:
    """Free before the start, listened on after it."""
    path = installation.folder / "api.sock"
    installation.environment["TGAUTH_API__HOST"] = f"unix:{path}"
    assert f"unix:{path} is free" in checked(installation)
    installation.start("serve", wait=False)
    eventually(lambda: answers_over(path))
    assert f"unix:{path} is listened on" in checked(installation)


def checked(installation: Tgauth) -> str:
    """Run `tgauth check`."""
    done = subprocess.run(
        (sys.executable, "-m", "tgauth", "check", "--offline"),
        env={"PATH": "/usr/bin:/bin", **installation.environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.stdout
