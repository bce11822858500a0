"""`/v4/im_open_login_svc/…`: the accounts of an app."""
