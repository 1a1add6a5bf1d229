"""Worked examples: programs that use the worker from outside, over Kafka, as an integrator would."""
