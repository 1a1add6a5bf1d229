"""All of Kafka: the reader, the publisher, the topics. Nothing here decides anything.

`reader` makes batches of what its `member`s read; `checks` compares each partition with the ledger's position.
`consumer`, `batches`, `lenient` and `prefetch` are aiokafka's parts with ours in their place. `publisher` returns when
every message is acknowledged. `ranges`, `originals`, `ends` and `exchange` read topics in place, outside any group.
"""
