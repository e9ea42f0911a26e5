UNHEX(REPLACE(UUID(), '-', ''))
