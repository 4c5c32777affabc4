"""The pages that people open: templates, style and script, and what fills them."""
