"""Promises of the inspection's look at the network: who answers, and what if nobody does."""

import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from tests.harness import free_port
from tests.inspection.server import ALIVE, bot, keys, serving

from tgauth.domain.links import parse_issuer
from tgauth.inspection.answers import Answer, Unreachable, ask
from tgauth.inspection.findings import Finding, Verdict
from tgauth.inspection.network import (
    clock_finding,
    issuer_finding,
    judged_clock,
    port_finding,
    proxies_finding,
)
from tgauth.settings import Settings, load_settings

KIDS = frozenset({"ours"})
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def settings(**changed: str) -> Settings:
    """Return settings with something changed."""
    return load_settings(
        {
            "TGAUTH_CONFIG_FILE": "/dev/null",
            "TGAUTH_ISSUER": "http://127.0.0.1:8000",
            "TGAUTH_TELEGRAM__TOKEN": "123:abcdef",
            "TGAUTH_LOGIN__ALLOW": "everyone",
            **changed,
        }
    )


def port(number: int | str, host: str = "127.0.0.1") -> tuple[Finding, bool]:
    """Look at a port."""
    chosen = settings(TGAUTH_API__PORT=str(number), TGAUTH_API__HOST=host)
    return anyio.run(partial(port_finding, chosen, KIDS))


def issuer(url: str, *, is_running: bool = True) -> Finding:
    """Look at an issuer."""
    look = partial(issuer_finding, parse_issuer(url), KIDS, is_running=is_running)
    return anyio.run(look)


def test_a_free_port_is_good() -> None:
    """And nobody listens on it afterwards."""
    number = free_port()
    finding, is_running = port(number)
    assert (Verdict.OK, f"127.0.0.1:{number} is free") == (finding.verdict, finding.text)
    assert not is_running
    assert Verdict.OK == port(number)[0].verdict
    assert Verdict.OK == port(0)[0].verdict


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 - one of the cases
def test_a_port_that_this_tgauth_serves_is_good(host: str) -> None:
    """Its published keys tell that it is this one."""
    with serving(keys("other", "ours")) as origin:
        finding, is_running = port(origin.rpartition(":")[2], host)
    assert Verdict.OK == finding.verdict
    assert "is served by this tgauth" in finding.text
    assert is_running


@pytest.mark.parametrize(
    ("answers", "who"),
    [(keys("other"), "another tgauth"), (ALIVE, "another tgauth"), ({}, "another process")],
)
def test_a_port_that_somebody_else_has_is_wrong(answers: Any, who: str) -> None:
    """`serve` would end with 78; the advice says how to find them."""
    with serving(answers) as origin:
        number = origin.rpartition(":")[2]
        finding, is_running = port(number)
    assert (Verdict.WRONG, True) == (finding.verdict, finding.is_configuration)
    assert finding.text.startswith(f"{who} listens on 127.0.0.1:{number}")
    assert f"ss -ltnp 'sport = :{number}'" in finding.advice
    assert not is_running


def test_a_silent_listener_is_another_process() -> None:
    """Whatever it is, it does not hold up the inspection for long."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        finding, _ = port(silent.getsockname()[1])
    assert finding.text.startswith("another process")


def test_an_address_that_is_not_ours_is_wrong() -> None:
    """As `serve` would say."""
    finding, _ = port(8000, "203.0.113.1")
    assert (Verdict.WRONG, True) == (finding.verdict, finding.is_configuration)
    assert "this machine has no such address" in finding.text


def test_an_issuer_that_leads_here_is_good() -> None:
    """The keys behind it are this store's."""
    with serving(keys("ours")) as origin:
        assert Verdict.OK == issuer(origin).verdict


def test_an_issuer_that_leads_to_another_tgauth_is_wrong() -> None:
    """Its tokens would not verify."""
    with serving(keys("other")) as origin:
        finding = issuer(origin)
    assert Verdict.WRONG == finding.verdict
    assert "leads to another tgauth" in finding.text


@pytest.mark.parametrize(
    ("is_running", "verdict"), [(True, Verdict.WRONG), (False, Verdict.WARNING)]
)
def test_an_issuer_that_leads_nowhere_is_wrong_while_tgauth_runs(
    *, is_running: bool, verdict: Verdict
) -> None:
    """Before the first start it cannot lead anywhere."""
    finding = issuer(f"http://127.0.0.1:{free_port()}", is_running=is_running)
    assert verdict == finding.verdict
    assert "connection refused" in finding.text
    with serving({}, otherwise=502) as origin:
        finding = issuer(origin, is_running=is_running)
    assert verdict == finding.verdict
    assert "answers 502, and not as tgauth does" in finding.text


def self_signed(folder: Path) -> ssl.SSLContext:
    """Return a server's TLS with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody.example")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


@pytest.mark.parametrize("is_running", [True, False])
def test_certificate_trouble_is_named(tmp_path: Path, *, is_running: bool) -> None:
    """It is wrong in any case, and the reason is the one that TLS gives."""
    with serving(keys("ours"), tls=self_signed(tmp_path)) as origin:
        finding = issuer(origin, is_running=is_running)
    assert Verdict.WRONG == finding.verdict
    assert "bad certificate (self-signed certificate)" in finding.text


def test_an_issuer_without_tls_behind_it_is_told() -> None:
    """Plain http behind an https address."""
    with serving(keys("ours")) as origin:
        finding = issuer(origin.replace("http://", "https://"))
    assert Verdict.WRONG == finding.verdict
    assert "does not speak TLS as it should" in finding.text


@pytest.mark.parametrize(
    ("seconds", "verdict", "text"),
    [
        (0, Verdict.OK, "agrees"),
        (10, Verdict.OK, "agrees"),
        (-10, Verdict.OK, "agrees"),
        (11, Verdict.WARNING, "11 s ahead of"),
        (-60, Verdict.WARNING, "60 s behind"),
        (61, Verdict.WRONG, "61 s ahead of"),
        (-86400, Verdict.WRONG, "86400 s behind"),
    ],
)
def test_a_clock_is_judged_by_its_distance(seconds: int, verdict: Verdict, text: str) -> None:
    """Ten seconds are nothing, a minute is what applications allow."""
    answer = Answer(status=200, date=NOON, body=b"")
    finding = judged_clock(answer, now=NOON + timedelta(seconds=seconds))
    assert verdict == finding.verdict
    assert finding.text.startswith(text)


def test_a_clock_is_compared_with_the_bot_api_servers() -> None:
    """By the date of whatever it answers; and it is told where there is none."""
    with serving(bot("1:abc")) as origin:
        assert Verdict.OK == anyio.run(clock_finding, origin).verdict
    assert Verdict.WARNING == anyio.run(clock_finding, origin).verdict
    undated = judged_clock(Answer(status=200, date=None, body=b""), now=NOON)
    assert Verdict.WARNING == undated.verdict


@pytest.mark.parametrize(
    ("address", "why"),
    [
        (lambda: f"http://127.0.0.1:{free_port()}/", "connection refused"),
        (lambda: "http://no-such-name.invalid/", "the name is not known"),
    ],
)
def test_why_nothing_answers_is_said_in_words(address: Callable[[], str], why: str) -> None:
    """The reasons that an operator can do something about."""
    with pytest.raises(Unreachable, match=why):
        anyio.run(ask, address())


def test_what_speaks_no_http_is_told() -> None:
    """A mail server, for one."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        async def meet() -> None:
            async def speak() -> None:
                connection, _ = await anyio.to_thread.run_sync(server.accept)
                with connection:
                    connection.sendall(b"220 mail.example ESMTP\r\n")

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(speak)
                with pytest.raises(Unreachable, match="speaks no HTTP"):
                    await ask(f"http://127.0.0.1:{server.getsockname()[1]}/")

        anyio.run(meet)


HTTPS = {"TGAUTH_ISSUER": "https://login.example.org"}


@pytest.mark.parametrize(
    ("host", "advice"),
    [
        ("127.0.0.1", "set TGAUTH_API__TRUSTED_PROXIES to 127.0.0.1"),
        ("localhost", "set TGAUTH_API__TRUSTED_PROXIES to 127.0.0.1"),
        ("::1", "set TGAUTH_API__TRUSTED_PROXIES to ::1"),
        ("10.1.2.3", "set TGAUTH_API__TRUSTED_PROXIES to the address from which it connects"),
        ("0.0.0.0", "set TGAUTH_API__TRUSTED_PROXIES to the address from which it connects"),  # noqa: S104 - compared, not bound
    ],
)
def test_an_https_issuer_needs_a_proxy_that_is_named(host: str, advice: str) -> None:
    """Otherwise everybody has its address; the key to set is told."""
    found = proxies_finding(settings(**HTTPS, TGAUTH_API__HOST=host))
    assert (Verdict.WARNING, advice) == (found.verdict, found.advice)
    assert "speaks no TLS" in found.text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            HTTPS | {"TGAUTH_API__TRUSTED_PROXIES": "127.0.0.1"},
            "127.0.0.1/32 may say whom they forward for",
        ),
        ({}, "none trusted, and none needed for an issuer without TLS"),
    ],
    ids=["named", "http"],
)
def test_no_proxy_is_missed_where_none_is_missing(given: dict[str, str], text: str) -> None:
    """One that is named, or an issuer that browsers reach without TLS."""
    found = proxies_finding(settings(**given))
    assert (Verdict.OK, text) == (found.verdict, found.text)
