{column} = 0
