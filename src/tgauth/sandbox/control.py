"""Controls for tests: faults, outages, the journal, and updates that misbehave.

The people and chats among them are in `populace`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from litestar import Router, delete, get, post
from litestar.exceptions import HTTPException
from litestar.params import FromQuery, JSONBody

from .faults import Fault, Faults, Journal, Kind
from .methods import Api
from .populace import Populace

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler


class FaultOrder(msgspec.Struct, kw_only=True, frozen=True):
    """A failure to come; `*` is every method."""

    method: str
    kind: Kind
    status: int = 500
    retry_after: int | None = None
    seconds: float = 1.0
    count: int = 1


class Outage(msgspec.Struct, kw_only=True, frozen=True):
    """Whether Telegram is away."""

    on: bool


class Repeat(msgspec.Struct, kw_only=True, frozen=True):
    """An update to deliver once more."""

    update_id: int


class RestartIds(msgspec.Struct, kw_only=True, frozen=True):
    """Where ids go on."""

    next: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlFace:
    """Routes under `/control`."""

    api: Api
    faults: Faults
    journal: Journal

    def router(self) -> Router:
        """Return the routes."""
        # long because it is a list of routes

        @post("/faults")
        async def add_faults(data: JSONBody[list[FaultOrder]]) -> dict[str, Any]:
            self.faults.add(Fault(**msgspec.structs.asdict(order)) for order in data)
            return {"pending": len(self.faults.pending)}

        @delete("/faults", status_code=200)
        async def drop_faults() -> dict[str, Any]:
            self.faults.pending.clear()
            return {"pending": 0}

        @post("/outage")
        async def outage(data: JSONBody[Outage]) -> dict[str, Any]:
            self.faults.outage = data.on
            if data.on:
                self.api.polling.hang_up()
            return {"on": data.on}

        @get("/calls")
        async def calls(after: FromQuery[int] = 0) -> dict[str, Any]:
            return {"calls": self.journal.after(after)}

        @post("/updates/repeat")
        async def repeat(data: JSONBody[Repeat]) -> dict[str, Any]:
            if not self.api.updates.repeat(data.update_id):
                raise HTTPException(status_code=404, detail="no such update")
            self.api.polling.notify()
            return {"update_id": data.update_id}

        @post("/updates/restart_ids")
        async def restart_ids(data: JSONBody[RestartIds]) -> dict[str, Any]:
            try:
                self.api.updates.restart_ids(data.next)
            except ValueError as error:
                raise HTTPException(status_code=409, detail=str(error)) from error
            return {"next": data.next}

        handlers: list[HTTPRouteHandler] = [
            add_faults,
            drop_faults,
            outage,
            calls,
            repeat,
            restart_ids,
        ]
        people = Populace(api=self.api).handlers()
        return Router("/control", route_handlers=[*handlers, *people])
