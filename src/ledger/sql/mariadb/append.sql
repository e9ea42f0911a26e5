concat(coalesce({column}, ''), {value})
