"""The commands: each parses, calls, prints, and imports what it needs when it is called. No logic of their own."""
