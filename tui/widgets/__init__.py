"""Hand-drawn widgets: each repaints only the rows whose content changed."""
