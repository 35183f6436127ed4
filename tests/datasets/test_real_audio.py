"""Audio of every layout, format and start: the mix of a 16-bit reader, on the clock of the frames."""

from fractions import Fraction

import av
import numpy as np
import pytest
from warm import environment, run_script

from slowfast.datasets.media import MediaOptions, open_media
from slowfast.datasets.media.decoded import DecodedFile

LAYOUTS = ["mono", "stereo", "2.1", "3.0", "quad", "4.0", "5.0", "5.1", "6.1", "7.1", "octagonal"]
# container, codec, rate
FORMATS = [
    (".mov", "pcm_s16le", 48000),
    (".mkv", "pcm_f32le", 44100),
    (".wav", "pcm_s24le", 32000),
    (".wav", "pcm_u8", 22050),
    (".mkv", "flac", 48000),
    (".mp4", "aac", 44100),
    (".mp4", "alac", 44100),
    (".mkv", "libopus", 48000),
    (".ts", "mp2", 48000),
    (".ts", "aac", 48000),
    (".mpg", "mp2", 44100),
    (".flv", "libmp3lame", 44100),
    (".avi", "libmp3lame", 44100),
    (".wmv", "wmav2", 44100),
    (".mkv", "ac3", 48000),
    (".3gp", "aac", 16000),
]
SECONDS = 3
COARSE_CLOCKS = {".mkv", ".flv", ".wmv"}
VIDEO_CODECS = {".mpg": "mpeg2video", ".ts": "mpeg2video", ".flv": "flv", ".wmv": "wmv2"}


def tones(rate, channels, loudness=0.4):
    """Return a rising tone in all channels, each a little different."""
    times = np.arange(SECONDS * rate) / rate
    base = np.sin(2 * np.pi * (300 + 150 * times) * times)
    other = np.sin(2 * np.pi * 900 * times)[None] * np.linspace(0, 0.3, channels)[:, None]
    return (loudness * (0.7 * base[None] + other)).astype(np.float32)


def write_audio(path, codec, rate, layout, first=0.0, wave=None):
    """Write audio, with frames beside it where the container holds video."""
    channels = len(av.AudioLayout(layout).channels)
    wave = tones(rate, channels) if wave is None else wave
    with av.open(str(path), "w") as out:
        if path.suffix not in (".wav",):
            video = out.add_stream(VIDEO_CODECS.get(path.suffix, "mpeg4"), rate=25)
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        stream = out.add_stream(codec, rate=rate, layout=layout)
        stream.bit_rate = 256_000
        fmt = stream.codec_context.format.name if stream.codec_context.format else "fltp"
        convert = av.AudioResampler(
            fmt, layout, rate, frame_size=stream.codec_context.frame_size or 1024
        )
        if path.suffix not in (".wav",):
            for k in range(SECONDS * 25):
                frame = av.VideoFrame.from_ndarray(
                    np.full((48, 64, 3), k, np.uint8), format="rgb24"
                )
                frame.pts, frame.time_base = k + round(first * 25), Fraction(1, 25)
                out.mux(video.encode(frame.reformat(format="yuv420p")))
            out.mux(video.encode(None))
        for k in range(0, wave.shape[1], 1000):
            part = np.ascontiguousarray(wave[:, k : k + 1000].T.reshape(1, -1))
            frame = av.AudioFrame.from_ndarray(part, format="flt", layout=layout)
            frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
            frame.pts = k + round(first * rate)
            for piece in convert.resample(frame):
                out.mux(stream.encode(piece))
        for piece in [*convert.resample(None), None]:
            out.mux(stream.encode(piece))
    return path


def mix_of_a_16_bit_reader(path, rate):
    """Return (start in seconds, samples) of a straight decode, mixed by FFmpeg to 16-bit mono."""
    pieces, start = [], None
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        mixer = av.AudioResampler("s16", "mono", rate)
        for frame in container.decode(stream):
            start = float(frame.pts * frame.time_base) if start is None else start
            frame.pts = None
            pieces += mixer.resample(frame)
        pieces += mixer.resample(None)
    return start, np.concatenate([p.to_ndarray().reshape(-1) for p in pieces]) / 32768


def check(path, rate, windows=((0.5, 1.0), (1.7, 0.8))):
    start, whole = mix_of_a_16_bit_reader(path, rate)
    # Clocks of a thousandth of a second place the same samples differently, wherever one begins.
    slack = round(1.1e-3 * rate) if path.suffix in COARSE_CLOCKS else 0
    for begin, length in windows:
        with open_media(path) as media:
            found = media.read_waveform(start + begin, length, rate).numpy()
        with open_media(path, MediaOptions(keep_bytes=1 << 28)) as media:
            assert isinstance(media, DecodedFile)
            kept = media.read_waveform(start + begin, length, rate).numpy()
        # A decoder that begins amidst a file rounds otherwise, and its clock may be a tick off.
        assert slack or np.abs(kept - found).max() < 2e-3
        low = round(begin * rate)
        shifted = [whole[low + k : low + k + len(found)] for k in range(-slack, slack + 1)]
        expected = min(shifted, key=lambda wave: np.abs(found - wave).max())
        assert np.abs(found - expected).max() < 2e-3
        assert abs(np.sqrt((found**2).mean()) - np.sqrt((expected**2).mean())) < 1e-3


@pytest.mark.parametrize(("suffix", "codec", "rate"), FORMATS)
@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_formats(tmp_path, suffix, codec, rate, layout):
    check(write_audio(tmp_path / f"a{suffix}", codec, rate, layout), rate)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mov", "pcm_s16le"), (".mkv", "flac"), (".mp4", "aac")]
)
def test_layouts(tmp_path, layout, suffix, codec):
    check(write_audio(tmp_path / f"a{suffix}", codec, 44100, layout), 44100)


@pytest.mark.parametrize("first", [0.4, 1.4])
@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mp4", "aac"), (".mkv", "flac"), (".ts", "mp2"), (".flv", "aac")]
)
def test_a_first_time_that_is_not_zero(tmp_path, suffix, codec, first):
    path = write_audio(tmp_path / f"a{suffix}", codec, 44100, "stereo", first)
    check(path, 44100)
    with open_media(path) as media:
        assert media.audio.start == pytest.approx(media.video.start, abs=0.06)


@pytest.mark.parametrize("layout", ["stereo", "5.1", "7.1"])
@pytest.mark.parametrize("loudness", [0.4, 0.9])
def test_equal_channels_keep_their_level_and_are_not_clipped(tmp_path, layout, loudness):
    channels = len(av.AudioLayout(layout).channels)
    times = np.arange(SECONDS * 24000) / 24000
    wave = np.tile(loudness * np.sin(2 * np.pi * 440 * times), (channels, 1)).astype(np.float32)
    path = write_audio(tmp_path / "a.mov", "pcm_s16le", 24000, layout, wave=wave)
    with open_media(path) as media:
        found = media.read_waveform(0.5, 1.0, 24000)
    assert float(found.square().mean().sqrt()) == pytest.approx(loudness / 2**0.5, abs=1e-3)
    assert float(found.abs().max()) == pytest.approx(loudness, abs=2e-3)


def quicktime_with_positions(path):
    """Write PCM of eight channels whose ``chan`` box lists them in QuickTime's own order."""
    write_audio(path, "pcm_s16le", 48000, "7.1")
    data = bytearray(path.read_bytes())
    place = data.index(b"chan")
    # MPEG 7.1 C: L R C LFE Ls Rs Rls Rrs, which is not the order of FFmpeg's 7.1
    data[place + 8 : place + 12] = (127 << 16 | 8).to_bytes(4, "big")
    path.write_bytes(data)
    return path


def test_a_layout_that_ends_pyav_is_read(tmp_path):
    path = quicktime_with_positions(tmp_path / "a.mov")
    program = tmp_path / "read.py"
    program.write_text(
        "import sys; from slowfast.datasets.media import open_media\n"
        "with open_media(sys.argv[1]) as m: print(m.audio.channels, len(m.read_waveform(0.5, 1, 16000)))"
    )
    done = run_script([program, path], environment())
    assert (done.returncode, done.stdout.split()) == (0, ["8", "16000"]), done.stdout
