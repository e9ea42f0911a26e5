floor(extract(epoch FROM statement_timestamp() + {plus} * interval '1 microsecond') * 1000)::bigint
