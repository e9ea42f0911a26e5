CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {relation} ({on}){where}
