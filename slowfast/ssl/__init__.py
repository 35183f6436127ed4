"""Self-supervised methods: what they share, and one file for each."""
