{column} IS {value}
