"""The parts of the engine that need no server."""
