"""All access to Kafka: the reader, the publisher, the topics. No module here decides documents.

`reader` makes batches of the records that its `member`s read; `checks` compares each partition with the ledger's
position. `consumer`, `batches`, `lenient` and `prefetch` replace parts of aiokafka. `publisher` returns when every
message is acknowledged. `ranges`, `originals`, `ends` and `exchange` read topics in place, outside any group.
"""
