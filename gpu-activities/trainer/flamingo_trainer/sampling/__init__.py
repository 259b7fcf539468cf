"""Answers to items: two loops, the distribution that they draw from, and their keyed randomness."""
