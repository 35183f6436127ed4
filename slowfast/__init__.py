"""Self-supervised audio-visual video pretraining and honest evaluation, PySlowFast style."""

__version__ = "0.1.0"
