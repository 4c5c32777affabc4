"""The dashboard: pages for the people who operate a stage, over the services and permissions of the admin API."""
