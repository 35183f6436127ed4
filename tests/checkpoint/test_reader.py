import argparse
import functools
import io
import logging
import operator
import os
import pathlib
import pickle
import random
import struct
import subprocess
import tarfile
import zipfile
from collections import Counter, OrderedDict, defaultdict

import numpy as np
import pytest
import torch

from slowfast.checkpoint.reader import Inert, load_checkpoint_file
from slowfast.utils.errors import CheckpointError

LAYOUTS = ("zip", "legacy")


@pytest.fixture
def log(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("slowfast"), "propagate", True)
    caplog.set_level("INFO", logger="slowfast")
    return caplog


def save(content, path, layout="zip", **kwargs):
    torch.save(content, path, _use_new_zipfile_serialization=layout == "zip", **kwargs)
    return path


def write(path, body, layout="zip", numbers=None):
    """Write a pickle by hand, with the bytes of one storage '0'."""
    if layout == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", body)
            archive.writestr("archive/version", "3\n")
            if numbers is not None:
                archive.writestr("archive/data/0", numbers)
    else:
        before = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
        keys = [] if numbers is None else ["0"]
        after = b"" if numbers is None else struct.pack("<q", len(numbers) // 4) + numbers
        body = body.replace(b"tQ", b"NtQ")  # ids say here which storage they are a view of
        head = b"".join(pickle.dumps(part, 2) for part in before)
        path.write_bytes(head + body + pickle.dumps(keys, 2) + after)
    return path


def entry(value):
    """Return the pickle of a dict with one value that is given as opcodes."""
    return b"\x80\x02}X\x01\x00\x00\x00a" + value + b"s."


def claimed(numel, size, stride):
    """Return opcodes for a tensor of storage '0'."""
    number = struct.Struct("<q").pack
    storage = (
        b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"
    )
    view = b"\x8a\x08" + number(numel) + b"tQK\x00\x8a\x08" + number(size) + b"\x85\x8a\x08"
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + view + number(stride) + b"\x85\x89NtR"
    )


def network_and_optimizer():
    network = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    network(torch.ones(2, 2, 3, 3)).sum().backward()
    optimizer.step()
    return network, optimizer


def identical(ours, theirs):
    assert type(ours) is type(theirs) and ours.dtype == theirs.dtype
    assert (ours.shape, ours.stride()) == (theirs.shape, theirs.stride())
    assert ours.storage_offset() == theirs.storage_offset()
    assert ours.requires_grad == theirs.requires_grad
    assert torch.equal(ours.detach().to(torch.complex128), theirs.detach().to(torch.complex128))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_foreign_checkpoint_gives_its_tensors_and_a_readable_note_of_the_rest(
    tmp_path, layout, log
):
    network, optimizer = network_and_optimizer()
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 4])
    content = {
        "model": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "lr_scheduler": {**scheduler.state_dict(), "warmup": scheduler},
        "epoch": 3,
        "args": argparse.Namespace(lr=0.1, out=pathlib.Path("somewhere"), best=np.float64(0.5)),
    }
    path = save(content, tmp_path / "gdt.pth", layout)
    found = load_checkpoint_file(path)
    assert list(found) == list(content) and found["epoch"] == 3
    assert type(found["model"]) is OrderedDict
    assert found["model"]._metadata == content["model"]._metadata
    for name, tensor in content["model"].items():
        identical(found["model"][name], tensor)
    network.load_state_dict(found["model"])
    optimizer.load_state_dict(found["optimizer"])
    args, warmup = found["args"], found["lr_scheduler"]["warmup"]
    assert isinstance(args, Inert) and args.path == "argparse.Namespace"
    assert args.state["lr"] == 0.1 and args.state["out"].args == ("somewhere",)
    assert found["lr_scheduler"]["milestones"] == Counter({2: 1, 4: 1})
    assert warmup.path == "torch.optim.lr_scheduler.MultiStepLR"
    assert warmup.state["milestones"] == Counter({2: 1, 4: 1})
    assert not isinstance(args, torch.Tensor) and not hasattr(args, "shape")
    assert "argparse.Namespace" in log.text and "more" in log.text


@pytest.mark.parametrize("layout", LAYOUTS)
def test_tensors_are_the_same_as_those_of_torch(tmp_path, layout):
    base = torch.arange(24.0)
    names = "float64 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex64 complex128"
    names += " uint16 float8_e4m3fn" if layout == "zip" else ""
    content = {
        "views": [base[2:8], base.view(4, 6).t(), base[::2], base.expand(3, 24)],
        "small": [torch.zeros(()), torch.empty(0, 3), torch.ones(2, requires_grad=True)],
        "types": [torch.ones(3).to(getattr(torch, name)) for name in names.split()],
        "parameters": [torch.nn.Parameter(base), torch.nn.Parameter(base[:2], False)],
        "odd": argparse.Namespace(),
    }
    path = save(content, tmp_path / "a.pth", layout)
    found, plain = load_checkpoint_file(path), torch.load(path, weights_only=False)
    for kind in ("views", "small", "types", "parameters"):
        for ours, theirs in zip(found[kind], plain[kind], strict=True):
            identical(ours, theirs)
    first, second = found["views"][:2]
    assert first.untyped_storage().data_ptr() == second.untyped_storage().data_ptr()
    first.requires_grad_().mul(2).sum().backward()
    assert first.is_leaf and not first._is_view() and found["parameters"][0].is_leaf


@pytest.mark.parametrize("layout", LAYOUTS)
def test_sparse_tensors_are_read(tmp_path, layout, log):
    sparse = torch.eye(3).to_sparse()
    path = save({"sparse": sparse}, tmp_path / "a.pth", layout)
    assert load_checkpoint_file(path)["sparse"].is_sparse and not log.text
    path = save({"sparse": sparse, "odd": Odd()}, tmp_path / "a.pth", layout)
    assert load_checkpoint_file(path)["sparse"].is_sparse and "Odd" in log.text
    # Nothing of it is in the way of the next file.
    assert torch.load(save({"w": 1}, tmp_path / "b.pth", layout), weights_only=False) == {"w": 1}


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_plain_containers_come_back_as_they_were(tmp_path, layout, protocol):
    content = {
        "default": defaultdict(list, a=[1]),
        "ordered": OrderedDict(b=1, a=2),
        "counter": Counter("aab"),
        "sets": ({1, 2}, frozenset([3])),
        "size": torch.Size([1, 2]),
        "device": torch.device("cuda:1"),
        "type": torch.float16,
        "numbers": [1, 2.5, -(10**30), None, True, "ä\n"],
        7: {(1, "a"): 8},
    }
    path = save({**content, "odd": Odd()}, tmp_path / "a.pth", layout, pickle_protocol=protocol)
    found = load_checkpoint_file(path)
    odd = found.pop("odd")
    assert found == content
    content["default"] = OrderedDict()  # torch fills dicts, ordered ones and counters alone
    assert [type(v) for v in found.values()] == [type(v) for v in content.values()]
    assert isinstance(odd, Inert) and odd.state == {"answer": 42} and odd.path.endswith(".Odd")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_newer_protocols_which_torch_does_not_read_name_the_cure(tmp_path, layout):
    path = save({"w": torch.ones(2)}, tmp_path / "a.pth", layout, pickle_protocol=4)
    with pytest.raises(CheckpointError, match=r"pickle_protocol=2|protocol above 3"):
        load_checkpoint_file(path)


class Odd:
    def __init__(self):
        self.answer = 42


class OddList(list):
    pass


class OddDict(dict):
    pass


class OddSet(set):
    pass


def test_subclasses_of_containers_keep_their_content(tmp_path):
    content = {
        "l": OddList([1, 2]),
        "d": OddDict(a=1),
        "s": OddSet([5]),
        "p": functools.partial(len),
    }
    found = load_checkpoint_file(save(content, tmp_path / "a.pth"))
    assert found["l"] == [1, 2] and found["d"] == {"a": 1}
    assert found["s"].args == ([5],) and found["p"].args[0].path == "builtins.len"


def test_a_note_can_be_saved_and_read_again(tmp_path):
    first = load_checkpoint_file(save({"odd": Odd()}, tmp_path / "a.pth"))
    again = load_checkpoint_file(save(first, tmp_path / "b.pth"))
    assert again["odd"].path == first["odd"].path and again["odd"].state == {"answer": 42}


class Call:
    """Pickles as a call; a call of the result of a call if ``what`` is one of these."""

    def __init__(self, what, *args):
        self.what, self.args = what, args

    def __call__(self):
        raise AssertionError

    def __reduce__(self):
        return self.what, self.args


class Touches:
    def __init__(self, marker):
        self.marker = str(marker)

    def __setstate__(self, state):
        pathlib.Path(state["marker"]).touch()


def stored_attack(marker):
    inner = io.BytesIO()
    torch.save(Call(os.system, f"touch {marker}"), inner)
    return Call(torch.storage._load_from_bytes, inner.getvalue())


ATTACKS = {
    "system": lambda m: Call(os.system, f"touch {m}"),
    "popen": lambda m: Call(subprocess.Popen, ["touch", str(m)]),
    "check_call": lambda m: Call(subprocess.check_call, ["touch", str(m)]),
    "eval": lambda m: Call(eval, f"open({str(m)!r}, 'w').close()"),
    "exec": lambda m: Call(exec, f"open({str(m)!r}, 'w').close()"),
    "open": lambda m: Call(open, str(m), "w"),
    "import": lambda m: Call(Call(getattr, Call(__import__, "os"), "system"), f"touch {m}"),
    "attribute": lambda m: Call(Call(getattr, pathlib.Path(m), "touch")),
    "attrgetter": lambda m: Call(Call(operator.attrgetter("touch"), pathlib.Path(m))),
    "methodcaller": lambda m: Call(operator.methodcaller("touch"), pathlib.Path(m)),
    "partial": lambda m: Call(functools.partial(os.system, f"touch {m}")),
    "setstate": Touches,
    "torch": stored_attack,
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_in_a_file_is_run(tmp_path, attack, protocol, layout):
    marker = tmp_path / "marker"
    evil = ATTACKS[attack](marker)
    content = {"model": {"w": torch.ones(2)}, "evil": evil}
    path = save(content, tmp_path / "evil.pth", layout, pickle_protocol=protocol)
    try:
        assert isinstance(load_checkpoint_file(path)["evil"], Inert)
    except CheckpointError as error:
        assert any(words in str(error) for words in ("cannot be read safely", "protocol above 3"))
    assert not marker.exists()
    # The attack is real, or the test would prove nothing.
    process = torch.load(path, weights_only=False)["evil"]
    if attack == "popen":
        process.wait()
    assert marker.exists()


BY_HAND = {
    "a global of another module": b"cposix\nsystem\n(X%s%stR",
    "a dotted name": b"\x8c\x05torch\x8c\x09os.system\x93(X%s%stR",
    "a class with arguments": b"(X%s%sios\nsystem\n",
    "an object": b"(cos\nsystem\nX%s%so",
    "a newobj": b"cos\nsystem\nX%s%s\x85\x81",
    "attributes for a function": b"ctorch._utils\n_rebuild_parameter\nN}X%s%sK\x01s\x86b",
    "attributes for a class": b"ccollections\nCounter\nN}X%s%sK\x01s\x86b",
    "an extension": b"\x82\x01",
    "a call of a list": b"](X%s%stR",
    "torch.hub": b"ctorch.hub\nload\n(X%s%stR",
    "torch.jit": b"ctorch.jit\nload\n(X%s%stR",
    "a script of torch": b"ctorch\nos.system\n(X%s%stR",
    "a storage that is none": b"cos.FloatStorage\nsystem\n(X%s%stR",
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", BY_HAND)
def test_nothing_written_by_hand_is_run(tmp_path, name, layout):
    marker = tmp_path / "marker"
    command = f"touch {marker}".encode()
    value = BY_HAND[name].replace(b"%s%s", struct.pack("<I", len(command)) + command)
    before = vars(Counter).copy(), vars(torch._utils._rebuild_parameter).copy()
    path = write(tmp_path / "evil.pth", entry(value).replace(b"\x80\x02", b"\x80\x04"), layout)
    try:
        assert isinstance(load_checkpoint_file(path)["a"], Inert)
    except CheckpointError as error:
        assert "cannot be read safely" in str(error)
    assert not marker.exists()
    assert before == (vars(Counter).copy(), vars(torch._utils._rebuild_parameter).copy())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_network_pickled_whole_is_not_imported(tmp_path, layout):
    network = torch.nn.Linear(2, 2)
    path = save({"net": network}, tmp_path / "a.pth", layout)
    if layout == "legacy":
        with pytest.raises(CheckpointError, match="a network pickled whole, with its source"):
            load_checkpoint_file(path)
        return
    for found in (
        load_checkpoint_file(path)["net"],
        load_checkpoint_file(save(network, tmp_path / "b.pth", layout)),
    ):
        assert found.keys() == {"weight", "bias"}
        identical(found["bias"], network.bias.detach())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_plain_pickle_is_used_only_where_it_is_trusted(tmp_path, layout, log):
    content = {"weight": torch.ones(2), "folder": Call(os.getcwd)}
    path = save(content, tmp_path / "odd.pth", layout)
    with pytest.raises(CheckpointError, match=r"getcwd.*CHECKPOINT\.TRUST_PICKLE"):
        load_checkpoint_file(path)
    found = load_checkpoint_file(path, trust_pickle=True)
    assert found["folder"] == os.getcwd() and found["weight"].tolist() == [1, 1]
    assert "plain pickle" in log.text


def test_trust_is_not_used_where_it_is_not_needed(tmp_path):
    path = save({"odd": Odd()}, tmp_path / "a.pth")
    assert isinstance(load_checkpoint_file(path, trust_pickle=True)["odd"], Inert)
    torn = tmp_path / "torn.pth"
    torn.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(CheckpointError, match="not a whole checkpoint file"):
        load_checkpoint_file(torn, trust_pickle=True)


def test_trusted_code_that_is_not_there_is_named(tmp_path):
    path = write(tmp_path / "a.pth", b"\x80\x02cnowhere_to_be_found\nThing\n)\x81.")
    with pytest.raises(CheckpointError, match=r"either.*nowhere_to_be_found.*must be importable"):
        load_checkpoint_file(path, trust_pickle=True)


def gzipped(data):
    return b"\x1f\x8b\x08\x00" + data


def tar_of(name):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:") as archive:
        archive.addfile(tarfile.TarInfo(name))
    return file.getvalue()


def zip_of(members, method=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


FOREIGN = {
    "empty": (b"", "empty file"),
    "page": (b"<!DOCTYPE html><html>", "web page"),
    "indented page": (b"\xef\xbb\xbf \n<HTML lang='en'>\xe4", "web page"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
    "json": (b'{"error": "quota"}', r"text, not weights.*\{\"error\": \"quota\"\}"),
    "xml": (b"<?xml version='1.0'?><Error>AccessDenied</Error>", "text, not weights.*<Error>"),
    "gzip": (gzipped(b"abc"), "packed with gzip. Unpack"),
    "7z": (b"7z\xbc\xaf\x27\x1c\x00\x04", "packed with 7z"),
    "rar": (b"Rar!\x1a\x07\x01\x00", "packed with rar"),
    "tar": (tar_of("weights.pth"), "a tar archive.*unpack"),
    "zip": (zip_of({"readme.txt": "a", "b.pth": "b"}), r"no data\.pkl.*readme\.txt, b\.pth"),
    "empty zip": (zip_of({}), "holds nothing"),
    "script": (zip_of({"a/data.pkl": "", "a/constants.pkl": ""}), "TorchScript.*torch.jit.load"),
    "safetensors": (struct.pack("<Q", 12) + b'{"a":{}}    ', "safetensors|not a whole checkpoint"),
    "zeros": (bytes(2000), "not a file of torch.save.*00 00"),
    "plain pickle": (pickle.dumps({"w": np.ones(3)}), "a plain pickle"),
    "bomb": (zip_of({"a/data.pkl": bytes(2**23)}, zipfile.ZIP_DEFLATED), "zip bomb"),
    "lzma": (zip_of({"a/data.pkl": b"N."}, zipfile.ZIP_LZMA), "compressed, which torch never"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_other_files_are_called_what_they_are(tmp_path, kind):
    data, words = FOREIGN[kind]
    path = tmp_path / "file.pth"
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=words) as caught:
        load_checkpoint_file(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_what_is_no_file_is_refused_by_name(tmp_path):
    with pytest.raises(CheckpointError, match=r"gone\.pth: no such checkpoint"):
        load_checkpoint_file(tmp_path / "gone.pth")
    with pytest.raises(CheckpointError, match="a folder"):
        load_checkpoint_file(tmp_path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint_file(tmp_path / ("a" * 400))


def test_content_other_than_a_dict_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="holds a list, not a checkpoint"):
        load_checkpoint_file(save([torch.ones(1)], tmp_path / "a.pth"))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95, 0.999])
def test_a_truncated_file_says_that_it_is_not_whole(tmp_path, layout, share):
    path = save({"w": torch.arange(500.0), "odd": Odd()}, tmp_path / "a.pth", layout)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(CheckpointError, match="not a whole checkpoint file"):
        load_checkpoint_file(path)


def test_a_damaged_archive_is_noticed_also_where_it_is_odd(tmp_path):
    path = save({"w": torch.ones(500), "odd": Odd()}, tmp_path / "a.pth")
    data = bytearray(path.read_bytes())
    data[data.find(b"\x00\x00\x80\x3f" * 8) + 100] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint_file(path)


def test_archives_that_can_be_read_in_two_ways_are_refused(tmp_path):
    path = tmp_path / "a.pth"
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", "}.")
        archive.writestr("a/data.pkl", "}.")
    with pytest.raises(CheckpointError, match="a name occurs twice"):
        load_checkpoint_file(path)
    data = zip_of({"a/data.pkl": b"}.", "a/data/0": b"1234"})
    place = data.rfind(b"PK\x01\x02")
    path.write_bytes(data[: place + 42] + struct.pack("<I", 5) + data[place + 46 :])
    with pytest.raises(CheckpointError, match=r"overlap|damaged"):
        load_checkpoint_file(path)


HUGE = 2**36
CLAIMS = {
    "a storage": (claimed(HUGE, 1, 1), r"storage claims 274877906944 bytes, the file has \d+"),
    "a negative storage": (claimed(-4, 1, 1), "storage claims -16 bytes"),
    "a tensor": (claimed(2, 3, 1), r"shape \(3,\) claims more than its 8 bytes"),
    "a wide stride": (claimed(2, 2, HUGE), "claims more than its 8 bytes"),
    "a negative stride": (claimed(2, 2, -1), "claims more than its 8 bytes"),
    "a view": (claimed(2, HUGE, 0), r"shape \(68719476736,\) is claimed"),
    "a bytearray": (b"cbuiltins\nbytearray\n\x8a\x05\x00\x00\x00\x00\x10\x85R", "bytearray"),
    "a key": (b"}K\x01" + b"\x85" * 10**5 + b"K\x02s", "large nested tuple"),
    "a key of shared parts": (b"}K\x01" + b"q\x00h\x00\x86" * 60 + b"K\x02s", "large nested tuple"),
    "copies": (
        b"](](" + b"K\x01" * 5000 + b"eq\x00" + b"cbuiltins\nset\nh\x00\x85R" * 99 + b"e",
        "copied without end",
    ),
    "a long string": (b"X\xff\xff\xff\x7f", "ends early: expected 2147483647 bytes"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("what", CLAIMS)
def test_claims_beyond_the_file_are_refused_before_memory_is_taken(tmp_path, what, layout):
    value, words = CLAIMS[what]
    path = write(tmp_path / "bomb.pth", entry(value), layout, struct.pack("<2f", 1, 2))
    with pytest.raises(CheckpointError, match=words):
        load_checkpoint_file(path)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_honest_tensor_written_in_the_same_way_is_read(tmp_path, layout):
    path = write(tmp_path / "a.pth", entry(claimed(2, 2, 1)), layout, struct.pack("<2f", 1, 2))
    assert load_checkpoint_file(path)["a"].tolist() == [1, 2]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_lists_within_lists_explode_nothing(tmp_path, layout):
    shared = b"".join(b"q%c]h%ca" % (i, i) + b"h%ca" % i for i in range(100))
    path = write(tmp_path / "a.pth", entry(b"(]" + shared + b"t"), layout)
    assert len(load_checkpoint_file(path)["a"][-1]) == 2
    path = write(tmp_path / "b.pth", entry(b"]" * 20_000 + b"a" * 19_999), layout)
    assert len(load_checkpoint_file(path)["a"]) == 1


def mutated(data, rng):
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 3])):
        place = rng.randrange(len(data))
        change = rng.randrange(4)
        if change < 2:
            data[place] = rng.randrange(256)
        elif change == 2:
            data[place:place] = rng.randbytes(rng.choice([1, 8]))
        elif len(data) > 1:
            del data[max(1, place) :]
    return bytes(data)


@pytest.mark.parametrize("layout", [*LAYOUTS, "zip with checksums"])
def test_any_bytes_give_a_dict_or_a_checkpoint_error(tmp_path, layout):
    path, rng, outcomes = tmp_path / "a.pth", random.Random(layout), Counter()
    content = {"model": OrderedDict(w=torch.ones(2, 3)), "epoch": 3, "args": Odd()}
    save(content, path, layout.split()[0])
    whole = path.read_bytes()
    with zipfile.ZipFile(path) if layout.startswith("zip") else open(path, "rb") as file:
        if layout == "zip with checksums":
            members = {name: file.read(name) for name in file.namelist()}
    for _ in range(300):
        if layout == "zip with checksums":  # so that the damage reaches the unpickler
            damaged = {n: mutated(d, rng) if "pkl" in n else d for n, d in members.items()}
            path.write_bytes(zip_of(damaged))
        else:
            path.write_bytes(mutated(whole, rng))
        try:
            outcomes[type(load_checkpoint_file(path))] += 1
        except CheckpointError as error:
            assert str(error).isprintable()
            outcomes[CheckpointError] += 1
    assert set(outcomes) == {dict, CheckpointError}
