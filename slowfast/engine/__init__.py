"""The run: launching, training, testing, and everything that happens around them."""
