"""Keys of the audio: what is read of it, and what the network sees of that."""

from slowfast.config.schema import Key, Node

TABLES = (
    Node(
        "AUDIO",
        "Audio",
        ENABLE=Key(False, "read the audio of each clip too"),
        ARCH=Key("avid_conv2d_10", "audio backbone"),
        SAMPLE_RATE=Key(
            24000, "rate that all audio is brought to, samples per second", low=1000, high=384_000
        ),
        DURATION=Key(2.0, "length of the audio of a clip in seconds", low=0.01, high=3600),
        LOOP_SECONDS=Key(
            0.0,
            "features of audio alone: its first so many seconds follow one another without end, and "
            "clips start anywhere in them; 0 = clips lie in the file",
            low=0,
            high=3600,
        ),
        FEATURES=Key(
            "avid_log_spectrogram",
            "what the network reads of the waveform: avid_log_spectrogram (decibels), log_mel "
            "(GDT's and STiCA's log filter banks), or features of your own",
        ),
        NUM_MELS=Key(40, "filters of log_mel: GDT has 40, STiCA 257", low=1, high=10_000),
        FFT_SIZE=Key(
            1024,
            "length of the Fourier transform; for avid_log_spectrogram the samples under one "
            "window, twice the n_fft of AVID's own files",
            low=4,
            high=1_048_576,
        ),
        FRAMES_PER_SECOND=Key(
            100.0, "columns of the spectrogram per second of audio", low=0.1, high=100_000
        ),
        PADDING=Key(
            "reflect",
            "what lies before and after the audio under the first and last window of "
            "avid_log_spectrogram: reflect = its mirror image, which the weights released in 2020 "
            "saw, constant = silence",
            choices=("reflect", "constant"),
        ),
        NORM_STATS=Key(
            "avid_audioset_24k",
            "mean and deviation of each frequency: the name of a shipped file or the path of one "
            "written by tools/audio_stats.py; empty leaves decibels as they are",
        ),
        GAIN_JITTER=Key(
            0.1, "strength of the random gain in training: 0.1 draws 0.9 to 1.1", low=0, high=1
        ),
        SPEC_AUGMENT=Key(
            "none",
            "masks over frequency and time in training (SpecAugment), as GDT names them",
            choices=("none", "mild", "medium", "heavy"),
        ),
        MISSING=Key(
            "drop",
            "files without audio, or with too little: drop = leave them out of the training list, "
            "zero = read silence, error = refuse the list",
            choices=("drop", "zero", "error"),
        ),
        OFFSET=Key(
            "original",
            "how far the frames may lie from the audio: in_sync = same centre, jitter = anywhere "
            "inside the time of the audio widened by MAX_OFFSET, original = as AVID-CMA drew them, "
            "with_clip = the audio begins with the first frame, as GDT's",
            choices=("in_sync", "jitter", "original", "with_clip"),
        ),
        MAX_OFFSET=Key(
            0.5, "seconds by which OFFSET widens the time of the audio", low=0, high=86_400
        ),
    ),
)
