"""The commands under `/v4/openim/`: messages between two accounts."""
