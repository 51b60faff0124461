"""Floor 3: the questions that a trained method answers (`recipe`), the baseline's answers, and the one loop."""
