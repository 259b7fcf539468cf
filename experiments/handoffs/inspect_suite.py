"""A finished model through the UK AI Security Institute's inspect_ai. docs/handoffs.md explains it.

    python inspect_suite.py [--provider vllm] TASK… SETTINGS

`python` is that of an environment with inspect-ai and vllm (or, with --provider hf, transformers and peft). A task is a
file of tasks, such as suite.py or suite.py@arithmetic, or one of an installed package, such as
inspect_evals/gpqa_diamond.
"""

import argparse
import json
import signal
import sys
from pathlib import Path

arguments = argparse.ArgumentParser()
arguments.add_argument("--provider", choices=["vllm", "hf"], default="vllm")
arguments.add_argument("tasks", nargs="+")
arguments.add_argument("settings")
chosen = arguments.parse_args()
settings = json.loads(Path(chosen.settings).read_text())
if settings["merged"]:
    print("the adapter belongs on a base with others merged into it, which this script does not make", file=sys.stderr)
    sys.exit(78)  # no retry changes it

from inspect_ai import eval_set  # noqa: E402
from inspect_ai.model import GenerateConfig, get_model  # noqa: E402

signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))  # stopped on request, to be continued

base, adapter, prompt, sampling = (settings[name] for name in ("model", "adapter", "system_prompt", "sampling"))

config = GenerateConfig(system_message=prompt["text"] if prompt["kind"] == "text" else None)
if sampling:  # `each: configuration` hands it over; otherwise the tasks' own
    config.temperature, config.top_p = sampling["temperature"], sampling["topP"]
    config.max_tokens, config.seed = sampling["maxNewTokens"], sampling["seed"]
if chosen.provider == "vllm":
    model = get_model(f"vllm/{base}:{adapter}" if adapter else f"vllm/{base}", config=config)
else:
    # transformers finds the base by the adapter's own settings
    model = get_model("hf/local", config=config, model_path=adapter or base, tokenizer_path=base)

# Finished tasks are in the log folder: an attempt after a kill goes on with the others.
success, logs = eval_set(
    chosen.tasks,
    log_dir=str(Path(settings["work"], "logs")),
    model=model,
    limit=5 if settings["smoke"] else None,
    display="plain",
)
if not success:
    sys.exit(1)

scores = {}
for log in logs:
    for score in log.results.scores:
        stderr = next((each.value for name, each in score.metrics.items() if name == "stderr"), None)
        for name, each in score.metrics.items():
            if name == "stderr":
                continue
            value = {"value": each.value, "n": score.scored_samples or log.results.completed_samples}
            if stderr is not None and name in ("accuracy", "mean"):
                value["stderr"] = stderr
            scores[f"{log.eval.task} {score.name} {name}"] = value
Path(settings["gives"]).write_text(json.dumps(scores, allow_nan=False))
