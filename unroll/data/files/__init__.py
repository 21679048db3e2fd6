"""Reading files: containers by content, lines, and tables of every form as rows; no torch is loaded here."""
