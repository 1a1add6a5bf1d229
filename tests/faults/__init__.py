"""What a crash, a zombie or a replay may not do: lose or double."""
