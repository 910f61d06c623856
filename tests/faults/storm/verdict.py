"""What a journal proves: findings where a promise was broken, and numbers."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.faults.history import Kind, Lifetimes, Operation, Outcome, unexplained
from tests.faults.storm.journal import Deed, Notes

_KINDS: Final = {one.value: one for one in (Kind.LOOK, Kind.PRESS, Kind.EXCHANGE)}
_OUTCOMES: Final = {one.value: one for one in Outcome}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a journal proves.

    Attributes:
        findings: What was promised and is not so, in words; nothing where all is well.
        numbers: What happened, counted.
    """

    findings: tuple[str, ...]
    numbers: dict[str, Any]


def judge(notes: Notes, lifetimes: Lifetimes) -> Verdict:
    """Judge a journal."""
    deeds: dict[int, list[Deed]] = defaultdict(list)
    for deed in notes.deeds:
        deeds[deed.who].append(deed)
    seen: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for event in notes.events:
        if event["event"] in {"seen", "told"}:
            seen[event["who"]].append(event)
    findings = [*_of_stories(notes), *_of_serve(notes), *_of_answers(notes)]
    for who, own in deeds.items():
        asks = pair(own, seen[who])
        findings += _of_asks(who, asks, seen[who], leaves=_leaves(notes)[who])
        found = unexplained(history_of(own, asks), lifetimes)
        if found is not None:
            findings.append(f"{who}: {found}")
    return Verdict(findings=tuple(findings), numbers=numbers_of(notes))


@dataclass(slots=True, kw_only=True)
class Asked:
    """One /login, and the link that answered it."""

    begun: float
    code: str | None = None
    seen: float | None = None


def pair(deeds: list[Deed], seen: list[dict[str, Any]]) -> list[Asked]:
    """Say which /login each link answers: the newest link the newest that came before it."""
    asks = [Asked(begun=deed.begun) for deed in deeds if deed.do == "ask"]
    links = [event for event in seen if event["event"] == "seen"]
    number = len(asks)
    for link in reversed(links):
        number -= 1
        while number >= 0 and asks[number].begun > link["at"]:
            number -= 1
        if number < 0:
            break
        asks[number].code, asks[number].seen = link["code"], link["at"]
    return asks


def history_of(deeds: list[Deed], asks: list[Asked]) -> list[Operation]:
    """Return what the model is asked about; what reached nobody did not happen."""
    history = [
        Operation(
            kind=Kind.ASK,
            begun=one.begun,
            ended=one.seen,
            outcome=None if one.code is None else Outcome.OK,
            code=one.code,
        )
        for one in asks
    ]
    for deed in deeds:
        if deed.do in _KINDS and deed.outcome != "not sent":
            outcome = _OUTCOMES.get(deed.outcome or "")
            history.append(
                Operation(
                    kind=_KINDS[deed.do],
                    begun=deed.begun,
                    ended=deed.ended if outcome else None,
                    outcome=outcome,
                    code=deed.code,
                    browser=deed.browser,
                    value=deed.value if outcome is Outcome.OK else None,
                )
            )
    return history


def _leaves(notes: Notes) -> dict[int, bool]:
    return {one["who"]: not one["insists"] for one in notes.of("story")}


def _of_stories(notes: Notes) -> Iterator[str]:
    """Everybody who insists is logged in at the end, and nobody hangs."""
    ends = {one["who"]: one for one in notes.of("end of story")}
    entered = {deed.who for deed in notes.deeds if deed.do == "me" and deed.outcome == "ok"}
    for story in notes.of("story"):
        who, end = story["who"], ends.get(story["who"])
        if end is None:
            yield f"{who}: the story '{story['name']}' never came to its end"
        elif end.get("error"):
            yield f"{who}: the story '{story['name']}' broke off: {end['error']}"
        elif story["insists"] and who not in entered:
            yield f"{who}: insisted, and was not logged in"


def _of_serve(notes: Notes) -> Iterator[str]:
    for one in notes.of("gave up"):
        yield f"serve ended by itself at {one['at']}, with {one['code']}"


def _of_answers(notes: Notes) -> Iterator[str]:
    """No request hangs, and none is answered by what a client can make nothing of."""
    for deed in notes.deeds:
        if deed.outcome == "hung":
            yield f"{deed.who}: {deed.do} at {deed.begun} was never answered nor broken off"
        elif (deed.outcome or "").startswith("odd"):
            yield f"{deed.who}: {deed.do} at {deed.begun} was answered {deed.outcome}"


def _of_asks(
    who: int, asks: list[Asked], seen: list[dict[str, Any]], *, leaves: bool
) -> Iterator[str]:
    """Each /login is answered by a link, an honest word, or the link of a newer one."""
    links = sum(event["event"] == "seen" for event in seen)
    if links > len(asks):
        yield f"{who}: {len(asks)} times /login were answered by {links} different links"
    if leaves:
        return
    answered = max((event["at"] for event in seen), default=-1.0)
    for one in asks:
        if one.code is None and one.begun > answered:
            yield f"{who}: /login at {one.begun} was never answered"


def numbers_of(notes: Notes) -> dict[str, Any]:
    """Count what happened."""
    killed = Counter(one["name"] for one in notes.of("killed"))
    outcomes = Counter(deed.outcome for deed in notes.deeds)
    stories = [one["at"] for one in notes.of("story")]
    lasted = max(stories, default=0.0) - min(stories, default=0.0)
    calm = next((one["at"] for one in notes.of("calm")), 0.0)
    tokens = [
        deed.ended or 0.0 for deed in notes.deeds if deed.do == "exchange" and deed.outcome == "ok"
    ]
    return {
        "people": len(stories),
        "seconds": round(lasted, 1),
        "logins a second": round(len(stories) / lasted, 1) if lasted else 0.0,
        "/login": sum(deed.do == "ask" for deed in notes.deeds),
        "links": sum(1 for _ in notes.of("seen")),
        "tokens": len(tokens),
        "tokens before the calm": sum(at < calm for at in tokens),
        "operations": len(notes.deeds),
        "without an answer": outcomes["lost"] + outcomes["not sent"],
        "kills": killed.total(),
        "killed": dict(sorted(killed.items())),
        "starts of serve": sum(1 for _ in notes.of("started")),
    }
