"""Replace every child, new before old, and leave what there is where that cannot be done."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from anyio import Lock

from tgauth.supervisor.declarations import Child, Reloaded, ReloadRefused, Renew, Renewal

if TYPE_CHECKING:
    from tgauth.supervisor.supervisor import Supervisor


class Reloading:
    """The reloads of one supervisor, one at a time."""

    def __init__(self, supervisor: "Supervisor", renew: Renew | None) -> None:
        """Prepare to reload.

        Args:
            supervisor: Whose children.
            renew: Says what a reload brings; the same children, without it.
        """
        self._supervisor = supervisor
        self._renew = renew or self._same
        self.last: dict[str, Any] | None = None
        """What became of the last one, as plain data."""
        self._turn = Lock()
        self._is_asked = False

    def ask(self) -> None:
        """Begin a reload, or have one more follow the one that is under way."""
        if not self._is_asked:
            self._is_asked = True
            self._supervisor.begin(self._answer)

    async def reload(self) -> Reloaded:
        """Replace every child, after whatever reload is under way."""
        async with self._turn:
            # What is asked for from here on has not been seen by this one.
            self._is_asked = False
            return await self._reload()

    async def command(self) -> dict[str, Any]:
        """Reload, and tell what became of it, as plain data."""
        return asdict(await self.reload())

    async def _answer(self) -> None:
        await self.reload()

    async def _same(self) -> Renewal:
        return Renewal(children=[runner.child for runner in self._supervisor.runners])

    async def _reload(self) -> Reloaded:
        supervisor = self._supervisor
        await supervisor.settled.wait()
        if supervisor.ending.is_set():
            return Reloaded(failure="everything is being stopped")
        supervisor.upwards.reloading()
        supervisor.remark = "reloading"
        supervisor.tell("supervisor.reloading")
        replaced: list[str] = []
        notes: tuple[str, ...] = ()
        failure: str | None = None
        try:
            renewal = await self._renew()
            notes = renewal.notes
            failure = await self._carry_out(renewal.children, replaced)
        except ReloadRefused as refusal:
            failure = str(refusal)
        except Exception as error:  # noqa: BLE001 - whatever it is must not end what runs
            failure = f"an unforeseen error: {error!r}"
        done = Reloaded(replaced=tuple(replaced), failure=failure, notes=notes)
        if not supervisor.ending.is_set():
            self._tell(done)
        return done

    def _tell(self, done: Reloaded) -> None:
        supervisor = self._supervisor
        self.last = {"at": time.time(), **asdict(done)}
        if done.failure is None:
            supervisor.remark = ""
            supervisor.tell("supervisor.reloaded", replaced=", ".join(done.replaced))
        else:
            supervisor.remark = f"the last reload failed: {done.failure}"
            supervisor.tell("supervisor.reload_failed", reason=done.failure)
        for note in done.notes:
            supervisor.tell("supervisor.not_reloaded", what=note)
        supervisor.upwards.ready()

    async def _carry_out(self, children: Sequence[Child], replaced: list[str]) -> str | None:
        """Replace, add and take away; return why not all of it was done.

        The last one first: what is started last is what can be refused for the most reasons.
        """
        supervisor = self._supervisor
        for child in reversed(children):
            runner = next((one for one in supervisor.runners if one.child.name == child.name), None)
            why = await (runner.replace(child) if runner else self._add(child))
            if why is not None:
                return why
            replaced.append(child.name)
        order = {child.name: number for number, child in enumerate(children)}
        for runner in [one for one in supervisor.runners if one.child.name not in order]:
            await runner.leave()
            supervisor.runners.remove(runner)
        supervisor.runners.sort(key=lambda one: order[one.child.name])
        return None

    async def _add(self, child: Child) -> str | None:
        runner = self._supervisor.runner_of(child)
        self._supervisor.runners.append(runner)
        why = await runner.replace(child)
        if why is None:
            self._supervisor.begin(runner.run)
        else:
            self._supervisor.runners.remove(runner)
        return why
