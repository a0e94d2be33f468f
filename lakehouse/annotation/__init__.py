"""Annotation: where people and models label rows. Nothing is here yet; what labels mean for rows is in `core/labels`."""
