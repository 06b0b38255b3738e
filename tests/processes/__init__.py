"""Stations, clients and simulated pens as processes of their own, ended in every way a process can end."""
