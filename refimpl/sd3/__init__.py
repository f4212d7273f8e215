"""Floor 5: the SD3.5 run: diffusers, peft and accelerate round the proved equations.

No formula of its own. One stack; each folder imports only those below it.

bench       what one GPU call measures
shapes      the miniature: captioned shapes, pre-trained and tuned with the same trainer
run         plan, session, evaluation, records, export
loop        an iteration: rollouts, rewards, updates
engine      processes, shards, memory
settings    one tree of settings
rewards     what an image is worth        model       networks, texts, images, the policy
"""
