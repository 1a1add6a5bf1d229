"""Faults under traffic: a crash, a zombie or a replay must neither lose nor double anything."""
