"""The grammar of generalised data transformations: from roles of steps to views and loss blocks.

Patrick et al., "On Compositions of Transformations in Contrastive Self-Supervised Learning"
(ICCV 2021; GDT). An item goes through five steps. Data sampling always sets items apart, and
modality and augmentation are always *invariant*: positives are a clip and an audio clip. Two steps
can be chosen: the time shift (two starts) and the time reversal. What differs in an *invariant* step
only is a positive, what differs in a *variant* one a negative, and a step that is *off* makes no view.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product

from slowfast.utils.errors import ConfigError, did_you_mean

OFF, VARIANT, INVARIANT = "off", "variant", "invariant"
# Steps that make views, in the order of their terms, and what each adds to the name of a view.
MARKS = {"reversal": "R", "shift": "2"}
# The others have one role each: no other gives terms that this loss has.
FIXED = {"sampling": VARIANT, "modality": INVARIANT, "augmentation": INVARIANT}
ORDER = ("sampling", "shift", "modality", "reversal", "augmentation")


@dataclass(frozen=True)
class Block:
    """A pair of views with one kind of term, in both directions and from both modalities.

    Attributes:
        kind: ``base`` (its own view is the positive), ``var`` (so too, and the partner's views of
            the same process are negatives), or ``inv`` (the partner's view is the positive).
        view: name of a view.
        partner: the view that differs in one step; None where there is a single view.
        step: that step.
    """

    kind: str
    view: str
    partner: str | None = None
    step: str = ""

    @property
    def name(self) -> str:
        """Such as ``var_shift``, and ``var_shift_R`` for the reversed pair."""
        return "_".join(word for word in (self.kind, self.step, self.view) if word)

    @property
    def weight(self) -> float:
        """Of one of its terms."""
        return 0.5 if self.partner is None else 0.25


@dataclass(frozen=True)
class Hypothesis:
    """The roles of the steps, and what follows.

    Attributes:
        reversal, shift: the roles.
    """

    reversal: str = OFF
    shift: str = OFF

    @property
    def active(self) -> dict[str, str]:
        """The steps that are not off, with their roles."""
        return {step: role for step, role in asdict(self).items() if role != OFF}

    @property
    def name(self) -> str:
        """As published: ``v_reversal_i_shift``, say."""
        words = [f"{role[0]}_{step}" for step, role in self.active.items()]
        return "_".join(words) or "cross_modal_baseline"

    @property
    def views(self) -> tuple[str, ...]:
        """The views that are read and encoded, out of ``''``, ``R``, ``2`` and ``2R``."""
        return tuple(_marked(chosen) for chosen in self._places(list(self.active)))

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks of the loss, of equal weight, in the order of the release.

        ``base`` blocks come first, one for each invariant step; a step's own blocks follow, one for
        each setting of the other steps.
        """
        active = self.active
        if not active:
            return (Block("base", ""),)
        base = [
            Block("base", "", MARKS[step], step)
            for step, role in active.items()
            if role == INVARIANT
        ]
        own = []
        for step, role in active.items():
            for others in self._places([other for other in active if other != step]):
                pair = _marked(others), _marked([*others, step])
                own.append(Block("inv" if role == INVARIANT else "var", *pair, step))
        return (*base, *own)

    @property
    def num_terms(self) -> int:
        """Contrastive terms of one step of training."""
        return sum(2 if block.partner is None else 4 for block in self.blocks)

    def table(self) -> str:
        """Return what is read, encoded and compared, for people."""
        roles = {**FIXED, **asdict(self)}
        lines = [f"Hypothesis {self.name}:"]
        lines += [f"  {step:<13}{roles[step]}" for step in ORDER]
        views = ", ".join(repr(view) for view in self.views)
        lines.append(f"  views ({len(self.views)}): {views}  (R = reversed, 2 = other start)")
        share = 1 / len(self.blocks)
        lines.append(f"  blocks ({len(self.blocks)}, {self.num_terms} terms):")
        for block in self.blocks:
            pair = repr(block.view) + ("" if block.partner is None else f", {block.partner!r}")
            lines.append(f"    {share:.3f} x {block.kind}({pair})  {block.name}")
        return "\n".join(lines)

    @staticmethod
    def _places(steps: Sequence[str]) -> list[list[str]]:
        """Return all settings of some steps as lists of those that are on, the first one fastest."""
        settings = product((False, True), repeat=len(steps))
        return [
            [step for step, on in zip(steps, reversed(setting), strict=True) if on]
            for setting in settings
        ]


def _marked(steps: Sequence[str]) -> str:
    """Return the name of the view in which some steps are on: ``2`` before ``R``."""
    return "".join(mark for step, mark in reversed(MARKS.items()) if step in steps)


HYPOTHESES = (
    Hypothesis(),
    Hypothesis(reversal=VARIANT),
    Hypothesis(reversal=INVARIANT),
    Hypothesis(shift=VARIANT),
    Hypothesis(shift=INVARIANT),
    Hypothesis(VARIANT, VARIANT),
    Hypothesis(INVARIANT, VARIANT),
    Hypothesis(VARIANT, INVARIANT),
    Hypothesis(INVARIANT, INVARIANT),
)


def find_hypothesis(which: int | str | Hypothesis) -> Hypothesis:
    """Return a published hypothesis by its number, from 1, or by its name.

    Raises:
        ConfigError: there is none.
    """
    if isinstance(which, Hypothesis):
        return which
    by_name = {hypothesis.name: hypothesis for hypothesis in HYPOTHESES}
    by_name |= {str(k): hypothesis for k, hypothesis in enumerate(HYPOTHESES, 1)}
    found = by_name.get(str(which).strip().lower())
    if found is None:
        raise ConfigError(
            f"SSL.GDT.HYPOTHESIS {which!r}: choose 1 to 9, or a name. "
            f"{did_you_mean(str(which), by_name)}"
        )
    return found


def parse_steps(steps: Sequence[str]) -> Hypothesis:
    """Return the hypothesis that lines such as ``shift=variant`` describe.

    Steps that are not named are off, but for those whose role is fixed.

    Raises:
        ConfigError: unknown step or role, a step named twice, or a role that a step cannot have.
    """
    roles: dict[str, str] = {}
    for line in steps:
        step, _, role = (word.strip().lower() for word in line.partition("="))
        where = f"SSL.GDT.STEPS {line!r}"
        if step not in ORDER:
            raise ConfigError(f"{where}: unknown step. {did_you_mean(step, ORDER)}")
        if role not in (OFF, VARIANT, INVARIANT):
            raise ConfigError(f"{where}: write {step}=variant, {step}=invariant or {step}=off.")
        if step in roles:
            raise ConfigError(f"{where}: {step} is named twice.")
        if role != FIXED.get(step, role):
            raise ConfigError(
                f"{where}: {step} is always {FIXED[step]}: positives are the frames and the audio "
                "of one item, and no term of the loss is of another kind."
            )
        roles[step] = role
    return Hypothesis(**{step: roles.get(step, OFF) for step in MARKS})


def remote_views(blocks: Sequence[Block], grow: bool) -> list[tuple[str, ...]]:
    """Return, for each block, the views whose rows on other processes are negatives.

    Those of the view and its partner. The release extends its lists of them in place, so that later
    blocks also meet the views of earlier ones, some twice (``grow``).
    """
    known: dict[str, list[str]] = {}
    found = []
    for block in blocks:
        host, guest = block.view, block.partner
        if guest is None:
            found.append((host,))
            continue
        if block.kind == "inv":
            host, guest = guest, host
        if grow:
            known.setdefault(host, [host]).extend(known.setdefault(guest, [guest]))
            found.append(tuple(known[host]))
        else:
            found.append((host, guest))
    return found
