"""Promises of the container's files, as far as they can be kept without a container engine."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from tests.deploy.proxies import recorder
from tests.harness import (
    Process,
    Telegram,
    Tgauth,
    answers,
    eventually,
    free_port,
)
from tests.house.sources import ROOT

from tgauth.processes import STOP_DEADLINE
from tgauth.settings import load_settings

DEPLOY = ROOT / "deploy"
SCRIPTS = Path(sys.executable).parent
SETTINGS = {"LOGIN_HOST": "login.example.org", "LOGIN_ALLOW": "12345678"}


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions with their arguments."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [
        (word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines) if word
    ]


def arguments_of(wanted: str) -> list[str]:
    """Return the arguments of every instruction of one kind."""
    return [rest for word, rest in instructions() if word == wanted]


def copied() -> list[str]:
    """Return what the image takes from the repository."""
    local = [words.split() for words in arguments_of("COPY") if "--from" not in words]
    return [source for words in local for source in words[:-1]]


def run_tool(*argv: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a tool of the tests' own environment."""
    command = shutil.which(argv[0], path=str(SCRIPTS))
    assert command is not None, f"{argv[0]} is in the tests' dependency group"
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("TGAUTH_")}
    return subprocess.run(
        (command, *argv[1:]),
        capture_output=True,
        text=True,
        check=False,
        env=inherited | environment,
        cwd=DEPLOY,
    )


def compose(file: Path = DEPLOY / "compose.yaml") -> dict[str, Any]:
    """Return a compose file as Compose itself understands it."""
    done = run_tool("docker-compose", "-f", str(file), "config", "--format=json", **SETTINGS)
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(done.stdout))


def test_hadolint_finds_nothing() -> None:
    """The Dockerfile keeps the field's own rules, without an exception."""
    done = run_tool("hadolint", "--no-color", "--failure-threshold", "ignore", "Dockerfile")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_image_is_pinned_and_runs_as_nobody_special() -> None:
    """One base of one minor version; a numbered user, which Kubernetes can check."""
    bases = {words.split()[0] for words in arguments_of("FROM")}
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.\d+-slim-[a-z]+", bases.pop())
    [user] = arguments_of("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert f"--chown={user} /data /data" in " ".join(arguments_of("COPY"))
    assert arguments_of("VOLUME") == ["/data"]


def test_no_shell_stands_between_the_engine_and_tgauth() -> None:
    """A shell as process 1 would keep SIGTERM to itself: every command is a list."""
    health = [words.partition("CMD ")[2] for words in arguments_of("HEALTHCHECK")]
    for name in ("ENTRYPOINT", "CMD", "RUN"):
        assert all(isinstance(json.loads(words), list) for words in arguments_of(name)), name
    assert all(isinstance(json.loads(words), list) for words in health)
    assert len(health) == 1


def test_nothing_else_of_the_folder_reaches_the_image() -> None:
    """What is copied is let through; stores, keys, settings and history are not."""
    rules = [
        line
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    ]

    def sent(path: str) -> bool:
        verdict = True
        for rule in rules:
            pattern = rule.lstrip("!").rstrip("/")
            if fnmatch(path, pattern) or path.startswith(f"{pattern}/"):
                verdict = rule.startswith("!")
        return verdict

    assert copied()
    assert [] == [path for path in copied() if not sent(path)]
    secrets = ["tgauth.db", "tgauth.db.key", "tgauth.toml", "deploy/.env", "deploy/telegram-token"]
    assert [] == [path for path in [*secrets, ".git/config", ".venv/bin"] if sent(path)]


def test_what_is_copied_is_enough_to_install(tmp_path: Path) -> None:
    """The build stage sees nothing but its COPY lines, and the package builds from them."""
    source = tmp_path / "source"
    source.mkdir()
    for name in copied():
        assert (ROOT / name).exists(), name
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name)
        else:
            shutil.copy(ROOT / name, source)
    done = subprocess.run(
        (sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(tmp_path), source),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(tmp_path.glob("*.whl"))) == 1


def test_compose_understands_the_file() -> None:
    """Only what tgauth needs: a read-only root, no capability, the token as a secret file."""
    whole = compose()
    service = whole["services"]["tgauth"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["volumes"][0]["target"] == "/data"
    assert "ports" not in service
    settings = service["environment"]
    assert settings["TGAUTH_ISSUER"] == "https://login.example.org"
    assert settings["TGAUTH_TELEGRAM__TOKEN_FILE"] == service["secrets"][0]["target"]
    assert "TGAUTH_TELEGRAM__TOKEN" not in settings


def test_an_application_can_be_switched_on(tmp_path: Path) -> None:
    """Each commented line is good as it stands: callback, client, and its secret as a file."""
    optional = re.compile(r"^( *)# (TGAUTH_\w+: .*|- client-secret|client-secret:|  file: .*)$")
    lines = (DEPLOY / "compose.yaml").read_text("utf-8").splitlines()
    assert 7 == len([line for line in lines if optional.match(line)])
    file = tmp_path / "compose.yaml"
    file.write_text("\n".join(optional.sub(r"\1\2", line) for line in lines))
    service = compose(file)["services"]["tgauth"]
    secrets = {one["target"] for one in service["secrets"]}
    environment = dict(service["environment"])
    (tmp_path / "a-secret").write_text("123456:a-secret-of-this-length")
    for name in ("TGAUTH_TELEGRAM__TOKEN_FILE", "TGAUTH_LOGIN__CLIENT_SECRET_FILE"):
        secrets.remove(environment[name])
        environment[name] = str(tmp_path / "a-secret")
    assert set() == secrets
    login = load_settings(environment, tmp_path).login
    assert ("https://app.example.org/callback", "my-app", "My App") == (
        login.callback_url,
        login.client_id,
        login.application_name,
    )
    assert login.client_secret is not None


def test_the_commands_in_the_compose_file_are_commands() -> None:
    """What its head tells to run in the container is what tgauth knows, with its options."""
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    told = re.findall(r"docker compose (?:exec tgauth tgauth|run --rm tgauth) ([a-z ]+[a-z])", text)
    assert ["check", "user list", "db backup", "db restore"] == told
    for command in told:
        assert run_tool("tgauth", *command.split(), "--help").returncode == 0
    [database] = re.findall(r"TGAUTH_DATABASE__PATH=(\S+)", " ".join(arguments_of("ENV")))
    assert f"docker compose cp tgauth:{database}.key ." in text


def test_compose_gives_tgauth_time_to_stop() -> None:
    """Longer than our own deadline; Docker's 10 seconds are counted from an earlier moment."""
    grace = compose()["services"]["tgauth"]["stop_grace_period"]
    assert float(grace.removesuffix("s")) > STOP_DEADLINE


def test_compose_believes_only_its_own_proxy() -> None:
    """The network that Caddy shares with tgauth is the one whose headers are believed."""
    whole = compose()
    [subnet] = [part["subnet"] for part in whole["networks"]["front"]["ipam"]["config"]]
    assert whole["services"]["tgauth"]["environment"]["TGAUTH_API__TRUSTED_PROXIES"] == subnet
    assert whole["services"]["caddy"]["environment"]["LOGIN_UPSTREAM"] == "tgauth:8000"
    assert arguments_of("EXPOSE") == ["8000"]


@pytest.mark.parametrize("missing", list(SETTINGS))
def test_compose_says_what_is_missing(missing: str) -> None:
    """Nothing starts without a name and somebody who may log in, and the line says which."""
    settings = {name: text for name, text in SETTINGS.items() if name != missing}
    done = run_tool("docker-compose", "-f", "compose.yaml", "config", **settings)

    assert done.returncode != 0
    assert f"required variable {missing} is missing a value: set it to" in done.stderr


def check_health(**environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the image's health check."""
    argv = (sys.executable, "-I", str(DEPLOY / "healthcheck.py"))
    return subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)


def test_the_health_check_finds_tgauth(installation: Tgauth) -> None:
    """On the port that tgauth, or the platform, was told to use."""
    installation.start("serve")
    port = installation.environment["TGAUTH_API__PORT"]

    for environment in ({"TGAUTH_API__PORT": port}, {"PORT": port}):
        done = check_health(**environment)
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["status"] == "ready"


def test_the_health_check_tells_what_is_wrong() -> None:
    """Nobody there, or somebody who is not ready: another exit code than 0, and why."""
    port = str(free_port())
    nobody = check_health(PORT=port)
    assert nobody.returncode == 1
    assert f"no answer on port {port}" in nobody.stderr
    with recorder(status=503) as troubled:
        assert check_health(PORT=str(troubled.port)).returncode == 1


def can_unshare() -> bool:
    """Say whether this machine lets us make a PID namespace."""
    argv = ("unshare", "--pid", "--fork", "true")
    return subprocess.run(argv, check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not can_unshare(), reason="needs the right to make a PID namespace")
def test_the_images_command_works_as_process_1(sandbox: Telegram, installation: Tgauth) -> None:
    """What the image starts gets the engine's SIGTERM, and stops everything in order."""
    [entrypoint], [command] = arguments_of("ENTRYPOINT"), arguments_of("CMD")
    argv = [*json.loads(entrypoint), *json.loads(command)]
    argv[0] = str(SCRIPTS / Path(argv[0]).name)
    outer = Process.start(
        ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", *argv],
        log=installation.folder / "tgauth.log",
        environment=installation.environment,
    )
    installation.running.append(outer)
    eventually(lambda: answers(f"{installation.url}/readyz"))
    children = Path(f"/proc/{outer.popen.pid}/task/{outer.popen.pid}/children")
    first = int(children.read_text())
    status = Path(f"/proc/{first}/status").read_text()
    assert re.search(r"^NSpid:\s+\d+\s+1$", status, re.MULTILINE)
    sandbox.send(42, "/login")
    assert installation.exchange(sandbox.code(42)).status_code == 200

    os.kill(first, signal.SIGTERM)

    assert outer.popen.wait(15) == 0
    assert not Path(f"/proc/{first}").exists()
