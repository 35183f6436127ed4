"""How cut videos are encoded, whoever encodes them."""

VIDEO_CODEC, AUDIO_CODEC = "libx264", "aac"
# A key frame each second: clips are read from anywhere in a video.
VIDEO_OPTIONS = {"preset": "veryfast", "crf": "18", "g": "30"}
