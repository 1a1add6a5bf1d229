"""All of Kafka: what is read, what is published, which topics there are."""
