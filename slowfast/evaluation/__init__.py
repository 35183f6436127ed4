"""Measures as pure functions on arrays; no networks, no config."""
