"""The feed of an app: what happens to its accounts, told to who asks and to who is to be told."""
