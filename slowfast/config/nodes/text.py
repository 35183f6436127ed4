"""Keys of text: captions, words and the network that reads them."""

from slowfast.config.schema import Key, Node

TABLES = (
    Node(
        "TEXT",
        "Captions of videos, and the network that reads them",
        CAPTION_DIR=Key(
            "",
            "folder of the captions: a file for each video, of its name with .csv, with the columns "
            "start, end (seconds) and text",
        ),
        WINDOW=Key(
            4.0,
            "least seconds around a caption from which its clip is drawn; shorter videos count as "
            "unreadable",
            above=0,
            high=3600,
        ),
        VECTORS=Key(
            "",
            "word vectors: word2vec.pth with dict.npy beside it, as released with MIL-NCE, a word2vec "
            "or GloVe file, an archive, or glove_6b_50d_actions, which comes with the package",
        ),
        NUM_WORDS=Key(
            0,
            "words of the table that are known, the first ones; 0 for all",
            low=0,
            high=10_000_000,
        ),
        MAX_WORDS=Key(20, "known words of a caption that are read", low=1, high=10_000),
        CASE=Key(
            "keep",
            "how words are looked up: keep = as written, as published; lower = in lower case",
            choices=("keep", "lower"),
        ),
        FEATURE_DIM=Key(2048, "width of the text network", low=1, high=1_000_000),
    ),
    Node(
        "HOWTO100M",
        "Lists of HowTo100M",
        HELD_OUT=Key(
            1000,
            "videos, evenly spread over the list, that validate and test, and are not trained on, "
            "where there is no val.csv",
            low=1,
        ),
    ),
)
