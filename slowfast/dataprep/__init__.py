"""Preparing and checking a user's data: everything that training never imports."""
