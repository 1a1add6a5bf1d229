"""All of Kafka: the reader, the publisher, the topics."""
