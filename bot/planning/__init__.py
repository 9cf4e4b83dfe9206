"""What a repair by language models costs and is worth: tiers, complexity, order of attempts, budgets."""
