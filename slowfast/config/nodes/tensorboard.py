"""Keys of TensorBoard and its images."""

from slowfast.config.schema import Key, Node

TABLES = (
    Node(
        "TENSORBOARD",
        "TensorBoard",
        ENABLE=Key(False, "write curves for TensorBoard"),
        LOG_DIR=Key("", "folder for them under OUTPUT_DIR"),
        PREDICTIONS_PATH=Key("", "saved predictions to draw instead of running the model"),
        CLASS_NAMES_PATH=Key("", "JSON of {class name: id}"),
        CATEGORIES_PATH=Key("", "JSON of {category: [class names]}"),
    ),
    Node(
        "TENSORBOARD.CONFUSION_MATRIX",
        "TensorBoard: confusion matrix",
        ENABLE=Key(False, "draw it"),
        FIGSIZE=Key([8, 8], "width and height in inches", kind="list[float]", above=0, length=2),
        SUBSET_PATH=Key("", "file of the class names to draw; empty draws all"),
    ),
    Node(
        "TENSORBOARD.HISTOGRAM",
        "TensorBoard: predictions per true class",
        ENABLE=Key(False, "draw them"),
        SUBSET_PATH=Key("", "file of the class names to draw; empty draws all"),
        TOPK=Key(10, "most frequent predictions to show", low=1),
        FIGSIZE=Key([8, 8], "width and height in inches", kind="list[float]", above=0, length=2),
    ),
    Node(
        "TENSORBOARD.MODEL_VIS",
        "TensorBoard: inside the model",
        ENABLE=Key(False, "draw the following"),
        MODEL_WEIGHTS=Key(False, "weights of the layers"),
        ACTIVATIONS=Key(False, "activations of the layers"),
        INPUT_VIDEO=Key(False, "the input with its predictions"),
        LAYER_LIST=Key([], "layers to draw, as 's1/pathway0_stem/conv 1,2;3'", kind="list[str]"),
        TOPK_PREDS=Key(1, "predictions to write on the input", low=1),
        COLORMAP=Key("Pastel2", "Matplotlib colours of the predictions"),
    ),
    Node(
        "TENSORBOARD.MODEL_VIS.GRAD_CAM",
        "TensorBoard: Grad-CAM",
        ENABLE=Key(True, "draw what a prediction looks at, when MODEL_VIS is on"),
        LAYER_LIST=Key([], "one layer per pathway", kind="list[str]"),
        USE_TRUE_LABEL=Key(False, "explain the true class, not the predicted one"),
        COLORMAP=Key("viridis", "Matplotlib colours"),
    ),
    Node(
        "TENSORBOARD.WRONG_PRED_VIS",
        "TensorBoard: mistakes",
        ENABLE=Key(False, "show wrongly classified videos"),
        TAG=Key("Incorrectly classified videos.", "title of the page"),
        SUBSET_PATH=Key("", "file of the class names to show; empty shows all"),
    ),
)
