"""Keys of Charades."""

from slowfast.config.schema import Key, Node

TABLES = (
    Node(
        "CHARADES",
        "Charades",
        SOURCE=Key(
            "frames",
            "frame lists and extracted frames below DATA.PATH_PREFIX, or the videos with the "
            "official annotations; both lists lie in DATA.PATH_TO_DATA_DIR",
            choices=("frames", "video"),
        ),
        VIDEO_DIR=Key("data/charades/Charades_v1_480", "folder of the video files"),
        FRAME_RATE=Key(
            24, "frames per second of the lists, by which strides count", low=1, high=1000
        ),
    ),
)
