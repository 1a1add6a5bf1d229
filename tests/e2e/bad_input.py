"""Mistakes of publishers, and the dead letter of each (contract §1, §3.4)."""

from __future__ import annotations

from functools import cache

from tests.e2e.bad_documents import masked, mistakes
from tests.e2e.bad_record import (
    Bad,
    binary_without,
    changed,
    encoded,
    good_sale,
    in_data,
    in_envelope,
    in_line,
    raw,
    replaced,
    soon,
    without,
)


@cache
def cases() -> list[Bad]:
    """Every mistake; the secrets of the masked ones are `SECRETS`."""
    lines = [{"line_id": i + 1, "sku": "a", "net_minor": 1} for i in range(10_000)]
    tenders = [{"tender_id": f"t{i}", "kind": "cash", "amount_minor": 1} for i in range(51)]
    return [
        raw("broken JSON", "not_json", b'{"specversion": "1.0",'),
        raw("not UTF-8", "not_json", b"\xff\xfe\x00{"),
        raw("text", "not_json", b"hello"),
        raw("NaN", "not_json invalid", encoded(good_sale()).replace(b'"net_minor": 100', b'"net_minor": NaN')),
        raw("a hundred thousand brackets", "not_json not_cloudevent invalid", b"[" * 100_000 + b"]" * 100_000),
        raw("no value", "not_cloudevent", None),
        raw("empty value", "not_cloudevent", b""),
        raw("null", "not_cloudevent", b"null"),
        raw("a number", "not_cloudevent", b"5"),
        raw("a string", "not_cloudevent", b'"x"'),
        raw("a list", "not_cloudevent", b"[]"),
        raw("an empty object", "not_cloudevent", b"{}"),
        raw("no envelope and no header", "not_cloudevent", b'{"sale_id": "S1"}', ()),
        raw("a batch of events", "not_cloudevent", b"[]", (("content-type", b"application/cloudevents-batch+json"),)),
        changed("specversion of another age", "not_cloudevent", in_envelope(specversion="0.3")),
        changed("specversion unknown", "not_cloudevent", in_envelope(specversion="2.0")),
        changed("specversion missing", "not_cloudevent", without("specversion")),
        changed("id missing", "not_cloudevent invalid", without("id")),
        changed("id empty", "not_cloudevent invalid", in_envelope(id="")),
        changed("source missing", "not_cloudevent invalid", without("source")),
        changed("source empty", "not_cloudevent invalid", in_envelope(source="")),
        changed("type missing", "not_cloudevent unknown_type", without("type")),
        changed("type unknown", "unknown_type", in_envelope(type="scm.sale.imagined")),
        changed("type of another version", "unknown_type", in_envelope(type="scm.sale.completed.v2")),
        changed("an outcome", "unknown_type", in_envelope(type="crm.outcome.sale.completed")),
        changed("subject missing", "invalid", without("subject")),
        changed("subject empty", "invalid", in_envelope(subject="")),
        changed("subject is another id", "invalid", in_envelope(subject="S2")),
        changed(
            "subject too long", "invalid", lambda e: (e.update(subject="S" * 129), e["data"].update(sale_id="S" * 129))
        ),
        changed("subject not ASCII", "invalid", lambda e: (e.update(subject="é"), e["data"].update(sale_id="é"))),
        changed("subject is a number", "invalid", in_envelope(subject=1)),
        changed("orgcode missing", "invalid", without("orgcode")),
        changed("orgcode in capitals", "invalid", in_envelope(orgcode="Bad")),
        changed("orgcode too long", "invalid", in_envelope(orgcode="a" * 33)),
        changed("data missing", "invalid not_cloudevent", without("data")),
        changed("data null", "invalid not_cloudevent", in_envelope(data=None)),
        changed("data a list", "invalid not_cloudevent", in_envelope(data=[])),
        changed("data a string", "invalid not_cloudevent", in_envelope(data="{}")),
        changed("sale_id missing", "invalid", lambda e: e["data"].pop("sale_id")),
        changed("lines missing", "invalid", lambda e: e["data"].pop("lines")),
        changed("no lines", "invalid", in_data(lines=[])),
        changed("ten thousand lines", "invalid", in_data(lines=lines)),
        changed("51 tenders", "invalid", in_data(tenders=tenders)),
        changed("a line twice", "invalid", in_data(lines=lines[:1] * 2)),
        changed("a tender twice", "invalid", in_data(tenders=tenders[:1] * 2)),
        changed("line 0", "invalid", in_line(line_id=0)),
        changed("integer as text", "invalid", in_line(net_minor="5")),
        changed("integer with a fraction", "invalid", in_line(net_minor=5.5)),
        changed("integer as float", "invalid", in_line(net_minor=5.0)),
        changed("integer as boolean", "invalid", in_line(net_minor=True)),
        changed("ten to the sixteenth", "invalid", in_line(net_minor=10**16)),
        changed("more than an integer can be", "invalid not_json", in_line(net_minor=10**400)),
        changed("negative net", "invalid", in_line(net_minor=-1)),
        changed("net null", "invalid", in_line(net_minor=None)),
        changed("unknown item type", "invalid", in_line(item_type="service")),
        changed(
            "unknown tender kind", "invalid", in_data(tenders=[{"tender_id": "t", "kind": "cheque", "amount_minor": 1}])
        ),
        changed("quantity as number", "invalid", in_line(quantity=1)),
        changed("quantity not a decimal", "invalid", in_line(quantity="1,5")),
        changed("flag as number", "invalid", in_data(training=1)),
        changed("currency in small letters", "invalid", in_data(currency="gbp")),
        changed("currency of nowhere", "invalid", in_data(currency="ZZZ")),
        changed("time without an offset", "invalid", in_data(occurred_at="2020-01-01T00:00:00")),
        changed("time of no calendar", "invalid", in_data(occurred_at="2020-02-30T00:00:00Z")),
        changed("time as number", "invalid", in_data(occurred_at=1_577_836_800)),
        changed("a date for a time", "invalid", in_data(occurred_at="2020-01-01")),
        changed("a clock a day ahead", "clock_ahead", in_data(occurred_at=soon(25))),
        changed(
            "a clock a day ahead, and invalid", "invalid", lambda e: e["data"].update(occurred_at=soon(30), lines=[])
        ),
        replaced("NUL escaped", "invalid not_json", '"sku": "a"', '"sku": "a\\u0000b"'),
        replaced("NUL itself", "not_json", '"sku": "a"', '"sku": "a\x00b"'),
        replaced("a lone surrogate", "invalid not_json", '"sku": "a"', '"sku": "\\ud800"'),
        replaced("a lone surrogate as bytes", "not_json", '"sku": "a"', '"sku": "\ud800"'),
        replaced("a key twice", "invalid not_json", '"net_minor": 100', '"net_minor": 100, "net_minor": 1'),
        replaced("an envelope key twice", "invalid not_json not_cloudevent", '"id": "e-1"', '"id": "e-1", "id": "e-2"'),
        Bad("ten megabytes", frozenset({"too_large"}), encoded(good_sale()) + b" " * (10 << 20)),
        Bad("binary without a type", frozenset({"not_cloudevent", "unknown_type"}), b"{}", binary_without("ce_type")),
        Bad("binary without a version", frozenset({"not_cloudevent"}), b"{}", binary_without("ce_specversion")),
        Bad(
            "binary without a subject",
            frozenset({"invalid"}),
            encoded(good_sale()["data"]),
            binary_without("ce_subject"),
        ),
        Bad(
            "binary without a tenant",
            frozenset({"invalid"}),
            encoded(good_sale()["data"]),
            binary_without("ce_orgcode"),
        ),
        Bad("binary without a value", frozenset({"invalid", "not_cloudevent"}), None, binary_without("")),
        Bad("no key", frozenset({"not_json"}), b"hello", key=None),
        *mistakes(),
        *masked(),
    ]
