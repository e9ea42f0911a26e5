-- What differs in a byte is another state.
SELECT {state}, count(*) FROM {relation} GROUP BY CAST({state} AS BINARY)
