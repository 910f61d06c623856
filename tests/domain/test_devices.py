"""Promises of device names: people recognise their own browser, and nonsense stays unnamed."""

import pytest

from tgauth.domain.devices import describe

MOZILLA = "Mozilla/5.0"
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"

#: What real browsers send.
REAL = {
    f"{MOZILLA} (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox, Linux",
    f"{MOZILLA} (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0": (
        "Firefox, Windows"
    ),
    f"{MOZILLA} (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0": (
        "Firefox, macOS"
    ),
    f"{MOZILLA} (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0": "Firefox, Android",
    f"{MOZILLA} (iPhone; CPU iPhone OS 18_5 like Mac OS X) {APPLE} FxiOS/140.0 Mobile/15E148 "
    "Safari/605.1.15": "Firefox, iPhone",
    f"{MOZILLA} (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/138.0.0.0 Safari/537.36": (
        "Chrome, Windows"
    ),
    f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Chrome/138.0.0.0 Safari/537.36": (
        "Chrome, macOS"
    ),
    f"{MOZILLA} (X11; Linux x86_64) {WEBKIT} Chrome/138.0.0.0 Safari/537.36": "Chrome, Linux",
    f"{MOZILLA} (Linux; Android 10; K) {WEBKIT} Chrome/138.0.0.0 Mobile Safari/537.36": (
        "Chrome, Android"
    ),
    f"{MOZILLA} (iPhone; CPU iPhone OS 18_5 like Mac OS X) {APPLE} CriOS/138.0.7204.119 "
    "Mobile/15E148 Safari/604.1": "Chrome, iPhone",
    f"{MOZILLA} (iPad; CPU OS 18_5 like Mac OS X) {APPLE} CriOS/138.0.7204.119 Mobile/15E148 "
    "Safari/604.1": "Chrome, iPad",
    f"{MOZILLA} (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/138.0.0.0 Safari/537.36": (
        "Chrome, ChromeOS"
    ),
    f"{MOZILLA} (X11; Linux x86_64) {WEBKIT} Ubuntu Chromium/90.0.4430.72 Chrome/90.0.4430.72 "
    "Safari/537.36": "Chrome, Linux",
    f"{MOZILLA} (X11; Linux x86_64) {WEBKIT} HeadlessChrome/138.0.0.0 Safari/537.36": (
        "Chrome, Linux"
    ),
    f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) {APPLE} Version/18.5 Safari/605.1.15": (
        "Safari, macOS"
    ),
    f"{MOZILLA} (iPhone; CPU iPhone OS 18_5 like Mac OS X) {APPLE} Version/18.5 Mobile/15E148 "
    "Safari/604.1": "Safari, iPhone",
    f"{MOZILLA} (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/138.0.0.0 Safari/537.36 "
    "Edg/138.0.0.0": "Edge, Windows",
    f"{MOZILLA} (Linux; Android 10; HD1913) {WEBKIT} Chrome/138.0.7204.63 Mobile Safari/537.36 "
    "EdgA/138.0.3351.65": "Edge, Android",
    f"{MOZILLA} (iPhone; CPU iPhone OS 18_5 like Mac OS X) {APPLE} Version/18.0 "
    "EdgiOS/138.0.3351.65 Mobile/15E148 Safari/605.1.15": "Edge, iPhone",
    f"{MOZILLA} (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/136.0.0.0 Safari/537.36 "
    "OPR/120.0.0.0": "Opera, Windows",
    f"{MOZILLA} (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/136.0.0.0 YaBrowser/25.6.0.0 "
    "Yowser/2.5 Safari/537.36": "Yandex Browser, Windows",
    f"{MOZILLA} (Linux; Android 15; SM-S918B) {WEBKIT} SamsungBrowser/28.0 Chrome/130.0.0.0 "
    "Mobile Safari/537.36": "Samsung Internet, Android",
    f"{MOZILLA} (X11; Linux x86_64) {WEBKIT} Chrome/138.0.0.0 Safari/537.36 Vivaldi/7.5": (
        "Vivaldi, Linux"
    ),
    f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) {APPLE} Version/18.4 Safari/605.1.15 "
    "DuckDuckGo/18.4": "DuckDuckGo, macOS",
    f"{MOZILLA} (Linux; Android 14; Pixel 8 Build/UQ1A; wv) {WEBKIT} Version/4.0 "
    "Chrome/124.0.6367.82 Mobile Safari/537.36 Telegram-Android/11.2.3 (Google Pixel 8; "
    "Android 14; SDK 34; HIGH)": "Telegram, Android",
    f"{MOZILLA} (iPhone; CPU iPhone OS 18_5 like Mac OS X) {APPLE} Mobile/15E148": "iPhone",
    "Lynx/2.9.0dev.12 libwww-FM/2.14 SSL-MM/1.4.1 OpenSSL/3.0.2 (Linux)": "Linux",
}

#: What tells nobody anything.
NAMELESS = ("", "curl/8.5.0", "python-httpx/0.28.1", "Go-http-client/2.0", "\0", "ÿ" * 9000)


@pytest.mark.parametrize(("user_agent", "expected"), REAL.items(), ids=REAL.values())
def test_a_real_browser_is_named(user_agent: str, expected: str) -> None:
    """By the name on its icon, although most claim to be several others as well."""
    assert expected == describe(user_agent)


@pytest.mark.parametrize("user_agent", NAMELESS)
def test_what_is_not_known_has_no_name(user_agent: str) -> None:
    """Rather none than a guess, and never what a client claims in its own words."""
    assert describe(user_agent) is None


def test_a_name_holds_nothing_of_what_was_claimed() -> None:
    """A stranger's header cannot put words onto the page or into the chat."""
    assert "Firefox, Linux" == describe("<b>Firefox/1</b> Linux; call +1 555 0100")
