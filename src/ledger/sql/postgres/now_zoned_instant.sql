(statement_timestamp() + {plus} * interval '1 microsecond')
