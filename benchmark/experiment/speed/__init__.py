"""How fast training is here: steps of this project's loop beside those of Hugging Face's Trainer, and the floor."""
