"""Replay: read ranges of the input topics again, and apply their documents as the API does.

`selection` chooses the records, `plan` decides them in memory, `stale` finds changes since a plan was made, `execute`
applies the plan, `tally` counts plan and execution in the same way, and `report` prints both.
"""
