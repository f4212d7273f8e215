"""sbi: a flow-matching estimator with its score and its reverse SDE, installed."""
