SELECT e.enumlabel FROM pg_catalog.pg_enum AS e WHERE e.enumtypid = pg_catalog.to_regtype({type}) ORDER BY e.enumsortorder
