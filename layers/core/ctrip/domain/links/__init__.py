"""Payment links: what anybody may pay who has the link, as often as it allows."""
