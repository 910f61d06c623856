"""Promises of deploy/nginx.conf and deploy/Caddyfile: a login goes through, and leaves no code."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.deploy.proxies import PROXIES, Proxy, Recorder, needs_proxies, proxy, recorder
from tests.e2e.browser import browser, needs_browser
from tests.harness import Telegram, Tgauth, tgauth

from tgauth.api.headers import COMMON_HEADERS
from tgauth.domain.approval import LONGEST_STATE
from tgauth.domain.links import with_code

pytestmark = [pytest.mark.proxy, needs_proxies]


@pytest.fixture(params=list(PROXIES))
def front(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Proxy]:
    """A running proxy."""
    folder = tmp_path / "proxy"
    folder.mkdir()
    with proxy(request.param, folder) as started:
        yield started


@pytest.fixture
def application() -> Iterator[Recorder]:
    """Where people land after a login."""
    with recorder() as running:
        yield running


@pytest.fixture
def installation(
    tmp_path: Path, sandbox: Telegram, front: Proxy, application: Recorder
) -> Iterator[Tgauth]:
    """A tgauth behind the proxy, known by the proxy's address."""
    settings = {
        "TGAUTH_ISSUER": front.url,
        "TGAUTH_API__PORT": str(front.upstream),
        "TGAUTH_LOGIN__CALLBACK_URL": f"http://127.0.0.1:{application.port}/callback",
    }
    with tgauth(tmp_path, sandbox.url, **settings) as prepared:
        prepared.url = f"http://127.0.0.1:{front.upstream}"
        yield prepared


@pytest.fixture
def upstream(front: Proxy) -> Iterator[Recorder]:
    """Something behind the proxy that tells what reached it."""
    with recorder(front.upstream) as running:
        yield running


@pytest.mark.browser
@needs_browser
def test_a_login_goes_through_and_leaves_no_code_in_a_log(
    front: Proxy, sandbox: Telegram, installation: Tgauth, application: Recorder
) -> None:
    """Over TLS, with `__Host-` cookies; also when tgauth is down and the proxy complains."""
    served = installation.start("serve")
    sandbox.send(42, "/login", first_name="Ann", username="ann")
    code = sandbox.code(42)
    with browser() as chromium, chromium.new_context(ignore_https_errors=True) as context:
        page = context.new_page()
        page.goto(f"{front.url}/auth/callback?code={code}")
        assert page.url == f"{front.url}/auth/callback"
        assert ["__Host-tgauth-login"] == secure_cookies(context.cookies(front.url))
        page.get_by_role("button", name=re.compile("Continue as @ann")).click()
        page.wait_for_url(f"http://127.0.0.1:{application.port}/callback?code=*")
        callback_code = page.url.partition("?code=")[2]
        page.goto(f"{front.url}/account")
        expect(page.get_by_text("@ann").first).to_be_visible()
        cookies = secure_cookies(context.cookies(front.url))
        assert ["__Host-tgauth", "__Host-tgauth-login"] == sorted(cookies)

    with front.client() as client:
        answer = front.request(client, "POST", "/api/auth/callback", json={"code": callback_code})
        assert answer.status_code == 200
        assert served.stop() == 0
        gone = front.request(client, "GET", f"/auth/callback?code={code}")
        assert gone.status_code == 502

    front.process.stop()
    assert "/auth/callback" in front.logged
    assert "502" in front.logged
    for secret in (code, callback_code, answer.json()["access_token"]):
        assert secret not in front.logged


def secure_cookies(cookies: object) -> list[str]:
    """Return the names of cookies, all of which are Secure and for this host alone."""
    assert isinstance(cookies, list)
    assert all(cookie["secure"] and cookie["domain"] == "login.localhost" for cookie in cookies)
    return [cookie["name"] for cookie in cookies]


def test_the_clients_own_address_reaches_tgauth(front: Proxy, upstream: Recorder) -> None:
    """What it claims of itself does not: the header is replaced by what the proxy saw."""
    claims = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "gopher"}
    with front.client("127.0.0.2") as client:
        front.request(client, "GET", "/", headers=claims)

    headers = upstream.headers[-1]
    assert headers["X-Forwarded-For"] == "127.0.0.2"
    assert headers["X-Forwarded-Proto"] == "https"
    assert headers["Host"] == f"login.localhost:{front.port}"


def test_events_arrive_when_they_happen(front: Proxy, upstream: Recorder) -> None:
    """The first is read while the stream is still open: nothing is held back."""
    with front.client() as client:
        request = client.build_request(
            "GET", "/events", extensions={"sni_hostname": "login.localhost"}
        )
        answer = client.send(request, stream=True)
        received = answer.iter_raw()
        assert next(received) == b"data: first\n\n"
        assert not upstream.release.is_set()
        upstream.release.set()
        assert b"".join(received) == b"data: last\n\n"
        answer.close()


def test_the_longest_state_goes_back_through_it(front: Proxy) -> None:
    """The answer that finishes a login is given once: one too large for the proxy is lost."""
    target = with_code("https://app.example.org/callback", "c" * 43, "\U0001f511" * LONGEST_STATE)
    headers = COMMON_HEADERS | {"Location": target, "Set-Cookie": "s" * 200}
    with recorder(front.upstream, status=303, more=headers), front.client() as client:
        answer = front.request(client, "POST", "/login/1", content=b"token=1")
    assert (303, target) == (answer.status_code, answer.headers["location"])


def test_a_large_body_is_refused_in_front(front: Proxy, upstream: Recorder) -> None:
    """More than 16 kB is no code: nginx asks nobody, Caddy breaks off the request it has begun."""
    with front.client() as client:
        answer = front.request(client, "POST", "/api/auth/callback", content=b"x" * 20_000)

    assert answer.status_code in {413, 502}
    assert "/api/auth/callback" not in upstream.paths


def test_an_update_that_telegram_posts_may_be_larger(front: Proxy, upstream: Recorder) -> None:
    """A long message with what it replies to is far above 16 kB."""
    with front.client() as client:
        answer = front.request(client, "POST", "/telegram/webhook", content=b"x" * 200_000)
        refused = front.request(client, "POST", "/telegram/webhook", content=b"x" * 300_000)

    assert answer.is_success
    assert refused.status_code in {413, 502}
    assert ["/telegram/webhook"] == [one for one in upstream.paths if one.startswith("/telegram")]


def test_browsers_are_told_to_stay_with_https(front: Proxy, upstream: Recorder) -> None:
    """HSTS is the proxy's word: tgauth does not know what else lives under the name."""
    with front.client() as client:
        answer = front.request(client, "GET", "/")

    assert upstream.paths[-1] == "/"
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
