"""Days that nobody thought of: random documents of a few customers, cards, sales and tenders, as scenarios.

The naive model says what must come of them, so that the worker and the model check each other.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime

from tests.language.documents import Clock
from tests.language.play import Played, play
from tests.language.scenario import Scenario, parse
from tests.model import Model

POLICIES = (
    "",
    'policy {"earn": {"on_gift_card_tender": false, "points_per_unit": "1.5"}, "redeem": {"step_points": 50}}',
    'policy {"earn": {"on_points_tender": true, "multipliers": [{"category": "toys", "factor": "2.5"}]}}',
    'policy {"redeem": {"point_value_minor": {"GBP": "0.3"}, "min_points": 100}}',
    'policy {"gift_card": {"bought_with_gift_card": true}, "negative_balance": "within_balance"}',
)
PROBES = "adjust probe-C C 1\nadjust probe-D D 1\nfreeze probe-G G\nfreeze probe-H H\nfreeze probe-M M"


def _lines(chance: random.Random) -> list[tuple[int, str]]:
    """Net and text of the lines of a sale."""
    made = []
    for number in range(1, chance.randint(1, 3) + 1):
        net = chance.choice((0, 33, 100, 250, 999, 1099, 5000))
        kind = chance.choice(("", "", "", ":toys", "!", "~fee"))
        made.append((net, f"{number}:{net}{kind}"))
    if chance.random() < 0.3:
        net = chance.choice((500, 1000))
        made.append((net, f"4:{net}>{chance.choice('HM')}"))
    return made


def _sale(chance: random.Random, number: int) -> str:
    lines = _lines(chance)
    tenders = []
    for tender in chance.sample((1, 2, 3, 4), chance.choice((0, 1, 1, 2))):
        kind = "points" if tender > 2 else "card"
        tenders.append(f"T{tender}={kind}:{chance.choice((0, 50, 200, 500, 1000))}")
    who = chance.choice("CC-" if any("points" in t for t in tenders) else "CCD-")
    return f"sale S{number} {who} {' '.join([text for _, text in lines] + tenders)}"


def _return(chance: random.Random, number: int) -> str:
    sale = chance.choice(("S1", "S1", "S2", "-"))
    lines = [
        f"{chance.choice((1, 1, 2, 4))}:{chance.choice((1, 33, 100, 500, 1099))}" for _ in range(chance.randint(1, 2))
    ]
    refunds = []
    if chance.random() < 0.6:
        tender = chance.choice((1, 2, 3, 4))
        refunds.append(f"{'points' if tender > 2 else 'card'}:T{tender}:{chance.choice((1, 50, 100, 700))}")
    if chance.random() < 0.2:
        refunds.append(f"card>{chance.choice('GH')}:{chance.choice((10, 200))}")
    return f"return R{number} {sale} {chance.choice('CD-')} {' '.join(lines + refunds)}"


def _request(chance: random.Random, number: int) -> str:
    payer = "points C" if number > 2 else f"card {chance.choice('GGH')}"
    options = [w for w in ("partial", "capture") if chance.random() < 0.3]
    options += [f"sale_id=S{chance.choice((1, 2))}"] if number <= 2 and chance.random() < 0.4 else []
    return f"request T{number} {payer} {chance.choice((1, 50, 500, 1000, 3000))} {' '.join(options)}"


def facts(chance: random.Random) -> list[str]:
    """A handful of documents, each of an identity of its own, in random order."""
    made = [_sale(chance, n) for n in (1, 2)]
    made += [_return(chance, n) for n in range(1, chance.randint(1, 4))]
    made += [_request(chance, n) for n in (1, 2, 3, 4) if chance.random() < 0.8]
    made += [f"capture T{n} {chance.choice(('', 1, 50, 400, 2000))}" for n in (1, 2, 3, 4) if chance.random() < 0.3]
    made += [f"cancel T{n}" for n in (1, 2, 3, 4) if chance.random() < 0.15]
    made += [f"void S{n}" for n in (1, 2) if chance.random() < 0.25]
    made += [f"unreturn R{n}" for n in (1, 2, 3) if chance.random() < 0.25]
    made += [f"redeem K1 C {chance.choice((50, 400))}", "earn E1 C 77", f"spend K2 G {chance.choice((1, 900))}"]
    made += chance.sample(_commands(chance), chance.choice((0, 2, 5, 8)))
    chance.shuffle(made)
    return made


def _commands(chance: random.Random) -> list[str]:
    """Corrections and operations by hand."""
    return [
        f"adjust A1 C {chance.choice((-1900, -100, -1, 60))}",
        f"restore Q1 crm.loyalty.redeem:K1 {chance.choice(('', 30, 60))}",
        f"restore Q2 scm.tender.requested:T{chance.choice((3, 4))}",
        f"reverse Q3 crm.loyalty.earn:E{chance.choice((0, 1))} {chance.choice(('', 50, 90))}",
        f"reverse Q4 scm.sale.completed:S{chance.choice((1, 2))} {chance.choice(('', 5))}",
        f"cardreverse Q5 crm.giftcard.redeem:K2 {chance.choice(('', 1, 500))}",
        f"transfer Q6 G H {chance.choice(('', 5, 800))}",
        f"reload Q7 {chance.choice('GH')} 300",
        f"issue Q8 {chance.choice('GHM')} 400",
        "freeze Q9 G",
        "unfreeze Q10 G",
        "block C @-1m",
        "unblock C @-30s",
        "erase D",
        "block D @-1m",
        "merge Q11 C D",
        "merge Q12 D C",
        "link Q13 G D",
        "consent Q14 C marketing yes",
        "extend Q16 G",
        f"claim Q18 S{chance.choice((1, 2))} {chance.choice('CD')}",
        f"replace Q17 G {chance.choice('MN')}",
        "restore Q15 scm.tender.requested:T3 40",
    ]


def _rates(chance: random.Random) -> str:
    """A policy whose earning rules are all there."""
    factors = ("0.5", "1.1", "1.333", "2", "2.5")
    campaign = {
        "id": "x",
        "from": "2020-01-01T00:00:00Z",
        "to": "2099-01-01T00:00:00Z",
        "factor": chance.choice(factors),
    }
    earn = {
        "points_per_unit": chance.choice(("1", "0.1", "3", "0.07", "12.5")),
        "unit_minor": {"GBP": chance.choice((100, 1, 30))},
        "exclude_categories": ["tobacco"],
        "multipliers": [{"category": "toys", "factor": chance.choice(factors)}],
        "campaigns": [campaign] if chance.random() < 0.5 else [],
        "tiers": [{"name": "gold", "from_points_12m": 100, "factor": chance.choice(factors[1:])}],
        "on_points_tender": chance.random() < 0.3,
        "on_gift_card_tender": chance.random() < 0.5,
    }
    return "policy " + json.dumps({"earn": earn, "negative_balance": chance.choice(("unlimited", "within_balance"))})


def _shopping(chance: random.Random) -> list[str]:
    """Large baskets paid in every way, and what comes back of them; a day between two sales."""
    made = []
    for number in (1, 2, 3):
        nets = [chance.choice((0, 1, 7, 33, 99, 100, 101, 250, 999, 12345)) for _ in range(chance.randint(1, 7))]
        lines = [
            f"{i}:{net}{chance.choice(('', '', ':toys', ':tobacco', '!', '~fee'))}" for i, net in enumerate(nets, 1)
        ]
        chance.shuffle(lines)
        tenders = [
            f"P{number}{i}={chance.choice(('card', 'points'))}:{chance.randint(0, 400)}"
            for i in range(chance.randint(0, 3))
        ]
        made.append(f"sale S{number} C {' '.join(lines + tenders)} @-{9 - number}d")
        for part in range(chance.randint(0, 3)):
            back = [
                f"{chance.randint(1, len(nets))}:{chance.choice((1, 3, 50, 100, 4000))}"
                for _ in range(chance.randint(1, 3))
            ]
            made.append(f"return R{number}{part} S{number} C {' '.join(back)}")
        made += [f"void S{number}"] if chance.random() < 0.2 else []
    if chance.random() < 0.5:
        made.append(f"return R0 - C {chance.randint(1, 900)}:{chance.randint(1, 900)} 1:{chance.randint(1, 900)}")
    return made


def scenarios(count: int, seed: int) -> list[Scenario]:
    """`count` random tenants; what the steps expect is what the naive model says."""
    made = []
    for number in range(count):
        chance = random.Random(f"{seed}-{number}")
        shopping = chance.random() < 0.3
        rules = _rates(chance) if shopping else chance.choice(POLICIES)
        lines = [f"## chance {seed}-{number}", rules, "customer C @-20d", "earn E0 C 2000", "issue I1 G 2500"]
        lines += ["customer D"] if chance.random() < 0.6 else []
        text = "\n".join([*lines, "---", *(_shopping if shopping else facts)(chance), "---", "customer D", PROBES])
        [scenario] = parse(text, f"chance-{seed}-{number}")
        made.append(scenario)
    return made


def by_the_model(scenario: Scenario) -> Played:
    """The scenario decided by the naive model, all parked documents tried at once."""
    clock = Clock(datetime.now(UTC).replace(microsecond=0))
    model, played = Model(), Played(scenario)
    for phase in range(len(scenario.phases)):
        for _, document in play(played, phase, clock):
            for item in model.read(document.type, document.subject, document.data, clock.base, document.stamped):
                played.outcomes.append({"type": document.type, "subject": document.subject, **item})
    return played
