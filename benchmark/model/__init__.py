"""Floor 2: encoders at a pinned revision, heads, parameter groups by depth."""
