"""Fine-tuning: the loop, the paths that make gradients, and everything that it leaves on disk."""
