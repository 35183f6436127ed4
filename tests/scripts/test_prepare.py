"""Preparing AVA and Charades: downloads that go on, archives that are looked at, steps that repeat."""

import hashlib
import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from oracles.range_server import serving

LIST = "annotations/ava_file_names_trainval_v2.1.txt"
FRAME_LIST = 'original_vido_id video_id frame_id path labels\nv 0 0 v/v_000001.jpg ""\n'
BOXES = (
    "ava_train_v2.2.csv",
    "ava_val_v2.2.csv",
    "ava_val_excluded_timestamps_v2.2.csv",
    "ava_action_list_v2.2_for_activitynet_2019.pbtxt",
    "person_box_67091280_iou90/ava_detection_train_boxes_and_labels_include_negative_v2.2.csv",
    "person_box_67091280_iou90/ava_detection_val_boxes_and_labels.csv",
)


@pytest.fixture
def server(tmp_path):
    with serving(tmp_path / "www") as server:
        yield server


@pytest.fixture
def data(tmp_path):
    return tmp_path / "the data"


@pytest.fixture
def prepare(real, server, data):
    """Return ``run(script, *flags)`` with the data folder and all addresses set."""
    place = {
        "AVA_URL": server.url,
        "AVA_FRAME_LISTS_URL": f"{server.url}/lists",
        "AVA_ANNOTATIONS_URL": f"{server.url}/ava_annotations.tar",
        "CHARADES_URL": server.url,
        "CHARADES_FRAME_LISTS_URL": f"{server.url}/lists",
        "FETCH_WAIT": "0",
        "no_proxy": "*",
    }

    def run(script, *flags, **environment):
        return real(f"prepare-{script}.sh", "-d", data, *flags, **{**place, **environment})

    return run


def movies(server, *names, size=50_000):
    server.files[LIST] = "".join(f"{name}\r\n" for name in names).encode()
    for number, name in enumerate(names):
        server.files[f"trainval/{name}"] = bytes([65 + number]) * size


def archive(files, top="", kinds=None):
    """Return a tar file with some files, and other members as ``TarInfo`` attributes."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(f"{top}{name}")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
        for attributes in kinds or ():
            info = tarfile.TarInfo()
            for key, value in attributes.items():
                setattr(info, key, value)
            tar.addfile(info)
    return stream.getvalue()


def loaded(server):
    return [name for name, _ in server.loads if name.startswith("trainval/")]


def test_downloads_go_on_where_they_broke_off_and_are_not_repeated(prepare, server, data):
    movies(server, "-a.mkv", "b.mp4", "c.webm")
    server.torn = {"trainval/b.mp4"}
    (data / "videos").mkdir(parents=True)
    (data / "videos" / "c.webm").write_bytes(b"C" * 20_000)  # another program was stopped here
    done = prepare("ava/download_data", "-j", 2)
    assert done.returncode == 0, done.stderr
    assert "3 of 3 videos are in" in done.stdout
    for name in ("-a.mkv", "b.mp4", "c.webm"):
        assert (data / "videos" / name).read_bytes() == server.files[f"trainval/{name}"]
    asked = dict(server.loads)
    assert asked["trainval/c.webm"] == "bytes=20000-"
    assert asked["trainval/b.mp4"] == "bytes=25000-"
    server.loads.clear()
    done = prepare("ava/download_data")
    assert done.returncode == 0 and not server.loads
    assert sorted(path.name for path in (data / "videos").iterdir()) == [
        "-a.mkv",
        "b.mp4",
        "c.webm",
    ]


def test_what_differs_from_the_servers_checksum_is_refused(prepare, server, data):
    movies(server, "a.mp4", "b.mp4")
    good = hashlib.md5(server.files["trainval/a.mp4"]).hexdigest()
    server.tags = {"trainval/a.mp4": good, "trainval/b.mp4": "0" * 32}
    done = prepare("ava/download_data")
    assert done.returncode == 1
    assert "b.mp4 has MD5" in done.stderr and "the server says 000" in done.stderr
    assert [path.name for path in (data / "videos").iterdir()] == ["a.mp4"]


def test_checksums_are_kept_and_compared_with(prepare, server, data):
    movies(server, "a.mp4")
    server.tags = {"trainval/a.mp4": "a-multipart-tag-7"}  # says nothing about the content
    assert prepare("ava/download_data").returncode == 0
    sums = (data / "SHA256SUMS").read_text().splitlines()
    digest = hashlib.sha256(server.files["trainval/a.mp4"]).hexdigest()
    assert f"{digest}  a.mp4" in sums and len(sums) == 2
    assert prepare("ava/download_data", "--overwrite").returncode == 0
    assert (data / "SHA256SUMS").read_text().splitlines() == sums
    server.files["trainval/a.mp4"] = b"B" * 50_000
    done = prepare("ava/download_data", "--overwrite")
    assert done.returncode == 1
    assert "SHA256SUMS says" in done.stderr
    assert (data / "videos" / "a.mp4").read_bytes() == b"A" * 50_000  # as it was


def test_a_download_that_stopped_before_it_got_its_name_is_taken(prepare, server, data):
    movies(server, "a.mp4")
    (data / "videos").mkdir(parents=True)
    (data / "videos" / ".a.mp4.part").write_bytes(server.files["trainval/a.mp4"])
    assert prepare("ava/download_data").returncode == 0
    assert (data / "videos" / "a.mp4").read_bytes() == server.files["trainval/a.mp4"]


def test_a_server_without_ranges_is_asked_for_the_whole(prepare, server, data):
    movies(server, "a.mp4")
    server.ranges = False
    (data / "videos").mkdir(parents=True)
    (data / "videos" / ".a.mp4.part").write_bytes(b"A" * 10)
    assert prepare("ava/download_data").returncode == 0
    assert (data / "videos" / "a.mp4").read_bytes() == server.files["trainval/a.mp4"]


def test_missing_videos_are_listed_and_the_others_come(prepare, server, data):
    movies(server, "a.mp4", "b.mp4", "c.mp4")
    del server.files["trainval/b.mp4"]
    done = prepare("ava/download_data")
    assert done.returncode == 1
    assert "2 of 3 videos" in done.stdout
    assert "  b.mp4\n" in done.stderr and "1 videos are missing" in done.stderr
    done = prepare("ava/download_data", "--only", "c", "--only", "a.mp4")
    assert done.returncode == 0 and "2 of 2" in done.stdout


@pytest.mark.parametrize("name", ["../evil.mp4", "a/b.mp4", ".hidden", "$(touch evil)", "a b"])
def test_names_that_are_no_file_names_are_refused(prepare, server, data, name, tmp_path):
    movies(server, "a.mp4", name)
    done = prepare("ava/download_data")
    assert done.returncode == 1 and "is not the name of a video" in done.stderr
    assert not loaded(server)
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize("top", ["", "ava_annotations/"])
def test_all_annotations_come_into_one_place(prepare, server, data, top):
    for name in ("train", "val"):
        server.files[f"lists/{name}.csv"] = FRAME_LIST.encode()
    boxes = dict.fromkeys(BOXES, "some text\n")
    server.files["ava_annotations.tar"] = archive(boxes, top)
    done = prepare("ava/download_annotations")
    assert done.returncode == 0, done.stderr
    found = {
        str(p.relative_to(data / "annotations"))
        for p in (data / "annotations").rglob("*")
        if p.is_file()
    }
    assert found == {*BOXES, "train.csv", "val.csv"}
    assert sorted(path.name for path in data.iterdir()) == ["SHA256SUMS", "annotations"]
    server.loads.clear()
    assert prepare("ava/download_annotations").returncode == 0
    assert not server.loads


def test_annotations_that_are_missing_or_something_else_are_named(prepare, server, data):
    server.files["lists/train.csv"] = b"<html>403</html>"
    server.files["ava_annotations.tar"] = archive({BOXES[0]: "x\n", BOXES[1]: "x\n"})
    done = prepare("ava/download_annotations")
    assert done.returncode == 1
    for name in ("train.csv", "val.csv", *BOXES[2:]):
        assert f"  {name}\n" in done.stderr
    assert "is not a frame list" in done.stderr
    assert f"  {BOXES[0]}\n" not in done.stderr


@pytest.mark.parametrize(
    "member",
    [
        {"name": "../evil"},
        {"name": "/tmp/evil-of-a-test"},
        {"name": "x/../../../evil"},
        {"name": "link", "type": tarfile.SYMTYPE, "linkname": "/etc"},
        {"name": "hard", "type": tarfile.LNKTYPE, "linkname": BOXES[0]},
        {"name": "device", "type": tarfile.CHRTYPE},
        {"name": "pipe", "type": tarfile.FIFOTYPE},
        {"name": BOXES[0]},
        {"name": BOXES[0].upper()},
    ],
    ids=lambda member: member["name"],
)
def test_archives_that_reach_outside_are_refused(prepare, server, data, tmp_path, member):
    boxes = dict.fromkeys(BOXES, "x\n")
    server.files["ava_annotations.tar"] = archive(boxes, kinds=[member])
    done = prepare("ava/download_annotations")
    assert done.returncode == 1
    reasons = ("belongs outside of its folder", "a link or a device", "a file twice")
    assert any(reason in done.stderr for reason in reasons)
    assert not list(tmp_path.rglob("*evil*")) and not Path("/tmp/evil-of-a-test").exists()
    assert not (data / "annotations" / BOXES[0]).exists()


@pytest.mark.parametrize("how", ["sparse", "compressed"])
def test_archives_that_would_fill_the_disk_are_refused(prepare, server, data, tmp_path, how):
    with (tmp_path / "zeros.jpg").open("wb") as file:
        file.truncate(10**10 if how == "sparse" else 10**7)
    flag = "--sparse" if how == "sparse" else "--gzip"
    subprocess.run(["tar", flag, "-cf", "bomb.tar", "zeros.jpg"], cwd=tmp_path, check=True)
    server.files["Charades_v1_rgb.tar"] = (tmp_path / "bomb.tar").read_bytes()
    done = prepare("charades/download_data")
    assert done.returncode == 1
    assert "bytes, more than a hundred times its own" in done.stderr
    assert not list(data.rglob("*.jpg"))


def test_charades_is_unpacked_once_and_compared_with_its_lists(prepare, server, data):
    pictures = {f"Charades_v1_rgb/A{v}/A{v}-{k:06d}.jpg": "x" for v in range(2) for k in (1, 2, 3)}
    server.files["Charades_v1_rgb.tar"] = archive(pictures)
    head, lines = FRAME_LIST.split("\n")[0], [name.split("/", 1)[1] for name in pictures]
    rows = [f'{path.split("/")[0]} 0 0 {path} ""' for path in lines]
    server.files["lists/train.csv"] = "\n".join([head, *rows[:3], ""]).encode()
    server.files["lists/val.csv"] = "\n".join([head, *rows[3:], ""]).encode()
    done = prepare("charades/download_data")
    assert done.returncode == 0 and "run download_annotations.sh" in done.stderr
    assert prepare("charades/download_annotations").returncode == 0
    server.loads.clear()
    for script in ("charades/download_annotations", "charades/download_data"):
        done = prepare(script)
        assert done.returncode == 0, done.stderr
    assert "2 videos are in" in done.stdout and not server.loads
    (data / "Charades_v1_rgb/A1/A1-000002.jpg").unlink()
    done = prepare("charades/download_data")
    assert done.returncode == 1 and "  A1: 2 of 3 frames" in done.stderr
    assert prepare("charades/download_data", "--overwrite").returncode == 0
    assert not server.loads  # the archive was still there


def test_a_charades_archive_that_is_cut_off_is_refused(prepare, server, data):
    server.files["Charades_v1_rgb.tar"] = archive({"Charades_v1_rgb/A/A-000001.jpg": "x" * 9999})[
        :5000
    ]
    done = prepare("charades/download_data")
    assert done.returncode == 1 and "is not a complete tar file" in done.stderr
    assert not (data / "Charades_v1_rgb").exists()


@pytest.mark.parametrize(
    "script",
    [
        "ava/download_data",
        "ava/cut_videos",
        "ava/extract_frames",
        "ava/download_annotations",
        "ava/exception",
        "charades/download_data",
        "charades/download_annotations",
    ],
)
def test_help_and_wrong_flags(real, script):
    done = real(f"prepare-{script}.sh", "-h")
    assert done.returncode == 0 and "-d DATA" in done.stdout and "#" not in done.stdout
    done = real(f"prepare-{script}.sh", "--wrong", "x")
    assert done.returncode == 2 and "unknown option --wrong" in done.stderr


@pytest.mark.parametrize(
    ("script", "says"), [("cut_videos", "download_data.sh"), ("extract_frames", "cut_videos.sh")]
)
def test_a_step_without_the_one_before_names_it(prepare, script, says):
    done = prepare(f"ava/{script}")
    assert done.returncode == 1 and f"{says} makes it" in done.stderr


def test_the_steps_hand_their_flags_to_the_tool(repository):
    for name in ("data/AVA/videos/-a.mkv", "my data/videos/x", "my data/videos_15min/x"):
        repository.file(name)
    done = repository.run("prepare-ava/cut_videos.sh")
    assert done.returncode == 0, done.stderr
    tool, usual = str(repository.root / "tools/prepare_data.py"), repository.root / "data/AVA"
    assert repository.calls()[-1][2:] == [tool, "cut", f"{usual}/videos", f"{usual}/videos_15min"]
    words = ("-d", "../a clone/my data", "-j", 3, "--rate", 25, "--only", "-a", "--overwrite")
    done = repository.run("prepare-ava/extract_frames.sh", *words)
    assert done.returncode == 0, done.stderr
    data = f"{repository.home}/../a clone/my data"
    given = ["extract", f"{data}/videos_15min", f"{data}/frames", "--rate", "25", "--workers", "3"]
    assert repository.calls()[-1][3:] == [*given, "--overwrite", "--only=-a"]
    done = repository.run("prepare-ava/cut_videos.sh", FAKE_WORK="echo reason >&2; exit 1")
    assert done.returncode == 1 and "reason" in done.stderr


def test_exception_does_all_three_steps_for_single_videos(repository, server):
    movies(server, "I8j6Xq2B5ys.mp4", "-b.mkv", "c.mp4")
    videos = repository.root / "data/AVA/videos"
    for name in ("I8j6Xq2B5ys.mp4", "-b.mkv"):
        repository.file(f"data/AVA/videos/{name}", "old")
    repository.file("data/AVA/videos_15min/x")
    for words, only in (((), ["I8j6Xq2B5ys"]), (("c", "--", "-b"), ["c", "-b"])):
        done = repository.run("prepare-ava/exception.sh", "-j", 2, *words, AVA_URL=server.url)
        assert done.returncode == 0, done.stderr
        steps = [call[3:4] + call[6:] for call in repository.calls()[-2:]]
        rest = ["--workers", "2", "--overwrite", *(f"--only={name}" for name in only)]
        assert steps == [["cut", *rest], ["extract", *rest]]
    for name in ("I8j6Xq2B5ys.mp4", "-b.mkv", "c.mp4"):
        assert (videos / name).read_bytes() == server.files[f"trainval/{name}"]
    assert len(loaded(server)) == 3
    done = repository.run("prepare-ava/exception.sh", "nobody", AVA_URL=server.url)
    assert done.returncode == 1 and "names no such video" in done.stderr


def test_exception_keeps_what_was_there_when_the_download_fails(repository, server):
    movies(server, "c.mp4")
    del server.files["trainval/c.mp4"]
    old = repository.file("data/AVA/videos/c.mp4", "old")
    words = ("prepare-ava/exception.sh", "c")
    done = repository.run(*words, AVA_URL=server.url, FETCH_WAIT="0")
    assert done.returncode == 1 and not repository.calls()
    assert old.read_text() == "old"


def test_a_movie_is_cut_for_real(prepare, data, media_factory):
    (data / "videos").mkdir(parents=True)
    for name in ("-a", "b"):
        shutil.copy(media_factory(frames=120), data / "videos" / f"{name}.mp4")
    (data / "videos" / "b.mp4").write_bytes(b"<html>")
    done = prepare("ava/cut_videos", "--start", 1, "--length", 2, "-j", 0)
    assert done.returncode == 1
    assert "1 videos done, 0 were there already, 1 failed" in done.stdout
    assert "b.mp4: not readable as media" in done.stdout and "Traceback" not in done.stderr
    assert {path.name for path in (data / "videos_15min").iterdir()} == {"-a.mp4", "prepared.csv"}
