"""From nothing to a login: init, check, serve, with the real command."""

import os
import pty
import re
import select
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.harness import TOKEN, Process, Telegram, Tgauth, eventually, free_port, tgauth

#: Makes standard input the terminal that getpass(3) looks for: the tests' own is nobody's business.
TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.executable, [sys.executable, '-m', 'tgauth', *sys.argv[1:]])"
)


class Terminal:
    """A command at a terminal, and somebody who reads and types."""

    def __init__(self, descriptor: int, process: "subprocess.Popen[bytes]") -> None:
        self._descriptor = descriptor
        self.process = process
        self.screen = ""
        self._read = 0

    def expect(self, text: str, *, within: float = 20.0) -> None:
        """Wait until a text comes up behind what was expected before."""
        deadline = time.monotonic() + within
        while (found := self.screen.find(text, self._read)) < 0:
            ready, _, _ = select.select([self._descriptor], [], [], deadline - time.monotonic())
            assert ready, f"{text!r} never came:\n{self.screen}"
            try:
                self.screen += os.read(self._descriptor, 65536).decode().replace("\r\n", "\n")
            except OSError:  # the command has ended
                assert text in self.screen[self._read :], f"{text!r} never came:\n{self.screen}"
        self._read = found + len(text)

    def press(self, key: str) -> None:
        """Press one key, once the command waits for one.

        Python overlooks a signal that arrives between its prompt and its reading.
        """
        stat_file = Path(f"/proc/{self.process.pid}/stat")

        def is_waiting() -> bool:
            before = stat_file.read_text()
            time.sleep(0.1)
            return before.rpartition(")")[2].split()[0] == "S" and before == stat_file.read_text()

        eventually(is_waiting)
        os.write(self._descriptor, key.encode())

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self._descriptor, f"{line}\n".encode())


@contextmanager
def terminal(folder: Path, *arguments: str) -> Iterator[Terminal]:
    """Run a tgauth command at a terminal."""
    ours, theirs = pty.openpty()
    environment = {key: text for key, text in os.environ.items() if not key.startswith("TGAUTH_")}
    with subprocess.Popen(
        (sys.executable, "-c", TAKE_TERMINAL, *arguments),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env=environment,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        try:
            yield Terminal(ours, process)
        finally:
            process.kill()
            os.close(ours)


@pytest.fixture
def installation(tmp_path: Path, sandbox: Telegram) -> Iterator[Tgauth]:
    """A folder for an installation whose settings are in a file there, and nowhere else."""
    with tgauth(tmp_path, sandbox.url) as prepared:
        port = prepared.url.rpartition(":")[2]
        prepared.environment.clear()
        prepared.environment["TGAUTH_API__PORT"] = port
        yield prepared


def command(
    installation: Tgauth, *arguments: str, given: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end in the installation's folder, without a terminal."""
    environment = {key: text for key, text in os.environ.items() if not key.startswith("TGAUTH_")}
    return subprocess.run(
        (sys.executable, "-m", "tgauth", *arguments),
        input=given,
        capture_output=True,
        text=True,
        cwd=installation.folder,
        env=environment | installation.environment,
        timeout=60,
        check=False,
    )


def test_from_options_to_a_login(sandbox: Telegram, installation: Tgauth) -> None:
    """Without a terminal: init writes what check finds good and serve runs on."""
    config = str(installation.folder / "etc" / "tgauth.toml")
    (installation.folder / "etc").mkdir()
    made = command(
        installation,
        *("init", "--token-file", "-", "--issuer", installation.url, "--allow", "42"),
        *("--api-url", sandbox.url, "--output", config),
        given=f"{TOKEN}\n",
    )
    assert 0 == made.returncode, made.stderr
    assert TOKEN not in made.stdout + made.stderr
    [step] = re.findall(r"^Next: tgauth (.*) check$", made.stdout, re.MULTILINE)
    assert f"--config {config}" == step
    # Beside the file, wherever tgauth is started.
    path = Path(config)
    path.write_text(path.read_text().replace('# path = "tgauth.db"', 'path = "tgauth.db"'))

    before = command(installation, "--config", config, "check")
    assert 0 == before.returncode, before.stdout
    assert "will be made at the first start" in before.stdout
    assert not path.with_name("tgauth.db").exists()

    served = installation.start("--config", config, "serve")
    sandbox.send(42, "/login")
    assert installation.exchange(sandbox.code(42)).status_code == 200
    during = command(installation, "--config", config, "check")
    assert 0 == during.returncode, during.stdout
    assert {"ok"} == {line.split()[0] for line in during.stdout.splitlines()}
    assert f"{installation.url} leads to this tgauth" in during.stdout
    assert path.with_name("tgauth.db").exists()
    assert served.stop() == 0
    assert f"settings.read file={config}" in installation.output
    assert 1 == installation.output.count("settings.read ")


def test_from_questions_to_a_login(sandbox: Telegram, installation: Tgauth) -> None:
    """At a terminal: a slip is asked again, the token is neither shown nor taken when refused."""
    with terminal(installation.folder, "init", "--api-url", sandbox.url) as at:
        at.expect("Token: ")
        at.type("hunter2")
        at.expect("That will not do: it does not look like a bot token")
        at.expect("Token: ")
        at.type("4242:another-token-entirely")
        at.expect("That will not do: Telegram refuses it; take the current token")
        at.expect("Token: ")
        at.type(f" {TOKEN} ")
        at.expect("It is the token of @")
        at.expect("Address: ")
        at.type("login.example.org")
        at.expect("That will not do: it must be an address like https://login.example.org")
        at.expect("Address: ")
        at.type(f"{installation.url}/")
        at.expect("Who may log in: ")
        at.type("")
        at.expect("That will not do: it is neither 'everyone' nor a list of Telegram ids")
        at.expect("Who may log in: ")
        at.type("42 43")
        at.expect("Callback: ")
        at.type("http://app.example/cb")
        at.expect("That will not do: plain http would show login codes")
        at.expect("Callback: ")
        at.type("")
        at.expect("Name: ")
        at.type("The Shop")
        at.expect("Wrote tgauth.toml")
        at.expect("Next: tgauth check")
        at.expect("Then: tgauth serve")
        assert 0 == at.process.wait(10)
    for secret in ("hunter2", "another-token", TOKEN):
        assert secret not in at.screen
    path = installation.folder / "tgauth.toml"
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)

    checked = command(installation, "check")
    assert 0 == checked.returncode, checked.stdout
    port = installation.environment["TGAUTH_API__PORT"]
    served = started(installation)
    sandbox.send(43, "/login")
    assert installation.exchange(sandbox.code(43)).status_code == 200
    assert f"address=http://127.0.0.1:{port}" in served.output
    assert served.stop() == 0


def started(installation: Tgauth) -> Process:
    """Start `tgauth serve` in the installation's folder, where its tgauth.toml is."""
    before = Path.cwd()
    os.chdir(installation.folder)
    try:
        return installation.start("serve")
    finally:
        os.chdir(before)


@pytest.mark.parametrize(
    ("typed", "told", "code"),
    [
        ("\x03", "tgauth: broken off; nothing was written", 130),
        ("\x04", "tgauth: the input ended before an answer; nothing was written", 1),
    ],
    ids=["Ctrl-C", "Ctrl-D"],
)
def test_a_question_that_is_broken_off_writes_nothing(
    installation: Tgauth, sandbox: Telegram, typed: str, told: str, code: int
) -> None:
    """Both are answers, too, at a hidden question as at any other."""
    given = ("--token-file", str(installation.folder / "token"), "--api-url", sandbox.url)
    Path(given[1]).write_text(TOKEN)
    for arguments, question in (((), "Token: "), (given, "Address: ")):
        with terminal(installation.folder, "init", *arguments) as at:
            at.expect(question)
            at.press(typed)
            at.expect(told)
            assert code == at.process.wait(10)
        assert "Traceback" not in at.screen
        assert "Aborted" not in at.screen
    assert not (installation.folder / "tgauth.toml").exists()


def test_only_one_serve_works_on_a_database(tmp_path: Path, sandbox: Telegram) -> None:
    """A second names the first and ends with 75; a killed one is in nobody's way."""
    with tgauth(tmp_path, sandbox.url) as installation:
        first = installation.start("serve")
        other = {"TGAUTH_API__PORT": str(free_port())}

        second = installation.start("serve", wait=False, environment=other)
        assert 75 == second.popen.wait(20)
        told = f"is served already, by process {first.popen.pid}: stop that one first"
        assert told in installation.output

        link = tmp_path / "another-name.db"
        link.symlink_to(installation.database)
        by_another_name = other | {"TGAUTH_DATABASE__PATH": str(link)}
        third = installation.start("serve", wait=False, environment=by_another_name)
        assert 75 == third.popen.wait(20)

        first.stop(signal.SIGKILL)
        eventually(lambda: not first.children())
        fourth = installation.start("serve")
        sandbox.send(42, "/login")
        assert installation.exchange(sandbox.code(42)).status_code == 200
        assert 0 == fourth.stop()
