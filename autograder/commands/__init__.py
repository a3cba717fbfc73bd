"""The commands, by who types them: those who learn, those who teach, those who write the course."""
