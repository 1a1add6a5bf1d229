"""Sets of facts in many orders: the totals must not tell which (contract §2.2 "What waits")."""

from __future__ import annotations

import random

from tests.language.scenario import Scenario, parse

ORDERS = 12
BASE = ("issue I1 G 9000",)
KNOWN = ("customer C", "earn E1 C 3000", *BASE)
PROBES = ("adjust probe-C C 1", "freeze probe-G G", "freeze probe-H H")

_TRADE = (
    "request T1 card G 2000",
    "request T2 points C 300",
    "sale S1 C 1:3000 2:1099 4:1000>H T1=card:1500 T2=points:300",
    "capture T1 1800",
    "return R1 S1 C 1:1000 card:T1:700 points:T2:100",
    "return R2 S1 C 1:2500 2:500 card:T1:1200",
    "return R3 S1 C 4:400 cash:400",
    "sale S2 C 1:777",
    "return R4 S2 C 1:100",
)
# name → the situation, the documents
FAMILIES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "a sale, its tenders, its returns": (KNOWN, _TRADE),
    "and the void of the sale": (KNOWN, (*_TRADE, "return R5 S1 C 2:100 card>G:50", "void S1")),
    "and the void of a tender": (KNOWN, (*_TRADE, "cancel T1")),
    "and the void of a tender and the sale": (KNOWN, (*_TRADE, "cancel T2", "void S1", "void S2")),
    "a request that names the sale, which does not name it": (
        KNOWN,
        (
            "request T1 card G 2000 sale_id=S1 capture",
            "request T2 points C 500 sale_id=S1",
            "sale S1 C 1:3000 4:700>H",
            "void S1",
            "capture T2",
        ),
    ),
    "a customer who comes late": (
        BASE,
        (
            "customer C",
            "sale S1 C 1:3000 2:1099 4:1000>H",
            "return R1 S1 C 1:1000",
            "return R2 - C 1:550",
            "sale S2 C 1:777",
            "sale S3 C 1:999",
            "void S3",
            "return R3 S2 C 1:100",
        ),
    ),
}


def scenarios() -> list[Scenario]:
    """Each family in its natural order and in others, a tenant an order, with probes of the totals at the end."""
    made = []
    for family, (name, (base, facts)) in enumerate(FAMILIES.items()):
        for order in range(ORDERS):
            shuffled = list(facts)
            if order:
                random.Random(f"{name} {order}").shuffle(shuffled)
            text = "\n".join([f"## {name}", *base, "---", *shuffled, "---", *PROBES])
            made += parse(text, f"order-{family}-{order}")
    return made
