"""The files for integrators agree with the models, and their examples are valid."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from schemas import asyncapi, examples, generate
from schemas.asyncapi import INPUTS, outcome_type
from schemas.generate import ASYNCAPI, JSON
from schemas.json_schema import FILES, standalone
from schemas.outcomes import NOTICES, OutcomeEnvelope
from schemas.registry import DOCUMENTS
from tests.schemas.full import documents
from tests.schemas.wire import read

TYPES = sorted(DOCUMENTS)


@pytest.fixture(scope="module")
def api() -> dict[str, Any]:
    """The AsyncAPI file."""
    parsed: dict[str, Any] = yaml.safe_load(ASYNCAPI.read_text(encoding="utf-8"))
    return parsed


def _validator(api: dict[str, Any], schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({"components": api["components"], **schema})


def test_files_are_current() -> None:
    assert generate.outdated() == []


def test_files_are_found_outdated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "JSON", tmp_path / "json")
    monkeypatch.setattr(generate, "ASYNCAPI", tmp_path / "asyncapi.yaml")
    monkeypatch.setattr(generate, "OPENAPI", tmp_path / "openapi.json")
    everything = sorted(generate.files())
    assert sorted(generate.outdated()) == everything

    monkeypatch.setattr("sys.argv", ["generate"])
    assert generate.main() == 0
    assert generate.outdated() == []

    unknown = tmp_path / "json" / "scm.gone.json"
    unknown.write_text("{}", encoding="utf-8")
    (tmp_path / "asyncapi.yaml").write_text("asyncapi: 2.6.0\n", encoding="utf-8")
    assert generate.outdated() == [tmp_path / "asyncapi.yaml", unknown]
    monkeypatch.setattr("sys.argv", ["generate", "--check"])
    assert generate.main() == 1

    monkeypatch.setattr("sys.argv", ["generate"])
    assert generate.main() == 0
    assert generate.outdated() == []
    assert not unknown.exists()


@pytest.mark.parametrize("name", sorted(FILES))
def test_json_schemas_are_json_schemas(name: str) -> None:
    schema = json.loads((JSON / f"{name}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema == standalone(FILES[name])


@pytest.mark.parametrize("type_", TYPES)
def test_json_schema_accepts_what_the_model_accepts(type_: str) -> None:
    validator = jsonschema.Draft202012Validator(standalone(DOCUMENTS[type_].model))
    for data in documents(type_):
        read(type_, data)
        validator.validate(data)
        for name, field in DOCUMENTS[type_].model.model_fields.items():
            nulled = data | {name: None}
            try:
                read(type_, nulled)
            except ValueError:
                continue
            assert not field.is_required()
            validator.validate(nulled)


def test_yaml_is_the_document(api: dict[str, Any]) -> None:
    assert api == json.loads(json.dumps(asyncapi.document()))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "no",
        "Null",
        "1.0",
        "-",
        "a: b",
        "a #b",
        "'",
        '"',
        "é",
        " x",
        "x ",
        "{}",
        "[]",
        "~",
        "y",
        "0x1",
        "2026-03-01",
    ],
)
def test_yaml_keeps_strings(value: str) -> None:
    document = {"list": [value, [value], {value: value}], value: {value: value}, "empty": [{}, []]}
    assert yaml.safe_load(generate.yaml(document)) == document


def test_channels_are_the_contract_s(api: dict[str, Any]) -> None:
    inputs = ["scm.sales", "scm.returns", "scm.tenders", "crm.commands"]
    outputs = ["crm.tender-outcomes", "crm.outcomes", "crm.accepted", "crm.accepted-dlt"]
    outputs += [f"{topic}-dlt" for topic in inputs]
    actions: dict[str, list[str]] = {"receive": [], "send": []}
    for operation in api["operations"].values():
        name = operation["channel"]["$ref"].rpartition("/")[2]
        actions[operation["action"]].append(api["channels"][name]["address"])
    assert actions == {"receive": inputs, "send": outputs}


def test_every_type_has_its_channel(api: dict[str, Any]) -> None:
    for name in INPUTS:
        for message in api["channels"][name]["messages"]:
            assert message.removesuffix(".binary") in DOCUMENTS
    received = {message for name in INPUTS for message in api["channels"][name]["messages"]}
    assert received == {name for type_ in TYPES for name in (type_, f"{type_}.binary")}
    sent = [message for name in ("tenderOutcomes", "outcomes") for message in api["channels"][name]["messages"]]
    assert sorted(sent) == sorted([*map(outcome_type, TYPES), *NOTICES])
    assert outcome_type("scm.tender.requested") in api["channels"]["tenderOutcomes"]["messages"]
    assert outcome_type("crm.loyalty.earn") == "crm.outcome.loyalty.earn"


def test_examples_hold(api: dict[str, Any]) -> None:
    count = 0
    for message in api["components"]["messages"].values():
        for example in message.get("examples", ()):
            for part in ("payload", "headers"):
                if part in example:
                    _validator(api, message[part]).validate(example[part])
                    count += 1
    assert count == 3 * len(TYPES) + len(examples.OUTCOMES)


@pytest.mark.parametrize("type_", sorted(examples.OUTCOMES))
def test_outcome_examples_are_outcomes(api: dict[str, Any], type_: str) -> None:
    name = type_ if type_ in NOTICES else outcome_type(type_)
    (example,) = api["components"]["messages"][name]["examples"]
    outcome = OutcomeEnvelope.model_validate_json(json.dumps(example["payload"]))
    assert outcome.type == name
