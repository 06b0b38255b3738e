"""For testers: captures of what passed on a link, and their replay."""
