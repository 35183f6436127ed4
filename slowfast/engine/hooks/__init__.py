"""What happens around training steps, one concern per hook."""
