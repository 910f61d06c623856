"""Promises of what is counted about children: each end and each restart, and all is passed on."""

from tests.fakes import Remembered

from tgauth.measures.children import counted


def test_ends_and_restarts_are_counted_by_child() -> None:
    """With how it ended: by itself, by a failure, or killed."""
    told: list[tuple[str, dict[str, object]]] = []
    measures = Remembered()
    report = counted(lambda event, /, **fields: told.append((event, fields)), measures)
    events: list[tuple[str, dict[str, object]]] = [
        ("child.started", {"name": "api", "pid": 1}),
        ("child.exited", {"name": "api", "pid": 1, "code": 0, "uptime": 1.5}),
        ("child.exited", {"name": "bot", "pid": 2, "code": 70, "uptime": 1.5}),
        ("child.exited", {"name": "bot", "pid": 3, "signal": "SIGKILL", "uptime": 1.5}),
        ("child.restarting", {"name": "bot", "delay": 0.0}),
        ("supervisor.stopping", {"signal": "SIGTERM"}),
    ]
    for event, fields in events:
        report(event, **fields)
    assert events == told
    assert {
        ("tgauth_child_exits_total", "api", "clean"): 1,
        ("tgauth_child_exits_total", "bot", "failed"): 1,
        ("tgauth_child_exits_total", "bot", "killed"): 1,
        ("tgauth_child_restarts_total", "bot"): 1,
    } == measures.counted
