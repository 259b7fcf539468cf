"""Flamingo's trainer: fine-tunes LoRA adapters with exact resume, samples answers with keyed randomness, measures how
likely given answers are, also words that an answer may begin with, and scores texts as a judge.

A module imports only from lines below its own; the `python imports` check holds that (pyproject.toml). From the top:

    serve.py        the process: takes commands, runs one operation at a time, reports how it ended
    protocol.py     the two pipes and the stop request
    handover.py     rows out to, and adapters in from, a trainer that is not this one
    measure.py      log-probabilities of given answers
    probabilities.py  log-probabilities of words and numbers that an answer may begin with
    score.py        log-probabilities of the numbers or words that a judge answers with

    training/       fine-tuning
        train.py              the training loop, top to bottom
        padded.py             the reference's gradients; unsloth_path.py the same through Unsloth's model
        packed.py             the packed paths: master_weights.py, memory_plan.py what fits, chunked_loss.py
        schedule.py           which rows a step has, at which learning rate; eight_bit.py the literature's optimizer
        saving.py             what is written beside training: checkpoint.py, kept_adapters.py for evaluation
        held_out.py           the loss on other rows; training_log.py

        probe.py              before the first step: are rows what they would be alone, can the model be sampled from

    sampling/       answers to items
        generate.py           which loop samples; probe.py finds which are right for a model
        batches.py            plain batches; batch_noise.py their randomness
        slots.py              the slot sampler: keyed_noise.py, cache_attention.py, triton_attention.py
        distribution.py       what is declared
        answer_passes.py      no answers, but the logits behind a prompt and each short answer that may follow

    models/         the base model and its adapters
        resident.py           keeps one loaded; unsloth_model.py the same for Unsloth's
        loading.py            finds and loads one, with the attention of attention.py; gpu_memory.py what it leaves
        four_bit.py           one in 4 bits, or why this host can not have it
        bundled.py, tiny.py   make small ones
        adapters.py           LoRA adapters on a loaded model, and their files
        card.py               what an adapter's files call its base, and their README.md
        target_modules.py     which of its matrices the declared modules are
        fused.py              its layers as fewer matrix products: row_attention.py, compiling.py
        logits.py             logits at chosen positions, of any model; packed_forward.py the same as log-probabilities
        probe.py              short rows alone, uncached and unpadded: what every path must give

    data/           rows as token ids
        rows.py               a recipe's training rows, by its mask; markers.py the literature's mask
        packing.py            rows behind each other in one sequence
        render.py             messages -> text -> token ids and trained positions
        thinking.py           the thinking and the final part of an answer
        tokens.py             text as token ids, with nothing lost and nothing forged
        answer_tree.py        short answers as token ids, and prompts with what they have in common once
        number_tree.py        numbers as such answers; word_tree.py words

    environment.py  quiet and offline libraries, threads, device, versions
    files.py, failures.py

guard.py is a program of its own, which runs the trainer that handover.py is for. Speed, memory and exactness on a GPU
are measured by bench/gpu, at the repository's root. Nothing here knows of Temporal, of the store or of judging.
"""
