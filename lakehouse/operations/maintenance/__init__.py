"""Maintenance of versions: grade, compare, downgrade, retire, archive, tiers. Making versions is `operations/line.py`'s."""
