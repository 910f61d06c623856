"""A phone: tabs that are really hidden and frozen, taps, and a network that can go dead under them.

Playwright tells every page that it is in front. So this one starts the browser by itself and lets
Playwright only connect to it, which then leaves visibility as it is.
"""

import selectors
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, cast

from playwright.sync_api import BrowserContext, CDPSession, Locator, Page, sync_playwright
from tests.e2e.browser import CHROMIUM, PHONE, QUIET
from tests.harness import eventually

_CHUNK: Final = 65536


class Tab:
    """A tab of the phone's browser."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._devtools: CDPSession = page.context.new_cdp_session(page)
        size = cast("dict[str, int]", PHONE["viewport"])
        self._send(
            "Emulation.setDeviceMetricsOverride",
            **size,
            deviceScaleFactor=PHONE["device_scale_factor"],
            mobile=True,
        )
        self._send("Emulation.setTouchEmulationEnabled", enabled=True)

    @property
    def is_hidden(self) -> bool:
        """Whether another tab is in front, as the page itself sees it."""
        return bool(self.page.evaluate("document.hidden"))

    def tap(self, target: Locator) -> None:
        """Touch something in its middle."""
        target.scroll_into_view_if_needed()
        box = target.bounding_box()
        assert box is not None
        middle = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        self._send("Input.dispatchTouchEvent", type="touchStart", touchPoints=[middle])
        self._send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def freeze(self) -> None:
        """Let none of its script run, as an operating system does with what nobody looks at."""
        self._send("Page.setWebLifecycleState", state="frozen")

    def come_back(self) -> None:
        """Bring it to the front, which lets it run again."""
        self.page.bring_to_front()

    def _send(self, method: str, **parameters: Any) -> None:
        self._devtools.send(method, parameters)


@contextmanager
def phone(folder: Path) -> Iterator[BrowserContext]:
    """Run a browser whose tabs are hidden while another one is in front."""
    assert CHROMIUM is not None
    profile = folder / "profile"
    argv = [CHROMIUM, "--headless=new", "--remote-debugging-port=0", *QUIET]
    with (folder / "chromium.log").open("wb") as log:
        running = subprocess.Popen([*argv, f"--user-data-dir={profile}"], stdout=log, stderr=log)
    try:
        told = profile / "DevToolsActivePort"
        eventually(lambda: told.exists() and "\n" in told.read_text())
        port = told.read_text().partition("\n")[0]
        with sync_playwright() as playwright:
            connected = playwright.chromium.connect_over_cdp(
                f"http://127.0.0.1:{port}", no_defaults=True
            )
            yield connected.contexts[0]
    finally:
        running.terminate()
        running.wait(20)


class Line:
    """A line between browser and server that can be cut, or go dead without a word.

    Attributes:
        port: Where the browser connects to.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._streams: set[socket.socket] = set()
        self._dead: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def go_dead(self) -> None:
        """Let nothing through any more on streams that are open, and tell neither side.

        So it is when something on the way has forgotten them while a phone slept. What was idle
        was closed in that time; and whoever connects anew gets through.
        """
        with self._lock:
            self._dead.update(self._streams)
        self.break_off()

    def break_off(self) -> None:
        """Close what is open."""
        with self._lock:
            for one in {one for pair in self._pairs for one in pair} - self._dead:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Take no more, and end what is open."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._dead.clear()
        self.break_off()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                near.close()
                continue
            with self._lock:
                self._pairs.append((near, far))
            threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        with near, far, selectors.DefaultSelector() as ready, suppress(OSError):
            for one in other:
                ready.register(one, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    source = cast("socket.socket", key.fileobj)
                    part = source.recv(_CHUNK)
                    with self._lock:
                        if b"text/event-stream" in part and source is far:
                            self._streams |= {near, far}
                        is_dead = source in self._dead
                    if is_dead and part:
                        continue
                    if is_dead:
                        ready.unregister(source)  # nor that the other side has gone
                        continue
                    if not part:
                        for one in other:
                            one.shutdown(socket.SHUT_RDWR)
                        return
                    other[source].sendall(part)


@contextmanager
def line(target: int) -> Iterator[Line]:
    """Carry what comes to a port on this machine, until the block ends."""
    carrying = Line(target)
    try:
        yield carrying
    finally:
        carrying.close()
