coalesce({column}, '') || {value}
