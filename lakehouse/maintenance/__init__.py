"""Maintenance of versions: grade them by measured indicators, compare them side by side, archive, downgrade and retire them."""
