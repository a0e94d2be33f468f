"""Findings where labels are tags of tokens."""
