"""The OpenAPI document: every operation is a route, with examples of all its answers (contract §5)."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from schemas import orgcode
from schemas.json_schema import Schema, definitions
from schemas.operations import OPERATIONS, Operation, body_schema
from schemas.policy import Policy
from schemas.portable import answers, portable
from schemas.problems import API_REASONS, MEDIA_TYPE, NOT_ANY_MORE, PROBLEMS, ApiReason, Code, Problem, details, refused
from schemas.reasons import Reason
from schemas.scopes import Scope

VERSION: Final = "1.0.0"
REQUEST_ID: Final = "3f0c7a5e1b9d4c2e8f60718293a4b5c6"
_PRINTABLE: Final = r"^[\x20-\x7e]{1,128}$"

# Problems that every route may answer.
_ANYWHERE: Final = (
    ApiReason.INVALID,
    ApiReason.INVALID_HEADER,
    ApiReason.MALFORMED_REQUEST,
    ApiReason.CREDENTIALS_NOT_ACCEPTED,
    ApiReason.ORGCODE_NOT_OF_KEY,
    ApiReason.HEAD_TOO_SLOW,
    ApiReason.BODY_TOO_SLOW,
    ApiReason.BODY_TOO_LARGE,
    ApiReason.NOT_JSON,
    ApiReason.RATE_LIMITED,
    ApiReason.ADDRESS_LIMITED,
    ApiReason.SHARE_IN_USE,
    ApiReason.CARD_MISSES_LIMITED,
    ApiReason.INTERNAL_ERROR,
    ApiReason.OVERLOADED,
    ApiReason.TIMED_OUT,
    ApiReason.UNAVAILABLE,
)
# Settings that a detail names.
_DEFAULTS: Final = {"within_s": 10, "most_bytes": 1 << 20, "holder": "key", "most": 1000}

_COUNTED: Final = ("RateLimit", "RateLimit-Policy")
# Headers of the problems that are the same for every route.
_OF_CODE: Final[Mapping[Code, tuple[str, ...]]] = {
    Code.UNAUTHORIZED: ("WWW-Authenticate",),
    Code.TOO_MANY_REQUESTS: ("Retry-After", *_COUNTED),
    Code.UNAVAILABLE: ("Retry-After", "Idempotency-Key"),
    Code.INTERNAL_ERROR: ("Idempotency-Key",),
}
_SHARED: Final = (401, 408, 413, 415, 429, 500, 503)  # these are the same for every route


def _ref(*path: str) -> Schema:
    return {"$ref": "#/components/" + "/".join(path)}


def _headers(*names: str) -> Schema:
    return {name: _ref("headers", name) for name in ("X-Request-Id", *names)}


def _refusal(operation: Operation, reason: Reason) -> tuple[str, dict[str, Any]]:
    """Return an example of a refusal. The problem of a document has its outcome; that of a reading has none."""
    code = Code(reason.category.value)
    if operation.document is None:
        return reason.value, details(code, reason.value, refused(reason), REQUEST_ID)
    status = "declined" if operation.document == "scm.tender.requested" else "rejected"
    outcome = {"status": status, "reason": reason.value, "category": code.value}
    detail = refused(reason, outcome)
    return f"{status}_{reason.value}", details(code, reason.value, detail, REQUEST_ID, outcome=outcome)


def _own(reason: ApiReason, scope: Scope | None = None) -> dict[str, Any]:
    """Return an example of a problem of the API itself."""
    api_reason = API_REASONS[reason]
    detail = api_reason.detail.format(**_DEFAULTS, scope="" if scope is None else scope.value)
    return details(api_reason.code, reason.value, detail, REQUEST_ID, scope=scope)


def problems(operation: Operation) -> dict[str, dict[str, Any]]:
    """Return an example of every problem of a route. The same name is the same problem."""
    reasons = list(_ANYWHERE)
    if operation.document is not None:
        reasons += [ApiReason.CONFLICT, ApiReason.REFUSED_BY_DATABASE]
    if operation.name == "session.create":
        reasons.append(ApiReason.SESSIONS_LIMITED)
    if operation.name == "event.simulate":
        reasons.append(ApiReason.CONFLICT)
    if operation.name == "event.explain":
        reasons.append(ApiReason.UNKNOWN_EVENT)
    found = {reason.value: _own(reason) for reason in reasons}
    scope = operation.scope
    if scope is not None:
        found[f"scope_missing_{scope.value.replace(':', '_')}"] = _own(ApiReason.SCOPE_MISSING, scope)
    if operation.name == "tender.authorize":
        found["authorizes_nothing_any_more"] = _not_any_more(operation)
    return found | dict(_refusal(operation, reason) for reason in operation.refusals)


def _not_any_more(operation: Operation) -> dict[str, Any]:
    """Return an example of a repeated authorization whose hold has expired since."""
    stored = dict(operation.answer_example)
    return details(Code.INVALID_STATE, Reason.HOLD_EXPIRED.value, NOT_ANY_MORE, REQUEST_ID, outcome=stored)


def _problem_responses(operation: Operation) -> dict[str, Schema]:
    """Return the responses of a route. Responses that all routes share are components."""
    by_status: dict[int, dict[str, dict[str, Any]]] = {}
    for name, one in problems(operation).items():
        by_status.setdefault(one["status"], {})[name] = one
    return {
        str(status): _ref("responses", str(status))
        if status in _SHARED
        else _problem_response(ones, *_given(operation))
        for status, ones in sorted(by_status.items())
    }


def _given(operation: Operation) -> tuple[str, ...]:
    """Return the headers that name a document."""
    return () if operation.document is None else ("Idempotency-Key", "Idempotency-Replayed")


def _problem_response(examples: Mapping[str, dict[str, Any]], *headers_too: str) -> Schema:
    codes = list(dict.fromkeys(Code(one["code"]) for one in examples.values()))
    headers = _headers(*headers_too, *_OF_CODE.get(codes[0], ()))
    return {
        "description": "; ".join(f"`{code.value}`: {PROBLEMS[code].title}" for code in codes) + ".",
        "headers": headers,
        "content": {
            MEDIA_TYPE: {
                "schema": _ref("schemas", Problem.__name__),
                "examples": {name: _ref("examples", name) for name in examples},
            }
        },
    }


def _answer(operation: Operation) -> Schema:
    headers = _headers(*_COUNTED, *_given(operation))
    if operation.id_field == "tender_id":
        headers |= {"Crm-Tender-State": _ref("headers", "Crm-Tender-State")}
    return {
        "description": "The outcome's data." if operation.document else "The answer.",
        "headers": headers,
        "content": {
            "application/json": {
                "schema": _ref("schemas", operation.answer.__name__),
                "examples": {"answer": {"value": dict(operation.answer_example)}},
            }
        },
    }


def _description(operation: Operation) -> str:
    scope = f"Scope `{operation.scope.value}`." if operation.scope else "Any key may call it."
    if operation.document is None:
        return scope
    text = f"{scope} Becomes a `{operation.document}`."
    if operation.given:
        text = f"{text[:-1]}; `{'` and `'.join(operation.given)}` must not be in the body."
    if operation.name == "tender.authorize":
        text += (
            " Without `tender_id`, the `Idempotency-Key` becomes the tender's id; without both, the API makes one. If "
            "the request is repeated after the tender was voided or its hold expired, the answer is 409, with the "
            "stored outcome as `outcome`."
        )
    elif operation.id_field == "tender_id":
        text += " `tender_id` is the identity."
    return text


def _operation(operation: Operation) -> Schema:
    parameters = ["Orgcode", "RequestId", "Traceparent"]
    if operation.document is not None:
        parameters.insert(1, "IdempotencyKey")
    return {
        "operationId": operation.tool,
        "tags": [operation.name.partition(".")[0]],
        "summary": operation.summary,
        "description": _description(operation),
        "parameters": [_ref("parameters", name) for name in parameters],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _ref("schemas", operation.request.__name__),
                    "examples": {"request": {"value": operation.body_example}},
                }
            },
        },
        "responses": {"200": _answer(operation), **_problem_responses(operation)},
    }


def _parameter(name: str, schema: Schema, description: str, *, required: bool = False) -> Schema:
    return {"name": name, "in": "header", "required": required, "schema": schema, "description": description}


def _text(pattern: str, description: str) -> Schema:
    return {"schema": {"type": "string", "pattern": pattern}, "description": description}


def _number(description: str) -> Schema:
    return {"schema": {"type": "integer", "minimum": 0}, "description": description}


_PARAMETERS: Final[Schema] = {
    "Orgcode": _parameter(
        "X-Orgcode",
        {"type": "string", "pattern": f"^{orgcode.PATTERN}$"},
        "The tenant. It must be the key's own.",
        required=True,
    ),
    "IdempotencyKey": _parameter(
        "Idempotency-Key",
        {"type": "string", "pattern": _PRINTABLE},
        "Becomes the document's id. The same key with the same body gets the stored answer.",
    ),
    "RequestId": _parameter(
        "X-Request-Id",
        {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$"},
        "Returned in the answer and written to the log. The API makes one if it is absent or malformed.",
    ),
    "Traceparent": _parameter("traceparent", {"type": "string"}, "W3C Trace Context."),
}
_HEADERS: Final[Schema] = {
    "X-Request-Id": _text(r"^[A-Za-z0-9._:-]{1,64}$", "The request's id."),
    "Idempotency-Key": _text(_PRINTABLE, "The document's id: the request's own, or the one that the API made."),
    "Idempotency-Replayed": _text("^true$", "Present if this is the stored answer to an earlier request."),
    "Crm-Tender-State": _text(
        "^[a-z]+$",
        "In the answer to a repeated request: the tender's present state, which may differ from the answer's.",
    ),
    "Retry-After": _number("Seconds to wait before the next attempt."),
    "RateLimit": _text("^.+$", "The requests that the key has left (draft-ietf-httpapi-ratelimit-headers)."),
    "RateLimit-Policy": _text("^.+$", "The key's limit of requests (draft-ietf-httpapi-ratelimit-headers)."),
    "WWW-Authenticate": _text("^.+$", "`Bearer`, for a session token; a key goes into X-Api-Key."),
}
_SECURITY: Final[Schema] = {
    "ApiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Api-Key",
        "description": "Made by `g3n worker keys create`.",
    },
    "Session": {"type": "http", "scheme": "bearer", "description": "The token of `/session/create`."},
}


def _schemas(operations: Iterable[Operation]) -> Schema:
    """Return the schemas of all named models; for a document, without the members that the API fills in."""
    named = tuple(operations)
    models = dict.fromkeys([model for one in named for model in (one.request, one.answer)])
    _, schemas = definitions([*models, Problem])
    bodies = {one.request.__name__: body_schema(one, schemas[one.request.__name__]) for one in named}
    ours = answers([*(one.answer.__name__ for one in named), Problem.__name__], schemas, Policy.__name__)
    return {name: portable(name, one, is_answer=name in ours) for name, one in {**schemas, **bodies}.items()}


def _shared_responses() -> Schema:
    found = {reason.value: _own(reason) for reason in _ANYWHERE}
    return {
        str(status): _problem_response({name: one for name, one in found.items() if one["status"] == status})
        for status in _SHARED
    }


def document() -> Schema:
    """Return the OpenAPI 3.1 document."""
    operations = OPERATIONS.values()
    examples = {name: {"value": one} for operation in operations for name, one in problems(operation).items()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "g3n CRM",
            "version": VERSION,
            "description": (
                "Customers, loyalty points and gift cards. A request that changes something becomes a document in the "
                "same ledger as the documents on the topics. If you are unsure whether a request was decided, send it "
                "again with the same `Idempotency-Key`. Money is in minor units of its currency. Integers are strict. "
                "An absent member, null and the default value mean the same. Unknown members are ignored."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "the server of this document"}],
        "security": [{"ApiKey": []}, {"Session": []}],
        "tags": [{"name": name} for name in dict.fromkeys(one.name.partition(".")[0] for one in operations)],
        "paths": {one.route: {"post": _operation(one)} for one in operations},
        "components": {
            "schemas": _schemas(operations),
            "responses": _shared_responses(),
            "examples": dict(sorted(examples.items())),
            "parameters": _PARAMETERS,
            "headers": _HEADERS,
            "securitySchemes": _SECURITY,
        },
    }
