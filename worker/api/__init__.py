"""The HTTP API (contract §5): every operation of the table as a route.

`application` has the routes, `edge` what all exchanges have in common, `commands`, `readings` and `sessions` do what
is asked. What decides something becomes a document and goes through the pipeline in a batch with whatever else is
waiting (`batcher`); a worker publishes its outcome. The API needs Postgres and nothing else.
"""
