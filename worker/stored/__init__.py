"""The format of everything that Postgres keeps for ever: every packed column, every stored number.

- `codes`: the numbers that stand for states, statuses and notices, and `event.no`.
- A module for each stored thing: `account`, `sale`, `returned`, `tender`, `entry`, `trace`, `outcome`, `event`,
  `parked`. Its NamedTuple is the layout. `pack_…` makes the bytes of a domain object, `…_of` makes the object again.
- `rows`: the rows that the ledger writes, in the column order of its statements.
- `packing`: MessagePack and versions.

To store one more member, add it with a default at the end of the NamedTuple, and set it in `pack_…` and `…_of`. Rows
that have the default keep their bytes, and rows that were written before are read with the default. Any other change of
a layout is a new version: see `packing.load`. `tests/stored/golden` holds bytes of every layout; no line in it changes.

Only this package takes an unpacked value apart (`tests/stored/test_layouts.py`).
"""
