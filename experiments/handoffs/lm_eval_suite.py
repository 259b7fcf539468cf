"""A finished model through EleutherAI's lm-evaluation-harness. docs/handoffs.md explains it.

    python lm_eval_suite.py --tasks mmlu,truthfulqa_mc2 [--include FOLDER] [--online] SETTINGS

`python` is that of an environment with lm_eval and peft. Tasks whose data lies on the hub need --online; a task file in
FOLDER (relative to the working folder) with local data does not.
"""

import argparse
import json
import os
import signal
import sys
from pathlib import Path

arguments = argparse.ArgumentParser()
arguments.add_argument("--tasks", required=True)
arguments.add_argument("--include")
arguments.add_argument("--online", action="store_true")
arguments.add_argument("--batch-size", default="auto")
arguments.add_argument("settings")
chosen = arguments.parse_args()
settings = json.loads(Path(chosen.settings).read_text())
if settings["merged"]:
    print("the adapter belongs on a base with others merged into it, which this script does not make", file=sys.stderr)
    sys.exit(78)  # no retry changes it
if chosen.online:
    os.environ["HF_HUB_OFFLINE"] = "0"  # before the libraries read it

import lm_eval  # noqa: E402
import torch  # noqa: E402

signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))  # stopped on request, to be continued

prompt = settings["system_prompt"]
found = lm_eval.simple_evaluate(
    model="hf",
    model_args={
        "pretrained": settings["model"],
        "dtype": "bfloat16" if torch.cuda.is_available() else "float32",
        **({"peft": settings["adapter"]} if settings["adapter"] else {}),
    },
    tasks=chosen.tasks.split(","),
    task_manager=lm_eval.tasks.TaskManager(include_path=chosen.include),
    batch_size=chosen.batch_size if torch.cuda.is_available() else 1,
    device="cuda" if torch.cuda.is_available() else "cpu",
    apply_chat_template=True,
    system_instruction=prompt["text"] if prompt["kind"] == "text" else None,
    use_cache=str(Path(settings["work"], "answers")),  # an attempt after a kill asks for nothing twice
    limit=5 if settings["smoke"] else None,
)

scores = {}
for task, values in found["results"].items():
    for name, value in values.items():
        metric, _, kind = name.partition(",")
        # names are METRIC,FILTER; what has no filter is not a metric
        if not kind or not isinstance(value, (int, float)) or metric.endswith("_stderr"):
            continue
        stderr = values.get(f"{metric}_stderr,{kind}")
        samples = found["n-samples"].get(task, {}).get("effective")
        score = {"value": value, "n": samples}
        if isinstance(stderr, (int, float)):
            score["stderr"] = stderr
        scores[f"{task} {metric}" + ("" if kind == "none" else f" ({kind})")] = score
Path(settings["gives"]).write_text(json.dumps(scores, allow_nan=False))
