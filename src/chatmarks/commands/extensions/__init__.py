"""Commands that no document has but ours, `docs/extensions.md`: what is here is behind `/x/1/`."""
