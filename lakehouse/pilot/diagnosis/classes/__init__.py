"""Findings where labels are classes."""
