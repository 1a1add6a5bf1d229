"""The language of the tests: what is sent, and what must come of it, as text.

A **document** is a line of words. The first is the verb, the second its id; the rest depends on the verb
(`documents.VERBS`, and the docstring of each). These are a customer, a sale of two lines paid in part with a gift card,
and a return of the first line:

    customer C
    sale S1 C 1:1099 2:250:toys T1=card:500
    return R1 S1 C 1:400

`@-3d` at the end says when it happened, `stamped@-3d` its record's timestamp, `field=value` sets any member. `trusted`:
the sender's API key has the scope card:trusted.

An **expectation** is an outcome as text (`expected`). It begins with the status; parts that say that nothing changed
may be left out:

    applied points +19=19 lines 1:11 2:5           19 points more, which makes 19
    partial insufficient_balance card G +0=2500 held 2500 tender T1 authorized 4000/2500/0/0

A **scenario** is a story, read from top to bottom (`scenario`). The worker decides it through Kafka and Postgres, the
domain and the model decide it in memory:

    ## a return takes back what its line earned
    customer C
    sale S1 C 1:1099           -> applied points +10=10 lines 1:10
    return R1 S1 C 1:400
        -> applied points -4=6 lines 1:-4

A **row** of a table is one rule in one line (`table`): what is there, what comes, what must be said. `let` names
documents that several rows begin with. The comment above a row is the rule that it shows, and its name in reports:

    let authorized = issue I1 G 5000; request T1 card G 3000
    given      | when           | then
    # a capture releases the rest of its hold
    authorized | capture T1 900 | applied card G -900=4100 tender T1 captured 3000/3000/900/0

`then` is about the last document of `when`. Behind it stand the final outcomes of what was parked, which must be named
(`final R1: …`), and notices, which may (`notice hold.expired T1: …`). `a + b` come in one batch: what the first makes
ready goes on after both. `wait +16m` lets time pass, and `then` names all that comes of it. `@2026-03-10` is a day at
noon; the clock stands at noon of 2026-03-01 at first.

Pages have both kinds as boxes: docs/contract.md its worked examples as `scenario`, docs/policy.md as `decisions`. The
rows of the table of tenders are scenarios, too (`retold`). `corpus` has every scenario.
"""
