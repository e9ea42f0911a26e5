{column} >= ''
