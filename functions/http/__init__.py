"""What every route shares: describing, authorising, reading and answering; it knows no resource."""
