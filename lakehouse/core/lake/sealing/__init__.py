"""Encryption at rest: sealed streams, the keys that open them, sealed data files. When keys are made or destroyed is `core/storage`'s."""
