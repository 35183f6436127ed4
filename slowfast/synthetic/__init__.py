"""The demo world: small real videos in which motion and sound agree, made on the spot.

The class of a video is *how* something moves and sounds. What moves, where, in which colours,
before which background, how loud and how high is drawn independently of the class, so a single
frame or the loudness says nothing and a model has to look at motion (or listen to rhythm).

Two more worlds have several actors in each frame and the official formats of AVA (labels of
boxes at certain seconds) and of Charades (labels of frames, several at a time).
"""

from slowfast.synthetic.ava_world import write_ava_world
from slowfast.synthetic.charades_world import write_charades_world
from slowfast.synthetic.presets import PRESETS, DemoPreset
from slowfast.synthetic.writer import DemoSummary, write_demo_world

__all__ = [
    "PRESETS",
    "DemoPreset",
    "DemoSummary",
    "write_ava_world",
    "write_charades_world",
    "write_demo_world",
]
