"""Explain a document's decision, and simulate a document."""

import json
import time
import uuid
from typing import Any

import orjson

from schemas.envelope import SPECVERSION
from schemas.outcomes import OutcomeData
from schemas.registry import DOCUMENTS
from schemas.requests import EventExplain, EventSimulate
from schemas.scalars import format_instant
from schemas.views import Explained, Simulated
from worker.ops.explain import TYPES
from worker.ops.explain import explain as explain_document
from worker.ops.simulate import Invalid as Undecodable
from worker.ops.simulate import outcome
from worker.ops.simulate import simulate as simulate_event
from worker.ops.text import text
from worker.views.context import Context, Invalid, Unknown


async def explain(context: Context, orgcode: str, request: EventExplain) -> Explained:
    """Return everything that the ledger holds about one document or notice. Raises Unknown."""
    if request.type not in TYPES:
        raise Invalid("type: a document type of the contract, like scm.sale.completed")
    explanation = await explain_document(context.pool, context.outlet, orgcode, request.type, request.id)
    if explanation is None:
        raise Unknown
    return Explained(
        text=text(explanation), **explanation.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    )


async def simulate(context: Context, orgcode: str, request: EventSimulate) -> Simulated:
    """Return the outcome that the document would get now. Raises pipeline.Conflict if its id is known with other
    content.
    """
    doctype = DOCUMENTS.get(request.type)
    if doctype is None:
        raise Invalid("type: a document type of the contract, like scm.sale.completed")
    made_up: dict[str, Any] = {
        doctype.id_field: str(uuid.uuid4()),
        "occurred_at": format_instant(time.time_ns() // 1000),
    }
    data = request.data | {name: value for name, value in made_up.items() if request.data.get(name) is None}
    event = {
        "specversion": SPECVERSION,
        "id": made_up[doctype.id_field],
        "source": "/simulate",
        "type": request.type,
        "subject": data[doctype.id_field],
        "orgcode": orgcode,
        "data": data,
    }
    raw = json.dumps(event).encode()  # orjson writes neither an integer beyond 64 bits nor half a surrogate pair
    try:
        messages = await simulate_event(context.pipeline, raw, trusted=context.trusted, draft=request.policy)
    except Undecodable as error:
        raise Invalid(f"data: {error}") from error
    shown, stored = outcome(messages)
    return Simulated(outcome=OutcomeData.model_validate_json(orjson.dumps(shown)), stored=stored)
