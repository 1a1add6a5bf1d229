"""The HTTP API (contract §5) as its callers see it: one class, one call an operation, one exception.

`client.Client` asks, `connection.Connection` says where and as whom, `answer.Answer` is what comes back, and
`failure.ApiError` why nothing does. Nothing is re-exported: who only needs a connection loads no HTTP.
"""
