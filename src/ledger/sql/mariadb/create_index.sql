CREATE INDEX IF NOT EXISTS {name} ON {relation} ({on}){where}
