"""The worker from outside: documents in, outcomes out, over a real Kafka and a real Postgres."""
