"""The verbs: thin, a file for each family of them. What they do is done by the rooms below; see docs/commands.md."""
