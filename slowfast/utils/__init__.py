"""Small helpers that every package of slowfast may use."""
