"""Releases: bundle, card, DVC, git tag, Hugging Face Hub. Evaluating a version is `pilot`'s."""
