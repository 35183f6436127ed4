"""From whole movies to what AVA is trained on: fifteen minutes of each, and their frames.

Both steps continue where they were stopped, never leave half a result under its name, and compare
every result with its source.
"""

from slowfast.dataprep.ava_prepare.folders import PrepareReport, Selection
from slowfast.dataprep.ava_prepare.steps import cut_folder, extract_folder

__all__ = ["PrepareReport", "Selection", "cut_folder", "extract_folder"]
