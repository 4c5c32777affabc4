"""DynamoDB through PynamoDB: tables, keys, conditional writes, and the one transaction per decision."""
