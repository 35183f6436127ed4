"""What a format of checkpoints is, as data, and how a file is read by it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import Tensor, nn

# Parts of a model that ours have too, by their names in AudioVisualEncoder.
VIDEO = "video_backbone"
AUDIO = "audio_backbone"
TEXT = "text_backbone"
VIDEO_HEAD = "video_projection"
AUDIO_HEAD = "audio_projection"
TEXT_HEAD = "text_projection"
POOLING = "video_pooling"
# Parts that no network of this package has: why their tensors are left out.
CLASSIFIER = "classifier"
PRETEXT_HEAD = "projection head"
AUDIO_BRANCH = "audio branch"
TEXT_BRANCH = "text branch"
MOMENTUM = "momentum encoder"
QUEUE = "queue of negatives"
MEMORY = "memory bank"
AVERAGED = "number of averaged models"
UNKNOWN = "unknown"
REASONS = {
    VIDEO_HEAD: PRETEXT_HEAD,
    AUDIO_HEAD: PRETEXT_HEAD,
    TEXT_HEAD: PRETEXT_HEAD,
    AUDIO: AUDIO_BRANCH,
    TEXT: TEXT_BRANCH,
    POOLING: "transformer pooling",
}

WRAPPER = "module."  # what DataParallel and DistributedDataParallel put before every name
WRAPPERS = re.compile(r"(_orig_mod\.)?(module\.)?(_orig_mod\.)?")  # torch.compile the other
DEEPEST = 3  # levels of a file at which tensors are looked for
LAYERS = re.compile(r"(stem|s?\d+|layer\d+|conv.*|bn.*|blocks|fc|head)\.")  # never what all share


class Inputs(NamedTuple):
    """Frames as the authors of a method, or of its published evaluation, hand them over.

    Attributes:
        mean, std: of red, green and blue, after division by 255.
        reverse_channels: blue comes first.
        crop: side in pixels.
    """

    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    reverse_channels: bool = False
    crop: int = 112


IMAGENET = Inputs()
SLOWFAST = Inputs((0.45,) * 3, (0.225,) * 3)


@dataclass(frozen=True)
class ArchitecturePatch:
    """Layers that the network of a method has in place of the usual ones.

    Attributes:
        marks: tensors that together tell the changed network from every other.
        replaces: a tensor of the usual network that the changed one has not.
        apply: changes a backbone in place.
    """

    marks: tuple[str, ...]
    replaces: str
    apply: Callable[[nn.Module], None]


@dataclass
class ParsedState:
    """The tensors of a file, sorted by a format.

    Attributes:
        tensors: by their names in the file.
        at: key of the file under which they lie; empty where the file itself holds them.
        parts: of each part, its names -> names in the file.
        left_out: name in the file -> why no network takes it.
        twice: names in the file whose new name was taken already.
        patch: of the format.
    """

    tensors: dict[str, Tensor]
    at: str = ""
    parts: dict[str, dict[str, str]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)
    patch: ArchitecturePatch | None = None

    @property
    def complete(self) -> bool:
        """Whether there is a video network and the format knows every name."""
        return VIDEO in self.parts and not self.unknown

    @property
    def unknown(self) -> list[str]:
        """Names that belong to no part the format knows."""
        return [name for name, reason in self.left_out.items() if reason == UNKNOWN]

    def part(self, name: str) -> dict[str, Tensor]:
        """Return the tensors of a part by its names."""
        return {ours: self.tensors[theirs] for ours, theirs in self.parts.get(name, {}).items()}


@dataclass(frozen=True)
class CheckpointFormat:
    """A format.

    Attributes:
        title: the method's name as its authors write it.
        at: key of the file under which the tensors lie; empty where the file itself holds them.
        parts: pattern of the beginning of a name (without ``module.``) -> its part, which is one
            of the constants above; the first that matches counts, and is cut off.
        criterion_at, criterion: key of the file under which memory banks lie, and their names
            there -> names in ours, where there are any.
        renames: patterns and replacements that bring names within a part to ours, applied in order
            to the beginning of the name.
        inputs: of the published evaluation, or a function of the file's content that knows them.
        arch: function of the file's content that knows ``MODEL.ARCH``, where files say it.
        patch: of the network, see :class:`ArchitecturePatch`.
        spellings: other names of the method, in any case, with or without dashes.
        same_as: formats whose files may hold the same names; the video network is then the same.
        trained_on, source, licence, note: for people, and for what conversions keep.
    """

    title: str
    at: str
    parts: Mapping[str, str]
    renames: Sequence[tuple[str, str]] = ()
    criterion_at: str = ""
    criterion: Mapping[str, str] = field(default_factory=dict)
    inputs: Inputs | Callable[[Mapping[str, Any]], Inputs | None] | None = None
    arch: Callable[[Mapping[str, Any]], str | None] | None = None
    patch: ArchitecturePatch | None = None
    spellings: tuple[str, ...] = ()
    same_as: tuple[str, ...] = ()
    trained_on: str = ""
    source: str = ""
    licence: str = ""
    note: str = ""

    def parse(self, content: Mapping[str, Any], at: str = "", shared: bool = False) -> ParsedState:
        """Sort the tensors of a file; nothing is refused here.

        Args:
            content: of the file.
            at: key under which they lie, where that is another than the format's.
            shared: cut off what all names begin with: ``model.``, say.
        """
        at = at or (self.at if self.at in content else "")
        parsed = ParsedState(find_tensors(content, at), at, patch=self.patch)
        beginning = shared_beginning(parsed.tensors) if shared else ""
        for theirs in parsed.tensors:
            self._sort(parsed, theirs, beginning)
        return parsed

    def _sort(self, parsed: ParsedState, theirs: str, beginning: str) -> None:
        name = theirs[WRAPPERS.match(theirs).end() :].removeprefix(beginning)
        if name == "n_averaged":  # of torch.optim.swa_utils.AveragedModel
            parsed.left_out[theirs] = AVERAGED
            return
        prefix, part = self._part_of(name)
        if part not in (VIDEO, *REASONS):
            parsed.left_out[theirs] = part
            return
        ours = name.removeprefix(prefix)
        for old, new in self.renames:
            ours = re.sub(f"^{old}", new, ours)
        if parsed.parts.setdefault(part, {}).setdefault(ours, theirs) != theirs:
            parsed.twice.append(theirs)

    def _part_of(self, name: str) -> tuple[str, str]:
        """Return the beginning of a name that says its part, and the part."""
        for pattern, part in self.parts.items():
            found = re.match(pattern, name)
            if found:
                return found.group(), part
        return "", UNKNOWN

    def inputs_of(self, content: Mapping[str, Any]) -> Inputs | None:
        """Return the inputs of a file; None where that is unknown."""
        return self.inputs(content) if callable(self.inputs) else self.inputs


def find_tensors(content: Mapping[str, Any], at: str) -> dict[str, Tensor]:
    """Return the tensors under a key of a file, or of a file that is nothing but tensors.

    Args:
        at: the key; ``ema.model`` is the entry ``model`` of the entry ``ema``.
    """
    inner: Any = content
    if at:
        keys = [at] if at in content else at.split(".")
        for key in keys:
            inner = inner.get(key) if isinstance(inner, Mapping) else None
    return _tensors(inner) if isinstance(inner, Mapping) else {}


def containers(content: Mapping[str, Any], above: tuple[str, ...] = ()) -> list[str]:
    """Return the keys of a file under which tensors lie, as :func:`find_tensors` takes them."""
    found = []
    for key, inner in content.items():
        if isinstance(key, str) and isinstance(inner, Mapping) and len(above) < DEEPEST:
            found += [".".join((*above, key))] if _tensors(inner) else []
            found += containers(inner, (*above, key))
    return found


def shared_beginning(names: Iterable[str]) -> str:
    """Return what all names begin with before the names of layers: ``model.``, ``net.encoder.``."""
    bare = [name[WRAPPERS.match(name).end() :] for name in names]
    bare, beginning = [name for name in bare if name != "n_averaged"], ""
    while bare:
        first, dot, _ = bare[0].partition(".")
        word = first + dot
        if not dot or LAYERS.match(word) or not all(name.startswith(word) for name in bare):
            break
        beginning, bare = beginning + word, [name.removeprefix(word) for name in bare]
    return beginning


def _tensors(content: Mapping[str, Any]) -> dict[str, Tensor]:
    return {k: v for k, v in content.items() if isinstance(k, str) and isinstance(v, Tensor)}


def is_wrapped_twice(names: Sequence[str]) -> bool:
    """Tell whether every name begins with ``module.`` more than once."""
    return bool(names) and all(name.startswith(WRAPPER * 2) for name in names)
