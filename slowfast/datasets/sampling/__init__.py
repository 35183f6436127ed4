"""Which frames and which seconds make a clip: arithmetic, apart from any decoding."""
