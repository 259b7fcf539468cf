"""The loss on rows that are not trained on, after each epoch and at the end.

Says whether the fine-tune learns or only remembers.

Takes no part in training: no gradient, no random draw, no choice depends on it. What it finds goes into the log entry
of the epoch's last step, with the SHA-256 of the rows' file: so a checkpoint carries it, a resume does not compute it
again, and one that watches other rows does not take it for its own.
"""

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.render import EncodedRow, TooLong, messages_in, read_json_lines
from ..data.rows import encoder_of
from ..failures import Failure
from ..files import sha256_of
from ..models.loading import Loaded, check_known
from .training_log import HELD_OUT

LOSS, ROWS = HELD_OUT


class HeldOut:
    """`watched` may have no rows: then nothing is computed, and the log has no such entry.

    `steps` are the row numbers, from 0, of every optimizer step.
    """

    def __init__(self, watched: "Watched", steps: list[list[int]], steps_in_epoch: int):
        self.rows, self._sha256 = watched.rows, watched.sha256
        self._steps, self._steps_in_epoch = steps, steps_in_epoch

    def ends_epoch(self, step: int) -> bool:
        """Whether it is an epoch's last step, or the training's."""
        return step > 0 and (step % self._steps_in_epoch == 0 or step == len(self._steps))

    def lacks(self, state: Any) -> bool:
        """Whether the loss after this step is due and not in the log yet."""
        return bool(self.rows) and self.ends_epoch(state.step) and state.log[-1].get(ROWS) != self._sha256

    def follow(self, state: Any, path: Any, report: Any) -> bool:
        """After an epoch's last step: adds the loss to its log entry, unless it is there. Returns whether it was due.

        Gives up when asked to stop, unless training is at its end; the resume does it then. Raises `Failure` `nan`,
        which is how weights that the very last step ruined are found.
        """
        if not self.lacks(state):
            return False
        epoch, trained = -(-state.step // self._steps_in_epoch), sum(row.trained for row in self.rows)
        report.loading("heldOut", f"loss on {len(self.rows)} held-out rows after epoch {epoch}")
        total = 0.0
        for loss in path.losses(self.rows):
            if report.stop_requested and state.step < len(self._steps):
                return True
            total += loss
        if not math.isfinite(total):
            numbers = ", ".join(str(number + 1) for number in self._steps[state.step - 1])
            raise Failure("nan", f"step {state.step}: afterwards the held-out loss is {total}; rows {numbers}")
        state.log[-1] |= {LOSS: total / trained, ROWS: self._sha256}
        return True


@dataclass
class Watched:
    """Held-out rows, and the SHA-256 of the file that they are of; None = nothing is held out."""

    rows: list[EncodedRow]
    sha256: str | None = None

    def losses(self, log: list[dict[str, Any]], steps_in_epoch: int, total: int) -> Iterator[dict[str, Any]]:
        """`{step, loss}` at the end of each epoch and after the last of `total` steps, in nats per trained token.

        The loss is None where the step was made by a run of the same recipe that did not watch these rows.
        """
        for entry in log:
            if entry["step"] % steps_in_epoch == 0 or entry["step"] == total:
                yield {"step": entry["step"], "loss": entry[LOSS] if entry.get(ROWS) == self.sha256 else None}


def watched_rows(loaded: Loaded, path: str | None, recipe: dict[str, Any], longest: int) -> Watched:
    """The rows of a held-out file that training could have had: those of at most `longest` tokens.

    A longer one might not fit into memory beside the optimizer's state. Says on stderr how many are left out. Whatever
    else is wrong with a row is a `Failure` that names it, as of a training row: a mean over the rows that happen to be
    good would hide a tokenizer that loses text.
    """
    if path is None:
        return Watched([])
    rows, faults, encode = [], [], encoder_of(recipe)
    for number, value in enumerate(read_json_lines(path), 1):
        try:
            row = encode(
                loaded.tokenizer,
                loaded.stops,
                number,
                messages_in(value, number),
                recipe["systemPrompt"],
                recipe["maxLength"],
            )
        except TooLong as failure:
            faults.append(str(failure))
            continue
        except Failure as failure:
            raise Failure(failure.kind, f"held-out {failure}") from failure
        check_known(loaded, row.ids, f"held-out row {number}")
        if len(row.ids) <= longest:
            rows.append(row)
        else:
            faults.append(f"row {number}: {len(row.ids)} tokens, and no training row has more than {longest}")
    if faults:
        print(f"held-out rows left out: {len(faults)}, the first: {faults[0]}", file=sys.stderr, flush=True)
    return Watched(rows, sha256_of(Path(path)))
