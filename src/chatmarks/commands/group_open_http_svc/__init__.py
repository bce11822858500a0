"""`/v4/group_open_http_svc/…`: the chat groups that conversations point at."""
