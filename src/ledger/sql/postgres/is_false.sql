{column} = '0'
