"""chatmarks: conversation groups and marks of the Tencent Cloud Chat server API, self-hosted."""
