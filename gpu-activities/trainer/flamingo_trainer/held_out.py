"""The loss on rows that are not trained on, after each epoch: whether the fine-tune learns or only remembers.

Takes no part in training: no gradient, no random draw, no choice depends on it. What it finds goes into the log entry
of the epoch's last step, so a checkpoint carries it and a resume does not compute it again.
"""

import math
import sys
from typing import Any

from .failures import Failure
from .models import Loaded
from .render import EncodedRow, read_json_lines
from .rows import encoder_of

NAME = "heldOutLoss"


class HeldOut:
    """`rows` may be empty: then nothing is computed, and the log has no such entry.

    `steps` are the row numbers, from 0, of every optimizer step.
    """

    def __init__(self, rows: list[EncodedRow], steps: list[list[int]], steps_in_epoch: int):
        self.rows = rows
        self._steps, self._steps_in_epoch = steps, steps_in_epoch

    def ends_epoch(self, step: int) -> bool:
        return step > 0 and step % self._steps_in_epoch == 0

    def lacks(self, state: Any) -> bool:
        """Whether the loss after this step is due and not in the log yet."""
        return bool(self.rows) and self.ends_epoch(state.step) and NAME not in state.log[-1]

    def follow(self, state: Any, path: Any, report: Any) -> bool:
        """After an epoch's last step: adds the loss to its log entry, unless it is there. Returns whether it was due.

        Gives up when asked to stop, unless training is at its end; the resume does it then. Raises `Failure` `nan`,
        which is how weights that the very last step ruined are found.
        """
        if not self.lacks(state):
            return False
        epoch, trained = state.step // self._steps_in_epoch, sum(row.trained for row in self.rows)
        report.loading("heldOut", f"loss on {len(self.rows)} held-out rows after epoch {epoch}")
        total = 0.0
        for loss in path.losses(self.rows):
            if report.stop_requested and state.step < len(self._steps):
                return True
            total += loss
        if not math.isfinite(total):
            numbers = ", ".join(str(number + 1) for number in self._steps[state.step - 1])
            raise Failure("nan", f"step {state.step}: afterwards the held-out loss is {total}; rows {numbers}")
        state.log[-1][NAME] = total / trained
        return True


def held_out_rows(loaded: Loaded, path: str | None, recipe: dict[str, Any], longest: int) -> list[EncodedRow]:
    """The rows of a held-out file that training could have had: those of at most `longest` tokens that can be encoded.

    A longer one might not fit into memory beside the optimizer's state. Says on stderr how many are left out.
    """
    if path is None:
        return []
    rows, faults, encode = [], [], encoder_of(recipe)
    for number, value in enumerate(read_json_lines(path), 1):
        try:
            row = encode(
                loaded.tokenizer, loaded.stops, number, value["messages"], recipe["systemPrompt"], recipe["maxLength"]
            )
        except Failure as failure:
            faults.append(str(failure))
            continue
        if len(row.ids) <= longest:
            rows.append(row)
        else:
            faults.append(f"row {number}: {len(row.ids)} tokens, and no training row has more than {longest}")
    if faults:
        print(f"held-out rows left out: {len(faults)}, the first: {faults[0]}", file=sys.stderr, flush=True)
    return rows
