"""A capability suite of one's own, whole: what docs/handoffs.md explains. Questions with a few answers to choose from.

    python accuracy.py QUESTIONS SETTINGS

QUESTIONS: JSON Lines of {"question": …, "answers": […], "right": INDEX}. A question counts as right where the model
finds the right answer the likeliest, by its mean log-probability per token. Says also the perplexity of the right
answers.
"""

import json
import math
import signal
import sys
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))  # stopped on request, to be continued

questions = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
settings = json.loads(Path(sys.argv[2]).read_text())
if settings["smoke"]:
    questions = questions[:2]
device = "cuda" if torch.cuda.is_available() else "cpu"

tokenizer = AutoTokenizer.from_pretrained(settings["model"])
model = AutoModelForCausalLM.from_pretrained(settings["model"], dtype=torch.float32).to(device).eval()
for folder in settings["merged"]:  # what the fine-tune started from, where its file says `adapter: merge`
    model = PeftModel.from_pretrained(model, folder).merge_and_unload()
if settings["adapter"]:
    model = PeftModel.from_pretrained(model, settings["adapter"]).eval()

# The prompt of the training, where it was one of words; otherwise what the model's template has by itself.
prompt = settings["system_prompt"]
system = [{"role": "system", "content": prompt["text"]}] if prompt["kind"] == "text" else []


@torch.inference_mode()
def log_probability(question, answer):
    """Of the answer's tokens behind the question: their sum and their number."""
    turns = [*system, {"role": "user", "content": question}]
    before = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    start = tokenizer(before, add_special_tokens=False).input_ids
    end = tokenizer(answer, add_special_tokens=False).input_ids
    logits = model(torch.tensor([start + end], device=device)).logits[0, len(start) - 1 : -1].float()
    return logits.log_softmax(-1).gather(1, torch.tensor(end, device=device)[:, None]).sum().item(), len(end)


# What is done is kept, so that an attempt after a kill goes on from it.
kept = Path(settings["work"], "done.jsonl")
lines = kept.read_text().splitlines(keepends=True) if kept.exists() else []
done = [json.loads(line) for line in lines if line.endswith("\n")]
with open(kept, "w") as file:
    file.writelines(json.dumps(each) + "\n" for each in done)
    for number, each in enumerate(questions[len(done) :], start=len(done) + 1):
        found = [log_probability(each["question"], answer) for answer in each["answers"]]
        means = [total / count for total, count in found]
        done.append({"right": means.index(max(means)) == each["right"], "sum": found[each["right"]]})
        file.write(json.dumps(done[-1]) + "\n")
        file.flush()
        print(json.dumps({"step": number, "of": len(questions), "checkpoint": True}), flush=True)

n = len(done)
share = sum(each["right"] for each in done) / n
tokens = sum(each["sum"][1] for each in done)
scores = {
    "accuracy": {"value": share, "stderr": math.sqrt(share * (1 - share) / (n - 1)) if n > 1 else None, "n": n},
    "perplexity": {"value": math.exp(-sum(each["sum"][0] for each in done) / tokens), "n": n},
}
Path(settings["gives"]).write_text(json.dumps(scores))
