-- The uptime is in whole seconds: rather a second too early than after something that came behind the start.
SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) - (CAST(VARIABLE_VALUE AS SIGNED) + 1) * 1000000
FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'UPTIME'
