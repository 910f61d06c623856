"""Promises of the streams: a page hears at once, nothing but how it stands, and of any process."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from h2.events import DataReceived, ResponseReceived
from h2.settings import SettingCodes
from tests import browser_logins as steps
from tests.api.approving import answer, open_in_chat
from tests.api.serving import Served, new_id, received, served
from tests.api.test_http2 import Http2
from tests.builders import a_deployment, an_issuer
from tests.fakes import Remembered

from tgauth.api.draining import Draining
from tgauth.api.events import EVENT_STREAM
from tgauth.api.limits import Limits
from tgauth.api.streams import Event, Stream, Streams, TooManyStreams, event_of
from tgauth.api.timing import Timing
from tgauth.domain.approval import derive_stream
from tgauth.domain.code import hash_of
from tgauth.domain.errors import StoreUnavailable
from tgauth.domain.instants import SECOND
from tgauth.domain.login import LoginRequest, Standing
from tgauth.domain.session import Visitor
from tgauth.flows.begin_browser_login import Wish, begin_browser_login
from tgauth.flows.browser_sessions import Browser
from tgauth.flows.deployment import Deployment
from tgauth.flows.finish_browser_login import finish_browser_login
from tgauth.flows.follow_browser_logins import Signal, follow_browser_logins
from tgauth.measures.catalogue import REQUESTS
from tgauth.store import Store
from tgauth.store.watching import watching

BROWSER = "browser-1"


def begin(api: Served) -> LoginRequest:
    """Begin a login."""
    wish = Wish(browser=BROWSER, visitor=Visitor(address="203.0.113.9"))
    login: LoginRequest = api.call(begin_browser_login, api.deployment, wish)
    return login


def stream_of(api: Served, login: LoginRequest) -> str:
    """Return the address of a login's events."""
    return f"/login/events/{derive_stream(api.deployment.master_key, login.id)}"


class Listener:
    """A page that listens, on a connection of its own."""

    def __init__(self, api: Served, path: str, *, method: str = "GET") -> None:
        self.wire = api.connect(timeout=15)
        self.wire.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        self.heard = b""

    def until(self, text: str) -> None:
        """Read until this was said."""
        while text.encode() not in self.heard:
            part = self.wire.recv(65536)
            assert part, self.heard
            self.heard += part

    def rest(self) -> bytes:
        """Read until the other side closes; return all that was ever said."""
        self.heard += received(self.wire)
        return self.heard

    @property
    def events(self) -> list[str]:
        """What was said, as a browser would hear it."""
        lines = self.heard.decode().split("\r\n")
        return [line[6:].strip() for line in lines if line.startswith("data: ")]


@contextmanager
def listening(api: Served, path: str, **more: Any) -> Iterator[Listener]:
    """Open a stream."""
    listener = Listener(api, path, **more)
    try:
        yield listener
    finally:
        listener.wire.close()


@pytest.fixture(autouse=True)
def _no_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a page that is told nothing hear nothing: else it waits until somebody looks anyway."""
    monkeypatch.setattr("tgauth.api.events.KEEP_ALIVE", 60)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve an installation."""
    folder = tmp_path_factory.mktemp("events")
    with served(folder, browser_logins_per_minute=10_000) as running:
        yield running


def test_a_page_hears_of_each_step_and_then_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opened, approved, at once; and the stream ends as an answer ends."""
    # At once, whatever the machine does meanwhile: whoever misses a wake-up hears nothing here.
    monkeypatch.setattr("tgauth.store.watching.LOOK_EVERY", 60)
    with served(tmp_path) as api, listening(api, stream_of(api, login := begin(api))) as page:
        page.until("retry: 1000")
        assert [] == page.events
        api.call(open_in_chat, api.deployment, login.id)
        page.until("opened")
        api.call(answer, api.deployment, login.id)
        page.until("approved")
        whole = page.rest()
        assert ["opened", "approved"] == page.events
    assert whole.endswith(b"0\r\n\r\n")
    head = whole.partition(b"\r\n\r\n")[0].lower().split(b"\r\n")
    assert b"http/1.1 200 " == head[0]
    assert set(head) > {
        b"content-type: text/event-stream",
        b"cache-control: no-store",
        b"x-accel-buffering: no",
        b"connection: close",
    }


def test_a_stream_says_nothing_that_permits_anything(api: Served) -> None:
    """Neither id, handle nor number."""
    login = begin(api)
    with listening(api, stream_of(api, login)) as page:
        api.call(answer, api.deployment, login.id)
        body = page.rest().partition(b"\r\n\r\n")[2]
    said = [line for line in body.decode().split("\r\n") if not line.isalnum()]
    assert {"retry: 1000\n\n", "data: opened\n\n", "data: approved\n\n", "", "0"} >= set(said)


@pytest.mark.parametrize(("number", "expected"), [(0, "denied"), (1, "denied"), (None, "approved")])
def test_who_comes_late_hears_how_it_stands(api: Served, number: int | None, expected: str) -> None:
    """A page that was asleep, or whose stream was cut off."""
    login = begin(api)
    api.call(partial(answer, api.deployment, login.id, number=number))
    for _ in range(2):
        with listening(api, stream_of(api, login)) as page:
            page.rest()
            assert [expected] == page.events


def test_another_tab_hears_that_it_was_used(api: Served) -> None:
    """All streams of one login hear the same."""
    login = begin(api)
    with ExitStack() as opened:
        pages = [opened.enter_context(listening(api, stream_of(api, login))) for _ in range(3)]
        api.call(answer, api.deployment, login.id)
        for page in pages:
            page.rest()
            assert "approved" == page.events[-1]
    browser = Browser(name=BROWSER)
    finishing = partial(
        finish_browser_login, api.deployment, login.id, browser=browser, switch=True
    )
    api.call(finishing)
    with listening(api, stream_of(api, login)) as page:
        page.rest()
        assert ["redeemed"] == page.events


def test_a_page_hears_that_its_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though nothing is committed then, and the next slow look is a minute away."""
    monkeypatch.setattr("tgauth.store.watching.LOOK_EVERY", 60)
    with ExitStack() as opened:
        api = opened.enter_context(served(tmp_path, approval_lifetime=1 * SECOND))
        page = opened.enter_context(listening(api, stream_of(api, begin(api))))
        page.rest()
        assert ["expired"] == page.events


def test_a_page_that_comes_later_and_ends_sooner_hears_it_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the next look was meant for another login, and nothing is committed meanwhile."""
    monkeypatch.setattr("tgauth.store.watching.LOOK_EVERY", 60)
    with served(tmp_path) as api, listening(api, stream_of(api, begin(api))) as first:
        first.until("retry")
        hurried = replace(api.deployment, approval_lifetime=1 * SECOND)
        wish = Wish(browser=BROWSER, visitor=Visitor(address="203.0.113.9"))
        login: LoginRequest = api.call(begin_browser_login, hurried, wish)
        time.sleep(0.2)  # whoever was woken by that has looked
        with listening(api, stream_of(api, login)) as second:
            second.until("retry")
            second.rest()
            assert ["expired"] == second.events


def test_a_commit_of_another_process_is_heard_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through a store of its own, by the wake-up alone: the next slow look is a minute away."""
    monkeypatch.setattr("tgauth.store.watching.LOOK_EVERY", 60)

    async def elsewhere(login_id: str, port: int) -> None:
        async with Store.open(tmp_path / "tgauth.db") as store:
            deployment = a_deployment(
                store,
                now=lambda: time.time_ns() // 1_000_000,
                new_id=new_id,
                issuer=an_issuer(f"http://127.0.0.1:{port}"),
            )
            await answer(deployment, login_id)

    with served(tmp_path) as api:
        login = begin(api)
        with listening(api, stream_of(api, login)) as page:
            page.until("retry")
            anyio.run(elsewhere, login.id, api.port)
            page.until("approved")


@pytest.mark.parametrize("name", ["x", "A" * 22, "A" * 21, "A" * 23, "%00", "%22" * 22])
def test_there_is_nothing_to_hear_of_a_login_that_is_not(api: Served, name: str) -> None:
    """204, after which a browser does not ask again (HTML Standard §9.2.3)."""
    head = api.exchange(
        f"GET /login/events/{name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    )
    assert head.startswith(b"HTTP/1.1 204 ")


def test_only_get_opens_a_stream(api: Served) -> None:
    """HEAD hears nothing, and other methods are told so."""
    path = stream_of(api, begin(api))
    for method, expected in (("HEAD", b"204"), ("POST", b"405"), ("DELETE", b"405")):
        request = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        answered = api.exchange(request.encode())
        assert expected == answered.split()[1]
        assert (expected == b"405") == (b"allow: GET, HEAD" in answered)


def test_a_stream_outlives_every_deadline_and_shows_signs_of_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of requests, that of reading, and that of idle connections."""
    monkeypatch.setattr("tgauth.api.process.Draining", partial(Draining, request_deadline=0.3))
    monkeypatch.setattr("tgauth.api.process._READ_TIMEOUT", 0.6)
    monkeypatch.setattr("tgauth.api.process.IDLE", 0.3)
    monkeypatch.setattr("tgauth.api.events.KEEP_ALIVE", 0.2)
    with served(tmp_path) as api:
        login = begin(api)
        with listening(api, stream_of(api, login)) as page:
            began = time.monotonic()
            while time.monotonic() - began < 2:
                page.heard += page.wire.recv(65536)
            assert page.heard.count(b":\n\n") > 5
            api.call(answer, api.deployment, login.id)
            page.until("approved")


def test_who_sends_along_what_no_page_sends_is_hung_up_on(api: Served) -> None:
    """A body without an end would be read as fast as it comes."""
    path = stream_of(api, begin(api))
    parts = 1000 * (b"10000\r\n" + bytes(65536) + b"\r\n")
    with api.connect(timeout=15) as wire:
        wire.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n".encode())
        wire.sendall(b"Transfer-Encoding: chunked\r\n\r\n")
        with pytest.raises(ConnectionError):
            wire.sendall(parts)


def test_who_takes_nothing_and_says_nothing_is_still_hung_up_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection on which nothing comes and nothing goes for too long."""
    monkeypatch.setattr("tgauth.api.process._READ_TIMEOUT", 0.4)
    monkeypatch.setattr("tgauth.api.app.Limits", partial(Limits, body_deadline=60))
    with served(tmp_path) as api, api.connect(timeout=30) as wire:
        wire.sendall(
            b"POST /api/auth/callback HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
            b"Content-Type: application/json\r\n\r\n{"
        )
        began = time.monotonic()
        received(wire)
        assert time.monotonic() - began < 20


def test_who_sends_a_body_along_and_too_slowly_is_as_good_as_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The stream ends, and nothing of it is a fault of ours."""
    monkeypatch.setattr("tgauth.api.app.Limits", partial(Limits, body_deadline=0.2))
    with served(tmp_path) as api, api.connect(timeout=15) as wire:
        path = stream_of(api, begin(api))
        wire.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{{".encode())
        heard = b""
        while part := wire.recv(65536):
            heard += part
    assert heard.startswith(b"HTTP/1.1 200 ")
    assert [] == [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]


@pytest.mark.parametrize("how", ["stop", "succeed"])
def test_a_process_that_goes_ends_its_streams_at_once(tmp_path: Path, how: str) -> None:
    """As an answer ends, so that the browser opens another one: at whoever takes over."""
    with served(tmp_path) as api, ExitStack() as opened:
        paths = [stream_of(api, begin(api)) for _ in range(5)]
        pages = [opened.enter_context(listening(api, path)) for path in paths]
        for page in pages:
            page.until("retry")
        began = time.monotonic()
        api.call(getattr(api.shutdown, how))
        for page in pages:
            assert page.rest().endswith(b"0\r\n\r\n")
        api.ended.result(5)
        assert time.monotonic() - began < 5


def test_a_stream_that_comes_while_a_process_goes_ends_at_once(tmp_path: Path) -> None:
    """It says how the login stands, and no more."""
    with served(tmp_path) as api:
        login = begin(api)
        api.call(open_in_chat, api.deployment, login.id)
        with api.connect() as wire:
            wire.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert wire.recv(65536)
            api.call(api.shutdown.succeed)
            wire.sendall(f"GET {stream_of(api, login)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            answered = received(wire)
    assert b"data: opened" in answered
    assert answered.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize(
    ("limits", "status"), [({"most_of_one": 2}, b"429"), ({"most": 2}, b"503")]
)
def test_nobody_opens_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: dict[str, Any], status: bytes
) -> None:
    """Neither one address nor all together; whoever goes leaves room."""
    monkeypatch.setattr("tgauth.api.process.Streams", partial(Streams, **limits))
    with served(tmp_path) as api:
        path = stream_of(api, begin(api))
        with listening(api, path) as first, listening(api, path) as second:
            for page in (first, second):
                page.until("retry")
            with listening(api, path) as third:
                third.until("}")
                head = third.heard
            assert (status, True) == (head.split()[1], b"retry-after: 5" in head)
        for _ in range(100):
            with listening(api, path) as page:
                page.heard += page.wire.recv(65536)
                if b" 200 " in page.heard:
                    return
            time.sleep(0.02)
    pytest.fail("there was never room again")


@pytest.mark.anyio
async def test_of_two_tabs_the_one_that_knows_less_is_told(deployment: Deployment) -> None:
    """Both have the same stream's name, and one has heard already that somebody is asked."""
    login = await steps.begun(deployment)
    await steps.opened(deployment, login)
    name = hash_of(derive_stream(deployment.master_key, login.id))
    opened = Signal(standing=Standing.PENDING, is_opened=True, expires_at=login.expires_at)
    streams = Streams(deployment)
    with streams.opened(name, "203.0.113.9") as one, streams.opened(name, "203.0.113.9") as other:
        streams.begin(one, opened)
        streams.begin(other, replace(opened, is_opened=False))
        assert (Event.OPENED, Event.WAITING) == (await one.next(), await other.next())
        async with streams.following():
            with anyio.fail_after(10):
                assert Event.OPENED == await other.next()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("trouble", "logged"),
    [
        (StoreUnavailable("it is locked"), "streams.store_unavailable"),
        (ZeroDivisionError("a defect"), "streams.failed"),
    ],
)
async def test_a_look_that_fails_is_made_again(
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    trouble: Exception,
    logged: str,
) -> None:
    """Nothing was committed since, and the page hears all the same; the log says why it waited."""
    looks = []

    async def look(where: Deployment, known: Mapping[str, bool | None]) -> Any:
        looks.append(known)
        if len(looks) == 1:
            raise trouble
        return await follow_browser_logins(where, known)

    monkeypatch.setattr("tgauth.api.streams.follow_browser_logins", look)
    monkeypatch.setattr("tgauth.api.streams._PAUSE", 0.01)
    caplog.set_level(logging.DEBUG, "tgauth")
    login = await steps.begun(deployment)
    await steps.opened(deployment, login)
    name = hash_of(derive_stream(deployment.master_key, login.id))
    streams = Streams(deployment)
    with streams.opened(name, "203.0.113.9") as page:
        async with streams.following():
            with anyio.fail_after(10):
                assert Event.OPENED == await page.next()
    assert [logged] == [one.getMessage() for one in caplog.records if one.name == "tgauth.api"]


@pytest.mark.anyio
async def test_nobody_looks_while_nothing_happens(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that waits costs nothing; and where none is open, nobody listens to the store."""
    looks, begun, ended = [], [], asyncio.Event()

    async def look(where: Deployment, known: Mapping[str, bool | None]) -> Any:
        looks.append(known)
        return await follow_browser_logins(where, known)

    @asynccontextmanager
    async def watch(*what: Any) -> AsyncIterator[None]:
        begun.append(what)
        async with watching(*what):
            yield
        ended.set()

    monkeypatch.setattr("tgauth.store.watching.LOOK_EVERY", 60)
    monkeypatch.setattr("tgauth.api.streams.follow_browser_logins", look)
    monkeypatch.setattr("tgauth.api.streams.watching", watch)
    login = await steps.begun(deployment)
    name = hash_of(derive_stream(deployment.master_key, login.id))
    streams = Streams(deployment)
    async with streams.following():
        with anyio.fail_after(10):
            with streams.opened(name, "203.0.113.9") as page:
                assert Event.WAITING == await page.next()
                await steps.opened(deployment, login)
                assert Event.OPENED == await page.next()
                await asyncio.sleep(0.3)
                assert len(looks) < 10  # each after something, and not one after the other
            await ended.wait()
        await asyncio.sleep(0.1)
        assert 1 == len(begun)


@pytest.mark.anyio
async def test_how_many_streams_there_may_be(store: Store) -> None:
    """50 for one address, 2000 together: an office has room, and one visitor does not take all."""
    streams = Streams(a_deployment(store))
    with ExitStack() as opened:
        for number in range(2000):
            address = f"203.0.113.{number // 50}"
            opened.enter_context(streams.opened(f"page {number}", address))
            if number == 49:
                with pytest.raises(TooManyStreams) as refused, streams.opened("one more", address):
                    pass
                assert refused.value.of_one
        with pytest.raises(TooManyStreams) as refused, streams.opened("2001st", "198.51.100.1"):
            pass
        assert not refused.value.of_one
    with streams.opened("after they went", "203.0.113.0"):
        pass


def test_many_pages_hear_of_their_own_login_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And of nothing else."""
    monkeypatch.setattr("tgauth.api.process.Streams", partial(Streams, most_of_one=1000))
    with served(tmp_path, browser_logins_per_minute=1000) as api, ExitStack() as opened:
        logins = [begin(api) for _ in range(50)]
        pages = [opened.enter_context(listening(api, stream_of(api, one))) for one in logins]
        for page in pages:
            page.until("retry")
        for login in logins[::10]:
            api.call(answer, api.deployment, login.id)
        for page in pages[::10]:
            page.rest()
        time.sleep(0.1)
        for page in pages:
            page.wire.settimeout(0)
            page.rest()
        assert [["opened", "approved"] if n % 10 == 0 else [] for n in range(50)] == [
            page.events if page.events != ["approved"] else ["opened", "approved"] for page in pages
        ]


def test_a_stream_works_over_http2(api: Served) -> None:
    """As proxies speak it."""
    login = begin(api)
    with Http2(api) as client:
        client.ask(b"GET", stream_of(api, login).encode())
        client.flush()
        [start, *_] = [
            one
            for one in client.events(until=ResponseReceived)
            if isinstance(one, ResponseReceived)
        ]
        assert (b":status", b"200") in (start.headers or ())
        api.call(answer, api.deployment, login.id)
        heard = b""
        while b"approved" not in heard:
            data = [
                one.data
                for one in client.events(until=DataReceived)
                if isinstance(one, DataReceived)
            ]
            heard += b"".join(part or b"" for part in data)


def test_who_lets_nothing_in_holds_no_stream_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In HTTP/2, with a shut window and a ping now and then: the end is not waited for long."""
    monkeypatch.setattr("tgauth.api.process.Draining", partial(Draining, request_deadline=0.5))
    monkeypatch.setattr("tgauth.api.process.Streams", partial(Streams, most=1))
    with served(tmp_path) as api, Http2(api) as client:
        login, other = begin(api), begin(api)
        client.connection.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
        client.flush()
        client.ask(b"GET", stream_of(api, login).encode())
        client.flush()
        assert 200 == client.status()
        api.call(partial(answer, number=0), api.deployment, login.id)
        statuses: list[bytes] = []
        while len(statuses) < 20 and b"200" not in statuses:
            client.connection.ping(b"12345678")
            client.flush()
            with listening(api, stream_of(api, other)) as page:
                page.until("\r\n")
                statuses.append(page.heard.split(b" ")[1])
            time.sleep(0.2)
    assert b"503" == statuses[0]
    assert b"200" == statuses[-1]


@pytest.mark.anyio
async def test_how_long_a_stream_goes_on_is_not_how_long_a_request_took() -> None:
    """It counts until it begins."""
    measures = Remembered()

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        headers = [(b"content-type", EVENT_STREAM.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await asyncio.sleep(0.3)
        await send({"type": "http.response.body", "body": b""})

    async def send(_: Any) -> None:
        """Take it."""

    scope: Any = {"type": "http", "method": "GET", "path_template": "/login/events/{stream}"}
    await Timing(app, measures)(scope, send, send)  # type: ignore[arg-type]
    labels = ("GET", "/login/events/{stream}", "2xx")
    assert measures.observed[REQUESTS.name, *labels][0] < 0.2


@pytest.mark.parametrize(
    ("standing", "is_opened", "expected"),
    [
        (Standing.PENDING, False, Event.WAITING),
        (Standing.PENDING, True, Event.OPENED),
        (Standing.APPROVED, True, Event.APPROVED),
        (Standing.DENIED, True, Event.DENIED),
        (Standing.EXPIRED, False, Event.EXPIRED),
        (Standing.REPLACED, False, Event.EXPIRED),
        (Standing.REDEEMED, True, Event.REDEEMED),
    ],
)
def test_each_standing_has_its_event(
    standing: Standing, expected: Event, *, is_opened: bool
) -> None:
    """A literal table."""
    assert expected == event_of(Signal(standing=standing, is_opened=is_opened, expires_at=0))


@pytest.mark.anyio
async def test_an_older_look_never_takes_anything_back() -> None:
    """Two looks may be under way at a time, and end in the other order."""

    def signal(standing: Standing, *, is_opened: bool = True) -> Signal:
        return Signal(standing=standing, is_opened=is_opened, expires_at=1)

    stream = Stream()
    stream.hear(signal(Standing.PENDING))
    stream.hear(signal(Standing.PENDING, is_opened=False))
    assert Event.OPENED is await stream.next()
    stream.hear(signal(Standing.APPROVED))
    stream.hear(signal(Standing.PENDING))
    stream.hear(None)
    assert Event.APPROVED is await stream.next()
    assert await stream.next() is None


@pytest.mark.anyio
async def test_a_login_that_was_swept_is_over() -> None:
    """Its page looks for itself."""
    stream = Stream()
    stream.hear(None)
    assert Event.EXPIRED is await stream.next()


@pytest.mark.anyio
async def test_what_is_over_waits_for_no_moment() -> None:
    """Else somebody would look for it again and again, for as long as its page takes to go."""
    stream = Stream()
    stream.hear(Signal(standing=Standing.PENDING, is_opened=False, expires_at=7))
    assert 7 == stream.expires_at
    stream.hear(Signal(standing=Standing.APPROVED, is_opened=True, expires_at=9))
    assert stream.expires_at is None
