"""`/v4/recentcontact/…`: conversation groups and conversation marks."""
