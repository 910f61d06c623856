"""What Hypercorn leaves open below ASGI: malformed requests, upgrades, clients that do not read.

Hypercorn answers what is no HTTP with an empty body (or a 501), switches to h2c or WebSocket when a
stranger asks, drops a whole HTTP/2 connection over one odd stream, waits for ever for a client
that takes nothing of its answer, and cuts off one that only listens. It has no door for that, so
the classes that it makes for each connection are exchanged here for ours; tests talk to them over
raw sockets.
"""

import asyncio
import json
import math
from collections.abc import Coroutine
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

import h11
from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived
from h2.events import Event as H2Event
from h2.exceptions import H2Error
from hypercorn.asyncio import run, tcp_server
from hypercorn.asyncio.tcp_server import MAX_RECV, TCPServer
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.events import Response, StreamClosed
from hypercorn.protocol.h2 import H2Protocol
from hypercorn.protocol.h11 import H2ProtocolAssumedError, H11Protocol
from hyperframe.frame import GoAwayFrame

from tgauth.api.headers import COMMON_HEADERS
from tgauth.api.listening import ListeningConfig

_MALFORMED: Final = (
    "this is no HTTP request that can be read here: check the request line, the Host header, and "
    "what says how long the body is"
)
_TOO_LARGE: Final = "the headers are too large: send less of them"
#: Seconds in which the other side has to take some of what was written.
TAKING: Final = 10.0
_UPGRADE: Final = b"upgrade"
#: RFC 9113 §6.8: "initiate a graceful shutdown", before it is known which stream is the last.
_ANY_STREAM: Final = 2**31 - 1


class WireConfig(ListeningConfig):
    """Hypercorn's configuration, which knows the connections that are open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: set[_Server] = set()

    async def ask_to_leave(self) -> None:
        """Ask the clients of HTTP/2 to come again elsewhere; HTTP/1.1 says so in each answer."""
        for server in tuple(self.open):
            await server.ask_to_leave()

    @property
    def is_idle(self) -> bool:
        """Whether no connection is open."""
        return not self.open


def install() -> None:
    """Let every connection that Hypercorn accepts from now on be one of ours."""
    found = (getattr(run, "TCPServer", None), getattr(tcp_server, "ProtocolWrapper", None))
    if found not in {(TCPServer, ProtocolWrapper), (_Server, _Wire)}:
        raise RuntimeError("this Hypercorn is not one that tgauth knows: see pyproject.toml")
    run.TCPServer = _Server  # type: ignore[attr-defined]  # the same
    tcp_server.ProtocolWrapper = _Wire  # type: ignore[assignment, attr-defined]  # see above: there is no other door


class _Server(TCPServer):
    """The socket of one connection."""

    #: When something was last sent, by the loop's clock.
    _sent_at = -math.inf

    async def run(self) -> None:
        if not isinstance(self.config, WireConfig):
            await super().run()
            return
        self.config.open.add(self)
        try:
            await super().run()
        finally:
            self.config.open.discard(self)

    async def ask_to_leave(self) -> None:
        protocol = getattr(getattr(self, "protocol", None), "protocol", None)
        if isinstance(protocol, _Http2):
            frame = GoAwayFrame(0, last_stream_id=_ANY_STREAM)
            await self.protocol_send(RawData(data=frame.serialize()))

    async def _read_data(self) -> None:
        """Read until the other side goes, or nothing came and nothing went for too long.

        Hypercorn looks only at what comes, so it would cut off whoever listens to events.
        """
        seconds = self.config.read_timeout
        while not self.reader.at_eof():
            try:
                async with asyncio.timeout(seconds):
                    data = await self.reader.read(MAX_RECV)
            except TimeoutError:
                if seconds and asyncio.get_running_loop().time() - self._sent_at < seconds:
                    continue
                break
            except OSError:
                break
            await self.protocol.handle(RawData(data))
        await self.protocol.handle(Closed())

    async def protocol_send(self, event: Event) -> None:
        self._sent_at = asyncio.get_running_loop().time()
        if isinstance(event, RawData) and not self._has_room_for(len(event.data)):
            await self._within(TAKING, super().protocol_send(event))
        else:
            await super().protocol_send(event)

    async def _close(self) -> None:
        await self._within(TAKING, super()._close())

    def _has_room_for(self, size: int) -> bool:
        """Say whether nobody has to wait for the other side to write so many bytes."""
        transport = self.writer.transport
        _, most = transport.get_write_buffer_limits()
        return transport.get_write_buffer_size() + size <= most

    async def _within(self, seconds: float, writing: Coroutine[Any, Any, None]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds) as limit:
                await writing
        if limit.expired():
            self.writer.transport.abort()


class _Wire(ProtocolWrapper):
    """One connection: HTTP/1.1, or HTTP/2 for a client that begins with it."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        # Everything but ALPN's choice: TLS is a proxy's business.
        self._parts = parts[:9]
        self.protocol = _Http1(*self._parts)

    async def handle(self, event: Event) -> None:
        try:
            await self.protocol.handle(event)
        except H2ProtocolAssumedError as error:
            self.protocol = _Http2(*self._parts)
            await self.protocol.initiate()
            await self.protocol.handle(RawData(data=error.data))


class _Http1(H11Protocol):
    #: Whether an answer broke off, so that no more of it can be said.
    _is_torn = False

    async def stream_send(self, event: StreamEvent) -> None:
        # Whoever takes not even the head of an answer has it cut off there; Hypercorn would then
        # begin another one, which h11 refuses.
        begun = self.connection.our_state not in {h11.IDLE, h11.SEND_RESPONSE}
        self._is_torn |= isinstance(event, Response) and begun
        if not self._is_torn or isinstance(event, StreamClosed):
            await super().stream_send(event)

    async def _check_protocol(self, event: h11.Request) -> None:
        await super()._check_protocol(_without_upgrade(event))

    async def _create_stream(self, request: h11.Request) -> None:
        await super()._create_stream(_without_upgrade(request))

    async def _send_error_response(self, status_code: int) -> None:
        too_large = status_code == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        # An unknown transfer coding is 501 for h11 (RFC 9112 §6.1), as if it were our fault.
        status = status_code if too_large else HTTPStatus.BAD_REQUEST
        body = json.dumps(
            {
                "error": "invalid_request",
                "error_description": _TOO_LARGE if too_large else _MALFORMED,
            }
        ).encode()
        headers = {
            **COMMON_HEADERS,
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        own = [(name.lower().encode(), text.encode()) for name, text in headers.items()]
        await self._send_h11_event(
            h11.Response(status_code=status, headers=[*own, *self.config.response_headers("h11")])
        )
        await self._send_h11_event(h11.Data(data=body))
        await self._send_h11_event(h11.EndOfMessage())


class _Http2(H2Protocol):
    async def initiate(
        self, headers: list[tuple[bytes, bytes]] | None = None, settings: bytes | None = None
    ) -> None:
        await super().initiate(headers, settings)
        # The preface counted as a request for HTTP/1, and nothing ever ended it.
        await self.send(Updated(idle=True))

    async def _handle_events(self, events: list[H2Event]) -> None:
        for event in events:
            if isinstance(event, DataReceived) and event.stream_id not in self.streams:
                # A body whose refusal was sent already. Hypercorn would drop the connection.
                with suppress(H2Error):
                    self.connection.acknowledge_received_data(
                        event.flow_controlled_length, event.stream_id
                    )
            elif isinstance(event, RequestReceived) and not _is_plain(event):
                with suppress(H2Error):
                    self.connection.reset_stream(event.stream_id, ErrorCodes.PROTOCOL_ERROR)
                await self._flush()
            else:
                await super()._handle_events([event])


def _without_upgrade(request: h11.Request) -> h11.Request:
    """Take out the wish for another protocol, which a server may ignore (RFC 9110 §7.8)."""
    headers = request.headers
    if all(name != _UPGRADE for name, _ in headers):
        return request
    return h11.Request(
        method=request.method,
        target=request.target,
        http_version=request.http_version,
        headers=[(name, value) for name, value in headers if name != _UPGRADE],
    )


def _is_plain(request: RequestReceived) -> bool:
    """Say whether this is a request and no tunnel, with a method and a path in ASCII."""
    headers = [(bytes(name), bytes(value)) for name, value in request.headers or ()]
    pseudo = {name: value for name, value in headers if name.startswith(b":")}
    method, path = pseudo.get(b":method", b""), pseudo.get(b":path", b"")
    return method.isascii() and path.isascii() and method.upper() != b"CONNECT"
