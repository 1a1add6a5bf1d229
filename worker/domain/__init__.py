"""The pure core, which decides. No I/O, no clock, no randomness: the ledger loads and writes what it needs.

`decide` is the entry point. `decisions` has a function for each document and deadline. `rules` has the rules that
several decisions share, and `state` the data that they read and change. Imports go in this order, never back.

A new document is an entry in `decide`, a function in `decisions`, and a line in `decisions.needs`: what the ledger must
load and lock for it. A new kind of tender is a class in `decisions.kinds`.
"""
