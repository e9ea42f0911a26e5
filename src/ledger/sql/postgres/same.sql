{column} IS NOT DISTINCT FROM {value}
