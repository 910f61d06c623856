"""Promises of addresses: what an issuer is, and where a browser is sent."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgauth.domain.links import (
    Issuer,
    chat_link,
    deep_links,
    fits_a_button,
    host_of,
    is_loopback,
    login_address,
    origin_of,
    parse_issuer,
    with_code,
)

GOOD = {
    "https://login.example.org": "https://login.example.org",
    "https://login.example.org/": "https://login.example.org",
    "  https://login.example.org\n": "https://login.example.org",
    "HTTPS://Login.Example.ORG": "https://login.example.org",
    "https://login.example.org:443": "https://login.example.org",
    "https://login.example.org:8443": "https://login.example.org:8443",
    "http://localhost:8000": "http://localhost:8000",
    "http://localhost:80": "http://localhost",
    "http://127.0.0.1:8000": "http://127.0.0.1:8000",
    "http://127.8.8.8": "http://127.8.8.8",
    "http://[::1]:8000": "http://[::1]:8000",
    "http://app.localhost": "http://app.localhost",
    "https://[2001:db8::1]:9000": "https://[2001:db8::1]:9000",
    "https://xn--bcher-kva.example": "https://xn--bcher-kva.example",
}

BAD = {
    "": "an address",
    "login.example.org": "an address",
    "//login.example.org": "an address",
    "https://": "an address",
    "https:///": "an address",
    "ftp://login.example.org": "an address",
    "javascript:alert(1)": "an address",
    "https://login.example.org/tgauth": "only scheme",
    "https://login.example.org//": "only scheme",
    "https://login.example.org?x=1": "only scheme",
    "https://login.example.org#x": "only scheme",
    "https://user@login.example.org": "only scheme",
    "https://user:password@login.example.org": "only scheme",
    "http://login.example.org": "plain http",
    "http://192.168.0.1:8000": "plain http",
    "http://0.0.0.0:8000": "plain http",
    "http://[2001:db8::1]": "plain http",
    "http://notlocalhost": "plain http",
    "http://localhost.evil.example": "plain http",
    "https://login.example.org:99999": "",
    "https://login.example.org:port": "",
    "https://[::1": "",
    "https://log in.example.org": "an address",
    "https://login.example.org\\evil": "an address",
    "https://bücher.example": "an address",
    'https://login.example.org"': "an address",
}


@pytest.mark.parametrize("text", GOOD)
def test_a_good_issuer_becomes_its_origin(text: str) -> None:
    """An issuer is kept as scheme, host and port in lower case, without a trailing slash."""
    assert GOOD[text] == parse_issuer(text).url


@pytest.mark.parametrize("text", BAD)
def test_a_bad_issuer_is_refused_with_the_reason(text: str) -> None:
    """What is no origin, or plain http to another machine, is refused, and the message says why."""
    with pytest.raises(ValueError, match=BAD[text] or "."):
        parse_issuer(text)


@pytest.mark.parametrize("text", GOOD)
def test_an_issuer_read_again_is_the_same(text: str) -> None:
    """Reading is stable: the issuer in a token equals the issuer in the settings."""
    issuer = parse_issuer(text)
    assert issuer == parse_issuer(issuer.url)


@pytest.mark.parametrize(
    ("url", "session", "login"),
    [
        ("https://login.example.org", "__Host-tgauth", "__Host-tgauth-login"),
        ("http://localhost:8000", "tgauth", "tgauth-login"),
    ],
)
def test_cookies_are_named_from_the_issuer(url: str, session: str, login: str) -> None:
    """Over https the cookies carry the prefix that binds them to this host; else they cannot."""
    issuer = Issuer(url=url)
    assert (session, login) == (issuer.session_cookie, issuer.login_cookie)
    assert url.startswith("https") == issuer.is_https


def test_the_login_link_is_the_callback_with_the_code() -> None:
    """The bot's link opens our own page, with nothing in it but the code."""
    issuer = Issuer(url="https://login.example.org")
    assert "https://login.example.org/auth/callback?code=abc-_1" == issuer.login_link("abc-_1")


@pytest.mark.parametrize(
    ("callback", "expected"),
    [
        ("https://app.example/cb", "https://app.example/cb?code=c-1"),
        ("https://app.example", "https://app.example?code=c-1"),
        ("https://app.example/cb?next=%2Fhome", "https://app.example/cb?next=%2Fhome&code=c-1"),
        ("https://app.example/cb?code=old", "https://app.example/cb?code=old&code=c-1"),
        ("https://app.example/cb?", "https://app.example/cb?code=c-1"),
        ("https://app.example/cb#gone", "https://app.example/cb?code=c-1"),
        ("http://[::1]:3000/cb", "http://[::1]:3000/cb?code=c-1"),
    ],
)
def test_a_code_is_added_to_whatever_query_there_is(callback: str, expected: str) -> None:
    """The application's own query survives, and the code comes last."""
    assert expected == with_code(callback, "c-1")


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_a_state_leads_nowhere_else(state: str) -> None:
    """Whatever an application sends, the address and what it had before stay the same."""
    parts = urlsplit(with_code("https://app.example/cb?next=%2Fhome", "c-1", state))
    assert ("https", "app.example", "/cb", "") == (
        parts.scheme,
        parts.netloc,
        parts.path,
        parts.fragment,
    )
    assert ["/home"] == parse_qs(parts.query)["next"]


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1))
def test_a_state_comes_back_as_it_was(state: str) -> None:
    """Whatever stands in it, to the application and to another login."""
    for address, expected in (
        (with_code("https://app.example/cb?x=1", "c-1", state), ["x", "code", "state"]),
        (login_address(state), ["state"]),
    ):
        query = parse_qs(urlsplit(address).query, strict_parsing=True)
        assert (expected, [state]) == (list(query), query["state"])


def test_without_a_state_a_login_begins_at_a_plain_address() -> None:
    """Nothing is made up."""
    assert "/login" == login_address()


def test_a_chat_is_opened_from_everywhere_and_from_the_app() -> None:
    """The application's own scheme knows Telegram alone."""
    assert (
        "https://t.me/shop_bot?start=Ab3_",
        "tg://resolve?domain=shop_bot&start=Ab3_",
    ) == deep_links("https://t.me", "shop_bot", "Ab3_")
    assert "https://t.me/shop_bot" == chat_link("https://t.me", "shop_bot")
    assert ("http://[::1]:9/t/shop_bot?start=Ab3_", None) == deep_links(
        "http://[::1]:9/t", "shop_bot", "Ab3_"
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://App.Example:443/cb?x#y", "https://app.example"),
        ("http://app.example:80", "http://app.example"),
        ("http://app.example:443", "http://app.example:443"),
        ("https://app.example:80", "https://app.example:80"),
        ("https://[2001:DB8::1]/x", "https://[2001:db8::1]"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(url: str, expected: str) -> None:
    """Default ports vanish, and everything after the port too."""
    assert expected == origin_of(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://App.Example:443/cb?x", "app.example"),
        ("https://login.example.org:8443", "login.example.org:8443"),
        ("http://[::1]:8000/", "[::1]:8000"),
    ],
)
def test_people_read_the_host_of_an_address(url: str, expected: str) -> None:
    """With its port where it is not the usual one, and nothing else."""
    assert expected == host_of(url)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("ip6-localhost", True),
        ("a.localhost", True),
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("128.0.0.1", False),
        ("localhost.example", False),
        ("notlocalhost", False),
        ("0.0.0.0", False),  # noqa: S104 - a name to judge, nothing is bound
        ("::", False),
        ("", False),
    ],
)
def test_loopback_is_only_what_can_mean_nothing_else(host: str, *, expected: bool) -> None:
    """Only names and addresses of this very machine count."""
    assert expected == is_loopback(host)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://login.example.org/auth/callback?code=x", True),
        ("http://login.example.org", True),
        ("http://localhost:8000/x", False),
        ("http://tgauth:8000/x", False),
        ("http://127.0.0.1:8000/x", False),
        ("https://8.8.8.8/x", False),
        ("https://[2001:db8::1]/x", False),
        ("http://app.localhost/x", False),
        ("", False),
    ],
)
def test_a_button_takes_only_what_telegram_takes(url: str, *, expected: bool) -> None:
    """Addresses that Telegram refuses on a button are known beforehand."""
    assert expected == fits_a_button(url)


@given(st.text())
def test_any_text_is_an_origin_or_a_value_error(text: str) -> None:
    """Nothing that an operator types ends in another error than the one that is explained."""
    try:
        issuer = parse_issuer(text)
    except ValueError:
        return
    assert issuer.url.isascii()
    assert issuer == parse_issuer(issuer.url)
