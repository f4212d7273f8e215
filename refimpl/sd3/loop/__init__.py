"""An iteration: prompts, noise, rollouts, scores, updates, the average, what is watched."""
