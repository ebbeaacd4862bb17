"""Pictures of a pipeline: a tree for the terminal, mermaid, SVG."""
