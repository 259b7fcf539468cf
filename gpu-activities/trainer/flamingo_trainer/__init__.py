"""Flamingo's trainer: fine-tunes LoRA adapters with exact resume, samples answers with keyed randomness, and measures
how likely given answers are.

Read the modules in this order:

    serve.py        the process: takes commands, runs one operation at a time, reports how it ended
    protocol.py     the two pipes and the stop request
    render.py       messages -> text -> token ids and trained positions; markers.py the literature's mask, rows.py which
    train.py        the training loop, top to bottom, and the padded reference; held_out.py the loss on other rows
    packed.py       the packed paths: packing.py rows in one sequence, plan.py what fits, master.py fp32 weights,
                    fused.py the layers, compiling.py
    eight_bit.py    the literature's optimizer
    checkpoint.py   verified checkpoints; kept.py adapters along training, for evaluation; saving.py
                    writes both beside training
    sample.py       plain batches, and which loop samples; noise.py their randomness, distribution.py what is declared
    slots.py        the slot sampler; keyed.py its randomness, cache_attention.py and triton_attention.py
    measure.py      log-probabilities of given answers
    bench/          speed, memory and exactness on a GPU
    adapters.py     LoRA adapters on a loaded base model, and their files
    models.py       the loaded base model
    handover.py     rows out to and adapters in from a trainer that is not this one; guard.py runs it
    bundled.py      makes the small real model; tiny.py makes a random one for tests
    environment.py  quiet and offline libraries, threads, device, versions
    files.py, failures.py

Nothing here knows of Temporal, of the store or of judging.
"""
