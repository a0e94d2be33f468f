"""Text: what rules and words of languages say of it, shared by reserve and production. Which rows stay is decided elsewhere."""
