"""The decisions, in memory: text tables, properties, a machine that reads documents in any order."""
