"""Repeated execution of earlier runs: resume and spin."""
