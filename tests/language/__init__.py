"""The language of the tests: documents and their expected outcomes, as text.

A **document** is a line of words. The first is the verb, the second its id; the rest depends on the verb
(`documents.VERBS`, and the docstring of each). These are a customer, a sale of two lines paid in part with a gift card,
and a return of the first line:

    customer C
    sale S1 C 1:1099 2:250:toys T1=card:500
    return R1 S1 C 1:400

`@-3d` at the end sets `occurred_at`, `stamped@-3d` the record's timestamp, `field=value` any member. `trusted` says
that the sender's API key has the scope card:trusted.

An **expectation** is an outcome as text (`expected`). It begins with the status. Parts that say that nothing changed
may be left out:

    applied points +19=19 lines 1:11 2:5           19 points are added; the balance is 19
    partial insufficient_balance card G +0=2500 held 2500 tender T1 authorized 4000/2500/0/0

A **scenario** is a story, read from top to bottom (`scenario`). The worker decides it through Kafka and Postgres, the
domain and the model decide it in memory:

    ## a return takes back what its line earned
    customer C
    sale S1 C 1:1099           -> applied points +10=10 lines 1:10
    return R1 S1 C 1:400
        -> applied points -4=6 lines 1:-4

A **row** of a table is one rule in one line (`table`): given documents, a document, the expected outcome. `let` names
documents with which several rows begin. The comment above a row states its rule, and is its name in reports:

    let authorized = issue I1 G 5000; request T1 card G 3000
    given      | when           | then
    # a capture releases the rest of its hold
    authorized | capture T1 900 | applied card G -900=4100 tender T1 captured 3000/3000/900/0

`then` is the outcome of the last document of `when`. After it come the final outcomes of parked documents, all of which
must be named (`final R1: …`), and notices, which may be (`notice hold.expired T1: …`). `a + b` come in one batch, so a
document that the first makes ready is decided after both. `wait +16m` lets time pass, and `then` names every outcome of
that. `@2026-03-10` is noon of that day. The clock begins at noon of 2026-03-01.

Pages have both kinds as boxes: docs/contract.md has its worked examples as `scenario`, docs/policy.md as `decisions`.
The rows of the table of tenders are scenarios, too (`retold`). `corpus` has every scenario.
"""
