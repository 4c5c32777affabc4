"""Where the admin API begins."""

ROOT = "/admin/api"
