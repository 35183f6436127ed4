"""Keys of action detection on AVA, and of Charades."""

from slowfast.config.schema import Key, Node

TABLES = (
    Node(
        "DETECTION",
        "Actions of boxes",
        ENABLE=Key(False, "classify boxes, not whole clips"),
        ALIGNED=Key(True, "half-pixel offset in RoIAlign"),
        SPATIAL_SCALE_FACTOR=Key(
            16, "pixels of the frame per cell of the features", low=1, high=4096
        ),
        ROI_XFORM_RESOLUTION=Key(7, "cells along the side of a box", low=1, high=256),
    ),
    Node(
        "AVA",
        "AVA",
        SOURCE=Key(
            "frames",
            "where clips come from: folders of extracted frames, or the video files",
            choices=("frames", "video"),
        ),
        VIDEO_DIR=Key("data/AVA/videos_15min", "folder of the video files"),
        VIDEO_START=Key(
            900.0,
            "second of the movie at which a video file begins: 900 for the cut ones, 0 for whole "
            "movies",
            low=0,
        ),
        FRAME_RATE=Key(30, "frames of the frame lists per second", low=1, high=1000),
        MIN_VISIBLE_AREA=Key(
            0.0,
            "least share of its area that a box must keep in a training crop; 0 keeps all, as "
            "published",
            low=0,
            high=1,
        ),
        FRAME_DIR=Key("/mnt/fair-flash3-east/ava_trainval_frames.img/", "folder of the frames"),
        FRAME_LIST_DIR=Key(
            "/mnt/vol/gfsai-flash3-east/ai-group/users/haoqifan/ava/frame_list/",
            "folder of the frame lists",
        ),
        ANNOTATION_DIR=Key(
            "/mnt/vol/gfsai-flash3-east/ai-group/users/haoqifan/ava/frame_list/",
            "folder of the boxes, label map and exclusions",
        ),
        TRAIN_LISTS=Key(["train.csv"], "frame lists to train on"),
        TEST_LISTS=Key(["val.csv"], "frame lists to test on"),
        TRAIN_GT_BOX_LISTS=Key(["ava_train_v2.2.csv"], "annotated boxes to train on"),
        TRAIN_PREDICT_BOX_LISTS=Key([], "detected boxes to train on", kind="list[str]"),
        TEST_PREDICT_BOX_LISTS=Key(["ava_val_predicted_boxes.csv"], "detected boxes to score"),
        DETECTION_SCORE_THRESH=Key(0.9, "least score of a detected box", low=0, high=1),
        LABEL_MAP_FILE=Key(
            "ava_action_list_v2.2_for_activitynet_2019.pbtxt", "classes that are scored"
        ),
        EXCLUSION_FILE=Key("ava_val_excluded_timestamps_v2.2.csv", "seconds that are not scored"),
        GROUNDTRUTH_FILE=Key("ava_val_v2.2.csv", "annotated boxes to score against"),
        FULL_TEST_ON_VAL=Key(False, "validate on every second, not on each fourth"),
        TEST_FORCE_FLIP=Key(False, "mirror every clip in validation and testing"),
        BGR=Key(False, "keep blue first"),
        TRAIN_USE_COLOR_AUGMENTATION=Key(False, "colour noise in training"),
        TRAIN_PCA_JITTER_ONLY=Key(True, "lighting noise alone, without colour jitter"),
        IMG_PROC_BACKEND=Key(
            "cv2", "accepted for old files; one pipeline serves both", choices=("cv2", "pytorch")
        ),
    ),
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
