{column} <=> {value}
