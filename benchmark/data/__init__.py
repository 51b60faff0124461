"""Floor 1: tasks and their rows, from the hub, local files or the built-in grammar; tokens; batches."""
