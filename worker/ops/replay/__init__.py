"""Replay: read ranges of the input topics again, and apply their documents as the API does.

`selection` says what is read, `plan` decides it in memory, `stale` compares a plan with the world of today, `execute`
applies it, `tally` counts both in the same way, and `told` prints them.
"""
