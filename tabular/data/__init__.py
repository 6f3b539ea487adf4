"""Tables: reading and cleaning them, keeping their versions, and making synthetic ones."""
