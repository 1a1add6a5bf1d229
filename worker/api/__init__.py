"""The HTTP API (contract §5): every operation is a route.

`application` has the routes, and `edge` what all exchanges share. `commands`, `readings` and `sessions` perform the
operations. A request that decides something becomes a document. It goes through the pipeline in a batch with the other
requests that wait (`batcher`), and a worker publishes its outcome. The API needs Postgres and nothing else.
"""
