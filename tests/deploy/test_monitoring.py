"""Promises of what watches tgauth: dashboard and alerts speak of metrics that there are."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types
from tests.house.sources import ROOT

from tgauth.measures.catalogue import ALL, CHILD_RESTARTS, LOGINS, TELEGRAM_ERRORS, Histogram

RULES = ROOT / "deploy" / "prometheus-rules.yml"
DASHBOARD = ROOT / "deploy" / "grafana-dashboard.json"
METRICS_PAGE = ROOT / "docs" / "metrics.md"
PROMTOOL = shutil.which("promtool")

#: What Prometheus itself puts on everything that it scrapes.
SCRAPED = {"job", "instance"}
#: A metric with the matchers behind it, where it has some.
SELECTOR = re.compile(r"\b(tgauth_\w+|up)\b(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
GROUPED = re.compile(r"\bby \(([^)]*)\)")


def names() -> dict[str, set[str]]:
    """Return every series of ours, with its labels."""
    found: dict[str, set[str]] = {"up": set()}
    for metric in ALL:
        labels = set(metric.labels)
        if isinstance(metric, Histogram):
            found[f"{metric.name}_bucket"] = labels | {"le"}
            found |= dict.fromkeys((f"{metric.name}_sum", f"{metric.name}_count"), labels)
        else:
            found[metric.name] = labels
    return found


def mistakes_in(expression: str) -> list[str]:
    """Return what an expression asks for that there is not."""
    known, found, labels = names(), [], set(SCRAPED)
    for name, matchers in SELECTOR.findall(expression):
        if name not in known:
            found.append(f"no metric {name}")
            continue
        labels |= known[name]
        for label, _ in MATCHER.findall(matchers):
            if label not in known[name] | SCRAPED:
                found.append(f"no label {label} of {name}")
    for group in GROUPED.findall(expression):
        found += [f"no label {one}" for one in re.split(r",\s*", group) if one not in labels]
    if "histogram_quantile" in expression and "_bucket" not in expression:
        found.append("a quantile of no histogram")
    return found


def alerts() -> list[dict[str, Any]]:
    """Return the alerts."""
    [group] = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def panels() -> list[dict[str, Any]]:
    """Return the panels of the dashboard, rows too."""
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return found


def queries() -> Iterator[tuple[str, str, str]]:
    """Return the title, expression and legend of each query of the dashboard."""
    for panel in panels():
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"], target["legendFormat"]


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_each_alert_asks_for_what_there_is(alert: dict[str, Any]) -> None:
    """By metrics and labels of ours; and it says what is wrong and what to look at."""
    assert [] == mistakes_in(alert["expr"])
    assert SELECTOR.search(alert["expr"])
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert alert["annotations"].keys() == {"summary", "description"}
    told = set(re.findall(r"\$labels\.(\w+)", alert["annotations"]["description"]))
    kept = {label for group in GROUPED.findall(alert["expr"]) for label in re.split(r",\s*", group)}
    assert told <= kept


def test_every_trouble_that_can_be_seen_has_an_alert() -> None:
    """Not ready, waiting, Telegram, restarts, the store, guessing."""
    told = " ".join(alert["expr"] for alert in alerts())
    for name in (
        "tgauth_ready",
        "tgauth_inbox_oldest_age_seconds",
        "tgauth_outbox_oldest_age_seconds",
        TELEGRAM_ERRORS.name,
        'kind="conflict"',
        CHILD_RESTARTS.name,
        "tgauth_store_wait_seconds",
        "tgauth_failed_attempts_total",
        LOGINS.name,
    ):
        assert name in told
    assert len(alerts()) == len({alert["alert"] for alert in alerts()})


@pytest.mark.parametrize(("title", "expression", "legend"), list(queries()))
def test_each_panel_asks_for_what_there_is(title: str, expression: str, legend: str) -> None:
    """Of the chosen job alone; and its legend names labels that are left."""
    assert title
    assert [] == mistakes_in(expression)
    assert all('job="$job"' in matchers for _, matchers in SELECTOR.findall(expression))
    known = {label for name, _ in SELECTOR.findall(expression) for label in names()[name] | SCRAPED}
    groups = GROUPED.findall(expression)
    kept = {label for group in groups for label in re.split(r",\s*", group)} if groups else known
    assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= kept


def test_pages_that_anybody_opens_are_no_measure_of_who_is_refused_or_logs_in() -> None:
    """What is begun is counted of the chat alone where something is divided by it.

    A login in a browser is begun by whoever opens the page: an alert would never come, and a share
    would tell how many scanners passed by.
    """
    asked = [alert["expr"] for alert in alerts()] + [expression for _, expression, _ in queries()]
    begun = [
        dict(MATCHER.findall(matchers))
        for expression in asked
        for name, matchers in SELECTOR.findall(expression)
        if name == LOGINS.name and 'outcome="begun"' in matchers
    ]
    assert begun
    assert {"chat"} == {one.get("door") for one in begun}


def test_the_dashboard_shows_everything() -> None:
    """Each metric is somewhere on it, in its row, and no two panels lie on each other."""
    asked = " ".join(expression for _, expression, _ in queries())
    assert [] == [metric.name for metric in ALL if metric.name not in asked]
    rows = [panel["title"] for panel in panels() if panel["type"] == "row"]
    assert ["Logins", "Delivery", "API", "Store", "Processes"] == rows
    cells = [
        (x, y)
        for panel in panels()
        for place in (panel["gridPos"],)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert {24} >= {panel["gridPos"]["x"] + panel["gridPos"]["w"] for panel in panels()} - set(
        range(24)
    )
    assert len(panels()) == len({panel["id"] for panel in panels()})


def test_the_checks_can_fail() -> None:
    """A wrong name or label is found."""
    assert ["no metric tgauth_nothing"] == mistakes_in("rate(tgauth_nothing[5m])")
    assert ["no label colour of tgauth_ready"] == mistakes_in('tgauth_ready{colour="red"} == 0')
    assert ["no label colour"] == mistakes_in("sum by (colour) (tgauth_ready)")
    assert ["a quantile of no histogram"] == mistakes_in("histogram_quantile(0.9, tgauth_ready)")


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is in Debian's package prometheus")
def test_promtool_reads_the_rules_and_the_panels(tmp_path: Path) -> None:
    """Prometheus's own parser, of the alerts and of what the dashboard asks."""
    replaced = [
        re.sub(r"\$__rate_interval", "5m", expression.replace("$job", "tgauth"))
        for _, expression, _ in queries()
    ]
    recorded = [{"record": f"panel:{n}", "expr": one} for n, one in enumerate(replaced)]
    panel_rules = tmp_path / "panels.yml"
    panel_rules.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    for path in (RULES, panel_rules):
        done = subprocess.run(
            (str(PROMTOOL), "check", "rules", str(path)),
            capture_output=True,
            text=True,
            check=False,
        )
        assert 0 == done.returncode, done.stdout + done.stderr


def _documented() -> dict[str, str]:
    text = METRICS_PAGE.read_text("utf-8")
    return dict(re.findall(r"^\| `(tgauth_\w+)` \| (.*) \|$", text, re.MULTILINE))


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_every_metric_is_documented(metric: Any) -> None:
    """By its name, with each of its labels and every value that is known."""
    row = _documented()[metric.name]
    for label in metric.labels:
        assert f"`{label}`" in row
    for known in metric.known:
        assert all(value in row for value in known)


def test_no_metric_is_documented_that_there_is_not() -> None:
    """In the order of nothing, but all of them and only them."""
    assert {metric.name for metric in ALL} == set(_documented())


def test_the_scrape_configuration_is_one(tmp_path: Path) -> None:
    """What is to be copied from the page can be read, and names the file of the alerts."""
    [snippet] = re.findall(r"```yaml\n(.*?)```", METRICS_PAGE.read_text("utf-8"), re.DOTALL)
    found = yaml.safe_load(snippet)
    assert "tgauth" == found["scrape_configs"][0]["job_name"]
    assert [RULES.name] == found["rule_files"]
    if PROMTOOL is not None:
        (tmp_path / "prometheus.yml").write_text(snippet)
        shutil.copy(RULES, tmp_path)
        done = subprocess.run(
            (PROMTOOL, "check", "config", str(tmp_path / "prometheus.yml")),
            capture_output=True,
            text=True,
            check=False,
        )
        assert 0 == done.returncode, done.stdout + done.stderr
