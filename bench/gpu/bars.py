"""From what was measured to rows with bars, and the table. Pure functions of the results.

A row is {name, value, unit, bar, ok, note}, as in bench/rows.ts; a value that could not be had is null, and `note` says
why. A bar whose figure is missing counts as missed.
"""

from typing import Any

# The study: 4 fine-tunes of 2 epochs over 6,344 rows in steps of 32, then 6,400 answers of about 250 tokens.
FINE_TUNES, STEPS, ANSWERS, ANSWER_TOKENS = 4, 2 * (6344 // 32), 6400, 250
# Floating-point operations of a trained token, forward and backward through frozen weights: 4 per matmul parameter.
TRAINING_FLOPS = {"14b": 4 * 13.99e9}
SIGNS = {"at least": ">=", "at most": "<=", "below": "<", "exactly": "="}

Results = dict[str, dict[str, Any]]
Row = dict[str, Any]


def rows_of(sections: Results, shape: str) -> list[Row]:
    made: list[Row] = []

    def figure(section: str, key: str) -> float | None:
        value = sections.get(section, {}).get(key)
        return float(value) if isinstance(value, int | float) else None

    def add(name: str, value: float | None, unit: str, bar: tuple[str, float] | None = None, note: str = "") -> None:
        if value is None and not note:
            return
        ok = None if bar is None else value is not None and meets(value, *bar)
        shown = None if bar is None else {"is": bar[0], "value": bar[1]}
        made.append({"name": name, "value": value, "unit": unit, "bar": shown, "ok": ok, "note": note})

    def measured(section: str, key: str, name: str, unit: str, bar: tuple[str, float] | None = None) -> None:
        if section in sections:
            value = figure(section, key)
            add(name, value, unit, bar, why_missing(sections[section]) if value is None else remark(sections[section]))

    def ratio(name: str, mine: str, theirs: str, bar: float) -> None:
        over, under = figure(mine, "tokensPerSecond"), figure(theirs, "tokensPerSecond")
        if over is not None and under:
            add(name, round(over / under, 2), "x", ("at least", bar))
        elif mine in sections and theirs in sections:
            add(name, None, "x", ("at least", bar), f"{theirs}: {why_missing(sections[theirs])}")

    measured("training", "tokensPerSecond", "training", "tokens/s", ("at least", 9000))
    measured("training", "peakGB", "training, most memory", "GB", ("below", 76))
    rate, speed = figure("rates", "matmulTflops"), figure("training", "tokensPerSecond")
    if rate and speed and shape in TRAINING_FLOPS:
        share = speed * TRAINING_FLOPS[shape] / (rate * 1e12)
        add("training, share of the limit", round(share, 3), "", None, f"of {rate} TFLOP/s measured, no recomputing")
    measured("training", "firstStepSeconds", "first step of a new process", "s")
    measured("unslothLiterature", "tokensPerSecond", "Unsloth, the literature's configuration", "tokens/s")
    ratio("training against the literature's configuration", "training", "unslothLiterature", 15)
    measured("unslothBest", "tokensPerSecond", "Unsloth at its best setting", "tokens/s")
    ratio("training against Unsloth's best", "training", "unslothBest", 1.5)
    measured("trainerLiterature", "tokensPerSecond", "Trainer + PEFT, the literature's micro-batches", "tokens/s")
    measured("trainerBest", "tokensPerSecond", "Trainer + PEFT, best micro-batch", "tokens/s")

    measured("sampling", "tokensPerSecond", "sampling, adapter on, prompts included", "tokens/s", ("at least", 8000))
    measured("sampling", "firstRunSeconds", "first sampling of a new process", "s")
    measured("logProbability", "tokensPerSecond", "log-probabilities of given answers, adapter on", "tokens/s")
    measured("generateEager", "tokensPerSecond", "generate, eager", "tokens/s")
    measured("generateStatic", "tokensPerSecond", "generate, static cache, compiled", "tokens/s")
    ratio("sampling against the static cache", "sampling", "generateStatic", 2)

    measured("switch", "toAnswersSeconds", "last step to answers, adapter written", "s", ("below", 2))
    measured("switch", "toStepSeconds", "last answer to the next fine-tune's first step", "s", ("below", 2))
    before, after = figure("switch", "memoryBeforeGB"), figure("switch", "memoryAfterGB")
    if before is not None and after is not None:
        add("memory that stays after a configuration", round(after - before, 2), "GB", ("below", 0.5))

    if "preemption" in sections:
        found = sections["preemption"]
        identical = found.get("identical")
        value = None if identical is None else float(identical)
        note = why_missing(found) if value is None else ""
        add("stopped and resumed: same bits (1 = yes)", value, "", ("exactly", 1), note)
        measured("preemption", "stopToExitSeconds", "stop to exit, checkpoint written", "s", ("at most", 30))
        measured("preemption", "secondsFromResumeToStep", "resume to its first step", "s")
        measured("preemption", "writeSecondsPerSave", "a checkpoint written beside training", "s")
        stall, interval = figure("preemption", "stallSecondsPerSave"), figure("preemption", "intervalSeconds")
        if stall is not None and interval:
            # the next begins before the interval is over
            apart = figure("preemption", "secondsBetweenSaves") or interval
            add("training stands still for checkpoints", round(100 * stall / apart, 3), "%", ("below", 1))
            note = "one interval: by its end the next checkpoint is whole"
            add("most work lost to SIGKILL", interval, "s", None, note)

    if "checkpointUpload" in sections:
        found = sections["checkpointUpload"]
        taken, size = found.get("uploadSeconds"), figure("checkpointUpload", "checkpointBytes")
        if taken and size:
            add(f"{size / 1e9:.2f} GB uploaded over 1 Gbit/s", round(sum(taken) / len(taken), 1), "s")
        measured("checkpointUpload", "secondsBetweenSaves", "between two uploaded checkpoints", "s")
        measured("checkpointUpload", "savingSecondsPerSave", "training loses while one is written", "s")
        measured("checkpointUpload", "uploadingSecondsPerSave", "training loses while one is uploaded", "s")
        measured("checkpointUpload", "lostPercent", "training loses to saving and uploading", "%", ("below", 1))

    parts = projection(sections)
    if parts is not None:
        minutes = round(sum(parts.values()) / 60, 1)
        note = "computed from: " + ", ".join(f"{name} {seconds / 60:.1f}" for name, seconds in parts.items())
        add(
            "the whole study, minutes of one GPU", minutes, "min", ("at most", 25), note + "; without loading the model"
        )
    shortened(sections, add)
    return made


def projection(sections: Results) -> dict[str, float] | None:
    """Seconds of the whole study by part, from measured parts; None where one of them is missing."""
    training, sampling, switch = (sections.get(name, {}) for name in ("training", "sampling", "switch"))
    try:
        return {
            "training": FINE_TUNES * STEPS * training["stepSeconds"],
            "sampling": ANSWERS * ANSWER_TOKENS / sampling["tokensPerSecond"],
            "switching": FINE_TUNES * (switch["toAnswersSeconds"] + switch["toStepSeconds"]),
            "compiling": training["firstStepSeconds"] + sampling["firstRunSeconds"],
        }
    except KeyError:
        return None


def shortened(sections: Results, add: Any) -> None:
    """The shortened real run: how long it took, against what the same parts say of it."""
    run, training, sampling, switch = (sections.get(name, {}) for name in ("study", "training", "sampling", "switch"))
    if "seconds" not in run:
        if run:
            add("shortened real run", None, "s", None, why_missing(run))
        return
    size = f"{run['configurations']} x ({run['steps']} steps, {run['answers']} answers)"
    add(f"shortened real run: {size}", run["seconds"], "s", None, "one process, from the first step to the last answer")
    try:
        between = switch["toAnswersSeconds"] + switch["toStepSeconds"]
        expected = (
            run["configurations"] * (run["steps"] * training["stepSeconds"] + between)
            + run["answerTokens"] / sampling["tokensPerSecond"]
        )
    except KeyError:
        return
    add("the same, computed from the parts", round(expected, 1), "s")


def meets(value: float, kind: str, limit: float) -> bool:
    return {
        "at least": value >= limit,
        "at most": value <= limit,
        "below": value < limit,
        "exactly": value == limit,
    }[kind]


def why_missing(section: dict[str, Any]) -> str:
    return str(section.get("skipped") or section.get("failed") or "not measured here")


def remark(section: dict[str, Any]) -> str:
    return str(section["setting"]) if "setting" in section else ""


def table(results: dict[str, Any]) -> str:
    """The machine, the versions and the rows, for a terminal."""
    head = [f"{results['device']}, shape {results['shape']}, {results['at']}"]
    if results["meaningless"]:
        head.append("--tiny: this runs the code, its figures mean nothing")
    head.append(", ".join(f"{name} {version}" for name, version in results["versions"].items()))
    lines = [["", "value", "bar", "met", ""]]
    for row in results["rows"]:
        bar = f"{SIGNS[row['bar']['is']]} {row['bar']['value']:,}" if row["bar"] else ""
        value = "-" if row["value"] is None else f"{row['value']:,} {row['unit']}".rstrip()
        lines.append([row["name"], value, bar, {None: "", True: "yes", False: "NO"}[row["ok"]], row["note"]])
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    body = ["  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[4]]).rstrip()
            for line in lines]  # fmt: skip
    return "\n".join([*head, "", *body])
