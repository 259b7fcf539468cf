"""Rows as token ids: what a prompt is, which tokens are trained, and rows packed into one sequence."""
