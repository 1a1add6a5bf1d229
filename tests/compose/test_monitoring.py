"""What the dashboard, the alerts and docs/operations.md name is what there is, and all that there is."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from worker import metrics
from worker.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
OPERATIONS = (ROOT / "docs/operations.md").read_text()


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> list[str]:
    dashboard = json.loads((ROOT / "deploy/grafana/dashboards/worker.json").read_text())
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return shown + [rule["expr"] for rule in alerts()]


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


def test_operations_says_what_to_do_about_every_alert() -> None:
    described = re.findall(r"\*\*`(\w+)`\*\*", OPERATIONS)
    assert sorted(rule["alert"] for rule in alerts()) == sorted(described)


def test_operations_lists_every_setting_and_every_metric() -> None:
    settings = {PREFIX + name.upper() for name in Settings.model_fields} - {PREFIX + "PROCESS_INDEX"}
    assert settings == set(re.findall(rf"^\| `({PREFIX}\w+)`", OPERATIONS, flags=re.MULTILINE))
    assert set(families()) == set(re.findall(r"^\| `(g3n_\w+?)(?:_total)?`", OPERATIONS, flags=re.MULTILINE))
