"""The dashboard, the alerts and the handbook name exactly the metrics and settings that exist."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from worker.process import metrics
from worker.process.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
NAMED = re.compile(r'alertname="(\w+)"')
HANDBOOK = ROOT / "docs/operations"


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def expressions() -> list[str]:
    dashboard = json.loads((ROOT / "deploy/grafana/dashboards/worker.json").read_text())
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return [*shown, (ROOT / "deploy/prometheus/alerts.yml").read_text()]


def families() -> dict[str, set[str]]:
    return {
        family.name: {family.name + suffix for suffix in SUFFIXES[family.type]}
        for family in metrics.REGISTRY.collect()
        if family.name.startswith("g3n_")
    }


def test_every_name_in_an_expression_is_a_metric() -> None:
    named = set(re.findall(r"g3n_\w+", " ".join(expressions())))
    assert set() == named - set().union(*families().values())


def test_every_metric_is_on_the_dashboard_or_in_an_alert() -> None:
    named = set(re.findall(r"g3n_\w+", " ".join(expressions())))
    unseen = {family for family, names in families().items() if not names & named}
    assert set() == unseen


def test_every_alert_has_a_severity_a_summary_a_dashboard_and_a_runbook() -> None:
    for rule in alerts():
        assert rule["labels"]["severity"] in ("page", "warn"), rule
        assert rule["annotations"].keys() == {"summary", "runbook_url", "dashboard_url"}, rule
        assert rule["annotations"]["runbook_url"].endswith(f"#{rule['alert'].lower()}"), rule


def test_each_alert_is_seen_to_fire_and_to_be_cleared() -> None:
    """`make alerts` has promtool run these cases."""
    cases = yaml.safe_load((ROOT / "deploy/prometheus/alerts.test.yml").read_text())["tests"]
    cleared: set[str] = set()
    for case in cases:
        fired: set[str] = set()
        for look in case.get("promql_expr_test", ()):
            now = {name for one in look["exp_samples"] for name in NAMED.findall(one["labels"])}
            cleared |= fired - now
            fired |= now
    assert cleared == {rule["alert"] for rule in alerts()}


def test_every_runbook_is_of_an_alert_and_says_what_to_do() -> None:
    parts = re.split(r"^## (\w+)\n", (ROOT / "docs/runbooks.md").read_text(), flags=re.MULTILINE)
    runbooks = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert runbooks.keys() == {rule["alert"] for rule in alerts()}
    severities = {rule["alert"]: rule["labels"]["severity"] for rule in alerts()}
    for name, text in runbooks.items():
        assert text.startswith(f"*{severities[name]}.*"), name
        assert re.findall(r"(?:^|\. |\* )\*\*([\w ]+?)\.?\*\*", text, flags=re.MULTILINE) == [
            "Meaning", "Where to look", "What to do", "It is over",
        ], name  # fmt: skip


def test_the_objective_counts_by_a_bucket_that_there_is() -> None:
    named = set(
        re.findall(r'g3n_tender_seconds_bucket\{le="([\d.]+)"\}', (ROOT / "deploy/prometheus/alerts.yml").read_text())
    )
    (family,) = [one for one in metrics.REGISTRY.collect() if one.name == "g3n_tender_seconds"]
    assert named == {"1.0"} <= {sample.labels["le"] for sample in family.samples if "le" in sample.labels}


def test_the_handbook_lists_every_setting_and_every_metric_once() -> None:
    settings = {PREFIX + name.upper() for name in Settings.model_fields} - {PREFIX + "PROCESS_INDEX"}
    listed = re.findall(rf"^\| `({PREFIX}\w+)`", (HANDBOOK / "settings.md").read_text(), flags=re.MULTILINE)
    assert sorted(settings) == sorted(listed)
    listed = re.findall(r"^\| `(g3n_\w+?)(?:_total)?`", (HANDBOOK / "monitoring.md").read_text(), flags=re.MULTILINE)
    assert sorted(families()) == sorted(listed)
