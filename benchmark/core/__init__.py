"""The nouns: plain data and pure functions on the standard library, numpy and scipy."""
