"""Pictures of every page that payers see, in each state, language, size and scheme."""
