"""The settings, the log and the errors of every process."""
