"""Keys of the demonstration on a video or a camera."""

from slowfast.config.schema import Key, Node

TABLES = (
    Node(
        "DEMO",
        "Demonstration: input and output",
        ENABLE=Key(False, "run the demonstration"),
        LABEL_FILE_PATH=Key("", "JSON of {class name: id}"),
        WEBCAM=Key(-1, "index of a camera; -1 reads INPUT_VIDEO", low=-1),
        INPUT_VIDEO=Key("", "video to read"),
        INPUT_FORMAT=Key("BGR", "order of the colours that are read", choices=("BGR", "RGB")),
        DISPLAY_WIDTH=Key(0, "width of the frame in pixels; 0 keeps it", low=0),
        DISPLAY_HEIGHT=Key(0, "height of the frame in pixels; 0 keeps it", low=0),
        OUTPUT_FILE=Key("", "video to write; empty opens a window"),
        OUTPUT_FPS=Key(-1, "frames per second to write; -1 those of the input", low=-1),
        BUFFER_SIZE=Key(0, "frames that neighbouring clips share", low=0),
        NUM_CLIPS_SKIP=Key(0, "clips to leave out between two; -1 shows only the newest", low=-1),
        THREAD_ENABLE=Key(False, "read and write in threads"),
    ),
    Node(
        "DEMO",
        "Demonstration: people",
        DETECTRON2_CFG=Key(
            "COCO-Detection/faster_rcnn_R_50_FPN_3x.yaml", "config of the person detector"
        ),
        DETECTRON2_WEIGHTS=Key(
            "detectron2://COCO-Detection/faster_rcnn_R_50_FPN_3x/137849458/model_final_280758.pkl",
            "weights of the person detector",
        ),
        DETECTRON2_THRESH=Key(0.9, "least score of a person", low=0, high=1),
        PREDS_BOXES=Key("", "file of predicted boxes to draw, in AVA's form"),
        GT_BOXES=Key("", "file of annotated boxes to draw, in AVA's form"),
        STARTING_SECOND=Key(900, "second of the film at which the video starts", low=0),
        FPS=Key(30, "frames per second of the video with boxes", low=1),
    ),
    Node(
        "DEMO",
        "Demonstration: drawing",
        NUM_VIS_INSTANCES=Key(2, "drawing processes", low=0),
        CLIP_VIS_SIZE=Key(10, "frames to draw on, on each side of the key frame", low=0),
        SLOWMO=Key(1, "times each frame around the key frame is shown", low=1),
        VIS_MODE=Key("thres", "labels above a score, or the best few", choices=("thres", "top-k")),
        COMMON_CLASS_THRES=Key(0.7, "least score of a common class", low=0, high=1),
        UNCOMMON_CLASS_THRES=Key(0.3, "least score of another class", low=0, high=1),
        COMMON_CLASS_NAMES=Key(
            [
                "watch (a person)",
                "talk to (e.g., self, a person, a group)",
                "listen to (a person)",
                "touch (an object)",
                "carry/hold (an object)",
                "walk",
                "sit",
                "lie/sleep",
                "bend/bow (at the waist)",
            ],
            "classes that count as common",
        ),
    ),
)
