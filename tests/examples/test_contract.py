"""The demo's documents are valid by the contract's JSON Schemas: an integrator has no more than these files."""

import json
from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator

from examples.online_retail.demo import prepare
from examples.online_retail.documents import Document
from examples.online_retail.sample import SAMPLE

SCHEMAS = Path(__file__).parents[2] / "schemas" / "json"


@cache
def schema(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text()))


def complaints(envelope: dict[str, object]) -> list[str]:
    return [
        f"{envelope['id']}: {error.json_path} {error.message}"
        for validator, value in ((schema("envelope"), envelope), (schema(str(envelope["type"])), envelope["data"]))
        for error in validator.iter_errors(value)
    ]


def test_documents_of_the_sample() -> None:
    envelopes = [json.loads(record.value) for record in prepare(SAMPLE).records]
    assert [complaint for envelope in envelopes for complaint in complaints(envelope)] == []
    assert len(envelopes) == 416


def test_documents_of_the_tills() -> None:
    tills = prepare(SAMPLE).tills
    sent = [step.sends for scene in tills.scenes for step in scene.steps if isinstance(step.sends, Document)]
    assert [complaint for document in [*tills.issues, *sent] for complaint in complaints(document.envelope())] == []
    assert (len(tills.issues), len(sent)) == (6, 24)
