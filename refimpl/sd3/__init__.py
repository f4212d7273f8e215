"""Floor 3: the SD3.5 run: diffusers, peft and accelerate round the proved equations.

architectures, pipelines, tokenizers   the networks, loaded or at random
text, images, policy                   prompts in, images out, the velocity in between
config, settings, presets              one tree of settings
noise, rollout, update, ema            an iteration
engine, train, evaluate, run           processes, the loop, the artefact
adapters, card, recording, trackers    what a run leaves behind
rewards, prompts                       what is rewarded, and for what
"""
