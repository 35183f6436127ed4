"""A dataset, a network and a self-supervised method from outside the package."""

from two_views import lists, method, network

__all__ = ["lists", "method", "network"]
