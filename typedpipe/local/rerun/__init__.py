"""Running again what ran before: resume and spin."""
