"""Findings where labels are numbers."""
